// SPDX-License-Identifier: Apache-2.0
#include "state/state_snapshot.h"

#include "base/assert.h"

namespace firn::state {

Status SnapshotCollector::Write(std::string_view table, int group, types::Batch rows) {
  FIRN_ASSERT(group == kNoKeyGroup || LaneOfKeyGroup(group, snapshot_.parallelism) == snapshot_.lane,
              "lane {} of {} of {} writes key group {}", snapshot_.lane, snapshot_.parallelism, snapshot_.operator_uid, group);
  FIRN_ASSERT(!rows.kinds && !rows.watermarks, "state rows of {} carry row kinds or watermarks", table);
  snapshot_.tables.push_back({std::string(table), group, std::move(rows)});
  return Ok();
}

}  // namespace firn::state
