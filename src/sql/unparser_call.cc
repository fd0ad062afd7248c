// SPDX-License-Identifier: Apache-2.0
// Calls, in the special forms that the parser has taken them from (parser_call.cc).
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "sql/operators_internal.h"
#include "sql/unparser_internal.h"

namespace firn::sql {

namespace {

// Names that mean something else, or nothing, when a parenthesis follows: as functions they come from back-ticks only.
constexpr std::string_view kQuotedFunctions[] = {"CAST", "TRY_CAST", "EXTRACT", "FLOOR", "CEIL", "CEILING", "TRIM", "SUBSTRING", "OVERLAY", "POSITION", "TIMESTAMPADD", "TIMESTAMPDIFF", "JSON_VALUE",
                                                 "JSON_QUERY", "JSON_EXISTS", "JSON_OBJECT", "JSON_ARRAY", "JSON_OBJECTAGG"};
bool IsQuotedFunction(std::string_view name) { return std::find(std::begin(kQuotedFunctions), std::end(kQuotedFunctions), name) != std::end(kQuotedFunctions); }

bool IsText(const ExpressionPtr& argument) { return argument->kind == ExpressionKind::kLiteral && argument->literal == LiteralKind::kString; }

// What only the general form can carry.
bool HasExtras(const Expression& call) {
  const bool has_names = std::any_of(call.argument_names.begin(), call.argument_names.end(), [](const std::string& name) { return !name.empty(); });
  return has_names || call.is_distinct || call.ignore_nulls || call.filter || !call.within_group.empty() || call.over;
}

}  // namespace

void Unparser::WriteCall(const Expression& call) {
  if (!call.has_parentheses) return Text(call.text);
  if (call.json) return WriteJsonCall(call);
  if (!HasExtras(call) && WriteSpecialCall(call)) return;
  if (IsQuotedFunction(call.text)) {
    Text(fmt::format("`{}`", call.text));
  } else if (IsReservedFunction(call.text)) {
    Text(call.text);
  } else {
    Name({call.text, {}});
  }
  WriteArguments(call);
  WriteCallTail(call);
}

bool Unparser::WriteSpecialCall(const Expression& call) {
  const std::string& name = call.text;
  const auto& arguments = call.arguments;
  const size_t count = arguments.size();
  const auto write = [&](size_t at, std::string_view before, int level = 0) {
    Text(before);
    Write(*arguments[at], level);
  };
  if (name == "[]" && count == 2) {
    WritePostfixOperand(*arguments[0]);
    write(1, "[");
    Text("]");
  } else if (name == "OVERLAPS" && count == 2) {
    write(0, "", kComparison);
    write(1, " OVERLAPS ", kComparison + 1);
  } else if (name == "ARRAY" || name == "MAP") {
    Text(name + "[");
    WriteAll(arguments);
    Text("]");
  } else if (name == "EXTRACT" && count == 2 && IsText(arguments[0])) {
    Text(fmt::format("EXTRACT({}", arguments[0]->text));
    write(1, " FROM ");
    Text(")");
  } else if ((name == "FLOOR" || name == "CEIL") && (count == 1 || (count == 2 && IsText(arguments[1])))) {
    write(0, name + "(");
    Text(count == 2 ? fmt::format(" TO {})", arguments[1]->text) : ")");
  } else if (name == "TRIM" && count == 3 && IsText(arguments[0])) {
    write(1, fmt::format("TRIM({} ", arguments[0]->text));
    write(2, " FROM ");
    Text(")");
  } else if ((name == "SUBSTRING" && (count == 2 || count == 3)) || (name == "OVERLAY" && (count == 3 || count == 4))) {
    Text(name);
    WriteArguments(call);
  } else if (name == "POSITION" && count == 2) {
    write(0, "POSITION(", kRange + 1);
    write(1, " IN ");
    Text(")");
  } else if ((name == "TIMESTAMPADD" || name == "TIMESTAMPDIFF") && count > 0 && IsText(arguments[0])) {
    Text(fmt::format("{}({}", name, arguments[0]->text));
    for (size_t i = 1; i < count; ++i) write(i, ", ");
    Text(")");
  } else {
    return false;
  }
  return true;
}

void Unparser::WriteJsonCall(const Expression& call) {
  const JsonClauses& json = *call.json;
  Text(call.text + "(");
  if (call.text == "JSON_OBJECT") {
    FIRN_ASSERT(call.arguments.size() % 2 == 0, "{} keys and values", call.arguments.size());
    for (size_t i = 0; i + 1 < call.arguments.size(); i += 2) {
      if (i > 0) Text(", ");
      Text("KEY ");
      Write(*call.arguments[i]);
      Text(" VALUE ");
      Write(*call.arguments[i + 1]);
    }
  } else {
    WriteAll(call.arguments);
  }
  if (json.returning) Text(fmt::format(" RETURNING {}", json.returning->ToString()));
  if (json.wrapper == JsonWrapper::kWithout) Text(" WITHOUT ARRAY WRAPPER");
  if (json.wrapper == JsonWrapper::kConditional) Text(" WITH CONDITIONAL ARRAY WRAPPER");
  if (json.wrapper == JsonWrapper::kUnconditional) Text(" WITH UNCONDITIONAL ARRAY WRAPPER");
  WriteJsonBehavior(json.on_empty, json.on_empty_default, "EMPTY");
  WriteJsonBehavior(json.on_error, json.on_error_default, "ERROR");
  const bool has_nulls = json.nulls != JsonNulls::kDefault;
  if (has_nulls && !call.arguments.empty()) Text(" ");
  if (has_nulls) Text(json.nulls == JsonNulls::kNullOnNull ? "NULL ON NULL" : "ABSENT ON NULL");
  Text(")");
}

void Unparser::WriteJsonBehavior(JsonBehavior behavior, const ExpressionPtr& value, std::string_view when) {
  static constexpr std::string_view kTexts[] = {"", "NULL", "ERROR", "DEFAULT", "EMPTY ARRAY", "EMPTY OBJECT", "TRUE", "FALSE", "UNKNOWN"};
  FIRN_ASSERT((behavior == JsonBehavior::kDefaultValue) == (value != nullptr), "behavior {} {} a value", static_cast<int>(behavior), value ? "with" : "without");
  if (behavior == JsonBehavior::kDefault) return;
  Text(fmt::format(" {}", kTexts[static_cast<int>(behavior)]));
  if (value) {
    Text(" ");
    Write(*value);
  }
  Text(fmt::format(" ON {}", when));
}

void Unparser::WriteArguments(const Expression& call) {
  Text(call.is_distinct ? "(DISTINCT " : "(");
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    if (i > 0) Text(", ");
    if (i < call.argument_names.size() && !call.argument_names[i].empty()) {
      Name({call.argument_names[i], {}});
      Text(" => ");
    }
    Write(*call.arguments[i]);
  }
  Text(")");
}

void Unparser::WriteCallTail(const Expression& call) {
  if (!call.within_group.empty()) {
    Text(" WITHIN GROUP (ORDER BY ");
    WriteSortItems(call.within_group);
    Text(")");
  }
  if (call.filter) {
    Text(" FILTER (WHERE ");
    Write(*call.filter);
    Text(")");
  }
  if (call.ignore_nulls) Text(*call.ignore_nulls ? " IGNORE NULLS" : " RESPECT NULLS");
  if (!call.over) return;
  const WindowSpecification& over = *call.over;
  const bool is_name = !over.base_window.empty() && over.partition_by.empty() && over.order_by.empty() && !over.frame;
  Text(" OVER ");
  if (is_name) return Name({over.base_window, {}});
  WriteWindow(over);
}

void Unparser::WriteTableArgument(const Expression& argument) {
  Text("TABLE ");
  if (argument.query) {
    WriteNested(*argument.query);
  } else {
    WriteTableName(argument.name);
    WriteHints(argument.hints);
  }
  if (argument.columns.empty()) return;
  Text(" PARTITION BY ");
  Names(argument.columns);
}

void Unparser::WriteWindow(const WindowSpecification& window) {
  Text("(");
  const auto gap = [&] { Text(text_.back() == '(' ? "" : " "); };
  if (!window.base_window.empty()) Name({window.base_window, {}});
  if (!window.partition_by.empty()) {
    gap();
    Text("PARTITION BY ");
    WriteAll(window.partition_by);
  }
  if (!window.order_by.empty()) {
    gap();
    Text("ORDER BY ");
    WriteSortItems(window.order_by);
  }
  if (window.frame) {
    gap();
    Text(window.frame->is_rows ? "ROWS BETWEEN " : "RANGE BETWEEN ");
    WriteFrameBound(window.frame->start);
    Text(" AND ");
    WriteFrameBound(window.frame->end);
  }
  Text(")");
}

void Unparser::WriteFrameBound(const FrameBound& bound) {
  switch (bound.kind) {
    case FrameBoundKind::kCurrentRow: return Text("CURRENT ROW");
    case FrameBoundKind::kUnboundedPreceding: return Text("UNBOUNDED PRECEDING");
    case FrameBoundKind::kUnboundedFollowing: return Text("UNBOUNDED FOLLOWING");
    case FrameBoundKind::kPreceding:
    case FrameBoundKind::kFollowing: break;
  }
  FIRN_ASSERT(bound.offset != nullptr, "a frame's bound of kind {} says not how far", static_cast<int>(bound.kind));
  Write(*bound.offset, kRange + 1);
  Text(bound.kind == FrameBoundKind::kPreceding ? " PRECEDING" : " FOLLOWING");
}

void Unparser::WriteSortItems(const std::vector<SortItem>& items) {
  List(items, [&](const SortItem& item) {
    Write(*item.expression);
    if (item.descending) Text(" DESC");
    if (item.nulls != NullsOrder::kDefault) Text(item.nulls == NullsOrder::kFirst ? " NULLS FIRST" : " NULLS LAST");
  });
}

}  // namespace firn::sql
