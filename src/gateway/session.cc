// SPDX-License-Identifier: Apache-2.0
#include "gateway/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

#include "base/assert.h"
#include "base/mutex.h"
#include "base/utf8.h"
#include "exec/settings.h"
#include "expr/aggregate_function.h"
#include "expr/scalar_function.h"
#include "gateway/replan.h"
#include "gateway/statement_completion.h"
#include "plan/definitions.h"
#include "plan/expression_text.h"
#include "plan/session_config.h"
#include "sql/parser.h"
#include "sql/unparser.h"

namespace firn::gateway {

Result<plan::TableDefinitionPtr> SessionCatalog::FindTable(const plan::ObjectPath& path) const {
  auto found = temporary_.find(path);
  if (found != temporary_.end()) return found->second;
  auto table = catalogs_.FindTable(path);
  // Who has just produced to a topic looks for it here, and cannot know that a table must say how its records are to be read.
  if (table.ok() || table.error().code() != ErrorCode::kTableNotFound || topics_ == nullptr || !topics_->Find(path.name).ok()) return table;
  return std::move(table).error().Hint(fmt::format("topic '{}' is there, and a table says how to read it: CREATE TABLE {} (line STRING) WITH ('connector'='kafka', 'topic'='{}', "
                                                   "'scan.startup.mode'='earliest-offset', 'format'='raw'); or the fields of JSON records as columns, with 'format'='json'",
                                                   path.name, sql::ObjectName{{sql::Identifier{path.name, {}}}, {}}.ToString(), path.name));
}

Result<plan::TableDefinitionPtr> SessionCatalog::AsChosen(plan::TableDefinitionPtr table) const { return catalogs_.AsChosen(std::move(table)); }

namespace {

catalog::IfExists WhenThere(bool if_not_exists) { return if_not_exists ? catalog::IfExists::kIgnore : catalog::IfExists::kFail; }
catalog::IfMissing WhenMissing(bool if_exists) { return if_exists ? catalog::IfMissing::kIgnore : catalog::IfMissing::kFail; }

std::map<std::string, std::string> OptionMap(const std::vector<sql::Option>& options) {
  std::map<std::string, std::string> map;
  for (const sql::Option& option : options) map[option.key] = option.value;
  return map;
}

// SQL's LIKE over names: % and _. The last % alone is tried again where a match fails, so no pattern takes more than its length times the name's.
bool LikeMatches(std::string_view name, std::string_view pattern) {
  const auto character = [name](size_t place) { return std::max<size_t>(base::Utf8CharacterBytes(name.substr(place)), 1); };
  size_t at = 0, next = 0;
  size_t retried_from = std::string_view::npos, retried_at = 0;  // behind the last %, and where in the name it is tried
  while (at < name.size()) {
    if (next < pattern.size() && pattern[next] == '%') {
      retried_from = ++next;
      retried_at = at;
    } else if (next < pattern.size() && pattern[next] == '_') {
      at += character(at);
      ++next;
    } else if (next < pattern.size() && pattern[next] == name[at]) {
      ++at;
      ++next;
    } else if (retried_from != std::string_view::npos) {
      next = retried_from;
      at = retried_at += character(retried_at);
    } else {
      return false;
    }
  }
  FIRN_ASSERT(at == name.size() && next <= pattern.size(), "byte {} of a name of {}, {} of a pattern of {}", at, name.size(), next, pattern.size());
  return pattern.find_first_not_of('%', next) == std::string_view::npos;
}

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

/// Whether [NOT] LIKE or ILIKE lets a name through.
bool IsShown(const std::string& name, const sql::ShowStatement& show) {
  if (!show.like) return true;
  const bool matches = show.is_like_case_insensitive ? LikeMatches(Lower(name), Lower(*show.like)) : LikeMatches(name, *show.like);
  return matches != show.is_like_negated;
}

// In order, each name once: a temporary table hides one of the catalog.
StatementResult NamesResult(const std::string& column, std::vector<std::string> names, const sql::ShowStatement& show) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<std::vector<std::string>> rows;
  for (const std::string& name : names) {
    if (IsShown(name, show)) rows.push_back({name});
  }
  return TextResult({column}, rows);
}

// Scalar functions, aggregates and what tells grouping sets apart, by every name.
std::vector<std::string> FunctionNames() {
  std::vector<std::string> names = expr::FunctionRegistry::BuiltIn().Names();
  for (const auto* function : expr::AllAggregates()) names.insert(names.end(), function->names.begin(), function->names.end());
  for (const char* name : {"GROUPING", "GROUPING_ID", "GROUP_ID"}) names.emplace_back(name);  // the binder's own
  return names;
}

}  // namespace

// At the name that the error is about, if nobody has said where.
template <typename T>
Result<T> Placed(Result<T> result, base::SourceSpan span) {
  if (result.ok() || result.error().span()) return result;
  return std::move(result).error().At(span);
}

// An error in a text that was made from a statement, in the statement itself: what stands from `copied` on in the one is what stands from `original` on in the other.
Error MovedBack(Error error, uint32_t copied, uint32_t original, base::SourceSpan otherwise) {
  const base::SourceSpan span = error.span().value_or(base::SourceSpan{});
  const std::string label = error.label();
  if (!error.span() || span.begin < copied) return std::move(error).At(otherwise, label);
  return std::move(error).At({span.begin - copied + original, span.end - copied + original}, label);
}

// The statements of one session, one method a kind.
class StatementRunner {
 public:
  StatementRunner(SessionState& state, NodeServices& services, const std::string& text) : state_(state), services_(services), text_(text) {}

  Result<StatementResult> Run(const sql::Statement& statement) {
    FIRN_ASSERT(statement.span.end <= text_.size(), "a statement up to byte {} of {}", statement.span.end, text_.size());
    const bool is_of_set = std::holds_alternative<sql::InsertStatement>(statement.body) || std::holds_alternative<sql::EndStatementSet>(statement.body);
    if (state_.in_statement_set && !is_of_set) {  // what its INSERTs mean may not change before they are submitted
      return Error(ErrorCode::kSyntaxError, "only INSERT stands between BEGIN STATEMENT SET and END").At(statement.span).Hint(fmt::format("END submits the {} that the set has so far", state_.set_texts.size()));
    }
    return std::visit([this](const auto& body) { return Execute(body); }, statement.body);
  }

 private:
  plan::PlannerContext Context() const { return ContextOver(state_.view); }
  plan::PlannerContext ContextOver(const plan::CatalogView& view) const {
    return {view, services_.connectors, state_.catalog, state_.database, WithDefaults(state_.config, services_), services_.clock.WallTimeMs() * 1000};
  }
  exec::JobDefinition Definition(const std::string& name) const {
    auto configured = state_.config.find("pipeline.name");
    return {.name = configured == state_.config.end() ? name : configured->second, .statement = text_, .catalog = state_.catalog, .database = state_.database, .config = state_.config};
  }
  bool IsOn(const std::string& key) const { return exec::BooleanSetting(state_.config, key, false).value_or(false); }
  plan::ObjectPath PathOf(const sql::ObjectName& name) const { return plan::ResolvePath(name, Context()); }
  Result<plan::TableDefinitionPtr> FindTable(const sql::ObjectName& name) const { return Placed(state_.view.FindTable(PathOf(name)), name.span); }

  // --- queries and inserts ---

  Result<StatementResult> Execute(const sql::QueryStatement& statement) {
    FIRN_TRY(plan::JobPlan plan, plan::PlanQuery(*statement.query, Context()));
    StatementResult result;
    result.kind = ResultKind::kSuccessWithContent;
    result.is_query = true;
    result.is_streaming = !plan.is_batch;
    result.schema = plan.roots[0]->schema;
    exec::JobDefinition definition = Definition("collect");
    definition.is_durable = false;
    FIRN_TRY(exec::Engine::Query query, services_.engine.Run(std::move(plan), std::move(definition)));
    result.job_id = query.job_id;
    result.stream = std::move(query.results);
    return result;
  }

  Result<StatementResult> Submit(const std::vector<const sql::InsertStatement*>& inserts, const std::string& name) {
    const NotingCatalog noting(state_.view);
    FIRN_TRY(plan::JobPlan plan, plan::PlanInserts(inserts, ContextOver(noting)));
    exec::JobDefinition definition = Definition(name);
    definition.tables = noting.Definitions();
    definition.is_awaited = IsOn("table.dml-sync") || (plan.is_bounded && IsOn("firn.wait-for-bounded-jobs"));
    const bool is_awaited = definition.is_awaited;
    FIRN_TRY(std::string job_id, services_.engine.Submit(std::move(plan), std::move(definition)));
    StatementResult result = JobResult(job_id);
    if (is_awaited) result.awaited_job = job_id;
    return result;
  }

  Result<StatementResult> Execute(const sql::InsertStatement& insert) {
    if (state_.in_statement_set) {
      FIRN_ASSERT(insert.span.begin < insert.span.end && insert.span.end <= text_.size(), "an INSERT from byte {} to {} of {}", insert.span.begin, insert.span.end, text_.size());
      // Planned now as well, as Flink does: END comes later, and could only say in which statement the fault is.
      if (auto plan = plan::PlanInserts({&insert}, Context()); !plan.ok()) return std::move(plan).error();
      state_.set_texts.push_back(text_.substr(insert.span.begin, insert.span.end - insert.span.begin));  // without EXECUTE and the semicolon that some clients send
      return OkResult();
    }
    return Submit({&insert}, "insert-into_" + PathOf(insert.table).ToString());
  }

  Result<StatementResult> Execute(const sql::StatementSet& set) {
    std::vector<const sql::InsertStatement*> inserts;
    std::string name = "insert-into_";
    for (const sql::InsertStatement& insert : set.inserts) {
      name += (inserts.empty() ? "" : ",") + PathOf(insert.table).ToString();
      inserts.push_back(&insert);
    }
    return Submit(inserts, name);
  }

  Result<StatementResult> Execute(const sql::BeginStatementSet&) {
    state_.in_statement_set = true;
    state_.set_texts.clear();
    return OkResult();
  }

  Result<StatementResult> Execute(const sql::EndStatementSet&) {
    if (!state_.in_statement_set) return Error(ErrorCode::kSyntaxError, "END stands without BEGIN STATEMENT SET").Hint("BEGIN STATEMENT SET; INSERT INTO ...; END;");
    state_.in_statement_set = false;
    if (state_.set_texts.empty()) return Error(ErrorCode::kSyntaxError, "the statement set is empty").Hint("put INSERT statements between BEGIN STATEMENT SET and END");
    std::string text = "EXECUTE STATEMENT SET BEGIN ";
    std::vector<size_t> begins;
    for (const std::string& insert : state_.set_texts) {
      begins.push_back(text.size());
      text += insert + "; ";
    }
    text += "END";
    FIRN_TRY(sql::Statement statement, sql::ParseStatement(text));
    auto result = StatementRunner(state_, services_, text).Run(statement);
    if (result.ok() || !result.error().span()) return result;
    return InSet(std::move(result).error(), begins);
  }

  // What fails at END is in a statement before it, whose text the client does not show any more: the words and their INSERT are named instead.
  Error InSet(Error error, const std::vector<size_t>& begins) const {
    FIRN_ASSERT(error.span() && begins.size() == state_.set_texts.size(), "{} places of {} INSERTs", begins.size(), state_.set_texts.size());
    const auto behind = std::upper_bound(begins.begin(), begins.end(), error.span()->begin);
    if (behind == begins.begin()) return std::move(error).At({});
    const size_t index = static_cast<size_t>(behind - begins.begin()) - 1;
    std::string insert = state_.set_texts[index];
    std::replace(insert.begin(), insert.end(), '\n', ' ');
    const size_t at = std::min(error.span()->begin - begins[index], insert.size());
    const std::string words = base::Excerpt(std::string_view(insert).substr(at, error.span()->end - error.span()->begin));
    return std::move(error).At({}).Context(fmt::format("planning `{}` of statement {} of the set: {}", words, index + 1, base::Excerpt(insert)));
  }

  Result<StatementResult> Execute(const sql::ExplainStatement& explain) {
    Result<plan::JobPlan> plan = Error(ErrorCode::kNotSupported, "EXPLAIN takes a query, an INSERT or a statement set");
    if (const auto* query = std::get_if<sql::QueryStatement>(&explain.statement->body)) plan = plan::PlanQuery(*query->query, Context());
    if (const auto* insert = std::get_if<sql::InsertStatement>(&explain.statement->body)) plan = plan::PlanInserts({insert}, Context());
    if (const auto* set = std::get_if<sql::StatementSet>(&explain.statement->body)) {
      std::vector<const sql::InsertStatement*> inserts;
      for (const sql::InsertStatement& insert : set->inserts) inserts.push_back(&insert);
      plan = plan::PlanInserts(inserts, Context());
    }
    if (!plan.ok()) return std::move(plan).error();
    plan::ExplainDetail detail = plan::ExplainDetail::kPlain;
    for (const sql::ExplainMode mode : explain.modes) {
      if (mode != sql::ExplainMode::kChangelogMode) {
        return Error(ErrorCode::kNotSupported, fmt::format("EXPLAIN {} is not supported", sql::ExplainModeText(mode))).Hint("EXPLAIN shows the plan, EXPLAIN CHANGELOG_MODE also the kinds of changes that each step gives");
      }
      detail = plan::ExplainDetail::kChangelogMode;
    }
    FIRN_TRY(std::string text, plan::ExplainPlan(*plan, detail, services_.connectors));
    return TextResult({"result"}, {{std::move(text)}});
  }

  Result<StatementResult> Execute(const sql::StopJobStatement& stop) {
    if (stop.with_savepoint) {
      return Error(ErrorCode::kNotSupported, "STOP JOB ... WITH SAVEPOINT: there are no savepoints, from which another job could begin")
          .Hint(fmt::format("STOP JOB '{}'{} ends it after a last checkpoint, with all that it has written committed", stop.job, stop.with_drain ? " WITH DRAIN" : ""));
    }
    FIRN_RETURN_IF_ERROR(services_.engine.Stop(stop.job, stop.with_drain));
    return OkResult();
  }

  // --- catalogs, databases, tables ---

  Result<StatementResult> Execute(const sql::CreateCatalogStatement& create) {
    FIRN_RETURN_IF_ERROR(Placed(services_.catalogs.CreateCatalog({create.name.text, OptionMap(create.options), create.comment}, WhenThere(create.if_not_exists)), create.name.span));
    return OkResult();
  }
  Result<StatementResult> Execute(const sql::DropCatalogStatement& drop) {
    if (drop.name.text == state_.catalog && drop.name.text != catalog::kDefaultCatalog) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("catalog `{}` is this session's current one", drop.name.text)).At(drop.name.span).Hint(fmt::format("USE CATALOG {} first", catalog::kDefaultCatalog));
    }
    FIRN_RETURN_IF_ERROR(Placed(services_.catalogs.DropCatalog(drop.name.text, WhenMissing(drop.if_exists)), drop.name.span));
    return OkResult();
  }

  // `db` or `catalog`.`db`
  std::pair<std::string, std::string> DatabaseOf(const sql::ObjectName& name) const {
    if (name.parts.size() == 1) return {state_.catalog, name.parts[0].text};
    return {name.parts[0].text, name.parts[1].text};
  }
  Result<StatementResult> Execute(const sql::CreateDatabaseStatement& create) {
    const auto [catalog_name, database] = DatabaseOf(create.name);
    FIRN_RETURN_IF_ERROR(Placed(services_.catalogs.CreateDatabase(catalog_name, database, OptionMap(create.options), WhenThere(create.if_not_exists)), create.name.span));
    return OkResult();
  }
  Result<StatementResult> Execute(const sql::DropDatabaseStatement& drop) {
    const auto [catalog_name, database] = DatabaseOf(drop.name);
    if (catalog_name == state_.catalog && database == state_.database && services_.catalogs.HasDatabase(catalog_name, database).value_or(false)) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("database `{}` is this session's current one", database)).At(drop.name.span).Hint("USE another first");
    }
    const catalog::DropMode mode = drop.is_cascade ? catalog::DropMode::kCascade : catalog::DropMode::kRestrict;
    FIRN_RETURN_IF_ERROR(Placed(services_.catalogs.DropDatabase(catalog_name, database, WhenMissing(drop.if_exists), mode), drop.name.span));
    return OkResult();
  }

  Result<StatementResult> Create(plan::TableDefinition table, bool is_temporary, bool if_not_exists) {
    if (!is_temporary) {
      FIRN_RETURN_IF_ERROR(services_.catalogs.CreateTable(std::move(table), WhenThere(if_not_exists)));
      return OkResult();
    }
    auto& temporary = state_.view.temporary();
    if (temporary.contains(table.path)) {
      if (if_not_exists) return OkResult();
      return Error(ErrorCode::kObjectExists, fmt::format("temporary {} exists", table.path.ToString())).Hint("CREATE TEMPORARY ... IF NOT EXISTS, or DROP TEMPORARY it first");
    }
    const plan::ObjectPath path = table.path;
    temporary[path] = std::make_shared<const plan::TableDefinition>(std::move(table));
    return OkResult();
  }

  Result<StatementResult> Execute(const sql::CreateTableStatement& create) {
    FIRN_TRY(plan::TableDefinition table, plan::DefineTable(create, text_, Context()));
    // Options are checked now, while the statement that has them is at hand; some connectors only read, some only write.
    FIRN_RETURN_IF_ERROR(CheckConnector(table, create));
    if (create.or_replace && state_.view.FindTable(table.path).ok()) {
      return Error(ErrorCode::kNotSupported, fmt::format("replacing table {}, which exists, is not supported", table.path.ToString()))
          .At(create.name.span)
          .Hint("INSERT OVERWRITE replaces its rows; or DROP TABLE, then CREATE TABLE");
    }
    const bool fills = create.as_query != nullptr && !(create.if_not_exists && state_.view.FindTable(table.path).ok());  // what is there already stays as it is
    FIRN_TRY(StatementResult result, Placed(Create(table, create.is_temporary, create.if_not_exists), create.name.span));
    if (!fills) return result;
    // The query's columns go to those of their names, whatever the order; what the table has besides is NULL.
    FIRN_TRY(const types::Schema schema, plan::QuerySchema(*create.as_query, Context()));
    std::string columns;
    for (size_t i = 0; i < schema.size(); ++i) columns += (i == 0 ? "" : ", ") + plan::QuotedIdentifier(schema.field(i).name);
    const uint32_t as = create.as_query->span.begin;
    const std::string head = fmt::format("INSERT INTO {} ({}) ", table.path.ToString(), columns);
    const std::string insert_text = head + text_.substr(as);
    FIRN_TRY(sql::Statement insert, sql::ParseStatement(insert_text));
    auto filled = StatementRunner(state_, services_, insert_text).Run(insert);
    if (filled.ok()) return filled;
    // As in Flink, the table has been made.
    return MovedBack(std::move(filled).error(), static_cast<uint32_t>(head.size()), as, create.name.span).Context(fmt::format("filling {}, which is there now", table.path.ToString()));
  }
  Status CheckConnector(const plan::TableDefinition& table, const sql::CreateTableStatement& create) const {
    if (table.connector.empty() || table.connector == "iceberg") return Ok();
    const auto named = std::find_if(create.options.begin(), create.options.end(), [](const sql::Option& option) { return option.key == "connector"; });
    FIRN_RETURN_IF_ERROR(Placed(services_.connectors.Find(table.connector), named == create.options.end() ? create.name.span : named->span));
    return Ok();
  }

  Result<StatementResult> Execute(const sql::CreateViewStatement& create) {
    FIRN_TRY(plan::TableDefinition view, plan::DefineView(create, Context()));
    if (create.or_replace) {
      const auto there = services_.catalogs.FindTable(view.path);
      if (!create.is_temporary && there.ok() && (*there)->kind != plan::TableKind::kView) return Error(ErrorCode::kObjectExists, fmt::format("{} is a table", view.path.ToString())).At(create.name.span).Hint("give the view another name");
      if (create.is_temporary) state_.view.temporary().erase(view.path);
      if (there.ok() && !create.is_temporary) {
        FIRN_RETURN_IF_ERROR(services_.catalogs.AlterTable(view));
        return OkResult();
      }
    }
    return Placed(Create(std::move(view), create.is_temporary, create.if_not_exists), create.name.span);
  }

  Result<StatementResult> Execute(const sql::DropTableStatement& drop) {
    const plan::ObjectPath path = PathOf(drop.name);
    auto& temporary = state_.view.temporary();
    if (const auto found = temporary.find(path); found != temporary.end()) {
      const bool is_view = found->second->kind == plan::TableKind::kView;
      if (is_view != drop.is_view) {
        return Error(ErrorCode::kInvalidArgument, fmt::format("temporary {} is a {}", path.ToString(), is_view ? "view" : "table")).At(drop.name.span).Hint(fmt::format("DROP TEMPORARY {} {}", is_view ? "VIEW" : "TABLE", drop.name.ToString()));
      }
      temporary.erase(found);
      return OkResult();
    }
    if (drop.is_temporary) {
      if (drop.if_exists) return OkResult();
      return Error(ErrorCode::kTableNotFound, fmt::format("there is no temporary {} {}", drop.is_view ? "view" : "table", path.ToString())).At(drop.name.span).Hint("without TEMPORARY the one in the catalog is dropped");
    }
    FIRN_RETURN_IF_ERROR(Placed(services_.catalogs.DropTable(path, drop.is_view ? plan::TableKind::kView : plan::TableKind::kTable, WhenMissing(drop.if_exists)), drop.name.span));
    return OkResult();
  }

  Result<StatementResult> Execute(const sql::AlterTableStatement& alter) {
    const plan::ObjectPath path = PathOf(alter.name);
    auto table = FindTable(alter.name);
    const bool is_missing = !table.ok() && (table.error().code() == ErrorCode::kTableNotFound || table.error().code() == ErrorCode::kDatabaseNotFound);
    if (is_missing && alter.if_exists) return OkResult();
    if (!table.ok()) return std::move(table).error();
    FIRN_RETURN_IF_ERROR(RequireStored(**table, alter.name));
    if (alter.is_view) FIRN_RETURN_IF_ERROR(RequireView(**table, alter.name));
    if (const auto* rename = std::get_if<sql::AlterTableRename>(&alter.action)) {
      if (const plan::ObjectPath to = PathOf(rename->to); rename->to.parts.size() > 1 && (to.catalog != path.catalog || to.database != path.database)) {
        return Error(ErrorCode::kNotSupported, fmt::format("{} cannot move to database {}.{}", path.ToString(), to.catalog, to.database)).At(rename->to.span).Hint("RENAME TO a name alone; CREATE TABLE ... AS SELECT * FROM it copies it elsewhere");
      }
      FIRN_RETURN_IF_ERROR(Placed(services_.catalogs.RenameTable(path, rename->to.parts.back().text), rename->to.span));
      return OkResult();
    }
    FIRN_TRY(plan::TableDefinition changed, plan::ApplyAlter(**table, alter, text_, Context()));
    FIRN_RETURN_IF_ERROR(Placed(services_.catalogs.AlterTable(changed), alter.name.span));
    return OkResult();
  }
  // A temporary table is the session's and has one definition as long as it lives, as in Flink.
  Status RequireStored(const plan::TableDefinition& table, const sql::ObjectName& name) {
    if (!state_.view.temporary().contains(table.path)) return Ok();
    return Error(ErrorCode::kNotSupported, fmt::format("{} is temporary and cannot be altered", table.path.ToString())).At(name.span).Hint("DROP TEMPORARY and CREATE TEMPORARY it anew");
  }
  static Status RequireView(const plan::TableDefinition& table, const sql::ObjectName& name) {
    if (table.kind == plan::TableKind::kView) return Ok();
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} is a table", table.path.ToString())).At(name.span).Hint("ALTER TABLE alters it");
  }
  Result<StatementResult> Execute(const sql::AlterViewAsStatement& alter) {
    FIRN_TRY(plan::TableDefinitionPtr view, FindTable(alter.name));
    FIRN_RETURN_IF_ERROR(RequireStored(*view, alter.name));
    FIRN_RETURN_IF_ERROR(RequireView(*view, alter.name));
    FIRN_TRY(plan::TableDefinition changed, plan::RedefineView(*view, alter, Context()));
    FIRN_RETURN_IF_ERROR(Placed(services_.catalogs.AlterTable(changed), alter.name.span));
    return OkResult();
  }

  // --- the session ---

  Result<StatementResult> Execute(const sql::UseStatement& use) {
    if (use.is_catalog) {
      const std::string& name = use.name.parts[0].text;
      FIRN_TRY(const std::vector<std::string> databases, Placed(services_.catalogs.ListDatabases(name), use.name.span));
      const bool has_default = databases.empty() || std::find(databases.begin(), databases.end(), catalog::kDefaultDatabase) != databases.end();
      state_.catalog = name;
      state_.database = has_default ? catalog::kDefaultDatabase : databases[0];
      return OkResult();
    }
    const auto [catalog_name, database] = DatabaseOf(use.name);
    // The system's is found from any catalog, though none lists it.
    const bool is_system = database == catalog::kSystemDatabase && services_.catalogs.FindCatalog(catalog_name).ok();
    if (!is_system) FIRN_RETURN_IF_ERROR(Placed(services_.catalogs.RequireDatabase(catalog_name, database), use.name.span));
    state_.catalog = catalog_name;
    state_.database = database;
    return OkResult();
  }

  static Status CheckConfig(const std::map<std::string, std::string>& config) {
    FIRN_RETURN_IF_ERROR(plan::ParseSessionConfig(config));
    FIRN_RETURN_IF_ERROR(exec::BooleanSetting(config, "table.dml-sync", false));
    return exec::CheckSettings(config);
  }
  Result<StatementResult> Execute(const sql::SetStatement& set) {
    if (set.key) {
      auto changed = state_.config;
      changed[*set.key] = set.value;
      // A value that no query could run under is refused now, and by itself; one that came with the session is not this statement's fault.
      Status checked = CheckConfig(changed);
      if (!checked.ok() && CheckConfig(state_.config).ok()) return std::move(checked).error();
      state_.config = std::move(changed);
      return OkResult();
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, value] : state_.config) rows.push_back({key, value});
    return TextResult({"key", "value"}, rows);
  }
  Result<StatementResult> Execute(const sql::ResetStatement& reset) {
    if (!reset.key) {
      state_.config = state_.opened_with;
      return OkResult();
    }
    const auto opened = state_.opened_with.find(*reset.key);
    if (opened == state_.opened_with.end()) {
      state_.config.erase(*reset.key);
    } else {
      state_.config[*reset.key] = opened->second;
    }
    return OkResult();
  }

  // --- looking ---

  Result<StatementResult> Execute(const sql::ShowStatement& show) {
    const auto& catalogs = services_.catalogs;
    const auto [catalog_name, database] = show.name.parts.empty() ? std::make_pair(state_.catalog, state_.database) : DatabaseOf(show.name);
    std::vector<std::string> names;
    switch (show.kind) {
      case sql::ShowKind::kCatalogs:
        for (const auto& info : catalogs.ListCatalogs()) names.push_back(info.name);
        return NamesResult("catalog name", std::move(names), show);
      case sql::ShowKind::kDatabases: {
        FIRN_TRY(names, catalogs.ListDatabases(show.name.parts.empty() ? state_.catalog : show.name.parts[0].text));
        return NamesResult("database name", std::move(names), show);
      }
      case sql::ShowKind::kTables: {
        FIRN_TRY(names, catalogs.ListTables(catalog_name, database));
        for (const auto& [path, table] : state_.view.temporary()) {
          if (path.catalog == catalog_name && path.database == database) names.push_back(path.name);
        }
        return NamesResult("table name", std::move(names), show);
      }
      case sql::ShowKind::kViews: {
        FIRN_TRY(names, catalogs.ListViews(catalog_name, database));
        for (const auto& [path, table] : state_.view.temporary()) {
          if (path.catalog == catalog_name && path.database == database && table->kind == plan::TableKind::kView) names.push_back(path.name);
        }
        return NamesResult("view name", std::move(names), show);
      }
      case sql::ShowKind::kFunctions:
        return NamesResult("function name", show.is_user_only ? std::vector<std::string>() : FunctionNames(), show);  // all are built in
      case sql::ShowKind::kCurrentCatalog: return TextResult({"current catalog name"}, {{state_.catalog}});
      case sql::ShowKind::kCurrentDatabase: return TextResult({"current database name"}, {{state_.database}});
      case sql::ShowKind::kCreateTable:
      case sql::ShowKind::kCreateView: {
        FIRN_TRY(plan::TableDefinitionPtr table, FindTable(show.name));
        const bool is_view = table->kind == plan::TableKind::kView;
        if (is_view != (show.kind == sql::ShowKind::kCreateView)) {
          return Error(ErrorCode::kInvalidArgument, fmt::format("{} is a {}", table->path.ToString(), is_view ? "view" : "table")).At(show.name.span).Hint(fmt::format("SHOW CREATE {} {}", is_view ? "VIEW" : "TABLE", show.name.ToString()));
        }
        return TextResult({"result"}, {{plan::ShowCreate(*table)}});
      }
      case sql::ShowKind::kColumns: return Describe(show.name, show);
      case sql::ShowKind::kJobs: return JobsResult(services_.engine.Jobs());
      case sql::ShowKind::kCreateCatalog: return Error(ErrorCode::kNotSupported, "SHOW CREATE CATALOG is not supported").Hint(fmt::format("DESCRIBE CATALOG {} lists its options", show.name.ToString()));
      case sql::ShowKind::kPartitions: return Error(ErrorCode::kNotSupported, "SHOW PARTITIONS is not supported").Hint(fmt::format("SELECT * FROM {}$partitions, of an Iceberg table", show.name.ToString()));
      case sql::ShowKind::kModules: return Error(ErrorCode::kNotSupported, "SHOW MODULES is not supported").Hint("functions are built in: SHOW FUNCTIONS");
    }
    FIRN_UNREACHABLE("SHOW {}", static_cast<int>(show.kind));
  }

  static StatementResult JobsResult(const std::vector<exec::JobStatus>& jobs) {
    std::vector<std::vector<std::string>> rows;
    std::vector<int64_t> times_ms;
    for (const exec::JobStatus& job : jobs) {
      rows.push_back({job.id, job.definition.name, exec::JobStateText(job.state)});
      times_ms.push_back(job.start_ms);
    }
    StatementResult result = TextResult({"job id", "job name", "status"}, rows);
    AddInstants("start time", times_ms, &result);
    return result;
  }

  /// The columns whose names `filter` lets through; their comments too if one has any, as in Flink.
  Result<StatementResult> Describe(const sql::ObjectName& name, const sql::ShowStatement& filter) {
    FIRN_TRY(plan::TableDefinitionPtr table, FindTable(name));
    const std::vector<plan::ColumnDescription> columns = plan::DescribeTable(*table);
    const bool has_comments = std::any_of(columns.begin(), columns.end(), [](const plan::ColumnDescription& column) { return !column.comment.empty(); });
    std::vector<std::string> names = {"name", "type", "null", "key", "extras", "watermark"};
    if (has_comments) names.push_back("comment");
    std::vector<std::vector<std::string>> rows;
    for (const plan::ColumnDescription& column : columns) {
      if (!IsShown(column.name, filter)) continue;
      rows.push_back({column.name, column.type, column.is_nullable ? "TRUE" : "FALSE", column.key, column.extras, column.watermark});
      if (has_comments) rows.back().push_back(column.comment);
    }
    return TextResult(names, rows, Empty::kNull);
  }

  Result<StatementResult> Execute(const sql::DescribeStatement& describe) {
    if (describe.kind == sql::DescribeKind::kTable) return Describe(describe.name, {});
    if (describe.kind == sql::DescribeKind::kJob) {
      FIRN_TRY(const exec::JobStatus job, services_.engine.Job(describe.job));
      return JobsResult({job});
    }
    if (describe.kind == sql::DescribeKind::kCatalog) {
      FIRN_TRY(catalog::CatalogInfo info, Placed(services_.catalogs.FindCatalog(describe.name.parts[0].text), describe.name.span));
      std::vector<std::vector<std::string>> rows = {{"name", info.name}, {"comment", info.comment}};
      for (const auto& [key, value] : info.options) rows.push_back({"option:" + key, value});
      return TextResult({"info name", "info value"}, rows);
    }
    const char* const what = describe.kind == sql::DescribeKind::kDatabase ? "DATABASE" : "FUNCTION";
    return Error(ErrorCode::kNotSupported, fmt::format("DESCRIBE {} is not supported", what)).At(describe.name.span).Hint("DESCRIBE t, DESCRIBE CATALOG c, SHOW DATABASES, SHOW FUNCTIONS");
  }

  SessionState& state_;
  NodeServices& services_;
  const std::string text_;
};

Session::Session(NodeServices& services, std::map<std::string, std::string> properties)
    : services_(services), state_{.config = std::move(properties), .opened_with = {}, .catalog = catalog::kDefaultCatalog, .database = catalog::kDefaultDatabase, .view = SessionCatalog(services), .in_statement_set = false, .set_texts = {}} {
  for (const auto& [key, value] : state_.config) {
    if (key.starts_with("firn.")) state_.opened_with.emplace(key, value);
  }
}

Result<StatementResult> Session::Execute(const std::string& text, const std::map<std::string, std::string>& settings) {
  base::MutexLock lock(mutex_);
  FIRN_TRY(sql::Statement statement, sql::ParseStatement(text));
  const bool is_set = std::holds_alternative<sql::SetStatement>(statement.body) || std::holds_alternative<sql::ResetStatement>(statement.body);
  if (settings.empty() || is_set) return StatementRunner(state_, services_, text).Run(statement);
  const std::map<std::string, std::string> own = state_.config;
  for (const auto& [key, value] : settings) state_.config[key] = value;
  auto result = StatementRunner(state_, services_, text).Run(statement);
  state_.config = own;
  return result;
}

Status Session::Configure(const std::string& text) {
  FIRN_TRY(const sql::Statement statement, sql::ParseStatement(text));
  const bool configures = std::visit(
      [](const auto& body) {
        using Body = std::decay_t<decltype(body)>;
        const bool gives_rows = std::is_same_v<Body, sql::QueryStatement> || std::is_same_v<Body, sql::ShowStatement> || std::is_same_v<Body, sql::DescribeStatement> ||
                                std::is_same_v<Body, sql::ExplainStatement>;
        const bool is_about_jobs = std::is_same_v<Body, sql::InsertStatement> || std::is_same_v<Body, sql::StatementSet> || std::is_same_v<Body, sql::BeginStatementSet> ||
                                   std::is_same_v<Body, sql::EndStatementSet> || std::is_same_v<Body, sql::StopJobStatement>;
        return !gives_rows && !is_about_jobs;
      },
      statement.body);
  if (!configures) {
    return Error(ErrorCode::kNotSupported, "this statement cannot configure a session").At(statement.span).Hint("SET, RESET, USE, CREATE, ALTER and DROP can; any other goes to .../statements");
  }
  auto result = Execute(text);
  return result.ok() ? Ok() : Status(std::move(result).error());
}

std::vector<std::string> Session::Complete(const std::string& text, size_t position) const {
  using Names = std::vector<std::string>;
  base::MutexLock lock(mutex_);
  NameSource names{.catalog = state_.catalog, .database = state_.database};
  names.catalogs = [this] {
    Names found;
    for (const catalog::CatalogInfo& info : services_.catalogs.ListCatalogs()) found.push_back(info.name);
    return found;
  };
  names.databases = [this](const std::string& in) { return services_.catalogs.ListDatabases(in).value_or({}); };
  names.tables = [this](const std::string& in, const std::string& database) FIRN_REQUIRES(mutex_) {
    Names found = services_.catalogs.ListTables(in, database).value_or({});
    for (const auto& [path, table] : state_.view.temporary()) {
      if (path.catalog == in && path.database == database) found.push_back(path.name);
    }
    return found;
  };
  names.columns = [this](const Names& parts) FIRN_REQUIRES(mutex_) {
    const plan::ObjectPath path{parts.size() > 2 ? parts[0] : state_.catalog, parts.size() > 1 ? parts[parts.size() - 2] : state_.database, parts.back()};
    const auto table = state_.view.FindTable(path);
    Names found;
    if (!table.ok()) return found;
    for (const plan::TableColumn& column : (*table)->columns) found.push_back(column.name);
    return found;
  };
  names.functions = [] {
    Names found;
    for (const std::string& name : FunctionNames()) {
      if (!name.empty() && name[0] >= 'A' && name[0] <= 'Z' && name.find(' ') == std::string::npos) found.push_back(name);  // operators are not completed
    }
    return found;
  };
  return CompleteStatement(text, position, names);
}

std::map<std::string, std::string> Session::properties() const {
  base::MutexLock lock(mutex_);
  return state_.config;
}

std::string Session::time_zone() const {
  base::MutexLock lock(mutex_);
  auto found = state_.config.find("table.local-time-zone");
  return found == state_.config.end() ? "UTC" : found->second;
}

}  // namespace firn::gateway
