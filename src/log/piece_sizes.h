// SPDX-License-Identifier: Apache-2.0
// In what pieces the log works: from these sizes on it goes other ways (a segment with an index, a read of several chunks, a group of several writes). Nothing on
// disk depends on them: what was written with some is read with any. A simulation has them small, so that its few bytes go all of these ways.
#pragma once

#include <cstdint>

namespace firn::log {

struct PieceSizes {
  int64_t index_interval_bytes = 64 << 10;  // of a segment, from one entry of its index to the next
  int64_t read_bytes = 1 << 20;             // one read of cold data, or of the journal at the start; at least kReadBytesMin, a multiple of 8
  int64_t write_bytes = 1 << 20;            // one write of what is copied first; a multiple of io::kDirectBlockBytes
  int64_t group_bytes = 16 << 20;           // one write and sync of the journal: more would make its first entries wait for the last
};

/// The longest space before a batch, and a header.
inline constexpr int64_t kReadBytesMin = 4096 + 64;

}  // namespace firn::log
