// SPDX-License-Identifier: Apache-2.0
// Where the state of a job lies: for every table of every operator and every key group, the block of the file that holds it. A
// manifest is the part of a checkpoint that the journal entry carries; the files it names are written before that entry and never changed.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace firn::state {

/// Bytes [offset, offset + size) of a file.
struct ByteRange {
  uint64_t offset = 0;
  uint64_t size = 0;
  uint32_t crc = 0;  // CRC-32C of the bytes
};

/// One record batch in a file, and the schema message that it needs.
struct Block {
  int64_t file = 0;  // the checkpoint that wrote it
  ByteRange schema;
  ByteRange rows;
  int64_t row_count = 0;
};

/// Groups of one table, by key group; kNoKeyGroup may have several blocks, one a lane.
using TableBlocks = std::map<int, std::vector<Block>>;

struct Manifest {
  /// By operator uid, then by table name.
  std::map<std::string, std::map<std::string, TableBlocks>> operators;

  int64_t TotalBytes() const;
  std::set<int64_t> Files() const;
};

/// The byte layout is drawn in docs/formats/state.md.
std::string EncodeManifest(const Manifest& manifest);
/// kCorruption for bytes that EncodeManifest did not make.
Result<Manifest> DecodeManifest(std::string_view bytes);

}  // namespace firn::state
