// SPDX-License-Identifier: Apache-2.0
// Calls bound: a few functions are spelled with others (IF is a CASE), the rest ask their entry for a signature.
#include <arrow/array.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/ascii.h"
#include "expr/aggregate_function.h"
#include "expr/calendar_internal.h"
#include "expr/evaluator.h"
#include "expr/function_groups_internal.h"
#include "expr/kernel_internal.h"
#include "expr/scalar_function.h"
#include "types/temporal.h"

namespace firn::expr {

using types::DataType;
using types::TypeKind;

namespace {

ExpressionPtr MakeCallNode(const ScalarFunction& function, std::vector<ExpressionPtr> arguments, DataType type, base::SourceSpan span) {
  Expression call;
  call.kind = ExpressionKind::kCall;
  call.type = std::move(type);
  call.span = span;
  call.function = &function;
  call.arguments = std::move(arguments);
  return std::make_shared<const Expression>(std::move(call));
}

// EXTRACT by the name of the field: HOUR(t).
constexpr std::string_view kFieldFunctions[] = {"YEAR", "QUARTER", "MONTH", "WEEK", "DAYOFYEAR", "DAYOFMONTH", "DAYOFWEEK", "HOUR", "MINUTE", "SECOND"};

// TIMESTAMPADD(unit, count, time): the time plus count times an interval of one unit.
Result<ExpressionPtr> BindTimestampAdd(std::vector<ExpressionPtr>& arguments, base::SourceSpan span, const EvaluationContext& context) {
  CallSite call;
  call.name = "TIMESTAMPADD";
  call.span = span;
  for (const ExpressionPtr& argument : arguments) {
    call.types.push_back(argument->type);
    call.literals.push_back(argument->kind == ExpressionKind::kLiteral ? argument->literal : nullptr);
  }
  FIRN_TRY(const TimeUnit unit, UnitArgument(call, 0));
  const auto interval = IntervalOf(unit);
  const bool is_date = arguments[2]->type.kind() == TypeKind::kDate, is_time = arguments[2]->type.kind() == TypeKind::kTime;
  if (!interval || !arguments[1]->type.IsInteger() || !(is_date || is_time || arguments[2]->type.IsTimestamp())) {
    return ArgumentError(call, "TIMESTAMPADD(unit, integer, date, time or timestamp) with a unit from MILLISECOND to MILLENNIUM");
  }
  const bool is_below_day = !interval->is_months && interval->amount < types::kMillisPerDay;
  const int precision = is_date ? 6 : interval->amount == 1 && !interval->is_months ? 3 : 0;
  if (is_below_day && !is_time && (is_date || arguments[2]->type.precision() < precision)) {
    const DataType finer = arguments[2]->type.kind() == TypeKind::kTimestampLtz ? DataType::TimestampLtz(precision) : DataType::Timestamp(precision);
    FIRN_TRY(arguments[2], BindCast(arguments[2], finer.WithNullable(arguments[2]->type.nullable()), false, span, context));
  }
  Expression one = interval->is_months ? *MakeIntLiteral(static_cast<int32_t>(interval->amount)) : *MakeBigIntLiteral(interval->amount);
  one.type = (interval->is_months ? DataType::IntervalYearMonth() : DataType::IntervalDayTime()).NotNull();
  FIRN_TRY(ExpressionPtr length, BindCall("*", {std::make_shared<const Expression>(std::move(one)), arguments[1]}, span, context));
  return BindCall("+", {arguments[2], std::move(length)}, span, context);
}

// A text is compared to a date or time as such; a literal text also to a number, as a number, but only for order, as in Flink.
Status CoerceComparison(std::vector<ExpressionPtr>& arguments, bool is_order, const EvaluationContext& context) {
  for (size_t i = 0; i < 2; ++i) {
    ExpressionPtr& text = arguments[i];
    const DataType& other = arguments[1 - i]->type;
    if (!text->type.IsCharacter()) continue;
    const bool is_moment = other.IsTimestamp() || other.kind() == TypeKind::kDate || other.kind() == TypeKind::kTime;
    if (!is_moment && !(is_order && other.IsNumeric() && text->kind == ExpressionKind::kLiteral)) continue;
    FIRN_TRY(text, BindCast(text, other.WithNullable(text->type.nullable()).WithTimeAttribute(types::TimeAttribute::kNone), false, text->span, context));
  }
  return Ok();
}

/// The two ends of a period given as (time, time) or (time, interval), the earlier one first.
Result<std::pair<ExpressionPtr, ExpressionPtr>> PeriodOf(const ExpressionPtr& row, base::SourceSpan span, const EvaluationContext& context) {
  const bool is_pair = row->kind == ExpressionKind::kCall && row->function->names[0] == "ROW" && row->arguments.size() == 2;
  if (!is_pair) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("OVERLAPS compares two periods, this is {}", row->type.ToString())).At(row->span).Hint("(start, end) OVERLAPS (start, INTERVAL '1' HOUR)");
  }
  const ExpressionPtr& first = row->arguments[0];
  ExpressionPtr second = row->arguments[1];
  if (second->type.IsInterval()) {
    FIRN_TRY(second, BindCall("+", {first, second}, span, context));
  }
  FIRN_TRY(const ExpressionPtr is_ordered, BindCall("<=", {first, second}, span, context));
  FIRN_TRY(ExpressionPtr start, BindCall("CASE", {is_ordered, first, second}, span, context));
  FIRN_TRY(ExpressionPtr end, BindCall("CASE", {is_ordered, second, first}, span, context));
  return std::pair(std::move(start), std::move(end));
}

/// Periods that only touch overlap too, as Calcite has it.
Result<ExpressionPtr> BindOverlaps(const std::vector<ExpressionPtr>& periods, base::SourceSpan span, const EvaluationContext& context) {
  FIRN_TRY(const auto left, PeriodOf(periods[0], span, context));
  FIRN_TRY(const auto right, PeriodOf(periods[1], span, context));
  FIRN_TRY(ExpressionPtr begins_before, BindCall(">=", {left.second, right.first}, span, context));
  FIRN_TRY(ExpressionPtr ends_after, BindCall(">=", {right.second, left.first}, span, context));
  return BindCall("AND", {std::move(begins_before), std::move(ends_after)}, span, context);
}

bool IsComparison(const std::string& name) { return name == "=" || name == "<>" || name == "<" || name == "<=" || name == ">" || name == ">="; }

// Functions that are others in other words. Nothing: bind by the entry.
Result<ExpressionPtr> Respell(const std::string& name, std::vector<ExpressionPtr>& arguments, base::SourceSpan span, const EvaluationContext& context) {
  auto call = [&](std::string_view other, std::vector<ExpressionPtr> with) { return BindCall(other, std::move(with), span, context); };
  if (name == "IF" && arguments.size() == 3 && arguments[0]->type.kind() != TypeKind::kNull) {
    FIRN_TRY(ExpressionPtr chosen, call("CASE", arguments));
    Expression copy = *chosen;  // unlike a CASE, typed nullable when its condition is
    copy.type = copy.type.WithNullable(copy.type.nullable() || arguments[0]->type.nullable());
    return std::make_shared<const Expression>(std::move(copy));
  }
  if (arguments.size() == 1 && std::find(std::begin(kFieldFunctions), std::end(kFieldFunctions), name) != std::end(kFieldFunctions)) {
    return call("EXTRACT", {MakeStringLiteral(name), arguments[0]});
  }
  if (name == "TIMESTAMPADD" && arguments.size() == 3) return BindTimestampAdd(arguments, span, context);
  if (name == "IFNULL" && arguments.size() == 2) return call("COALESCE", arguments);
  if (name == "NULLIF" && arguments.size() == 2) {
    FIRN_TRY(ExpressionPtr equal, call("=", {arguments[0], arguments[1]}));
    return call("CASE", {equal, MakeNullLiteral(arguments[0]->type), arguments[0]});
  }
  if (name == "OVERLAPS" && arguments.size() == 2) return BindOverlaps(arguments, span, context);
  if (name == "BETWEEN" && arguments.size() == 3) {
    FIRN_TRY(ExpressionPtr low, call(">=", {arguments[0], arguments[1]}));
    FIRN_TRY(ExpressionPtr high, call("<=", {arguments[0], arguments[2]}));
    return call("AND", {low, high});
  }
  if (name == "IN" && arguments.size() >= 2) {
    std::vector<ExpressionPtr> equals;
    for (size_t i = 1; i < arguments.size(); ++i) {
      FIRN_TRY(ExpressionPtr equal, call("=", {arguments[0], arguments[i]}));
      equals.push_back(std::move(equal));
    }
    if (equals.size() == 1) return equals[0];
    return call("OR", std::move(equals));
  }
  return ExpressionPtr();
}

// The value of a literal, also of one with a sign in front.
types::ArrayPtr LiteralValue(const ExpressionPtr& argument, const EvaluationContext& context) {
  if (argument->kind == ExpressionKind::kLiteral) return argument->literal;
  const bool is_signed = argument->kind == ExpressionKind::kCall && argument->function->names[0] == "UNARY -" && argument->arguments[0]->kind == ExpressionKind::kLiteral;
  if (!is_signed) return nullptr;
  auto value = EvaluateConstant(*argument, context);
  return value.ok() ? *value : nullptr;
}

}  // namespace

std::vector<std::string_view> RespelledNames() {
  std::vector<std::string_view> names = {"IF", "IFNULL", "IN", "BETWEEN", "NULLIF", "OVERLAPS", "TIMESTAMPADD"};
  for (std::string_view name : kFieldFunctions) names.push_back(name);
  return names;
}

Result<ExpressionPtr> BindCall(std::string_view name, std::vector<ExpressionPtr> arguments, base::SourceSpan span, const EvaluationContext& context) {
  const std::string upper = base::AsciiUpper(name);
  FIRN_TRY(ExpressionPtr respelled, Respell(upper, arguments, span, context));
  if (respelled) {
    Expression copy = *respelled;
    copy.span = span;
    return std::make_shared<const Expression>(std::move(copy));
  }
  if (IsComparison(upper) && arguments.size() == 2) FIRN_RETURN_IF_ERROR(CoerceComparison(arguments, upper[0] != '=' && upper != "<>", context));
  const ScalarFunction* function = FunctionRegistry::BuiltIn().Find(upper);
  if (function == nullptr) {
    auto near = base::NearNames(upper, FunctionRegistry::BuiltIn().Names());
    std::string hint = near.empty() ? "SHOW FUNCTIONS lists all functions" : fmt::format("did you mean {}?", near[0]);
    return Error(ErrorCode::kFunctionNotFound, fmt::format("there is no function {}", upper)).At(span).Hint(std::move(hint)).Candidates(std::move(near));
  }
  if (upper == "CAST" || upper == "TRY_CAST") return Error(ErrorCode::kTypeMismatch, fmt::format("{} takes a value and a type", upper)).At(span).Hint(fmt::format("{}(value AS type)", upper));
  CallSite call;
  call.name = upper;
  call.span = span;
  call.context = &context;
  for (const ExpressionPtr& argument : arguments) {
    call.types.push_back(argument->type);
    call.literals.push_back(LiteralValue(argument, context));
  }
  auto signature = function->bind(call);
  if (!signature.ok()) {
    Error error = std::move(signature).error();
    if (!error.span()) error = std::move(error).At(span);
    if (error.hint().empty()) error = std::move(error).Hint(fmt::format("it takes {}", function->syntax));
    return error;
  }
  FIRN_ASSERT(signature->arguments.size() == arguments.size(), "{} bound {} of {} arguments", upper, signature->arguments.size(), arguments.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    FIRN_TRY(arguments[i], BindImplicitCast(arguments[i], signature->arguments[i], arguments[i]->span, context));
    FIRN_ASSERT(HaveOneForm(*arguments[i]->type.ToArrow(), *signature->arguments[i].ToArrow()), "{} takes {} for {}", upper, arguments[i]->type.ToString(), signature->arguments[i].ToString());
  }
  return MakeCallNode(*function, std::move(arguments), signature->result, span);
}

Result<ExpressionPtr> BindCast(ExpressionPtr value, const DataType& target, bool is_try, base::SourceSpan span, const EvaluationContext& context) {
  if (value->type.kind() == TypeKind::kNull) return MakeNullLiteral(target);
  CallSite call;
  call.types = {value->type, target};
  call.name = is_try ? "TRY_CAST" : "CAST";
  call.span = span;
  call.context = &context;
  const ScalarFunction* function = FunctionRegistry::BuiltIn().Find(call.name);
  FIRN_TRY(Signature signature, function->bind(call));
  FIRN_ASSERT(signature.result.EqualsIgnoringNullability(target), "a cast to {} gives {}", target.ToString(), signature.result.ToString());
  return MakeCallNode(*function, {std::move(value)}, signature.result, span);
}

namespace {

ExpressionPtr Retype(const ExpressionPtr& value, const DataType& type) {
  FIRN_ASSERT(HaveOneForm(*value->type.ToArrow(), *type.ToArrow()), "a {} is called {}", value->type.ToString(), type.ToString());
  Expression copy = *value;
  copy.type = type;
  return std::make_shared<const Expression>(std::move(copy));
}

bool IsImplicit(const DataType& from, const DataType& to) {
  if (from.IsNumeric() && to.IsNumeric()) return true;
  if (from.IsTimestamp() && to.IsTimestamp()) return true;
  if (from.kind() == TypeKind::kDate && to.IsTimestamp()) return true;
  if (from.kind() == TypeKind::kTime && to.kind() == TypeKind::kTime) return true;
  if (from.kind() != to.kind() || !from.IsNested() || from.fields().size() != to.fields().size()) return from.kind() == to.kind() && !from.IsNested();
  for (size_t i = 0; i < from.fields().size(); ++i) {
    const DataType& inner = from.fields()[i].type;
    const DataType& wanted = to.fields()[i].type;
    const bool is_text = (inner.IsCharacter() && wanted.IsCharacter()) || (inner.IsBytes() && wanted.IsBytes());
    if (inner.kind() != TypeKind::kNull && !is_text && !IsImplicit(inner, wanted)) return false;
  }
  return true;
}

}  // namespace

Result<ExpressionPtr> BindImplicitCast(ExpressionPtr value, const DataType& target, base::SourceSpan span, const EvaluationContext& context) {
  const DataType& from = value->type;
  if (from.EqualsIgnoringNullability(target)) return value;
  if (from.kind() == TypeKind::kNull) return MakeNullLiteral(target);
  const DataType wanted = target.WithNullable(from.nullable());
  // Text of any length lies in memory the same way; what a length means is enforced where it is written.
  if ((from.IsCharacter() && target.IsCharacter()) || (from.IsBytes() && target.IsBytes())) return Retype(value, wanted);
  if (!IsImplicit(from, target)) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("{} is not implicitly a {}", from.ToString(), target.WithNullable(true).ToString())).At(span).Hint("an explicit CAST converts it");
  }
  return BindCast(std::move(value), wanted, false, span, context);
}

}  // namespace firn::expr
