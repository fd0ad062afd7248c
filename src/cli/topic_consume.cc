// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/assert.h"
#include "cli/kafka_client.h"
#include "cli/partition_offsets.h"
#include "cli/result_printer.h"
#include "cli/topic_commands.h"
#include "io/process.h"
#include "io/real_environment.h"
#include "kafka/messages/fetch.h"
#include "kafka/record_batch.h"

namespace firn::cli {

namespace {

constexpr int32_t kFetchWaitMs = 500;
constexpr int32_t kFetchBytesMax = 16 << 20;
constexpr int32_t kPartitionBytesMax = 1 << 20;

Result<int64_t> ParseNumber(std::string_view text, const std::string& whole) {
  int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number < 0) {
    return Error(ErrorCode::kUsageError, fmt::format("'{}' is no place to begin at", whole)).Hint("--from takes start, end, OFFSET, +N (behind the start), -N (before the end) or @MILLISECONDS");
  }
  return number;
}

const std::vector<std::pair<std::string, std::string>> kColumns = {{"partition", "INT"}, {"offset", "BIGINT"}, {"timestamp", "BIGINT"}, {"key", "STRING"}, {"value", "STRING"}};

// Shows records as the chosen format asks.
class RecordWriter {
 public:
  static Result<RecordWriter> Make(const std::string& format) {
    RecordWriter writer;
    if (format == "text") return writer;
    auto parsed = ParseOutputFormat(format);
    if (!parsed.ok()) return Error(ErrorCode::kUsageError, fmt::format("there is no output format '{}'", format)).Hint("--format takes text, json, csv or table");
    std::vector<PrintedColumn> columns;
    for (const auto& [name, type] : kColumns) columns.push_back({name, type, IsNumberType(type)});
    writer.columns_ = columns;
    writer.printer_ = ResultPrinter::Make({.format = *parsed, .terminal_columns = io::IsOutputTerminal() ? io::TerminalColumns() : 0}, columns, [](std::string_view text) { io::WriteOutput(text); });
    return writer;
  }

  void Add(int32_t partition, const kafka::RecordView& record) {
    if (printer_ == nullptr) {
      lines_.append(record.value).push_back('\n');
      return;
    }
    PrintedRow row;
    row.texts = {std::to_string(partition), std::to_string(record.offset), std::to_string(record.timestamp_ms), std::nullopt, std::nullopt};
    if (record.has_key) row.texts[3] = std::string(record.key);
    if (record.has_value) row.texts[4] = std::string(record.value);
    for (size_t i = 0; i < row.texts.size(); ++i) row.json.push_back(JsonCell(row.texts[i], columns_[i]));
    printer_->Add({row});
  }
  bool Flush() {
    if (printer_) printer_->Flush();
    return io::WriteOutput(std::exchange(lines_, {}));
  }
  void Finish() {
    Flush();
    if (printer_) printer_->Finish();
  }

 private:
  std::vector<PrintedColumn> columns_;
  std::unique_ptr<ResultPrinter> printer_;
  std::string lines_;
};

struct Position {
  int32_t leader = -1;
  int64_t next = 0;
  int64_t end = -1;  // stops here; -1: never
};

class Consumer {
 public:
  Consumer(KafkaClient& client, const ConsumeOptions& options, RecordWriter writer) : client_(client), options_(options), writer_(std::move(writer)) {}

  Status Open() {
    FIRN_TRY(auto topic, client_.Topic(options_.topic));
    if (options_.partition >= 0) {
      std::erase_if(topic.partitions, [this](const auto& partition) { return partition.partition_index != options_.partition; });
      if (topic.partitions.empty()) return Error(ErrorCode::kUnknownTopic, fmt::format("topic '{}' has no partition {}", options_.topic, options_.partition)).Hint(fmt::format("firn topic describe {} shows those that it has", options_.topic));
    }
    FIRN_TRY(const auto starts, FetchOffsets(client_, {topic}, kEarliestOffset));
    FIRN_TRY(const auto ends, FetchOffsets(client_, {topic}, kLatestOffset));
    std::map<TopicPartition, int64_t> at_time;
    if (options_.from.starts_with('@')) {
      FIRN_TRY(const int64_t time_ms, ParseNumber(std::string_view(options_.from).substr(1), options_.from));
      FIRN_TRY(at_time, FetchOffsets(client_, {topic}, time_ms));
    }
    for (const auto& partition : topic.partitions) {
      const TopicPartition key{options_.topic, partition.partition_index};
      if (!starts.contains(key) || !ends.contains(key)) return Error(ErrorCode::kUnavailable, fmt::format("partition {} of '{}' has no leader", key.second, key.first)).Hint("try again");
      Position& position = positions_[partition.partition_index];
      position.leader = partition.leader_id;
      const int64_t timed = at_time.contains(key) ? at_time.at(key) : -1;
      FIRN_TRY(position.next, Begin(starts.at(key), ends.at(key), timed));
      if (options_.ends) position.end = ends.at(key);
    }
    return Ok();
  }

  Status Run() {
    while (!IsDone() && !io::TakeStopSignal()) {
      std::set<int32_t> leaders;
      for (const auto& [index, position] : positions_) {
        if (!HasEnded(position)) leaders.insert(position.leader);
      }
      FIRN_ASSERT(!leaders.empty(), "not done, and none of {} partitions is read", positions_.size());
      for (int32_t leader : leaders) FIRN_RETURN_IF_ERROR(Fetch(leader, kFetchWaitMs / static_cast<int32_t>(leaders.size())));
      if (!writer_.Flush() || io::IsOutputClosed()) return Ok();
    }
    writer_.Finish();
    return Ok();
  }

 private:
  Result<int64_t> Begin(int64_t start, int64_t end, int64_t timed) const {
    const std::string& from = options_.from;
    if (from == "start" || from == "earliest" || from == "beginning") return start;  // as Kafka's own tools and kcat call it, too
    if (from == "end" || from == "latest") return end;
    if (from.starts_with('@')) return timed < 0 ? end : timed;
    if (from.starts_with('+') || from.starts_with('-')) {
      FIRN_TRY(const int64_t distance, ParseNumber(std::string_view(from).substr(1), from));
      return std::clamp(from[0] == '+' ? start + distance : end - distance, start, end);
    }
    FIRN_TRY(const int64_t offset, ParseNumber(from, from));
    if (offset < start || offset > end) {
      return Error(ErrorCode::kOffsetOutOfRange, fmt::format("offset {} of '{}' is outside of what is there", offset, options_.topic)).Hint(fmt::format("offsets {} to {} can be read", start, end));
    }
    return offset;
  }

  static bool HasEnded(const Position& position) { return position.end >= 0 && position.next >= position.end; }
  bool IsFull() const { return options_.count >= 0 && shown_ >= options_.count; }
  bool IsDone() const {
    return IsFull() || std::all_of(positions_.begin(), positions_.end(), [](const auto& item) { return HasEnded(item.second); });
  }

  Status Fetch(int32_t leader, int32_t wait_ms) {
    kafka::FetchRequest request;
    request.max_wait_ms = wait_ms;
    request.min_bytes = 1;
    request.max_bytes = kFetchBytesMax;
    auto& topic = request.topics.emplace_back();
    topic.name = options_.topic;
    for (const auto& [index, position] : positions_) {
      if (position.leader == leader && !HasEnded(position)) topic.partitions.push_back({.index = index, .fetch_offset = position.next, .max_bytes = kPartitionBytesMax});
    }
    FIRN_TRY(KafkaLink * broker, client_.Broker(leader));
    FIRN_TRY(const auto answer, broker->Call<kafka::FetchResponse>(request));
    FIRN_RETURN_IF_ERROR(CheckKafkaCode(answer.error_code, "reading " + options_.topic));
    for (const auto& answered : answer.topics) {
      for (const auto& partition : answered.partitions) {
        FIRN_RETURN_IF_ERROR(CheckKafkaCode(partition.error_code, fmt::format("reading {}-{} at offset {}", options_.topic, partition.index, positions_[partition.index].next)));
        if (!positions_.contains(partition.index) || !partition.records) continue;
        std::string bytes;
        for (const base::SharedBytes& part : *partition.records) bytes += part.view();
        FIRN_RETURN_IF_ERROR(Show(partition.index, positions_[partition.index], bytes));
      }
    }
    return Ok();
  }

  Status Show(int32_t partition, Position& position, std::string_view bytes) {
    // The last batch may be cut off: it is asked for again.
    for (size_t size = kafka::RecordBatchView::PeekSize(bytes); size > 0 && size <= bytes.size(); size = kafka::RecordBatchView::PeekSize(bytes)) {
      FIRN_TRY(const auto batch, kafka::RecordBatchView::Parse(bytes));
      bytes.remove_prefix(batch.size());
      kafka::RecordReader reader(&scratch_);
      const auto failed = [&](Error error) { return std::move(error).Context(fmt::format("reading {}-{} at offset {}", options_.topic, partition, std::max(position.next, batch.base_offset()))); };
      if (Status opened = reader.Open(batch); !opened.ok()) return failed(std::move(opened).error());
      kafka::RecordView record;
      while (!batch.is_control() && reader.Next(&record)) {
        if (record.offset < position.next || (position.end >= 0 && record.offset >= position.end)) continue;
        if (IsFull()) return Ok();
        writer_.Add(partition, record);
        ++shown_;
      }
      if (Status read = reader.status(); !read.ok()) return failed(std::move(read).error());
      position.next = std::max(position.next, batch.last_offset() + 1);
    }
    return Ok();
  }

  KafkaClient& client_;
  const ConsumeOptions& options_;
  RecordWriter writer_;
  std::map<int32_t, Position> positions_;
  std::string scratch_;
  int64_t shown_ = 0;
};

}  // namespace

Status ConsumeTopic(const ConsumeOptions& options) {
  FIRN_TRY(RecordWriter writer, RecordWriter::Make(options.format));
  io::HoldStopSignals();  // one is the way to end it
  FIRN_TRY(io::RealEnvironment real, io::RealEnvironment::Make());
  FIRN_TRY(auto client, KafkaClient::Connect(real.environment(), options.bootstrap_server));
  Consumer consumer(*client, options, std::move(writer));
  FIRN_RETURN_IF_ERROR(consumer.Open());
  return consumer.Run();
}

}  // namespace firn::cli
