// SPDX-License-Identifier: Apache-2.0
#include "broker/frame_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/endian.h"

namespace firn::broker {

namespace {

constexpr size_t kSizeBytes = 4;

base::SharedBytes Share(std::shared_ptr<char[]> block, size_t size) {
  const std::string_view view(block.get(), size);
  return base::SharedBytes(std::shared_ptr<const void>(std::move(block)), view);
}

}  // namespace

std::span<char> FrameReader::Buffer() {
  if (large_ != nullptr) return {large_.get() + large_filled_, std::min(large_size_ - large_filled_, kLargeReadBytes)};
  return std::span(buffer_).subspan(filled_);
}

Status FrameReader::Take(size_t size, std::vector<Frame>* frames) {
  FIRN_ASSERT(size > 0, "nothing was read");
  if (large_ == nullptr) {
    filled_ += size;
    FIRN_ASSERT(filled_ <= buffer_.size(), "{} bytes in a buffer of {}", filled_, buffer_.size());
    return Cut(frames);
  }
  large_filled_ += size;
  FIRN_ASSERT(large_filled_ <= large_size_, "{} of {}", large_filled_, large_size_);
  if (sums_pieces_) large_sums_.Extend(large_.get(), large_filled_);
  if (large_filled_ == large_size_) frames->push_back({Share(std::exchange(large_, nullptr), large_size_), std::exchange(large_sums_, {})});
  return Ok();
}

Status FrameReader::Cut(std::vector<Frame>* frames) {
  size_t begin = 0;
  while (filled_ - begin >= kSizeBytes) {
    const int32_t size = base::LoadBig<int32_t>(buffer_.data() + begin);
    if (size <= 0 || size > frame_bytes_max_) {
      return Error(ErrorCode::kMalformedRequest, fmt::format("a frame says it has {} bytes; 1 to {} are accepted", size, frame_bytes_max_));
    }
    const size_t frame_size = static_cast<size_t>(size);
    const size_t there = std::min(filled_ - begin - kSizeBytes, frame_size);
    if (there < frame_size && kSizeBytes + frame_size <= kBufferBytes) break;
    auto block = frame_size < kPooledFrameBytesMin ? std::make_shared_for_overwrite<char[]>(frame_size) : pool_.Take(frame_size);
    std::memcpy(block.get(), buffer_.data() + begin + kSizeBytes, there);
    begin += kSizeBytes + there;
    if (there == frame_size) {
      frames->push_back({Share(std::move(block), frame_size)});
      continue;
    }
    large_ = std::move(block);
    large_size_ = frame_size;
    large_filled_ = there;
  }
  FIRN_ASSERT(begin <= filled_ && (large_ == nullptr || begin == filled_), "frames end at {} of {} bytes", begin, filled_);
  std::memmove(buffer_.data(), buffer_.data() + begin, filled_ - begin);
  filled_ -= begin;
  return Ok();
}

}  // namespace firn::broker
