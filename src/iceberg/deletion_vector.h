// SPDX-License-Identifier: Apache-2.0
// Sets of row positions, and the blobs that version 3 keeps them in (Puffin specification, "deletion-vector-v1"):
//
//   length u32 big-endian of what follows but the CRC | magic D1 D3 39 64 | 64-bit Roaring, portable form | CRC-32 big-endian of magic and Roaring
//   64-bit Roaring: count u64 little-endian | { key u32 little-endian | 32-bit Roaring, portable form }*
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct roaring_bitmap_s;

namespace firn::iceberg {

/// Thread-compatible; const calls may run concurrently.
class PositionSet {
 public:
  PositionSet();
  ~PositionSet();
  PositionSet(PositionSet&&) noexcept;
  PositionSet& operator=(PositionSet&&) noexcept;

  /// `position` >= 0.
  void Add(int64_t position);
  void AddAll(const PositionSet& other);
  bool Contains(int64_t position) const;
  /// Positions in [begin, end).
  uint64_t CountRange(int64_t begin, int64_t end) const;
  uint64_t size() const;

  /// Reads a whole blob. kCorruption if length, magic, checksum or content is wrong.
  static Result<PositionSet> FromBlob(std::string_view blob);
  std::string ToBlob() const;

 private:
  struct Bitmap;
  std::map<uint32_t, std::unique_ptr<Bitmap>> bitmaps_;  // by the high 32 bits
};

}  // namespace firn::iceberg
