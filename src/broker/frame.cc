// SPDX-License-Identifier: Apache-2.0
#include "broker/frame.h"

#include <algorithm>

#include "base/assert.h"
#include "base/crc32c.h"

namespace firn::broker {

void PieceSums::Extend(const char* frame, size_t filled) {
  FIRN_ASSERT(filled >= sums_.size() * kPieceBytes, "{} bytes of a frame are there, {} pieces were", filled, sums_.size());
  while ((sums_.size() + 1) * kPieceBytes <= filled) sums_.push_back(base::Crc32c({frame + sums_.size() * kPieceBytes, kPieceBytes}));
}

uint32_t PieceSums::Crc32c(std::string_view frame, size_t begin, size_t size) const {
  FIRN_ASSERT(begin <= frame.size() && size <= frame.size() - begin && sums_.size() <= frame.size() / kPieceBytes, "{} bytes at {} of a frame of {} with {} sums", size, begin, frame.size(), sums_.size());
  const size_t first = (begin + kPieceBytes - 1) / kPieceBytes;
  const size_t last = std::min((begin + size) / kPieceBytes, sums_.size());
  if (first >= last) return base::Crc32c(frame.substr(begin, size));
  uint32_t crc = base::Crc32c(frame.substr(begin, first * kPieceBytes - begin));
  for (size_t piece = first; piece < last; ++piece) crc = base::CombineCrc32c(crc, sums_[piece], kPieceBytes);
  return base::Crc32c(frame.substr(last * kPieceBytes, begin + size - last * kPieceBytes), crc);
}

}  // namespace firn::broker
