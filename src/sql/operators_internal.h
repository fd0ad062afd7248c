// SPDX-License-Identifier: Apache-2.0
// What the parser and the unparser must agree on: how tightly operators bind, and which reserved words are functions.
#pragma once

#include <algorithm>
#include <string_view>

namespace firn::sql {

/// Loosest first. A left operand of the same level needs no parentheses, a right one does.
inline constexpr int kOr = 1;
inline constexpr int kAnd = 2;
inline constexpr int kNot = 3;
inline constexpr int kComparison = 4;  // also IS, IN, BETWEEN, LIKE, OVERLAPS
inline constexpr int kAdditive = 5;
inline constexpr int kMultiplicative = 6;
inline constexpr int kSign = 7;
inline constexpr int kPostfix = 8;     // and what is tighter than all operators

/// 0: not a binary operator. Words in upper case.
inline int LevelOfBinary(std::string_view op) {
  if (op == "OR") return kOr;
  if (op == "AND") return kAnd;
  if (op == "=" || op == "<>" || op == "<" || op == "<=" || op == ">" || op == ">=") return kComparison;
  if (op == "+" || op == "-" || op == "||") return kAdditive;
  if (op == "*" || op == "/" || op == "%") return kMultiplicative;
  return 0;
}

/// Reserved words that are functions when a parenthesis follows.
inline bool IsReservedFunction(std::string_view upper) {
  static constexpr std::string_view kNames[] = {"LEFT", "RIGHT", "ROW", "GROUPING", "EXTRACT", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP"};
  return std::find(std::begin(kNames), std::end(kNames), upper) != std::end(kNames);
}

}  // namespace firn::sql
