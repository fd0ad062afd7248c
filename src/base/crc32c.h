// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli, RFC 3720 appendix B.4): the checksum of Kafka record batches and of our own files.
#pragma once

#include <cstdint>
#include <string_view>

namespace firn::base {

/// The checksum of `bytes`, or of earlier bytes followed by `bytes` when `crc` is theirs. Uses the SSE 4.2 instruction, three
/// streams at once.
uint32_t Crc32c(std::string_view bytes, uint32_t crc = 0);

/// The checksum of some bytes followed by `second_bytes` others, from the checksums of both: the bytes are not read.
uint32_t CombineCrc32c(uint32_t first, uint32_t second, uint64_t second_bytes);

}  // namespace firn::base
