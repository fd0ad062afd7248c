// SPDX-License-Identifier: Apache-2.0
// `firn job`: jobs over the job port's REST.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>

#include "cli/command_line.h"
#include "cli/result_printer.h"
#include "cli/usage_error.h"
#include "io/http.h"
#include "io/process.h"

namespace firn::cli {

namespace {

namespace json = boost::json;

constexpr const char* kOverview = "/jobs/overview";

struct JobOptions {
  std::string server = "127.0.0.1:8081";
  std::string format = "table";
  std::string id;
};

// The answer's body; what the server refuses comes as an error with its own words.
Result<json::value> Ask(const JobOptions& options, const std::string& method, const std::string& target) {
  FIRN_TRY(const io::Address address, io::ParseAddress(options.server));
  auto client = io::HttpClient::Create(address);
  auto sent = client->Send(method, target);
  if (!sent.ok() && sent.error().code() == ErrorCode::kServerUnreachable) return std::move(sent).error().Hint("start a node with `firn up`, or name its job port with --server HOST:PORT");
  FIRN_TRY(const io::HttpResponse response, std::move(sent));
  boost::system::error_code problem;
  json::value body = json::parse(response.body, problem);
  if (problem) return Error(ErrorCode::kDecodeError, fmt::format("{} at {} was not answered in JSON: {}", target, options.server, problem.message()));
  if (response.status < 400) return body;
  std::string text = fmt::format("{} answered {}", options.server, response.status);
  if (const json::value* errors = body.is_object() ? body.as_object().if_contains("errors") : nullptr) {
    if (errors->is_array() && !errors->as_array().empty() && errors->as_array()[0].is_string()) text = errors->as_array()[0].as_string();
  }
  if (response.status == 404 && target == kOverview) return Error(ErrorCode::kServerUnreachable, fmt::format("{} is no job port: {}", options.server, text)).Hint("`firn up` prints its own (jobs), DIR/node.json has them");
  const ErrorCode code = response.status == 404 ? ErrorCode::kJobNotFound : ErrorCode::kInvalidArgument;
  return std::move(Error(code, text).Hint("firn job list shows all"));
}

std::string Text(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return "";
  return value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
}

std::string Seconds(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_int64() ? fmt::format("{:.1f}", static_cast<double>(value->as_int64()) / 1000) : "";
}

Result<const json::array*> ArrayOf(const json::value& body, const char* key) {
  const json::value* value = body.is_object() ? body.as_object().if_contains(key) : nullptr;
  if (value == nullptr || !value->is_array()) return Error(ErrorCode::kDecodeError, fmt::format("the server's answer has no \"{}\"", key));
  return &value->as_array();
}

Status ListJobs(const JobOptions& options) {
  FIRN_TRY(const OutputFormat format, ParseOutputFormat(options.format));
  FIRN_TRY(const json::value body, Ask(options, "GET", kOverview));
  FIRN_TRY(const json::array* jobs, ArrayOf(body, "jobs"));
  std::vector<Cells> rows;
  for (const json::value& job : *jobs) {
    if (job.is_object()) rows.push_back({Text(job.as_object(), "jid"), Text(job.as_object(), "name"), Text(job.as_object(), "state"), Seconds(job.as_object(), "duration")});
  }
  PrintTable(format, {{"job_id", "STRING"}, {"name", "STRING"}, {"state", "STRING"}, {"seconds", "DOUBLE"}}, rows);
  return Ok();
}

// The id that begins so, where only one does: as people copy them.
Result<std::string> WholeId(const JobOptions& options) {
  FIRN_TRY(const json::value body, Ask(options, "GET", kOverview));
  FIRN_TRY(const json::array* jobs, ArrayOf(body, "jobs"));
  std::vector<std::string> ids, beginning_so;
  for (const json::value& job : *jobs) {
    if (job.is_object()) ids.push_back(Text(job.as_object(), "jid"));
  }
  std::copy_if(ids.begin(), ids.end(), std::back_inserter(beginning_so), [&](const std::string& id) { return id.starts_with(options.id); });
  if (beginning_so.size() == 1) return beginning_so[0];
  const std::string what = beginning_so.empty() ? "no job has the id" : fmt::format("{} jobs have ids that begin with", beginning_so.size());
  return std::move(Error(ErrorCode::kJobNotFound, fmt::format("{} '{}'", what, options.id)).Candidates(base::NearNames(options.id, ids)).Hint("firn job list shows all"));
}

// The job's operators; its state and, if it failed, the reason are messages.
Status ShowJob(const JobOptions& options) {
  FIRN_TRY(const OutputFormat format, ParseOutputFormat(options.format));
  FIRN_TRY(const std::string id, WholeId(options));
  const std::string target = "/jobs/" + io::EncodeUrlPart(id);
  FIRN_TRY(const json::value body, Ask(options, "GET", target));
  FIRN_TRY(const json::value exceptions, Ask(options, "GET", target + "/exceptions"));
  FIRN_TRY(const json::value checkpoints, Ask(options, "GET", target + "/checkpoints"));
  FIRN_TRY(const json::array* vertices, ArrayOf(body, "vertices"));
  const json::object& job = body.as_object();
  const std::string completed = Text(checkpoints.at("counts").as_object(), "completed");
  io::WriteError(fmt::format("{}: {}, {} s, {} checkpoint{}\n", Text(job, "name"), Text(job, "state"), Seconds(job, "duration"), completed, completed == "1" ? "" : "s"));
  for (const json::value& entry : exceptions.at("exceptionHistory").at("entries").as_array()) io::WriteError(Text(entry.as_object(), "stacktrace") + "\n");
  std::vector<Cells> rows;
  for (const json::value& vertex : *vertices) {
    const json::object& metrics = vertex.at("metrics").as_object();
    rows.push_back({Text(vertex.as_object(), "name"), Text(vertex.as_object(), "parallelism"), Text(metrics, "read-records"), Text(metrics, "write-records"), Text(metrics, "firn-late-records"),
                    Text(metrics, "firn-state-bytes")});
  }
  PrintTable(format, {{"operator", "STRING"}, {"parallelism", "INT"}, {"rows_in", "BIGINT"}, {"rows_out", "BIGINT"}, {"late_rows", "BIGINT"}, {"state_bytes", "BIGINT"}}, rows);
  return Ok();
}

Status CancelJob(const JobOptions& options) {
  FIRN_TRY(const std::string id, WholeId(options));
  FIRN_RETURN_IF_ERROR(Ask(options, "PATCH", "/jobs/" + io::EncodeUrlPart(id) + "?mode=cancel"));
  io::WriteError(fmt::format("job {} is being cancelled\n", id));
  return Ok();
}

CLI::App* AddVerb(CLI::App* noun, const char* verb, const char* help, const std::shared_ptr<JobOptions>& options, Status (*run)(const JobOptions&), Command* chosen) {
  CLI::App* command = noun->add_subcommand(verb, help);
  TakesServers(command->add_option("--server", options->server, "a node's job port")->capture_default_str(), Servers::kAddress);
  // A server of another kind may leave out what is expected; Boost.JSON says so with an exception.
  command->callback([=] {
    *chosen = [=] {
      try {
        return EndCommand(run(*options));
      } catch (const std::exception& problem) {
        return FailCommand(Error(ErrorCode::kDecodeError, fmt::format("the answer of {} is not that of a job port: {}", options->server, problem.what())));
      }
    };
  });
  return command;
}

}  // namespace

void AddJobCommands(CLI::App& app, Command* chosen) {
  CLI::App* job = app.add_subcommand("job", "jobs: list, show, cancel\n\n  firn job list\n  firn job cancel ID");
  job->require_subcommand(1);
  auto list = std::make_shared<JobOptions>();
  AddVerb(job, "list", "lists jobs", list, ListJobs, chosen)->add_option("--format", list->format, "table, json or csv")->capture_default_str();
  auto show = std::make_shared<JobOptions>();
  CLI::App* command = AddVerb(job, "show", "shows a job's operators", show, ShowJob, chosen);
  command->add_option("id", show->id, "the job's id, or how it begins")->required();
  command->add_option("--format", show->format, "table, json or csv")->capture_default_str();
  auto cancel = std::make_shared<JobOptions>();
  AddVerb(job, "cancel", "ends a job without a last checkpoint", cancel, CancelJob, chosen)->add_option("id", cancel->id, "the job's id, or how it begins")->required();
}

}  // namespace firn::cli
