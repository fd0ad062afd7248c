// SPDX-License-Identifier: Apache-2.0
// For tests: tables in memory, connectors that only describe themselves, and scripts that are planned up to their last statement.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/definitions.h"
#include "plan/planner.h"
#include "sql/parser.h"

namespace firn::plan {

class TestCatalog : public CatalogView {
 public:
  Result<TableDefinitionPtr> FindTable(const ObjectPath& path) const override {
    const auto found = tables_.find(path);
    if (found != tables_.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [known, table] : tables_) names.push_back(known.name);
    return Error(ErrorCode::kTableNotFound, "table not found: " + path.ToString()).Candidates(base::NearNames(path.name, names));
  }
  Status Add(TableDefinition table, bool replaces = false) {
    if (table.path.catalog == "lake") table.connector = "iceberg";
    if (!replaces && tables_.contains(table.path)) return Error(ErrorCode::kObjectExists, "table exists already: " + table.path.ToString());
    const ObjectPath path = table.path;
    tables_[path] = std::make_shared<const TableDefinition>(std::move(table));
    return Ok();
  }

 private:
  std::map<ObjectPath, TableDefinitionPtr> tables_;
};

class TestConnectors : public ConnectorView {
 public:
  Result<SourceTraits> DescribeSource(const TableDefinition& table, bool) const override {
    FIRN_RETURN_IF_ERROR(Check(table));
    SourceTraits traits;
    traits.takes_projection = true;
    const std::string& connector = table.connector;
    traits.is_bounded = connector != "kafka" && connector != "upsert-kafka" && connector != "datagen";
    traits.takes_predicates = connector == "iceberg";
    if (table.Option("format") == "debezium-json") traits.changelog = kRetract;
    if (connector == "upsert-kafka") traits.changelog = kUpsert;
    if (connector == "kafka") {
      traits.metadata = {{"timestamp", types::DataType::TimestampLtz(3).NotNull()}, {"partition", types::DataType::Int().NotNull()}, {"offset", types::DataType::BigInt().NotNull()}};
    }
    if (connector == "filesystem") traits.metadata = {{"file.name", types::DataType::String().NotNull()}};
    return traits;
  }
  Result<SinkTraits> DescribeSink(const TableDefinition& table, bool) const override {
    FIRN_RETURN_IF_ERROR(Check(table));
    SinkTraits traits;
    traits.accepts = kInsertOnly;
    if (table.connector == "print" || table.connector == "blackhole") traits.accepts = kRetract;
    traits.runs_in_one_lane = table.connector == "print";
    traits.is_upsert = table.connector == "upsert-kafka" || table.Option("write.upsert.enabled") == "true";
    if (traits.is_upsert) traits.accepts = kUpsert;
    traits.supports_overwrite = table.connector == "filesystem" || table.connector == "iceberg";
    if (table.connector == "kafka") traits.metadata = {{"timestamp", types::DataType::TimestampLtz(3)}};
    return traits;
  }

 private:
  static Status Check(const TableDefinition& table) {
    static const std::vector<std::string> kKnown{"kafka", "upsert-kafka", "iceberg", "filesystem", "datagen", "print", "blackhole"};
    if (std::find(kKnown.begin(), kKnown.end(), table.connector) == kKnown.end()) {
      return Error(ErrorCode::kUnknownConnector, "no connector '" + table.connector + "'").Candidates(base::NearNames(table.connector, kKnown));
    }
    if (table.options.contains("nosuch")) return Error(ErrorCode::kInvalidOption, "unknown option 'nosuch'");
    if (table.connector == "filesystem" && !table.options.contains("format")) return Error(ErrorCode::kInvalidOption, "option 'format' is missing");
    return Ok();
  }
};

/// Runs definitions and settings of a script; plans its queries and inserts. Nothing is executed.
class TestSession {
 public:
  /// What the last statement that can be planned gave.
  struct Outcome {
    JobPlan plan;
    std::string statement;  // its text, which error spans point into
    std::vector<ColumnDescription> described;
    bool is_query = false;
  };

  /// The first error of the script, or the outcome. `statement`: of the failing one.
  Result<Outcome> Run(std::string_view script) {
    Outcome outcome;
    for (const sql::StatementText& text : sql::SplitStatements(script)) {
      statement_ = text.text;
      FIRN_TRY(sql::Statement statement, sql::ParseStatement(text.text));
      FIRN_RETURN_IF_ERROR(Apply(statement, outcome));
    }
    return outcome;
  }
  const std::string& statement() const { return statement_; }
  PlannerContext Context() const { return PlannerContext{catalog_, connectors_, "default_catalog", "default_database", config_, 1700000000000000}; }
  std::map<std::string, std::string>& config() { return config_; }

 private:
  Status Apply(const sql::Statement& statement, Outcome& outcome) {
    if (const auto* set = std::get_if<sql::SetStatement>(&statement.body)) {
      if (set->key) config_[*set->key] = set->value;
    } else if (const auto* create = std::get_if<sql::CreateTableStatement>(&statement.body)) {
      FIRN_TRY(TableDefinition table, DefineTable(*create, statement_, Context()));
      return catalog_.Add(std::move(table));
    } else if (const auto* view = std::get_if<sql::CreateViewStatement>(&statement.body)) {
      FIRN_TRY(TableDefinition table, DefineView(*view, Context()));
      return catalog_.Add(std::move(table));
    } else if (const auto* alter = std::get_if<sql::AlterTableStatement>(&statement.body)) {
      FIRN_TRY(const TableDefinitionPtr table, catalog_.FindTable(ResolvePath(alter->name, Context())));
      FIRN_TRY(TableDefinition altered, ApplyAlter(*table, *alter, statement_, Context()));
      return catalog_.Add(std::move(altered), true);
    } else if (const auto* query = std::get_if<sql::QueryStatement>(&statement.body)) {
      FIRN_TRY(outcome.plan, PlanQuery(*query->query, Context()));
      outcome.is_query = true;
    } else if (const auto* insert = std::get_if<sql::InsertStatement>(&statement.body)) {
      FIRN_TRY(outcome.plan, PlanInserts({insert}, Context()));
    } else if (const auto* inserts = std::get_if<sql::StatementSet>(&statement.body)) {
      std::vector<const sql::InsertStatement*> all;
      for (const sql::InsertStatement& one : inserts->inserts) all.push_back(&one);
      FIRN_TRY(outcome.plan, PlanInserts(all, Context()));
    } else if (const auto* describe = std::get_if<sql::DescribeStatement>(&statement.body)) {
      FIRN_TRY(const TableDefinitionPtr table, catalog_.FindTable(ResolvePath(describe->name, Context())));
      outcome.described = DescribeTable(*table);
    } else if (const auto* drop = std::get_if<sql::DropTableStatement>(&statement.body)) {
      FIRN_TRY(const TableDefinitionPtr table, catalog_.FindTable(ResolvePath(drop->name, Context())));
    } else if (const auto* explain = std::get_if<sql::ExplainStatement>(&statement.body)) {
      return Apply(*explain->statement, outcome);
    }
    return Ok();
  }

  TestCatalog catalog_;
  TestConnectors connectors_;
  std::map<std::string, std::string> config_;
  std::string statement_;
};

}  // namespace firn::plan
