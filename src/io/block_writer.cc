// SPDX-License-Identifier: Apache-2.0
#include "io/block_writer.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <span>

#include "base/assert.h"

namespace firn::io {

namespace {

constexpr std::align_val_t kAlignment{kDirectBlockBytes};

}  // namespace

void BlockWriter::Free::operator()(char* memory) const { ::operator delete(memory, kAlignment); }

BlockWriter::BlockWriter(const BlockWriterSizes& sizes) : sizes_(sizes) {
  for (size_t bytes : {sizes.buffer_bytes, sizes.lasting_bytes_max}) FIRN_ASSERT(bytes > 0 && bytes % kDirectBlockBytes == 0, "writes of {} bytes are no whole blocks", bytes);
}

void BlockWriter::Begin(File& file, uint64_t position) {
  FIRN_ASSERT(position % kDirectBlockBytes == 0, "position {} is not at a block", position);
  file_ = &file;
  position_ = position;
  parts_.clear();
  parts_bytes_ = lasting_bytes_ = run_begin_ = filled_ = 0;
}

Status BlockWriter::Append(std::string_view bytes) {
  FIRN_ASSERT(file_ != nullptr, "{} bytes for no file", bytes.size());
  if (buffer_ == nullptr) buffer_.reset(static_cast<char*>(::operator new(sizes_.buffer_bytes, kAlignment)));
  while (!bytes.empty()) {
    const size_t size = std::min(bytes.size(), sizes_.buffer_bytes - filled_);
    std::memcpy(buffer_.get() + filled_, bytes.data(), size);
    filled_ += size;
    bytes.remove_prefix(size);
    if (filled_ == sizes_.buffer_bytes) FIRN_RETURN_IF_ERROR(Write());
  }
  return Ok();
}

Status BlockWriter::AppendLasting(std::string_view bytes) {
  FIRN_ASSERT(file_ != nullptr, "{} bytes for no file", bytes.size());
  const size_t head = NextBlock(position()) - position();
  if (bytes.size() < head + kDirectBlockBytes || file_->DirectPlaceOf(bytes) != position() % kDirectBlockBytes) return Append(bytes);
  FIRN_RETURN_IF_ERROR(Append(bytes.substr(0, head)));
  bytes.remove_prefix(head);
  while (bytes.size() >= kDirectBlockBytes) {
    EndRun();
    const size_t size = std::min(bytes.size() / kDirectBlockBytes * kDirectBlockBytes, sizes_.lasting_bytes_max - lasting_bytes_);
    parts_.push_back(bytes.substr(0, size));
    parts_bytes_ += size;
    lasting_bytes_ += size;
    bytes.remove_prefix(size);
    if (lasting_bytes_ == sizes_.lasting_bytes_max) FIRN_RETURN_IF_ERROR(Write());
  }
  return Append(bytes);
}

Status BlockWriter::Finish() {
  if (filled_ > run_begin_) {
    const size_t whole = NextBlock(filled_);
    std::memset(buffer_.get() + filled_, 0, whole - filled_);
    filled_ = whole;
  }
  return Write();
}

// What the buffer holds becomes a part.
void BlockWriter::EndRun() {
  if (filled_ == run_begin_) return;
  FIRN_ASSERT(filled_ % kDirectBlockBytes == 0, "{} bytes of the buffer are no whole blocks", filled_);
  parts_.emplace_back(buffer_.get() + run_begin_, filled_ - run_begin_);
  parts_bytes_ += filled_ - run_begin_;
  run_begin_ = filled_;
}

Status BlockWriter::Write() {
  EndRun();
  if (parts_.empty()) return Ok();
  FIRN_ASSERT(position_ % kDirectBlockBytes == 0 && parts_bytes_ % kDirectBlockBytes == 0, "{} bytes at {} are no whole blocks", parts_bytes_, position_);
  FIRN_RETURN_IF_ERROR(file_->WriteAt(position_, std::span<const std::string_view>(parts_)));
  position_ += parts_bytes_;
  parts_.clear();
  parts_bytes_ = lasting_bytes_ = run_begin_ = filled_ = 0;
  return Ok();
}

}  // namespace firn::io
