// SPDX-License-Identifier: Apache-2.0
#include "cli/sql_client.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <stdexcept>

namespace firn::cli {

namespace {

namespace json = boost::json;

constexpr int kTellMs = 1000;
constexpr const char* kPortHint = "is that the port of an SQL gateway? `firn up` prints its own (sql), DIR/node.json has them";

/// The body of an answer as JSON, or the gateway's own error text.
Result<json::value> Call(io::HttpClient& http, const std::string& method, const std::string& target, const std::string& body = {}) {
  FIRN_TRY(io::HttpResponse response, http.Send(method, target, body));
  boost::system::error_code problem;
  json::value parsed = json::parse(response.body, problem);
  if (response.status >= 400) {
    std::string text = fmt::format("the server answered {} to {} {}", response.status, method, target);
    if (!problem && parsed.is_object() && parsed.as_object().contains("errors") && parsed.at("errors").is_array() &&
        !parsed.at("errors").as_array().empty() && parsed.at("errors").as_array()[0].is_string()) {
      text = parsed.at("errors").as_array()[0].as_string();
    }
    if (text.starts_with("error[E7001]")) return Error(ErrorCode::kSessionNotFound, text);
    const bool is_elsewhere = response.status == 404 || response.status == 405;  // another kind of server
    return Error(is_elsewhere ? ErrorCode::kServerUnreachable : ErrorCode::kEvaluationError, text);
  }
  if (problem) return Error(ErrorCode::kDecodeError, fmt::format("{} {} was not answered in JSON: {}", method, target, problem.message()));
  return parsed;
}

std::string TypeText(const json::object& type) {
  const std::string kind(type.at("type").as_string());
  auto number = [&](const char* key) { return type.at(key).as_int64(); };
  if (kind == "INTEGER") return "INT";
  if (kind == "VARCHAR" || kind == "VARBINARY" || kind == "CHAR" || kind == "BINARY") {
    if (number("length") == 2147483647) return kind == "VARCHAR" ? "STRING" : "BYTES";
    return fmt::format("{}({})", kind, number("length"));
  }
  if (kind == "DECIMAL") return fmt::format("DECIMAL({}, {})", number("precision"), number("scale"));
  if (kind == "TIME_WITHOUT_TIME_ZONE") return fmt::format("TIME({})", number("precision"));
  if (kind == "TIMESTAMP_WITHOUT_TIME_ZONE") return fmt::format("TIMESTAMP({})", number("precision"));
  if (kind == "TIMESTAMP_WITH_LOCAL_TIME_ZONE") return fmt::format("TIMESTAMP_LTZ({})", number("precision"));
  if (kind == "INTERVAL_YEAR_MONTH") return "INTERVAL YEAR TO MONTH";
  if (kind == "INTERVAL_DAY_TIME") return "INTERVAL DAY TO SECOND";
  if (kind == "ARRAY") return "ARRAY<" + TypeText(type.at("elementType").as_object()) + ">";
  if (kind == "MAP") return "MAP<" + TypeText(type.at("keyType").as_object()) + ", " + TypeText(type.at("valueType").as_object()) + ">";
  if (kind == "ROW") {
    std::string text = "ROW<";
    for (const json::value& field : type.at("fields").as_array()) {
      text += (text.size() > 4 ? ", " : "") + std::string(field.at("name").as_string()) + " " + TypeText(field.at("fieldType").as_object());
    }
    return text + ">";
  }
  return kind;
}

std::string OpText(std::string_view kind) {
  if (kind == "UPDATE_BEFORE") return "-U";
  if (kind == "UPDATE_AFTER") return "+U";
  return kind == "DELETE" ? "-D" : "+I";
}

ResultHead HeadOf(const json::object& page) {
  ResultHead head;
  head.is_query = page.contains("isQueryResult") && page.at("isQueryResult").is_bool() && page.at("isQueryResult").as_bool();
  if (page.contains("jobID") && page.at("jobID").is_string()) head.job_id = page.at("jobID").as_string();
  head.has_content = !page.contains("resultKind") || page.at("resultKind") != "SUCCESS";
  for (const json::value& column : page.at("results").at("columns").as_array()) {
    PrintedColumn printed{std::string(column.at("name").as_string()), TypeText(column.at("logicalType").as_object()), false};
    printed.is_right_aligned = IsNumberType(printed.type);
    head.columns.push_back(std::move(printed));
  }
  return head;
}

std::vector<PrintedRow> RowsOf(const json::object& page, const std::vector<PrintedColumn>& columns) {
  std::vector<PrintedRow> rows;
  for (const json::value& item : page.at("results").at("data").as_array()) {
    PrintedRow row;
    const size_t fields = item.at("fields").as_array().size();
    if (fields != columns.size()) throw std::invalid_argument(fmt::format("a row of {} fields under {} columns", fields, columns.size()));
    row.op = OpText(item.at("kind").as_string());
    for (const json::value& field : item.at("fields").as_array()) {
      row.texts.push_back(field.is_null() ? std::nullopt : std::optional<std::string>(field.as_string()));
    }
    for (size_t i = 0; i < row.texts.size(); ++i) row.json.push_back(JsonCell(row.texts[i], columns[i]));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

namespace {

// What a server of another kind leaves out of its answers, or has as something else, Boost.JSON tells by exceptions.
template <typename Function>
auto Understood(const io::Address& server, const Function& function) -> decltype(function()) {
  try {
    return function();
  } catch (const std::exception& problem) {
    return Error(ErrorCode::kDecodeError, fmt::format("the answer of {} is not that of an SQL gateway: {}", server.ToString(), problem.what()))
        .Hint(kPortHint);
  }
}

}  // namespace

SqlClient::SqlClient(const io::Address& server, std::unique_ptr<io::HttpClient> http, Properties properties, std::string session)
    : server_(server), http_(std::move(http)), properties_(std::move(properties)), session_(std::move(session)) {}

SqlClient::~SqlClient() { Tell("DELETE", SessionPath()); }

std::string SqlClient::session() const {
  base::MutexLock lock(mutex_);
  return session_;
}

void SqlClient::Tell(const std::string& method, const std::string& target) {
  // The server drops idle sessions and what runs in them by itself; a failure changes nothing.
  (void)io::HttpClient::Create(server_, {.timeout_ms = kTellMs})->Send(method, target, "{}");
}

namespace {

Result<std::string> OpenSession(io::HttpClient& http, const io::Address& server, const std::map<std::string, std::string>& properties) {
  json::object settings;
  for (const auto& [key, value] : properties) settings[key] = value;
  auto answer = Call(http, "POST", "/v2/sessions", json::serialize(json::object{{"properties", settings}}));
  const bool is_refused = !answer.ok() && (answer.error().code() == ErrorCode::kEvaluationError || answer.error().code() == ErrorCode::kCancelled);
  if (!answer.ok() && answer.error().hint().empty() && !is_refused) return std::move(answer).error().Hint(kPortHint);
  if (!answer.ok()) return std::move(answer).error();
  return Understood(server, [&]() -> Result<std::string> { return std::string(answer->at("sessionHandle").as_string()); });
}

}  // namespace

Result<std::unique_ptr<SqlClient>> SqlClient::Connect(const io::Address& server, const std::map<std::string, std::string>& properties) {
  auto http = io::HttpClient::Create(server);
  FIRN_TRY(std::string session, OpenSession(*http, server, properties));
  return std::unique_ptr<SqlClient>(new SqlClient(server, std::move(http), properties, std::move(session)));
}

Status SqlClient::Reopen() {
  FIRN_TRY(std::string session, OpenSession(*http_, server_, properties_));
  base::MutexLock lock(mutex_);
  session_ = std::move(session);
  return Ok();
}

Status SqlClient::Execute(const std::string& statement, const ResultReceiver& receiver, NestedText nested) {
  return Understood(server_, [&] { return Run(statement, receiver, nested); });
}

Status SqlClient::Run(const std::string& statement, const ResultReceiver& receiver, NestedText nested) {
  const std::string base = SessionPath();
  FIRN_TRY(json::value submitted, Call(*http_, "POST", base + "/statements", json::serialize(json::object{{"statement", statement}})));
  const std::string operation = base + "/operations/" + std::string(submitted.at("operationHandle").as_string());
  std::string next = operation + "/result/0?rowFormat=" + (nested == NestedText::kJson ? "PLAIN_TEXT_JSON" : "PLAIN_TEXT");
  bool has_begun = false;
  ResultHead head;
  while (!next.empty()) {
    auto answer = Call(*http_, "GET", next);
    if (!answer.ok()) {
      Tell("DELETE", operation + "/close");  // cancels what runs; a session takes no more than so many operations
      return std::move(answer).error();
    }
    const json::object& page = answer->as_object();
    const bool is_ready = page.at("resultType").as_string() != "NOT_READY";
    if (is_ready && !has_begun) {
      head = HeadOf(page);
      receiver.begin(head);
      has_begun = true;
    }
    if (!receiver.rows(is_ready ? RowsOf(page, head.columns) : std::vector<PrintedRow>())) {
      FIRN_TRY(json::value cancelled, Call(*http_, "POST", operation + "/cancel", "{}"));
      break;
    }
    next = page.contains("nextResultUri") && page.at("nextResultUri").is_string() ? std::string(page.at("nextResultUri").as_string()) : std::string();
  }
  FIRN_TRY(json::value closed, Call(*http_, "DELETE", operation + "/close"));
  return Ok();
}

Result<std::string> SqlClient::Setting(const std::string& key) {
  FIRN_TRY(json::value answer, Call(*http_, "GET", SessionPath()));
  return Understood(server_, [&]() -> Result<std::string> {
    const json::object& properties = answer.at("properties").as_object();
    return properties.contains(key) ? std::string(properties.at(key).as_string()) : std::string();
  });
}

Result<std::vector<std::string>> SqlClient::Complete(const std::string& statement, int position) {
  FIRN_TRY(json::value answer, Call(*http_, "GET", SessionPath() + "/complete-statement",
                                    json::serialize(json::object{{"statement", statement}, {"position", position}})));
  return Understood(server_, [&]() -> Result<std::vector<std::string>> {
    std::vector<std::string> candidates;
    for (const json::value& candidate : answer.at("candidates").as_array()) candidates.emplace_back(candidate.as_string());
    return candidates;
  });
}

}  // namespace firn::cli
