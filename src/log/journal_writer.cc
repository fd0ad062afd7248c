// SPDX-License-Identifier: Apache-2.0
#include "log/journal_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/mutex.h"

namespace firn::log {

namespace {

// Of what is not copied, in one write.
constexpr size_t kLastingWrites = 4;
// The end of each file is for entries without records while the disk is full: a topic can still be deleted to make room.
constexpr uint64_t kReservedBytes = 64 << 10;

bool HasRecords(const std::vector<Operation>& operations) {
  return std::any_of(operations.begin(), operations.end(), [](const Operation& operation) { return std::holds_alternative<AppendRecords>(operation); });
}

}  // namespace

JournalWriter::JournalWriter(LogContents& contents, JournalFiles& files, Health& health, JournalObserver& observer, const Options& options)
    : contents_(contents),
      files_(files),
      health_(health),
      observer_(observer),
      options_(options),
      blocks_({.buffer_bytes = static_cast<size_t>(contents.pieces().write_bytes), .lasting_bytes_max = kLastingWrites * static_cast<size_t>(contents.pieces().write_bytes)}),
      next_sequence_(options.first_sequence) {}

void JournalWriter::Start(io::TaskQueue* queue) {
  base::MutexLock lock(mutex_);
  FIRN_ASSERT(queue_ == nullptr && !is_closed_, "the journal's writer is started again");
  queue_ = queue;
  if (!waiting_.empty()) ScheduleLocked();
}

Status JournalWriter::OpenFile() {
  Status taken = TakeFile(0);
  if (taken.ok() || taken.error().code() != ErrorCode::kDiskFull) return taken;
  OnWriteFailed(taken.error());
  return Ok();
}

Status JournalWriter::TakeFile(uint64_t entry_bytes) {
  FIRN_TRY(file_, files_.Take(entry_bytes, next_sequence_));
  position_ = kJournalHeaderBytes;
  FIRN_ASSERT(position_ + io::NextBlock(entry_bytes) <= file_->size_bytes, "journal file {} of {} bytes was made for an entry of {}", file_->number, file_->size_bytes, entry_bytes);
  observer_.OnFileTaken();
  return Ok();
}

void JournalWriter::Append(std::vector<Operation> operations, CommitCallback done) {
  Waiting entry{.operations = std::move(operations), .done = std::move(done), .memory_bytes = 0, .entry_bytes = 0, .may_be_stale = false, .refused = {}, .prepared = {}, .spaces = {}};
  for (const Operation& operation : entry.operations) {
    if (const auto* put = std::get_if<Put>(&operation)) entry.may_be_stale = entry.may_be_stale || put->about.has_value();
    if (const auto* append = std::get_if<AppendRecords>(&operation)) entry.memory_bytes += static_cast<int64_t>(append->batches.size()) + kSlabOverheadBytes;
  }
  entry.entry_bytes = EntryBytes({.operations = entry.operations});
  {
    base::MutexLock lock(mutex_);
    if (!is_closed_) {
      contents_.budget().AddUnmoved(entry.memory_bytes);
      waiting_.push_back(std::move(entry));
      if (!is_scheduled_ && queue_ != nullptr) ScheduleLocked();
      return;
    }
  }
  entry.done(Error(ErrorCode::kUnavailable, "the log is closed"));
}

void JournalWriter::ScheduleLocked() {
  FIRN_ASSERT(queue_ != nullptr && !is_scheduled_);
  is_scheduled_ = true;
  queue_->Post([this] { Flush(); });
}

void JournalWriter::Flush() {
  std::vector<Waiting> entries;
  {
    base::MutexLock lock(mutex_);
    entries.swap(waiting_);
  }
  for (size_t done = 0; done < entries.size();) done += FlushGroup(Entries(entries).subspan(done));
  base::MutexLock lock(mutex_);
  is_scheduled_ = false;
  if (!waiting_.empty() && queue_ != nullptr) ScheduleLocked();
}

void JournalWriter::Stop() {
  base::MutexLock lock(mutex_);
  queue_ = nullptr;
  is_closed_ = true;
}

void JournalWriter::Drain() { Flush(); }

size_t JournalWriter::FlushGroup(Entries entries) {
  uint64_t group_bytes = 0;
  const size_t count = PrepareGroup(entries, &group_bytes);
  FIRN_ASSERT(count > 0, "none of {} entries was taken", entries.size());
  const Entries group = entries.first(count);
  if (group_bytes == 0) {
    Complete(group, std::nullopt);
    return count;
  }
  Status written = WriteGroup(group);
  if (!written.ok()) {
    contents_.Rollback();
    OnWriteFailed(written.error());
    Complete(group, health_.status().ok() ? written.error() : health_.status().error());
    return count;
  }
  FIRN_ASSERT(blocks_.position() == position_ + io::NextBlock(group_bytes), "a group of {} bytes from {} ends at {}", group_bytes, position_, blocks_.position());
  Effects effects;
  uint64_t padding = io::NextBlock(group_bytes) - group_bytes;  // counts with the first: a replay has to read it too
  for (Waiting& entry : group) {
    if (entry.refused.has_value()) continue;
    contents_.Apply(next_sequence_, entry.operations, &entry.prepared, entry.entry_bytes + std::exchange(padding, 0), &effects);
    ++next_sequence_;
  }
  contents_.Settle();
  position_ += io::NextBlock(group_bytes);
  FIRN_ASSERT(position_ <= file_->size_bytes, "journal file {} of {} bytes is written up to {}", file_->number, file_->size_bytes, position_);
  contents_.budget().MakeRoom();
  Complete(group, std::nullopt);
  observer_.OnApplied(std::move(effects));
  return count;
}

// Takes entries as long as they fit into the file, at least one. Refused ones are among them and take no bytes.
size_t JournalWriter::PrepareGroup(Entries entries, uint64_t* group_bytes) {
  size_t count = 0;
  for (; count < entries.size(); ++count) {
    Waiting& entry = entries[count];
    entry.refused = RefuseBeforehand(entry);
    if (!entry.refused.has_value() && !HasRoom(entry, entry.entry_bytes, *group_bytes)) {
      if (*group_bytes > 0) break;
      if (Status taken = TakeFile(entry.entry_bytes); !taken.ok()) {
        OnWriteFailed(taken.error());
        entry.refused = std::move(taken).error();
      }
    }
    if (entry.refused.has_value()) continue;
    if (entry.may_be_stale) {  // now that it has its place: no sooner is it known what the entries before it have dropped
      contents_.DropStalePuts(&entry.operations);
      entry.entry_bytes = EntryBytes({.operations = entry.operations});
    }
    auto prepared = contents_.Prepare(entry.operations);
    if (!prepared.ok()) {
      entry.refused = std::move(prepared).error();
      continue;
    }
    entry.prepared = std::move(*prepared);
    LeaveSpaces(&entry, *group_bytes);
    *group_bytes += entry.entry_bytes;
  }
  return count;
}

std::optional<Error> JournalWriter::RefuseBeforehand(const Waiting& entry) const {
  if (health_.is_stopped()) return health_.status().error();
  if (entry.entry_bytes > static_cast<uint64_t>(options_.max_entry_bytes) || entry.operations.size() > kOperationsPerEntryMax) {
    return Error(ErrorCode::kLimitExceeded, fmt::format("a journal entry of {} bytes and {} operations is above the limit of {} bytes and {} operations",
                                                        entry.entry_bytes, entry.operations.size(), options_.max_entry_bytes, kOperationsPerEntryMax));
  }
  // Once records were refused for want of space, those behind them are too, also smaller ones that the rest of the file would take: a producer's state that goes
  // with them counts the refused ones. Until the writer resumes; their producers have been told by then.
  if (entry.memory_bytes > 0 && (health_.is_disk_full(DiskUser::kJournal) || (health_.is_disk_full() && contents_.budget().is_unmoved_full()))) return health_.status().error();
  return std::nullopt;
}

bool JournalWriter::HasRoom(const Waiting& entry, uint64_t entry_bytes, uint64_t group_bytes) const {
  if (!file_.has_value()) return false;
  FIRN_ASSERT(position_ >= kJournalHeaderBytes && position_ <= file_->size_bytes, "journal file {} of {} bytes is written at {}", file_->number, file_->size_bytes, position_);
  if (group_bytes > 0 && group_bytes + entry_bytes > static_cast<uint64_t>(contents_.pieces().group_bytes)) return false;
  const uint64_t reserved = HasRecords(entry.operations) ? std::min(kReservedBytes, file_->size_bytes / 8) : 0;
  return position_ + io::NextBlock(group_bytes + entry_bytes) + reserved <= file_->size_bytes;
}

// So that large batches are written from where they lie; without, where the file ends.
void JournalWriter::LeaveSpaces(Waiting* entry, uint64_t group_bytes) const {
  FIRN_ASSERT(file_.has_value() && entry->spaces.empty(), "{} spaces are left already", entry->spaces.size());
  Spaces spaces = SpacesFor(entry->operations, position_ + group_bytes, [&](std::string_view batches) { return file_->file->DirectPlaceOf(batches); });
  if (spaces.empty()) return;
  const uint64_t entry_bytes = EntryBytes({.operations = entry->operations, .spaces = spaces});
  if (!HasRoom(*entry, entry_bytes, group_bytes)) return;
  entry->spaces = std::move(spaces);
  entry->entry_bytes = entry_bytes;
}

Status JournalWriter::WriteGroup(Entries group) {
  Status written = WriteBlocks(group);
  if (!written.ok()) {
    if (written.error().code() == ErrorCode::kDiskFull) ClearRest();
    return written;
  }
  Status synced = file_->file->Sync();
  if (!synced.ok()) StopWith(synced.error());
  return synced;
}

// Entry by entry: what is made of each is copied at once, large batches are referred to until the group is written.
Status JournalWriter::WriteBlocks(Entries group) {
  FIRN_ASSERT(file_.has_value(), "a group is written and no journal file was taken");
  blocks_.Begin(*file_->file, position_);
  EntryHeader header{.file_number = static_cast<uint32_t>(file_->number), .sequence = next_sequence_, .group_begin = next_sequence_};
  for (const Waiting& entry : group) {
    if (entry.refused.has_value()) continue;
    const EntryContent content{.operations = entry.operations, .first_offsets = entry.prepared.first_offsets, .spaces = entry.spaces};
    frames_.clear();
    frames_.reserve(EntryFrameBytes(content));
    parts_.clear();
    EncodeEntry(header, content, &frames_, &parts_);
    for (const EntryPart& part : parts_) FIRN_RETURN_IF_ERROR(part.is_batches ? blocks_.AppendLasting(part.bytes) : blocks_.Append(part.bytes));
    ++header.sequence;
  }
  return blocks_.Finish();
}

// Nothing is left behind the file's last durable entry, and it is not written again.
void JournalWriter::ClearRest() {
  FIRN_ASSERT(file_.has_value(), "there is no journal file to be cleared");
  Status cleared = file_->file->Clear(position_);
  if (cleared.ok()) cleared = file_->file->Sync();
  if (!cleared.ok()) StopWith(cleared.error());
  file_.reset();
}

// After a failed write, or a file that could not be made.
void JournalWriter::OnWriteFailed(const Error& error) {
  if (health_.is_stopped()) return;
  if (error.code() != ErrorCode::kDiskFull) return StopWith(error);
  health_.SetDiskFull(DiskUser::kJournal, error);
  observer_.OnDiskFull();
}

void JournalWriter::StopWith(const Error& error) {
  // Never a code that a caller could take for a refusal: whether the entries are there is known after the restart.
  health_.Stop(Error(ErrorCode::kIoError, error.message()).Context("the journal was being written; the node stops accepting changes").Hint("remove the cause, then restart the node: nothing acknowledged is lost"));
  contents_.budget().SetFailing(true);
}

void JournalWriter::PrepareNextFile() {
  if (health_.is_stopped()) return;
  const Status prepared = files_.Prepare();
  if (!prepared.ok() && prepared.error().code() != ErrorCode::kDiskFull) StopWith(prepared.error());
}

bool JournalWriter::TryResume() {
  if (health_.is_stopped()) return false;
  const Status prepared = files_.Prepare();
  if (!prepared.ok()) {
    if (prepared.error().code() != ErrorCode::kDiskFull) StopWith(prepared.error());
    return false;
  }
  health_.ClearDiskFull(DiskUser::kJournal);
  return true;
}

void JournalWriter::Complete(Entries group, const std::optional<Error>& error) {
  uint64_t sequence = next_sequence_ - static_cast<uint64_t>(std::count_if(group.begin(), group.end(), [](const Waiting& entry) { return !entry.refused.has_value(); }));
  for (Waiting& entry : group) {
    // Where it is unknown what has become of those before it, a refused one is not told sooner than they are.
    const bool is_refused = entry.refused.has_value() && !(error.has_value() && health_.is_stopped());
    const std::optional<Error>& failure = is_refused ? entry.refused : error;
    CommitCallback done = std::move(entry.done);
    entry.operations.clear();
    if (failure.has_value()) {
      contents_.budget().RemoveUnmoved(entry.memory_bytes);
      done(*failure);
    } else {
      done(Committed{.sequence = sequence++, .first_offsets = std::move(entry.prepared.first_offsets)});
    }
  }
}

}  // namespace firn::log
