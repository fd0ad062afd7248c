// SPDX-License-Identifier: Apache-2.0
// A program is a list of nodes, arguments before their users, equal ones once. Running it fills in a column a node, from the outputs down, so that
// what only a lazy function needs is evaluated by its rule:
//
//   AND, OR     the right side is evaluated for the rows that the left side leaves open, if it can fail; else columns are combined whole
//   CASE        each branch for its own rows
//   COALESCE    each argument for the rows that are still NULL
//
// An argument that cannot fail is evaluated for all rows instead: one vectorised pass is cheaper than gathering rows.
#include "expr/evaluator.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
#include <arrow/compute/api_scalar.h>
#include <arrow/compute/api_vector.h>
#include <arrow/scalar.h>
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/utf8.h"
#include "expr/kernel_internal.h"

namespace firn::expr {

namespace {

struct Node {
  ExpressionPtr expression;
  std::shared_ptr<arrow::DataType> form;  // as which its type lies in memory
  std::vector<int> arguments;
  bool can_fail = false;  // it or anything below it
  mutable std::any memory;
};

// The rows at hand and the columns computed for them.
struct Frame {
  const types::Batch& batch;
  std::vector<std::optional<Column>> columns;  // a node
};

class ProgramImpl final : public Program {
 public:
  Status Build(const std::vector<ExpressionPtr>& outputs) {
    for (const ExpressionPtr& output : outputs) outputs_.push_back(AddNode(output));
    return Ok();
  }

  Result<std::vector<types::ArrayPtr>> Run(const types::Batch& batch, const EvaluationContext& context) override {
    EvaluationContext with_batch = context;
    with_batch.batch = &batch;
    context_ = &with_batch;
    Frame frame{batch, std::vector<std::optional<Column>>(nodes_.size())};
    std::vector<types::ArrayPtr> results;
    for (int output : outputs_) {
      FIRN_TRY(Column column, Evaluate(output, &frame));
      FIRN_TRY(types::ArrayPtr array, ExpandColumn(column, batch.row_count, context.limits));
      FIRN_ASSERT(array->length() == batch.row_count, "{} rows of {} for {}", array->length(), batch.row_count, ToString(*nodes_[static_cast<size_t>(output)].expression));
      results.push_back(std::move(array));
    }
    return results;
  }

 private:
  int AddNode(const ExpressionPtr& expression) {
    const uint64_t hash = Hash(*expression);
    const bool is_shareable = IsDeterministic(*expression);
    if (is_shareable) {
      auto [begin, end] = known_.equal_range(hash);
      for (auto it = begin; it != end; ++it) {
        if (Equal(*nodes_[static_cast<size_t>(it->second)].expression, *expression)) return it->second;
      }
    }
    Node node{expression, expression->type.ToArrow(), {}, expression->function != nullptr && expression->function->can_fail};
    if (node.can_fail) node.can_fail = CanFail(*expression);
    for (const ExpressionPtr& argument : expression->arguments) {
      node.arguments.push_back(AddNode(argument));
      node.can_fail |= nodes_[static_cast<size_t>(node.arguments.back())].can_fail;
    }
    const int index = static_cast<int>(nodes_.size());
    FIRN_ASSERT(std::all_of(node.arguments.begin(), node.arguments.end(), [index](int argument) { return argument < index; }), "node {} of a program stands in front of its arguments", index);
    nodes_.push_back(std::move(node));
    if (is_shareable) known_.emplace(hash, index);
    return index;
  }

  // What a function that may fail cannot do over these types.
  static bool CanFail(const Expression& call) {
    const std::string_view name = call.function->names[0];
    if (name == "+" || name == "-") return call.type.IsTimestamp() && call.type.precision() > 6;
    return name != "CAST" || CastCanFail(call);
  }

  static bool CastCanFail(const Expression& cast) {
    const types::DataType& from = cast.arguments[0]->type;
    if (cast.type.IsTimestamp() && cast.type.precision() > 6) return !from.IsTimestamp() || from.precision() <= 6;  // the years of nanoseconds are few
    return !(from.IsNumeric() || from.kind() == types::TypeKind::kBoolean || from.IsTimestamp() || from.kind() == types::TypeKind::kDate);
  }

  Result<Column> Evaluate(int index, Frame* frame) {
    const auto at = static_cast<size_t>(index);
    if (frame->columns[at]) return *frame->columns[at];
    FIRN_TRY(Column column, Compute(nodes_[at], frame));
    frame->columns[at] = column;
    return column;
  }

  Result<Column> Compute(const Node& node, Frame* frame) {
    const Expression& expression = *node.expression;
    switch (expression.kind) {
      case ExpressionKind::kColumn: return ColumnAt(node, frame->batch);
      case ExpressionKind::kLiteral: return Column{expression.literal, true};
      case ExpressionKind::kCall: break;
    }
    const std::string_view name = expression.function->names[0];
    if (expression.function->is_lazy) {
      if (frame->batch.row_count == 0) return EmptyColumn(expression.type);  // no row needs an argument, not even one that is the same for all
      if (name == "AND" || name == "OR") return ComputeLogical(node, name == "OR", frame);
      if (name == "CASE") return ComputeCase(node, frame);
      if (name == "COALESCE") return ComputeCoalesce(node, frame);
      FIRN_UNREACHABLE("lazy function {} has no rule", name);
    }
    std::vector<Column> arguments;
    for (int argument : node.arguments) {
      FIRN_TRY(Column column, Evaluate(argument, frame));
      arguments.push_back(std::move(column));
    }
    return Call(node, arguments, frame->batch.row_count);
  }

  static Result<Column> EmptyColumn(const types::DataType& type) {
    FIRN_TRY(types::ArrayPtr array, types::FromArrowResult(arrow::MakeEmptyArray(type.ToArrow())));
    return Column{std::move(array), false};
  }

  static Column ColumnAt(const Node& node, const types::Batch& batch) {
    const auto at = static_cast<size_t>(node.expression->index);
    FIRN_ASSERT(at < batch.columns.size() && batch.columns[at] != nullptr, "column {} ({}) of {}", at, node.expression->name, batch.columns.size());
    const types::ArrayPtr& array = batch.columns[at];
    FIRN_ASSERT(array->length() == batch.row_count && HaveOneForm(*array->type(), *node.form), "column {} ({}): {} rows of {} where there are {} of {}", at, node.expression->name, array->length(),
                array->type()->ToString(), batch.row_count, node.expression->type.ToString());
    return Column{array, false};
  }

  Result<Column> Call(const Node& node, const std::vector<Column>& arguments, int64_t rows) {
    const Expression& expression = *node.expression;
    FIRN_ASSERT(expression.function->kernel != nullptr, "{} has no kernel", expression.function->names[0]);
    bool is_constant = expression.function->is_deterministic;
    for (const Column& argument : arguments) is_constant &= argument.is_constant;
    std::vector<types::DataType> argument_types;
    for (const ExpressionPtr& argument : expression.arguments) argument_types.push_back(argument->type);
    const KernelInput input{*context_, arguments, argument_types, expression.type, is_constant ? 1 : rows, &node.memory};
    auto result = expression.function->kernel(input);
    if (!result.ok()) {
      Error error = std::move(result).error();
      if (!error.span()) error = std::move(error).At(expression.span);
      return std::move(error).Context("evaluating " + base::Excerpt(ToString(expression), 400));
    }
    if (is_constant) result->is_constant = true;
    FIRN_ASSERT(result->array->length() == (result->is_constant ? 1 : rows), "{} gave {} values for {} rows", expression.function->names[0], result->array->length(), rows);
    FIRN_ASSERT(HaveOneForm(*result->array->type(), *node.form), "{} gave values of {}, bound to give {}", expression.function->names[0], result->array->type()->ToString(), expression.type.ToString());
    return result;
  }

  // --- rows of their own ---

  // Evaluates a node for the rows at `rows` (ascending); the result has as many rows.
  Result<Column> EvaluateFor(int index, const std::vector<int64_t>& rows, Frame* frame) {
    const Node& node = nodes_[static_cast<size_t>(index)];
    FIRN_ASSERT(!rows.empty() && rows.front() >= 0 && rows.back() < frame->batch.row_count, "rows {} to {} of {}", rows.empty() ? -1 : rows.front(), rows.empty() ? -1 : rows.back(), frame->batch.row_count);
    const bool takes_all = static_cast<int64_t>(rows.size()) == frame->batch.row_count;
    if (takes_all || !node.can_fail || node.expression->kind == ExpressionKind::kLiteral) {
      FIRN_TRY(Column column, Evaluate(index, frame));
      if (takes_all || column.is_constant) return column;
      FIRN_TRY(types::ArrayPtr taken, Take(column.array, rows));
      return Column{std::move(taken), false};
    }
    types::Batch part{frame->batch.schema, {}, static_cast<int64_t>(rows.size()), nullptr, nullptr};
    part.columns.resize(frame->batch.columns.size());
    for (int column : ColumnsOf(*node.expression)) {
      FIRN_TRY(part.columns[static_cast<size_t>(column)], Take(frame->batch.columns[static_cast<size_t>(column)], rows));
    }
    if (frame->batch.watermarks) {
      FIRN_TRY(part.watermarks, Take(frame->batch.watermarks, rows));
    }
    Frame inner{part, std::vector<std::optional<Column>>(nodes_.size())};
    return Evaluate(index, &inner);
  }

  static Result<types::ArrayPtr> Take(const types::ArrayPtr& array, const std::vector<int64_t>& rows) {
    arrow::Int64Builder builder;
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.AppendValues(rows)));
    FIRN_TRY(types::ArrayPtr indices, types::FromArrowResult(builder.Finish()));
    return types::FromArrowResult(arrow::compute::Take(*array, *indices, arrow::compute::TakeOptions::NoBoundsCheck()));
  }

  // --- lazy functions ---

  // Arguments that cannot fail are combined whole columns at a time.
  Result<Column> ComputeLogical(const Node& node, bool is_or, Frame* frame) {
    if (node.can_fail) return ComputeLogicalByRow(node, is_or, frame);
    Column all;
    for (int argument : node.arguments) {
      FIRN_TRY(Column column, Evaluate(argument, frame));
      if (column.array->type_id() == arrow::Type::NA) {
        FIRN_TRY(column, NullColumn(types::DataType::Boolean()));
      }
      FIRN_TRY(column.array, ExpandColumn(column, frame->batch.row_count, context_->limits));
      if (all.array != nullptr) {
        const auto combined = is_or ? arrow::compute::KleeneOr(all.array, column.array) : arrow::compute::KleeneAnd(all.array, column.array);
        FIRN_TRY(arrow::Datum datum, types::FromArrowResult(combined));
        column.array = datum.make_array();
      }
      all.array = std::move(column.array);
    }
    return all;
  }

  // Three-valued AND or OR over any number of arguments. 0 FALSE, 1 TRUE, 2 NULL a row.
  Result<Column> ComputeLogicalByRow(const Node& node, bool is_or, Frame* frame) {
    const uint8_t absorbing = is_or ? 1 : 0;
    const int64_t count = frame->batch.row_count;
    std::vector<uint8_t> states(static_cast<size_t>(count), is_or ? 0 : 1);
    std::vector<int64_t> open(static_cast<size_t>(count));
    for (int64_t row = 0; row < count; ++row) open[static_cast<size_t>(row)] = row;
    for (int argument : node.arguments) {
      if (open.empty()) break;
      FIRN_TRY(Column column, EvaluateFor(argument, open, frame));
      if (column.array->type_id() == arrow::Type::NA) {
        FIRN_TRY(column, NullColumn(types::DataType::Boolean()));
      }
      const BooleanView view(column);
      std::vector<int64_t> still_open;
      for (size_t i = 0; i < open.size(); ++i) {
        const auto at = static_cast<int64_t>(i);
        uint8_t& state = states[static_cast<size_t>(open[i])];
        if (!view.IsValid(at)) {
          state = 2;
        } else if ((view[at] ? 1 : 0) == absorbing) {
          state = absorbing;
        }
        if (state != absorbing) still_open.push_back(open[i]);
      }
      open = std::move(still_open);
    }
    ColumnMaker<bool> maker(node.expression->type, count);
    for (int64_t row = 0; row < count; ++row) {
      const uint8_t state = states[static_cast<size_t>(row)];
      if (state == 2) {
        maker.SetNull(row);
      } else {
        maker.Set(row, state == 1);
      }
    }
    return maker.Finish(false);
  }

  // Puts together what the branches gave: parts[i] holds the values of rows chosen[i].
  Result<Column> Assemble(const Node& node, const std::vector<std::pair<std::vector<int64_t>, Column>>& parts, Frame* frame) {
    const int64_t count = frame->batch.row_count;
    arrow::ArrayVector arrays;
    std::vector<int64_t> source(static_cast<size_t>(count), 0);
    int64_t base = 0;
    int64_t assembled = 0;
    for (const auto& [rows, column] : parts) {
      if (rows.empty()) continue;
      FIRN_ASSERT(column.array->length() == (column.is_constant ? 1 : static_cast<int64_t>(rows.size())), "a branch gave {} values for {} rows", column.array->length(), rows.size());
      for (size_t i = 0; i < rows.size(); ++i) source[static_cast<size_t>(rows[i])] = base + (column.is_constant ? 0 : static_cast<int64_t>(i));
      types::ArrayPtr array = column.array;
      if (array->type_id() == arrow::Type::NA) {
        FIRN_TRY(array, types::FromArrowResult(arrow::MakeArrayOfNull(node.expression->type.ToArrow(), array->length())));
      }
      base += array->length();
      assembled += static_cast<int64_t>(rows.size());
      arrays.push_back(std::move(array));
    }
    FIRN_ASSERT(assembled == count, "branches gave values for {} rows of {}", assembled, count);
    FIRN_TRY(types::ArrayPtr joined, types::FromArrowResult(arrow::Concatenate(arrays)));
    FIRN_TRY(types::ArrayPtr result, Take(joined, source));
    return Column{std::move(result), false};
  }

  Result<Column> ComputeCase(const Node& node, Frame* frame) {
    std::vector<int64_t> open = AllRows(frame);
    std::vector<std::pair<std::vector<int64_t>, Column>> parts;
    size_t next = 0;
    for (; next + 1 < node.arguments.size() && !open.empty(); next += 2) {
      FIRN_TRY(Column condition, EvaluateFor(node.arguments[next], open, frame));
      std::vector<int64_t> chosen, rest;
      if (condition.array->type_id() == arrow::Type::NA) {
        rest = open;
      } else {
        const BooleanView view(condition);
        for (size_t i = 0; i < open.size(); ++i) {
          const auto at = static_cast<int64_t>(i);
          (view.IsValid(at) && view[at] ? chosen : rest).push_back(open[i]);
        }
      }
      if (!chosen.empty()) {
        FIRN_TRY(Column value, EvaluateFor(node.arguments[next + 1], chosen, frame));
        parts.emplace_back(std::move(chosen), std::move(value));
      }
      open = std::move(rest);
    }
    if (!open.empty()) {
      FIRN_TRY(Column otherwise, EvaluateFor(node.arguments.back(), open, frame));
      parts.emplace_back(std::move(open), std::move(otherwise));
    }
    return Assemble(node, parts, frame);
  }

  Result<Column> ComputeCoalesce(const Node& node, Frame* frame) {
    std::vector<int64_t> open = AllRows(frame);
    std::vector<std::pair<std::vector<int64_t>, Column>> parts;
    for (size_t i = 0; i < node.arguments.size() && !open.empty(); ++i) {
      FIRN_TRY(Column value, EvaluateFor(node.arguments[i], open, frame));
      if (i + 1 == node.arguments.size()) {
        parts.emplace_back(std::exchange(open, {}), std::move(value));
        break;
      }
      std::vector<int64_t> chosen, chosen_at, rest;
      for (size_t j = 0; j < open.size(); ++j) {
        const int64_t at = value.is_constant ? 0 : static_cast<int64_t>(j);
        if (value.array->IsNull(at)) {
          rest.push_back(open[j]);
        } else {
          chosen.push_back(open[j]);
          chosen_at.push_back(at);
        }
      }
      if (!chosen.empty()) {
        FIRN_TRY(types::ArrayPtr taken, Take(value.array, chosen_at));
        parts.emplace_back(std::move(chosen), Column{std::move(taken), false});
      }
      open = std::move(rest);
    }
    return Assemble(node, parts, frame);
  }

  static std::vector<int64_t> AllRows(const Frame* frame) {
    std::vector<int64_t> rows(static_cast<size_t>(frame->batch.row_count));
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int64_t>(i);
    return rows;
  }

  std::vector<Node> nodes_;
  std::unordered_multimap<uint64_t, int> known_;
  std::vector<int> outputs_;
  const EvaluationContext* context_ = nullptr;  // during Run
};

types::Batch OneRow() {
  static const types::SchemaPtr* const schema = new types::SchemaPtr(types::MakeSchema({}));
  return types::Batch{*schema, {}, 1, nullptr, nullptr};
}

}  // namespace

Result<std::unique_ptr<Program>> Program::Compile(std::vector<ExpressionPtr> outputs) {
  auto program = std::make_unique<ProgramImpl>();
  FIRN_RETURN_IF_ERROR(program->Build(outputs));
  return std::unique_ptr<Program>(std::move(program));
}

Result<types::ArrayPtr> EvaluateConstant(const Expression& expression, const EvaluationContext& context) {
  FIRN_TRY(auto program, Program::Compile({std::make_shared<const Expression>(expression)}));
  FIRN_TRY(std::vector<types::ArrayPtr> values, program->Run(OneRow(), context));
  return values[0];
}

Result<ExpressionPtr> FoldConstants(const ExpressionPtr& expression, const EvaluationContext& context) {
  if (expression->kind != ExpressionKind::kCall) return expression;
  Expression copy = *expression;
  bool all_literal = true;
  for (ExpressionPtr& argument : copy.arguments) {
    auto folded = FoldConstants(argument, context);
    // What stands in a branch may never be evaluated: its error waits until it is.
    if (!folded.ok() && !copy.function->is_lazy) return std::move(folded).error();
    if (folded.ok()) argument = std::move(folded).value();
    all_literal &= argument->kind == ExpressionKind::kLiteral;
  }
  const bool is_constant = all_literal && copy.function->is_deterministic;
  if (!is_constant) return std::make_shared<const Expression>(std::move(copy));
  FIRN_TRY(types::ArrayPtr value, EvaluateConstant(copy, context));
  return MakeLiteral(std::move(value), copy.type, copy.span);
}

Result<types::ArrayPtr> EvaluateFilter(Program& program, const types::Batch& batch, const EvaluationContext& context) {
  FIRN_TRY(std::vector<types::ArrayPtr> values, program.Run(batch, context));
  FIRN_ASSERT(values.size() == 1 && values[0]->type_id() == arrow::Type::BOOL, "a filter of {} columns of {}", values.size(), values.empty() ? "nothing" : values[0]->type()->ToString());
  return values[0];
}

}  // namespace firn::expr
