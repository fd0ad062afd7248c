// SPDX-License-Identifier: Apache-2.0
#include "exec/operator_test_rig.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/initialize.h>

#include "exec/columns.h"

namespace firn::exec {

types::SchemaPtr IntSchema(size_t columns) {
  std::vector<types::Field> fields;
  for (size_t i = 0; i < columns; ++i) fields.push_back({"c" + std::to_string(i), types::DataType::Int()});
  return types::MakeSchema(std::move(fields));
}

types::Batch MakeBatch(const types::SchemaPtr& schema, const std::vector<Change>& changes) {
  types::Batch batch{schema, {}, static_cast<int64_t>(changes.size()), nullptr, nullptr};
  for (size_t column = 0; column < schema->size(); ++column) {
    if (schema->field(column).type.IsTimestamp()) {
      std::vector<int64_t> times;
      for (const Change& change : changes) times.push_back(change.row[column].value());
      batch.columns.push_back(TimestampArray(schema->field(column).type, times));
      continue;
    }
    arrow::Int32Builder builder;
    for (const Change& change : changes) EXPECT_TRUE((change.row[column] ? builder.Append(*change.row[column]) : builder.AppendNull()).ok());
    batch.columns.push_back(builder.Finish().ValueOrDie());
  }
  std::vector<int8_t> kinds;
  for (const Change& change : changes) kinds.push_back(static_cast<int8_t>(change.kind));
  batch.kinds = KindArray(std::move(kinds));
  return batch;
}

std::vector<Change> ChangesOf(const types::Batch& batch) {
  std::vector<Change> changes;
  for (int64_t row = 0; row < batch.row_count; ++row) {
    Change change{batch.kind(row), {}};
    for (const types::ArrayPtr& column : batch.columns) {
      if (column->IsNull(row)) {
        change.row.push_back(std::nullopt);
      } else if (column->type_id() == arrow::Type::INT32) {
        change.row.push_back(static_cast<const arrow::Int32Array&>(*column).Value(row));
      } else {
        const int64_t scale = column->type_id() == arrow::Type::TIMESTAMP ? 1000 : 1;
        change.row.push_back(static_cast<int32_t>(column->data()->GetValues<int64_t>(1)[row] / scale));
      }
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

void Apply(const std::vector<Change>& changes, Relation* relation) {
  for (const Change& change : changes) {
    int64_t& count = (*relation)[change.row];
    count += IsRetraction(change.kind) ? -1 : 1;
    ASSERT_GE(count, 0) << "a row is taken back that is not there: " << testing::PrintToString(change.row);
    if (count == 0) relation->erase(change.row);
  }
}

OperatorRig::OperatorRig(Maker maker) : maker_(std::move(maker)) {
  EXPECT_TRUE(arrow::compute::Initialize().ok());
  context_.metrics = &metrics_;
  Open();
}

void OperatorRig::Open() {
  auto made = maker_();
  ASSERT_TRUE(made.ok()) << made.error().message();
  operator_ = std::move(made).value();
  ASSERT_TRUE(operator_->Open(context_).ok());
  const Status restored = operator_->Restore(*files_.Read(manifest_, "rig", 0, 1));
  ASSERT_TRUE(restored.ok()) << restored.error().message();
}

void OperatorRig::Process(int input, const types::Batch& batch) {
  const Status status = operator_->Process(input, batch, *this);
  ASSERT_TRUE(status.ok()) << status.error().message();
}

void OperatorRig::Timer(int64_t now_ms) { ASSERT_TRUE(operator_->OnTimer(now_ms, *this).ok()); }
void OperatorRig::Advance(int64_t watermark_ms) { ASSERT_TRUE(operator_->Advance({watermark_ms}, *this).ok()); }
void OperatorRig::EndInput(int input) { ASSERT_TRUE(operator_->EndInput(input, *this).ok()); }
void OperatorRig::Finish() { ASSERT_TRUE(operator_->Finish(*this).ok()); }

int64_t OperatorRig::Checkpoint() {
  state::SnapshotCollector collector("rig", 0, 1);
  EXPECT_TRUE(operator_->Snapshot(collector).ok());
  state::LaneSnapshot snapshot = std::move(collector).Take();
  int64_t rows = 0;
  for (const state::TableRows& table : snapshot.tables) rows += table.keyed.rows.row_count;
  auto written = files_.Write(++checkpoint_, manifest_, {std::move(snapshot)});
  EXPECT_TRUE(written.ok()) << written.error().message();
  manifest_ = std::move(written->manifest);
  return rows;
}

void OperatorRig::Restart() {
  Checkpoint();
  Open();
}

void OperatorRig::Emit(types::Batch batch) {
  for (Change& change : ChangesOf(batch)) changes_.push_back(std::move(change));
}

}  // namespace firn::exec
