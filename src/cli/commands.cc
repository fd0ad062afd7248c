// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"

#include <fmt/format.h>

#include "base/error_render.h"
#include "cli/command_line.h"
#include "cli/result_printer.h"
#include "cli/sql_client.h"
#include "io/clock.h"
#include "io/file_system.h"
#include "io/http.h"
#include "io/process.h"
#include "io/real_environment.h"
#include "sql/parser.h"

namespace firn::cli {

namespace {

int Fail(const Error& error) { return FailCommand(error); }

Status RunStatement(SqlClient& client, const std::string& statement, OutputFormat format) {
  std::unique_ptr<ResultPrinter> printer;
  FIRN_TRY(std::string mode, client.Setting("execution.runtime-mode"));
  ResultReceiver receiver;
  receiver.begin = [&](const ResultHead& head) {
    PrinterOptions options{.format = format, .is_changelog = head.is_query && mode != "batch" && mode != "BATCH", .terminal_columns = io::IsOutputTerminal() ? io::TerminalColumns() : 0};
    printer = ResultPrinter::Make(options, head.columns, [](std::string_view text) { io::WriteOutput(text); });
  };
  receiver.rows = [&](const std::vector<PrintedRow>& rows) {
    printer->Add(rows);
    if (rows.empty()) printer->Flush();
    return true;
  };
  FIRN_RETURN_IF_ERROR(client.Execute(statement, receiver));
  if (printer) printer->Finish();
  return Ok();
}

Result<std::string> ScriptOf(io::FileSystem& files, const SqlOptions& options) {
  std::string script;
  for (const std::string& file : options.files) {
    if (file == "-") {
      script += io::ReadInput() + "\n;";
      continue;
    }
    FIRN_TRY(std::string text, files.ReadAll(file));
    script += text + "\n;";
  }
  for (const std::string& statement : options.statements) script += statement + "\n;";
  if (options.files.empty() && options.statements.empty()) script = io::ReadInput();
  return script;
}

int RunScript(const io::Address& server, const std::string& script, OutputFormat format, bool is_embedded) {
  std::map<std::string, std::string> properties;
  if (is_embedded) properties["firn.wait-for-bounded-jobs"] = "true";
  auto client = SqlClient::Connect(server, properties);
  if (!client.ok()) return Fail(client.error());
  for (const sql::StatementText& statement : sql::SplitStatements(script)) {
    const Status status = RunStatement(**client, statement.text, format);
    if (!status.ok()) return Fail(status.error());
  }
  return 0;
}

}  // namespace

int FailCommand(const Error& error) {
  // A statement's failure comes from the gateway as it is to be read.
  io::WriteError(error.message().starts_with("error[") ? error.message() : base::RenderError(error));
  return error.code() == ErrorCode::kUsageError ? 2 : 1;
}

int EndCommand(const Status& status) { return status.ok() ? 0 : FailCommand(status.error()); }

int RunUp(const NodeOptions& options) {
  io::HoldStopSignals();
  io::RealEnvironment real;
  const io::Environment environment = real.environment();
  const int64_t start_us = environment.clock.MonotonicUs();
  auto node = Node::Start(environment, options);
  if (!node.ok()) return Fail(node.error());
  io::WriteError(fmt::format("firn 0.1.0 is ready in {:.2f} s\n  kafka {}   sql {}   jobs http://{}   data {}\n", static_cast<double>(environment.clock.MonotonicUs() - start_us) * 1e-6,
                             (*node)->kafka().ToString(), (*node)->sql().ToString(), (*node)->jobs().ToString(), options.data));
  io::WaitForStopSignal();
  io::WriteError("stopping\n");
  const Status status = (*node)->Stop();
  node->reset();
  return status.ok() ? 0 : Fail(status.error());
}

int RunSql(const SqlOptions& options) {
  auto format = ParseOutputFormat(options.format);
  if (!format.ok()) return io::WriteError(base::RenderError(format.error())), 2;
  io::RealEnvironment real;
  const io::Environment environment = real.environment();
  auto script = ScriptOf(environment.files, options);
  if (!script.ok()) return Fail(script.error());
  if (options.data.empty()) {
    auto address = io::ParseAddress(options.server);
    return address.ok() ? RunScript(*address, *script, *format, false) : Fail(address.error());
  }
  auto node = Node::Start(environment, {.data = options.data, .kafka_port = 0, .sql_port = 0, .jobs_port = 0, .is_embedded = true});
  if (!node.ok()) return Fail(node.error());
  const int code = RunScript((*node)->sql(), *script, *format, true);
  const Status status = (*node)->Stop();
  return status.ok() ? code : Fail(status.error());
}

int RunJob(const JobOptions& options) {
  auto address = io::ParseAddress(options.server);
  if (!address.ok()) return Fail(address.error());
  auto client = io::HttpClient::Create(*address);
  std::string target = "/jobs/overview";
  if (options.verb == "show") target = "/jobs/" + options.id;
  if (options.verb == "cancel") target = "/jobs/" + options.id + "?mode=cancel";
  auto response = client->Send(options.verb == "cancel" ? "PATCH" : "GET", target);
  if (!response.ok()) return Fail(response.error());
  if (response->status >= 400) {
    io::WriteError(response->body + "\n");
    return 1;
  }
  io::WriteOutput(response->body + "\n");
  return 0;
}

int RunExplain(const std::string& code) {
  const base::ErrorInfo* info = base::FindErrorInfo(code);
  if (info == nullptr) return Fail(Error(ErrorCode::kUsageError, fmt::format("there is no error code '{}'", code)).Hint("codes look like E2102"));
  io::WriteOutput(fmt::format("{} {}\n\n{}\n", base::ErrorCodeText(info->code), info->title, info->text));
  return 0;
}

}  // namespace firn::cli
