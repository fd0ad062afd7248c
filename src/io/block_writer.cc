// SPDX-License-Identifier: Apache-2.0
#include "io/block_writer.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/assert.h"

namespace firn::io {

namespace {

constexpr std::align_val_t kAlignment{kDirectBlockBytes};
static_assert(BlockWriter::kBufferBytes % kDirectBlockBytes == 0);

}  // namespace

void BlockWriter::Free::operator()(char* memory) const { ::operator delete(memory, kAlignment); }

void BlockWriter::Begin(File& file, uint64_t position) {
  FIRN_ASSERT(position % kDirectBlockBytes == 0, "position {} is not at a block", position);
  file_ = &file;
  position_ = position;
  filled_ = 0;
}

Status BlockWriter::Append(std::string_view bytes) {
  FIRN_ASSERT(file_ != nullptr, "{} bytes for no file", bytes.size());
  if (buffer_ == nullptr) buffer_.reset(static_cast<char*>(::operator new(kBufferBytes, kAlignment)));
  while (!bytes.empty()) {
    const size_t size = std::min(bytes.size(), kBufferBytes - filled_);
    std::memcpy(buffer_.get() + filled_, bytes.data(), size);
    filled_ += size;
    bytes.remove_prefix(size);
    if (filled_ == kBufferBytes) FIRN_RETURN_IF_ERROR(Write());
  }
  return Ok();
}

Status BlockWriter::Finish() {
  if (filled_ == 0) return Ok();
  const size_t whole = NextBlock(filled_);
  std::memset(buffer_.get() + filled_, 0, whole - filled_);
  filled_ = whole;
  return Write();
}

Status BlockWriter::Write() {
  FIRN_RETURN_IF_ERROR(file_->WriteAt(position_, std::string_view(buffer_.get(), filled_)));
  position_ += filled_;
  filled_ = 0;
  return Ok();
}

}  // namespace firn::io
