// SPDX-License-Identifier: Apache-2.0
#include "connect/kafka_sink.h"

#include <arrow/array.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

#include "base/assert.h"
#include "base/mutex.h"
#include "base/varint.h"
#include "kafka/partitioner.h"
#include "kafka/record_batch.h"
#include "types/temporal.h"

namespace firn::connect {

namespace {

constexpr size_t kBatchBytes = 512 << 10;           // a record batch is closed at this size
constexpr std::chrono::milliseconds kCreationTimeMax{30'000};  // of a topic
constexpr int64_t kPendingBytesMax = 64LL << 20;    // of one lane between two checkpoints: it all goes into one journal entry

// What a lane hands over: for each batch a varint partition, a varint size and the bytes.
void AppendPending(std::string* out, int32_t partition, const std::string& batch) {
  base::AppendUnsignedVarint(out, static_cast<uint64_t>(partition));
  base::AppendUnsignedVarint(out, batch.size());
  out->append(batch);
}

struct ColumnPlan {
  std::vector<int> values;       // input columns, in the order of the value schema
  std::vector<int> keys;
  int timestamp = -1;            // metadata column
  int64_t timestamp_units = 1000;  // of it, in a millisecond
  int headers = -1;              // metadata column
  types::SchemaPtr value_schema;
  types::SchemaPtr key_schema;
};

/// What a record's headers are, of a MAP<STRING, BYTES>. As in Flink, an entry without name or value is none.
void ReadHeaders(const arrow::MapArray& maps, int64_t row, std::vector<kafka::RecordBatchBuilder::Header>* headers) {
  headers->clear();
  if (maps.IsNull(row)) return;
  const auto& names = static_cast<const arrow::StringArray&>(*maps.keys());
  const auto& values = static_cast<const arrow::BinaryArray&>(*maps.items());
  for (int64_t i = maps.value_offset(row); i < maps.value_offset(row) + maps.value_length(row); ++i) {
    if (!names.IsNull(i) && !values.IsNull(i)) headers->emplace_back(names.GetView(i), values.GetView(i));
  }
}

types::Batch Project(const types::Batch& batch, const types::SchemaPtr& schema, const std::vector<int>& columns) {
  types::Batch projected{schema, {}, batch.row_count, batch.kinds, nullptr};
  for (int column : columns) projected.columns.push_back(batch.columns[static_cast<size_t>(column)]);
  return projected;
}

class KafkaLane final : public exec::SinkLane {
 public:
  KafkaLane(const io::Clock& clock, const ColumnPlan& columns, std::string partitioner, int32_t partition_count, int lane)
      : clock_(clock),
        columns_(columns),
        partitioner_(std::move(partitioner)),
        builders_(static_cast<size_t>(partition_count)),
        next_partition_(lane % partition_count) {}

  Status MakeEncoders(const KafkaTable& table) {
    FIRN_TRY(value_encoder_, formats::MakeEncoder(table.value_format, columns_.value_schema));
    if (!columns_.keys.empty()) {
      FIRN_TRY(key_encoder_, formats::MakeEncoder(*table.key_format, columns_.key_schema));
    }
    return Ok();
  }

  Status Write(const types::Batch& batch) override {
    if (batch.row_count == 0) return Ok();
    FIRN_TRY(formats::EncodedRecords values, value_encoder_->Encode(Project(batch, columns_.value_schema, columns_.values)));
    formats::EncodedRecords keys;
    if (key_encoder_) {
      FIRN_TRY(keys, key_encoder_->Encode(Project(batch, columns_.key_schema, columns_.keys)));
    }
    FIRN_ASSERT(values.ends.size() == static_cast<size_t>(batch.row_count) && (!key_encoder_ || keys.ends.size() == values.ends.size()), "{} values and {} keys of {} rows", values.ends.size(),
                keys.ends.size(), batch.row_count);
    const int64_t now_ms = clock_.WallTimeMs();
    const arrow::TimestampArray* timestamps =
        columns_.timestamp < 0 ? nullptr : static_cast<const arrow::TimestampArray*>(batch.columns[static_cast<size_t>(columns_.timestamp)].get());
    const arrow::MapArray* header_maps = columns_.headers < 0 ? nullptr : static_cast<const arrow::MapArray*>(batch.columns[static_cast<size_t>(columns_.headers)].get());
    std::vector<kafka::RecordBatchBuilder::Header> headers;
    for (int64_t row = 0; row < batch.row_count; ++row) {
      const auto index = static_cast<size_t>(row);
      std::optional<std::string_view> key;
      if (key_encoder_ && !keys.is_null(index)) key = keys.record(index);
      const int64_t timestamp_ms = timestamps != nullptr && !timestamps->IsNull(row) ? types::FloorDivide(timestamps->Value(row), columns_.timestamp_units) : now_ms;
      const int32_t partition = PartitionFor(key);
      FIRN_ASSERT(partition >= 0 && static_cast<size_t>(partition) < builders_.size(), "partition {} of {}", partition, builders_.size());
      kafka::RecordBatchBuilder& builder = builders_[static_cast<size_t>(partition)];
      if (header_maps != nullptr) ReadHeaders(*header_maps, row, &headers);
      builder.Append(timestamp_ms, key, values.is_null(index) ? std::nullopt : std::optional(values.record(index)), headers);
      if (builder.size_bytes() >= kBatchBytes) AppendPending(&pending_, partition, builder.Build());
    }
    if (state_bytes() > kPendingBytesMax) {
      return Error(ErrorCode::kLimitExceeded, fmt::format("a kafka sink has gathered {} bytes since the last checkpoint, the limit is {}", state_bytes(), kPendingBytesMax))
          .Hint("set 'execution.checkpointing.interval' to a shorter time");
    }
    return Ok();
  }

  Result<std::unique_ptr<exec::SinkPart>> Prepare(int64_t) override {
    for (size_t i = 0; i < builders_.size(); ++i) {
      if (builders_[i].record_count() > 0) AppendPending(&pending_, static_cast<int32_t>(i), builders_[i].Build());
    }
    return std::make_unique<exec::FinishedPart>(std::exchange(pending_, {}));
  }

  Status Snapshot(state::StateWriter&) override { return Ok(); }
  Status Restore(state::StateReader&) override { return Ok(); }
  int64_t state_bytes() const override {
    size_t bytes = pending_.size();
    for (const kafka::RecordBatchBuilder& builder : builders_) bytes += builder.size_bytes();
    return static_cast<int64_t>(bytes);
  }

 private:
  int32_t PartitionFor(const std::optional<std::string_view>& key) {
    const auto count = static_cast<int32_t>(builders_.size());
    if (partitioner_ == "default" && key) return kafka::PartitionOfKey(*key, count);
    if (partitioner_ == "fixed") return next_partition_;
    next_partition_ = (next_partition_ + 1) % count;
    return next_partition_;
  }

  const io::Clock& clock_;
  const ColumnPlan columns_;
  const std::string partitioner_;
  std::unique_ptr<formats::RecordEncoder> value_encoder_;
  std::unique_ptr<formats::RecordEncoder> key_encoder_;
  std::vector<kafka::RecordBatchBuilder> builders_;  // one a partition
  int32_t next_partition_;
  std::string pending_;
};

class KafkaCommitter final : public exec::SinkCommitter {
 public:
  KafkaCommitter(const broker::Topics& topics, std::string topic) : topics_(topics), topic_(std::move(topic)) {}

  Result<exec::PreparedEffects> Prepare(const exec::CheckpointIdentity&, const std::vector<std::string>& lanes, bool) override {
    exec::PreparedEffects effects;
    FIRN_TRY(broker::TopicInfo topic, topics_.Find(topic_));
    for (std::string_view rest : lanes) {
      while (!rest.empty()) {
        uint64_t partition = 0;
        uint64_t size = 0;
        FIRN_ASSERT(base::ReadUnsignedVarint(&rest, &partition) && base::ReadUnsignedVarint(&rest, &size) && size <= rest.size(),
                    "a kafka lane's batches are cut off");
        FIRN_TRY(log::Operation operation, topics_.Append(topic, static_cast<int32_t>(partition), std::string(rest.substr(0, size))));
        effects.in_journal.push_back(std::move(operation));
        rest.remove_prefix(size);
      }
    }
    return effects;
  }
  void Published(const exec::CheckpointIdentity&) override {}
  void Abandoned(const exec::CheckpointIdentity&) override {}
  Status CommitOutside(const exec::CheckpointIdentity&, const std::string&) override { return Ok(); }

 private:
  const broker::Topics& topics_;
  std::string topic_;
};

Status PlanMetadata(const std::string& key, const types::Field& field, int column, ColumnPlan* columns) {
  if (key == "timestamp") {
    columns->timestamp = column;
    columns->timestamp_units = field.type.precision() > 6 ? 1'000'000 : 1000;
    return Ok();
  }
  if (key != "headers") {
    return Error(ErrorCode::kNotSupported, fmt::format("the metadata '{}' of a kafka table cannot be written", key)).Hint("declare the column VIRTUAL; 'timestamp' and 'headers' can be written");
  }
  if (field.type.kind() != types::TypeKind::kMap || !field.type.key().IsCharacter() || !field.type.value().IsBytes()) {
    return Error(ErrorCode::kNotSupported, fmt::format("headers are a MAP<STRING, BYTES>, column `{}` is {}", field.name, field.type.ToString())).Hint("declare it so, or VIRTUAL");
  }
  columns->headers = column;
  return Ok();
}

Result<ColumnPlan> PlanColumns(const KafkaTable& table, const plan::SinkNode& sink, const types::SchemaPtr& input) {
  ColumnPlan columns;
  std::vector<types::Field> value_fields, key_fields;
  for (size_t i = 0; i < sink.columns.size(); ++i) {
    const types::Field field{sink.columns[i], input->field(i).type};
    if (!sink.metadata_keys[i].empty()) {
      FIRN_RETURN_IF_ERROR(PlanMetadata(sink.metadata_keys[i], field, static_cast<int>(i), &columns));
      continue;
    }
    const bool is_key = std::find(table.key_fields.begin(), table.key_fields.end(), field.name) != table.key_fields.end();
    if (is_key) {
      columns.keys.push_back(static_cast<int>(i));
      key_fields.push_back({field.name.substr(table.key_prefix.size()), field.type});
    }
    if (!is_key || table.value_has_key_fields) {
      columns.values.push_back(static_cast<int>(i));
      value_fields.push_back(field);
    }
  }
  columns.value_schema = types::MakeSchema(std::move(value_fields));
  columns.key_schema = types::MakeSchema(std::move(key_fields));
  return columns;
}

/// The topic; made if it is not there, as Kafka's broker does for who writes to it. Blocks until that is durable.
Result<broker::TopicInfo> FindOrCreate(broker::Topics& topics, const std::string& name) {
  auto found = topics.Find(name);
  if (found.ok() || found.error().code() != ErrorCode::kUnknownTopic) return found;
  struct Answer {
    base::Mutex mutex;
    base::ConditionVariable given;
    std::optional<Result<broker::TopicInfo>> topic FIRN_GUARDED_BY(mutex);
  };
  auto answer = std::make_shared<Answer>();
  topics.Create(name, {}, [answer](Result<broker::TopicInfo> made) {
    base::MutexLock lock(answer->mutex);
    answer->topic = std::move(made);
    answer->given.NotifyAll();
  });
  base::MutexLock lock(answer->mutex);
  const auto is_given = [&]() FIRN_REQUIRES(answer->mutex) { return answer->topic.has_value(); };
  if (!answer->given.WaitFor(lock, kCreationTimeMax, is_given)) return found;
  if (!answer->topic->ok() && answer->topic->error().code() == ErrorCode::kObjectExists) return topics.Find(name);  // another made it meanwhile
  return *std::move(answer->topic);
}

}  // namespace

Result<exec::Sink> MakeKafkaSink(broker::Topics& topics, const io::Clock& clock, KafkaTable table, const plan::SinkNode& sink,
                                 const types::SchemaPtr& input, int lanes) {
  if (table.topics.size() != 1) {
    return Error(ErrorCode::kInvalidOption, fmt::format("'topic' names {} topics ({}); a table that is written names one", table.topics.size(), fmt::join(table.topics, ";"))).Hint("make a table for each, and a statement set of an INSERT into each");
  }
  FIRN_TRY(ColumnPlan columns, PlanColumns(table, sink, input));
  FIRN_TRY(broker::TopicInfo topic, FindOrCreate(topics, table.topics[0]));
  FIRN_ASSERT(!topic.partitions.empty(), "topic {} has no partition to write to", topic.name);
  exec::Sink made;
  for (int lane = 0; lane < lanes; ++lane) {
    auto writer = std::make_unique<KafkaLane>(clock, columns, table.partitioner, static_cast<int32_t>(topic.partitions.size()), lane);
    FIRN_RETURN_IF_ERROR(writer->MakeEncoders(table));
    made.lanes.push_back(std::move(writer));
  }
  made.committer = std::make_unique<KafkaCommitter>(topics, table.topics[0]);
  return made;
}

}  // namespace firn::connect
