// SPDX-License-Identifier: Apache-2.0
#include "broker/frame_pool.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "base/assert.h"
#include "base/mutex.h"

namespace firn::broker {

namespace {

constexpr size_t kSizesPerDoubling = 8;

/// Blocks come in few sizes, so that one that is given back fits the next frame of about its size.
size_t BlockBytes(size_t size) {
  const size_t step = std::bit_floor(std::max(size, kPooledFrameBytesMin)) / kSizesPerDoubling;
  return (std::max(size, kPooledFrameBytesMin) + step - 1) / step * step;
}

}  // namespace

/// Shared by the pool and all blocks that are out.
class FramePool::Blocks {
 public:
  explicit Blocks(size_t free_bytes_max) : free_bytes_max_(free_bytes_max) {}

  std::unique_ptr<char[]> Take(size_t block_bytes) {
    {
      base::MutexLock lock(mutex_);
      if (auto found = free_.find(block_bytes); found != free_.end()) return TakeLocked(found, std::prev(found->second.end()));
    }
    return std::make_unique_for_overwrite<char[]>(block_bytes);
  }

  void GiveBack(std::unique_ptr<char[]> bytes, size_t block_bytes) {
    if (block_bytes > free_bytes_max_ / 2) return;  // it would drive out all others
    std::vector<std::unique_ptr<char[]>> dropped;  // declared first, so freed without the lock
    base::MutexLock lock(mutex_);
    free_[block_bytes].push_back({std::move(bytes), ++last_number_});
    free_bytes_ += block_bytes;
    while (free_bytes_ > free_bytes_max_) {
      auto oldest = std::min_element(free_.begin(), free_.end(), [](const auto& left, const auto& right) { return left.second.front().number < right.second.front().number; });
      dropped.push_back(TakeLocked(oldest, oldest->second.begin()));
    }
  }

  size_t free_bytes() const {
    base::MutexLock lock(mutex_);
    return free_bytes_;
  }

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    uint64_t number = 0;  // of its return
  };
  using Free = std::map<size_t, std::deque<Block>>;  // by size, then in the order of return; none is empty

  std::unique_ptr<char[]> TakeLocked(Free::iterator size, std::deque<Block>::iterator block) FIRN_REQUIRES(mutex_) {
    FIRN_ASSERT(free_bytes_ >= size->first && block != size->second.end(), "{} bytes are free, a block of {} is taken", free_bytes_, size->first);
    std::unique_ptr<char[]> bytes = std::move(block->bytes);
    free_bytes_ -= size->first;
    size->second.erase(block);
    if (size->second.empty()) free_.erase(size);
    return bytes;
  }

  const size_t free_bytes_max_;
  mutable base::Mutex mutex_;
  Free free_ FIRN_GUARDED_BY(mutex_);
  size_t free_bytes_ FIRN_GUARDED_BY(mutex_) = 0;
  uint64_t last_number_ FIRN_GUARDED_BY(mutex_) = 0;
};

FramePool::FramePool(size_t free_bytes_max) : blocks_(std::make_shared<Blocks>(free_bytes_max)) {}
FramePool::~FramePool() = default;

std::shared_ptr<char[]> FramePool::Take(size_t size) {
  const size_t block_bytes = BlockBytes(size);
  FIRN_ASSERT(block_bytes >= size, "a block of {} bytes for {}", block_bytes, size);
  char* const bytes = blocks_->Take(block_bytes).release();
  return std::shared_ptr<char[]>(bytes, [blocks = blocks_, block_bytes](char* returned) { blocks->GiveBack(std::unique_ptr<char[]>(returned), block_bytes); });
}

size_t FramePool::free_bytes() const { return blocks_->free_bytes(); }

}  // namespace firn::broker
