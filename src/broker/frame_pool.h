// SPDX-License-Identifier: Apache-2.0
// Memory for large frames, used again and again. A produced frame lives until the log lets go of its batches, so at full speed memory goes and comes at the rate of the
// records; given back to the system each time, a tenth to a quarter of the node's processor time went into clearing fresh pages. The log lets go of much at once (when a
// segment is written) and takes as much again, so what comes back is kept, and goes when nobody has asked for it for some seconds (Trim).
//
// Most large frames are as large as producers make them, at most 1 MiB: theirs are cut out of huge pages (io/huge_pages.h), each into blocks of one size. A page whose blocks
// are all free again is cut for whoever comes next. Smaller and larger ones come from malloc.
#pragma once

#include <cstddef>
#include <memory>

namespace firn::broker {

/// Free memory that is kept while it is in use: of whole pages as much as the log may hold (StoreOptions::memory_limit_bytes), of other blocks less.
inline constexpr size_t kFreePageBytesMax = 256 << 20;
inline constexpr size_t kFreeBlockBytesMax = 32 << 20;
/// Smaller frames are none of its business: malloc is good at them.
inline constexpr size_t kPooledFrameBytesMin = 16 << 10;
/// What is cut out of huge pages.
inline constexpr size_t kCutFrameBytesMin = 64 << 10;
inline constexpr size_t kCutFrameBytesMax = 1 << 20;

/// Thread-safe: blocks come back from any thread, also after the pool itself is gone.
class FramePool {
 public:
  explicit FramePool(size_t free_page_bytes_max = kFreePageBytesMax, size_t free_block_bytes_max = kFreeBlockBytesMax);
  ~FramePool();

  /// At least `size` bytes with anything in them; an eighth more than that at most. They come back when the last reference goes.
  std::shared_ptr<char[]> Take(size_t size);
  /// Gives half of the pages back to the system that nobody has taken since the last call; to be called about once a second.
  void Trim();
  /// Of whole pages and of blocks that are none of a page.
  size_t free_bytes() const;

 private:
  class MallocBlocks;
  class PageBlocks;
  std::shared_ptr<MallocBlocks> malloc_blocks_;
  std::shared_ptr<PageBlocks> page_blocks_;
};

}  // namespace firn::broker
