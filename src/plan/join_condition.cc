// SPDX-License-Identifier: Apache-2.0
#include "plan/join_condition.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "expr/scalar_function.h"

namespace firn::plan {

namespace {

constexpr int kNoEnd = std::numeric_limits<int>::max();
/// Filters of many levels of a query come together in one: more than these are a tree, which is low.
constexpr size_t kMaxAndsInRow = 100;

// Timestamps of nanoseconds and of microseconds are compared as they are; as a key the coarser one is NULL where it is beyond nanoseconds, and equal to none.
expr::ExpressionPtr AsKeyBeside(const expr::ExpressionPtr& side, const expr::ExpressionPtr& other) {
  const bool is_coarser = side->type.IsTimestamp() && side->type.kind() == other->type.kind() && side->type.precision() <= 6 && other->type.precision() > 6;
  if (!is_coarser) return side;
  static const expr::ScalarFunction* const kTryCast = expr::FunctionRegistry::BuiltIn().Find("TRY_CAST");
  FIRN_ASSERT(kTryCast != nullptr);
  expr::Expression cast;
  cast.kind = expr::ExpressionKind::kCall;
  cast.type = types::DataType(other->type).WithNullable(true);
  cast.span = side->span;
  cast.function = kTryCast;
  cast.arguments = {side};
  return std::make_shared<const expr::Expression>(std::move(cast));
}

/// Decimals that no type holds both of are equal if they are when rounded to whole numbers and in what stands behind the point: two keys, each of one type.
std::vector<std::pair<expr::ExpressionPtr, expr::ExpressionPtr>> DecimalKeys(const expr::ExpressionPtr& left, const expr::ExpressionPtr& right) {
  const expr::EvaluationContext context;
  const auto whole_type = types::DataType::Decimal(types::kMaxDecimalPrecision, 0);
  const auto rest_type = types::DataType::Decimal(types::kMaxDecimalPrecision, std::max(left->type.scale(), right->type.scale()));
  const auto whole = [&](const expr::ExpressionPtr& side) { return expr::BindCast(side, whole_type, false, side->span, context); };
  const auto rest = [&](const expr::ExpressionPtr& side) -> Result<expr::ExpressionPtr> {
    FIRN_TRY(expr::ExpressionPtr behind_point, expr::BindCall("%", {side, expr::MakeIntLiteral(1)}, side->span, context));
    return expr::BindCast(std::move(behind_point), rest_type, false, side->span, context);
  };
  const auto bound = [](Result<expr::ExpressionPtr> key) {
    FIRN_ASSERT(key.ok(), "a decimal is no key: {}", key.error().message());
    return std::move(key).value();
  };
  return {{bound(whole(left)), bound(whole(right))}, {bound(rest(left)), bound(rest(right))}};
}

std::vector<std::pair<expr::ExpressionPtr, expr::ExpressionPtr>> KeysOf(const expr::ExpressionPtr& left, const expr::ExpressionPtr& right) {
  if (left->type.EqualsIgnoringNullability(right->type)) return {{left, right}};
  const bool are_decimals = left->type.kind() == types::TypeKind::kDecimal && right->type.kind() == types::TypeKind::kDecimal;
  if (are_decimals) return DecimalKeys(left, right);
  return {};
}

bool SplitEquality(const expr::ExpressionPtr& conjunct, int left_count, JoinCondition& condition) {
  if (conjunct->kind != expr::ExpressionKind::kCall || conjunct->arguments.size() != 2) return false;
  const std::string_view name = conjunct->function->names.front();
  if (name != "=" && name != "IS NOT DISTINCT FROM") return false;
  const bool is_null_safe = name != "=";
  const expr::ExpressionPtr first = is_null_safe ? conjunct->arguments[0] : AsKeyBeside(conjunct->arguments[0], conjunct->arguments[1]);
  const expr::ExpressionPtr second = is_null_safe ? conjunct->arguments[1] : AsKeyBeside(conjunct->arguments[1], conjunct->arguments[0]);
  if (expr::ColumnsOf(*first).empty() || expr::ColumnsOf(*second).empty()) return false;
  if (!expr::IsDeterministic(*conjunct)) return false;
  for (const bool swapped : {false, true}) {
    const expr::ExpressionPtr& left = swapped ? second : first;
    const expr::ExpressionPtr& right = swapped ? first : second;
    if (!ReadsOnly(*left, 0, left_count) || !ReadsOnly(*right, left_count, kNoEnd)) continue;
    const auto keys = KeysOf(left, right);
    for (const auto& [of_left, of_right] : keys) condition.keys.push_back(EquiKey{of_left, Shifted(of_right, -left_count), is_null_safe});
    return !keys.empty();
  }
  return false;
}

expr::ExpressionPtr Both(const expr::ExpressionPtr& left, const expr::ExpressionPtr& right) {
  static const expr::ScalarFunction* const kAnd = expr::FunctionRegistry::BuiltIn().Find("AND");
  FIRN_ASSERT(kAnd != nullptr);
  expr::Expression both;
  both.kind = expr::ExpressionKind::kCall;
  both.type = types::DataType::Boolean().WithNullable(left->type.nullable() || right->type.nullable());
  both.span = left->span;
  both.function = kAnd;
  both.arguments = {left, right};
  return std::make_shared<const expr::Expression>(std::move(both));
}

void CollectConjuncts(const expr::ExpressionPtr& condition, std::vector<expr::ExpressionPtr>& conjuncts) {
  if (condition->kind == expr::ExpressionKind::kCall && condition->function->names.front() == "AND") {
    for (const expr::ExpressionPtr& argument : condition->arguments) CollectConjuncts(argument, conjuncts);
    return;
  }
  conjuncts.push_back(condition);
}

}  // namespace

std::vector<expr::ExpressionPtr> ConjunctsOf(const expr::ExpressionPtr& condition) {
  std::vector<expr::ExpressionPtr> conjuncts;
  if (condition != nullptr) CollectConjuncts(condition, conjuncts);
  return conjuncts;
}

expr::ExpressionPtr Conjunction(const std::vector<expr::ExpressionPtr>& conjuncts) {
  if (conjuncts.size() > kMaxAndsInRow) {
    std::vector<expr::ExpressionPtr> parts;
    for (size_t begin = 0; begin < conjuncts.size(); begin += kMaxAndsInRow) {
      const size_t end = std::min(begin + kMaxAndsInRow, conjuncts.size());
      parts.push_back(Conjunction({conjuncts.begin() + static_cast<std::ptrdiff_t>(begin), conjuncts.begin() + static_cast<std::ptrdiff_t>(end)}));
    }
    return Conjunction(parts);
  }
  expr::ExpressionPtr all;
  for (const expr::ExpressionPtr& conjunct : conjuncts) {
    FIRN_ASSERT(conjunct != nullptr && conjunct->type.kind() == types::TypeKind::kBoolean, "{}", conjunct == nullptr ? "none" : conjunct->type.ToString());
    all = all == nullptr ? conjunct : Both(all, conjunct);
  }
  return all;
}

JoinCondition SplitJoinCondition(const expr::ExpressionPtr& condition, int left_count) {
  JoinCondition split;
  for (const expr::ExpressionPtr& conjunct : ConjunctsOf(condition)) {
    if (!SplitEquality(conjunct, left_count, split)) split.residual.push_back(conjunct);
  }
  return split;
}

bool ReadsOnly(const expr::Expression& expression, int begin, int end) {
  const std::vector<int> columns = expr::ColumnsOf(expression);
  return std::all_of(columns.begin(), columns.end(), [&](int column) { return column >= begin && column < end; });
}

expr::ExpressionPtr Shifted(const expr::ExpressionPtr& expression, int by) {
  const std::vector<int> columns = expr::ColumnsOf(*expression);
  FIRN_ASSERT(columns.empty() || columns.front() + by >= 0, "column {} moved by {}", columns.front(), by);
  std::vector<int> mapping(columns.empty() ? 0 : columns.back() + 1, -1);
  for (int column : columns) mapping[column] = column + by;
  return expr::RemapColumns(expression, mapping);
}

}  // namespace firn::plan
