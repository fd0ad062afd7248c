// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "plan/definitions.h"
#include "plan/expression_text.h"
#include "sql/parser.h"

namespace firn::plan {

namespace {

std::vector<TableColumn>::iterator Find(TableDefinition& table, const std::string& name) {
  return std::find_if(table.columns.begin(), table.columns.end(), [&](const TableColumn& column) { return column.name == name; });
}

Error NoColumn(const TableDefinition& table, const sql::Identifier& name) {
  std::vector<std::string> known;
  for (const TableColumn& column : table.columns) known.push_back(column.name);
  return Error(ErrorCode::kColumnNotFound, fmt::format("table {} has no column `{}`", table.path.ToString(), name.text)).At(name.span).Candidates(base::NearNames(name.text, known));
}

/// What depends on the column besides itself; "" if nothing does.
std::string UserOf(const TableDefinition& table, const std::string& name) {
  const auto names = [&](const std::string& text) {
    const auto parsed = sql::ParseExpression(text);
    return parsed.ok() && NamesColumn(**parsed, name);
  };
  for (const TableColumn& column : table.columns) {
    if (column.kind == ColumnKind::kComputed && column.name != name && names(column.expression)) return fmt::format("computed column `{}`", column.name);
  }
  if (table.watermark && (table.watermark->column == name || names(table.watermark->expression))) return "the watermark";
  for (const std::string& partition : table.partitioned_by) {
    if (partition == name || names(partition)) return "the partitioning";
  }
  return "";
}

Status Rename(TableDefinition& table, const sql::AlterTableRenameColumn& rename) {
  const auto column = Find(table, rename.from.text);
  if (column == table.columns.end()) return NoColumn(table, rename.from);
  if (Find(table, rename.to.text) != table.columns.end()) {
    return Error(ErrorCode::kInvalidDefinition, fmt::format("table {} has a column `{}` already", table.path.ToString(), rename.to.text)).At(rename.to.span);
  }
  if (const std::string user = UserOf(table, rename.from.text); !user.empty()) {
    return Error(ErrorCode::kInvalidDefinition, fmt::format("column `{}` is used by {}", rename.from.text, user)).At(rename.from.span).Hint("drop or change that first");
  }
  column->name = rename.to.text;
  std::replace(table.primary_key.begin(), table.primary_key.end(), rename.from.text, rename.to.text);
  return Ok();
}

Result<TableColumn> Defined(const sql::ColumnDefinition& column, std::string_view text) {
  TableColumn defined;
  defined.name = column.name.text;
  defined.comment = column.comment;
  if (column.kind == sql::ColumnDefinitionKind::kComputed) {
    defined.kind = ColumnKind::kComputed;
    defined.expression = StoredText(*column.expression, text);
    return defined;
  }
  if (!column.type) return Error(ErrorCode::kInvalidDefinition, fmt::format("column `{}` has no type", defined.name)).At(column.span);
  defined.type = *column.type;
  if (column.kind == sql::ColumnDefinitionKind::kMetadata) {
    defined.kind = ColumnKind::kMetadata;
    defined.metadata_key = column.metadata_key.empty() ? defined.name : column.metadata_key;
    defined.is_virtual = column.is_virtual;
  }
  return defined;
}

Status AddColumn(TableDefinition& table, const sql::AddedColumn& added, bool is_modify, std::string_view text) {
  FIRN_TRY(TableColumn column, Defined(added.column, text));
  auto existing = Find(table, column.name);
  if (is_modify) {
    if (existing == table.columns.end()) return NoColumn(table, added.column.name);
    const bool stays = !added.is_first && !added.after;
    if (stays) {
      *existing = std::move(column);
      return Ok();
    }
    table.columns.erase(existing);
  } else if (existing != table.columns.end()) {
    return Error(ErrorCode::kInvalidDefinition, fmt::format("table {} has a column `{}` already", table.path.ToString(), column.name))
        .At(added.column.name.span)
        .Hint("ALTER TABLE ... MODIFY changes it");
  }
  auto place = table.columns.end();
  if (added.is_first) place = table.columns.begin();
  if (added.after) {
    place = Find(table, added.after->text);
    if (place == table.columns.end()) return NoColumn(table, *added.after);
    ++place;
  }
  table.columns.insert(place, std::move(column));
  return Ok();
}

Status Add(TableDefinition& table, const sql::AlterTableAdd& add, std::string_view text) {
  for (const sql::AddedColumn& column : add.columns) {
    FIRN_RETURN_IF_ERROR(AddColumn(table, column, add.is_modify, text));
    if (!column.column.is_primary_key) continue;
    return Error(ErrorCode::kNotSupported, fmt::format("PRIMARY KEY behind the column `{}` is not supported in ALTER TABLE", column.column.name.text))
        .At(column.column.span)
        .Hint(fmt::format("ALTER TABLE t ADD (`{}` ..., PRIMARY KEY (`{}`) NOT ENFORCED)", column.column.name.text, column.column.name.text));
  }
  if (add.watermark) {
    if (table.watermark && !add.is_modify) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("table {} has a watermark already", table.path.ToString())).At(add.watermark->span).Hint("ALTER TABLE ... MODIFY WATERMARK ...");
    }
    if (add.watermark->column.parts.size() != 1) {
      return Error(ErrorCode::kNotSupported, "a watermark on a field of a ROW is not supported").At(add.watermark->column.span).Hint("compute a column: event_time AS r.ts");
    }
    table.watermark = WatermarkDefinition{add.watermark->column.parts[0].text, StoredText(*add.watermark->expression, text)};
  }
  if (add.primary_key) {
    if (add.primary_key->is_enforced) {
      return Error(ErrorCode::kInvalidDefinition, "a primary key cannot be enforced").At(add.primary_key->span).Hint("PRIMARY KEY (...) NOT ENFORCED");
    }
    if (!table.primary_key.empty() && !add.is_modify) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("table {} has a primary key already", table.path.ToString())).At(add.primary_key->span).Hint("ALTER TABLE ... MODIFY PRIMARY KEY ...");
    }
    table.primary_key.clear();
    for (const sql::Identifier& column : add.primary_key->columns) table.primary_key.push_back(column.text);
  }
  return Ok();
}

Status Drop(TableDefinition& table, const sql::AlterTableDrop& drop) {
  if (drop.is_watermark) {
    if (!table.watermark) return Error(ErrorCode::kInvalidDefinition, fmt::format("table {} has no watermark", table.path.ToString())).Hint("ALTER TABLE ... ADD WATERMARK FOR ... adds one");
    table.watermark.reset();
  }
  if (drop.is_primary_key) {
    if (table.primary_key.empty()) return Error(ErrorCode::kInvalidDefinition, fmt::format("table {} has no primary key", table.path.ToString())).Hint("ALTER TABLE ... ADD PRIMARY KEY (...) NOT ENFORCED adds one");
    table.primary_key.clear();
  }
  for (const sql::Identifier& name : drop.columns) {
    const auto column = Find(table, name.text);
    if (column == table.columns.end()) return NoColumn(table, name);
    std::string user = UserOf(table, name.text);
    const auto& key = table.primary_key;
    if (std::find(key.begin(), key.end(), name.text) != key.end()) user = "the primary key";
    // A computed column that is dropped in the same statement does not hold its inputs back.
    const bool goes_too = std::any_of(drop.columns.begin(), drop.columns.end(), [&](const sql::Identifier& other) { return user == fmt::format("computed column `{}`", other.text); });
    if (!user.empty() && !goes_too) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("column `{}` is used by {}", name.text, user)).At(name.span).Hint("drop that first");
    }
    table.columns.erase(column);
  }
  return Ok();
}

}  // namespace

Result<TableDefinition> ApplyAlter(const TableDefinition& table, const sql::AlterTableStatement& alter, std::string_view text, const PlannerContext& context) {
  TableDefinition altered = table;
  if (table.kind == TableKind::kView) {
    return Error(ErrorCode::kInvalidDefinition, fmt::format("{} is a view", table.path.ToString())).At(alter.name.span).Hint("ALTER VIEW ... AS SELECT ...");
  }
  if (const auto* rename = std::get_if<sql::AlterTableRenameColumn>(&alter.action)) {
    FIRN_RETURN_IF_ERROR(Rename(altered, *rename));
  } else if (const auto* set = std::get_if<sql::AlterTableSet>(&alter.action)) {
    for (const sql::Option& option : set->options) altered.options[option.key] = option.value;
  } else if (const auto* reset = std::get_if<sql::AlterTableReset>(&alter.action)) {
    for (const std::string& key : reset->keys) {
      if (key == "connector") return Error(ErrorCode::kInvalidDefinition, "'connector' cannot be reset").At(alter.name.span).Hint("DROP TABLE and CREATE it anew");
      altered.options.erase(key);
    }
  } else if (const auto* add = std::get_if<sql::AlterTableAdd>(&alter.action)) {
    FIRN_RETURN_IF_ERROR(Add(altered, *add, text));
  } else if (const auto* drop = std::get_if<sql::AlterTableDrop>(&alter.action)) {
    Status dropped = Drop(altered, *drop);
    if (!dropped.ok() && !dropped.error().span()) return std::move(dropped).error().At(alter.name.span);
    FIRN_RETURN_IF_ERROR(std::move(dropped));
  } else {
    return Error(ErrorCode::kInvalidArgument, "renaming a table changes no definition");
  }
  FIRN_ASSERT(altered.path == table.path, "{} became {}", table.path.ToString(), altered.path.ToString());
  auto resolved = ResolveTable(std::move(altered), context);
  if (resolved.ok()) return resolved;
  return std::move(std::move(resolved).error()).At(alter.name.span);
}

}  // namespace firn::plan
