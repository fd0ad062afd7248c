// SPDX-License-Identifier: Apache-2.0
// Where the state of a job lies: for every table of every operator, the runs of rows that make it up. A manifest is the part of a checkpoint that
// the journal entry carries; the files it names are written before that entry and never changed.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "state/state_io.h"

namespace firn::state {

/// Bytes [offset, offset + size) of a file.
struct ByteRange {
  uint64_t offset = 0;
  uint64_t size = 0;
  uint32_t crc = 0;  // CRC-32C of the bytes
};

/// One record batch in a file, and the schema message that it needs.
struct Run {
  int64_t file = 0;         // the checkpoint that wrote it
  ByteRange schema;
  ByteRange rows;
  int64_t row_count = 0;
  int group_count = 0;      // key groups that have rows in it; 0: rows without a key
  KeyGroupSet live;         // of these, the ones whose rows still count

  bool is_keyed() const { return group_count > 0; }
  /// About how much of it still counts.
  int64_t live_rows() const { return is_keyed() ? row_count * static_cast<int64_t>(live.count()) / group_count : row_count; }
  int64_t live_bytes() const { return is_keyed() ? static_cast<int64_t>(rows.size) * static_cast<int64_t>(live.count()) / group_count : static_cast<int64_t>(rows.size); }
};

struct Manifest {
  /// By operator uid, then by table name; the oldest run first. Without a key there may be several, one a lane.
  std::map<std::string, std::map<std::string, std::vector<Run>>> operators;

  /// Of what still counts, about.
  int64_t TotalBytes() const;
  std::set<int64_t> Files() const;
};

/// The byte layout is drawn in docs/formats/state.md.
std::string EncodeManifest(const Manifest& manifest);
/// kCorruption for bytes that EncodeManifest did not make; kStateIncompatible for those of another version.
Result<Manifest> DecodeManifest(std::string_view bytes);

}  // namespace firn::state
