// SPDX-License-Identifier: Apache-2.0
#include "exec/key_group_rows.h"

#include "exec/columns.h"

namespace firn::exec {

Status WriteByKeyGroup(state::StateWriter& writer, std::string_view table, const types::Batch& rows, const std::vector<int>& groups,
                       const std::vector<bool>& changed) {
  std::vector<std::vector<int64_t>> rows_of(state::kKeyGroups);
  for (size_t i = 0; i < groups.size(); ++i) rows_of[static_cast<size_t>(groups[i])].push_back(static_cast<int64_t>(i));
  for (int group = 0; group < state::kKeyGroups; ++group) {
    if (!changed[static_cast<size_t>(group)]) continue;
    FIRN_TRY(types::Batch part, types::TakeRows(rows, LongArray(std::move(rows_of[static_cast<size_t>(group)]))));
    FIRN_RETURN_IF_ERROR(writer.Write(table, group, std::move(part)));
  }
  return Ok();
}

}  // namespace firn::exec
