// SPDX-License-Identifier: Apache-2.0
// Where a file format reads its bytes from and writes them to. Owned by formats so that Parquet and Avro know neither folders nor
// object stores: the layers above adapt what they have.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"

namespace firn::formats {

/// Bytes at any position. ReadInto may be called from several threads at once.
class RandomReader {
 public:
  virtual ~RandomReader() = default;
  virtual uint64_t size_bytes() const = 0;
  /// Fills `out` from `offset`; returns how many bytes were there (fewer only at the end).
  virtual Result<size_t> ReadInto(uint64_t offset, std::span<char> out) const = 0;
};

/// Bytes one after the other. Thread-compatible.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Status Append(std::string_view bytes) = 0;
};

}  // namespace firn::formats
