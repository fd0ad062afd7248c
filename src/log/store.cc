// SPDX-License-Identifier: Apache-2.0
#include "log/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <tuple>

#include "base/assert.h"
#include "base/mutex.h"
#include "io/clock.h"
#include "io/executor.h"
#include "io/file_system.h"
#include "log/checkpointer.h"
#include "log/health.h"
#include "log/journal_files.h"
#include "log/journal_writer.h"
#include "log/recovery.h"

namespace firn::log {

namespace {

// How often a full disk is looked at again.
constexpr int64_t kResumeIntervalUs = 200'000;

// Two queues: the flusher writes the journal, the segment queue does everything that may take longer. After Close or on destruction the
// queues are gone and their work is done on the caller's thread or not at all.
class DirectoryStore final : public Store, public JournalObserver {
 public:
  DirectoryStore(const io::Environment& environment, const std::string& directory, const StoreOptions& options)
      : environment_(environment),
        options_(options),
        layout_{directory},
        checkpoint_interval_bytes_(std::min(options.journal_limit_bytes, options.memory_limit_bytes) / 4),
        health_(options.warn),
        contents_(environment.files, layout_, {.memory_limit_bytes = options.memory_limit_bytes, .pieces = options.pieces, .warn = options.warn}) {}

  ~DirectoryStore() override { StopQueues(); }

  Status Recover();

  Journal& journal() override { return *writer_; }
  MetaStore& meta() override { return contents_.meta(); }
  const RecoveryReport& recovery() const override { return report_; }
  TopicPartitionId AllocatePartitionId() override { return contents_.AllocatePartitionId(); }
  std::shared_ptr<PartitionLog> partition(TopicPartitionId id) override { return contents_.Find(id); }
  void ApplyRetention() override;
  bool AdmitBytes(std::function<void()> resume) override { return contents_.budget().Admit(std::move(resume)); }
  Status health() const override { return health_.status(); }
  int64_t failed_reads() const override { return contents_.cache().failures(); }
  Status Close() override;

 private:
  // JournalObserver, on the flusher.
  void OnApplied(Effects effects) override;
  void OnFileTaken() override;
  void OnDiskFull() override;

  Status LockFolder();
  Status OpenJournal(Recovered recovered);
  Status StartQueues();
  void StopQueues();
  bool IsCheckpointDue() const;
  void ScheduleCheckpoint();
  void RunCheckpoint();
  void TrimWaiting();
  void TryResume();
  template <typename Function>
  void PostToSegments(Function function);

  const io::Environment environment_;
  const StoreOptions options_;
  const Layout layout_;
  const int64_t checkpoint_interval_bytes_;
  RecoveryReport report_;
  std::unique_ptr<io::FileLock> lock_;
  Health health_;
  LogContents contents_;
  std::unique_ptr<JournalFiles> journal_files_;
  std::unique_ptr<JournalWriter> writer_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::atomic<bool> is_checkpoint_scheduled_ = false;
  std::atomic<bool> is_resume_scheduled_ = false;
  base::Mutex trim_mutex_;
  std::vector<std::shared_ptr<Partition>> waiting_trims_ FIRN_GUARDED_BY(trim_mutex_);
  // Last, so that nothing runs on them once the rest goes. The flusher posts to the segment queue, so it goes first.
  std::unique_ptr<io::TaskQueue> segment_queue_;
  io::TaskQueue* segments_ = nullptr;  // that queue, until no task of it or of the flusher runs any more
  std::unique_ptr<io::TaskQueue> flusher_;
};

Status DirectoryStore::Recover() {
  const int64_t begin_us = environment_.clock.MonotonicUs();
  FIRN_RETURN_IF_ERROR(LockFolder());
  FIRN_TRY(Recovered recovered, log::Recover(environment_, layout_, &contents_));
  FIRN_RETURN_IF_ERROR(CheckPartitionFiles(environment_.files, layout_, contents_));
  report_ = {.entries_replayed = recovered.journal.entry_count,
             .bytes_replayed = recovered.journal.size_bytes,
             .bytes_truncated = recovered.journal.truncated_bytes,
             .duration_us = 0};
  FIRN_RETURN_IF_ERROR(OpenJournal(std::move(recovered)));
  report_.duration_us = environment_.clock.MonotonicUs() - begin_us;
  if (report_.bytes_truncated > 0 && options_.warn) {
    options_.warn(fmt::format("the last write to the journal in {} is torn, as a crash leaves it: its {} bytes are dropped, no write had been answered after it",
                              layout_.journal(), report_.bytes_truncated));
  }
  return StartQueues();
}

Status DirectoryStore::LockFolder() {
  if (auto found = environment_.files.Stat(layout_.root); found.ok() && !found->is_directory) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} is a file; a data directory is a folder", layout_.root)).Hint("name a folder with --data; a new one is made");
  }
  const auto prepare = [this]() -> Status {
    FIRN_RETURN_IF_ERROR(environment_.files.CreateDirectories(layout_.root));
    FIRN_TRY(lock_, environment_.files.Lock(layout_.lock()));
    return MakeFolders(environment_.files, layout_);
  };
  Status prepared = prepare();
  if (prepared.ok() || !prepared.error().hint().empty()) return prepared;
  return std::move(prepared).error().Context("opening the data directory " + layout_.root).Hint("this user must be able to write there; or name another folder with --data");
}

Status DirectoryStore::OpenJournal(Recovered recovered) {
  FIRN_ASSERT(journal_files_ == nullptr && segments_ == nullptr, "the journal of {} is opened again", layout_.root);
  journal_files_ = std::make_unique<JournalFiles>(environment_.files, layout_, recovered.store_id, options_.journal_file_bytes);
  journal_files_->Restore(std::move(recovered.journal.needed), std::move(recovered.journal.spare), recovered.journal.last_number);
  writer_ = std::make_unique<JournalWriter>(contents_, *journal_files_, health_, *this,
                                            JournalWriter::Options{.first_sequence = recovered.journal.last_sequence + 1, .max_entry_bytes = options_.max_entry_bytes});
  checkpointer_ = std::make_unique<Checkpointer>(environment_, layout_, recovered.store_id, contents_, *journal_files_);
  FIRN_RETURN_IF_ERROR(writer_->OpenFile());
  if (recovered.is_new) {
    FIRN_RETURN_IF_ERROR(health_.status());  // a full disk
    return checkpointer_->Run();
  }
  checkpointer_->Restore(recovered.snapshot_sequence);
  for (uint64_t sequence : recovered.old_snapshots) std::ignore = environment_.files.Remove(layout_.snapshot_file(sequence));
  return Ok();
}

Status DirectoryStore::StartQueues() {
  FIRN_TRY(segment_queue_, environment_.executor.NewQueue("firn-segments"));
  segments_ = segment_queue_.get();
  FIRN_TRY(flusher_, environment_.executor.NewQueue("firn-journal"));
  writer_->Start(flusher_.get());
  OnFileTaken();
  if (health_.is_disk_full()) OnDiskFull();
  if (IsCheckpointDue()) ScheduleCheckpoint();
  return Ok();
}

void DirectoryStore::StopQueues() {
  if (writer_ != nullptr) writer_->Stop();
  contents_.budget().SetFailing(true);
  flusher_.reset();
  segment_queue_.reset();  // waits for its tasks, which go on using segments_
  segments_ = nullptr;
}

// From the flusher, which the segment queue outlives; or when there are no queues: then it is the last pass of Close, which does all itself.
template <typename Function>
void DirectoryStore::PostToSegments(Function function) {
  if (segments_ != nullptr) segments_->Post([this, function] { (this->*function)(); });
}

void DirectoryStore::OnApplied(Effects effects) {
  for (const std::function<void()>& waker : effects.wakers) waker();
  if (!effects.to_trim.empty()) {
    {
      base::MutexLock lock(trim_mutex_);
      waiting_trims_.insert(waiting_trims_.end(), effects.to_trim.begin(), effects.to_trim.end());
    }
    PostToSegments(&DirectoryStore::TrimWaiting);
  }
  contents_.budget().SetJournalFull(checkpointer_->journal_bytes() >= options_.journal_limit_bytes);
  if (IsCheckpointDue()) ScheduleCheckpoint();
}

bool DirectoryStore::IsCheckpointDue() const {
  return checkpointer_->journal_bytes() >= checkpoint_interval_bytes_ || contents_.budget().unmoved_bytes() >= checkpoint_interval_bytes_;
}

void DirectoryStore::ScheduleCheckpoint() {
  if (health_.is_stopped() || is_checkpoint_scheduled_.exchange(true)) return;
  PostToSegments(&DirectoryStore::RunCheckpoint);
}

void DirectoryStore::RunCheckpoint() {
  if (health_.is_stopped()) return;
  const uint64_t before = contents_.applied_bytes();
  Status status = checkpointer_->Run();
  MemoryBudget& budget = contents_.budget();
  if (!status.ok()) {
    budget.SetFailing(true);
    if (status.error().code() != ErrorCode::kDiskFull) return health_.Stop(status.error());
    health_.SetDiskFull(DiskUser::kSegments, status.error());
    segments_->PostAfter(kResumeIntervalUs, [this] { RunCheckpoint(); });
    return;
  }
  health_.ClearDiskFull(DiskUser::kSegments);
  if (!health_.is_stopped()) budget.SetFailing(false);
  budget.SetJournalFull(checkpointer_->journal_bytes() >= options_.journal_limit_bytes);
  is_checkpoint_scheduled_ = false;
  if (IsCheckpointDue() && contents_.applied_bytes() != before) ScheduleCheckpoint();
}

void DirectoryStore::TrimWaiting() {
  std::vector<std::shared_ptr<Partition>> trims;
  {
    base::MutexLock lock(trim_mutex_);
    trims.swap(waiting_trims_);
  }
  checkpointer_->Trim(trims);
}

void DirectoryStore::OnFileTaken() {
  if (segments_ == nullptr) return;
  segments_->Post([this] { writer_->PrepareNextFile(); });
}

void DirectoryStore::OnDiskFull() {
  if (segments_ == nullptr || is_resume_scheduled_.exchange(true)) return;
  segments_->PostAfter(kResumeIntervalUs, [this] { TryResume(); });
}

void DirectoryStore::TryResume() {
  is_resume_scheduled_ = false;
  if (!writer_->TryResume() && !health_.is_stopped()) OnDiskFull();
}

void DirectoryStore::ApplyRetention() {
  const int64_t now_ms = environment_.clock.WallTimeMs();
  for (const std::shared_ptr<Partition>& partition : contents_.All()) {
    const std::optional<Offset> start = partition->RetentionStart(now_ms);
    if (!start.has_value()) continue;
    // A failure leaves the records until the next call.
    writer_->Append({SetLogStart{partition->id(), *start}}, [](const Result<Committed>&) {});
  }
}

Status DirectoryStore::Close() {
  StopQueues();
  writer_->Drain();
  Status status = health_.is_stopped() ? health_.status() : Ok();
  if (status.ok()) {
    TrimWaiting();
    status = checkpointer_->Run();
    FIRN_ASSERT(!status.ok() || contents_.budget().unmoved_bytes() == 0, "{} bytes of records are in no segment at the end", contents_.budget().unmoved_bytes());
  }
  lock_.reset();
  return status;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::Open(const io::Environment& environment, const std::string& directory, const StoreOptions& options) {
  auto store = std::make_unique<DirectoryStore>(environment, directory, options);
  FIRN_RETURN_IF_ERROR(store->Recover());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace firn::log
