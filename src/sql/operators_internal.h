// SPDX-License-Identifier: Apache-2.0
// What the parser and the unparser must agree on: how tightly operators bind, and which reserved words are functions.
#pragma once

#include <algorithm>
#include <string_view>

namespace firn::sql {

/// Loosest first, as Calcite ranks them. A left operand of the same level needs no parentheses, a right one does, but for LIKE and SIMILAR TO.
inline constexpr int kOr = 1;
inline constexpr int kAnd = 2;
inline constexpr int kNot = 3;
inline constexpr int kIsTest = 4;         // a = b IS NULL is (a = b) IS NULL
inline constexpr int kComparison = 5;  // also IS DISTINCT FROM, OVERLAPS
inline constexpr int kRange = 6;       // IN, BETWEEN, LIKE, SIMILAR TO: a = b IN (c) is a = (b IN (c))
inline constexpr int kAdditive = 7;
inline constexpr int kMultiplicative = 8;  // also ||
inline constexpr int kSign = 9;
inline constexpr int kPostfix = 10;    // and what is tighter than all operators

/// 0: not a binary operator. Words in upper case.
inline int LevelOfBinary(std::string_view op) {
  if (op == "OR") return kOr;
  if (op == "AND") return kAnd;
  if (op == "=" || op == "<>" || op == "<" || op == "<=" || op == ">" || op == ">=") return kComparison;
  if (op == "+" || op == "-") return kAdditive;
  if (op == "*" || op == "/" || op == "%" || op == "||") return kMultiplicative;
  return 0;
}

/// Reserved words that are functions when a parenthesis follows.
inline bool IsReservedFunction(std::string_view upper) {
  static constexpr std::string_view kNames[] = {"LEFT", "RIGHT", "ROW", "GROUPING", "EXTRACT", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP"};
  return std::find(std::begin(kNames), std::end(kNames), upper) != std::end(kNames);
}

}  // namespace firn::sql
