// SPDX-License-Identifier: Apache-2.0
// A poll takes whole record batches of one partition, until enough rows are there, and decodes them with one call:
//   log slices -> RecordView (value, key, offset, timestamp) -> RawRecord list -> decoder -> columns, metadata columns beside them.
// A batch whose records cannot be taken out (it does not decompress, or to too much, or its records are not as its header says) is treated as a
// record that cannot be decoded: an error with its place, or with ignore-parse-errors counted and left out.
#include "connect/kafka_source.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/api_vector.h>
#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <limits>
#include <map>
#include <optional>

#include "connect/kafka_metadata_internal.h"
#include "connect/kafka_records_internal.h"
#include "kafka/record_batch.h"
#include "types/arrow_result.h"

namespace firn::connect {

namespace {

constexpr int64_t kReadBytes = 1 << 20;
constexpr int64_t kNoOffset = -1;
constexpr int kRestsMax = 16;  // partitions whose unread part of a cold read is kept: kReadBytes each

struct Partition {
  std::string topic;
  int32_t index = 0;
  std::shared_ptr<log::PartitionLog> log;
  int64_t next = 0;                                     // offset
  int64_t end = std::numeric_limits<int64_t>::max();    // of a bounded table
  int64_t decode_errors = 0;
  std::string first_error;                              // of these, since the source was opened
  uint64_t subscription = 0;
  std::vector<base::SharedBytes> rest;                  // what the last poll left of a cold read, so that no byte is read and checked twice
  int64_t rest_next = -1;                               // what `next` must be for it to go on there
};

// A partition's line in the positions of a checkpoint.
struct Position {
  std::string topic;
  int32_t index = 0;
  int64_t offset = 0;
  std::optional<log::TopicPartitionId> id;
  int64_t decode_errors = 0;
};

template <typename Number>
bool TakeNumber(std::string_view* text, Number* number) {
  if (text->empty() || text->front() != '\t') return false;
  const auto [end, fault] = std::from_chars(text->data() + 1, text->data() + text->size(), *number);
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  return fault == std::errc();
}

// `line` with its end.
Result<Position> ParsePosition(std::string_view line) {
  std::string_view rest = line.substr(std::min(line.find('\t'), line.size()));
  Position position{.topic = std::string(line.substr(0, line.size() - rest.size()))};
  bool is_good = TakeNumber(&rest, &position.index) && TakeNumber(&rest, &position.offset);
  if (is_good && rest != "\n") {
    uint32_t id = 0;
    is_good = TakeNumber(&rest, &id);
    position.id = log::TopicPartitionId(id);
  }
  if (is_good && rest != "\n") is_good = TakeNumber(&rest, &position.decode_errors);
  if (is_good && rest == "\n") return position;
  return Error(ErrorCode::kCorruption, fmt::format("a stored kafka position is topic, partition and offset with tabs between them, and not '{}'", line.substr(0, line.find('\n'))))
      .Hint("cancel the job and submit its statement again; it starts where 'scan.startup.mode' says");
}

// Where a column of the scan comes from.
enum class Origin { kValue, kKey, kMetadata };

class KafkaSource final : public exec::Source {
 public:
  KafkaSource(broker::Topics& topics, KafkaTable table, const plan::ScanNode& scan)
      : topics_(topics), table_(std::move(table)), schema_(types::MakeSchema(scan.read_columns)), metadata_keys_(scan.metadata_keys) {}

  ~KafkaSource() override {
    for (const uint64_t watch : watches_) topics_.Unwatch(watch);
    for (Partition& partition : partitions_) {
      if (partition.subscription != 0) partition.log->Unsubscribe(partition.subscription);
    }
  }

  Status Open() {
    for (const std::string& name : table_.topics) {
      FIRN_TRY(broker::TopicInfo topic, topics_.Find(name));
      for (size_t i = 0; i < topic.partitions.size(); ++i) {
        Partition partition = PartitionOf(topic, i);
        if (partition.log == nullptr) return Error(ErrorCode::kUnknownTopic, fmt::format("partition {} of topic '{}' was deleted while the query began to read it", i, name)).Hint("run it again; firn topic list shows what exists");
        FIRN_TRY(partition.next, StartOf(partition));
        if (partition.next == kNoOffset && !missing_start_) missing_start_ = NoStart(partition);
        FIRN_TRY(partition.end, EndOf(partition));
        partitions_.push_back(std::move(partition));
      }
    }
    return MakeDecoders();
  }

  int partition_count() const override { return static_cast<int>(partitions_.size()); }
  void SetWaker(std::function<void()> waker) override {
    FIRN_ASSERT(watches_.empty(), "{} topics are watched for somebody else", watches_.size());
    waker_ = std::move(waker);
    if (!table_.discovers_partitions) return;
    for (const std::string& name : table_.topics) {
      watches_.push_back(topics_.Watch(name, [may_have_more = may_have_more_, wake = waker_] {
        may_have_more->store(true, std::memory_order_release);
        wake();
      }));
    }
  }

  Result<exec::PollResult> Poll(int index, int64_t max_rows) override {
    FIRN_ASSERT(index >= 0 && static_cast<size_t>(index) < partitions_.size(), "partition {} of {}", index, partitions_.size());
    if (missing_start_) return *missing_start_;
    if (table_.discovers_partitions && may_have_more_->exchange(false, std::memory_order_acq_rel)) Discover();
    Partition& partition = partitions_[static_cast<size_t>(index)];
    exec::PollResult result;
    result.rows.schema = schema_;
    records_.Clear();
    FIRN_RETURN_IF_ERROR(Collect(&partition, max_rows, &records_));
    if (records_.empty()) {
      result.state = partition.next >= partition.end ? exec::PollState::kEnded : exec::PollState::kBlocked;
      if (result.state == exec::PollState::kBlocked) Subscribe(&partition);
      for (const types::Field& field : schema_->fields()) {
        FIRN_TRY(types::ArrayPtr empty, types::FromArrowResult(arrow::MakeEmptyArray(field.type.ToArrow())));
        result.rows.columns.push_back(std::move(empty));
      }
      return result;
    }
    Status decoded = DecodeInto(&partition, records_, &result.rows);
    records_.Clear();  // the node's memory budget counts what a reader holds
    FIRN_RETURN_IF_ERROR(std::move(decoded));
    if (partition.next >= partition.end) result.state = exec::PollState::kEnded;
    return result;
  }

  // One line a partition: topic, partition, next offset, the partition's id in the log, how many records before that offset could not be decoded. Versions before left out the
  // last, or the last two.
  Result<std::string> Positions() const override {
    if (missing_start_) return *missing_start_;
    std::string text;
    for (const Partition& partition : partitions_) text += fmt::format("{}\t{}\t{}\t{}\t{}\n", partition.topic, partition.index, partition.next, partition.log->id(), partition.decode_errors);
    return text;
  }

  // Of a partition that the positions do not know nothing has been read, whatever the table's startup mode: it was added meanwhile, or its topic was deleted and made
  // anew. As Flink does with partitions that it discovers, it is read from its beginning.
  Status Seek(const std::string& positions) override {
    if (positions.empty()) return Ok();
    std::map<std::pair<std::string, int32_t>, Position> known;
    for (std::string_view rest = positions; !rest.empty();) {
      const size_t line_end = std::min(rest.find('\n'), rest.size() - 1);
      FIRN_TRY(Position position, ParsePosition(rest.substr(0, line_end + 1)));
      known[{position.topic, position.index}] = position;
      rest.remove_prefix(line_end + 1);
    }
    missing_start_.reset();
    for (Partition& partition : partitions_) {
      if (partition.rest_next >= 0) TakeRest(&partition);
      auto found = known.find({partition.topic, partition.index});
      const bool is_same = found != known.end() && (!found->second.id.has_value() || *found->second.id == partition.log->id());
      partition.next = is_same ? found->second.offset : partition.log->log_start().value();
      partition.decode_errors = is_same ? found->second.decode_errors : 0;
    }
    return Ok();
  }

  std::vector<exec::PartitionStatus> Describe() const override {
    std::vector<exec::PartitionStatus> all;
    for (const Partition& partition : partitions_) {
      all.push_back({.name = fmt::format("{}-{}", partition.topic, partition.index),
                     .position = partition.next,
                     .end_position = partition.log->high_watermark().value(),
                     .decode_errors = partition.decode_errors,
                     .decode_error = partition.first_error});
    }
    return all;
  }

  std::vector<log::Operation> CheckpointOperations() const override {
    std::vector<log::Operation> operations;
    if (table_.group.empty()) return operations;
    for (const Partition& partition : partitions_) {
      operations.push_back(topics_.CommitOffset({.group = table_.group, .topic = partition.topic, .partition = partition.index, .id = partition.log->id(), .offset = partition.next}));
    }
    return operations;
  }

 private:
  // Without a place to read from.
  Partition PartitionOf(const broker::TopicInfo& topic, size_t index) const {
    Partition partition;
    partition.topic = topic.name;
    partition.index = static_cast<int32_t>(index);
    partition.log = topics_.partition(topic.partitions[index]);
    return partition;
  }

  // Partitions that were added are read from their beginning, as by Flink, wherever the table's reading began. A topic that is gone, or was made anew, has nothing for this
  // job: its partitions say so.
  void Discover() {
    for (const std::string& name : table_.topics) {
      const Result<broker::TopicInfo> topic = topics_.Find(name);
      if (!topic.ok()) continue;
      size_t known = 0;
      bool is_same = true;
      for (const Partition& partition : partitions_) {
        if (partition.topic != name) continue;
        is_same = is_same && known < topic->partitions.size() && topic->partitions[known] == partition.log->id();
        ++known;
      }
      for (size_t i = known; is_same && i < topic->partitions.size(); ++i) {
        Partition partition = PartitionOf(*topic, i);
        if (partition.log == nullptr) break;
        partition.next = partition.log->log_start().value();
        partitions_.push_back(std::move(partition));
      }
    }
  }

  // kNoOffset: at the group's offset, which there is not.
  Result<int64_t> StartOf(const Partition& partition) const {
    const int64_t earliest = partition.log->log_start().value();
    const int64_t latest = partition.log->high_watermark().value();
    switch (table_.startup) {
      case StartupMode::kEarliest: return earliest;
      case StartupMode::kLatest: return latest;
      case StartupMode::kTimestamp: return OffsetAt(partition, table_.startup_timestamp_ms);
      case StartupMode::kSpecificOffsets: {
        auto found = table_.startup_offsets.find(partition.index);
        return found == table_.startup_offsets.end() ? earliest : found->second;
      }
      case StartupMode::kGroupOffsets: {
        const auto committed = topics_.CommittedOffset(table_.group, partition.topic, partition.index);
        if (committed) return committed->offset;
        if (table_.reset == OffsetReset::kNone) return kNoOffset;
        return table_.reset == OffsetReset::kLatest ? latest : earliest;
      }
    }
    FIRN_UNREACHABLE("startup mode");
  }

  Error NoStart(const Partition& partition) const {
    return Error(ErrorCode::kInvalidOption, fmt::format("group '{}' has committed no offset of partition {} of topic '{}', and 'properties.auto.offset.reset' is 'none'", table_.group, partition.index, partition.topic))
        .Hint("'properties.auto.offset.reset'='earliest' or 'latest' says where such a group begins");
  }

  Result<int64_t> EndOf(const Partition& partition) const {
    switch (table_.bounded) {
      case BoundedMode::kUnbounded: return std::numeric_limits<int64_t>::max();
      case BoundedMode::kLatest: return partition.log->high_watermark().value();
      case BoundedMode::kTimestamp: return OffsetAt(partition, table_.bounded_timestamp_ms);
      case BoundedMode::kSpecificOffsets: {
        auto found = table_.bounded_offsets.find(partition.index);
        return found == table_.bounded_offsets.end() ? partition.log->high_watermark().value() : found->second;
      }
    }
    FIRN_UNREACHABLE("bounded mode");
  }

  static Result<int64_t> OffsetAt(const Partition& partition, int64_t timestamp_ms) {
    FIRN_TRY(log::TimestampOffset found, partition.log->FindTimestamp(timestamp_ms));
    return found.offset.value() < 0 ? partition.log->high_watermark().value() : found.offset.value();
  }

  // Sorts the scan's columns by where they come from and makes the decoders for what is wanted.
  Status MakeDecoders() {
    std::vector<types::Field> value_fields, key_fields;
    bool wants_metadata = false;
    for (size_t i = 0; i < schema_->size(); ++i) {
      const types::Field& field = schema_->field(i);
      const bool is_key = std::find(table_.key_fields.begin(), table_.key_fields.end(), field.name) != table_.key_fields.end();
      if (!metadata_keys_[i].empty()) {
        wants_metadata = true;
        origins_.push_back({Origin::kMetadata, 0});
      } else if (is_key) {
        origins_.push_back({Origin::kKey, key_fields.size()});
        key_fields.push_back({field.name.substr(table_.key_prefix.size()), field.type});
      } else {
        origins_.push_back({Origin::kValue, value_fields.size()});
        value_fields.push_back(field);
      }
    }
    records_ = KafkaRecords({.wants_keys = !key_fields.empty(), .wants_views = wants_metadata});
    // Values are decoded even when no column of theirs is asked for: a broken record gives no row either way.
    FIRN_TRY(value_decoder_, formats::MakeDecoder(table_.value_format, types::MakeSchema(std::move(value_fields))));
    if (!key_fields.empty()) {
      FIRN_TRY(key_decoder_, formats::MakeDecoder(*table_.key_format, types::MakeSchema(std::move(key_fields))));
    }
    return Ok();
  }

  void Subscribe(Partition* partition) {
    if (partition->subscription != 0) partition->log->Unsubscribe(partition->subscription);
    partition->subscription = partition->log->Subscribe(log::Offset(partition->next), waker_);
  }

  Status Collect(Partition* partition, int64_t max_rows, KafkaRecords* records) {
    if (partition->rest_next == partition->next) FIRN_RETURN_IF_ERROR(CollectSlabs(partition, TakeRest(partition), true, max_rows, records));
    while (!records->IsFull(max_rows) && partition->next < partition->end) {
      auto read = partition->log->Read(log::Offset(partition->next), {.max_bytes = kReadBytes, .is_read_once = true});
      if (!read.ok() && read.error().code() == ErrorCode::kOffsetOutOfRange && partition->next < partition->log->log_start().value()) {
        partition->next = partition->log->log_start().value();  // retention has overtaken the reader
        continue;
      }
      if (!read.ok()) return std::move(read).error().Context(fmt::format("reading {}-{}", partition->topic, partition->index));
      if (read->batches.empty()) return Ok();
      FIRN_RETURN_IF_ERROR(CollectSlabs(partition, std::move(read->batches), read->is_cold, max_rows, records));
    }
    return Ok();
  }

  // Slabs in a row, as far as there is room.
  Status CollectSlabs(Partition* partition, std::vector<base::SharedBytes> slabs, bool is_cold, int64_t max_rows, KafkaRecords* records) {
    auto left = slabs.begin();
    for (; left != slabs.end(); ++left) {
      FIRN_TRY(*left, CollectSlab(partition, *left, max_rows, records));
      if (!left->empty()) break;
    }
    slabs.erase(slabs.begin(), left);
    if (is_cold && !slabs.empty() && partition->next < partition->end) KeepRest(partition, std::move(slabs));
    return Ok();
  }

  // Returns what there was no room for.
  Result<base::SharedBytes> CollectSlab(Partition* partition, const base::SharedBytes& slab, int64_t max_rows, KafkaRecords* records) {
    std::string_view rest = slab.view();
    const size_t before = records->size();
    // One batch at least, so that a large one is read at all.
    while (!rest.empty() && (records->empty() || !records->IsFull(max_rows)) && partition->next < partition->end) {
      FIRN_TRY(kafka::RecordBatchView batch, kafka::RecordBatchView::Parse(rest));
      rest.remove_prefix(batch.size());
      if (batch.last_offset() < partition->next || batch.is_control()) continue;
      Status taken = records->Take(slab, batch, partition->next, partition->end);
      if (!taken.ok()) FIRN_RETURN_IF_ERROR(SkipBatch(partition, batch, taken.error()));
      partition->next = std::min(batch.last_offset() + 1, partition->end);
    }
    if (records->size() > before) records->Hold(slab);
    return slab.Slice(slab.size() - rest.size(), rest.size());
  }

  void KeepRest(Partition* partition, std::vector<base::SharedBytes> rest) {
    if (rests_ >= kRestsMax) return;
    ++rests_;
    partition->rest = std::move(rest);
    partition->rest_next = partition->next;
  }

  std::vector<base::SharedBytes> TakeRest(Partition* partition) {
    FIRN_ASSERT(rests_ > 0 && partition->rest_next >= 0, "{} rests are kept, and that of {}-{} is none", rests_, partition->topic, partition->index);
    --rests_;
    partition->rest_next = -1;
    return std::exchange(partition->rest, {});
  }

  // Counts the records of a batch that cannot be read, or gives its place.
  Status SkipBatch(Partition* partition, const kafka::RecordBatchView& batch, const Error& fault) const {
    const int64_t first = std::max(batch.base_offset(), partition->next);
    const std::string place = fmt::format("reading {}-{} at offset {}", partition->topic, partition->index, first);
    if (!IgnoresParseErrors(table_.value_format)) {
      const std::string begin = fmt::format("begin behind it, at offset {}", batch.last_offset() + 1);
      const bool may_ignore = table_.value_format.name != "raw";
      return Error(fault).Context(place).Hint(may_ignore ? fmt::format("'{}.ignore-parse-errors'='true' leaves out what cannot be read; or {}", table_.value_format.name, begin) : begin);
    }
    if (partition->first_error.empty()) partition->first_error = fmt::format("{}: {}", place, fault.message());
    partition->decode_errors += std::min(batch.last_offset() + 1, partition->end) - first;
    return Ok();
  }

  static bool IgnoresParseErrors(const formats::FormatSpec& format) {
    auto option = format.options.find("ignore-parse-errors");
    return option != format.options.end() && option->second == "true";
  }

  Status DecodeInto(Partition* partition, const KafkaRecords& records, types::Batch* rows) {
    auto decoded = value_decoder_->Decode(records.values());
    if (!decoded.ok()) {
      const int64_t offset = records.offset(value_decoder_->failed_record());
      return std::move(decoded).error().Context(fmt::format("reading {}-{} at offset {}", partition->topic, partition->index, offset));
    }
    std::vector<int32_t> record_of_row = decoded->record_of_row;
    if (record_of_row.empty()) {
      record_of_row.resize(static_cast<size_t>(decoded->rows.row_count));
      for (size_t i = 0; i < record_of_row.size(); ++i) record_of_row[i] = static_cast<int32_t>(i);
    }
    CountErrors(partition, *decoded);
    std::vector<types::ArrayPtr> key_columns;
    if (key_decoder_) {
      FIRN_TRY(key_columns, DecodeKeys(partition, records, record_of_row));
    }
    FIRN_ASSERT(static_cast<int64_t>(record_of_row.size()) == decoded->rows.row_count, "{} of {} rows know their record", record_of_row.size(), decoded->rows.row_count);
    FIRN_ASSERT(record_of_row.empty() || static_cast<size_t>(record_of_row.back()) < records.size(), "a row of record {} of {}", record_of_row.back(), records.size());
    rows->row_count = decoded->rows.row_count;
    rows->kinds = decoded->rows.kinds;
    for (size_t i = 0; i < origins_.size(); ++i) {
      switch (origins_[i].first) {
        case Origin::kValue: rows->columns.push_back(decoded->rows.columns[origins_[i].second]); break;
        case Origin::kKey: rows->columns.push_back(key_columns[origins_[i].second]); break;
        case Origin::kMetadata: {
          FIRN_TRY(types::ArrayPtr column, BuildMetadataColumn(metadata_keys_[i], {partition->topic, partition->index}, records, record_of_row));
          rows->columns.push_back(std::move(column));
        }
      }
    }
    return Ok();
  }

  // The key columns for the rows that the values gave; a key that gave no row is NULL.
  Result<std::vector<types::ArrayPtr>> DecodeKeys(Partition* partition, const KafkaRecords& records, const std::vector<int32_t>& record_of_row) {
    auto keys = key_decoder_->Decode(records.keys());
    if (!keys.ok()) {
      const int64_t offset = records.offset(key_decoder_->failed_record());
      return std::move(keys).error().Context(fmt::format("reading the key of {}-{} at offset {}", partition->topic, partition->index, offset));
    }
    const formats::DecodedRecords& decoded = *keys;
    CountErrors(partition, decoded);
    std::vector<int32_t> row_of_record(records.keys().size(), -1);
    for (int64_t row = 0; row < decoded.rows.row_count; ++row) {
      const size_t record = decoded.record_of_row.empty() ? static_cast<size_t>(row) : static_cast<size_t>(decoded.record_of_row[static_cast<size_t>(row)]);
      row_of_record[record] = static_cast<int32_t>(row);
    }
    arrow::Int32Builder builder;
    for (int32_t record : record_of_row) {
      const int32_t row = row_of_record[static_cast<size_t>(record)];
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(row < 0 ? builder.AppendNull() : builder.Append(row)));
    }
    FIRN_TRY(types::ArrayPtr indices, types::FromArrowResult(builder.Finish()));
    std::vector<types::ArrayPtr> columns;
    for (const types::ArrayPtr& column : decoded.rows.columns) {
      FIRN_TRY(types::ArrayPtr taken, types::FromArrowResult(arrow::compute::Take(*column, *indices)));
      columns.push_back(std::move(taken));
    }
    return columns;
  }

  static void CountErrors(Partition* partition, const formats::DecodedRecords& decoded) {
    if (partition->first_error.empty()) partition->first_error = decoded.first_error;
    partition->decode_errors += decoded.errors;
  }

  broker::Topics& topics_;
  const KafkaTable table_;
  const types::SchemaPtr schema_;
  const std::vector<std::string> metadata_keys_;
  std::vector<std::pair<Origin, size_t>> origins_;
  std::unique_ptr<formats::RecordDecoder> value_decoder_;
  std::unique_ptr<formats::RecordDecoder> key_decoder_;
  std::vector<Partition> partitions_;
  std::optional<Error> missing_start_;  // of a partition that nothing says where to begin, until positions do
  KafkaRecords records_;  // of the poll that runs
  int rests_ = 0;
  std::function<void()> waker_;
  std::vector<uint64_t> watches_;  // of topics_
  const std::shared_ptr<std::atomic<bool>> may_have_more_ = std::make_shared<std::atomic<bool>>(true);  // partitions; set by the watches
};

}  // namespace

Result<std::unique_ptr<exec::Source>> MakeKafkaSource(broker::Topics& topics, KafkaTable table, const plan::ScanNode& scan) {
  auto source = std::make_unique<KafkaSource>(topics, std::move(table), scan);
  FIRN_RETURN_IF_ERROR(source->Open());
  return std::unique_ptr<exec::Source>(std::move(source));
}

}  // namespace firn::connect
