// SPDX-License-Identifier: Apache-2.0
// The compression codecs of record batches: gzip, snappy in xerial's framing (and plain, as some clients write it), LZ4 frames, zstd.
// What comes out is bounded: a decompression bomb is refused with kLimitExceeded, broken input is kCorruption.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace firn::kafka {

/// The low three bits of a batch's attributes.
enum class Codec : uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

/// "gzip"; "none" for kNone.
std::string_view CodecName(Codec codec);

/// Appends the compressed form of `bytes` to `*out`.
void Compress(Codec codec, std::string_view bytes, std::string* out);
/// Replaces `*out` by the plain form of `bytes`; its capacity is reused. At most `max_bytes` come out.
Status Decompress(Codec codec, std::string_view bytes, size_t max_bytes, std::string* out);

}  // namespace firn::kafka
