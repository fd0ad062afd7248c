// SPDX-License-Identifier: Apache-2.0
#include "connect/iceberg_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "base/assert.h"
#include "base/mutex.h"
#include "iceberg/table_metadata.h"

namespace firn::connect {

namespace {

constexpr size_t kBatchesAheadMax = 8;
constexpr int64_t kBytesAheadMax = 16 << 20;  // beyond it no further batch is begun

// Rows of one file, and the number of its rows that have been read with them.
struct ReadRows {
  types::Batch batch;
  size_t task = 0;
  int64_t end_row = 0;
};

// A scan's files, one after the other, from a row of one of them on. Thread-compatible.
class ScanCursor {
 public:
  ScanCursor(std::shared_ptr<iceberg::TableScan> scan, std::vector<iceberg::FileScanTask> tasks, size_t task, int64_t skip)
      : scan_(std::move(scan)), tasks_(std::move(tasks)), task_(task), skip_(skip) {}

  /// Nothing at the end.
  Result<std::optional<ReadRows>> Next() {
    while (task_ < tasks_.size()) {
      if (!reader_) {
        FIRN_TRY(reader_, scan_->Open(tasks_[task_]));
        row_ = 0;
      }
      FIRN_TRY(std::optional<types::Batch> batch, reader_->Next());
      if (!batch) {
        reader_.reset();
        ++task_;
        skip_ = 0;
        continue;
      }
      row_ += batch->row_count;
      if (row_ <= skip_) continue;
      const int64_t wanted = std::min(batch->row_count, row_ - skip_);
      return std::optional(ReadRows{types::SliceBatch(*batch, batch->row_count - wanted, wanted), task_, row_});
    }
    return std::optional<ReadRows>();
  }

 private:
  std::shared_ptr<iceberg::TableScan> scan_;
  std::vector<iceberg::FileScanTask> tasks_;
  std::unique_ptr<iceberg::ScanReader> reader_;
  size_t task_;
  int64_t row_ = 0;    // rows of the open file that were read
  int64_t skip_;       // rows of the file that were given before a restart
};

// A cursor that runs ahead on a queue. Take and Close: one caller; the cursor: one task on the queue at a time.
class ReadAhead : public std::enable_shared_from_this<ReadAhead> {
 public:
  ReadAhead(io::TaskQueue& queue, ScanCursor cursor, std::function<void()> waker) : queue_(queue), waker_(std::move(waker)), cursor_(std::move(cursor)) {}

  struct Taken {
    std::optional<ReadRows> rows;  // none: the end, or the waker will be called
    bool has_ended = false;
  };
  Result<Taken> Take() {
    base::MutexLock lock(mutex_);
    Taken taken;
    if (!ready_.empty()) {
      taken.rows = std::move(ready_.front());
      ready_.pop_front();
      ready_bytes_ -= types::BatchBytes(taken.rows->batch);
      FIRN_ASSERT(ready_bytes_ >= 0 && (!ready_.empty() || ready_bytes_ == 0), "{} bytes of {} batches are ready", ready_bytes_, ready_.size());
    } else if (failure_) {
      return *failure_;
    } else {
      taken.has_ended = has_ended_;
      is_awaited_ = !has_ended_;
    }
    if (!is_reading_ && !has_ended_ && !failure_ && ready_.size() < kBatchesAheadMax / 2 && HasRoom()) {
      is_reading_ = true;
      PostRead();
    }
    return taken;
  }

  void Close() {
    base::MutexLock lock(mutex_);
    is_closed_ = true;
    ready_.clear();
  }

 private:
  bool HasRoom() const FIRN_REQUIRES(mutex_) { return ready_.size() < kBatchesAheadMax && ready_bytes_ < kBytesAheadMax; }
  void PostRead() {
    queue_.Post([self = shared_from_this()] { self->Read(); });
  }

  void Read() {
    {
      base::MutexLock lock(mutex_);
      if (is_closed_) return;
    }
    Result<std::optional<ReadRows>> next = cursor_.Next();
    bool is_awaited = false;
    {
      base::MutexLock lock(mutex_);
      if (is_closed_) return;
      if (!next.ok()) failure_ = std::move(next).error();
      else if (!next->has_value()) has_ended_ = true;
      else Keep(**std::move(next));
      is_reading_ = !failure_ && !has_ended_ && HasRoom();
      is_awaited = std::exchange(is_awaited_, false);
      if (is_reading_) PostRead();
    }
    if (is_awaited) waker_();
  }

  void Keep(ReadRows rows) FIRN_REQUIRES(mutex_) {
    ready_bytes_ += types::BatchBytes(rows.batch);
    ready_.push_back(std::move(rows));
  }

  io::TaskQueue& queue_;
  const std::function<void()> waker_;
  ScanCursor cursor_;                                 // on the queue only
  base::Mutex mutex_;
  std::deque<ReadRows> ready_ FIRN_GUARDED_BY(mutex_);
  int64_t ready_bytes_ FIRN_GUARDED_BY(mutex_) = 0;
  bool is_reading_ FIRN_GUARDED_BY(mutex_) = false;   // a Read is on the queue
  bool is_awaited_ FIRN_GUARDED_BY(mutex_) = false;   // Take came away without rows
  bool has_ended_ FIRN_GUARDED_BY(mutex_) = false;
  bool is_closed_ FIRN_GUARDED_BY(mutex_) = false;
  std::optional<Error> failure_ FIRN_GUARDED_BY(mutex_);
};

// A position is a snapshot, a file's number, a row in it, and the file's path: numbers count files that are not skipped.
class IcebergSource final : public exec::Source {
 public:
  IcebergSource(objectstore::ObjectStore& objects, iceberg::TableMetadataPtr metadata, iceberg::ScanOptions options, io::TaskQueue* ahead_queue)
      : objects_(objects), metadata_(std::move(metadata)), options_(std::move(options)), ahead_queue_(ahead_queue) {}
  ~IcebergSource() override {
    if (ahead_) ahead_->Close();
  }

  Status Open() {
    FIRN_TRY(scan_, iceberg::TableScan::Make(objects_, metadata_, options_));
    FIRN_TRY(tasks_, scan_->Plan());
    paths_.clear();
    for (const iceberg::FileScanTask& task : tasks_) paths_.push_back(task.file.file_path);
    return Ok();
  }

  int partition_count() const override { return 1; }
  void SetWaker(std::function<void()> waker) override { waker_ = std::move(waker); }

  Result<exec::PollResult> Poll(int, int64_t) override {
    if (!has_begun_) Begin();
    exec::PollResult result;
    result.rows = types::Batch{scan_->schema(), {}, 0, nullptr, nullptr};
    std::optional<ReadRows> rows;
    if (cursor_) {
      FIRN_TRY(rows, cursor_->Next());
      if (!rows) result.state = exec::PollState::kEnded;
    } else {
      FIRN_TRY(ReadAhead::Taken taken, ahead_->Take());
      rows = std::move(taken.rows);
      if (!rows) result.state = taken.has_ended ? exec::PollState::kEnded : exec::PollState::kBlocked;
    }
    if (result.state == exec::PollState::kEnded) {
      task_ = paths_.size();
      row_ = 0;
    }
    if (!rows) return result;
    FIRN_ASSERT(rows->task < paths_.size() && (rows->task > task_ || (rows->task == task_ && rows->end_row > row_)), "row {} of file {} of {} behind row {} of file {}", rows->end_row,
                rows->task, paths_.size(), row_, task_);
    task_ = rows->task;
    row_ = rows->end_row;
    result.rows = std::move(rows->batch);
    return result;
  }

  Result<std::string> Positions() const override {
    const int64_t snapshot = scan_->snapshot() == nullptr ? -1 : scan_->snapshot()->snapshot_id;
    return fmt::format("{} {} {} {}", snapshot, task_, row_, task_ < paths_.size() ? paths_[task_] : "");
  }

  Status Seek(const std::string& positions) override {
    long long snapshot = 0, task = 0, row = 0;
    int end = 0;
    if (std::sscanf(positions.c_str(), "%lld %lld %lld%n", &snapshot, &task, &row, &end) != 3 || task < 0 || row < 0) {
      return Error(ErrorCode::kCorruption, fmt::format("a stored iceberg position cannot be read: '{}'", positions)).Hint("cancel the job and submit its statement again; it reads from the beginning");
    }
    if (snapshot < 0) {
      tasks_.clear();
      paths_.clear();
      return Ok();
    }
    options_.pinned_snapshot_id = snapshot;
    FIRN_RETURN_IF_ERROR(Open());
    task_ = static_cast<size_t>(task);
    row_ = row;
    // Of an earlier program, or at the end: without a path.
    const std::string path = static_cast<size_t>(end) < positions.size() ? positions.substr(static_cast<size_t>(end) + 1) : std::string();
    if (path.empty() || (task_ < paths_.size() && paths_[task_] == path)) return Ok();
    auto found = std::find(paths_.begin(), paths_.end(), path);
    if (found == paths_.end()) return Error(ErrorCode::kStateIncompatible, fmt::format("{} was read as far as row {}, and the query as planned now does not read it", path, row_)).Hint("cancel the job and submit its statement again; it reads the table from the beginning");
    task_ = static_cast<size_t>(found - paths_.begin());
    return Ok();
  }

  std::vector<exec::PartitionStatus> Describe() const override {
    return {{.name = metadata_->location, .position = static_cast<int64_t>(task_), .end_position = static_cast<int64_t>(paths_.size())}};
  }

 private:
  void Begin() {
    has_begun_ = true;
    ScanCursor cursor(scan_, std::move(tasks_), task_, row_);
    if (ahead_queue_ == nullptr) cursor_.emplace(std::move(cursor));
    else ahead_ = std::make_shared<ReadAhead>(*ahead_queue_, std::move(cursor), waker_);
  }

  objectstore::ObjectStore& objects_;
  const iceberg::TableMetadataPtr metadata_;
  iceberg::ScanOptions options_;
  io::TaskQueue* const ahead_queue_;   // null: nothing is read ahead
  std::function<void()> waker_;
  std::shared_ptr<iceberg::TableScan> scan_;
  std::vector<iceberg::FileScanTask> tasks_;   // until it has begun
  std::vector<std::string> paths_;             // of all of them
  bool has_begun_ = false;
  std::optional<ScanCursor> cursor_;   // or ahead_, once it has begun
  std::shared_ptr<ReadAhead> ahead_;
  size_t task_ = 0;                    // file of the last rows given
  int64_t row_ = 0;                    // of it
};

}  // namespace

Result<std::unique_ptr<exec::Source>> MakeIcebergSource(objectstore::ObjectStore& objects, iceberg::TableMetadataPtr metadata, iceberg::ScanOptions options, io::TaskQueue* ahead) {
  auto source = std::make_unique<IcebergSource>(objects, std::move(metadata), std::move(options), ahead);
  FIRN_RETURN_IF_ERROR(source->Open());
  return std::unique_ptr<exec::Source>(std::move(source));
}

}  // namespace firn::connect
