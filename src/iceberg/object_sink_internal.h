// SPDX-License-Identifier: Apache-2.0
// Objects as the byte streams that formats read and write.
#pragma once

#include <memory>
#include <utility>

#include "formats/byte_stream.h"
#include "objectstore/object_store.h"

namespace firn::iceberg {

class ObjectSink final : public formats::ByteSink {
 public:
  explicit ObjectSink(objectstore::ObjectWriter& writer) : writer_(writer) {}
  Status Append(std::string_view bytes) override { return writer_.Append(bytes); }

 private:
  objectstore::ObjectWriter& writer_;
};

class ObjectSource final : public formats::RandomReader {
 public:
  explicit ObjectSource(std::unique_ptr<objectstore::ObjectReader> reader) : reader_(std::move(reader)) {}
  uint64_t size_bytes() const override { return reader_->size_bytes(); }
  Result<size_t> ReadInto(uint64_t offset, std::span<char> out) const override { return reader_->ReadInto(offset, out); }

 private:
  std::unique_ptr<objectstore::ObjectReader> reader_;
};

}  // namespace firn::iceberg
