// SPDX-License-Identifier: Apache-2.0
// UNNEST: each row once an element of its collection, or as often as a number says. The elements lie one after the other in memory as they are, so an output batch is two
// Takes: of rows by the number of their row, of elements by their place. Batches are cut at kPreferredBatchRows, since a row may have many elements.
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/api_vector.h>

#include <utility>

#include "base/assert.h"
#include "exec/columns.h"
#include "exec/operators_internal.h"
#include "expr/evaluator.h"
#include "types/arrow_result.h"

namespace firn::exec {

namespace {

/// The columns of the elements: of structs (ROWs, entries of maps) one a field.
Result<std::vector<types::ArrayPtr>> ElementColumns(const types::ArrayPtr& elements) {
  std::vector<types::ArrayPtr> columns;
  if (elements->type_id() != arrow::Type::STRUCT) return std::vector<types::ArrayPtr>{elements};
  const auto& rows = static_cast<const arrow::StructArray&>(*elements);
  for (int i = 0; i < rows.num_fields(); ++i) {
    FIRN_TRY(types::ArrayPtr column, types::FromArrowResult(rows.GetFlattenedField(i)));  // NULL where the ROW is
    columns.push_back(std::move(column));
  }
  return columns;
}

class UnnestOperator final : public StatelessOperator {
 public:
  explicit UnnestOperator(const plan::PhysicalNode& node) : node_(node), unnest_(std::get<plan::UnnestNode>(node.spec)) {}

  Status Compile() {
    FIRN_TRY(collection_, expr::Program::Compile({unnest_.collection}));
    const auto& fields = node_.schema->fields();
    passed_schema_ = types::MakeSchema({fields.begin(), fields.begin() + static_cast<std::ptrdiff_t>(unnest_.passed.size())});
    return Ok();
  }

  Status Process(int, types::Batch batch, Output& output) override {
    FIRN_TRY(const std::vector<types::ArrayPtr> arrays, collection_->Run(batch, EvaluationOf(batch)));
    if (arrays[0]->type_id() == arrow::Type::INT64) return Repeat(batch, static_cast<const arrow::Int64Array&>(*arrays[0]), output);
    const auto& lists = static_cast<const arrow::ListArray&>(*arrays[0]);  // a MapArray is one
    FIRN_TRY(const std::vector<types::ArrayPtr> elements, ElementColumns(lists.values()));
    const types::Batch passed = Passed(batch);
    for (int64_t row = 0; row < batch.row_count; ++row) {
      const int64_t begin = lists.value_offset(row);
      const int64_t end = lists.IsNull(row) ? begin : lists.value_offset(row + 1);
      if (begin == end && unnest_.keeps_empty) FIRN_RETURN_IF_ERROR(Add(row, -1, 0, passed, elements, output));
      for (int64_t element = begin; element < end; ++element) {
        FIRN_RETURN_IF_ERROR(Add(row, element, element - begin + 1, passed, elements, output));
      }
    }
    return Flush(passed, elements, output);
  }

 private:
  types::Batch Passed(const types::Batch& batch) const {
    FIRN_ASSERT(rows_.empty() && elements_.empty() && places_.empty(), "{} rows of the batch before are left", rows_.size());
    types::Batch passed{passed_schema_, {}, batch.row_count, batch.kinds, batch.watermarks};
    for (int column : unnest_.passed) passed.columns.push_back(batch.columns[column]);
    return passed;
  }

  Status Repeat(const types::Batch& batch, const arrow::Int64Array& times, Output& output) {
    const types::Batch passed = Passed(batch);
    for (int64_t row = 0; row < batch.row_count; ++row) {
      const int64_t count = times.IsNull(row) ? 0 : times.Value(row);
      for (int64_t i = 0; i < count; ++i) FIRN_RETURN_IF_ERROR(Add(row, -1, 0, passed, {}, output));
    }
    return Flush(passed, {}, output);
  }

  /// `element` -1: none.
  Status Add(int64_t row, int64_t element, int64_t place, const types::Batch& passed, const std::vector<types::ArrayPtr>& elements, Output& output) {
    rows_.push_back(row);
    elements_.push_back(element);
    if (unnest_.with_ordinality) places_.push_back(place);
    return static_cast<int64_t>(rows_.size()) < types::kPreferredBatchRows ? Ok() : Flush(passed, elements, output);
  }

  Status Flush(const types::Batch& passed, const std::vector<types::ArrayPtr>& elements, Output& output) {
    if (rows_.empty()) return Ok();
    const types::ArrayPtr at = IndexArray(elements_);
    FIRN_TRY(types::Batch result, types::TakeRows(passed, LongArray(std::exchange(rows_, {}))));
    result.schema = node_.schema;
    for (const types::ArrayPtr& column : elements) {
      FIRN_TRY(types::ArrayPtr taken, types::FromArrowResult(arrow::compute::Take(*column, *at, arrow::compute::TakeOptions::NoBoundsCheck())));
      result.columns.push_back(std::move(taken));
    }
    if (unnest_.with_ordinality) {
      FIRN_TRY(types::ArrayPtr places, Places());
      result.columns.push_back(std::move(places));
    }
    elements_.clear();
    output.Emit(std::move(result));
    return Ok();
  }

  Result<types::ArrayPtr> Places() {
    arrow::Int32Builder builder;
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.Reserve(static_cast<int64_t>(places_.size()))));
    for (int64_t place : places_) {
      if (place == 0) {
        builder.UnsafeAppendNull();
      } else {
        builder.UnsafeAppend(static_cast<int32_t>(place));
      }
    }
    places_.clear();
    return types::FromArrowResult(builder.Finish());
  }

  const plan::PhysicalNode& node_;
  const plan::UnnestNode& unnest_;
  std::unique_ptr<expr::Program> collection_;
  types::SchemaPtr passed_schema_;
  // What the next output batch is made of; empty between calls.
  std::vector<int64_t> rows_;
  std::vector<int64_t> elements_;
  std::vector<int64_t> places_;
};

}  // namespace

Result<OperatorPtr> MakeUnnestOperator(const plan::PhysicalNode& node) {
  auto unnest = std::make_unique<UnnestOperator>(node);
  FIRN_RETURN_IF_ERROR(unnest->Compile());
  return OperatorPtr(std::move(unnest));
}

}  // namespace firn::exec
