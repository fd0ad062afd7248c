// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/assert.h"
#include "sql/unparser_internal.h"

namespace firn::sql {

void Unparser::Write(const Statement& statement) {
  std::visit([this](const auto& body) { WriteBody(body); }, statement.body);
}

void Unparser::WriteComment(const std::string& comment) {
  if (comment.empty()) return;
  Text(" COMMENT ");
  Quoted(comment);
}

void Unparser::WriteOptions(const std::vector<Option>& options) {
  Text("(");
  List(options, [&](const Option& option) {
    Quoted(option.key);
    Text(" = ");
    Quoted(option.value);
  });
  Text(")");
}

// --- data ---

void Unparser::WriteBody(const QueryStatement& statement) { Write(*statement.query); }

void Unparser::WriteBody(const InsertStatement& insert) {
  Text(insert.is_overwrite ? "INSERT OVERWRITE " : "INSERT INTO ");
  Text(insert.table.ToString());
  WriteHints(insert.hints);
  if (!insert.partition.empty()) {
    Text(" PARTITION (");
    List(insert.partition, [&](const PartitionAssignment& assignment) {
      Name(assignment.column);
      if (!assignment.value) return;
      Text(" = ");
      Write(*assignment.value);
    });
    Text(")");
  }
  Text(" ");
  if (!insert.columns.empty()) {
    Names(insert.columns);
    Text(" ");
  }
  Write(*insert.query);
}

void Unparser::WriteBlock(const StatementSet& set) {
  Text("BEGIN ");
  for (const InsertStatement& insert : set.inserts) {
    WriteBody(insert);
    Text("; ");
  }
  Text("END");
}

void Unparser::WriteBody(const StatementSet& set) {
  Text("EXECUTE STATEMENT SET ");
  WriteBlock(set);
}

void Unparser::WriteBody(const ExplainStatement& explain) {
  Text("EXPLAIN ");
  List(explain.modes, [&](ExplainMode mode) { Text(ExplainModeText(mode)); });
  if (!explain.modes.empty()) Text(" ");
  Write(*explain.statement);
}

void Unparser::WriteBody(const StopJobStatement& stop) {
  Text("STOP JOB ");
  Quoted(stop.job);
  if (stop.with_savepoint) Text(" WITH SAVEPOINT");
  if (stop.with_drain) Text(" WITH DRAIN");
}

// --- catalogs and databases ---

void Unparser::WriteBody(const CreateCatalogStatement& create) {
  Text(create.if_not_exists ? "CREATE CATALOG IF NOT EXISTS " : "CREATE CATALOG ");
  Name(create.name);
  WriteComment(create.comment);
  if (create.options.empty()) return;
  Text(" WITH ");
  WriteOptions(create.options);
}

void Unparser::WriteBody(const DropCatalogStatement& drop) {
  Text(drop.if_exists ? "DROP CATALOG IF EXISTS " : "DROP CATALOG ");
  Name(drop.name);
}

void Unparser::WriteBody(const CreateDatabaseStatement& create) {
  Text(create.if_not_exists ? "CREATE DATABASE IF NOT EXISTS " : "CREATE DATABASE ");
  Text(create.name.ToString());
  WriteComment(create.comment);
  if (create.options.empty()) return;
  Text(" WITH ");
  WriteOptions(create.options);
}

void Unparser::WriteBody(const DropDatabaseStatement& drop) {
  Text(drop.if_exists ? "DROP DATABASE IF EXISTS " : "DROP DATABASE ");
  Text(drop.name.ToString());
  if (drop.is_cascade) Text(" CASCADE");
}

// --- session and looking ---

void Unparser::WriteBody(const UseStatement& use) { Text(fmt::format("USE {}{}", use.is_catalog ? "CATALOG " : "", use.name.ToString())); }

void Unparser::WriteBody(const SetStatement& set) {
  Text("SET");
  if (!set.key) return;
  Text(" ");
  Quoted(*set.key);
  Text(" = ");
  Quoted(set.value);
}

void Unparser::WriteBody(const ResetStatement& reset) {
  Text("RESET");
  if (!reset.key) return;
  Text(" ");
  Quoted(*reset.key);
}

void Unparser::WriteBody(const ShowStatement& show) {
  static constexpr std::string_view kTexts[] = {"CATALOGS", "CURRENT CATALOG", "CREATE CATALOG", "DATABASES",    "CURRENT DATABASE", "TABLES",     "VIEWS",
                                                "COLUMNS",  "FUNCTIONS",       "CREATE TABLE",   "CREATE VIEW",  "JOBS",             "PARTITIONS", "MODULES"};
  const bool is_of_object = show.kind == ShowKind::kCreateCatalog || show.kind == ShowKind::kCreateTable || show.kind == ShowKind::kCreateView || show.kind == ShowKind::kPartitions;
  Text(show.is_user_only ? "SHOW USER " : "SHOW ");
  Text(kTexts[static_cast<int>(show.kind)]);
  if (!show.name.parts.empty()) Text(fmt::format(" {}{}", is_of_object ? "" : "FROM ", show.name.ToString()));
  if (!show.like) return;
  Text(fmt::format(" {}{} ", show.is_like_negated ? "NOT " : "", show.is_like_case_insensitive ? "ILIKE" : "LIKE"));
  Quoted(*show.like);
}

void Unparser::WriteBody(const DescribeStatement& describe) {
  static constexpr std::string_view kTexts[] = {"", "CATALOG ", "DATABASE ", "FUNCTION ", "JOB "};
  Text("DESCRIBE ");
  Text(kTexts[static_cast<int>(describe.kind)]);
  if (describe.is_extended) Text("EXTENDED ");
  if (describe.kind == DescribeKind::kJob) return Quoted(describe.job);
  Text(describe.name.ToString());
}

std::string_view ExplainModeText(ExplainMode mode) {
  switch (mode) {
    case ExplainMode::kPlain: return "";
    case ExplainMode::kChangelogMode: return "CHANGELOG_MODE";
    case ExplainMode::kEstimatedCost: return "ESTIMATED_COST";
    case ExplainMode::kJson: return "JSON_EXECUTION_PLAN";
    case ExplainMode::kPlanAdvice: return "PLAN_ADVICE";
  }
  FIRN_UNREACHABLE("EXPLAIN mode");
}

std::string Unparse(const Statement& statement, const UnparseOptions& options) {
  Unparser unparser(options);
  unparser.Write(statement);
  return unparser.Take();
}

}  // namespace firn::sql
