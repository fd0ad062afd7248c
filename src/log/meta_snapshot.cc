// SPDX-License-Identifier: Apache-2.0
#include "log/meta_snapshot.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "log/journal_format.h"

namespace firn::log {

namespace {

constexpr std::string_view kMagic = "firnmeta";
constexpr uint32_t kVersion = 1;
constexpr size_t kFixedBytes = 60;
constexpr size_t kCrcBegin = 16;
constexpr size_t kSegmentBytes = 52;

template <typename T>
void Append(T value, std::string* out) {
  char bytes[sizeof(T)];
  base::StoreLittle(bytes, value);
  out->append(bytes, sizeof(T));
}

// Takes numbers and bytes off a text; once it was too short, everything is zero and `is_faulty`.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <typename T>
  T Number() {
    std::string_view taken = Bytes(sizeof(T));
    return is_faulty_ ? T{} : base::LoadLittle<T>(taken.data());
  }
  std::string_view Bytes(size_t size) {
    is_faulty_ = is_faulty_ || bytes_.size() < size;
    if (is_faulty_) return {};
    std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  size_t left() const { return bytes_.size(); }
  bool is_faulty() const { return is_faulty_; }

 private:
  std::string_view bytes_;
  bool is_faulty_ = false;
};

SegmentInfo ReadSegment(Reader* reader) {
  SegmentInfo info;
  info.base = Offset(reader->Number<int64_t>());
  info.end = Offset(reader->Number<int64_t>());
  info.size_bytes = reader->Number<int64_t>();
  info.created_ms = reader->Number<int64_t>();
  info.max_timestamp_ms = reader->Number<int64_t>();
  info.max_timestamp_offset = Offset(reader->Number<int64_t>());
  info.index_entries = reader->Number<uint32_t>();
  return info;
}

void AppendSegment(const SegmentInfo& info, std::string* out) {
  for (int64_t number : {info.base.value(), info.end.value(), info.size_bytes, info.created_ms, info.max_timestamp_ms, info.max_timestamp_offset.value()}) {
    Append(number, out);
  }
  Append(info.index_entries, out);
}

Error Damaged(std::string_view what) {
  return Error(ErrorCode::kCorruption, fmt::format("meta snapshot is damaged: {}", what))
      .Hint("restore the data directory from a backup; nothing was changed");
}

}  // namespace

std::string EncodeMetaPairs(const MetaPairs& pairs) {
  std::string bytes;
  size_t size = 0;
  for (const auto& [key, value] : pairs) size += 8 + key.size() + value.size();
  bytes.reserve(size);
  for (const auto& [key, value] : pairs) {
    Append(static_cast<uint32_t>(key.size()), &bytes);
    Append(static_cast<uint32_t>(value.size()), &bytes);
    bytes.append(key).append(value);
  }
  return bytes;
}

std::string EncodeMetaSnapshot(const MetaSnapshot& snapshot, std::string_view pair_bytes, uint32_t pair_count) {
  FIRN_ASSERT(snapshot.store_id.size() == kStoreIdBytes, "store id of {} bytes", snapshot.store_id.size());
  std::string bytes(kMagic);
  Append(kVersion, &bytes);
  Append(uint32_t{0}, &bytes);
  bytes.append(snapshot.store_id);
  Append(snapshot.sequence, &bytes);
  Append(snapshot.journal_file, &bytes);
  Append(snapshot.next_partition_id, &bytes);
  Append(pair_count, &bytes);
  Append(static_cast<uint32_t>(snapshot.partitions.size()), &bytes);
  FIRN_ASSERT(bytes.size() == kFixedBytes);
  bytes.append(pair_bytes);
  for (const PartitionSegments& partition : snapshot.partitions) {
    Append(partition.id.value(), &bytes);
    Append(partition.moved_end.value(), &bytes);
    Append(static_cast<uint32_t>(partition.segments.size()), &bytes);
    for (const SegmentInfo& info : partition.segments) AppendSegment(info, &bytes);
  }
  base::StoreLittle(bytes.data() + 12, base::Crc32c(std::string_view(bytes).substr(kCrcBegin)));
  return bytes;
}

Result<MetaSnapshot> DecodeMetaSnapshot(std::string_view bytes) {
  if (bytes.size() < kFixedBytes || !bytes.starts_with(kMagic)) return Damaged("it does not begin as one");
  if (auto version = base::LoadLittle<uint32_t>(bytes.data() + 8); version != kVersion) {
    return Error(ErrorCode::kNotSupported, fmt::format("meta snapshot has format version {}, this firn reads version {}", version, kVersion))
        .Hint("open the data directory with the firn version that wrote it; nothing was changed");
  }
  if (base::LoadLittle<uint32_t>(bytes.data() + 12) != base::Crc32c(bytes.substr(kCrcBegin))) return Damaged("its checksum is wrong");
  Reader reader(bytes.substr(kCrcBegin));
  MetaSnapshot snapshot;
  snapshot.store_id = std::string(reader.Bytes(kStoreIdBytes));
  snapshot.sequence = reader.Number<uint64_t>();
  snapshot.journal_file = reader.Number<uint64_t>();
  snapshot.next_partition_id = reader.Number<uint32_t>();
  const auto pair_count = reader.Number<uint32_t>();
  const auto partition_count = reader.Number<uint32_t>();
  for (uint32_t i = 0; i < pair_count && !reader.is_faulty(); ++i) {
    const auto key_size = reader.Number<uint32_t>();
    const auto value_size = reader.Number<uint32_t>();
    std::string key(reader.Bytes(key_size));
    snapshot.pairs.emplace_hint(snapshot.pairs.end(), std::move(key), std::string(reader.Bytes(value_size)));
  }
  for (uint32_t i = 0; i < partition_count && !reader.is_faulty(); ++i) {
    PartitionSegments partition{.id = TopicPartitionId(reader.Number<uint32_t>()), .moved_end = Offset(reader.Number<int64_t>()), .segments = {}};
    const auto segment_count = reader.Number<uint32_t>();
    if (segment_count > reader.left() / kSegmentBytes) return Damaged("a count in it is impossible");
    for (uint32_t s = 0; s < segment_count; ++s) partition.segments.push_back(ReadSegment(&reader));
    snapshot.partitions.push_back(std::move(partition));
  }
  if (reader.is_faulty() || reader.left() > 0) return Damaged("its parts do not fill it");
  return snapshot;
}

}  // namespace firn::log
