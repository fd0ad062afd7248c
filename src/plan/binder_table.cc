// SPDX-License-Identifier: Apache-2.0
#include <arrow/array/array_primitive.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "expr/evaluator.h"
#include "plan/binder_internal.h"
#include "plan/literal.h"
#include "sql/parser.h"

namespace firn::plan {

using expr::ExpressionPtr;
using types::DataType;
using types::Field;

namespace {

/// What a scan is built from: the columns the connector delivers, and the table's columns computed over them.
struct ScanColumns {
  std::vector<Field> read;
  std::vector<std::string> metadata_keys;
  std::vector<ExpressionPtr> outputs;
  std::vector<Field> fields;
};

Result<ExpressionPtr> ReadMetadata(const TableColumn& column, const SourceTraits& traits, ScanColumns& columns, base::SourceSpan span,
                                   const expr::EvaluationContext& evaluation) {
  const std::string& key = column.metadata_key.empty() ? column.name : column.metadata_key;
  std::vector<std::string> known;
  for (const Field& field : traits.metadata) {
    known.push_back(field.name);
    if (field.name != key) continue;
    ExpressionPtr read = expr::MakeColumn(static_cast<int>(columns.read.size()), column.name, field.type, span);
    columns.read.push_back(Field{column.name, field.type});
    columns.metadata_keys.push_back(key);
    if (field.type.EqualsIgnoringNullability(column.type)) return read;
    return expr::BindCast(std::move(read), column.type.WithNullable(field.type.nullable()), false, span, evaluation);
  }
  std::string all;
  for (const std::string& name : known) all += (all.empty() ? "" : ", ") + name;
  return Error(ErrorCode::kInvalidDefinition, fmt::format("the connector has no metadata '{}' for column `{}`", key, column.name))
      .At(span)
      .Hint(known.empty() ? "this connector has no metadata columns" : "it has: " + all)
      .Candidates(base::NearNames(key, known));
}

/// What is said of a table, and cannot be of a query.
Status RefuseOverQuery(const sql::TableExpression& table, const char* what, base::SourceSpan span) {
  if (table.time_travel != sql::TimeTravelKind::kNone) return NotBuilt(fmt::format("FOR SYSTEM_TIME AS OF over {}", what), span, "name the time inside it");
  return table.hints.empty() ? Ok() : NotBuilt(fmt::format("{} for {}", table.hints.front().name, what), span, "give them to a table inside it");
}

/// The columns that the view was made with, of those that its query has now: SELECT * takes in what the tables beneath have got since.
Result<LogicalNodePtr> AsDefined(const LogicalNodePtr& query, const TableDefinition& view, base::SourceSpan span) {
  const std::vector<std::string> names = UniqueNames(query->fields);
  std::vector<ExpressionPtr> outputs;
  std::vector<std::string> kept;
  for (const TableColumn& column : view.columns) {
    const auto found = std::find(names.begin(), names.end(), column.name);
    if (found == names.end()) {
      return Error(ErrorCode::kColumnNotFound, fmt::format("the query of view {} has no column `{}` any more", view.path.ToString(), column.name))
          .At(span)
          .Hint(fmt::format("ALTER VIEW {} AS SELECT ...", view.path.ToString()));
    }
    outputs.push_back(ColumnOf(query->fields, static_cast<int>(found - names.begin())));
    kept.push_back(column.name);
  }
  return MakeProject(query, std::move(outputs), kept);
}

std::string EpochMilliseconds(const expr::Expression& literal) {
  const auto& type = literal.type;
  const int64_t value = static_cast<const arrow::TimestampArray&>(*literal.literal).Value(0);
  return std::to_string(type.precision() > 6 ? value / 1000000 : value / 1000);
}

}  // namespace

ObjectPath QueryBinder::PathOf(const sql::ObjectName& name) const {
  const size_t count = name.parts.size();
  ObjectPath path{catalog_, database_, name.parts.back().text};
  if (count > 1) path.database = name.parts[count - 2].text;
  if (count > 2) path.catalog = name.parts[count - 3].text;
  return path;
}

Result<TableDefinitionPtr> QueryBinder::FindTable(const sql::ObjectName& name) const {
  // catalog.database.table.snapshots, as Spark writes it, is table$snapshots.
  const auto find_metadata_table = [&] {
    sql::ObjectName shorter = name;
    shorter.parts.pop_back();
    shorter.parts.back().text += "$" + name.parts.back().text;
    return session_.context.catalog.FindTable(PathOf(shorter));
  };
  if (name.parts.size() > 4) {
    return Error(ErrorCode::kTableNotFound, fmt::format("{} has more than catalog, database and table", name.ToString())).At(Span(name.span));
  }
  auto found = name.parts.size() == 4 ? find_metadata_table() : session_.context.catalog.FindTable(PathOf(name));
  if (found.ok()) return found;
  if (name.parts.size() == 2 || name.parts.size() == 3) {
    if (auto metadata_table = find_metadata_table(); metadata_table.ok()) return metadata_table;
  }
  Error error = std::move(found).error();
  if (!error.span()) error = std::move(error).At(Span(name.span));
  return error;
}

Status QueryBinder::CheckHints(const std::vector<sql::Hint>& hints, const std::vector<std::string>& known) const {
  for (const sql::Hint& hint : hints) {
    if (std::find(known.begin(), known.end(), hint.name) != known.end()) continue;
    return Error(ErrorCode::kInvalidOption, fmt::format("there is no hint {} at this place", hint.name))
        .At(Span(hint.span))
        .Hint("behind a table's name: OPTIONS('key'='value'); behind SELECT: STATE_TTL, and how to join")
        .Candidates(base::NearNames(hint.name, known));
  }
  return Ok();
}

Result<TableDefinitionPtr> QueryBinder::WithHints(TableDefinitionPtr table, const std::vector<sql::Hint>& hints) const {
  FIRN_RETURN_IF_ERROR(CheckHints(hints, {"OPTIONS"}));
  std::map<std::string, std::string> options;
  for (const sql::Hint& hint : hints) {
    for (const auto& [key, value] : hint.options) options[key] = value;
  }
  if (options.empty()) return table;
  auto copy = std::make_shared<TableDefinition>(*table);
  for (auto& [key, value] : options) {
    copy->options[key] = value;
    copy->hints.insert(key);
  }
  return TableDefinitionPtr(std::move(copy));
}

Result<TableDefinitionPtr> QueryBinder::WithTimeTravel(TableDefinitionPtr table, const sql::TableExpression& reference) {
  if (reference.time_travel == sql::TimeTravelKind::kNone) return table;
  const base::SourceSpan span = Span(reference.time_travel_point->span);
  auto point = BindConstant(*reference.time_travel_point, "AS OF");
  if (!point.ok()) {
    if (point.error().code() != ErrorCode::kColumnNotFound) return std::move(point).error();
    return NotBuilt("a temporal or lookup join (FOR SYSTEM_TIME AS OF a column)", span, "an ordinary join, or AS OF a constant timestamp for time travel");
  }
  if (table->connector != "iceberg") {
    return NotBuilt(fmt::format("time travel on table {} of connector '{}'", table->path.ToString(), table->connector), span, "only Iceberg tables keep their past");
  }
  ExpressionPtr value = *point;
  if (value->kind != expr::ExpressionKind::kLiteral) {
    return Error(ErrorCode::kInvalidLiteral, "AS OF needs a constant").At(span);
  }
  auto copy = std::make_shared<TableDefinition>(*table);
  if (reference.time_travel == sql::TimeTravelKind::kVersion) {
    const auto number = IntegerValue(*value);
    const auto name = StringValue(*value);
    if (!number && !name) return Error(ErrorCode::kTypeMismatch, "VERSION AS OF needs a snapshot id or the name of a branch or tag").At(span);
    copy->options[number ? "snapshot-id" : "ref"] = number ? std::to_string(*number) : *name;
    return TableDefinitionPtr(std::move(copy));
  }
  FIRN_TRY(value, expr::BindCast(value, DataType::TimestampLtz(3), false, span, evaluation()));
  FIRN_TRY(value, expr::FoldConstants(value, evaluation()));
  if (value->kind != expr::ExpressionKind::kLiteral || value->literal->IsNull(0)) {
    return Error(ErrorCode::kTypeMismatch, "AS OF needs a timestamp").At(span).Hint("TIMESTAMP AS OF TIMESTAMP '2024-12-31 00:00:00'");
  }
  copy->options["as-of-timestamp"] = EpochMilliseconds(*value);
  return TableDefinitionPtr(std::move(copy));
}

Result<Relation> QueryBinder::BindNamed(const sql::TableExpression& table) {
  const base::SourceSpan span = Span(table.span);
  if (table.name.parts.size() == 1) {
    for (const CommonTables* entry = common_tables_; entry != nullptr; entry = entry->others) {
      if (entry->table->name.text != table.name.parts[0].text) continue;
      FIRN_RETURN_IF_ERROR(RefuseOverQuery(table, "a common table", span));
      return BindCommonTable(*entry, span);
    }
  }
  FIRN_TRY(TableDefinitionPtr definition, FindTable(table.name));
  if (definition->kind == TableKind::kView) {
    FIRN_RETURN_IF_ERROR(RefuseOverQuery(table, "a view", span));
    return BindView(*definition, span);
  }
  FIRN_TRY(definition, WithHints(std::move(definition), table.hints));
  FIRN_TRY(definition, WithTimeTravel(std::move(definition), table));
  auto chosen = session_.context.catalog.AsChosen(std::move(definition));
  if (!chosen.ok()) return std::move(std::move(chosen).error()).At(Span(table.name.span));
  definition = std::move(chosen).value();
  FIRN_TRY(LogicalNodePtr node, BindScan(definition, Span(table.name.span)));
  const ObjectPath& path = definition->path;
  Scope scope = MakeScope(node->fields, {path.catalog, path.database, path.name});
  return Relation{std::move(node), std::move(scope)};
}

Result<Relation> QueryBinder::BindCommonTable(const CommonTables& entry, base::SourceSpan span) {
  if (session_.common_table_depth >= kMaxCommonTableDepth) {
    return Error(ErrorCode::kLimitExceeded, fmt::format("common tables are built on each other more than {} deep", kMaxCommonTableDepth)).At(span);
  }
  const CommonTables* before = common_tables_;
  common_tables_ = entry.others;
  ++session_.common_table_depth;
  Result<Relation> bound = BindQuery(*entry.table->query, nullptr);
  --session_.common_table_depth;
  common_tables_ = before;
  if (!bound.ok()) return bound;
  return Renamed(Unordered(std::move(bound).value()), entry.table->name, entry.table->columns, span);
}

Result<Relation> QueryBinder::BindView(const TableDefinition& view, base::SourceSpan span) {
  const std::string context = fmt::format("reading view {}", view.path.ToString());
  if (view_depth_ >= kMaxViewDepth) {
    return Error(ErrorCode::kLimitExceeded, fmt::format("views are nested more than {} deep", kMaxViewDepth)).At(span).Context(context);
  }
  auto parsed = sql::ParseQuery(view.view_query);
  if (!parsed.ok()) return Relocated(parsed.error(), span, context);
  QueryBinder binder(session_, view.path.catalog, view.path.database, span, view_depth_ + 1);
  auto bound = binder.BindQuery(**parsed, nullptr);
  if (!bound.ok()) return Relocated(bound.error(), span, context);
  Relation relation = Unordered(std::move(bound).value());
  std::vector<sql::Identifier> columns;
  for (const std::string& name : view.view_columns) columns.push_back(sql::Identifier{name, span});
  if (columns.empty() && !view.columns.empty()) {
    FIRN_TRY(relation.node, AsDefined(relation.node, view, span));
    relation.scope = MakeScope(relation.node->fields, {});
  }
  auto renamed = Renamed(std::move(relation), sql::Identifier{view.path.name, span}, columns, span);
  if (!renamed.ok()) return Relocated(renamed.error(), span, context);
  for (ScopeColumn& column : renamed->scope.columns) column.qualifier = {view.path.catalog, view.path.database, view.path.name};
  return renamed;
}

Result<LogicalNodePtr> QueryBinder::BindScan(const TableDefinitionPtr& table, base::SourceSpan span) {
  const std::string context = fmt::format("reading table {}", table->path.ToString());
  auto traits = session_.context.connectors.DescribeSource(*table, is_batch());
  if (!traits.ok()) return Relocated(traits.error(), span, context);
  ScanColumns columns;
  for (const TableColumn& column : table->columns) {
    if (column.kind == ColumnKind::kPhysical) {
      columns.outputs.push_back(expr::MakeColumn(static_cast<int>(columns.read.size()), column.name, column.type, span));
      columns.read.push_back(Field{column.name, column.type});
      columns.metadata_keys.emplace_back();
    } else if (column.kind == ColumnKind::kMetadata) {
      FIRN_TRY(ExpressionPtr output, ReadMetadata(column, *traits, columns, span, evaluation()));
      columns.outputs.push_back(std::move(output));
    } else {
      columns.outputs.push_back(nullptr);
    }
    columns.fields.push_back(Field{column.name, column.type});
  }
  Scope declared_scope;  // what computed columns are over: physical and metadata columns as they are declared
  for (size_t i = 0; i < columns.outputs.size(); ++i) {
    if (columns.outputs[i] != nullptr) declared_scope.columns.push_back(ScopeColumn{{}, columns.fields[i].name, columns.outputs[i]->type.WithTimeAttribute(types::TimeAttribute::kNone), static_cast<int>(i)});
  }
  QueryBinder text_binder(session_, catalog_, database_, span, view_depth_);
  const auto bind_text = [&](const std::string& text, const Scope& scope, const std::string& what) -> Result<ExpressionPtr> {
    auto parsed = sql::ParseExpression(text);
    if (!parsed.ok()) return Relocated(parsed.error(), span, "computing " + what);
    ExpressionBinder binder(text_binder, scope, nullptr, ExpressionPlace{.clause = "a computed column"});
    auto bound = binder.Bind(**parsed);
    if (!bound.ok()) return Relocated(bound.error(), span, "computing " + what);
    return bound;
  };
  for (size_t i = 0; i < columns.outputs.size(); ++i) {
    const TableColumn& column = table->columns[i];
    if (column.kind != ColumnKind::kComputed) continue;
    FIRN_TRY(const ExpressionPtr computed, bind_text(column.expression, declared_scope, fmt::format("column `{}` of {}", column.name, table->path.ToString())));
    columns.outputs[i] = expr::SubstituteColumns(computed, columns.outputs);
    columns.fields[i].type = columns.outputs[i]->type;
  }
  ScanNode scan;
  scan.table = table;
  scan.traits = std::move(traits).value();
  if (table->watermark) {
    const auto found = std::find_if(columns.fields.begin(), columns.fields.end(), [&](const Field& field) { return field.name == table->watermark->column; });
    if (found == columns.fields.end()) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("table {} has a watermark on `{}`, which is none of its columns", table->path.ToString(), table->watermark->column)).At(span);
    }
    scan.rowtime = static_cast<int>(found - columns.fields.begin());
    found->type = found->type.WithTimeAttribute(types::TimeAttribute::kRowtime);
    if (!is_batch()) {
      FIRN_TRY(scan.watermark, bind_text(table->watermark->expression, MakeScope(columns.fields, {}), fmt::format("the watermark of {}", table->path.ToString())));
    }
  }
  scan.read_columns = std::move(columns.read);
  scan.metadata_keys = std::move(columns.metadata_keys);
  scan.outputs = std::move(columns.outputs);
  return MakeScan(std::move(scan), std::move(columns.fields), span);
}

}  // namespace firn::plan
