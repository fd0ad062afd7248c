// SPDX-License-Identifier: Apache-2.0
// Statements as written.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sql/ast_query.h"

namespace firn::sql {

/// WITH (...) in the order written.
struct Option {
  std::string key;
  std::string value;
  SourceSpan span;
};

// --- catalogs and databases ---

struct CreateCatalogStatement {
  Identifier name;
  bool if_not_exists = false;
  std::string comment;
  std::vector<Option> options;
};
struct DropCatalogStatement {
  Identifier name;
  bool if_exists = false;
};
struct CreateDatabaseStatement {
  ObjectName name;
  bool if_not_exists = false;
  std::string comment;
  std::vector<Option> options;
};
struct DropDatabaseStatement {
  ObjectName name;
  bool if_exists = false;
  bool is_cascade = false;
};

// --- tables and views ---

enum class ColumnDefinitionKind { kPhysical, kMetadata, kComputed };

struct ColumnDefinition {
  Identifier name;
  ColumnDefinitionKind kind = ColumnDefinitionKind::kPhysical;
  std::optional<types::DataType> type;    // absent: computed, or a bare name in CREATE TABLE ... AS
  std::string metadata_key;               // METADATA FROM 'key'; empty: the column's name
  bool is_virtual = false;
  ExpressionPtr expression;               // kComputed
  std::string comment;
  bool is_primary_key = false;            // inline PRIMARY KEY NOT ENFORCED
  bool is_enforced = false;               // inline PRIMARY KEY without NOT ENFORCED
  SourceSpan span;
};

struct WatermarkClause {
  ObjectName column;
  ExpressionPtr expression;
  SourceSpan span;
};

struct PrimaryKeyClause {
  std::vector<Identifier> columns;
  bool is_enforced = false;               // NOT ENFORCED was not written
  SourceSpan span;
};

enum class LikeMode { kIncluding, kExcluding, kOverwriting };
enum class LikeFeature { kAll, kConstraints, kDistribution, kPartitions, kGenerated, kMetadata, kOptions, kWatermarks };

struct LikeClause {
  ObjectName source;
  std::vector<std::pair<LikeMode, LikeFeature>> rules;
};

struct CreateTableStatement {
  ObjectName name;
  bool is_temporary = false;
  bool if_not_exists = false;
  bool or_replace = false;
  std::vector<ColumnDefinition> columns;
  std::optional<WatermarkClause> watermark;
  std::optional<PrimaryKeyClause> primary_key;
  std::string comment;
  std::vector<ExpressionPtr> partitioned_by;  // kColumn, or a kCall: days(ts), bucket(16, id)
  std::vector<Option> options;
  std::optional<LikeClause> like;
  std::unique_ptr<Query> as_query;
};
struct CreateViewStatement {
  ObjectName name;
  bool is_temporary = false;
  bool if_not_exists = false;
  bool or_replace = false;
  std::vector<Identifier> columns;
  std::string comment;
  std::unique_ptr<Query> query;
};
struct DropTableStatement {               // also DROP VIEW
  ObjectName name;
  bool is_view = false;
  bool is_temporary = false;
  bool if_exists = false;
};

struct AlterTableRename {
  ObjectName to;
};
struct AlterTableRenameColumn {
  Identifier from;
  Identifier to;
};
struct AlterTableSet {
  std::vector<Option> options;
};
struct AlterTableReset {
  std::vector<std::string> keys;
};
struct AddedColumn {
  ColumnDefinition column;
  bool is_first = false;
  std::optional<Identifier> after;
};
struct AlterTableAdd {                    // also MODIFY
  bool is_modify = false;
  std::vector<AddedColumn> columns;
  std::optional<WatermarkClause> watermark;
  std::optional<PrimaryKeyClause> primary_key;
};
struct AlterTableDrop {
  std::vector<Identifier> columns;
  bool is_watermark = false;
  bool is_primary_key = false;
};
using AlterTableAction =
    std::variant<AlterTableRename, AlterTableRenameColumn, AlterTableSet, AlterTableReset, AlterTableAdd, AlterTableDrop>;
struct AlterTableStatement {
  ObjectName name;
  bool is_view = false;                   // ALTER VIEW v RENAME TO w
  bool if_exists = false;
  AlterTableAction action;
};
struct AlterViewAsStatement {
  ObjectName name;
  std::unique_ptr<Query> query;
};

// --- session ---

struct UseStatement {
  ObjectName name;
  bool is_catalog = false;
};
struct SetStatement {
  std::optional<std::string> key;         // absent: list all
  std::string value;
};
struct ResetStatement {
  std::optional<std::string> key;         // absent: all
};

// --- looking ---

enum class ShowKind {
  kCatalogs, kCurrentCatalog, kCreateCatalog, kDatabases, kCurrentDatabase, kTables, kViews, kColumns, kFunctions, kCreateTable,
  kCreateView, kJobs, kPartitions, kModules,
};
struct ShowStatement {
  ShowKind kind = ShowKind::kTables;
  ObjectName name;                        // FROM/IN name, or the object of SHOW CREATE / SHOW COLUMNS
  bool is_user_only = false;              // SHOW USER FUNCTIONS
  std::optional<std::string> like;
  bool is_like_negated = false;
  bool is_like_case_insensitive = false;  // ILIKE
};
enum class DescribeKind { kTable, kCatalog, kDatabase, kFunction, kJob };
struct DescribeStatement {
  DescribeKind kind = DescribeKind::kTable;
  bool is_extended = false;
  ObjectName name;
  std::string job;                        // kJob
};

// --- data ---

struct PartitionAssignment {
  Identifier column;
  ExpressionPtr value;                    // null: dynamic
};
struct InsertStatement {
  SourceSpan span;
  ObjectName table;
  std::vector<Hint> hints;
  bool is_overwrite = false;
  std::vector<PartitionAssignment> partition;
  std::vector<Identifier> columns;        // empty: all
  std::unique_ptr<Query> query;
};
struct StatementSet {
  std::vector<InsertStatement> inserts;
};
struct BeginStatementSet {};
struct EndStatementSet {};
struct QueryStatement {
  std::unique_ptr<Query> query;
};
struct StopJobStatement {
  std::string job;
  bool with_savepoint = false;
  bool with_drain = false;
};

struct Statement;
enum class ExplainMode { kPlain, kChangelogMode, kEstimatedCost, kJson, kPlanAdvice };
struct ExplainStatement {
  std::vector<ExplainMode> modes;
  std::unique_ptr<Statement> statement;   // QueryStatement, InsertStatement or StatementSet
};

using StatementBody =
    std::variant<QueryStatement, InsertStatement, StatementSet, BeginStatementSet, EndStatementSet, CreateCatalogStatement, DropCatalogStatement,
                 CreateDatabaseStatement, DropDatabaseStatement, CreateTableStatement, CreateViewStatement, DropTableStatement, AlterTableStatement,
                 AlterViewAsStatement, UseStatement, SetStatement, ResetStatement, ShowStatement, DescribeStatement, ExplainStatement, StopJobStatement>;

struct Statement {
  SourceSpan span;
  StatementBody body;
};

}  // namespace firn::sql
