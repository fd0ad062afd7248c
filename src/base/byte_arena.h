// SPDX-License-Identifier: Apache-2.0
// Byte strings that live as long as their owner, in large blocks: no allocation a string.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace firn::base {

/// Thread-compatible. Movable; views stay valid when it moves.
class ByteArena {
 public:
  static constexpr size_t kBlockBytes = 64 << 10;

  std::string_view Copy(std::string_view bytes) {
    if (bytes.size() > left_ || next_ == nullptr) AddBlock(bytes.size());  // an empty string has data too
    char* out = next_;
    if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
    next_ += bytes.size();
    left_ -= bytes.size();
    used_ += static_cast<int64_t>(bytes.size());
    return {out, bytes.size()};
  }
  /// Bytes that are no longer needed; the owner copies what is left into a new arena when many are.
  void Release(size_t size) { dead_ += static_cast<int64_t>(size); }
  bool WantsCompaction() const { return dead_ > (1 << 20) && dead_ > used_ / 2; }

  int64_t bytes() const { return allocated_; }

 private:
  void AddBlock(size_t least) {
    const size_t size = least > kBlockBytes / 4 ? least + 1 : blocks_.empty() ? 4096 : kBlockBytes;
    const size_t block = size < least ? least : size;
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(block));
    next_ = blocks_.back().get();
    left_ = block;
    allocated_ += static_cast<int64_t>(block);
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  size_t left_ = 0;
  int64_t used_ = 0;
  int64_t dead_ = 0;
  int64_t allocated_ = 0;
};

}  // namespace firn::base
