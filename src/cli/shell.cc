// SPDX-License-Identifier: Apache-2.0
#include "cli/shell.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/assert.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/statement_runner.h"
#include "io/clock.h"
#include "io/file_system.h"
#include "io/line_editor.h"
#include "io/process.h"
#include "sql/parser.h"

namespace firn::cli {

namespace {

std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string UpperWord(const std::string& text) {
  return base::AsciiUpper(Trimmed(text));
}

class Shell {
 public:
  Shell(SqlClient& client, const io::Clock& clock, OutputFormat format) : client_(client), clock_(clock), format_(format) {}

  void Run() {
    const std::string home = io::HomeFolder();
    auto editor = io::LineEditor::Make({.program = "firn", .history_file = home.empty() ? "" : io::JoinPath(home, ".firn_history")});
    editor->SetCompleter([this](const std::string& before) { return Complete(before); });
    while (!is_done_) {
      const io::TypedLine line = editor->Read(buffer_.empty() ? "firn> " : "   -> ");
      if (line.outcome == io::LineOutcome::kEnd) break;
      if (line.outcome == io::LineOutcome::kInterrupt) {
        buffer_.Clear();
        continue;
      }
      const std::string trimmed = Trimmed(line.text);
      if (buffer_.empty() && trimmed.empty()) continue;
      if (buffer_.empty() && trimmed[0] == '.') {
        editor->AddHistory(trimmed);
        RunDotCommand(trimmed);
        continue;
      }
      if (buffer_.empty() && trimmed[0] == '\\') {  // no statement begins so, but people who come from psql do
        editor->AddHistory(trimmed);
        RunBackslash(trimmed);
        continue;
      }
      if (buffer_.empty() && RunWord(trimmed)) {
        editor->AddHistory(trimmed);
        continue;
      }
      for (const std::string& statement : buffer_.AddLine(line.text)) {
        editor->AddHistory(OneEntry(statement));
        RunOne(statement);
        if (is_done_) break;
      }
    }
    if (!is_done_) io::WriteError("\n");
  }

 private:
  struct DotCommand {
    const char* name;
    const char* argument;
    const char* help;
    void (Shell::*run)(const std::string& argument);
  };
  static const std::vector<DotCommand>& DotCommands() {
    static const std::vector<DotCommand> commands = {
        {".help", "", "shows this", &Shell::ShowHelp},
        {".format", "table|json|csv", "how results are shown", &Shell::SetFormat},
        {".explain", "CODE", "what an error code means", &Shell::ExplainCode},
        {".timer", "on|off", "the time that each statement took", &Shell::SetTimer},
        {".quit", "", "leaves, as Ctrl-D does", &Shell::Quit},
    };
    return commands;
  }

  std::vector<std::string> Complete(const std::string& before) {
    std::vector<std::string> found;
    if (buffer_.empty() && before.starts_with('.')) {
      // The dot is no part of the word that is completed.
      for (const DotCommand& command : DotCommands()) {
        if (std::string_view(command.name).starts_with(before)) found.emplace_back(command.name + 1);
      }
      return found;
    }
    const std::string text = buffer_.text() + before;
    return client_.Complete(text, static_cast<int>(text.size())).value_or({});
  }

  // As one line of history, where a newline means nothing; a comment that ends with its line is kept apart from what follows.
  static std::string OneEntry(std::string statement) {
    if (statement.find("--") == std::string::npos) std::replace(statement.begin(), statement.end(), '\n', ' ');
    return statement + ";";
  }

  // A word of the shell's own, with or without a semicolon.
  bool RunWord(std::string text) {
    if (text.ends_with(';')) text.pop_back();
    const std::string word = UpperWord(text);
    if (word == "QUIT" || word == "EXIT") return Quit(""), true;
    if (word == "HELP") return ShowHelp(""), true;
    if (word == "CLEAR") return io::WriteOutput("\x1b[H\x1b[2J"), true;
    return false;
  }

  void RunOne(const std::string& statement) {
    if (RunWord(statement)) return;
    const int64_t start_us = clock_.MonotonicUs();
    const auto outcome = RunStatement(client_, statement, format_);
    if (!outcome.ok() && outcome.error().code() == ErrorCode::kSessionNotFound && client_.Reopen().ok()) {
      return io::WriteError("The node does not know this session any more, as when it was started again: another one is open.\nSettings, USE and temporary tables of the old one are gone. Then run the statement again.\n");
    }
    if (!outcome.ok()) return static_cast<void>(FailCommand(outcome.error()));
    if (outcome->was_cancelled) io::WriteError("cancelled\n");
    if (!outcome->has_content && !outcome->was_cancelled) io::WriteError("OK\n");
    if (shows_time_) io::WriteError(fmt::format("{:.3f} s\n", static_cast<double>(clock_.MonotonicUs() - start_us) * 1e-6));
  }

  void RunBackslash(const std::string& line) {
    if (line == "\\q") return Quit("");
    if (line == "\\?" || line == "\\h") return ShowHelp("");
    FailCommand(Error(ErrorCode::kUsageError, fmt::format("there is no command {}", line)).Hint("commands begin with a dot: .help shows all; SHOW TABLES; and DESCRIBE t; are statements"));
  }

  void RunDotCommand(const std::string& line) {
    const size_t space = line.find(' ');
    const std::string name = line.substr(0, space);
    const std::string argument = space == std::string::npos ? "" : Trimmed(line.substr(space));
    std::vector<std::string> names;
    for (const DotCommand& command : DotCommands()) {
      if (name == command.name) return (this->*command.run)(argument);
      names.emplace_back(command.name);
    }
    FailCommand(Error(ErrorCode::kUsageError, fmt::format("there is no command {}", name)).Candidates(base::NearNames(name, names)).Hint(".help shows all"));
  }

  void ShowHelp(const std::string&) {
    std::string text = "Statements end with ';' and may take several lines.\nCtrl-C cancels what runs, Ctrl-D leaves.\n";
    for (const DotCommand& command : DotCommands()) text += fmt::format("  {:<24} {}\n", fmt::format("{} {}", command.name, command.argument), command.help);
    io::WriteError(text + "To begin with: SHOW TABLES;  SHOW CATALOGS;  SHOW JOBS;  SHOW FUNCTIONS;\n");
  }
  void SetFormat(const std::string& argument) {
    const auto format = ParseOutputFormat(argument);
    if (!format.ok()) return static_cast<void>(FailCommand(Error(ErrorCode::kUsageError, argument.empty() ? ".format needs a format" : format.error().message()).Candidates(format.error().candidates()).Hint(".format table, .format json or .format csv")));
    format_ = *format;
  }
  void ExplainCode(const std::string& argument) { RunExplain(argument); }
  void SetTimer(const std::string& argument) {
    if (argument != "on" && argument != "off") return static_cast<void>(FailCommand(Error(ErrorCode::kUsageError, fmt::format(".timer is on or off, not '{}'", argument))));
    shows_time_ = argument == "on";
  }
  void Quit(const std::string&) { is_done_ = true; }

  SqlClient& client_;
  const io::Clock& clock_;
  OutputFormat format_;
  StatementBuffer buffer_;
  bool shows_time_ = false;
  bool is_done_ = false;
};

}  // namespace

std::vector<std::string> StatementBuffer::AddLine(const std::string& line) {
  text_ += line + "\n";
  std::vector<std::string> complete;
  std::string rest;
  for (const sql::StatementText& statement : sql::SplitStatements(text_)) {
    FIRN_ASSERT(rest.empty(), "`{}` follows what is not complete", statement.text);
    if (statement.is_complete) {
      complete.push_back(statement.text);
    } else {
      rest = text_.substr(statement.begin);
    }
  }
  // Comments alone are nothing to wait for.
  text_ = std::move(rest);
  return complete;
}

int RunShell(SqlClient& client, const io::Clock& clock, OutputFormat format, const std::string& greeting) {
  io::WriteError(greeting);
  Shell(client, clock, format).Run();
  return 0;
}

}  // namespace firn::cli
