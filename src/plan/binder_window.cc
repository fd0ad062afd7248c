// SPDX-License-Identifier: Apache-2.0
// Window table functions in FROM and the legacy group windows.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/assert.h"
#include "expr/evaluator.h"
#include "plan/binder_internal.h"
#include "plan/describe.h"
#include "plan/literal.h"

namespace firn::plan {

using expr::ExpressionPtr;

namespace {

struct WindowFunction {
  std::string_view name;
  WindowKind kind;
  std::vector<std::string_view> arguments;  // names, in order
  size_t required;
};

const std::array<WindowFunction, 4>& TableFunctions() {
  static const std::array<WindowFunction, 4> kFunctions{{
      {"TUMBLE", WindowKind::kTumble, {"DATA", "TIMECOL", "SIZE", "OFFSET"}, 3},
      {"HOP", WindowKind::kHop, {"DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"}, 4},
      {"CUMULATE", WindowKind::kCumulate, {"DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"}, 4},
      {"SESSION", WindowKind::kSession, {"DATA", "TIMECOL", "GAP"}, 3},
  }};
  return kFunctions;
}

Error NoRowtime(const Relation& relation, const types::Field& field, base::SourceSpan span, const std::string& relation_name) {
  const int rowtime = RowtimeOf(relation.node->fields);
  const std::string what = relation_name.empty() ? "the query" : fmt::format("`{}`", relation_name);
  if (!field.type.IsTimestamp()) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("window on `{}`, which is {} and no time", field.name, field.type.ToString()))
        .At(span)
        .Hint(fmt::format("add a computed column and its watermark to the table: event_time AS TO_TIMESTAMP_LTZ({}, 3), WATERMARK FOR event_time AS "
                          "event_time - INTERVAL '5' SECOND", field.name));
  }
  Error error(ErrorCode::kNoWatermark, fmt::format("window on `{}` can never close", field.name));
  error = std::move(error).At(span, fmt::format("`{}` has no watermark in {}", field.name, what));
  if (rowtime >= 0) {
    return std::move(error)
        .Why(fmt::format("a window is emitted when the watermark passes its end; the watermark of {} is on `{}`", what, relation.node->fields[rowtime].name))
        .Hint(fmt::format("DESCRIPTOR(`{}`)", relation.node->fields[rowtime].name));
  }
  return std::move(error)
      .Why(fmt::format("a window is emitted when the watermark passes its end; {} {}", what,
                       relation_name.empty() ? "has none: it was lost in a function, an aggregate or a join, or never declared" : "declares none"))
      .Hint(fmt::format("ALTER TABLE {} ADD WATERMARK FOR `{}` AS `{}` - INTERVAL '5' SECOND", relation_name.empty() ? "t" : relation_name, field.name, field.name));
}

/// "TUMBLE(DATA, TIMECOL, SIZE, OFFSET)"
std::string FormOf(const std::string& function, const std::vector<std::string_view>& arguments) {
  std::string all;
  for (std::string_view argument : arguments) all += (all.empty() ? "" : ", ") + std::string(argument);
  return fmt::format("{}({})", function, all);
}

Status CheckShape(const WindowSpec& window, std::string_view name, base::SourceSpan span) {
  if (window.slide_ms > 0 && window.size_ms % window.slide_ms != 0) {
    return NotBuilt(fmt::format("{} of size {} by {}", name, DurationText(window.size_ms), DurationText(window.slide_ms)), span,
                    "the size must be a whole multiple of the slide or step");
  }
  if (window.kind == WindowKind::kTumble && (window.offset_ms >= window.size_ms || -window.offset_ms >= window.size_ms)) {
    return Error(ErrorCode::kInvalidLiteral, fmt::format("the offset {} is not smaller than the window's size {}", DurationText(window.offset_ms), DurationText(window.size_ms))).At(span);
  }
  return Ok();
}

}  // namespace

Result<int> QueryBinder::FindTimeColumn(const Relation& relation, const sql::ObjectName& column, base::SourceSpan span, const std::string& relation_name) {
  FIRN_TRY(const ResolvedColumn resolved, relation.scope.Resolve(column, span));
  const types::Field& field = relation.node->fields[resolved.column->index];
  const bool is_field = resolved.parts_used < column.parts.size();
  const bool is_time = field.type.time_attribute() != types::TimeAttribute::kNone || (is_batch() && field.type.IsTimestamp());
  if (is_field || !is_time) return NoRowtime(relation, field, span, relation_name);
  return resolved.column->index;
}

Result<int64_t> QueryBinder::BindWindowSize(const sql::Expression& size, std::string_view what) {
  const base::SourceSpan span = Span(size.span);
  FIRN_TRY(const ExpressionPtr bound, BindConstant(size, "a window function"));
  if (bound->type.kind() == types::TypeKind::kIntervalYearMonth) {
    return NotBuilt(fmt::format("a window by months or years ({})", what), span, "give it in days: INTERVAL '30' DAY");
  }
  const auto milliseconds = IntervalMilliseconds(*bound);
  if (!milliseconds) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("{} needs a constant interval, this is {}", what, bound->type.ToString())).At(span).Hint("INTERVAL '1' MINUTE");
  }
  if (what != "OFFSET" && *milliseconds <= 0) {
    return Error(ErrorCode::kInvalidLiteral, fmt::format("{} must be more than zero", what)).At(span);
  }
  return *milliseconds;
}

/// The arguments in the order of `names`, given by position or by name; null: not given.
Result<std::vector<const sql::Expression*>> QueryBinder::WindowArguments(const sql::Expression& call, const std::vector<std::string_view>& names) {
  std::vector<const sql::Expression*> arguments(names.size(), nullptr);
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    const std::string name = i < call.argument_names.size() ? base::AsciiUpper(call.argument_names[i]) : "";
    size_t place = i;
    if (!name.empty()) place = static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
    if (place >= names.size()) {
      return Error(ErrorCode::kTypeMismatch, name.empty() ? fmt::format("{} takes at most {} arguments", call.text, names.size())
                                                          : fmt::format("{} has no argument {}", call.text, name))
          .At(Span(call.arguments[i]->span))
          .Hint(FormOf(call.text, names));
    }
    arguments[place] = call.arguments[i].get();
  }
  return arguments;
}

Result<WindowSpec> QueryBinder::BindWindowCall(const sql::Expression& call, const Relation& input, const std::string& input_name) {
  const auto& functions = TableFunctions();
  const auto function = std::find_if(functions.begin(), functions.end(), [&](const WindowFunction& known) { return known.name == call.text; });
  FIRN_ASSERT(function != functions.end(), "{}", call.text);
  FIRN_TRY(const auto arguments, WindowArguments(call, function->arguments));
  for (size_t i = 0; i < function->required; ++i) {
    if (arguments[i] != nullptr) continue;
    return Error(ErrorCode::kTypeMismatch, fmt::format("{} lacks its argument {}", call.text, function->arguments[i])).At(Span(call.span)).Hint(FormOf(call.text, function->arguments));
  }
  if (arguments[1]->kind != sql::ExpressionKind::kDescriptor || arguments[1]->columns.size() != 1) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("{} needs the time column as DESCRIPTOR(column)", call.text)).At(Span(arguments[1]->span));
  }
  WindowSpec window;
  window.kind = function->kind;
  sql::ObjectName column;
  column.parts.push_back(arguments[1]->columns[0]);
  FIRN_TRY(window.time_column, FindTimeColumn(input, column, Span(arguments[1]->columns[0].span), input_name));
  const types::DataType& type = input.node->fields[window.time_column].type;
  window.is_proctime = type.time_attribute() == types::TimeAttribute::kProctime;
  window.is_local_time = type.kind() == types::TypeKind::kTimestampLtz;
  const bool has_slide = window.kind == WindowKind::kHop || window.kind == WindowKind::kCumulate;
  if (has_slide) {
    FIRN_TRY(window.slide_ms, BindWindowSize(*arguments[2], function->arguments[2]));
  }
  FIRN_TRY(window.size_ms, BindWindowSize(*arguments[has_slide ? 3 : 2], function->arguments[has_slide ? 3 : 2]));
  if (arguments.size() > function->required && arguments[function->required] != nullptr) {
    FIRN_TRY(window.offset_ms, BindWindowSize(*arguments[function->required], "OFFSET"));
  }
  for (const sql::Identifier& key : arguments[0]->columns) {
    sql::ObjectName name;
    name.parts.push_back(key);
    FIRN_TRY(const ResolvedColumn resolved, input.scope.Resolve(name, Span(key.span)));
    window.partition_keys.push_back(resolved.column->index);
  }
  if (!window.partition_keys.empty() && window.kind != WindowKind::kSession) {
    return NotBuilt(fmt::format("PARTITION BY of {}", call.text), Span(arguments[0]->span), "only SESSION windows depend on keys; GROUP BY them instead");
  }
  FIRN_RETURN_IF_ERROR(CheckShape(window, call.text, Span(call.span)));
  return window;
}

Result<Relation> QueryBinder::BindTableFunction(const sql::TableExpression& table, const Scope* outer) {
  const sql::Expression& call = *table.function;
  const base::SourceSpan span = Span(call.span);
  const auto& functions = TableFunctions();
  const auto function = std::find_if(functions.begin(), functions.end(), [&](const WindowFunction& known) { return known.name == call.text; });
  if (function == functions.end()) {
    return NotBuilt(fmt::format("table function {}", call.text), span, "TUMBLE, HOP, CUMULATE and SESSION are");
  }
  FIRN_TRY(const auto arguments, WindowArguments(call, function->arguments));
  const sql::Expression* data = arguments[0];
  if (data == nullptr || data->kind != sql::ExpressionKind::kTableArgument) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("{} needs a table first", call.text))
        .At(data == nullptr ? span : Span(data->span))
        .Hint(fmt::format("{}(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)", call.text));
  }
  Relation input;
  std::string input_name;
  if (data->query != nullptr) {
    FIRN_TRY(input, BindQuery(*data->query, outer));
    input = Unordered(std::move(input));
  } else {
    sql::TableExpression named;
    named.kind = sql::TableKind::kNamed;
    named.span = data->span;
    named.name = data->name;
    input_name = data->name.parts.back().text;
    FIRN_TRY(input, BindNamed(named));
  }
  FIRN_TRY(WindowSpec window, BindWindowCall(call, input, input_name));
  LogicalNodePtr node = MakeWindowAssign(input.node, std::move(window), span);
  // The input's columns keep no qualifier: the function makes a new relation.
  Scope scope = MakeScope(node->fields, {});
  return Relation{std::move(node), std::move(scope)};
}

Result<WindowSpec> QueryBinder::BindLegacyWindow(const sql::Expression& call, const Relation& relation) {
  const base::SourceSpan span = Span(call.span);
  const std::string_view name = std::string_view(call.text).substr(0, call.text.find('_'));
  const size_t sizes = name == "HOP" ? 2 : 1;
  if (call.arguments.size() < 1 + sizes || call.arguments.size() > 2 + sizes || call.arguments[0]->kind != sql::ExpressionKind::kColumn) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("{} takes a time column and {}", call.text, sizes == 2 ? "slide and size" : name == "SESSION" ? "a gap" : "a size"))
        .At(span)
        .Hint(fmt::format("{}(ts, {}INTERVAL '1' MINUTE)", call.text, sizes == 2 ? "INTERVAL '10' SECOND, " : ""));
  }
  WindowSpec window;
  window.kind = name == "TUMBLE" ? WindowKind::kTumble : name == "HOP" ? WindowKind::kHop : WindowKind::kSession;
  const sql::Expression& column = *call.arguments[0];
  const std::string relation_name =
      relation.scope.columns.empty() || relation.scope.columns[0].qualifier.empty() ? "" : relation.scope.columns[0].qualifier.back();
  FIRN_TRY(window.time_column, FindTimeColumn(relation, column.name, Span(column.span), relation_name));
  const types::DataType& type = relation.node->fields[window.time_column].type;
  window.is_proctime = type.time_attribute() == types::TimeAttribute::kProctime;
  window.is_local_time = type.kind() == types::TypeKind::kTimestampLtz;
  if (sizes == 2) {
    FIRN_TRY(window.slide_ms, BindWindowSize(*call.arguments[1], "the slide"));
  }
  FIRN_TRY(window.size_ms, BindWindowSize(*call.arguments[sizes], window.kind == WindowKind::kSession ? "the gap" : "the size"));
  if (call.arguments.size() == 2 + sizes) {
    FIRN_TRY(window.offset_ms, BindWindowSize(*call.arguments[1 + sizes], "OFFSET"));
  }
  FIRN_RETURN_IF_ERROR(CheckShape(window, name, span));
  return window;
}

}  // namespace firn::plan
