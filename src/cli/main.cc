// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/command_line.h"
#include "cli/commands.h"

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

  JobOptions job;
  CLI::App* job_command = app.add_subcommand("job", "lists, shows and cancels jobs\n\n  firn job list\n  firn job cancel ID");
  job_command->add_option("verb", job.verb, "list, show or cancel")->required()->check(CLI::IsMember({"list", "show", "cancel"}));
  job_command->add_option("id", job.id, "the job's id");
  job_command->add_option("--server", job.server, "HOST:PORT of a node's job port")->capture_default_str();

  std::string code;
  CLI::App* explain_command = app.add_subcommand("explain", "explains an error code\n\n  firn explain E2102");
  explain_command->add_option("code", code, "the code")->required();

  Command chosen;
  AddTopicCommands(app, &chosen);
  AddGroupCommands(app, &chosen);
  AddDemoCommand(app, &chosen);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    const int status = app.exit(problem);
    return status == 0 ? 0 : 2;
  }
  if (chosen) return chosen();
  if (*up_command) return RunUp(up);
  if (*sql_command) return RunSql(sql);
  if (*job_command) return RunJob(job);
  return RunExplain(code);
}
