// SPDX-License-Identifier: Apache-2.0
#include "log/journal_format.h"

#include <algorithm>
#include <numeric>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "io/block_writer.h"
#include "kafka/record_batch.h"

namespace firn::log {

namespace {

using base::LoadLittle;
using base::StoreLittle;

constexpr uint32_t kUnalignedVersion = 1;
constexpr uint32_t kSizedVersion = 4;
constexpr size_t kFileIdentityEnd = 40;  // of what every version has
constexpr uint32_t kChainedVersion = 5;
constexpr size_t kFileSizeEnd = 48;      // where version 4 has the checksum of all
constexpr size_t kFileChainEnd = 56;     // and version 5
constexpr uint32_t kEntryMagic = 0x4a4e5246;
constexpr uint16_t kTypeOperations = 1;
constexpr size_t kAppendFrameBytes = 21;
constexpr size_t kSpaceFrameBytes = 5;

enum class Kind : uint8_t { kAppend = 1, kPut, kDelete, kCreate, kConfigure, kDrop, kLogStart, kSpace };

template <typename T>
void AppendLittle(T value, std::string* out) {
  char bytes[sizeof(T)];
  StoreLittle(bytes, value);
  out->append(bytes, sizeof(T));
}

// Bytes of an operation without its record batches.
struct FrameSize {
  uint64_t operator()(const AppendRecords&) const { return kAppendFrameBytes; }
  uint64_t operator()(const Put& put) const { return 9 + put.key.size() + put.value.size(); }
  uint64_t operator()(const Delete& del) const { return 5 + del.key.size(); }
  uint64_t operator()(const CreatePartition&) const { return 5 + kPartitionConfigBytes; }
  uint64_t operator()(const ConfigurePartition&) const { return 5 + kPartitionConfigBytes; }
  uint64_t operator()(const DropPartition&) const { return 5; }
  uint64_t operator()(const SetLogStart&) const { return 13; }
};

uint64_t FrameBytes(const EntryContent& content) {
  uint64_t size = std::accumulate(content.spaces.begin(), content.spaces.end(), uint64_t{0});
  for (const Operation& operation : content.operations) size += std::visit(FrameSize{}, operation);
  return size;
}

uint64_t PayloadBytes(const EntryContent& content) {
  uint64_t size = FrameBytes(content);
  for (const Operation& operation : content.operations) {
    if (const auto* append = std::get_if<AppendRecords>(&operation)) size += append->batches.size();
  }
  return size;
}

uint64_t Padding(uint64_t size) { return (kEntryAlignment - size % kEntryAlignment) % kEntryAlignment; }

// The checksum of whole record batches behind bytes with `crc`, from the checksums that they carry: their records are not read once more.
uint32_t BatchesCrc(std::string_view batches, uint32_t crc) {
  Status walked = kafka::ForEachBatch(batches, [&](const kafka::RecordBatchView& batch) {
    crc = base::Crc32c(batch.bytes().substr(0, kafka::kBatchCrcBegin), crc);
    crc = base::CombineCrc32c(crc, batch.crc(), batch.size() - kafka::kBatchCrcBegin);
    return true;
  });
  FIRN_ASSERT(walked.ok(), "batches were checked when the entry was prepared: {}", walked.error().ToString());
  return crc;
}

// Writes everything of an operation that is not a record batch.
struct FrameWriter {
  std::string* out;
  Offset first_offset;  // of an AppendRecords
  uint32_t space = 0;   // before it

  void Start(Kind kind) const { out->push_back(static_cast<char>(kind)); }
  void Start(Kind kind, TopicPartitionId partition) const {
    Start(kind);
    AppendLittle(partition.value(), out);
  }
  void operator()(const AppendRecords& append) const {
    if (space > 0) {
      Start(Kind::kSpace);
      AppendLittle(static_cast<uint32_t>(space - kSpaceFrameBytes), out);
      out->append(space - kSpaceFrameBytes, '\0');
    }
    Start(Kind::kAppend, append.partition);
    AppendLittle(first_offset.value(), out);
    AppendLittle(static_cast<uint32_t>(append.record_count), out);
    AppendLittle(static_cast<uint32_t>(append.batches.size()), out);
  }
  void operator()(const Put& put) const {
    Start(Kind::kPut);
    AppendLittle(static_cast<uint32_t>(put.key.size()), out);
    AppendLittle(static_cast<uint32_t>(put.value.size()), out);
    out->append(put.key).append(put.value);
  }
  void operator()(const Delete& del) const {
    Start(Kind::kDelete);
    AppendLittle(static_cast<uint32_t>(del.key.size()), out);
    out->append(del.key);
  }
  void operator()(const CreatePartition& create) const {
    Start(Kind::kCreate, create.partition);
    AppendPartitionConfig(create.config, out);
  }
  void operator()(const ConfigurePartition& configure) const {
    Start(Kind::kConfigure, configure.partition);
    AppendPartitionConfig(configure.config, out);
  }
  void operator()(const DropPartition& drop) const { Start(Kind::kDrop, drop.partition); }
  void operator()(const SetLogStart& start) const {
    Start(Kind::kLogStart, start.partition);
    AppendLittle(start.offset.value(), out);
  }
};

void StoreEntryHeader(const EntryHeader& header, char* out) {
  StoreLittle(out, kEntryMagic);
  StoreLittle(out + 8, header.file_number);
  StoreLittle(out + 12, header.payload_bytes);
  StoreLittle(out + 16, header.sequence);
  StoreLittle(out + 24, header.group_begin);
  StoreLittle(out + 32, header.payload_crc);
  StoreLittle(out + 36, kTypeOperations);
  StoreLittle(out + 38, header.operation_count);
  StoreLittle(out + 4, base::Crc32c(std::string_view(out + 8, kEntryHeaderBytes - 8)));
}

// Takes the operations off a payload. Fails by `is_faulty`, checked once an operation.
class PayloadReader {
 public:
  explicit PayloadReader(const base::SharedBytes& payload) : payload_(payload) {}

  Result<DecodedEntry> Read(uint16_t operation_count) {
    DecodedEntry entry;
    entry.operations.reserve(std::min<size_t>(operation_count, payload_.size()));
    for (uint16_t i = 0; i < operation_count && !is_faulty_; ++i) ReadOperation(&entry);
    if (is_faulty_ || at_ != payload_.size()) {
      return Error(ErrorCode::kCorruption, fmt::format("operations of a journal entry of {} bytes end at byte {}", payload_.size(), at_));
    }
    return entry;
  }

 private:
  template <typename T>
  T Number() {
    if (!Has(sizeof(T))) return T{};
    T value = LoadLittle<T>(payload_.data() + at_);
    at_ += sizeof(T);
    return value;
  }
  std::string Bytes(size_t size) {
    if (!Has(size)) return {};
    std::string bytes(payload_.data() + at_, size);
    at_ += size;
    return bytes;
  }
  bool Has(size_t size) {
    is_faulty_ = is_faulty_ || payload_.size() - at_ < size;
    return !is_faulty_;
  }
  PartitionConfig Config() {
    if (!Has(kPartitionConfigBytes)) return {};
    at_ += kPartitionConfigBytes;
    return LoadPartitionConfig(payload_.data() + at_ - kPartitionConfigBytes);
  }
  TopicPartitionId Partition() { return TopicPartitionId(Number<uint32_t>()); }

  void ReadOperation(DecodedEntry* entry) {
    switch (static_cast<Kind>(Number<uint8_t>())) {
      case Kind::kAppend: return ReadAppend(entry);
      case Kind::kPut: {
        const auto key_size = Number<uint32_t>();
        const auto value_size = Number<uint32_t>();
        Put put{.key = Bytes(key_size), .value = {}};
        put.value = Bytes(value_size);
        entry->operations.emplace_back(std::move(put));
        return;
      }
      case Kind::kDelete: entry->operations.emplace_back(Delete{Bytes(Number<uint32_t>())}); return;
      case Kind::kCreate: {
        const TopicPartitionId partition = Partition();
        entry->operations.emplace_back(CreatePartition{partition, Config()});
        return;
      }
      case Kind::kConfigure: {
        const TopicPartitionId partition = Partition();
        entry->operations.emplace_back(ConfigurePartition{partition, Config()});
        return;
      }
      case Kind::kDrop: entry->operations.emplace_back(DropPartition{Partition()}); return;
      case Kind::kLogStart: {
        const TopicPartitionId partition = Partition();
        entry->operations.emplace_back(SetLogStart{partition, Offset(Number<int64_t>())});
        return;
      }
      case Kind::kSpace: {
        const auto size = Number<uint32_t>();
        if (Has(size)) at_ += size;
        return;
      }
    }
    is_faulty_ = true;
  }

  void ReadAppend(DecodedEntry* entry) {
    AppendRecords append{.partition = Partition(), .batches = {}, .record_count = 0};
    entry->first_offsets.emplace_back(Number<int64_t>());
    append.record_count = static_cast<int32_t>(Number<uint32_t>());
    const auto size = Number<uint32_t>();
    if (!Has(size)) return;
    append.batches = payload_.Slice(at_, size);
    at_ += size;
    entry->operations.emplace_back(std::move(append));
  }

  const base::SharedBytes& payload_;
  size_t at_ = 0;
  bool is_faulty_ = false;
};

// Of a file header: what it covers has been there from the first version on, so that any version is known for what it is.
uint32_t IdentityCrc(std::string_view header) { return base::Crc32c(header.substr(16, kFileIdentityEnd - 16)); }
uint32_t HeaderCrc(std::string_view header, size_t end) { return base::Crc32c(header.substr(8, end - 8)); }

}  // namespace

std::string EncodeJournalFileHeader(const JournalFileHeader& header) {
  FIRN_ASSERT(header.store_id.size() == kStoreIdBytes, "store id of {} bytes", header.store_id.size());
  FIRN_ASSERT(header.previous_number < header.file_number, "journal file {} behind file {}", header.file_number, header.previous_number);
  FIRN_ASSERT(header.size_bytes >= kJournalHeaderBytes, "journal file {} of {} bytes", header.file_number, header.size_bytes);
  std::string bytes(kJournalHeaderBytes, '\0');
  kJournalFileMagic.copy(bytes.data(), kJournalFileMagic.size());
  StoreLittle(bytes.data() + 8, kJournalVersion);
  header.store_id.copy(bytes.data() + 16, kStoreIdBytes);
  StoreLittle(bytes.data() + 32, header.file_number);
  StoreLittle(bytes.data() + 12, IdentityCrc(bytes));
  StoreLittle(bytes.data() + kFileIdentityEnd, header.size_bytes);
  StoreLittle(bytes.data() + kFileSizeEnd, header.previous_number);
  StoreLittle(bytes.data() + kFileChainEnd, HeaderCrc(bytes, kFileChainEnd));
  return bytes;
}

uint32_t JournalFileVersion(std::string_view bytes) {
  if (bytes.size() < kFileIdentityEnd || !bytes.starts_with(kJournalFileMagic)) return 0;
  if (LoadLittle<uint32_t>(bytes.data() + 12) != IdentityCrc(bytes)) return 0;
  return LoadLittle<uint32_t>(bytes.data() + 8);
}

std::optional<JournalFileHeader> DecodeJournalFileHeader(std::string_view bytes) {
  const uint32_t version = JournalFileVersion(bytes);
  if (version < kUnalignedVersion || version > kJournalVersion) return std::nullopt;
  const bool is_sized = version >= kSizedVersion;
  const bool is_chained = version >= kChainedVersion;
  const size_t end = is_chained ? kFileChainEnd : kFileSizeEnd;
  if (is_sized && (bytes.size() < end + 4 || LoadLittle<uint32_t>(bytes.data() + end) != HeaderCrc(bytes, end))) return std::nullopt;
  return JournalFileHeader{.store_id = std::string(bytes.substr(16, kStoreIdBytes)),
                           .file_number = LoadLittle<uint64_t>(bytes.data() + 32),
                           .size_bytes = is_sized ? LoadLittle<uint64_t>(bytes.data() + kFileIdentityEnd) : 0,
                           .previous_number = is_chained ? LoadLittle<uint64_t>(bytes.data() + kFileSizeEnd) : 0,
                           .group_alignment = version == kUnalignedVersion ? kEntryAlignment : kJournalBlockBytes};
}

bool IsEntryMagic(const char* bytes) { return LoadLittle<uint32_t>(bytes) == kEntryMagic; }

std::optional<EntryHeader> DecodeEntryHeader(std::string_view bytes) {
  if (bytes.size() < kEntryHeaderBytes || LoadLittle<uint32_t>(bytes.data()) != kEntryMagic) return std::nullopt;
  if (LoadLittle<uint32_t>(bytes.data() + 4) != base::Crc32c(bytes.substr(8, kEntryHeaderBytes - 8))) return std::nullopt;
  if (LoadLittle<uint16_t>(bytes.data() + 36) != kTypeOperations) return std::nullopt;
  return EntryHeader{.file_number = LoadLittle<uint32_t>(bytes.data() + 8),
                     .payload_bytes = LoadLittle<uint32_t>(bytes.data() + 12),
                     .sequence = LoadLittle<uint64_t>(bytes.data() + 16),
                     .group_begin = LoadLittle<uint64_t>(bytes.data() + 24),
                     .payload_crc = LoadLittle<uint32_t>(bytes.data() + 32),
                     .operation_count = LoadLittle<uint16_t>(bytes.data() + 38)};
}

Spaces SpacesFor(std::span<const Operation> operations, uint64_t position, const PlaceOf& place_of) {
  Spaces spaces;
  if (operations.size() > kOperationsPerEntryMax / 2) return spaces;  // each may have a space, which is an operation too
  position += kEntryHeaderBytes;
  size_t appends = 0;
  for (const Operation& operation : operations) {
    const auto* append = std::get_if<AppendRecords>(&operation);
    position += std::visit(FrameSize{}, operation);
    if (append == nullptr) continue;
    if (const std::optional<size_t> place = place_of(append->batches.view()); place.has_value()) {
      uint64_t space = io::SpaceBefore(*place, position);
      if (space > 0 && space < kSpaceFrameBytes) space += kJournalBlockBytes;
      spaces.resize(appends);
      spaces.push_back(static_cast<uint32_t>(space));
      position += space;
      FIRN_ASSERT(position % kJournalBlockBytes == *place, "batches are to begin at {} of a block and do at {}", *place, position % kJournalBlockBytes);
    }
    position += append->batches.size();
    ++appends;
  }
  if (!spaces.empty()) spaces.resize(appends);
  return spaces;
}

uint64_t EntryBytes(const EntryContent& content) {
  const uint64_t size = kEntryHeaderBytes + PayloadBytes(content);
  return size + Padding(size);
}

uint64_t EntryFrameBytes(const EntryContent& content) { return kEntryHeaderBytes + kEntryAlignment + FrameBytes(content); }

void EncodeEntry(const EntryHeader& header, const EntryContent& content, std::string* frames, std::vector<EntryPart>* parts) {
  FIRN_ASSERT(frames->capacity() - frames->size() >= EntryFrameBytes(content), "frames would move: {} of {} bytes used",
              frames->size(), frames->capacity());
  const size_t header_at = frames->size();
  const size_t payload_begin = header_at + kEntryHeaderBytes;
  frames->resize(payload_begin);
  size_t run_begin = header_at;  // of the frame bytes that are in no part yet
  size_t appends = 0;
  uint32_t crc = 0;
  uint64_t payload_bytes = 0;
  auto end_run = [&] {
    parts->push_back({.bytes = std::string_view(*frames).substr(run_begin)});
    const size_t from = std::max(run_begin, payload_begin);
    crc = base::Crc32c(std::string_view(frames->data() + from, frames->size() - from), crc);
    payload_bytes += frames->size() - from;
    run_begin = frames->size();
  };
  size_t operation_count = content.operations.size();
  for (const Operation& operation : content.operations) {
    const auto* append = std::get_if<AppendRecords>(&operation);
    FrameWriter writer{.out = frames, .first_offset = Offset(0)};
    if (append != nullptr) {
      FIRN_ASSERT(appends < content.first_offsets.size(), "{} offsets for more appends", content.first_offsets.size());
      writer.first_offset = content.first_offsets[appends];
      if (appends < content.spaces.size()) writer.space = content.spaces[appends];
      if (writer.space > 0) ++operation_count;
      ++appends;
    }
    std::visit(writer, operation);
    if (append == nullptr) continue;
    end_run();
    parts->push_back({.bytes = append->batches.view(), .is_batches = true});
    crc = BatchesCrc(append->batches.view(), crc);
    payload_bytes += append->batches.size();
  }
  if (run_begin < frames->size()) end_run();
  FIRN_ASSERT(payload_bytes == PayloadBytes(content) && operation_count <= kOperationsPerEntryMax, "{} operations of {} bytes were made, {} bytes announced", operation_count,
              payload_bytes, PayloadBytes(content));
  EntryHeader complete = header;
  complete.payload_bytes = static_cast<uint32_t>(payload_bytes);
  complete.payload_crc = crc;
  complete.operation_count = static_cast<uint16_t>(operation_count);
  StoreEntryHeader(complete, frames->data() + header_at);
  if (const uint64_t padding = Padding(kEntryHeaderBytes + payload_bytes); padding > 0) {
    frames->append(padding, '\0');
    parts->push_back({.bytes = std::string_view(*frames).substr(frames->size() - padding)});
  }
}

Result<DecodedEntry> DecodeEntryPayload(const base::SharedBytes& payload, uint16_t operation_count) {
  return PayloadReader(payload).Read(operation_count);
}

void AppendPartitionConfig(const PartitionConfig& config, std::string* out) {
  for (int64_t value : {config.segment_bytes, config.segment_ms, config.retention_ms, config.retention_bytes}) AppendLittle(value, out);
}

PartitionConfig LoadPartitionConfig(const char* bytes) {
  return {.segment_bytes = LoadLittle<int64_t>(bytes),
          .segment_ms = LoadLittle<int64_t>(bytes + 8),
          .retention_ms = LoadLittle<int64_t>(bytes + 16),
          .retention_bytes = LoadLittle<int64_t>(bytes + 24)};
}

}  // namespace firn::log
