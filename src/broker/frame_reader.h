// SPDX-License-Identifier: Apache-2.0
// Cuts a byte stream into frames (int32 size, then as many bytes), each in memory of its own: produced batches stay in the frame they came in, so a frame must
// hold nothing else. Large frames are read into their final place, in memory of a FramePool; small ones come many at a read and are copied out.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "broker/frame.h"
#include "broker/frame_pool.h"

namespace firn::broker {

class FrameReader {
 public:
  /// `sums_pieces`: large frames come with the sums of their pieces.
  FrameReader(int32_t frame_bytes_max, FramePool& pool, bool sums_pieces) : frame_bytes_max_(frame_bytes_max), pool_(pool), sums_pieces_(sums_pieces), buffer_(kBufferBytes) {}

  /// Where the next bytes go. Never empty.
  std::span<char> Buffer();
  /// `size` bytes are there; appends the frames that are whole now. kMalformedRequest for a size that is negative, zero or too large: nothing can be read after it.
  Status Take(size_t size, std::vector<Frame>* frames);
  /// Of a frame that is not whole yet.
  size_t partial_bytes() const { return large_ != nullptr ? large_filled_ : filled_; }

 private:
  static constexpr size_t kBufferBytes = 16 << 10;
  static constexpr size_t kLargeReadBytes = 128 << 10;  // as much of a large frame as is still in the processor's cache when its sums are made

  Status Cut(std::vector<Frame>* frames);

  const int32_t frame_bytes_max_;
  FramePool& pool_;
  const bool sums_pieces_;
  std::vector<char> buffer_;
  size_t filled_ = 0;
  std::shared_ptr<char[]> large_;  // a frame that does not fit the buffer; what has not been filled is resident at most if the pool had it
  size_t large_size_ = 0;
  size_t large_filled_ = 0;
  PieceSums large_sums_;
};

}  // namespace firn::broker
