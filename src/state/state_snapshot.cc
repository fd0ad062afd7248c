// SPDX-License-Identifier: Apache-2.0
#include "state/state_snapshot.h"

#include <algorithm>

#include "base/assert.h"

namespace firn::state {

namespace {

bool Holds(const LaneSnapshot& snapshot, std::string_view table) {
  return std::any_of(snapshot.tables.begin(), snapshot.tables.end(), [&](const TableRows& written) { return written.table == table; });
}

}  // namespace

Status SnapshotCollector::Write(std::string_view table, types::Batch rows) {
  FIRN_ASSERT(!Holds(snapshot_, table), "{} writes {} twice", snapshot_.operator_uid, table);
  FIRN_ASSERT(!rows.kinds && !rows.watermarks, "state rows of {} carry row kinds or watermarks", table);
  snapshot_.tables.push_back({std::string(table), false, {std::move(rows), {}, {}}});
  return Ok();
}

Status SnapshotCollector::WriteKeyed(std::string_view table, KeyedRows keyed) {
  FIRN_ASSERT(!Holds(snapshot_, table), "{} writes {} twice", snapshot_.operator_uid, table);
  FIRN_ASSERT(!keyed.rows.kinds && !keyed.rows.watermarks, "state rows of {} carry row kinds or watermarks", table);
  FIRN_ASSERT(static_cast<int64_t>(keyed.groups.size()) == keyed.rows.row_count, "{} rows of {} have {} key groups", keyed.rows.row_count, table, keyed.groups.size());
  for (uint8_t group : keyed.groups) {
    FIRN_ASSERT(LaneOfKeyGroup(group, snapshot_.parallelism) == snapshot_.lane, "lane {} of {} of {} writes key group {}", snapshot_.lane,
                snapshot_.parallelism, snapshot_.operator_uid, group);
  }
  for (int group = 0; group < kKeyGroups; ++group) {
    FIRN_ASSERT(!keyed.replaced.test(static_cast<size_t>(group)) || LaneOfKeyGroup(group, snapshot_.parallelism) == snapshot_.lane,
                "lane {} of {} of {} replaces key group {}", snapshot_.lane, snapshot_.parallelism, snapshot_.operator_uid, group);
  }
  snapshot_.tables.push_back({std::string(table), true, std::move(keyed)});
  return Ok();
}

}  // namespace firn::state
