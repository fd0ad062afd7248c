// SPDX-License-Identifier: Apache-2.0
// Expressions as written. One node type with a kind: which fields count is said at each kind. Special call syntax is lowered to
// ordinary calls by the conventions of expr/scalar_function.h: EXTRACT(YEAR FROM t) is the call EXTRACT('YEAR', t).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "types/data_type.h"

namespace firn::sql {

using base::SourceSpan;

struct Query;
struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Identifier {
  std::string text;
  SourceSpan span;
};

/// `catalog`.`database`.`table`, `t`.`c`: as many parts as were written.
struct ObjectName {
  std::vector<Identifier> parts;
  SourceSpan span;
  std::string ToString() const;  // parts joined by dots, back-ticks where needed
};

/// /*+ OPTIONS('k'='v') */, /*+ STATE_TTL('t'='1d') */, /*+ BROADCAST(t) */
struct Hint {
  std::string name;  // upper case
  SourceSpan span;
  std::vector<std::pair<std::string, std::string>> options;  // 'k'='v'
  std::vector<std::string> arguments;                         // bare words
};

enum class ExpressionKind {
  kLiteral,         // literal, text
  kColumn,          // name (one or more parts; a part may turn out to be a field of a ROW)
  kStar,            // name: qualifier, empty for a bare *
  kUnary,           // text: "-", "+", "NOT"; arguments[0]
  kBinary,          // text: "+" "-" "*" "/" "%" "||" "=" "<>" "<" "<=" ">" ">=" "AND" "OR"; two arguments
  kIs,              // text: "NULL", "TRUE", "FALSE", "UNKNOWN", "JSON", "JSON VALUE", "JSON SCALAR", "JSON ARRAY", "JSON OBJECT"; negated
  kIsDistinctFrom,  // two arguments; negated: IS NOT DISTINCT FROM
  kBetween,         // value, low, high; negated; symmetric
  kLike,            // text: "LIKE" or "SIMILAR TO"; value, pattern[, escape]; negated
  kIn,              // arguments[0] the value (a ROW call for several); then the list, or query; negated
  kExists,          // query
  kSubquery,        // query: a scalar sub-query
  kCase,            // [operand,] when, then, when, then, ... [, else]; has_operand, has_else
  kCast,            // arguments[0], type; is_try
  kCall,            // text: the function's name in upper case; arguments and the call fields below
  kField,           // arguments[0].text
  kDescriptor,      // columns
  kTableArgument,   // TABLE name [PARTITION BY columns] or a query, inside a table function's arguments
};

enum class LiteralKind {
  kNull,
  kBoolean,    // text "TRUE" or "FALSE"
  kInteger,    // digits
  kDecimal,    // digits with a point, no exponent
  kDouble,     // with an exponent
  kString,     // text unescaped
  kBinary,     // text: the bytes
  kDate,       // text inside the quotes, like all below
  kTime,
  kTimestamp,
  kInterval,   // interval_from, interval_to
};

enum class IntervalUnit { kYear, kQuarter, kMonth, kWeek, kDay, kHour, kMinute, kSecond, kMillisecond, kMicrosecond, kNanosecond };

enum class NullsOrder { kDefault, kFirst, kLast };

struct SortItem {
  ExpressionPtr expression;
  bool descending = false;
  NullsOrder nulls = NullsOrder::kDefault;
};

enum class FrameBoundKind { kUnboundedPreceding, kPreceding, kCurrentRow, kFollowing, kUnboundedFollowing };

struct FrameBound {
  FrameBoundKind kind = FrameBoundKind::kCurrentRow;
  ExpressionPtr offset;                 // kPreceding, kFollowing
};

/// ROWS or RANGE [BETWEEN start AND end]; without an end: to the current row.
struct WindowFrame {
  bool is_rows = false;
  FrameBound start;
  FrameBound end;
};

/// OVER (...), and what WINDOW names.
struct WindowSpecification {
  SourceSpan span;
  std::string base_window;              // a name of the WINDOW clause; alone (OVER w): all else is empty
  std::vector<ExpressionPtr> partition_by;
  std::vector<SortItem> order_by;
  std::optional<WindowFrame> frame;
};

enum class JsonBehavior { kDefault, kNull, kError, kDefaultValue, kEmptyArray, kEmptyObject, kTrue, kFalse, kUnknown };
enum class JsonWrapper { kDefault, kWithout, kConditional, kUnconditional };
enum class JsonNulls { kDefault, kNullOnNull, kAbsentOnNull };

/// The clauses of JSON_VALUE, JSON_QUERY, JSON_EXISTS, JSON_OBJECT, JSON_ARRAY.
struct JsonClauses {
  std::optional<types::DataType> returning;
  JsonBehavior on_empty = JsonBehavior::kDefault;
  ExpressionPtr on_empty_default;       // kDefaultValue
  JsonBehavior on_error = JsonBehavior::kDefault;
  ExpressionPtr on_error_default;
  JsonWrapper wrapper = JsonWrapper::kDefault;
  JsonNulls nulls = JsonNulls::kDefault;
};

struct Expression {
  ExpressionKind kind = ExpressionKind::kLiteral;
  SourceSpan span;
  std::string text;
  std::vector<ExpressionPtr> arguments;
  ObjectName name;
  LiteralKind literal = LiteralKind::kNull;
  IntervalUnit interval_from = IntervalUnit::kSecond;
  std::optional<IntervalUnit> interval_to;
  bool is_negative_interval = false;    // INTERVAL - '1' DAY
  bool negated = false;
  bool symmetric = false;
  bool has_operand = false;
  bool has_else = false;
  bool is_try = false;
  types::DataType type;                 // kCast
  std::unique_ptr<Query> query;
  std::vector<Identifier> columns;      // kDescriptor; kTableArgument: PARTITION BY
  std::vector<Hint> hints;              // kTableArgument

  // kCall only.
  std::vector<std::string> argument_names;  // parallel to arguments; "" where not given by name (f(a => 1))
  bool is_distinct = false;
  bool has_parentheses = true;          // CURRENT_DATE has none
  std::optional<bool> ignore_nulls;     // IGNORE NULLS, RESPECT NULLS
  ExpressionPtr filter;
  std::vector<SortItem> within_group;   // WITHIN GROUP (ORDER BY ...) and ORDER BY inside the call
  std::unique_ptr<WindowSpecification> over;
  std::unique_ptr<JsonClauses> json;
};

}  // namespace firn::sql
