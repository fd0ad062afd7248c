// SPDX-License-Identifier: Apache-2.0
// Memory for large frames, used again and again. A produced frame lives until the log lets go of its batches, so at full speed memory goes and comes at the rate of the
// records; given back to the system each time, a tenth of the node's processor time went into clearing fresh pages.
#pragma once

#include <cstddef>
#include <memory>

namespace firn::broker {

/// Free blocks that are kept, of all sizes together.
inline constexpr size_t kFreeFrameBytesMax = 32 << 20;
/// Smaller frames are none of its business: malloc is good at them.
inline constexpr size_t kPooledFrameBytesMin = 16 << 10;

/// Thread-safe: blocks come back from any thread, also after the pool itself is gone.
class FramePool {
 public:
  explicit FramePool(size_t free_bytes_max = kFreeFrameBytesMax);
  ~FramePool();

  /// At least `size` bytes with anything in them; an eighth more than that at most. They come back when the last reference goes.
  std::shared_ptr<char[]> Take(size_t size);
  size_t free_bytes() const;

 private:
  class Blocks;
  std::shared_ptr<Blocks> blocks_;
};

}  // namespace firn::broker
