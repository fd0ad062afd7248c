// SPDX-License-Identifier: Apache-2.0
// The prompt of `firn sql`: statements over several lines up to a ';', a history, commands that begin with a dot. Ctrl-C cancels the statement that runs, or
// forgets the one being typed; Ctrl-D leaves.
#pragma once

#include <string>
#include <vector>

#include "cli/result_printer.h"
#include "cli/sql_client.h"
#include "io/clock.h"

namespace firn::cli {

/// Until the user leaves. Signals must be held (io::HoldStopSignals). Returns the exit code.
int RunShell(SqlClient& client, const io::Clock& clock, OutputFormat format, const std::string& greeting);

/// Cuts typed lines into statements. Thread-compatible.
class StatementBuffer {
 public:
  /// The statements that this line completes.
  std::vector<std::string> AddLine(const std::string& line);
  /// Nothing of a statement has been typed.
  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }
  void Clear() { text_.clear(); }

 private:
  std::string text_;
};

}  // namespace firn::cli
