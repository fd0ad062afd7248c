// SPDX-License-Identifier: Apache-2.0
#include "cli/statement_runner.h"

#include "io/process.h"

namespace firn::cli {

namespace {

Status Run(SqlClient& client, const std::string& statement, OutputFormat format, StatementOutcome* outcome) {
  std::unique_ptr<ResultPrinter> printer;
  FIRN_TRY(const std::string mode, client.Setting("execution.runtime-mode"));
  const bool is_batch = mode == "batch" || mode == "BATCH";
  const bool is_terminal = io::IsOutputTerminal();
  bool is_stream = false;
  ResultReceiver receiver;
  receiver.begin = [&](const ResultHead& head) {
    if (!head.has_content) return;
    outcome->has_content = true;
    is_stream = head.is_query && !is_batch;
    const PrinterOptions options{.format = format, .is_changelog = is_stream, .is_message = !head.is_query, .has_colours = is_terminal, .terminal_columns = is_terminal ? io::TerminalColumns() : 0};
    printer = ResultPrinter::Make(options, head.columns, [](std::string_view text) { io::WriteOutput(text); });
  };
  receiver.rows = [&](const std::vector<PrintedRow>& rows) {
    outcome->was_cancelled = io::TakeStopSignal();
    if (printer && outcome->was_cancelled && is_terminal) io::WriteOutput("\r");  // the terminal has shown the keys, ^C, where the table's next line begins
    if (printer) printer->Add(rows);
    if (printer && (is_stream || rows.empty())) printer->Flush();
    return !outcome->was_cancelled && !io::IsOutputClosed();
  };
  FIRN_RETURN_IF_ERROR(client.Execute(statement, receiver, format == OutputFormat::kJson ? NestedText::kJson : NestedText::kFlink));
  if (printer) printer->Finish();
  return Ok();
}

}  // namespace

Result<StatementOutcome> RunStatement(SqlClient& client, const std::string& statement, OutputFormat format) {
  StatementOutcome outcome;
  Status status = Run(client, statement, format, &outcome);
  if (status.ok()) return outcome;
  // Only a server that hangs lets a call be ended by the signal.
  if (status.error().code() != ErrorCode::kCancelled || !io::TakeStopSignal()) return std::move(status).error();
  io::WriteError(status.error().message() + "\n");
  outcome.was_cancelled = true;
  return outcome;
}

}  // namespace firn::cli
