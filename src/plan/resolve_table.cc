// SPDX-License-Identifier: Apache-2.0
// What must hold for a table however it was defined: ResolveTable completes a definition and refuses it as Flink does.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "plan/binder_internal.h"
#include "plan/planner.h"
#include "sql/parser.h"

namespace firn::plan {

using types::DataType;
using types::Field;

namespace {

constexpr int kMaxRowtimePrecision = 3;

std::vector<std::string> ColumnNames(const TableDefinition& table) {
  std::vector<std::string> names;
  for (const TableColumn& column : table.columns) names.push_back(column.name);
  return names;
}

TableColumn* FindColumn(TableDefinition& table, const std::string& name) {
  const auto found = std::find_if(table.columns.begin(), table.columns.end(), [&](const TableColumn& column) { return column.name == name; });
  return found == table.columns.end() ? nullptr : &*found;
}

Error NoSuchColumn(const TableDefinition& table, const std::string& name, const std::string& what) {
  const std::vector<std::string> names = ColumnNames(table);
  return Error(ErrorCode::kInvalidDefinition, fmt::format("{} `{}` is no column of the table", what, name))
      .Hint("columns: " + ListedNames(names))
      .Candidates(base::NearNames(name, names));
}

Status CheckNames(const TableDefinition& table) {
  std::set<std::string> seen;
  for (const TableColumn& column : table.columns) {
    if (!seen.insert(column.name).second) return Error(ErrorCode::kInvalidDefinition, fmt::format("column `{}` is defined twice", column.name));
  }
  return Ok();
}

Status CheckPrimaryKey(TableDefinition& table) {
  std::set<std::string> seen;
  for (const std::string& name : table.primary_key) {
    TableColumn* column = FindColumn(table, name);
    if (column == nullptr) return NoSuchColumn(table, name, "primary key column");
    if (!seen.insert(name).second) return Error(ErrorCode::kInvalidDefinition, fmt::format("`{}` is twice in the primary key", name));
    if (column->kind != ColumnKind::kPhysical) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("`{}` cannot be in the primary key: it is not a physical column", name));
    }
    column->type = column->type.NotNull();
  }
  return Ok();
}

/// The error without its place: that is one inside a stored text, which no statement shows.
Error Placeless(const Error& error, std::string context) {
  Error copy(error.code(), error.message());
  if (!error.why().empty()) copy = std::move(copy).Why(error.why());
  if (!error.hint().empty()) copy = std::move(copy).Hint(error.hint());
  if (!error.candidates().empty()) copy = std::move(copy).Candidates(error.candidates());
  return std::move(copy).Context(std::move(context));
}

/// Types of computed columns: expressions over the columns that are read.
Status BindComputed(TableDefinition& table, QueryBinder& query) {
  std::vector<Field> fields;
  for (const TableColumn& column : table.columns) {
    if (column.kind != ColumnKind::kComputed) fields.push_back(Field{column.name, column.type});
  }
  const Scope scope = MakeScope(fields, {});
  for (TableColumn& column : table.columns) {
    if (column.kind != ColumnKind::kComputed) continue;
    const std::string context = fmt::format("computing column `{}`", column.name);
    auto parsed = sql::ParseExpression(column.expression);
    if (!parsed.ok()) return Placeless(parsed.error(), context);
    ExpressionBinder binder(query, scope, nullptr, ExpressionPlace{.clause = "a computed column"});
    auto bound = binder.Bind(**parsed);
    if (!bound.ok()) return Placeless(bound.error(), context);
    column.type = (*bound)->type;
  }
  return Ok();
}

Status CheckWatermark(TableDefinition& table, QueryBinder& query) {
  if (!table.watermark) return Ok();
  TableColumn* column = FindColumn(table, table.watermark->column);
  if (column == nullptr) return NoSuchColumn(table, table.watermark->column, "watermark column");
  const DataType& type = column->type;
  if (!type.IsTimestamp() || type.precision() > kMaxRowtimePrecision) {
    return Error(ErrorCode::kInvalidDefinition, fmt::format("`{}` cannot carry the row time: it is {}", column->name, type.ToString()))
        .Why("a row time is TIMESTAMP(p) or TIMESTAMP_LTZ(p) with p from 0 to 3")
        .Hint(type.IsTimestamp() ? fmt::format("declare it TIMESTAMP(3), or compute one: event_time AS CAST(`{}` AS TIMESTAMP(3))", column->name)
              : type.IsInteger() ? fmt::format("compute one: event_time AS TO_TIMESTAMP_LTZ(`{}`, 3), of milliseconds, or 0 of seconds", column->name)
                                 : fmt::format("compute one: event_time AS TO_TIMESTAMP(`{}`)", column->name));
  }
  if (type.time_attribute() == types::TimeAttribute::kProctime) {
    return Error(ErrorCode::kInvalidDefinition, fmt::format("`{}` cannot carry the row time: it is processing time", column->name))
        .Hint("windows over it need no watermark");
  }
  std::vector<Field> fields;
  for (const TableColumn& other : table.columns) fields.push_back(Field{other.name, other.type});
  const Scope scope = MakeScope(fields, {});
  const std::string context = fmt::format("computing the watermark of `{}`", column->name);
  auto parsed = sql::ParseExpression(table.watermark->expression);
  if (!parsed.ok()) return Placeless(parsed.error(), context);
  ExpressionBinder binder(query, scope, nullptr, ExpressionPlace{.clause = "a watermark"});
  auto bound = binder.Bind(**parsed);
  if (!bound.ok()) return Placeless(bound.error(), context);
  const DataType& watermark = (*bound)->type;
  if (watermark.kind() != type.kind() || watermark.precision() > kMaxRowtimePrecision) {
    return Error(ErrorCode::kInvalidDefinition, fmt::format("the watermark of `{}` is {}, the column {}", column->name, watermark.ToString(), type.ToString()))
        .Hint(fmt::format("WATERMARK FOR `{}` AS `{}` - INTERVAL '5' SECOND", column->name, column->name));
  }
  column->type = type.WithTimeAttribute(types::TimeAttribute::kRowtime);
  return Ok();
}

/// A name without the blanks and back-ticks around it.
std::string Bare(std::string name) {
  name.erase(0, std::min(name.find_first_not_of(" `"), name.size()));
  while (!name.empty() && (name.back() == ' ' || name.back() == '`')) name.pop_back();
  return name;
}

Status CheckPartitions(TableDefinition& table) {
  for (const std::string& text : table.partitioned_by) {
    // "dt", or a transform: days(ts), bucket(16, id); its column is the last argument.
    std::string name = text;
    if (const size_t open = text.find('('); open != std::string::npos && text.back() == ')') {
      name = text.substr(open + 1, text.size() - open - 2);
      const size_t comma = name.rfind(',');
      const std::string first = Bare(name.substr(0, std::min(comma, name.size())));
      if (comma != std::string::npos) name = name.substr(comma + 1);
      if (comma != std::string::npos && FindColumn(table, first) != nullptr) name = first;
    }
    name = Bare(std::move(name));
    if (FindColumn(table, name) == nullptr) return NoSuchColumn(table, name, "partition column");
  }
  return Ok();
}

}  // namespace

Result<TableDefinition> ResolveTable(TableDefinition table, const PlannerContext& context) {
  FIRN_TRY(const SessionConfig config, ParseSessionConfig(context.config));
  const expr::EvaluationContext evaluation = MakeEvaluationContext(config, context);
  BindSession session{context, config, evaluation};
  QueryBinder query(session, table.path.catalog, table.path.database, std::nullopt, 0);
  FIRN_RETURN_IF_ERROR(CheckNames(table));
  FIRN_RETURN_IF_ERROR(CheckPrimaryKey(table));
  for (TableColumn& column : table.columns) column.type = column.type.WithTimeAttribute(types::TimeAttribute::kNone);
  FIRN_RETURN_IF_ERROR(BindComputed(table, query));
  FIRN_RETURN_IF_ERROR(CheckWatermark(table, query));
  FIRN_RETURN_IF_ERROR(CheckPartitions(table));
  if (table.connector.empty()) table.connector = table.Option("connector");
  return table;
}

}  // namespace firn::plan
