// SPDX-License-Identifier: Apache-2.0
// Runs one statement and shows what it gives: what scripts and the shell have in common.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/result_printer.h"
#include "cli/sql_client.h"

namespace firn::cli {

struct StatementOutcome {
  bool was_cancelled = false;  // by a stop signal
  bool has_content = false;    // something was shown
};

/// A stop signal cancels the statement; signals must be held (io::HoldStopSignals).
Result<StatementOutcome> RunStatement(SqlClient& client, const std::string& statement, OutputFormat format);

}  // namespace firn::cli
