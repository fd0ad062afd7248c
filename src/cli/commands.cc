// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error_render.h"
#include "base/utf8.h"
#include "cli/command_line.h"
#include "cli/result_printer.h"
#include "cli/session_heartbeat.h"
#include "cli/shell.h"
#include "cli/sql_client.h"
#include "cli/statement_runner.h"
#include "cli/terminal_error.h"
#include "io/clock.h"
#include "io/file_system.h"
#include "io/http.h"
#include "io/process.h"
#include "io/real_environment.h"
#include "sql/parser.h"

namespace firn::cli {

namespace {

int Fail(const Error& error) { return FailCommand(error); }

// What the failure of a start or of a stop leaves to be done.
Error WithNextStep(Error error, const std::string& data) {
  if (error.code() != ErrorCode::kDiskFull || !error.hint().empty()) return error;
  return std::move(error).Hint(fmt::format("nothing acknowledged is lost: free space on the disk of {} and start the node again", data));
}

// A piece of what is to be run; named if it is a file.
struct ScriptPart {
  std::string name;
  std::string text;
};

Status CheckUtf8(const ScriptPart& part) {
  const std::optional<size_t> at = base::FindInvalidUtf8(part.text);
  if (!at.has_value()) return Ok();
  const auto line = 1 + std::count(part.text.begin(), part.text.begin() + static_cast<std::ptrdiff_t>(*at), '\n');
  return Error(ErrorCode::kSyntaxError, fmt::format("{} is no UTF-8 text: byte {} is 0x{:02x} (line {})", part.name.empty() ? "the statement" : part.name, *at,
                                                    static_cast<unsigned char>(part.text[*at]), line))
      .Hint("SQL is read as UTF-8; convert the text (iconv -t UTF-8)");
}

// What -f and -e say, in that order, or standard input.
Result<std::vector<ScriptPart>> ScriptOf(io::FileSystem& files, const SqlOptions& options, const std::string& input) {
  std::vector<ScriptPart> parts;
  for (const std::string& file : options.files) {
    if (file == "-") {
      parts.push_back({"standard input", input});
      continue;
    }
    FIRN_TRY(std::string text, files.ReadAll(file));
    parts.push_back({file, std::move(text)});
  }
  for (const std::string& statement : options.statements) parts.push_back({"", statement});
  if (parts.empty()) parts.push_back({"standard input", input});
  for (const ScriptPart& part : parts) FIRN_RETURN_IF_ERROR(CheckUtf8(part));
  return parts;
}

// What a statement that begins at that byte of the script has failed with: the error's own place is in the statement.
int FailIn(const ScriptPart& part, uint32_t begin, const Error& error) {
  const std::string_view before = std::string_view(part.text).substr(0, begin);
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  const ScriptPlace place{part.name, 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n')), 1 + base::CountCodePoints(before.substr(line_begin))};
  if (const auto placed = PlaceInScript(error.message(), place)) return Fail(Error(error.code(), *placed));
  const int code = Fail(error);
  io::WriteError(fmt::format("   = in:   the statement at line {} of {}\n", place.line, part.name));
  return code;
}

int FailIn(const ScriptPart& part, const sql::StatementText& statement, const Error& error) {
  return part.name.empty() ? Fail(error) : FailIn(part, statement.begin, error);
}

int RunScript(SqlClient& client, const std::vector<ScriptPart>& script, OutputFormat format) {
  std::optional<std::pair<const ScriptPart*, sql::StatementText>> open_set;  // the BEGIN STATEMENT SET that no END has followed yet
  for (const ScriptPart& part : script) {
    for (const sql::StatementText& statement : sql::SplitStatements(part.text)) {
      const auto outcome = RunStatement(client, statement.text, format);
      if (!outcome.ok()) return FailIn(part, statement, outcome.error());
      if (outcome->was_cancelled) return kCancelledCode;
      if (statement.begins_set) open_set.emplace(&part, statement);
      if (statement.ends_set) open_set.reset();
    }
  }
  if (!open_set) return EndCommand(Ok());
  return FailIn(*open_set->first, open_set->second,
                Error(ErrorCode::kIncompleteStatement, "the statement set has no END: its INSERTs were not submitted").Hint("BEGIN STATEMENT SET; INSERT INTO ...; END;"));
}

struct SqlTask {
  bool is_interactive = false;
  std::vector<ScriptPart> script;
  OutputFormat format = OutputFormat::kTable;
  std::map<std::string, std::string> properties;
  std::string greeting;
};

int RunTask(const io::Environment& environment, const io::Address& server, const SqlTask& task) {
  auto client = SqlClient::Connect(server, task.properties);
  if (!client.ok()) return Fail(client.error());
  const SessionHeartbeat heartbeat(environment.executor, server, [&client] { return (*client)->session(); });
  return task.is_interactive ? RunShell(**client, environment.clock, task.format, task.greeting) : RunScript(**client, task.script, task.format);
}

}  // namespace

int FailCommand(const Error& error) {
  // A statement's failure comes from the gateway as it is to be read.
  const std::string text = error.message().starts_with("error[") ? error.message() : base::RenderError(error);
  io::WriteError(io::IsErrorTerminal() ? ColourError(WrapError(text, io::TerminalColumns())) : text);
  if (error.code() == ErrorCode::kCancelled) return kCancelledCode;
  return error.code() == ErrorCode::kUsageError ? 2 : 1;
}

int EndCommand(const Status& status) {
  if (!status.ok()) return FailCommand(status.error());
  const auto lost = io::OutputFailure();
  return lost ? FailCommand(Error(ErrorCode::kIoError, fmt::format("writing to standard output: {}", *lost)).Hint("what was shown is not all there is")) : 0;
}

namespace {

/// "HOST", "HOST:PORT", "[V6]" or "[V6]:PORT".
Result<io::Address> ParseAdvertised(const std::string& text) {
  if (text.empty()) return io::Address{};
  const bool has_port = text.find(':', text.front() == '[' ? std::min(text.find(']'), text.size()) : 0) != std::string::npos;
  auto address = io::ParseAddress(has_port ? text : text + ":0");
  const bool is_bare_v6 = text.front() != '[' && std::count(text.begin(), text.end(), ':') > 1;
  if (!address.ok() || is_bare_v6) return Error(ErrorCode::kUsageError, fmt::format("--advertise '{}' is no address", text)).Hint("write HOST, HOST:PORT or [V6]:PORT, for example broker.example:9092");
  if (address->host == "0.0.0.0" || address->host == "::") {
    return Error(ErrorCode::kUsageError, fmt::format("--advertise {}: clients cannot connect to that", text)).Hint("leave --advertise out: then each client is told the address that it has connected to");
  }
  return address;
}

}  // namespace

int RunUp(NodeOptions options, const std::string& advertised) {
  auto address = ParseAdvertised(advertised);
  if (!address.ok()) return Fail(address.error());
  options.advertised = std::move(*address);
  io::HoldStopSignals();
  auto real = io::RealEnvironment::Make();
  if (!real.ok()) return Fail(real.error());
  const io::Environment environment = real->environment();
  const int64_t start_us = environment.clock.MonotonicUs();
  auto node = Node::Start(environment, options);
  if (!node.ok()) return Fail(WithNextStep(node.error(), options.data));
  io::WriteError(fmt::format("firn 0.1.0 is ready in {:.2f} s\n  kafka {}   sql {}   jobs http://{}   data {}\n", static_cast<double>(environment.clock.MonotonicUs() - start_us) * 1e-6,
                             (*node)->kafka().ToString(), (*node)->sql().ToString(), (*node)->jobs().ToString(), options.data));
  io::WaitForStopSignal();
  io::WriteError("stopping\n");
  const Status status = (*node)->Stop();
  node->reset();
  return status.ok() ? 0 : Fail(WithNextStep(status.error(), options.data));
}

int RunSql(const SqlOptions& options) {
  SqlTask task;
  auto format = ParseOutputFormat(options.format);
  if (!format.ok()) return Fail(format.error());
  task.format = *format;
  const bool has_script = !options.files.empty() || !options.statements.empty();
  task.is_interactive = !has_script && io::IsInputTerminal() && io::IsOutputTerminal();
  const bool reads_input = std::count(options.files.begin(), options.files.end(), "-") > 0 || (!has_script && !task.is_interactive);
  const std::string input = reads_input ? io::ReadInput() : "";
  io::HoldStopSignals();  // after the input, which a signal may well end
  auto real = io::RealEnvironment::Make();
  if (!real.ok()) return Fail(real.error());
  const io::Environment environment = real->environment();
  auto script = ScriptOf(environment.files, options, input);
  if (!script.ok()) return Fail(script.error());
  task.script = *std::move(script);
  if (options.data.empty()) {
    auto address = io::ParseAddress(options.server);
    task.greeting = fmt::format("firn 0.1.0, connected to {}. .help shows the commands.\n", options.server);
    return address.ok() ? RunTask(environment, *address, task) : Fail(address.error());
  }
  auto node = Node::Start(environment, {.data = options.data, .kafka_port = 0, .sql_port = 0, .jobs_port = 0, .is_embedded = true});
  if (!node.ok() && node.error().code() == ErrorCode::kDataDirectoryInUse) {
    return Fail(Error(node.error()).Hint(fmt::format("a node runs on it: leave --data away, or give its port of {} with --server", io::JoinPath(options.data, "node.json"))));
  }
  if (!node.ok()) return Fail(node.error());
  task.properties["firn.wait-for-bounded-jobs"] = "true";
  task.greeting = fmt::format("firn 0.1.0, an embedded node on {} until you leave. .help shows the commands.\n", options.data);
  const int code = RunTask(environment, (*node)->sql(), task);
  const Status status = (*node)->Stop();
  return status.ok() ? code : Fail(status.error());
}

int RunExplain(const std::string& code) {
  const base::ErrorInfo* info = base::FindErrorInfo(code);
  if (info == nullptr) return Fail(Error(ErrorCode::kUsageError, fmt::format("there is no error code '{}'", code)).Hint("codes look like E2102"));
  io::WriteOutput(fmt::format("{} {}\n\n{}\n", base::ErrorCodeText(info->code), info->title, info->text));
  return EndCommand(Ok());
}

}  // namespace firn::cli
