// SPDX-License-Identifier: Apache-2.0
// State as tables. An operator describes its state by schemas (named, typed columns) and hands over, at a checkpoint, the rows that
// changed since the last one, or all rows of a key group where that is cheaper to read back. Restoring gives rows back by name and in the order in
// which they were written, so that a newer firn, an added column or another parallelism can read it.
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "types/batch.h"

namespace firn::state {

/// A fixed share of the key space: decides which lane owns a key at any parallelism.
inline constexpr int kKeyGroups = 128;
using KeyGroupSet = std::bitset<kKeyGroups>;

inline int KeyGroupOfHash(uint64_t hash) { return static_cast<int>(hash >> 57); }
static_assert(kKeyGroups == 1 << 7);
/// The lane of `parallelism` lanes that owns a key group: contiguous ranges.
inline int LaneOfKeyGroup(int group, int parallelism) { return group * parallelism / kKeyGroups; }

/// Under this name a reader may ask for the key group of each row, TINYINT.
inline constexpr std::string_view kKeyGroupColumn = "key_group";

/// What one lane writes of a table with keys at one checkpoint.
struct KeyedRows {
  types::Batch rows;
  std::vector<uint8_t> groups;  // the key group of each row
  /// Groups of which `rows` holds all there is: what was stored of them before counts no more. Of other groups `rows` holds changes, which are read after
  /// what was stored before; what a row means to an older one of its key is up to the operator.
  KeyGroupSet replaced;
};

/// Given to one lane of one operator for one checkpoint. Each table is written once. The rows are immutable arrays and outlive the call.
class StateWriter {
 public:
  virtual ~StateWriter() = default;
  /// State without a key (a sink's open files, a source's watermarks): each lane writes its own, whole, at every snapshot; what a lane does not write
  /// again is gone with the next checkpoint.
  virtual Status Write(std::string_view table, types::Batch rows) = 0;
  virtual Status WriteKeyed(std::string_view table, KeyedRows rows) = 0;
};

/// What a lane gets back: the rows of the key groups that it owns now, and all rows without a key, of all lanes that wrote them.
class StateReader {
 public:
  virtual ~StateReader() = default;
  /// Calls `visit` with the stored rows of `table`, those of a key in the order of the checkpoints that wrote them; none stored: not at all. One batch
  /// may hold several versions of a key. Columns come by name in `schema`'s order; a column that the file lacks is NULL; one that has another type is
  /// kStateIncompatible.
  virtual Status Read(std::string_view table, const types::SchemaPtr& schema, const std::function<Status(const types::Batch& rows)>& visit) = 0;
};

}  // namespace firn::state
