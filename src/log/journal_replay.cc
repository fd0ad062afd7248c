// SPDX-License-Identifier: Apache-2.0
#include "log/journal_replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "log/piece_sizes.h"

namespace firn::log {

namespace {

struct Entry {
  EntryHeader header;
  base::SharedBytes payload;
};

// One file, read front to back through a chunk that entries are slices of.
class EntryReader {
 public:
  EntryReader(std::unique_ptr<io::File> file, uint64_t number, uint64_t size_bytes, uint64_t chunk_bytes)
      : file_(std::move(file)), number_(number), size_bytes_(size_bytes), chunk_bytes_(chunk_bytes) {}

  uint64_t number() const { return number_; }
  uint64_t size_bytes() const { return size_bytes_; }
  io::File& file() { return *file_; }

  /// The header at `position`, if one of this file is there.
  Result<std::optional<EntryHeader>> ReadHeader(uint64_t position) {
    FIRN_TRY(base::SharedBytes bytes, Bytes(position, kEntryHeaderBytes));
    std::optional<EntryHeader> header = DecodeEntryHeader(bytes.view());
    if (header.has_value() && (header->file_number != static_cast<uint32_t>(number_) || header->entry_bytes() > size_bytes_ - position)) header.reset();
    return header;
  }
  /// The whole entry at `position`, if one of this file is there.
  Result<std::optional<Entry>> ReadEntry(uint64_t position) {
    FIRN_TRY(std::optional<EntryHeader> header, ReadHeader(position));
    if (!header.has_value()) return std::optional<Entry>();
    FIRN_TRY(base::SharedBytes bytes, Bytes(position, header->entry_bytes()));
    if (bytes.size() < header->entry_bytes()) return std::optional<Entry>();
    Entry entry{*header, bytes.Slice(kEntryHeaderBytes, header->payload_bytes)};
    if (base::Crc32c(entry.payload.view()) != header->payload_crc) return std::optional<Entry>();
    return std::optional(std::move(entry));
  }
  /// Where the entry of this sequence begins by its header, which may be all that is whole of it, if the one before ends at `position`.
  Result<std::optional<uint64_t>> FindNext(uint64_t sequence, uint64_t position) {
    for (uint64_t place : {position, NextGroup(position)}) {
      FIRN_TRY(std::optional<EntryHeader> header, ReadHeader(place));
      if (header.has_value() && header->sequence == sequence) return std::optional(place);
    }
    return std::optional<uint64_t>();
  }
  /// Where a header begins that is not whole, if the entry before ends at `position`.
  Result<std::optional<uint64_t>> FindTornHeader(uint64_t position) {
    for (uint64_t place : {position, NextGroup(position)}) {
      FIRN_TRY(base::SharedBytes bytes, Bytes(place, kEntryHeaderBytes));
      if (bytes.size() == kEntryHeaderBytes && IsEntryMagic(bytes.data()) && !DecodeEntryHeader(bytes.view()).has_value()) return std::optional(place);
    }
    return std::optional<uint64_t>();
  }
  /// Where the entry behind `position` was to begin: right there, or with the next group where the zeros behind a group begin.
  Result<uint64_t> PlaceBehind(uint64_t position) {
    FIRN_TRY(base::SharedBytes bytes, Bytes(position, kEntryAlignment));
    return bytes.view().find_first_not_of('\0') == std::string_view::npos ? NextGroup(position) : position;
  }
  void SetGroupAlignment(uint64_t bytes) {
    FIRN_ASSERT(bytes == kEntryAlignment || bytes == kJournalBlockBytes, "groups at multiples of {}", bytes);
    group_alignment_ = bytes;
  }

 private:
  uint64_t NextGroup(uint64_t position) const { return (position + group_alignment_ - 1) / group_alignment_ * group_alignment_; }

  // Fewer at the end of the file.
  Result<base::SharedBytes> Bytes(uint64_t position, uint64_t size) {
    if (position >= size_bytes_) return base::SharedBytes();
    size = std::min(size, size_bytes_ - position);
    if (position < chunk_begin_ || position + size > chunk_begin_ + chunk_.size()) {
      FIRN_TRY(std::string bytes, file_->ReadAt(position, std::min<uint64_t>(std::max<uint64_t>(size, chunk_bytes_), size_bytes_ - position)));
      chunk_ = base::SharedBytes::FromString(std::move(bytes));
      chunk_begin_ = position;
    }
    FIRN_ASSERT(position >= chunk_begin_, "byte {} of journal file {} is before the chunk from {}", position, number_, chunk_begin_);
    const uint64_t at = position - chunk_begin_;
    return chunk_.Slice(at, std::min<uint64_t>(size, chunk_.size() - at));
  }

  std::unique_ptr<io::File> file_;
  uint64_t number_;
  uint64_t size_bytes_;
  uint64_t chunk_bytes_;
  uint64_t group_alignment_ = kJournalBlockBytes;
  base::SharedBytes chunk_;
  uint64_t chunk_begin_ = 0;
};

struct JournalPart {
  std::unique_ptr<EntryReader> reader;
  uint64_t previous_number = 0;  // by its header; 0: it does not say
  std::optional<uint64_t> first_sequence;  // by its first entry's header
};

class Replay {
 public:
  Replay(io::FileSystem& files, const Layout& layout, const ReplayFrom& from, const EntryVisitor& visit)
      : files_(files), layout_(layout), from_(from), visit_(visit), expected_(from.sequence + 1) {
    FIRN_ASSERT(from.read_bytes >= static_cast<uint64_t>(kReadBytesMin) && from.read_bytes % kEntryAlignment == 0, "the journal is to be read in pieces of {} bytes", from.read_bytes);
  }

  Result<Replayed> Run(const std::vector<uint64_t>& numbers) {
    for (uint64_t number : numbers) FIRN_RETURN_IF_ERROR(Look(number));
    if (parts_.empty() || parts_.front().reader->number() != from_.first_file) {
      return Corruption(fmt::format("file {} is missing, where the entries behind {} are", layout_.journal_file(from_.first_file), from_.sequence));
    }
    FIRN_ASSERT(std::is_sorted(numbers.begin(), numbers.end()), "journal files are out of order");
    FIRN_RETURN_IF_ERROR(CheckRow());
    result_.last_number = numbers.back();
    if (parts_.front().first_sequence.has_value()) expected_ = std::min(expected_, *parts_.front().first_sequence);
    size_t last = 0;
    uint64_t end = 0;
    for (size_t i = 0; i < parts_.size(); ++i) {
      if (i > 0 && !parts_[i].first_sequence.has_value()) continue;
      FIRN_TRY(end, ReadFile(i));
      last = i;
    }
    FIRN_RETURN_IF_ERROR(CheckRest(last, end));
    if (expected_ <= from_.sequence) {
      return Corruption(fmt::format("it ends at entry {}, but the meta snapshot holds entry {}", expected_ - 1, from_.sequence));
    }
    FIRN_RETURN_IF_ERROR(CutOff(*parts_[last].reader, end));
    for (size_t i = 0; i <= last; ++i) result_.needed.push_back({parts_[i].reader->number(), parts_[i].first_sequence.value_or(expected_)});
    FIRN_RETURN_IF_ERROR(SetAside(last));
    FIRN_ASSERT(result_.needed.size() == last + 1 && result_.needed.back().first_sequence <= expected_, "{} journal files are needed, entry {} is in the one with number {}",
                result_.needed.size(), expected_ - 1, last);
    result_.last_sequence = expected_ - 1;
    return std::move(result_);
  }

 private:
  // Opens a file if it is needed.
  Status Look(uint64_t number) {
    const std::string path = layout_.journal_file(number);
    if (number < from_.first_file) {
      result_.spare.push_back(path);
      return Ok();
    }
    FIRN_TRY(std::unique_ptr<io::File> file, files_.Open(path, io::OpenMode::kReadWrite));
    FIRN_TRY(uint64_t size, file->Size());
    FIRN_TRY(std::string head, file->ReadAt(0, kJournalHeaderBytes));
    JournalPart part{std::make_unique<EntryReader>(std::move(file), number, size, from_.read_bytes), 0, std::nullopt};
    FIRN_TRY(std::optional<EntryHeader> first, part.reader->ReadHeader(kJournalHeaderBytes));
    const std::optional<JournalFileHeader> header = DecodeJournalFileHeader(head);
    if (header.has_value() && header->store_id != from_.store_id) {
      return Error(ErrorCode::kIoError, fmt::format("{} belongs to another data directory", path)).Hint("move the file away; nothing was changed");
    }
    if (const uint32_t version = JournalFileVersion(head); version > kJournalVersion) {
      return Error(ErrorCode::kNotSupported, fmt::format("{} has format version {}, this firn reads version {}", path, version, kJournalVersion))
          .Hint("open the data directory with the firn version that wrote it; nothing was changed");
    }
    if (!header.has_value() && !first.has_value() && head.find_first_not_of('\0') != std::string::npos && !head.starts_with(kJournalFileMagic.substr(0, head.size()))) {
      return Error(ErrorCode::kIoError, fmt::format("{} is not a journal file", path)).Hint("move the file away; nothing was changed");
    }
    if (size < kJournalHeaderBytes && IsHeaderDue(number)) return Corruption(fmt::format("{} has {} bytes, fewer than its header", path, size));
    if (!header.has_value() || header->file_number != number) {
      if (first.has_value() || (!header.has_value() && IsHeaderDue(number))) return Corruption(fmt::format("the header of {} is damaged", path));
      result_.spare.push_back(path);  // a crash while it was made ready
      return Ok();
    }
    if (size < header->size_bytes) return Corruption(fmt::format("{} has {} bytes, it was made with {} and is never shortened", path, size, header->size_bytes));
    are_sizes_known_ = header->size_bytes > 0;
    part.previous_number = header->previous_number;
    if (first.has_value()) part.first_sequence = first->sequence;
    part.reader->SetGroupAlignment(header->group_alignment);
    parts_.push_back(std::move(part));
    return Ok();
  }

  // The file that another one names as the one before it is there, or the snapshot begins behind it.
  Status CheckRow() const {
    for (const JournalPart& part : parts_) {
      const uint64_t number = part.reader->number();
      const uint64_t previous = part.previous_number;
      if (number == from_.first_file || previous < from_.first_file) continue;
      if (std::any_of(parts_.begin(), parts_.end(), [&](const JournalPart& other) { return other.reader->number() == previous; })) continue;
      return Corruption(fmt::format("file {} is missing, {} was begun behind it", layout_.journal_file(previous), layout_.journal_file(number)))
          .Hint("put the file back where it was, or restore the data directory from a backup");
    }
    return Ok();
  }

  // Files without entries behind the last one that has some are spare. The first of them names that one, which stays. Another names one that is spare too: it goes
  // back to the name of an unfinished file, durably, before that one can be used again and be missed by it after the next crash.
  Status SetAside(size_t last) {
    for (size_t i = parts_.size() - 1; i > last + 1; --i) {
      const uint64_t number = parts_[i].reader->number();
      result_.spare.push_back(layout_.unfinished_journal_file(number));
      FIRN_RETURN_IF_ERROR(files_.Rename(layout_.journal_file(number), result_.spare.back()));
      FIRN_RETURN_IF_ERROR(files_.SyncDirectory(layout_.journal()));
    }
    if (parts_.size() > last + 1) result_.spare.push_back(layout_.journal_file(parts_[last + 1].reader->number()));
    return Ok();
  }

  // A file that is known to have been written to, and what a firn that knows of sizes has made, had a header before it had its name.
  bool IsHeaderDue(uint64_t number) const { return number == from_.first_file || are_sizes_known_; }

  // Where the next file with entries begins.
  uint64_t SequenceLimit(size_t index) const {
    for (size_t i = index + 1; i < parts_.size(); ++i) {
      if (parts_[i].first_sequence.has_value()) return *parts_[i].first_sequence;
    }
    return UINT64_MAX;
  }

  // Returns the position behind the last entry that counts.
  Result<uint64_t> ReadFile(size_t index) {
    EntryReader& reader = *parts_[index].reader;
    const uint64_t limit = SequenceLimit(index);
    uint64_t position = group_begin_ = kJournalHeaderBytes;
    while (expected_ < limit) {
      FIRN_TRY(std::optional<uint64_t> place, reader.FindNext(expected_, position));
      if (!place.has_value()) break;
      FIRN_TRY(std::optional<Entry> entry, reader.ReadEntry(*place));
      if (!entry.has_value()) break;
      if (entry->header.group_begin == expected_) group_begin_ = *place;
      const uint64_t end = *place + entry->header.entry_bytes();
      FIRN_ASSERT(*place >= position && end <= reader.size_bytes(), "entry {} from {} to {} behind {}", expected_, *place, end, position);
      if (expected_ > from_.sequence) {
        Status visited = visit_(entry->header, entry->payload, end - position);
        if (!visited.ok()) return std::move(visited).error().Context(fmt::format("{} at byte {}", layout_.journal_file(reader.number()), *place));
        ++result_.entry_count;
        result_.size_bytes += static_cast<int64_t>(end - position);
      }
      ++expected_;
      position = end;
    }
    if (limit != UINT64_MAX && expected_ < limit) {
      FIRN_TRY(uint64_t damaged, reader.PlaceBehind(position));
      return Corruption(fmt::format("entry {} at byte {} of {} is damaged or missing, and a later file begins with entry {}", expected_, damaged,
                                    layout_.journal_file(reader.number()), limit));
    }
    return position;
  }

  // Looks for a whole entry behind the end, here or in later files, that proves that the entry expected there was durable.
  Status CheckRest(size_t index, uint64_t end) {
    uint64_t torn_end = end;
    EntryReader& reader = *parts_[index].reader;
    FIRN_TRY(std::optional<uint64_t> torn, reader.FindNext(expected_, end));
    if (torn.has_value()) {
      FIRN_TRY(std::optional<EntryHeader> header, reader.ReadHeader(*torn));
      torn_end = *torn + header->entry_bytes();
    } else {
      FIRN_TRY(std::optional<uint64_t> torn_header, reader.FindTornHeader(end));
      if (torn_header.has_value()) torn_end = *torn_header + kEntryHeaderBytes;
    }
    FIRN_TRY(uint64_t damaged, reader.PlaceBehind(end));
    const std::string place = fmt::format("byte {} of {}", damaged, layout_.journal_file(reader.number()));
    for (size_t i = index; i < parts_.size(); ++i) {
      FIRN_TRY(uint64_t last_end, Scan(*parts_[i].reader, i == index ? end : kJournalHeaderBytes, place));
      if (i == index) torn_end = std::max(torn_end, last_end);
    }
    FIRN_ASSERT(torn_end >= end, "what is torn ends at {}, and begins at {}", torn_end, end);
    result_.truncated_bytes = static_cast<int64_t>(torn_end - end);
    return Ok();
  }

  // Whole entries from `begin` on belong to the torn group, or it is corruption. Returns the end of the last one, or `begin`.
  Result<uint64_t> Scan(EntryReader& reader, uint64_t begin, const std::string& damaged_place) {
    uint64_t last_end = begin;
    for (uint64_t chunk_begin = begin; chunk_begin + kEntryHeaderBytes <= reader.size_bytes(); chunk_begin += from_.read_bytes) {
      FIRN_TRY(std::string chunk, reader.file().ReadAt(chunk_begin, from_.read_bytes + kEntryHeaderBytes));
      for (size_t at = 0; at < from_.read_bytes && at + kEntryHeaderBytes <= chunk.size(); at += kEntryAlignment) {
        if (!IsEntryMagic(chunk.data() + at)) continue;
        FIRN_TRY(std::optional<Entry> entry, reader.ReadEntry(chunk_begin + at));
        if (!entry.has_value() || entry->header.sequence < expected_) continue;
        if (entry->header.group_begin > expected_) {
          return Corruption(fmt::format("entry {} at {} is damaged, and entry {} at byte {} of {} was written after it had been acknowledged", expected_,
                                        damaged_place, entry->header.sequence, chunk_begin + at, layout_.journal_file(reader.number())));
        }
        last_end = chunk_begin + at + entry->header.entry_bytes();
      }
    }
    return last_end;
  }

  // What was read is to stay, what was torn is not to come back. The last group is written again: its sync may have failed, and then the page cache
  // has it, the disk does not, and the system believes that there is nothing to sync. Groups before it were synced, or it would not be there.
  Status CutOff(EntryReader& reader, uint64_t end) {
    FIRN_ASSERT(group_begin_ >= kJournalHeaderBytes && group_begin_ <= end && end <= reader.size_bytes(), "the last group is from {} to {} of {}", group_begin_, end, reader.size_bytes());
    if (result_.truncated_bytes > 0) FIRN_RETURN_IF_ERROR(reader.file().Clear(end));
    for (uint64_t at = group_begin_; at < end; at += from_.read_bytes) {
      FIRN_TRY(std::string bytes, reader.file().ReadAt(at, std::min<uint64_t>(from_.read_bytes, end - at)));
      FIRN_RETURN_IF_ERROR(reader.file().WriteAt(at, bytes));
    }
    return reader.file().Sync();
  }

  Error Corruption(std::string_view what) const {
    return Error(ErrorCode::kCorruption, fmt::format("the journal in {} is damaged: {}", layout_.journal(), what))
        .Why("acknowledged changes would be lost, so nothing was opened and nothing was changed")
        .Hint("restore the data directory from a backup, or copy it away and start with an empty one");
  }

  io::FileSystem& files_;
  const Layout& layout_;
  const ReplayFrom& from_;
  const EntryVisitor& visit_;
  uint64_t expected_;  // the sequence to read next
  uint64_t group_begin_ = kJournalHeaderBytes;  // where the last group that was read begins in its file
  bool are_sizes_known_ = false;  // of the last file with a header
  std::vector<JournalPart> parts_;
  Replayed result_;
};

}  // namespace

Result<JournalNames> ListJournal(io::FileSystem& files, const Layout& layout) {
  FIRN_TRY(std::vector<io::FileEntry> entries, files.List(layout.journal()));
  JournalNames names;
  for (const io::FileEntry& entry : entries) {
    std::string_view name = entry.name;
    const bool is_unfinished = name.ends_with(kUnfinishedSuffix);
    if (is_unfinished) name.remove_suffix(kUnfinishedSuffix.size());
    const std::optional<uint64_t> number = ParseNumberedName(name, kJournalSuffix);
    if (!number.has_value() || entry.is_directory) {
      return Error(ErrorCode::kIoError, fmt::format("{} does not belong into a data directory", io::JoinPath(layout.journal(), entry.name)))
          .Hint("move it away; nothing was changed");
    }
    (is_unfinished ? names.unfinished : names.files).push_back(*number);
  }
  return names;
}

Result<bool> HasJournalEntries(io::FileSystem& files, const Layout& layout, const std::vector<uint64_t>& numbers) {
  for (uint64_t number : numbers) {
    FIRN_TRY(std::unique_ptr<io::File> file, files.Open(layout.journal_file(number), io::OpenMode::kRead));
    FIRN_TRY(std::string bytes, file->ReadAt(kJournalHeaderBytes, kEntryHeaderBytes));
    if (DecodeEntryHeader(bytes).has_value()) return true;
  }
  return false;
}

Result<Replayed> ReplayJournal(io::FileSystem& files, const Layout& layout, const std::vector<uint64_t>& numbers, const ReplayFrom& from,
                               const EntryVisitor& visit) {
  return Replay(files, layout, from, visit).Run(numbers);
}

}  // namespace firn::log
