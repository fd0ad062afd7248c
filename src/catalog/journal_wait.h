// SPDX-License-Identifier: Apache-2.0
// A journal entry, waited for: what DDL does.
#pragma once

#include <vector>

#include "base/result.h"
#include "io/executor.h"
#include "log/journal.h"

namespace firn::catalog {

/// Appends one entry and blocks until it is durable and visible, or failed. Never call it on the journal's own queue.
Status AppendAndWait(io::Executor& executor, log::Journal& journal, std::vector<log::Operation> operations);

}  // namespace firn::catalog
