// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/help_page.h"
#include "cli/usage_error.h"
#include "io/process.h"
#include "state/state_io.h"

int main(int argc, char** argv) {
  using namespace firn::cli;
  firn::io::HoldStandardStreams();
  CLI::App app("firn: a streaming lakehouse in one program\n\n  firn demo                    # see it work, for 20 s\n  firn up --data ./lake        # a node; then firn topic, sql, job in another terminal", "firn");
  app.formatter(MakeHelpPages());
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "shows this");
  app.set_version_flag("-V,--version", "firn 0.1.0", "shows the version");

  NodeOptions up;
  CLI::App* up_command = app.add_subcommand("up", "runs a node in the foreground\n\n  firn up --data ./lake\n  firn up --data ./lake --port-kafka 0");
  const CLI::Validator is_folder([](const std::string& text) { return text.empty() ? "needs the name of a folder" : ""; }, "");
  up_command->add_option("--data", up.data, "the data directory")->capture_default_str()->check(is_folder);
  up_command->add_option("--host", up.host, "the address to listen on; 0.0.0.0: all")->capture_default_str();
  std::string advertised;
  up_command->add_option("--advertise", advertised, "HOST or HOST:PORT that Kafka clients are told to connect to (default: where each has connected to); for a node behind port forwarding");
  up_command->add_option("--port-kafka", up.kafka_port, "0: a free one")->capture_default_str();
  up_command->add_option("--port-sql", up.sql_port, "0: a free one")->capture_default_str();
  up_command->add_option("--port-jobs", up.jobs_port, "0: a free one")->capture_default_str();
  up_command->add_option("--state-limit", up.state_limit_bytes, "bytes that the state of all jobs may take in memory, such as 8GB")->capture_default_str()->transform(CLI::AsSizeValue(false));
  up_command->add_option("--parallelism", up.parallelism, "lanes of each job that does not SET 'parallelism.default'; jobs that go on from a checkpoint may get another number")
      ->capture_default_str()
      ->check(CLI::Range(1, firn::state::kKeyGroups));

  SqlOptions sql;
  CLI::App* sql_command = app.add_subcommand("sql", "runs SQL statements\n\n  firn sql -e \"SHOW TABLES\"\n  firn sql --data ./lake -f pipeline.sql");
  sql_command->add_option("-e,--execute", sql.statements, "a statement");
  sql_command->add_option("-f,--file", sql.files, "a script; - is standard input");
  TakesServers(sql_command->add_option("--server", sql.server, "HOST:PORT of a node's SQL gateway")->capture_default_str(), Servers::kAddress);
  sql_command->add_option("--data", sql.data, "runs an embedded node on this directory")->check(is_folder);
  sql_command->add_option("--format", sql.format, "table, json or csv")->capture_default_str();

  std::string code;
  CLI::App* explain_command = app.add_subcommand("explain", "explains an error code\n\n  firn explain E2102");
  explain_command->add_option("code", code, "the code")->required();

  Command chosen;
  AddTopicCommands(app, &chosen);
  AddGroupCommands(app, &chosen);
  AddJobCommands(app, &chosen);
  AddDemoCommand(app, &chosen);

  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() > 1 && words[0] == "help") std::rotate(words.begin(), words.begin() + 1, words.end());  // help topic consume
  if (words.size() > 1 && words.back() == "help" && (argv[1] == std::string("help") || words.size() == 2)) words.back() = "--help";
  if (words == std::vector<std::string>{"help"} || words == std::vector<std::string>{"version"}) words[0] = "--" + words[0];
  if (words.empty()) {
    firn::io::WriteError(app.help());
    return 2;
  }
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 takes them from the back
  } catch (const CLI::Success& page) {
    return app.exit(page);  // --help and --version, which are results
  } catch (const CLI::ParseError& problem) {
    return FailCommand(UsageErrorOf(app, problem, words));
  }
  if (chosen) return chosen();
  if (*up_command) return RunUp(up, advertised);
  if (*sql_command) return RunSql(sql);
  return RunExplain(code);
}
