// SPDX-License-Identifier: Apache-2.0
// `t$snapshots` and its like as sources: all rows at once, as the table is when the job starts.
#pragma once

#include <memory>

#include "exec/source.h"
#include "types/batch.h"

namespace firn::connect {

/// `columns`: names of the wanted ones, in order; each is in `rows`.
Result<std::unique_ptr<exec::Source>> MakeMetadataSource(types::Batch rows, const std::vector<types::Field>& columns);

}  // namespace firn::connect
