// SPDX-License-Identifier: Apache-2.0
// Writes a run of bytes to a file in whole blocks from aligned memory, as direct writes need it (File::PreferDirectWrites). Small bytes are copied once, through
// a buffer small enough to stay in the processor's cache: that is cheaper than what the page cache does for the same bytes. Large ones that lie in their
// blocks as they lie in memory are not copied at all; who lays out a file leaves space in front of them so that they do (SpaceBefore):
//
//   memory   |.....######|###########|###########|###........|    a page each
//   file     |hhh..######|###########|###########|###tttttttt|    a block each; the first and the last one go through the buffer
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/file_system.h"

namespace firn::io {

/// Multiples of kDirectBlockBytes.
struct BlockWriterSizes {
  size_t buffer_bytes = 1 << 20;
  size_t lasting_bytes_max = 4 << 20;  // of what is not copied, in one write: more is cheaper, and whoever waits for the disk waits longer for its turn
};

/// Thread-compatible. The memory is taken with the first byte and kept for all files.
class BlockWriter {
 public:
  static constexpr size_t kBufferBytes = BlockWriterSizes{}.buffer_bytes;

  explicit BlockWriter(const BlockWriterSizes& sizes = {});

  /// The next byte goes to `position` of `file`, a multiple of kDirectBlockBytes. What was appended before and not finished is forgotten.
  void Begin(File& file, uint64_t position);
  /// Copies; writes whenever the buffer is full. After a failure the range holds an unknown mixture of old and new bytes, as after WriteAt.
  Status Append(std::string_view bytes);
  /// As Append, of bytes that stay as they are until Finish: they are not copied if they begin at their DirectPlaceOf.
  Status AppendLasting(std::string_view bytes);
  /// Fills the last block with zeros and writes the rest. The next byte would go to the next block.
  Status Finish();
  /// Where the next byte goes.
  uint64_t position() const { return position_ + parts_bytes_ + filled_ - run_begin_; }

 private:
  struct Free {
    void operator()(char* memory) const;
  };

  void EndRun();
  Status Write();

  const BlockWriterSizes sizes_;
  File* file_ = nullptr;   // null before the first Begin
  uint64_t position_ = 0;  // of the first byte that is not written yet
  std::vector<std::string_view> parts_;  // to be written, whole blocks: runs of the buffer, and lasting bytes
  size_t parts_bytes_ = 0;
  size_t lasting_bytes_ = 0;  // of them
  size_t run_begin_ = 0;      // in the buffer, of what is in no part yet; a multiple of kDirectBlockBytes
  size_t filled_ = 0;         // of the buffer
  std::unique_ptr<char, Free> buffer_;
};

/// The first multiple of kDirectBlockBytes that is not below `position`.
constexpr uint64_t NextBlock(uint64_t position) { return (position + kDirectBlockBytes - 1) / kDirectBlockBytes * kDirectBlockBytes; }

/// How many bytes lie between `position` and the next one that is at `place` in its block.
constexpr uint64_t SpaceBefore(size_t place, uint64_t position) { return (place + kDirectBlockBytes - position % kDirectBlockBytes) % kDirectBlockBytes; }

}  // namespace firn::io
