// SPDX-License-Identifier: Apache-2.0
#include "exec/operator_test_rig.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/initialize.h>

#include "base/hash.h"
#include "exec/columns.h"
#include "exec/group_keys.h"

namespace firn::exec {

types::SchemaPtr IntSchema(size_t columns) {
  std::vector<types::Field> fields;
  for (size_t i = 0; i < columns; ++i) fields.push_back({"c" + std::to_string(i), types::DataType::Int()});
  return types::MakeSchema(std::move(fields));
}

expr::AggregateCall AggregateOfInts(const char* name, std::vector<int> arguments) {
  expr::AggregateCall call;
  call.function = expr::FindAggregate(name);
  expr::CallSite site;
  site.name = name;
  site.types.assign(arguments.size(), types::DataType::Int());
  site.literals.assign(arguments.size(), nullptr);
  call.signature = call.function->bind(site).value();
  call.arguments = std::move(arguments);
  return call;
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
    if (schema->field(column).type.kind() == types::TypeKind::kBoolean) {
      arrow::BooleanBuilder builder;
      for (const Change& change : changes) EXPECT_TRUE((change.row[column] ? builder.Append(*change.row[column] != 0) : builder.AppendNull()).ok());
      batch.columns.push_back(builder.Finish().ValueOrDie());
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

std::vector<int32_t> KeysOfFewGroups(size_t count) {
  std::vector<int32_t> keys;
  for (int32_t key = 0; keys.size() < count; ++key) {
    const int group = state::KeyGroupOfHash(base::HashInteger(static_cast<uint64_t>(key)));
    if (group == 0 || group == state::KeyGroupOfHash(kNullKeyHash) || group == state::kKeyGroups - 1) keys.push_back(key);
  }
  return keys;
}

OperatorRig::OperatorRig(Maker maker, std::vector<std::vector<int>> keys) : maker_(std::move(maker)), keys_(std::move(keys)) {
  EXPECT_TRUE(arrow::compute::Initialize().ok());
  Open(1);
}

void OperatorRig::Open(int parallelism) {
  lanes_.clear();
  for (int lane = 0; lane < parallelism; ++lane) {
    auto made = maker_();
    ASSERT_TRUE(made.ok()) << made.error().message();
    lanes_.push_back(std::make_unique<Lane>());
    lanes_.back()->context = {.lane = lane, .parallelism = parallelism, .metrics = &metrics_};
    lanes_.back()->context.evaluation.row_time_us = now_us_;
    lanes_.back()->context.evaluation.time_zone = time_zone_;
    Operator& op = *(lanes_.back()->op = std::move(made).value());
    ASSERT_TRUE(op.Open(lanes_.back()->context).ok());
    const Status restored = op.Restore(*files_.Read(manifest_, "rig", lane, parallelism));
    ASSERT_TRUE(restored.ok()) << restored.error().message();
  }
}

void OperatorRig::SetTime(int64_t now_ms) {
  now_us_ = now_ms * 1000;
  for (auto& lane : lanes_) lane->context.evaluation.row_time_us = now_us_;
}

void OperatorRig::Process(int input, const types::Batch& batch) {
  BatchKeys keys;
  if (lanes_.size() > 1) KeyEncoder(TypesOf(*batch.schema, keys_[static_cast<size_t>(input)])).Encode(ColumnsOf(batch, keys_[static_cast<size_t>(input)]), batch.row_count, &keys);
  for (size_t lane = 0; lane < lanes_.size(); ++lane) {
    std::vector<uint8_t> is_of_lane(static_cast<size_t>(batch.row_count), 1);
    for (size_t row = 0; row < keys.hashes.size(); ++row) {
      is_of_lane[row] = state::LaneOfKeyGroup(state::KeyGroupOfHash(keys.hashes[row]), static_cast<int>(lanes_.size())) == static_cast<int>(lane);
    }
    const types::Batch part = types::TakeRows(batch, IndicesWhere(is_of_lane)).value();
    if (part.row_count == 0) continue;
    const Status status = lanes_[lane]->op->Process(input, part, *this);
    ASSERT_TRUE(status.ok()) << status.error().message();
  }
}

void OperatorRig::Timer(int64_t now_ms) {
  for (auto& lane : lanes_) ASSERT_TRUE(lane->op->OnTimer(now_ms, *this).ok());
}
void OperatorRig::Advance(int64_t watermark_ms) {
  for (auto& lane : lanes_) ASSERT_TRUE(lane->op->Advance({watermark_ms}, *this).ok());
}
void OperatorRig::EndInput(int input) {
  for (auto& lane : lanes_) ASSERT_TRUE(lane->op->EndInput(input, *this).ok());
}
void OperatorRig::Finish() {
  for (auto& lane : lanes_) ASSERT_TRUE(lane->op->Finish(*this).ok());
}

int64_t OperatorRig::Checkpoint() {
  std::vector<state::LaneSnapshot> snapshots;
  int64_t rows = 0;
  for (auto& lane : lanes_) {
    state::SnapshotCollector collector("rig", lane->context.lane, lane->context.parallelism);
    EXPECT_TRUE(lane->op->Snapshot(collector).ok());
    snapshots.push_back(std::move(collector).Take());
    for (const state::TableRows& table : snapshots.back().tables) rows += table.keyed.rows.row_count;
  }
  auto written = files_.Write(++checkpoint_, manifest_, snapshots);
  EXPECT_TRUE(written.ok()) << written.error().message();
  manifest_ = std::move(written->manifest);
  return rows;
}

void OperatorRig::Restart(int parallelism) {
  Checkpoint();
  Open(parallelism);
}

void OperatorRig::Emit(types::Batch batch) {
  for (Change& change : ChangesOf(batch)) changes_.push_back(std::move(change));
}

}  // namespace firn::exec
