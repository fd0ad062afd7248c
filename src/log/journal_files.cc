// SPDX-License-Identifier: Apache-2.0
#include "log/journal_files.h"

#include <algorithm>
#include <tuple>

#include "base/assert.h"
#include "base/mutex.h"
#include "io/block_writer.h"
#include "log/journal_format.h"

namespace firn::log {

namespace {

// Files kept to be written again, beside the prepared one: as many as are needed at once under load. A file that is made anew costs a commit of the file
// system's own journal with each sync, until it has been written once.
constexpr size_t kSpareFilesMax = 3;

}  // namespace

void JournalFiles::Restore(std::vector<Needed> needed, std::vector<std::string> spare, uint64_t last_number) {
  base::MutexLock lock(mutex_);
  FIRN_ASSERT(needed_.empty() && !prepared_.has_value(), "{} journal files are there before any was restored", needed_.size());
  FIRN_ASSERT(needed.empty() || needed.back().number <= last_number, "journal file {} is needed, the last is {}", needed.back().number, last_number);
  needed_.assign(needed.begin(), needed.end());
  spare_ = std::move(spare);
  last_number_ = last_number;
}

Result<JournalFile> JournalFiles::Take(uint64_t entry_bytes, uint64_t first_sequence) {
  base::MutexLock lock(mutex_);
  FIRN_RETURN_IF_ERROR(PrepareLocked(entry_bytes));
  FIRN_ASSERT(prepared_.has_value() && prepared_->file != nullptr, "no journal file is ready");
  FIRN_ASSERT(prepared_->previous_number == (needed_.empty() ? 0 : needed_.back().number), "journal file {} names file {} as the one before", prepared_->number, prepared_->previous_number);
  FIRN_ASSERT(needed_.empty() || (needed_.back().number < prepared_->number && needed_.back().first_sequence <= first_sequence),
              "journal file {} from entry {} is to follow file {} from entry {}", prepared_->number, first_sequence, needed_.back().number, needed_.back().first_sequence);
  JournalFile taken = std::move(*prepared_);
  prepared_.reset();
  needed_.push_back({taken.number, first_sequence});
  return taken;
}

Status JournalFiles::Prepare() {
  base::MutexLock lock(mutex_);
  return PrepareLocked(0);
}

Status JournalFiles::PrepareLocked(uint64_t entry_bytes) {
  const uint64_t size = std::max(file_bytes_, kJournalHeaderBytes + io::NextBlock(entry_bytes));
  if (prepared_.has_value() && prepared_->size_bytes >= size) return Ok();
  if (prepared_.has_value()) {  // too small: what has its name is not changed any more
    spare_.push_back(layout_.journal_file(prepared_->number));
    prepared_.reset();
  }
  JournalFile next{.number = last_number_ + 1, .previous_number = needed_.empty() ? 0 : needed_.back().number, .size_bytes = 0, .file = nullptr};
  FIRN_TRY(next.file, OpenNextLocked(next.number));
  last_number_ = next.number;
  std::string path = layout_.unfinished_journal_file(next.number);
  Status status = MakeReady(&next, size, &path);
  if (status.ok()) {
    prepared_ = std::move(next);
  } else {
    spare_.push_back(std::move(path));
  }
  return status;
}

Status JournalFiles::MakeReady(JournalFile* file, uint64_t size_bytes, std::string* path) {
  FIRN_TRY(const uint64_t found_bytes, file->file->Size());
  file->size_bytes = std::max(found_bytes, size_bytes);
  FIRN_RETURN_IF_ERROR(file->file->Allocate(file->size_bytes));  // also what has that size: it may have been cleared, and its blocks be gone
  const JournalFileHeader header{.store_id = store_id_, .file_number = file->number, .size_bytes = file->size_bytes, .previous_number = file->previous_number};
  FIRN_RETURN_IF_ERROR(file->file->WriteAt(0, EncodeJournalFileHeader(header)));
  FIRN_RETURN_IF_ERROR(file->file->Sync());
  FIRN_RETURN_IF_ERROR(files_.Rename(*path, layout_.journal_file(file->number)));
  *path = layout_.journal_file(file->number);
  FIRN_TRY(file->file, files_.Open(*path, io::OpenMode::kReadWrite));  // by the name that its errors are to tell
  file->file->PreferDirectWrites();
  return files_.SyncDirectory(layout_.journal());
}

Result<std::unique_ptr<io::File>> JournalFiles::OpenNextLocked(uint64_t number) {
  const std::string path = layout_.unfinished_journal_file(number);
  if (spare_.empty()) return files_.Open(path, io::OpenMode::kTruncate);
  FIRN_RETURN_IF_ERROR(files_.Rename(spare_.back(), path));
  spare_.pop_back();
  return files_.Open(path, io::OpenMode::kReadWrite);
}

uint64_t JournalFiles::FirstNeeded(uint64_t sequence) const {
  base::MutexLock lock(mutex_);
  if (needed_.empty()) return last_number_;
  FIRN_ASSERT(std::is_sorted(needed_.begin(), needed_.end(), [](const Needed& a, const Needed& b) { return a.number < b.number; }), "journal files are out of order");
  size_t first = 0;
  while (first + 1 < needed_.size() && needed_[first + 1].first_sequence <= sequence + 1) ++first;
  return needed_[first].number;
}

void JournalFiles::Recycle(uint64_t first_needed) {
  base::MutexLock lock(mutex_);
  FIRN_ASSERT(first_needed <= last_number_, "journal file {} is needed first, the last is {}", first_needed, last_number_);
  while (!needed_.empty() && needed_.front().number < first_needed) {
    spare_.push_back(layout_.journal_file(needed_.front().number));
    needed_.pop_front();
  }
  while (spare_.size() > kSpareFilesMax) {
    std::ignore = files_.Remove(spare_.back());  // one that stays is spare again at the next start
    spare_.pop_back();
  }
}

}  // namespace firn::log
