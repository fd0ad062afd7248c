// SPDX-License-Identifier: Apache-2.0
#include "broker/frame_pool.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/mutex.h"
#include "io/huge_pages.h"

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
class FramePool::MallocBlocks {
 public:
  explicit MallocBlocks(size_t free_bytes_max) : free_bytes_max_(free_bytes_max) {}

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

/// Pages, cut into blocks. Shared by the pool and all blocks that are out.
class FramePool::PageBlocks {
 public:
  explicit PageBlocks(size_t free_bytes_max) : free_pages_max_(free_bytes_max / io::kHugePageBytes) {}

  char* Take(size_t block_bytes) {
    std::optional<io::HugePage> fresh;  // made without the lock
    while (true) {
      {
        base::MutexLock lock(mutex_);
        if (fresh.has_value()) free_pages_.push_back(std::move(*fresh));
        std::vector<char*>& open = open_[block_bytes];
        if (open.empty() && !free_pages_.empty()) {
          open.push_back(free_pages_.back().get());
          cut_.emplace(open.back(), Page{.memory = std::move(free_pages_.back()), .free = AllOf(block_bytes)});
          free_pages_.pop_back();
          untouched_ = std::min(untouched_, free_pages_.size());
        }
        if (!open.empty()) return TakeLocked(&open, block_bytes);
      }
      fresh = io::AllocateHugePage();
    }
  }

  void GiveBack(char* block, size_t block_bytes) {
    io::HugePage dropped;  // declared first, so freed without the lock
    base::MutexLock lock(mutex_);
    const auto found = cut_.find(block - reinterpret_cast<uintptr_t>(block) % io::kHugePageBytes);
    FIRN_ASSERT(found != cut_.end(), "a block of {} bytes lies in no page", block_bytes);
    Page& page = found->second;
    const uint32_t bit = uint32_t{1} << (static_cast<size_t>(block - found->first) / block_bytes);
    FIRN_ASSERT((AllOf(block_bytes) & bit) != 0 && (page.free & bit) == 0, "a block of {} bytes comes back twice", block_bytes);
    std::vector<char*>& open = open_[block_bytes];
    if (page.free == 0) open.push_back(found->first);
    page.free |= bit;
    if (page.free != AllOf(block_bytes)) return;
    open.erase(std::find(open.begin(), open.end(), found->first));
    free_pages_.push_back(std::move(page.memory));
    cut_.erase(found);
    if (free_pages_.size() <= free_pages_max_) return;
    dropped = std::move(free_pages_.front());
    free_pages_.pop_front();
  }

  void Trim() {
    std::vector<io::HugePage> dropped;  // declared first, so freed without the lock
    base::MutexLock lock(mutex_);
    FIRN_ASSERT(untouched_ <= free_pages_.size(), "{} of {} free pages are untouched", untouched_, free_pages_.size());
    for (size_t left = (untouched_ + 1) / 2; left > 0; --left) {
      dropped.push_back(std::move(free_pages_.front()));
      free_pages_.pop_front();
    }
    untouched_ = free_pages_.size();
  }

  size_t free_bytes() const {
    base::MutexLock lock(mutex_);
    return free_pages_.size() * io::kHugePageBytes;
  }

 private:
  struct Page {
    io::HugePage memory;
    uint32_t free = 0;  // a bit a block
  };

  static uint32_t AllOf(size_t block_bytes) {
    static_assert(io::kHugePageBytes / kCutFrameBytesMin <= 32);
    return static_cast<uint32_t>((uint64_t{1} << (io::kHugePageBytes / block_bytes)) - 1);
  }
  // Of the page that was opened last.
  char* TakeLocked(std::vector<char*>* open, size_t block_bytes) FIRN_REQUIRES(mutex_) {
    char* const begin = open->back();
    uint32_t& free = cut_.at(begin).free;
    FIRN_ASSERT(free != 0 && (free & ~AllOf(block_bytes)) == 0, "a page of blocks of {} bytes has none free: {:x}", block_bytes, free);
    const auto number = static_cast<size_t>(std::countr_zero(free));
    free &= free - 1;
    if (free == 0) open->pop_back();
    return begin + number * block_bytes;
  }

  const size_t free_pages_max_;
  mutable base::Mutex mutex_;
  std::map<char*, Page> cut_ FIRN_GUARDED_BY(mutex_);             // those with a block that is out, by address
  std::map<size_t, std::vector<char*>> open_ FIRN_GUARDED_BY(mutex_);   // those of them with a free block, by the size of their blocks
  std::deque<io::HugePage> free_pages_ FIRN_GUARDED_BY(mutex_);         // in the order of return, taken from the end
  size_t untouched_ FIRN_GUARDED_BY(mutex_) = 0;                        // of free_pages_, since the last Trim
};

FramePool::FramePool(size_t free_page_bytes_max, size_t free_block_bytes_max)
    : malloc_blocks_(std::make_shared<MallocBlocks>(free_block_bytes_max)), page_blocks_(std::make_shared<PageBlocks>(free_page_bytes_max)) {}
FramePool::~FramePool() = default;

std::shared_ptr<char[]> FramePool::Take(size_t size) {
  const size_t block_bytes = BlockBytes(size);
  FIRN_ASSERT(block_bytes >= size, "a block of {} bytes for {}", block_bytes, size);
  if (block_bytes >= kCutFrameBytesMin && block_bytes <= kCutFrameBytesMax) {
    return std::shared_ptr<char[]>(page_blocks_->Take(block_bytes), [blocks = page_blocks_, block_bytes](char* returned) { blocks->GiveBack(returned, block_bytes); });
  }
  char* const bytes = malloc_blocks_->Take(block_bytes).release();
  return std::shared_ptr<char[]>(bytes, [blocks = malloc_blocks_, block_bytes](char* returned) { blocks->GiveBack(std::unique_ptr<char[]>(returned), block_bytes); });
}

void FramePool::Trim() { page_blocks_->Trim(); }

size_t FramePool::free_bytes() const { return malloc_blocks_->free_bytes() + page_blocks_->free_bytes(); }

}  // namespace firn::broker
