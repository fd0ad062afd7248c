// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/command_line.h"
#include "cli/commands.h"

namespace {

const CLI::App* FindCommand(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

std::vector<std::string> OptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// The first word that is no command where one should stand, or no option of its command, with the ones that may have been meant: CLI11 only says that
// something is missing or too much.
bool ExplainUnknownWord(const CLI::App& app, int argc, char** argv) {
  const auto fail = [](const std::string& what, const std::string& word, const std::vector<std::string>& known) {
    firn::cli::FailCommand(firn::Error(firn::ErrorCode::kUsageError, "there is no " + what + " '" + word + "'").Candidates(firn::base::NearNames(word, known)).Hint("--help shows all"));
    return true;
  };
  const CLI::App* current = &app;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("--")) {
      const std::string name = word.substr(0, word.find('='));
      const std::vector<std::string> known = OptionNames(*current);
      if (name != "--" && std::find(known.begin(), known.end(), name) == known.end()) return fail("option", name, known);
    } else if (!word.starts_with('-') && !current->get_subcommands({}).empty()) {
      const CLI::App* next = FindCommand(*current, word);
      std::vector<std::string> known;
      for (const CLI::App* command : current->get_subcommands({})) known.push_back(command->get_name());
      if (next == nullptr) return fail("command", word, known);
      current = next;
    }
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace firn::cli;
  CLI::App app("firn: a streaming lakehouse in one program");
  app.require_subcommand(1);
  app.set_version_flag("--version", "firn 0.1.0");

  NodeOptions up;
  CLI::App* up_command = app.add_subcommand("up", "runs a node in the foreground\n\n  firn up --data ./lake\n  firn up --data ./lake --port-kafka 0");
  up_command->add_option("--data", up.data, "the data directory")->capture_default_str();
  up_command->add_option("--host", up.host, "the address to listen on")->capture_default_str();
  up_command->add_option("--port-kafka", up.kafka_port, "0: a free one")->capture_default_str();
  up_command->add_option("--port-sql", up.sql_port, "0: a free one")->capture_default_str();
  up_command->add_option("--port-jobs", up.jobs_port, "0: a free one")->capture_default_str();

  SqlOptions sql;
  CLI::App* sql_command = app.add_subcommand("sql", "runs SQL statements\n\n  firn sql -e \"SHOW TABLES\"\n  firn sql --data ./lake -f pipeline.sql");
  sql_command->add_option("-e,--execute", sql.statements, "a statement");
  sql_command->add_option("-f,--file", sql.files, "a script; - is standard input");
  sql_command->add_option("--server", sql.server, "HOST:PORT of a node's SQL gateway")->capture_default_str();
  sql_command->add_option("--data", sql.data, "runs an embedded node on this directory");
  sql_command->add_option("--format", sql.format, "table, json or csv")->capture_default_str();

  std::string code;
  CLI::App* explain_command = app.add_subcommand("explain", "explains an error code\n\n  firn explain E2102");
  explain_command->add_option("code", code, "the code")->required();

  Command chosen;
  AddTopicCommands(app, &chosen);
  AddGroupCommands(app, &chosen);
  AddJobCommands(app, &chosen);
  AddDemoCommand(app, &chosen);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    const bool is_help = problem.get_exit_code() == 0;
    if (!is_help && ExplainUnknownWord(app, argc, argv)) return 2;
    const int status = app.exit(problem);
    return status == 0 ? 0 : 2;
  }
  if (chosen) return chosen();
  if (*up_command) return RunUp(up);
  if (*sql_command) return RunSql(sql);
  return RunExplain(code);
}
