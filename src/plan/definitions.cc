// SPDX-License-Identifier: Apache-2.0
#include "plan/definitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/assert.h"
#include "plan/expression_text.h"
#include "sql/parser.h"
#include "sql/unparser.h"

namespace firn::plan {

using types::DataType;

namespace {

Error EnforcedKey(base::SourceSpan span) {
  return Error(ErrorCode::kInvalidDefinition, "a primary key cannot be enforced")
      .At(span)
      .Why("tables do not own their data: the key is a promise of whoever writes it")
      .Hint("PRIMARY KEY (...) NOT ENFORCED");
}

bool Mentions(const Error& error, const std::string& text) {
  if (error.message().find(text) != std::string::npos) return true;
  return std::any_of(error.context().begin(), error.context().end(), [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

/// The error, at the place of what it speaks of.
Error Placed(Error error, const sql::CreateTableStatement& create) {
  if (create.watermark && Mentions(error, "watermark")) return std::move(error).At(create.watermark->span);
  if (create.primary_key && Mentions(error, "primary key")) return std::move(error).At(create.primary_key->span);
  const sql::ColumnDefinition* meant = nullptr;
  for (const sql::ColumnDefinition& column : create.columns) {
    if (Mentions(error, "`" + column.name.text + "`")) meant = &column;
  }
  if (meant == nullptr) return std::move(error).At(create.name.span);
  const base::SourceSpan span = meant->kind == sql::ColumnDefinitionKind::kComputed ? meant->expression->span : meant->name.span;
  return std::move(error).At(span);
}

Result<TableColumn> DefineColumn(const sql::ColumnDefinition& column, std::string_view text) {
  TableColumn defined;
  defined.name = column.name.text;
  defined.comment = column.comment;
  if (column.is_primary_key && column.is_enforced) return EnforcedKey(column.span);
  switch (column.kind) {
    case sql::ColumnDefinitionKind::kPhysical:
      if (!column.type) {
        return Error(ErrorCode::kInvalidDefinition, fmt::format("column `{}` has no type", defined.name))
            .At(column.span)
            .Hint("only CREATE TABLE ... AS takes bare names, of columns of its query");
      }
      defined.type = *column.type;
      break;
    case sql::ColumnDefinitionKind::kMetadata:
      defined.kind = ColumnKind::kMetadata;
      defined.type = *column.type;
      defined.metadata_key = column.metadata_key.empty() ? defined.name : column.metadata_key;
      defined.is_virtual = column.is_virtual;
      break;
    case sql::ColumnDefinitionKind::kComputed:
      defined.kind = ColumnKind::kComputed;
      defined.expression = StoredText(*column.expression, text);
      break;
  }
  return defined;
}

Result<WatermarkDefinition> DefineWatermark(const sql::WatermarkClause& clause, std::string_view text) {
  if (clause.column.parts.size() != 1) {
    return Error(ErrorCode::kNotSupported, "a watermark on a field of a ROW is not supported").At(clause.column.span).Hint("compute a column: event_time AS r.ts");
  }
  return WatermarkDefinition{clause.column.parts[0].text, StoredText(*clause.expression, text)};
}

Result<std::vector<std::string>> DefinePrimaryKey(const sql::CreateTableStatement& create) {
  std::vector<std::string> key;
  for (const sql::ColumnDefinition& column : create.columns) {
    if (!column.is_primary_key) continue;
    if (!key.empty() || create.primary_key) {
      return Error(ErrorCode::kInvalidDefinition, "the table has two primary keys").At(column.span).Hint("PRIMARY KEY (a, b) NOT ENFORCED for one of several columns");
    }
    key.push_back(column.name.text);
  }
  if (!create.primary_key) return key;
  if (create.primary_key->is_enforced) return EnforcedKey(create.primary_key->span);
  for (const sql::Identifier& column : create.primary_key->columns) key.push_back(column.text);
  return key;
}

// --- LIKE ---

sql::LikeMode ModeOf(const sql::LikeClause& like, sql::LikeFeature feature) {
  sql::LikeMode mode = feature == sql::LikeFeature::kOptions ? sql::LikeMode::kOverwriting : sql::LikeMode::kIncluding;
  for (const auto& [rule_mode, rule_feature] : like.rules) {
    if (rule_feature == sql::LikeFeature::kAll) mode = rule_mode;
  }
  for (const auto& [rule_mode, rule_feature] : like.rules) {
    if (rule_feature == feature) mode = rule_mode;
  }
  return mode;
}

sql::LikeFeature FeatureOf(ColumnKind kind) {
  return kind == ColumnKind::kComputed ? sql::LikeFeature::kGenerated : sql::LikeFeature::kMetadata;
}

Status MergeColumns(const TableDefinition& source, const sql::LikeClause& like, TableDefinition& table) {
  std::vector<TableColumn> merged;
  for (const TableColumn& column : source.columns) {
    if (column.kind != ColumnKind::kPhysical && ModeOf(like, FeatureOf(column.kind)) == sql::LikeMode::kExcluding) continue;
    const auto own = std::find_if(table.columns.begin(), table.columns.end(), [&](const TableColumn& other) { return other.name == column.name; });
    if (own == table.columns.end()) {
      merged.push_back(column);
      continue;
    }
    const bool overwrites = column.kind != ColumnKind::kPhysical && own->kind == column.kind && ModeOf(like, FeatureOf(column.kind)) == sql::LikeMode::kOverwriting;
    if (!overwrites) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("column `{}` is in {} already", column.name, source.path.ToString())).Hint("leave it out, or EXCLUDING / OVERWRITING GENERATED or METADATA");
    }
  }
  merged.insert(merged.end(), table.columns.begin(), table.columns.end());
  table.columns = std::move(merged);
  return Ok();
}

Status MergeLike(const TableDefinition& source, const sql::LikeClause& like, TableDefinition& table) {
  FIRN_RETURN_IF_ERROR(MergeColumns(source, like, table));
  if (source.watermark && ModeOf(like, sql::LikeFeature::kWatermarks) != sql::LikeMode::kExcluding) {
    const bool overwrites = ModeOf(like, sql::LikeFeature::kWatermarks) == sql::LikeMode::kOverwriting;
    if (table.watermark && !overwrites) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("{} has a watermark already", source.path.ToString())).Hint("LIKE ... (OVERWRITING WATERMARKS)");
    }
    if (!table.watermark) table.watermark = source.watermark;
  }
  if (!source.primary_key.empty() && ModeOf(like, sql::LikeFeature::kConstraints) != sql::LikeMode::kExcluding) {
    if (!table.primary_key.empty()) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("{} has a primary key already", source.path.ToString())).Hint("LIKE ... (EXCLUDING CONSTRAINTS)");
    }
    table.primary_key = source.primary_key;
  }
  if (!source.partitioned_by.empty() && ModeOf(like, sql::LikeFeature::kPartitions) != sql::LikeMode::kExcluding) {
    if (!table.partitioned_by.empty()) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("{} is partitioned already", source.path.ToString())).Hint("LIKE ... (EXCLUDING PARTITIONS)");
    }
    table.partitioned_by = source.partitioned_by;
  }
  const sql::LikeMode options = ModeOf(like, sql::LikeFeature::kOptions);
  if (options == sql::LikeMode::kExcluding) return Ok();
  for (const auto& [key, value] : source.options) {
    const bool is_new = table.options.emplace(key, value).second;
    if (!is_new && options == sql::LikeMode::kIncluding) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("option '{}' is set in {} already", key, source.path.ToString())).Hint("LIKE ... (OVERWRITING OPTIONS)");
    }
  }
  return Ok();
}

// --- AS query ---

/// As Flink: first what is declared besides the query's columns, or named bare, which is the order of the query's; then those of the query, of the types declared for them.
Status MergeQuery(const types::Schema& schema, const sql::CreateTableStatement& create, std::string_view text, TableDefinition& table) {
  std::vector<bool> is_named(schema.size(), false), is_placed(schema.size(), false);
  std::vector<TableColumn> of_query;
  for (size_t i = 0; i < schema.size(); ++i) {
    of_query.emplace_back();
    of_query[i].name = schema.field(i).name;
    of_query[i].type = schema.field(i).type;
  }
  for (const sql::ColumnDefinition& column : create.columns) {
    const int source = schema.FindColumn(column.name.text);
    const bool is_bare = column.kind == sql::ColumnDefinitionKind::kPhysical && !column.type;
    if (is_bare && source < 0) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("`{}` is no column of the query", column.name.text))
          .At(column.name.span)
          .Candidates(base::NearNames(column.name.text, schema.names()));
    }
    if (source < 0) {
      FIRN_TRY(TableColumn defined, DefineColumn(column, text));
      table.columns.push_back(std::move(defined));
      continue;
    }
    if (is_named[source]) return Error(ErrorCode::kInvalidDefinition, fmt::format("column `{}` is defined twice", column.name.text)).At(column.name.span);
    is_named[source] = true;
    if (column.kind == sql::ColumnDefinitionKind::kComputed) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("column `{}` is computed, and the query gives it too", column.name.text)).At(column.name.span).Hint("give one of them another name");
    }
    if (is_bare) {
      is_placed[source] = true;
      table.columns.push_back(of_query[source]);
    } else {
      FIRN_TRY(of_query[source], DefineColumn(column, text));
    }
  }
  for (size_t i = 0; i < schema.size(); ++i) {
    if (of_query[i].type.kind() == types::TypeKind::kNull) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("column `{}` of the query is NULL and has no type", of_query[i].name)).Hint("CAST(NULL AS INT)");
    }
    if (!is_placed[i]) table.columns.push_back(std::move(of_query[i]));
  }
  return Ok();
}

std::map<std::string, std::string> OptionMap(const std::vector<sql::Option>& options) {
  std::map<std::string, std::string> map;
  for (const sql::Option& option : options) map[option.key] = option.value;
  return map;
}

// A table's name with catalog and database, which mean the same wherever the view is read and whatever is current then. Names of metadata tables
// (t.snapshots) are told from those of tables as the binder does it.
std::string FullName(sql::ObjectName name, const PlannerContext& context) {
  const auto add = [&](const std::string& part) { name.parts.insert(name.parts.begin(), sql::Identifier{part, {}}); };
  const bool is_table = name.parts.size() == 1 || name.parts.size() > 3 || context.catalog.FindTable(ResolvePath(name, context)).ok();
  const size_t wanted = is_table ? 3 : 4;
  if (name.parts.size() + 2 == wanted) add(context.current_database);
  if (name.parts.size() + 1 == wanted) add(context.current_catalog);
  return name.ToString();
}

Result<TableDefinition> DefineViewOver(TableDefinition view, const sql::Query& query, const PlannerContext& context, base::SourceSpan span) {
  StarTexts stars;
  FIRN_TRY(const types::Schema schema, QuerySchema(query, context, &stars));
  if (!view.view_columns.empty() && view.view_columns.size() != schema.size()) {
    return Error(ErrorCode::kInvalidDefinition, fmt::format("the view names {} column{}, its query has {}", view.view_columns.size(), view.view_columns.size() == 1 ? "" : "s", schema.size()))
        .At(span)
        .Hint("name each of them, or none: then they are called as in the query");
  }
  view.kind = TableKind::kView;
  // A view stays what it was when its tables get columns: * is written out.
  const auto star_text = [&](const sql::Expression& star) {
    const auto found = stars.find(&star);
    return found == stars.end() ? std::string() : found->second;
  };
  view.view_query = sql::Unparse(query, {.table_name = [&](const sql::ObjectName& name) { return FullName(name, context); }, .star = star_text});
  view.columns.clear();
  for (size_t i = 0; i < schema.size(); ++i) {
    TableColumn column;
    column.name = view.view_columns.empty() ? schema.field(i).name : view.view_columns[i];
    column.type = schema.field(i).type;
    view.columns.push_back(std::move(column));
  }
  FIRN_ASSERT(view.columns.size() == schema.size() && !view.view_query.empty(), "a view of {} columns of {}", view.columns.size(), schema.size());
  return view;
}

}  // namespace

ObjectPath ResolvePath(const sql::ObjectName& name, const PlannerContext& context) {
  const size_t count = name.parts.size();
  FIRN_ASSERT(count >= 1);
  ObjectPath path{context.current_catalog, context.current_database, name.parts.back().text};
  if (count > 1) path.database = name.parts[count - 2].text;
  if (count > 2) path.catalog = name.parts[count - 3].text;
  return path;
}

Result<TableDefinition> DefineTable(const sql::CreateTableStatement& create, std::string_view text, const PlannerContext& context) {
  TableDefinition table;
  table.path = ResolvePath(create.name, context);
  table.is_temporary = create.is_temporary;
  table.comment = create.comment;
  table.options = OptionMap(create.options);
  if (create.as_query != nullptr) {
    FIRN_TRY(const types::Schema schema, QuerySchema(*create.as_query, context));
    FIRN_RETURN_IF_ERROR(MergeQuery(schema, create, text, table));
  } else {
    for (const sql::ColumnDefinition& column : create.columns) {
      FIRN_TRY(TableColumn defined, DefineColumn(column, text));
      table.columns.push_back(std::move(defined));
    }
  }
  if (create.watermark) {
    FIRN_TRY(table.watermark, DefineWatermark(*create.watermark, text));
  }
  FIRN_TRY(table.primary_key, DefinePrimaryKey(create));
  for (const sql::ExpressionPtr& partition : create.partitioned_by) {
    table.partitioned_by.push_back(partition->kind == sql::ExpressionKind::kColumn ? partition->name.parts.back().text
                                                                                   : std::string(text.substr(partition->span.begin, partition->span.end - partition->span.begin)));
  }
  if (create.like) {
    auto source = context.catalog.FindTable(ResolvePath(create.like->source, context));
    if (!source.ok()) return std::move(std::move(source).error()).At(create.like->source.span);
    if ((*source)->kind == TableKind::kView) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("{} is a view", (*source)->path.ToString())).At(create.like->source.span).Hint("CREATE TABLE ... AS SELECT * FROM it");
    }
    auto merged = MergeLike(**source, *create.like, table);
    if (!merged.ok()) return std::move(std::move(merged).error()).At(create.like->source.span);
  }
  auto resolved = ResolveTable(std::move(table), context);
  if (resolved.ok()) return resolved;
  return Placed(std::move(resolved).error(), create);
}

Result<TableDefinition> DefineView(const sql::CreateViewStatement& create, const PlannerContext& context) {
  TableDefinition view;
  view.path = ResolvePath(create.name, context);
  view.is_temporary = create.is_temporary;
  view.comment = create.comment;
  for (const sql::Identifier& column : create.columns) view.view_columns.push_back(column.text);
  return DefineViewOver(std::move(view), *create.query, context, create.name.span);
}

Result<TableDefinition> RedefineView(const TableDefinition& view, const sql::AlterViewAsStatement& alter, const PlannerContext& context) {
  FIRN_ASSERT(view.kind == TableKind::kView, "{} is no view", view.path.ToString());
  TableDefinition redefined = view;
  redefined.view_columns.clear();
  return DefineViewOver(std::move(redefined), *alter.query, context, alter.name.span);
}

}  // namespace firn::plan
