// SPDX-License-Identifier: Apache-2.0
// A log::Store in memory, for tests of what stands above the log: the test decides when entries become durable and whether they fail. Not for production: nothing
// is ever on disk.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/endian.h"
#include "base/mutex.h"
#include "kafka/record_batch.h"
#include "log/journal_format.h"
#include "log/store.h"

namespace firn::broker {

class MemoryPartition final : public log::PartitionLog {
 public:
  explicit MemoryPartition(log::TopicPartitionId id) : id_(id) {}
  log::TopicPartitionId id() const override { return id_; }
  log::Offset log_start() const override {
    base::MutexLock lock(mutex_);
    return log::Offset(start_);
  }
  log::Offset high_watermark() const override {
    base::MutexLock lock(mutex_);
    return log::Offset(end_);
  }
  int64_t size_bytes() const override {
    base::MutexLock lock(mutex_);
    int64_t size = 0;
    for (const auto& batch : batches_) size += static_cast<int64_t>(batch.size());
    return size;
  }

  Result<log::ReadResult> Read(log::Offset from, const log::ReadOptions& options) const override {
    base::MutexLock lock(mutex_);
    if (is_dropped_) return Error(ErrorCode::kUnknownTopic, "partition was dropped");
    if (from.value() < start_ || from.value() > end_) return Error(ErrorCode::kOffsetOutOfRange, "offset out of range");
    log::ReadResult result{.batches = {}, .next = from, .log_start = log::Offset(start_), .high_watermark = log::Offset(end_)};
    int64_t size = 0;
    for (const auto& batch : batches_) {
      const auto view = kafka::RecordBatchView::Parse(batch.view());
      if (view->last_offset() < from.value()) continue;
      if (size > 0 && size + static_cast<int64_t>(batch.size()) > options.max_bytes) break;
      size += static_cast<int64_t>(batch.size());
      result.batches.push_back(batch);
      result.next = log::Offset(view->last_offset() + 1);
      if (size >= options.max_bytes) break;
    }
    return result;
  }

  Result<std::optional<log::ReadResult>> ReadMemory(log::Offset from, const log::ReadOptions& options) const override {
    {
      base::MutexLock lock(mutex_);
      if (from.value() >= start_ && from.value() < cold_end_) return std::optional<log::ReadResult>();
    }
    FIRN_TRY(log::ReadResult read, Read(from, options));
    return std::optional(std::move(read));
  }
  /// What lies below is as if in files only.
  void SetColdEnd(int64_t offset) {
    base::MutexLock lock(mutex_);
    cold_end_ = offset;
  }

  Result<log::TimestampOffset> FindTimestamp(int64_t timestamp_ms) const override {
    base::MutexLock lock(mutex_);
    for (const auto& batch : batches_) {
      const auto view = kafka::RecordBatchView::Parse(batch.view());
      if (view->max_timestamp() >= timestamp_ms) return log::TimestampOffset{view->max_timestamp(), log::Offset(view->base_offset())};
    }
    return log::TimestampOffset{};
  }
  Result<log::TimestampOffset> MaxTimestamp() const override {
    base::MutexLock lock(mutex_);
    log::TimestampOffset largest;
    for (const auto& batch : batches_) {
      const auto view = kafka::RecordBatchView::Parse(batch.view());
      if (view->max_timestamp() > largest.timestamp_ms) largest = {view->max_timestamp(), log::Offset(view->base_offset())};
    }
    return largest;
  }

  uint64_t Subscribe(log::Offset offset, std::function<void()> waker) override {
    base::MutexLock lock(mutex_);
    const uint64_t id = ++last_subscription_;
    if (end_ > offset.value() || is_dropped_) {
      lock.Unlock();
      waker();
    } else {
      subscriptions_[id] = {offset.value(), std::move(waker)};
    }
    return id;
  }
  void Unsubscribe(uint64_t subscription) override {
    base::MutexLock lock(mutex_);
    subscriptions_.erase(subscription);
  }
  size_t subscription_count() const {
    base::MutexLock lock(mutex_);
    return subscriptions_.size();
  }

  int64_t Append(const log::AppendRecords& records) {
    int64_t first = 0;
    {
      base::MutexLock lock(mutex_);
      first = end_;
      std::string_view rest = records.batches.view();
      while (!rest.empty()) {
        auto view = kafka::RecordBatchView::Parse(rest);
        FIRN_ASSERT(view.ok());
        base::StoreBig(const_cast<char*>(view->bytes().data()), end_);
        base::StoreBig(const_cast<char*>(view->bytes().data()) + 12, int32_t{0});
        batches_.emplace_back(records.batches.owner(), view->bytes());
        end_ += view->last_offset_delta() + 1;
        rest.remove_prefix(view->size());
      }
    }
    Wake();
    return first;
  }
  void SetLogStart(int64_t offset) {
    base::MutexLock lock(mutex_);
    start_ = std::max(start_, offset);
  }
  void Drop() {
    {
      base::MutexLock lock(mutex_);
      is_dropped_ = true;
    }
    Wake();
  }

 private:
  void Wake() {
    std::vector<std::function<void()>> wakers;
    {
      base::MutexLock lock(mutex_);
      for (auto it = subscriptions_.begin(); it != subscriptions_.end();) {
        if (end_ <= it->second.first && !is_dropped_) {
          ++it;
          continue;
        }
        wakers.push_back(std::move(it->second.second));
        it = subscriptions_.erase(it);
      }
    }
    for (const auto& waker : wakers) waker();
  }

  const log::TopicPartitionId id_;
  mutable base::Mutex mutex_;
  std::vector<base::SharedBytes> batches_ FIRN_GUARDED_BY(mutex_);
  int64_t start_ FIRN_GUARDED_BY(mutex_) = 0;
  int64_t cold_end_ FIRN_GUARDED_BY(mutex_) = 0;
  int64_t end_ FIRN_GUARDED_BY(mutex_) = 0;
  bool is_dropped_ FIRN_GUARDED_BY(mutex_) = false;
  uint64_t last_subscription_ FIRN_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, std::pair<int64_t, std::function<void()>>> subscriptions_ FIRN_GUARDED_BY(mutex_);
};

class MemoryStore final : public log::Store, public log::Journal, public log::MetaStore {
 public:
  /// Held: entries wait for Flush. Otherwise each is durable at once.
  void Hold(bool is_held) { is_held_ = is_held; }
  void Flush() {
    for (auto& [operations, done] : std::exchange(held_, {})) Commit(std::move(operations), done);
  }
  /// The first `count` of them only.
  void FlushFirst(size_t count) {
    auto first = std::exchange(held_, {});
    for (size_t i = 0; i < first.size(); ++i) {
      if (i < count) Commit(std::move(first[i].first), first[i].second);
      else held_.push_back(std::move(first[i]));
    }
  }
  /// The held entries are lost, as in a crash.
  void DropHeld() { held_.clear(); }
  /// The next entries fail with this, until it is cleared.
  void FailWith(std::optional<Error> error) { failure_ = std::move(error); }
  void StopAdmitting() { admits_ = false; }
  void AdmitAgain() {
    admits_ = true;
    for (const auto& resume : std::exchange(resumes_, {})) resume();
  }
  MemoryPartition* memory_partition(log::TopicPartitionId id) { return static_cast<MemoryPartition*>(partition(id).get()); }
  size_t held_count() const { return held_.size(); }

  void Append(std::vector<log::Operation> operations, log::CommitCallback done) override {
    if (is_held_) held_.emplace_back(std::move(operations), std::move(done));
    else Commit(std::move(operations), done);
  }
  int64_t unflushed_bytes() const override { return 0; }

  std::optional<std::string> Get(std::string_view key) const override {
    base::MutexLock lock(mutex_);
    auto found = values_.find(key);
    return found == values_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<std::pair<std::string, std::string>> Scan(std::string_view prefix) const override {
    base::MutexLock lock(mutex_);
    std::vector<std::pair<std::string, std::string>> found;
    for (auto it = values_.lower_bound(prefix); it != values_.end() && it->first.starts_with(prefix); ++it) found.emplace_back(*it);
    visited += static_cast<int64_t>(found.size());
    return found;
  }

  void Visit(std::string_view prefix, std::string_view from, const Visitor& visit) const override {
    base::MutexLock lock(mutex_);
    for (auto it = values_.lower_bound(std::max(prefix, from)); it != values_.end() && it->first.starts_with(prefix); ++it) {
      ++visited;
      if (!visit(it->first, it->second)) return;
    }
  }

  log::Journal& journal() override { return *this; }
  log::MetaStore& meta() override { return *this; }
  const log::RecoveryReport& recovery() const override { return recovery_; }
  log::TopicPartitionId AllocatePartitionId() override {
    base::MutexLock lock(mutex_);
    return log::TopicPartitionId(++last_partition_);
  }
  std::shared_ptr<log::PartitionLog> partition(log::TopicPartitionId id) override {
    base::MutexLock lock(mutex_);
    auto found = partitions_.find(id);
    return found == partitions_.end() ? nullptr : found->second;
  }
  void ApplyRetention() override { ++retention_runs; }
  bool AdmitBytes(std::function<void()> resume) override {
    if (!admits_) resumes_.push_back(std::move(resume));
    return admits_;
  }
  Status health() const override { return Ok(); }
  int64_t failed_reads() const override { return 0; }
  Status Close() override { return Ok(); }

  int retention_runs = 0;
  mutable int64_t visited = 0;  // pairs shown by Scan and Visit
  size_t partition_count() const {
    base::MutexLock lock(mutex_);
    return partitions_.size();
  }

 private:
  void Commit(std::vector<log::Operation> operations, const log::CommitCallback& done) {
    if (failure_.has_value()) return done(*failure_);
    if (operations.size() > log::kOperationsPerEntryMax) return done(Error(ErrorCode::kLimitExceeded, "too many operations in an entry"));
    log::Committed committed{.sequence = ++sequence_, .first_offsets = {}};
    for (auto& operation : operations) std::visit([&](auto& one) { Apply(one, &committed); }, operation);
    done(std::move(committed));
  }
  void Apply(log::AppendRecords& records, log::Committed* committed) {
    committed->first_offsets.emplace_back(memory_partition(records.partition)->Append(records));
  }
  void Apply(log::Put& put, log::Committed*) {
    base::MutexLock lock(mutex_);
    if (put.about.has_value() && !partitions_.contains(*put.about)) return;
    values_[put.key] = put.value;
  }
  void Apply(log::Delete& key, log::Committed*) {
    base::MutexLock lock(mutex_);
    values_.erase(key.key);
  }
  void Apply(log::CreatePartition& made, log::Committed*) {
    base::MutexLock lock(mutex_);
    partitions_[made.partition] = std::make_shared<MemoryPartition>(made.partition);
  }
  void Apply(log::ConfigurePartition&, log::Committed*) {}
  void Apply(log::DropPartition& dropped, log::Committed*) {
    memory_partition(dropped.partition)->Drop();
    base::MutexLock lock(mutex_);
    partitions_.erase(dropped.partition);
  }
  void Apply(log::SetLogStart& start, log::Committed*) { memory_partition(start.partition)->SetLogStart(start.offset.value()); }

  mutable base::Mutex mutex_;
  std::map<std::string, std::string, std::less<>> values_ FIRN_GUARDED_BY(mutex_);
  std::map<log::TopicPartitionId, std::shared_ptr<MemoryPartition>> partitions_ FIRN_GUARDED_BY(mutex_);
  uint32_t last_partition_ FIRN_GUARDED_BY(mutex_) = 0;
  // Of the one thread that appends, and of the test.
  uint64_t sequence_ = 0;
  bool is_held_ = false;
  bool admits_ = true;
  std::vector<std::pair<std::vector<log::Operation>, log::CommitCallback>> held_;
  std::vector<std::function<void()>> resumes_;
  std::optional<Error> failure_;
  log::RecoveryReport recovery_;
};

}  // namespace firn::broker
