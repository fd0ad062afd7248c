// SPDX-License-Identifier: Apache-2.0
// The bytes of the journal's files: encoding only, no meaning. All numbers are little-endian.
// (tools/format_pages makes docs/formats/journal.md of this comment.)
//
// A file N.journal (N: 20 decimal digits, ascending) is a header, then groups of entries. A group is what one write and sync made durable; it begins at a
// multiple of 4096 (kJournalBlockBytes) and is written in whole blocks, past the page cache: zeros fill its last one. Inside a group each entry begins at the
// next multiple of 8 behind the one before.
//
//   0     "firnjrnl"        8 bytes
//   8     u32 version (5). 1 to 4 are still read: 4 does not name the file before, 3 has no file size either, 2 no operations of kind 8, in 1 groups were not aligned, each entry begins at the next multiple of 8
//   12    u32 CRC-32C of bytes 16..40
//   16    store id          16 bytes; the same in every file of a data directory
//   32    u64 file number   = N
//   40    u64 file size     that the file had before it was written to; it never becomes shorter, so that one that is has been cut by somebody else
//   48    u64 file before   the number of the one that was written to when this one was made ready, 0: none; numbers may have gaps, and so a file that somebody has removed is missed
//   56    u32 CRC-32C of bytes 8..56 (version 4: at 48, of 8..48)
//   60    zeros up to 4096  kJournalHeaderBytes: where the first entry begins
//
//   entry
//   0     u32 0x4a4e5246 ("FRNJ")
//   4     u32 CRC-32C of bytes 8..40
//   8     u32 file number, low 32 bits      a recycled file is full of entries of its earlier life: they carry another number
//   12    u32 payload size in bytes
//   16    u64 sequence                      ascending by one from entry to entry, over all files
//   24    u64 group begin                   sequence of the first entry of the write that this entry was part of
//   32    u32 CRC-32C of the payload        covers record batches too, although they have a checksum of their own: one rule for all
//                                           entries is easier to trust, and it is made of the batches' without reading them again
//   36    u16 type (1: operations)
//   38    u16 number of operations
//   40    payload: the operations one after the other; then zeros up to a multiple of 8
//
//   operation: u8 kind, then
//   1 append     u32 partition, i64 base offset, u32 record count, u32 size, record batches (offsets and leader epoch in place)
//   2 put        u32 key size, u32 value size, key, value
//   3 delete     u32 key size, key
//   4 create     u32 partition, config: i64 segment bytes, segment ms, retention ms, retention bytes
//   5 configure  as create
//   6 drop       u32 partition
//   7 log start  u32 partition, i64 offset
//   8 space      u32 size, zeros: before an append, so that its batches begin where in a block they do in memory, and are written from there without a copy
//
// N.journal has that name from when its size and its header are durable; before, it is N.journal.tmp. So a crash leaves no N.journal that is shorter or has no
// header. One whose header has another number is being used again, under a new name that was not durable yet. The file before, which a header names, is there as
// long as the meta snapshot's first file does not lie behind it. Nobody names the last file, and none but the one that was made ready behind it names the one before.
//
// Where the next entry is: at the next multiple of 8, if a whole entry with the next sequence is there; else at the next multiple of 4096, where it must begin
// a group. What else stands there is of an earlier life of the file, or zeros.
//
// Why "group begin": entries written by one write may reach the disk in any order, so after a crash a whole entry can stand behind a
// damaged one. The journal is synced between groups. Therefore a damaged entry s was durable, and its loss is corruption and
// not a torn write, exactly if a whole entry with group begin > s exists.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "log/ids.h"
#include "log/journal.h"

namespace firn::log {

inline constexpr std::string_view kJournalFileMagic = "firnjrnl";
inline constexpr uint32_t kJournalVersion = 5;
inline constexpr size_t kStoreIdBytes = 16;
inline constexpr size_t kJournalHeaderBytes = 4096;
inline constexpr size_t kJournalBlockBytes = 4096;
inline constexpr size_t kEntryHeaderBytes = 40;
inline constexpr size_t kEntryAlignment = 8;
inline constexpr size_t kPartitionConfigBytes = 32;
inline constexpr size_t kOperationsPerEntryMax = 65'535;

struct JournalFileHeader {
  std::string store_id;
  uint64_t file_number = 0;
  uint64_t size_bytes = 0;  // of the whole file; 0: a version that does not say
  uint64_t previous_number = 0;  // of the file before; 0: none, or a version that does not say
  uint64_t group_alignment = kJournalBlockBytes;  // of the first entry of each group; by the file's version
};

/// kJournalHeaderBytes bytes, of the newest version.
std::string EncodeJournalFileHeader(const JournalFileHeader& header);
/// The version that a journal file's header names; 0 if it is no such header.
uint32_t JournalFileVersion(std::string_view bytes);
/// nullopt if it is not the header of a journal file (foreign, never written or damaged).
std::optional<JournalFileHeader> DecodeJournalFileHeader(std::string_view bytes);

struct EntryHeader {
  uint32_t file_number = 0;
  uint32_t payload_bytes = 0;
  uint64_t sequence = 0;
  uint64_t group_begin = 0;
  uint32_t payload_crc = 0;
  uint16_t operation_count = 0;

  /// Of the whole entry with its padding.
  uint64_t entry_bytes() const { return (kEntryHeaderBytes + payload_bytes + kEntryAlignment - 1) & ~(kEntryAlignment - 1); }
};

/// Whether an entry may begin here: `bytes` has at least four.
bool IsEntryMagic(const char* bytes);
/// nullopt unless `bytes` begin with a whole header with the right checksum.
std::optional<EntryHeader> DecodeEntryHeader(std::string_view bytes);

/// What the space before the batches of each AppendRecords takes, a whole operation each; 0: there is none. Empty: nowhere is any.
using Spaces = std::vector<uint32_t>;
/// Where in a block batches are to begin; nullopt: anywhere.
using PlaceOf = std::function<std::optional<size_t>(std::string_view batches)>;
/// The spaces of an entry at `position` of its file for all batches to begin where `place_of` has them.
Spaces SpacesFor(std::span<const Operation> operations, uint64_t position, const PlaceOf& place_of);

/// What an entry is made of.
struct EntryContent {
  std::span<const Operation> operations;
  std::span<const Offset> first_offsets = {};  // one an AppendRecords
  std::span<const uint32_t> spaces = {};       // see Spaces
};
/// Size of an entry, with header and padding. Needs no offsets, like the next.
uint64_t EntryBytes(const EntryContent& content);
/// The part of it that EncodeEntry appends to `frames`: all but record batches.
uint64_t EntryFrameBytes(const EntryContent& content);

struct EntryPart {
  std::string_view bytes;
  bool is_batches = false;  // of the operations; else of `frames`
};

/// Appends an entry to a gather list: `frames` takes what has to be made (headers, keys, values), record batches are referred to.
/// `frames` must have the capacity reserved already, since `parts` point into it. Payload size, checksum and operation count of `header` are computed here.
void EncodeEntry(const EntryHeader& header, const EntryContent& content, std::string* frames, std::vector<EntryPart>* parts);

struct DecodedEntry {
  std::vector<Operation> operations;
  std::vector<Offset> first_offsets;  // one an AppendRecords
};

/// Record batches of the result are slices of `payload`. kCorruption if the bytes are not as drawn above.
Result<DecodedEntry> DecodeEntryPayload(const base::SharedBytes& payload, uint16_t operation_count);

void AppendPartitionConfig(const PartitionConfig& config, std::string* out);
/// `bytes` holds kPartitionConfigBytes.
PartitionConfig LoadPartitionConfig(const char* bytes);

}  // namespace firn::log
