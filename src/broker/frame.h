// SPDX-License-Identifier: Apache-2.0
// One request as a connection received it. With a large one come the checksums of its pieces, made while each was in the processor's cache: a megabyte that is read again when
// it is whole comes from further away, which took a sixth of the node's processor time under load.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace firn::broker {

/// CRC-32C of each whole piece of a frame, from its begin on.
class PieceSums {
 public:
  static constexpr size_t kPieceBytes = 16 << 10;

  /// The first `filled` bytes of the frame are there; they do not change any more.
  void Extend(const char* frame, size_t filled);
  /// Of `size` bytes at `begin` of the frame: read are those that share a piece with other bytes, or have no sum.
  uint32_t Crc32c(std::string_view frame, size_t begin, size_t size) const;

 private:
  std::vector<uint32_t> sums_;
};

struct Frame {
  base::SharedBytes bytes;
  PieceSums sums = {};  // none for a small one
};

}  // namespace firn::broker
