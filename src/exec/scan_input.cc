// SPDX-License-Identifier: Apache-2.0
#include "exec/scan_input.h"

#include <arrow/array.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "exec/columns.h"
#include "exec/settings.h"

namespace firn::exec {

namespace {

const types::SchemaPtr& PartitionStateSchema() {
  static const auto* const schema = new types::SchemaPtr(types::MakeSchema({{"partition", types::DataType::String()},
                                                                            {"largest_time_ms", types::DataType::BigInt()},
                                                                            {"current_ms", types::DataType::BigInt()},
                                                                            {"step_ms", types::DataType::BigInt()},
                                                                            {"watermark_ms", types::DataType::BigInt()},
                                                                            {"rows", types::DataType::BigInt()},
                                                                            {"relation_watermark_ms", types::DataType::BigInt()},
                                                                            {"rows_delivered", types::DataType::BigInt()},
                                                                            {"late_rows", types::DataType::BigInt()}}));
  return *schema;
}

types::ArrayPtr TextArray(const std::vector<std::string>& texts) {
  std::vector<int32_t> offsets{0};
  std::string bytes;
  for (const std::string& text : texts) {
    bytes += text;
    offsets.push_back(static_cast<int32_t>(bytes.size()));
  }
  return std::make_shared<arrow::StringArray>(static_cast<int64_t>(texts.size()), arrow::Buffer::FromVector(std::move(offsets)),
                                              arrow::Buffer::FromString(std::move(bytes)));
}

}  // namespace

Result<ScanOptions> ScanOptionsOf(const std::map<std::string, std::string>& config) {
  ScanOptions options;
  FIRN_TRY(options.watermark_interval_ms, DurationSettingMs(config, "pipeline.auto-watermark-interval", options.watermark_interval_ms));
  FIRN_TRY(options.idle_timeout_ms, DurationSettingMs(config, "table.exec.source.idle-timeout", options.idle_timeout_ms));
  const std::string policy = TextSetting(config, "table.exec.source.null-rowtime", "drop");
  if (policy != "drop" && policy != "fail") {
    return Error(ErrorCode::kInvalidOption, fmt::format("'table.exec.source.null-rowtime' is '{}'; it takes 'drop' or 'fail'", policy));
  }
  options.fails_on_null_rowtime = policy == "fail";
  return options;
}

ScanInput::ScanInput(const plan::PhysicalNode& node, std::unique_ptr<Source> source, const ScanOptions& options, const OperatorContext& context)
    : node_(node),
      scan_(std::get<plan::ScanNode>(node.spec)),
      source_(std::move(source)),
      options_(options),
      context_(context),
      evaluation_(context.evaluation),
      read_schema_(types::MakeSchema(scan_.read_columns)) {}

Result<std::unique_ptr<ScanInput>> ScanInput::Make(const plan::PhysicalNode& node, std::unique_ptr<Source> source, const ScanOptions& options,
                                                   const OperatorContext& context) {
  std::unique_ptr<ScanInput> input(new ScanInput(node, std::move(source), options, context));
  FIRN_RETURN_IF_ERROR(input->Compile());
  return input;
}

Status ScanInput::Compile() {
  FIRN_TRY(outputs_, expr::Program::Compile(scan_.outputs));
  if (scan_.watermark && scan_.rowtime >= 0) {
    FIRN_TRY(watermark_expression_, expr::Program::Compile({scan_.watermark}));
  }
  return Ok();
}

void ScanInput::SetTask(const std::shared_ptr<TaskHandle>& task) {
  source_->SetWaker([woken = woken_, task] {
    woken->store(true, std::memory_order_release);
    task->Wake();
  });
}

void ScanInput::DiscoverPartitions() {
  const auto count = static_cast<size_t>(source_->partition_count());
  FIRN_ASSERT(count >= partitions_.size(), "a source had {} partitions and has {}", partitions_.size(), count);
  if (count == partitions_.size()) return;
  const std::vector<PartitionStatus> names = restored_.empty() ? std::vector<PartitionStatus>() : source_->Describe();
  for (size_t i = partitions_.size(); i < count; ++i) {
    auto found = i < names.size() ? restored_.find(names[i].name) : restored_.end();
    partitions_.push_back(found == restored_.end() ? Partition() : found->second);
    if (found != restored_.end()) restored_.erase(found);
  }
}

int ScanInput::PickPartition() const {
  int best = -1;
  for (size_t i = 0; i < partitions_.size(); ++i) {
    const Partition& partition = partitions_[i];
    if (partition.has_ended || partition.is_blocked) continue;
    if (best < 0 || partition.largest_time_ms < partitions_[static_cast<size_t>(best)].largest_time_ms) best = static_cast<int>(i);
  }
  return best;
}

bool ScanInput::AllEnded() const {
  return std::all_of(partitions_.begin(), partitions_.end(), [](const Partition& partition) { return partition.has_ended; });
}

void ScanInput::PushEnd() {
  FIRN_ASSERT(!has_ended_, "{} ends twice", node_.name);
  has_ended_ = true;
  if (watermark_ms_ != types::kFinalWatermark) {
    watermark_ms_ = types::kFinalWatermark;
    events_.push_back({.kind = InputEvent::Kind::kWatermark, .value = watermark_ms_});
  }
  events_.push_back({.kind = InputEvent::Kind::kEnd});
}

Result<std::optional<InputEvent>> ScanInput::Next(int64_t now_ms) {
  while (events_.empty()) {
    if (barrier_ != 0) {
      events_.push_back({.kind = InputEvent::Kind::kBarrier, .value = barrier_});
      barrier_ = 0;
      break;
    }
    if (has_ended_) return std::optional<InputEvent>();
    if (woken_->exchange(false, std::memory_order_acq_rel)) {
      for (Partition& partition : partitions_) partition.is_blocked = false;
    }
    DiscoverPartitions();
    const bool is_full = scan_.limit >= 0 && rows_delivered_ >= scan_.limit;
    if (is_draining_ || is_full || AllEnded()) {
      PushEnd();
      break;
    }
    const int index = PickPartition();
    if (index < 0 || NextTimerMs() <= now_ms) {  // also while others have much to give
      UpdateIdleness(now_ms);
      if (!events_.empty()) break;
    }
    if (index < 0) return std::optional<InputEvent>();
    FIRN_RETURN_IF_ERROR(PollPartition(index, now_ms));
  }
  std::optional<InputEvent> event(std::move(events_.front()));
  events_.pop_front();
  return event;
}

Status ScanInput::PollPartition(int index, int64_t now_ms) {
  FIRN_TRY(PollResult polled, source_->Poll(index, types::kPreferredBatchRows));
  Partition& partition = partitions_[static_cast<size_t>(index)];
  if (polled.state == PollState::kEnded) partition.has_ended = true;
  partition.is_blocked = polled.state == PollState::kBlocked;
  if (polled.rows.row_count > 0) partition.quiet_since_ms = -1;
  if (partition.is_blocked && partition.quiet_since_ms < 0) partition.quiet_since_ms = now_ms;
  if (polled.rows.row_count > 0) {
    context_.metrics->rows_in.fetch_add(polled.rows.row_count, std::memory_order_relaxed);
    context_.metrics->bytes_in.fetch_add(types::BatchBytes(polled.rows), std::memory_order_relaxed);
    partition.rows += polled.rows.row_count;
    partition.is_idle = false;
    FIRN_TRY(types::Batch batch, Project(polled.rows));
    if (scan_.limit >= 0 && batch.row_count > scan_.limit - rows_delivered_) {
      batch = types::SliceBatch(batch, 0, scan_.limit - rows_delivered_);
    }
    if (batch.row_count > 0) {
      if (is_idle_) {
        is_idle_ = false;
        events_.push_back({.kind = InputEvent::Kind::kActivity, .value = 0});
      }
      FIRN_RETURN_IF_ERROR(AssignWatermarks(index, &batch));
      rows_delivered_ += batch.row_count;
      events_.push_back({.kind = InputEvent::Kind::kBatch, .batch = std::move(batch)});
    }
  } else if (scan_.rowtime < 0) {
    ++partition.largest_time_ms;  // polled in turn
  }
  AdvanceWatermark();
  return Ok();
}

Result<types::Batch> ScanInput::Project(const types::Batch& rows) {
  FIRN_ASSERT(rows.columns.size() == scan_.read_columns.size(), "{} delivers {} columns, {} were asked for", node_.name, rows.columns.size(),
              scan_.read_columns.size());
  evaluation_.row_time_us = context_.evaluation.row_time_us;
  evaluation_.batch = &rows;
  types::Batch batch{node_.schema, {}, rows.row_count, rows.kinds, nullptr};
  FIRN_TRY(batch.columns, outputs_->Run(rows, evaluation_));
  if (watermark_expression_ && batch.columns[static_cast<size_t>(scan_.rowtime)]->null_count() > 0) return DropNullRowtimes(std::move(batch));
  return batch;
}

Result<types::Batch> ScanInput::DropNullRowtimes(types::Batch batch) {
  const types::ArrayPtr& times = batch.columns[static_cast<size_t>(scan_.rowtime)];
  if (options_.fails_on_null_rowtime) {
    return Error(ErrorCode::kNullRowtime, fmt::format("{}: `{}` is NULL in {} of {} rows", scan_.table->path.ToString(),
                                                      node_.schema->field(static_cast<size_t>(scan_.rowtime)).name, times->null_count(),
                                                      batch.row_count))
        .Hint("SET 'table.exec.source.null-rowtime' = 'drop' drops and counts such rows");
  }
  if (context_.metrics->null_rowtime_rows.fetch_add(times->null_count(), std::memory_order_relaxed) == 0 && context_.warn) {
    context_.warn(fmt::format("{}: rows whose `{}` is NULL are dropped; sys.operators counts them in null_rowtime_rows, SET 'table.exec.source.null-rowtime' = 'fail' ends the job instead",
                              scan_.table->path.ToString(), node_.schema->field(static_cast<size_t>(scan_.rowtime)).name));
  }
  FIRN_TRY(types::ArrayPtr mask, NotNullMask(times));
  return types::FilterRows(batch, mask);
}

int64_t ScanInput::WatermarkWithout(int index) const {
  int64_t smallest = types::kFinalWatermark;
  for (size_t i = 0; i < partitions_.size(); ++i) {
    const Partition& partition = partitions_[i];
    if (static_cast<int>(i) != index && !partition.has_ended && !partition.is_idle) smallest = std::min(smallest, partition.watermark_ms);
  }
  return smallest;
}

Status ScanInput::AssignWatermarks(int index, types::Batch* batch) {
  Partition& partition = partitions_[static_cast<size_t>(index)];
  if (scan_.rowtime < 0) {
    partition.largest_time_ms += 1;
    return Ok();
  }
  std::vector<int64_t> times;
  const types::ArrayPtr& rowtimes = batch->columns[static_cast<size_t>(scan_.rowtime)];
  TimesMs(rowtimes, &times);
  for (size_t row = 0; row < times.size(); ++row) {
    if (rowtimes->IsValid(static_cast<int64_t>(row))) partition.largest_time_ms = std::max(partition.largest_time_ms, times[row]);
  }
  if (!watermark_expression_) return Ok();

  evaluation_.batch = batch;
  FIRN_TRY(auto computed, watermark_expression_->Run(*batch, evaluation_));
  const types::ArrayPtr& values = computed[0];
  const std::vector<int64_t> row_times = std::exchange(times, {});
  TimesMs(values, &times);
  FIRN_ASSERT(times.size() == row_times.size(), "{} watermarks of {} rows", times.size(), row_times.size());
  const bool has_nulls = values->null_count() > 0;
  const int64_t others = WatermarkWithout(index);
  std::vector<int64_t> before(times.size());
  int64_t combined = watermark_ms_;
  for (size_t row = 0; row < times.size(); ++row) {
    before[row] = combined;
    if (has_nulls && values->IsNull(static_cast<int64_t>(row))) continue;
    partition.current_ms = std::max(partition.current_ms, times[row]);
    if (partition.current_ms - partition.step_ms > options_.watermark_interval_ms) {
      partition.step_ms = partition.watermark_ms = partition.current_ms;
      combined = std::max(combined, std::min(others, partition.watermark_ms));
    }
  }
  for (size_t row = 0; row < before.size(); ++row) partition.late_rows += row_times[row] <= before[row];
  if (before.back() != types::kNoWatermark) batch->watermarks = LongArray(std::move(before));
  return Ok();
}

void ScanInput::AdvanceWatermark() {
  const int64_t smallest = WatermarkWithout(-1);
  // With every partition idle or ended there is nobody to go by: time stands still, and the end sends the final watermark (see UpdateIdleness).
  if (smallest == types::kFinalWatermark || smallest <= watermark_ms_) return;
  watermark_ms_ = smallest;
  events_.push_back({.kind = InputEvent::Kind::kWatermark, .value = watermark_ms_});
}

int64_t ScanInput::NextTimerMs() const {
  int64_t next = INT64_MAX;
  if (has_ended_) return next;
  for (const Partition& partition : partitions_) {
    if (IsGoingIdle(partition)) next = std::min(next, partition.quiet_since_ms + options_.idle_timeout_ms);
  }
  return next;
}

void ScanInput::UpdateIdleness(int64_t now_ms) {
  if (options_.idle_timeout_ms <= 0) return;
  bool all_idle = true;
  int64_t largest = types::kNoWatermark;
  for (Partition& partition : partitions_) {
    if (partition.has_ended) continue;
    largest = std::max(largest, partition.watermark_ms);
    FIRN_ASSERT(!partition.is_blocked || partition.quiet_since_ms >= 0, "a partition is blocked and gave rows; it is idle: {}", partition.is_idle);
    if (IsGoingIdle(partition) && now_ms - partition.quiet_since_ms >= options_.idle_timeout_ms) partition.is_idle = true;
    all_idle &= partition.is_idle;
  }
  AdvanceWatermark();
  if (all_idle && !is_idle_) {
    is_idle_ = true;
    // As if the fastest partition had become idle last, whatever the order was: nobody is left whom the others hold back.
    if (largest > watermark_ms_) {
      watermark_ms_ = largest;
      events_.push_back({.kind = InputEvent::Kind::kWatermark, .value = watermark_ms_});
    }
    events_.push_back({.kind = InputEvent::Kind::kActivity, .value = 1});
  }
}

Status ScanInput::Snapshot(state::StateWriter& writer) {
  const std::vector<PartitionStatus> names = source_->Describe();
  std::vector<std::string> partition_names;
  std::vector<std::vector<int64_t>> numbers(8);
  const auto add = [&](const std::string& name, const Partition& partition) {
    partition_names.push_back(name);
    const int64_t row[] = {partition.largest_time_ms, partition.current_ms, partition.step_ms, partition.watermark_ms, partition.rows,
                           watermark_ms_, rows_delivered_, partition.late_rows};
    for (size_t column = 0; column < numbers.size(); ++column) numbers[column].push_back(row[column]);
  };
  for (size_t i = 0; i < partitions_.size() && i < names.size(); ++i) add(names[i].name, partitions_[i]);
  for (const auto& [name, partition] : restored_) add(name, partition);  // not discovered again yet
  types::Batch rows{PartitionStateSchema(), {TextArray(partition_names)}, static_cast<int64_t>(partition_names.size()), nullptr, nullptr};
  for (std::vector<int64_t>& column : numbers) rows.columns.push_back(LongArray(std::move(column)));
  return writer.Write("partitions", std::move(rows));
}

Status ScanInput::Restore(const std::string& positions, state::StateReader& reader) {
  FIRN_RETURN_IF_ERROR(source_->Seek(positions));
  return reader.Read("partitions", PartitionStateSchema(), [&](const types::Batch& rows) -> Status {
    const auto number = [&](size_t column, int64_t row) { return static_cast<const arrow::Int64Array&>(*rows.columns[column]).Value(row); };
    for (int64_t row = 0; row < rows.row_count; ++row) {
      Partition partition;
      partition.largest_time_ms = number(1, row);
      partition.current_ms = number(2, row);
      partition.step_ms = number(3, row);
      partition.watermark_ms = number(4, row);
      partition.rows = number(5, row);
      watermark_ms_ = number(6, row);
      rows_delivered_ = number(7, row);
      partition.late_rows = number(8, row);
      restored_[std::string(static_cast<const arrow::StringArray&>(*rows.columns[0]).GetView(row))] = partition;
    }
    return Ok();
  });
}

std::vector<SourcePartitionStatus> ScanInput::Describe() const {
  std::vector<SourcePartitionStatus> result;
  const std::vector<PartitionStatus> described = source_->Describe();
  for (size_t i = 0; i < described.size(); ++i) {
    SourcePartitionStatus status{node_.id, scan_.table->path.ToString(), described[i]};
    if (i < partitions_.size()) {
      status.watermark_ms = partitions_[i].watermark_ms;
      status.is_idle = partitions_[i].is_idle;
      status.late_rows = partitions_[i].late_rows;
    }
    result.push_back(std::move(status));
  }
  return result;
}

}  // namespace firn::exec
