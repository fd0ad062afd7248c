// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/assert.h"
#include "sql/parser_internal.h"

namespace firn::sql {

Result<Statement> Parser::ParseWholeStatement() {
  Statement statement;
  const uint32_t begin = Current().span.begin;
  FIRN_TRY(statement.body, ParseBody());
  FIRN_ASSERT(depth_ == 0, "{} levels of nesting are left open", depth_);
  statement.span = SpanFrom(begin);
  FIRN_RETURN_IF_ERROR(ExpectEnd());
  return statement;
}

Result<StatementBody> Parser::ParseBody() {
  if (AtQuery() || AtSymbol("(")) {
    QueryStatement query;
    FIRN_TRY(query.query, ParseQueryExpression());
    return StatementBody(std::move(query));
  }
  if (AtWord("CREATE")) return ParseCreate();
  if (AtWord("DROP")) return ParseDrop();
  if (AtWord("ALTER")) return ParseAlter();
  if (AtWords({"EXECUTE", "STATEMENT", "SET"}) || AtWords({"BEGIN", "STATEMENT", "SET"})) return ParseStatementSet();
  if (TakeWord("END")) return StatementBody(EndStatementSet{});
  if (AtWord("EXECUTE") && (AtWord("INSERT", 1) || AtWord("SELECT", 1))) {
    Advance();
    return ParseBody();
  }
  if (AtWord("INSERT")) {
    FIRN_TRY(InsertStatement insert, ParseInsert());
    return StatementBody(std::move(insert));
  }
  if (AtWord("SHOW")) return ParseShow();
  if (AtWord("DESCRIBE") || AtWord("DESC")) return ParseDescribe();
  if (AtWord("EXPLAIN")) return ParseExplain();
  if (AtWord("USE")) return ParseUse();
  if (AtWord("SET")) return ParseSet();
  if (AtWord("RESET")) return ParseReset();
  if (AtWord("STOP")) return ParseStop();
  FIRN_RETURN_IF_ERROR(RefuseByName());
  return Unexpected("a statement (SELECT, INSERT, CREATE, SHOW, ...)");
}

// Statements of Flink that firn knows and does not have.
Status Parser::RefuseByName() {
  struct Known {
    std::initializer_list<std::string_view> words;
    const char* name;
    const char* hint;
  };
  static const Known kStatements[] = {
      {{"UPDATE"}, "UPDATE", "INSERT INTO a table with a primary key and 'write.upsert.enabled'='true' replaces rows by key"},
      {{"DELETE"}, "DELETE", "INSERT OVERWRITE t SELECT * FROM t WHERE ... keeps the others"},
      {{"TRUNCATE"}, "TRUNCATE TABLE", "DROP TABLE, then CREATE TABLE"},
      {{"LOAD"}, "LOAD MODULE", "functions are built in: SHOW FUNCTIONS"},
      {{"UNLOAD"}, "UNLOAD MODULE", "functions are built in: SHOW FUNCTIONS"},
      {{"ANALYZE"}, "ANALYZE TABLE", "statistics are kept with the data"},
      {{"ADD", "JAR"}, "ADD JAR", "firn runs no Java code; connectors and functions are built in: SHOW FUNCTIONS"},
      {{"REMOVE", "JAR"}, "REMOVE JAR", "firn runs no Java code"},
      {{"COMPILE"}, "COMPILE PLAN", "jobs are planned anew from their text and find their state by name"},
      {{"EXECUTE", "PLAN"}, "EXECUTE PLAN", "submit the INSERT itself"},
      {{"MERGE"}, "MERGE", "INSERT INTO a table with a primary key and 'write.upsert.enabled'='true' replaces rows by key"},
      {{"REPLACE"}, "REPLACE TABLE", "DROP TABLE, then CREATE TABLE ... AS"}};
  for (const Known& known : kStatements) {
    if (AtWords(known.words)) return Unsupported(Current().span, fmt::format("{} is not supported", known.name), known.hint);
  }
  if (!AtWord("CALL")) return Ok();
  const SourceSpan span = Current().span;
  Advance();
  FIRN_TRY(const ObjectName procedure, ParseObjectName("a procedure"));
  return Unsupported(span, fmt::format("CALL {} is not supported", procedure.ToString()),
                     "tables are maintained by other engines over the same warehouse, such as Spark or PyIceberg");
}

Result<InsertStatement> Parser::ParseInsert() {
  InsertStatement insert;
  const uint32_t begin = Current().span.begin;
  FIRN_RETURN_IF_ERROR(ExpectWord("INSERT"));
  if (TakeWord("OVERWRITE")) {
    insert.is_overwrite = true;
  } else {
    FIRN_RETURN_IF_ERROR(ExpectWord("INTO"));
  }
  TakeWord("TABLE");
  FIRN_TRY(insert.table, ParseObjectName("a table"));
  FIRN_TRY(insert.hints, ParseHints());
  if (TakeWord("PARTITION")) {
    FIRN_RETURN_IF_ERROR(ExpectSymbol("("));
    do {
      PartitionAssignment assignment;
      FIRN_TRY(assignment.column, ParseIdentifier("a partition column"));
      if (TakeSymbol("=")) {
        FIRN_TRY(assignment.value, ParseValue());
      }
      insert.partition.push_back(std::move(assignment));
    } while (TakeSymbol(","));
    FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  }
  if (AtSymbol("(") && !AtQuery()) {
    FIRN_TRY(insert.columns, ParseIdentifierList("a column"));
  }
  FIRN_TRY(insert.query, ParseQueryExpression());
  if (AtWords({"ON", "CONFLICT"})) return Unsupported(Current().span, "ON CONFLICT is not supported", "a table with a primary key in upsert mode keeps the last row of a key");
  insert.span = SpanFrom(begin);
  return insert;
}

Result<StatementBody> Parser::ParseStatementSet() {
  if (TakeWords({"BEGIN", "STATEMENT", "SET"})) return StatementBody(BeginStatementSet{});
  TakeWords({"EXECUTE", "STATEMENT", "SET"});
  FIRN_TRY(StatementSet set, ParseStatementSetBlock());
  return StatementBody(std::move(set));
}

// BEGIN INSERT ...; INSERT ...; END
Result<StatementSet> Parser::ParseStatementSetBlock() {
  StatementSet set;
  FIRN_RETURN_IF_ERROR(ExpectWord("BEGIN"));
  while (!AtWord("END")) {
    if (!AtWord("INSERT")) return Unexpected("INSERT or END");
    FIRN_TRY(InsertStatement insert, ParseInsert());
    set.inserts.push_back(std::move(insert));
    FIRN_RETURN_IF_ERROR(ExpectSymbol(";"));
  }
  if (set.inserts.empty()) return Unexpected("INSERT");
  FIRN_ASSERT(AtWord("END"), "{} inserts and no END", set.inserts.size());
  Advance();
  return set;
}

Result<StatementBody> Parser::ParseShow() {
  Advance();
  ShowStatement show;
  struct Form {
    std::initializer_list<std::string_view> words;
    ShowKind kind;
    bool takes_name;
  };
  static const Form kForms[] = {{{"CREATE", "TABLE"}, ShowKind::kCreateTable, true},
                                {{"CREATE", "VIEW"}, ShowKind::kCreateView, true},
                                {{"CREATE", "CATALOG"}, ShowKind::kCreateCatalog, true},
                                {{"CURRENT", "CATALOG"}, ShowKind::kCurrentCatalog, false},
                                {{"CURRENT", "DATABASE"}, ShowKind::kCurrentDatabase, false},
                                {{"CATALOGS"}, ShowKind::kCatalogs, false},
                                {{"DATABASES"}, ShowKind::kDatabases, false},
                                {{"TABLES"}, ShowKind::kTables, false},
                                {{"VIEWS"}, ShowKind::kViews, false},
                                {{"COLUMNS"}, ShowKind::kColumns, false},
                                {{"FUNCTIONS"}, ShowKind::kFunctions, false},
                                {{"JOBS"}, ShowKind::kJobs, false},
                                {{"PARTITIONS"}, ShowKind::kPartitions, true},
                                {{"MODULES"}, ShowKind::kModules, false}};
  if (TakeWord("USER")) show.is_user_only = true;
  TakeWord("FULL");
  const Form* form = nullptr;
  for (const Form& candidate : kForms) {
    if (form == nullptr && TakeWords(candidate.words)) form = &candidate;
  }
  if (form == nullptr) {
    if (Current().kind == TokenKind::kWord && AtEnd() == false && (AtWord("JARS") || AtWord("PROCEDURES") || AtWord("MODELS") || AtWord("CONNECTIONS") || AtWord("MATERIALIZED"))) {
      return Unsupported(Current().span, fmt::format("SHOW {} is not supported", Current().upper), "SHOW TABLES, VIEWS, FUNCTIONS, JOBS, CATALOGS, DATABASES");
    }
    const bool is_create = AtWord("CREATE");
    if (is_create || AtWord("CURRENT")) {
      Advance();
      return Unexpected(is_create ? "TABLE or VIEW" : "CATALOG or DATABASE");
    }
    const auto near = base::NearNames(Current().upper, {"CATALOGS", "DATABASES", "TABLES", "VIEWS", "COLUMNS", "FUNCTIONS", "JOBS"});
    Error error = Unexpected("CATALOGS, DATABASES, TABLES, VIEWS, COLUMNS, FUNCTIONS, JOBS, CURRENT ... or CREATE ...");
    return near.empty() ? error : std::move(error).Hint(fmt::format("did you mean SHOW {}?", near[0])).Candidates(near);
  }
  show.kind = form->kind;
  if (form->takes_name || TakeWord("FROM") || TakeWord("IN")) {
    const bool is_table = form->kind == ShowKind::kCreateTable || form->kind == ShowKind::kCreateView || form->kind == ShowKind::kColumns || form->kind == ShowKind::kPartitions;
    const bool is_catalog = form->kind == ShowKind::kCreateCatalog || form->kind == ShowKind::kDatabases;
    FIRN_TRY(show.name, ParseObjectName(is_catalog ? "a catalog's name" : "a name", is_table ? kTableNameParts : is_catalog ? 1 : kDatabaseNameParts));
  }
  show.is_like_negated = TakeWord("NOT");
  if (AtWord("LIKE") || AtWord("ILIKE")) {
    show.is_like_case_insensitive = AtWord("ILIKE");
    Advance();
    FIRN_TRY(std::string pattern, ParseString("a pattern in quotes"));
    show.like = std::move(pattern);
  } else if (show.is_like_negated) {
    return Unexpected("LIKE");
  }
  return StatementBody(std::move(show));
}

Result<StatementBody> Parser::ParseDescribe() {
  Advance();
  DescribeStatement describe;
  static constexpr std::pair<const char*, DescribeKind> kKinds[] = {{"CATALOG", DescribeKind::kCatalog},
                                                                    {"DATABASE", DescribeKind::kDatabase},
                                                                    {"FUNCTION", DescribeKind::kFunction},
                                                                    {"JOB", DescribeKind::kJob}};
  for (const auto& [word, kind] : kKinds) {
    const bool is_keyword = AtWord(word) && (AtIdentifier(1) || Ahead(1).kind == TokenKind::kString || AtWord("EXTENDED", 1));
    if (!is_keyword) continue;
    Advance();
    describe.kind = kind;
    break;
  }
  describe.is_extended = TakeWord("EXTENDED");
  if (describe.kind == DescribeKind::kJob) {
    FIRN_TRY(describe.job, ParseString("a job's id in quotes"));
  } else {
    const bool is_catalog = describe.kind == DescribeKind::kCatalog;
    FIRN_TRY(describe.name, ParseObjectName(is_catalog ? "a catalog's name" : "a name", is_catalog ? 1 : kTableNameParts));
  }
  return StatementBody(std::move(describe));
}

Result<StatementBody> Parser::ParseExplain() {
  Advance();
  ExplainStatement explain;
  static constexpr std::pair<const char*, ExplainMode> kModes[] = {{"CHANGELOG_MODE", ExplainMode::kChangelogMode},
                                                                   {"ESTIMATED_COST", ExplainMode::kEstimatedCost},
                                                                   {"JSON_EXECUTION_PLAN", ExplainMode::kJson},
                                                                   {"PLAN_ADVICE", ExplainMode::kPlanAdvice}};
  if (!TakeWords({"PLAN", "FOR"})) {
    bool is_listed = false;
    do {
      const size_t before = explain.modes.size();
      for (const auto& [word, mode] : kModes) {
        if (explain.modes.size() == before && TakeWord(word)) explain.modes.push_back(mode);
      }
      if (explain.modes.size() == before && is_listed) return Unexpected("CHANGELOG_MODE, ESTIMATED_COST, JSON_EXECUTION_PLAN or PLAN_ADVICE");
      is_listed = TakeSymbol(",");
    } while (is_listed);
  }
  const uint32_t begin = Current().span.begin;
  if (TakeWords({"STATEMENT", "SET"})) {
    FIRN_TRY(StatementSet set, ParseStatementSetBlock());
    explain.statement = std::make_unique<Statement>(Statement{SpanFrom(begin), std::move(set)});
    return StatementBody(std::move(explain));
  }
  if (!AtQuery() && !AtSymbol("(") && !AtWord("INSERT") && !AtWord("EXECUTE")) return Unexpected("a query, INSERT or STATEMENT SET");
  FIRN_TRY(StatementBody body, ParseBody());
  explain.statement = std::make_unique<Statement>(Statement{SpanFrom(begin), std::move(body)});
  return StatementBody(std::move(explain));
}

Result<StatementBody> Parser::ParseUse() {
  Advance();
  UseStatement use;
  if (AtWord("MODULES")) return Unsupported(Current().span, "USE MODULES is not supported", "functions are built in: SHOW FUNCTIONS");
  use.is_catalog = AtWord("CATALOG") && AtIdentifier(1);
  if (use.is_catalog) Advance();
  FIRN_TRY(use.name, ParseObjectName(use.is_catalog ? "a catalog" : "a database", use.is_catalog ? 1 : kDatabaseNameParts));
  return StatementBody(std::move(use));
}

Result<StatementBody> Parser::ParseSet() {
  Advance();
  SetStatement set;
  if (AtEnd() || AtSymbol(";")) return StatementBody(std::move(set));
  auto key = ParseString("a key in quotes (SET 'key' = 'value')");
  if (!key.ok()) return std::move(key).error().Hint("keys and values are texts: SET 'execution.runtime-mode' = 'batch'").Candidates({});
  FIRN_RETURN_IF_ERROR(ExpectSymbol("="));
  FIRN_TRY(set.value, ParseString("a value in quotes (SET 'key' = 'value')"));
  set.key = *std::move(key);
  return StatementBody(std::move(set));
}

Result<StatementBody> Parser::ParseReset() {
  Advance();
  ResetStatement reset;
  if (AtEnd() || AtSymbol(";")) return StatementBody(std::move(reset));
  FIRN_TRY(std::string key, ParseString("a key in quotes"));
  reset.key = std::move(key);
  return StatementBody(std::move(reset));
}

Result<StatementBody> Parser::ParseStop() {
  Advance();
  FIRN_RETURN_IF_ERROR(ExpectWord("JOB"));
  StopJobStatement stop;
  FIRN_TRY(stop.job, ParseString("a job's id in quotes"));
  while (TakeWord("WITH")) {
    if (TakeWord("SAVEPOINT")) {
      stop.with_savepoint = true;
    } else {
      FIRN_RETURN_IF_ERROR(ExpectWord("DRAIN"));
      stop.with_drain = true;
    }
  }
  return StatementBody(std::move(stop));
}

}  // namespace firn::sql
