// SPDX-License-Identifier: Apache-2.0
// State as tables. An operator describes its state by schemas (named, typed columns) and hands over, at a checkpoint, the rows of
// every key group that changed since the last one; groups that did not change keep pointing to older files. Restoring gives rows back by
// name, so that a newer firn, an added column or another parallelism can read it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "types/batch.h"

namespace firn::state {

/// A fixed share of the key space: decides which lane owns a key at any parallelism.
inline constexpr int kKeyGroups = 128;
/// State without a key (a sink's open files, a source's watermarks): each lane writes its own, whole, at every Snapshot; what a lane does
/// not write again is gone with the next checkpoint.
inline constexpr int kNoKeyGroup = -1;

inline int KeyGroupOfHash(uint64_t hash) { return static_cast<int>(hash >> 57); }
static_assert(kKeyGroups == 1 << 7);
/// The lane of `parallelism` lanes that owns a key group: contiguous ranges.
inline int LaneOfKeyGroup(int group, int parallelism) { return group * parallelism / kKeyGroups; }

/// Given to one lane of one operator for one checkpoint. Rows are copied out before Snapshot returns (they are immutable arrays).
class StateWriter {
 public:
  virtual ~StateWriter() = default;
  /// The whole content of `table` for `group`, replacing what earlier checkpoints stored for it; no rows: the group is empty now.
  virtual Status Write(std::string_view table, int group, types::Batch rows) = 0;
  /// Forgets the lane's groups of `table`: a window's slice that has closed. Later writes of the same snapshot count.
  virtual void Drop(std::string_view table) = 0;
};

/// What a lane gets back: the groups that it owns now. kNoKeyGroup rows are given to every lane (with all writers' rows).
class StateReader {
 public:
  virtual ~StateReader() = default;
  /// Calls `visit` for each stored batch of `table`; none stored: not at all. Columns come by name in `schema`'s order; a column that the file
  /// lacks is NULL; one that has another type is kStateIncompatible.
  virtual Status Read(std::string_view table, const types::SchemaPtr& schema,
                      const std::function<Status(int group, const types::Batch& rows)>& visit) = 0;
  /// The stored tables whose name starts with `prefix`, ascending.
  virtual std::vector<std::string> Tables(std::string_view prefix) const = 0;
};

}  // namespace firn::state
