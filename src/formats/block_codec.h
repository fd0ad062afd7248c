// SPDX-License-Identifier: Apache-2.0
// Compression of whole blocks with a limit on what comes out: a decompression bomb is refused (kLimitExceeded), broken input is kCorruption.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace firn::formats {

/// Raw deflate (RFC 1951), as Avro uses it.
Result<std::string> DeflateRaw(std::string_view bytes);
Result<std::string> InflateRaw(std::string_view bytes, size_t max_bytes);
/// gzip (RFC 1952), one or more members.
Result<std::string> CompressGzip(std::string_view bytes);
Result<std::string> DecompressGzip(std::string_view bytes, size_t max_bytes);
Result<std::string> CompressZstd(std::string_view bytes, int level = 3);
Result<std::string> DecompressZstd(std::string_view bytes, size_t max_bytes);
/// Snappy followed by the CRC-32 of the plain bytes, big-endian, as Avro has it.
Result<std::string> CompressSnappyWithCrc(std::string_view bytes);
Result<std::string> DecompressSnappyWithCrc(std::string_view bytes, size_t max_bytes);
/// CRC-32 (IEEE, zlib's), as Avro's snappy blocks and Puffin's deletion vectors use it.
uint32_t Crc32(std::string_view bytes);

}  // namespace firn::formats
