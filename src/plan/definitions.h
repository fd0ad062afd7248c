// SPDX-License-Identifier: Apache-2.0
// CREATE and ALTER of tables and views as definitions, and definitions as people read them: DESCRIBE, SHOW CREATE. Nothing is stored here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plan/catalog_view.h"
#include "plan/planner.h"
#include "sql/ast_statement.h"

namespace firn::plan {

/// The definition of CREATE TABLE: LIKE is merged in, the columns of AS come from its query, computed columns have their types. `text`: the
/// statement's, which spans point into. kInvalidDefinition as Flink refuses: columns twice, a watermark on nothing or on no time, keys.
/// The table's rows of CREATE TABLE ... AS are the caller's to insert: INSERT INTO t (columns of QuerySchema) query.
Result<TableDefinition> DefineTable(const sql::CreateTableStatement& create, std::string_view text, const PlannerContext& context);

/// The query is bound once, so that a view of nothing is refused; its columns are kept for DESCRIBE.
Result<TableDefinition> DefineView(const sql::CreateViewStatement& create, const PlannerContext& context);
/// ALTER VIEW ... AS.
Result<TableDefinition> RedefineView(const TableDefinition& view, const sql::AlterViewAsStatement& alter, const PlannerContext& context);

/// The table after ALTER TABLE. Not for RENAME of the table itself: that is the catalog's.
Result<TableDefinition> ApplyAlter(const TableDefinition& table, const sql::AlterTableStatement& alter, std::string_view text, const PlannerContext& context);

/// The full path of a name as written in a statement.
ObjectPath ResolvePath(const sql::ObjectName& name, const PlannerContext& context);

/// A row of DESCRIBE and SHOW COLUMNS; "" is NULL.
struct ColumnDescription {
  std::string name;
  std::string type;       // with *ROWTIME*, *PROCTIME*
  bool is_nullable = true;
  std::string key;        // "PRI(id)"
  std::string extras;     // "AS `v` * 2", "METADATA FROM 'timestamp' VIRTUAL"
  std::string watermark;  // "`ts` - INTERVAL '5' SECOND"
  std::string comment;
};
std::vector<ColumnDescription> DescribeTable(const TableDefinition& table);

/// The text of SHOW CREATE TABLE and SHOW CREATE VIEW: a statement that makes the same object.
std::string ShowCreate(const TableDefinition& table);

}  // namespace firn::plan
