// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/assert.h"
#include "sql/unparser_internal.h"

namespace firn::sql {

void Unparser::WriteColumn(const ColumnDefinition& column) {
  FIRN_ASSERT((column.kind == ColumnDefinitionKind::kComputed) == (column.expression != nullptr), "column `{}` of kind {} {} an expression", column.name.text,
              static_cast<int>(column.kind), column.expression ? "with" : "without");
  Name(column.name);
  if (column.expression) {
    Text(" AS ");
    Write(*column.expression);
  }
  if (column.type) Text(fmt::format(" {}", column.type->ToString()));
  if (column.kind == ColumnDefinitionKind::kMetadata) {
    Text(" METADATA");
    if (!column.metadata_key.empty()) {
      Text(" FROM ");
      Quoted(column.metadata_key);
    }
    if (column.is_virtual) Text(" VIRTUAL");
  }
  if (column.is_primary_key) Text(column.is_enforced ? " PRIMARY KEY ENFORCED" : " PRIMARY KEY NOT ENFORCED");
  WriteComment(column.comment);
}

void Unparser::WriteWatermark(const WatermarkClause& watermark) {
  Text(fmt::format("WATERMARK FOR {} AS ", watermark.column.ToString()));
  Write(*watermark.expression);
}

void Unparser::WritePrimaryKey(const PrimaryKeyClause& key) {
  Text("PRIMARY KEY ");
  Names(key.columns);
  Text(key.is_enforced ? " ENFORCED" : " NOT ENFORCED");
}

void Unparser::WriteLike(const LikeClause& like) {
  static constexpr std::string_view kModes[] = {"INCLUDING ", "EXCLUDING ", "OVERWRITING "};
  static constexpr std::string_view kFeatures[] = {"ALL", "CONSTRAINTS", "DISTRIBUTION", "PARTITIONS", "GENERATED", "METADATA", "OPTIONS", "WATERMARKS"};
  Text(fmt::format(" LIKE {}", like.source.ToString()));
  if (like.rules.empty()) return;
  Text(" (");
  for (const auto& [mode, feature] : like.rules) {
    if (text_.back() != '(') Text(" ");
    Text(kModes[static_cast<int>(mode)]);
    Text(kFeatures[static_cast<int>(feature)]);
  }
  Text(")");
}

void Unparser::WriteBody(const CreateTableStatement& create) {
  Text(fmt::format("CREATE {}{}TABLE {}{}", create.or_replace ? "OR REPLACE " : "", create.is_temporary ? "TEMPORARY " : "", create.if_not_exists ? "IF NOT EXISTS " : "", create.name.ToString()));
  if (!create.columns.empty() || create.watermark || create.primary_key) {
    Text(" (");
    List(create.columns, [&](const ColumnDefinition& column) { WriteColumn(column); });
    const auto gap = [&] { Text(text_.back() == '(' ? "" : ", "); };
    if (create.watermark) {
      gap();
      WriteWatermark(*create.watermark);
    }
    if (create.primary_key) {
      gap();
      WritePrimaryKey(*create.primary_key);
    }
    Text(")");
  }
  WriteComment(create.comment);
  if (!create.partitioned_by.empty()) {
    Text(" PARTITIONED BY (");
    WriteAll(create.partitioned_by);
    Text(")");
  }
  if (!create.options.empty()) {
    Text(" WITH ");
    WriteOptions(create.options);
  }
  if (create.like) WriteLike(*create.like);
  if (create.as_query) {
    Text(" AS ");
    Write(*create.as_query);
  }
}

void Unparser::WriteBody(const CreateViewStatement& create) {
  Text(fmt::format("CREATE {}{}VIEW {}{}", create.or_replace ? "OR REPLACE " : "", create.is_temporary ? "TEMPORARY " : "", create.if_not_exists ? "IF NOT EXISTS " : "", create.name.ToString()));
  if (!create.columns.empty()) {
    Text(" ");
    Names(create.columns);
  }
  WriteComment(create.comment);
  Text(" AS ");
  Write(*create.query);
}

void Unparser::WriteBody(const DropTableStatement& drop) {
  Text(fmt::format("DROP {}{} {}{}", drop.is_temporary ? "TEMPORARY " : "", drop.is_view ? "VIEW" : "TABLE", drop.if_exists ? "IF EXISTS " : "", drop.name.ToString()));
}

void Unparser::WriteBody(const AlterTableStatement& alter) {
  Text(fmt::format("ALTER {} {}{} ", alter.is_view ? "VIEW" : "TABLE", alter.if_exists ? "IF EXISTS " : "", alter.name.ToString()));
  std::visit([this](const auto& action) { WriteAction(action); }, alter.action);
}

void Unparser::WriteBody(const AlterViewAsStatement& alter) {
  Text(fmt::format("ALTER VIEW {} AS ", alter.name.ToString()));
  Write(*alter.query);
}

void Unparser::WriteAction(const AlterTableRename& rename) { Text(fmt::format("RENAME TO {}", rename.to.ToString())); }

void Unparser::WriteAction(const AlterTableRenameColumn& rename) {
  Text("RENAME ");
  Name(rename.from);
  Text(" TO ");
  Name(rename.to);
}

void Unparser::WriteAction(const AlterTableSet& set) {
  Text("SET ");
  WriteOptions(set.options);
}

void Unparser::WriteAction(const AlterTableReset& reset) {
  Text("RESET (");
  List(reset.keys, [&](const std::string& key) { Quoted(key); });
  Text(")");
}

void Unparser::WriteAction(const AlterTableAdd& add) {
  Text(add.is_modify ? "MODIFY (" : "ADD (");
  List(add.columns, [&](const AddedColumn& added) {
    WriteColumn(added.column);
    if (added.is_first) Text(" FIRST");
    if (!added.after) return;
    Text(" AFTER ");
    Name(*added.after);
  });
  const auto gap = [&] { Text(text_.back() == '(' ? "" : ", "); };
  if (add.watermark) {
    gap();
    WriteWatermark(*add.watermark);
  }
  if (add.primary_key) {
    gap();
    WritePrimaryKey(*add.primary_key);
  }
  Text(")");
}

void Unparser::WriteAction(const AlterTableDrop& drop) {
  FIRN_ASSERT(!drop.columns.empty() + drop.is_watermark + drop.is_primary_key == 1, "ALTER TABLE DROP of {} columns and more, or of nothing", drop.columns.size());
  Text("DROP ");
  if (drop.is_watermark) return Text("WATERMARK");
  if (drop.is_primary_key) return Text("PRIMARY KEY");
  Names(drop.columns);
}

}  // namespace firn::sql
