// SPDX-License-Identifier: Apache-2.0
// Writes a run of bytes to a file in whole blocks from aligned memory, as direct writes need it (File::PreferDirectWrites). The bytes are copied once, through
// a buffer small enough to stay in the processor's cache: that is cheaper than what the page cache does for the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "io/file_system.h"

namespace firn::io {

/// Thread-compatible. The memory is taken with the first byte and kept for all files.
class BlockWriter {
 public:
  static constexpr size_t kBufferBytes = 1 << 20;

  /// The next byte goes to `position` of `file`, a multiple of kDirectBlockBytes. What was appended before and not finished is forgotten.
  void Begin(File& file, uint64_t position);
  /// Writes whenever the buffer is full. After a failure the range holds an unknown mixture of old and new bytes, as after WriteAt.
  Status Append(std::string_view bytes);
  /// Fills the last block with zeros and writes the rest. The next byte would go to the next block.
  Status Finish();
  /// Where the next byte goes.
  uint64_t position() const { return position_ + filled_; }

 private:
  struct Free {
    void operator()(char* memory) const;
  };

  Status Write();

  File* file_ = nullptr;   // null before the first Begin
  uint64_t position_ = 0;  // of the buffer's first byte
  size_t filled_ = 0;
  std::unique_ptr<char, Free> buffer_;
};

/// The first multiple of kDirectBlockBytes that is not below `position`.
constexpr uint64_t NextBlock(uint64_t position) { return (position + kDirectBlockBytes - 1) / kDirectBlockBytes * kDirectBlockBytes; }

}  // namespace firn::io
