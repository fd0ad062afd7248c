// SPDX-License-Identifier: Apache-2.0
// State rows handed over by key group.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "state/state_io.h"
#include "types/batch.h"

namespace firn::exec {

/// Writes `rows` split by group (groups[i]: of row i). Groups in `changed` without rows are written as empty.
Status WriteByKeyGroup(state::StateWriter& writer, std::string_view table, const types::Batch& rows, const std::vector<int>& groups,
                       const std::vector<bool>& changed);

}  // namespace firn::exec
