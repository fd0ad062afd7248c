// SPDX-License-Identifier: Apache-2.0
#include "expr/expression.h"

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/builder.h>
#include <arrow/scalar.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/assert.h"
#include "base/hash.h"
#include "expr/scalar_function.h"
#include "types/value_text.h"

namespace firn::expr {

using types::DataType;

ExpressionPtr MakeColumn(int index, std::string name, DataType type, base::SourceSpan span) {
  Expression column;
  column.kind = ExpressionKind::kColumn;
  column.type = std::move(type);
  column.span = span;
  column.index = index;
  column.name = std::move(name);
  return std::make_shared<const Expression>(std::move(column));
}

ExpressionPtr MakeLiteral(types::ArrayPtr value, DataType type, base::SourceSpan span) {
  FIRN_ASSERT(value->length() == 1 && value->type_id() == type.ToArrow()->id(), "a literal of type {} has {} values of {}", type.ToString(), value->length(), value->type()->ToString());
  Expression literal;
  literal.kind = ExpressionKind::kLiteral;
  literal.type = std::move(type);
  literal.span = span;
  literal.literal = std::move(value);
  return std::make_shared<const Expression>(std::move(literal));
}

ExpressionPtr MakeNullLiteral(DataType type) { return MakeLiteral(arrow::MakeArrayOfNull(type.ToArrow(), 1).ValueOrDie(), type.WithNullable(true)); }

namespace {

template <typename Builder, typename Value>
types::ArrayPtr OneValue(Value value) {
  Builder builder;
  FIRN_ASSERT(builder.Append(value).ok());
  return builder.Finish().ValueOrDie();
}

}  // namespace

ExpressionPtr MakeBooleanLiteral(bool value) { return MakeLiteral(OneValue<arrow::BooleanBuilder>(value), DataType::Boolean().NotNull()); }
ExpressionPtr MakeIntLiteral(int32_t value) { return MakeLiteral(OneValue<arrow::Int32Builder>(value), DataType::Int().NotNull()); }
ExpressionPtr MakeBigIntLiteral(int64_t value) { return MakeLiteral(OneValue<arrow::Int64Builder>(value), DataType::BigInt().NotNull()); }
ExpressionPtr MakeStringLiteral(std::string_view value) {
  return MakeLiteral(OneValue<arrow::StringBuilder>(value), DataType::String().NotNull());
}

bool Equal(const Expression& left, const Expression& right) {
  if (&left == &right) return true;
  if (left.kind != right.kind || !(left.type == right.type) || left.index != right.index || left.function != right.function ||
      left.arguments.size() != right.arguments.size()) {
    return false;
  }
  if (left.kind == ExpressionKind::kLiteral) {
    return left.literal->Equals(*right.literal, arrow::EqualOptions::Defaults().nans_equal(true).signed_zeros_equal(false));
  }
  return std::equal(left.arguments.begin(), left.arguments.end(), right.arguments.begin(),
                    [](const ExpressionPtr& a, const ExpressionPtr& b) { return Equal(*a, *b); });
}

uint64_t Hash(const Expression& expression) {
  uint64_t hash = base::HashInteger(static_cast<uint64_t>(expression.kind) * 1000 + static_cast<uint64_t>(expression.index + 1));
  if (expression.function != nullptr) hash = base::CombineHashes(hash, base::HashBytes(expression.function->names[0]));
  if (expression.kind == ExpressionKind::kLiteral) hash = base::CombineHashes(hash, base::HashBytes(ToString(expression)));
  for (const ExpressionPtr& argument : expression.arguments) hash = base::CombineHashes(hash, Hash(*argument));
  return hash;
}

namespace {

void CollectColumns(const Expression& expression, std::set<int>* columns) {
  if (expression.kind == ExpressionKind::kColumn) columns->insert(expression.index);
  for (const ExpressionPtr& argument : expression.arguments) CollectColumns(*argument, columns);
}

template <typename Replace>
ExpressionPtr RewriteColumns(const ExpressionPtr& expression, const Replace& replace) {
  if (expression->kind == ExpressionKind::kColumn) return replace(expression);
  if (expression->kind == ExpressionKind::kLiteral) return expression;
  Expression copy = *expression;
  for (ExpressionPtr& argument : copy.arguments) argument = RewriteColumns(argument, replace);
  return std::make_shared<const Expression>(std::move(copy));
}

}  // namespace

std::vector<int> ColumnsOf(const Expression& expression) {
  std::set<int> columns;
  CollectColumns(expression, &columns);
  return {columns.begin(), columns.end()};
}

ExpressionPtr RemapColumns(const ExpressionPtr& expression, const std::vector<int>& mapping) {
  return RewriteColumns(expression, [&](const ExpressionPtr& column) {
    const auto index = static_cast<size_t>(column->index);
    FIRN_ASSERT(index < mapping.size() && mapping[index] >= 0, "column {} ({}) is not mapped", column->index, column->name);
    Expression copy = *column;
    copy.index = mapping[index];
    return std::make_shared<const Expression>(std::move(copy));
  });
}

ExpressionPtr SubstituteColumns(const ExpressionPtr& expression, const std::vector<ExpressionPtr>& replacements) {
  return RewriteColumns(expression, [&](const ExpressionPtr& column) {
    const auto index = static_cast<size_t>(column->index);
    FIRN_ASSERT(index < replacements.size(), "column {} ({}) has no replacement", column->index, column->name);
    return replacements[index];
  });
}

void CountUses(const Expression& expression, std::vector<int>* uses) {
  if (expression.kind == ExpressionKind::kColumn) {
    FIRN_ASSERT(expression.index >= 0 && static_cast<size_t>(expression.index) < uses->size(), "column {} of {}", expression.index, uses->size());
    ++(*uses)[static_cast<size_t>(expression.index)];
  }
  for (const ExpressionPtr& argument : expression.arguments) CountUses(*argument, uses);
}

bool IsDeterministic(const Expression& expression) {
  if (expression.function != nullptr && !expression.function->is_deterministic) return false;
  return std::all_of(expression.arguments.begin(), expression.arguments.end(), [](const ExpressionPtr& argument) { return IsDeterministic(*argument); });
}

namespace {

std::string LiteralText(const Expression& literal) {
  auto text = types::FormatCell(*literal.literal, 0, literal.type, "UTC");
  if (!text.ok() || literal.literal->IsNull(0) || !literal.type.IsCharacter()) return text.ok() ? *text : "?";
  std::string quoted = "'";
  for (char c : *text) quoted += c == '\'' ? "''" : std::string(1, c);
  return quoted + "'";
}

std::string CallText(const Expression& call) {
  const std::string name(call.function->names[0]);
  std::vector<std::string> arguments;
  for (const ExpressionPtr& argument : call.arguments) arguments.push_back(ToString(*argument));
  const bool is_word = !name.empty() && ((name[0] >= 'A' && name[0] <= 'Z'));
  if (name == "CAST" || name == "TRY_CAST") return fmt::format("{}({} AS {})", name, arguments[0], call.type.WithNullable(true).ToString());
  if (name.starts_with("IS ") && arguments.size() == 1) return fmt::format("{} {}", arguments[0], name);
  if ((!is_word || name == "AND" || name == "OR") && arguments.size() >= 2 && name != "[]") {
    std::string text = "(" + arguments[0];
    for (size_t i = 1; i < arguments.size(); ++i) text += fmt::format(" {} {}", name, arguments[i]);
    return text + ")";
  }
  if (name == "[]") return fmt::format("{}[{}]", arguments[0], arguments[1]);
  std::string text = name + "(";
  for (size_t i = 0; i < arguments.size(); ++i) text += (i > 0 ? ", " : "") + arguments[i];
  return text + ")";
}

}  // namespace

std::string ToString(const Expression& expression) {
  switch (expression.kind) {
    case ExpressionKind::kColumn: return expression.name.empty() ? fmt::format("${}", expression.index) : expression.name;
    case ExpressionKind::kLiteral: return LiteralText(expression);
    case ExpressionKind::kCall: return CallText(expression);
  }
  FIRN_UNREACHABLE("expression kind");
}

}  // namespace firn::expr
