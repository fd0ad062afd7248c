// SPDX-License-Identifier: Apache-2.0
#include "iceberg/deletion_vector.h"

#include <fmt/format.h>
#include <roaring/roaring.h>

#include <algorithm>
#include <limits>

#include "base/endian.h"
#include "formats/block_codec.h"

namespace firn::iceberg {

namespace {

constexpr std::string_view kMagic("\xD1\xD3\x39\x64", 4);
constexpr size_t kFrameBytes = 4 + 4 + 4;  // length, magic, CRC

Error Corrupt(const std::string& what) { return Error(ErrorCode::kCorruption, fmt::format("deletion vector: {}", what)); }

}  // namespace

struct PositionSet::Bitmap {
  explicit Bitmap(roaring_bitmap_t* owned) : bits(owned) {}
  ~Bitmap() { roaring_bitmap_free(bits); }
  Bitmap(const Bitmap&) = delete;
  Bitmap& operator=(const Bitmap&) = delete;
  roaring_bitmap_t* bits;
};

PositionSet::PositionSet() = default;
PositionSet::~PositionSet() = default;
PositionSet::PositionSet(PositionSet&&) noexcept = default;
PositionSet& PositionSet::operator=(PositionSet&&) noexcept = default;

void PositionSet::Add(int64_t position) {
  FIRN_ASSERT(position >= 0, "position {}", position);
  std::unique_ptr<Bitmap>& bitmap = bitmaps_[static_cast<uint32_t>(position >> 32)];
  if (bitmap == nullptr) bitmap = std::make_unique<Bitmap>(roaring_bitmap_create());
  roaring_bitmap_add(bitmap->bits, static_cast<uint32_t>(position));
}

void PositionSet::AddAll(const PositionSet& other) {
  for (const auto& [key, bitmap] : other.bitmaps_) {
    std::unique_ptr<Bitmap>& mine = bitmaps_[key];
    if (mine == nullptr) mine = std::make_unique<Bitmap>(roaring_bitmap_copy(bitmap->bits));
    else roaring_bitmap_or_inplace(mine->bits, bitmap->bits);
  }
}

bool PositionSet::Contains(int64_t position) const {
  auto found = bitmaps_.find(static_cast<uint32_t>(position >> 32));
  return found != bitmaps_.end() && roaring_bitmap_contains(found->second->bits, static_cast<uint32_t>(position));
}

uint64_t PositionSet::CountRange(int64_t begin, int64_t end) const {
  FIRN_ASSERT(begin >= 0 && begin <= end, "positions {} to {}", begin, end);
  uint64_t count = 0;
  for (auto at = bitmaps_.lower_bound(static_cast<uint32_t>(begin >> 32)); at != bitmaps_.end(); ++at) {
    const int64_t base = static_cast<int64_t>(at->first) << 32;
    if (base >= end) break;
    const auto from = static_cast<uint64_t>(std::max<int64_t>(begin - base, 0));
    const auto to = static_cast<uint64_t>(std::min<int64_t>(end - base, int64_t{1} << 32));
    // rank counts values that are not greater.
    const uint64_t upto = roaring_bitmap_rank(at->second->bits, static_cast<uint32_t>(to - 1));
    count += from == 0 ? upto : upto - roaring_bitmap_rank(at->second->bits, static_cast<uint32_t>(from - 1));
  }
  return std::min(count, static_cast<uint64_t>(end - begin));  // of a bitmap of others that tells more than it can hold
}

uint64_t PositionSet::size() const {
  uint64_t count = 0;
  for (const auto& [key, bitmap] : bitmaps_) count += roaring_bitmap_get_cardinality(bitmap->bits);
  return count;
}

Result<PositionSet> PositionSet::FromBlob(std::string_view blob) {
  if (blob.size() < kFrameBytes + 8) return Corrupt(fmt::format("{} bytes", blob.size()));
  if (base::LoadBig<uint32_t>(blob.data()) != blob.size() - 8) {
    return Corrupt(fmt::format("its length field says {} in a blob of {} bytes", base::LoadBig<uint32_t>(blob.data()), blob.size()));
  }
  const std::string_view checked = blob.substr(4, blob.size() - 8);
  if (!checked.starts_with(kMagic)) return Corrupt("its magic number is wrong");
  if (formats::Crc32(checked) != base::LoadBig<uint32_t>(blob.data() + blob.size() - 4)) return Corrupt("its checksum differs");
  std::string_view rest = checked.substr(kMagic.size());
  const uint64_t count = base::LoadLittle<uint64_t>(rest.data());
  rest.remove_prefix(8);
  PositionSet set;
  int64_t last_key = -1;
  for (uint64_t i = 0; i < count; ++i) {
    if (rest.size() < 4) return Corrupt("it ends early");
    const uint32_t key = base::LoadLittle<uint32_t>(rest.data());
    rest.remove_prefix(4);
    if (key <= last_key || key > INT32_MAX) return Corrupt(fmt::format("the key {} behind {}", key, last_key));
    last_key = key;
    roaring_bitmap_t* bits = roaring_bitmap_portable_deserialize_safe(rest.data(), rest.size());
    if (bits == nullptr) return Corrupt("one of its bitmaps cannot be read");
    auto bitmap = std::make_unique<Bitmap>(bits);
    const size_t size = roaring_bitmap_portable_deserialize_size(rest.data(), rest.size());
    if (size == 0 || size > rest.size()) return Corrupt("one of its bitmaps ends early");
    rest.remove_prefix(size);
    set.bitmaps_.emplace(key, std::move(bitmap));
  }
  if (!rest.empty()) return Corrupt(fmt::format("{} bytes are left over", rest.size()));
  return set;
}

std::string PositionSet::ToBlob() const {
  std::string body(kMagic);
  char number[8];
  base::StoreLittle<uint64_t>(number, bitmaps_.size());
  body.append(number, 8);
  for (const auto& [key, bitmap] : bitmaps_) {
    base::StoreLittle<uint32_t>(number, key);
    body.append(number, 4);
    std::string bytes(roaring_bitmap_portable_size_in_bytes(bitmap->bits), '\0');
    roaring_bitmap_portable_serialize(bitmap->bits, bytes.data());
    body += bytes;
  }
  FIRN_ASSERT(body.size() <= std::numeric_limits<uint32_t>::max(), "a blob of {} bytes", body.size());
  std::string blob(4, '\0');
  base::StoreBig<uint32_t>(blob.data(), static_cast<uint32_t>(body.size()));
  blob += body;
  base::StoreBig<uint32_t>(number, formats::Crc32(body));
  blob.append(number, 4);
  return blob;
}

}  // namespace firn::iceberg
