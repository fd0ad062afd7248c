// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "sql/parser_internal.h"

namespace firn::sql {

bool Parser::TakeIfNotExists() { return TakeWords({"IF", "NOT", "EXISTS"}); }
bool Parser::TakeIfExists() { return TakeWords({"IF", "EXISTS"}); }

Result<StatementBody> Parser::ParseCreate() {
  FIRN_RETURN_IF_ERROR(ExpectWord("CREATE"));
  const SourceSpan span = Current().span;
  if (AtWords({"OR", "ALTER"})) return Unsupported(Current().span, "CREATE OR ALTER is not supported", "CREATE OR REPLACE TABLE ... AS, or CREATE VIEW");
  const bool or_replace = TakeWords({"OR", "REPLACE"});
  const bool is_temporary = TakeWord("TEMPORARY");
  if (AtWord("SYSTEM") || AtWord("FUNCTION")) return Unsupported(span, "CREATE FUNCTION is not supported", "SHOW FUNCTIONS lists what is built in");
  for (const char* word : {"MATERIALIZED", "MODEL", "CONNECTION"}) {
    if (AtWord(word)) return Unsupported(Current().span, fmt::format("CREATE {} is not supported", word), "CREATE VIEW, or CREATE TABLE with an INSERT job");
  }
  if (TakeWord("TABLE")) return ParseCreateTable(is_temporary, or_replace);
  if (TakeWord("VIEW")) return ParseCreateView(is_temporary, or_replace);
  if (TakeWord("CATALOG")) {
    CreateCatalogStatement catalog;
    catalog.if_not_exists = TakeIfNotExists();
    FIRN_TRY(catalog.name, ParseIdentifier("a catalog's name"));
    if (TakeWord("COMMENT")) {
      FIRN_TRY(catalog.comment, ParseString("a comment in quotes"));
    }
    if (TakeWord("WITH")) {
      FIRN_TRY(catalog.options, ParseOptions());
    }
    return StatementBody(std::move(catalog));
  }
  if (TakeWord("DATABASE")) {
    CreateDatabaseStatement database;
    database.if_not_exists = TakeIfNotExists();
    FIRN_TRY(database.name, ParseObjectName("a database's name", kDatabaseNameParts));
    if (TakeWord("COMMENT")) {
      FIRN_TRY(database.comment, ParseString("a comment in quotes"));
    }
    if (TakeWord("WITH")) {
      FIRN_TRY(database.options, ParseOptions());
    }
    return StatementBody(std::move(database));
  }
  return Unexpected("TABLE, VIEW, DATABASE or CATALOG");
}

Result<StatementBody> Parser::ParseCreateTable(bool is_temporary, bool or_replace) {
  CreateTableStatement table;
  table.is_temporary = is_temporary;
  table.or_replace = or_replace;
  table.if_not_exists = TakeIfNotExists();
  FIRN_TRY(table.name, ParseObjectName("a table's name"));
  if (AtSymbol("(")) FIRN_RETURN_IF_ERROR(ParseTableElements(&table));
  if (TakeWord("COMMENT")) {
    FIRN_TRY(table.comment, ParseString("a comment in quotes"));
  }
  if (AtWord("DISTRIBUTED")) return Unsupported(Current().span, "DISTRIBUTED BY is not supported", "PARTITIONED BY (bucket(n, column)) distributes an Iceberg table");
  if (TakeWords({"PARTITIONED", "BY"})) {
    FIRN_RETURN_IF_ERROR(ExpectSymbol("("));
    FIRN_TRY(table.partitioned_by, ParseValueList(")"));
  }
  if (TakeWord("WITH")) {
    FIRN_TRY(table.options, ParseOptions());
  }
  if (TakeWord("LIKE")) {
    FIRN_TRY(LikeClause like, ParseLike());
    table.like = std::move(like);
  }
  if (TakeWord("AS")) {
    FIRN_TRY(table.as_query, ParseQueryExpression());
  }
  return StatementBody(std::move(table));
}

Status Parser::ParseTableElements(CreateTableStatement* table) {
  FIRN_RETURN_IF_ERROR(ExpectSymbol("("));
  do {
    FIRN_RETURN_IF_ERROR(ParseTableElement(table));
  } while (TakeSymbol(","));
  return ExpectSymbol(")");
}

Status Parser::ParseTableElement(CreateTableStatement* table) {
  if (AtWord("WATERMARK") && AtWord("FOR", 1)) {
    if (table->watermark) return Error(ErrorCode::kInvalidDefinition, "a table has at most one WATERMARK").At(Current().span);
    FIRN_TRY(WatermarkClause watermark, ParseWatermark());
    table->watermark = std::move(watermark);
    return Ok();
  }
  if (AtWord("CONSTRAINT") || AtWord("PRIMARY") || (AtWord("UNIQUE") && AtSymbol("(", 1))) {
    if (TakeWord("CONSTRAINT")) {
      FIRN_TRY(Identifier ignored, ParseIdentifier("a constraint's name"));  // Flink has no use for the name either
    }
    if (AtWord("UNIQUE")) return Unsupported(Current().span, "UNIQUE constraints are not supported", "PRIMARY KEY (...) NOT ENFORCED");
    const SourceSpan span = Current().span;
    FIRN_TRY(PrimaryKeyClause key, ParsePrimaryKey());
    if (table->primary_key) return Error(ErrorCode::kInvalidDefinition, "a table has at most one PRIMARY KEY").At(span);
    table->primary_key = std::move(key);
    return Ok();
  }
  FIRN_TRY(ColumnDefinition column, ParseColumnDefinition());
  table->columns.push_back(std::move(column));
  return Ok();
}

Result<ColumnDefinition> Parser::ParseColumnDefinition() {
  ColumnDefinition column;
  const uint32_t begin = Current().span.begin;
  FIRN_TRY(column.name, ParseIdentifier("a column's name"));
  if (TakeWord("AS")) {
    column.kind = ColumnDefinitionKind::kComputed;
    FIRN_TRY(column.expression, ParseValue());
  } else if (!AtSymbol(",") && !AtSymbol(")")) {
    FIRN_TRY(types::DataType type, ParseDataType());
    column.type = std::move(type);
  }
  if (column.type && TakeWord("METADATA")) {
    column.kind = ColumnDefinitionKind::kMetadata;
    if (TakeWord("FROM")) {
      FIRN_TRY(column.metadata_key, ParseString("a metadata key in quotes"));
    }
    column.is_virtual = TakeWord("VIRTUAL");
  }
  if (TakeWords({"PRIMARY", "KEY"})) {
    column.is_primary_key = true;
    column.is_enforced = !TakeWords({"NOT", "ENFORCED"});
    if (column.is_enforced) TakeWord("ENFORCED");
  }
  if (TakeWord("COMMENT")) {
    FIRN_TRY(column.comment, ParseString("a comment in quotes"));
  }
  column.span = SpanFrom(begin);
  return column;
}

Result<WatermarkClause> Parser::ParseWatermark() {
  WatermarkClause watermark;
  const uint32_t begin = Current().span.begin;
  Advance();
  FIRN_RETURN_IF_ERROR(ExpectWord("FOR"));
  FIRN_TRY(watermark.column, ParseObjectName("a column", kAnyNameParts));
  FIRN_RETURN_IF_ERROR(ExpectWord("AS"));
  FIRN_TRY(watermark.expression, ParseValue());
  watermark.span = SpanFrom(begin);
  return watermark;
}

Result<PrimaryKeyClause> Parser::ParsePrimaryKey() {
  PrimaryKeyClause key;
  const uint32_t begin = Current().span.begin;
  FIRN_RETURN_IF_ERROR(ExpectWord("PRIMARY"));
  FIRN_RETURN_IF_ERROR(ExpectWord("KEY"));
  FIRN_TRY(key.columns, ParseIdentifierList("a column"));
  key.is_enforced = !TakeWords({"NOT", "ENFORCED"});
  if (key.is_enforced) TakeWord("ENFORCED");
  key.span = SpanFrom(begin);
  return key;
}

Result<LikeClause> Parser::ParseLike() {
  static constexpr std::pair<const char*, LikeFeature> kFeatures[] = {
      {"ALL", LikeFeature::kAll},             {"CONSTRAINTS", LikeFeature::kConstraints}, {"DISTRIBUTION", LikeFeature::kDistribution},
      {"PARTITIONS", LikeFeature::kPartitions}, {"GENERATED", LikeFeature::kGenerated},     {"METADATA", LikeFeature::kMetadata},
      {"OPTIONS", LikeFeature::kOptions},     {"WATERMARKS", LikeFeature::kWatermarks}};
  LikeClause like;
  FIRN_TRY(like.source, ParseObjectName("a table"));
  if (!TakeSymbol("(")) return like;
  while (!TakeSymbol(")")) {
    LikeMode mode = LikeMode::kIncluding;
    if (TakeWord("EXCLUDING")) {
      mode = LikeMode::kExcluding;
    } else if (TakeWord("OVERWRITING")) {
      mode = LikeMode::kOverwriting;
    } else {
      FIRN_RETURN_IF_ERROR(ExpectWord("INCLUDING"));
    }
    const size_t before = like.rules.size();
    for (const auto& [word, feature] : kFeatures) {
      if (like.rules.size() == before && TakeWord(word)) like.rules.emplace_back(mode, feature);
    }
    if (like.rules.size() == before) return Unexpected("ALL, CONSTRAINTS, PARTITIONS, GENERATED, METADATA, OPTIONS or WATERMARKS");
  }
  return like;
}

Result<StatementBody> Parser::ParseCreateView(bool is_temporary, bool or_replace) {
  CreateViewStatement view;
  view.is_temporary = is_temporary;
  view.or_replace = or_replace;
  view.if_not_exists = TakeIfNotExists();
  FIRN_TRY(view.name, ParseObjectName("a view's name"));
  if (AtSymbol("(")) {
    FIRN_TRY(view.columns, ParseIdentifierList("a column"));
  }
  if (TakeWord("COMMENT")) {
    FIRN_TRY(view.comment, ParseString("a comment in quotes"));
  }
  FIRN_RETURN_IF_ERROR(ExpectWord("AS"));
  FIRN_TRY(view.query, ParseQueryExpression());
  return StatementBody(std::move(view));
}

Result<StatementBody> Parser::ParseDrop() {
  FIRN_RETURN_IF_ERROR(ExpectWord("DROP"));
  const bool is_temporary = TakeWord("TEMPORARY");
  if (AtWord("TABLE") || AtWord("VIEW")) {
    DropTableStatement drop;
    drop.is_temporary = is_temporary;
    drop.is_view = AtWord("VIEW");
    Advance();
    drop.if_exists = TakeIfExists();
    FIRN_TRY(drop.name, ParseObjectName("a name"));
    return StatementBody(std::move(drop));
  }
  if (TakeWord("CATALOG")) {
    DropCatalogStatement drop;
    drop.if_exists = TakeIfExists();
    FIRN_TRY(drop.name, ParseIdentifier("a catalog's name"));
    return StatementBody(std::move(drop));
  }
  if (TakeWord("DATABASE")) {
    DropDatabaseStatement drop;
    drop.if_exists = TakeIfExists();
    FIRN_TRY(drop.name, ParseObjectName("a database's name", kDatabaseNameParts));
    drop.is_cascade = TakeWord("CASCADE");
    if (!drop.is_cascade) TakeWord("RESTRICT");
    return StatementBody(std::move(drop));
  }
  for (const char* word : {"FUNCTION", "SYSTEM", "MODEL", "MATERIALIZED", "CONNECTION"}) {
    if (AtWord(word)) return Unsupported(Current().span, fmt::format("DROP {} is not supported", word), "there is none: SHOW TABLES, VIEWS, CATALOGS, DATABASES list what there is");
  }
  return Unexpected("TABLE, VIEW, DATABASE or CATALOG");
}

Result<StatementBody> Parser::ParseAlter() {
  FIRN_RETURN_IF_ERROR(ExpectWord("ALTER"));
  if (TakeWord("TABLE")) return ParseAlterTable(false);
  if (TakeWord("VIEW")) return ParseAlterTable(true);
  for (const char* word : {"DATABASE", "CATALOG", "FUNCTION", "MODEL", "MATERIALIZED", "CONNECTION"}) {
    if (AtWord(word)) return Unsupported(Current().span, fmt::format("ALTER {} is not supported", word), "drop it and create it anew");
  }
  return Unexpected("TABLE or VIEW");
}

Result<StatementBody> Parser::ParseAlterTable(bool is_view) {
  AlterTableStatement alter;
  alter.is_view = is_view;
  alter.if_exists = TakeIfExists();
  FIRN_TRY(alter.name, ParseObjectName("a name"));
  if (is_view && TakeWord("AS")) {
    AlterViewAsStatement as;
    as.name = std::move(alter.name);
    FIRN_TRY(as.query, ParseQueryExpression());
    return StatementBody(std::move(as));
  }
  FIRN_TRY(alter.action, ParseAlterAction());
  if (is_view && !std::holds_alternative<AlterTableRename>(alter.action)) {
    return Unsupported(alter.name.span, "a view can only be renamed or given a new query", "ALTER VIEW v RENAME TO w, ALTER VIEW v AS SELECT ...");
  }
  return StatementBody(std::move(alter));
}

Result<AlterTableAction> Parser::ParseAlterAction() {
  if (TakeWords({"RENAME", "TO"})) {
    AlterTableRename rename;
    FIRN_TRY(rename.to, ParseObjectName("the new name"));
    return AlterTableAction(std::move(rename));
  }
  if (TakeWord("RENAME")) {
    AlterTableRenameColumn rename;
    FIRN_TRY(rename.from, ParseIdentifier("a column"));
    FIRN_RETURN_IF_ERROR(ExpectWord("TO"));
    FIRN_TRY(rename.to, ParseIdentifier("the new name"));
    return AlterTableAction(std::move(rename));
  }
  if (TakeWord("SET")) {
    AlterTableSet set;
    FIRN_TRY(set.options, ParseOptions());
    return AlterTableAction(std::move(set));
  }
  if (TakeWord("RESET")) {
    AlterTableReset reset;
    FIRN_RETURN_IF_ERROR(ExpectSymbol("("));
    do {
      FIRN_TRY(std::string key, ParseString("an option's key in quotes"));
      reset.keys.push_back(std::move(key));
    } while (TakeSymbol(","));
    FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
    return AlterTableAction(std::move(reset));
  }
  if (AtWord("ADD") || AtWord("MODIFY")) {
    const bool is_modify = AtWord("MODIFY");
    Advance();
    return ParseAlterAdd(is_modify);
  }
  if (TakeWord("DROP")) return ParseAlterDrop();
  return Unexpected("RENAME, SET, RESET, ADD, MODIFY or DROP");
}

Result<AlterTableAction> Parser::ParseAlterAdd(bool is_modify) {
  AlterTableAdd add;
  add.is_modify = is_modify;
  if (AtWord("PARTITION")) return Unsupported(Current().span, "ADD PARTITION is not supported", "partitions of an Iceberg table come into being with their rows");
  if (AtWord("COLUMN")) Advance();
  const bool is_list = TakeSymbol("(");
  do {
    if (AtWord("WATERMARK") && AtWord("FOR", 1)) {
      if (add.watermark) return Error(ErrorCode::kInvalidDefinition, "a table has at most one WATERMARK").At(Current().span);
      FIRN_TRY(WatermarkClause watermark, ParseWatermark());
      add.watermark = std::move(watermark);
    } else if (AtWords({"PRIMARY", "KEY"}) || AtWord("CONSTRAINT")) {
      if (TakeWord("CONSTRAINT")) {
        FIRN_TRY(Identifier ignored, ParseIdentifier("a constraint's name"));
      }
      if (add.primary_key) return Error(ErrorCode::kInvalidDefinition, "a table has at most one PRIMARY KEY").At(Current().span);
      FIRN_TRY(PrimaryKeyClause key, ParsePrimaryKey());
      add.primary_key = std::move(key);
    } else {
      AddedColumn added;
      FIRN_TRY(added.column, ParseColumnDefinition());
      if (TakeWord("FIRST")) {
        added.is_first = true;
      } else if (TakeWord("AFTER")) {
        FIRN_TRY(Identifier after, ParseIdentifier("a column"));
        added.after = std::move(after);
      }
      add.columns.push_back(std::move(added));
    }
  } while (is_list && TakeSymbol(","));
  if (is_list) FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  return AlterTableAction(std::move(add));
}

Result<AlterTableAction> Parser::ParseAlterDrop() {
  AlterTableDrop drop;
  if (TakeWord("WATERMARK")) {
    drop.is_watermark = true;
  } else if (TakeWords({"PRIMARY", "KEY"})) {
    drop.is_primary_key = true;
  } else if (AtWord("PARTITION") || AtWord("CONSTRAINT") || AtWord("DISTRIBUTION")) {
    return Unsupported(Current().span, fmt::format("DROP {} is not supported", Current().upper), "DROP column, DROP PRIMARY KEY, DROP WATERMARK; INSERT OVERWRITE t PARTITION (k = v) replaces a partition's rows");
  } else {
    TakeWord("COLUMN");
    if (AtSymbol("(")) {
      FIRN_TRY(drop.columns, ParseIdentifierList("a column"));
    } else {
      FIRN_TRY(Identifier column, ParseIdentifier("a column"));
      drop.columns.push_back(std::move(column));
    }
  }
  return AlterTableAction(std::move(drop));
}

}  // namespace firn::sql
