// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "plan/definitions.h"
#include "plan/expression_text.h"

namespace firn::plan {

namespace {

std::string QuotedList(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + QuotedIdentifier(name);
  return text;
}

std::string ExtrasOf(const TableColumn& column) {
  if (column.kind == ColumnKind::kComputed) return "AS " + column.expression;
  if (column.kind != ColumnKind::kMetadata) return "";
  std::string text = "METADATA";
  if (column.metadata_key != column.name && !column.metadata_key.empty()) text += " FROM " + QuotedString(column.metadata_key);
  if (column.is_virtual) text += " VIRTUAL";
  return text;
}

std::string ColumnText(const TableColumn& column) {
  std::string text = "  " + QuotedIdentifier(column.name);
  if (column.kind != ColumnKind::kComputed) text += " " + column.type.ToString();
  if (column.kind != ColumnKind::kPhysical) text += " " + ExtrasOf(column);
  if (!column.comment.empty()) text += " COMMENT " + QuotedString(column.comment);
  return text;
}

std::string PathText(const ObjectPath& path) {
  return QuotedIdentifier(path.catalog) + "." + QuotedIdentifier(path.database) + "." + QuotedIdentifier(path.name);
}

/// Partition columns are quoted, transforms stand as written.
std::string PartitionText(const std::string& partition) {
  return partition.find('(') == std::string::npos ? QuotedIdentifier(partition) : partition;
}

std::string ViewText(const TableDefinition& view) {
  std::string text = fmt::format("CREATE {}VIEW {}", view.is_temporary ? "TEMPORARY " : "", PathText(view.path));
  std::vector<std::string> names;
  for (const TableColumn& column : view.columns) names.push_back(column.name);
  if (!names.empty()) text += fmt::format(" (\n  {}\n)", QuotedList(names));
  if (!view.comment.empty()) text += " COMMENT " + QuotedString(view.comment);
  return text + "\nAS " + view.view_query + "\n";
}

}  // namespace

std::vector<ColumnDescription> DescribeTable(const TableDefinition& table) {
  std::vector<ColumnDescription> rows;
  std::string key;
  for (const std::string& name : table.primary_key) key += (key.empty() ? "" : ", ") + name;
  for (const TableColumn& column : table.columns) {
    ColumnDescription row;
    row.name = column.name;
    row.type = column.type.WithNullable(true).ToStringWithAttribute();
    row.is_nullable = column.type.nullable();
    row.extras = ExtrasOf(column);
    row.comment = column.comment;
    const bool is_key = std::find(table.primary_key.begin(), table.primary_key.end(), column.name) != table.primary_key.end();
    if (is_key) row.key = "PRI(" + key + ")";
    if (table.watermark && table.watermark->column == column.name) row.watermark = table.watermark->expression;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string ShowCreate(const TableDefinition& table) {
  if (table.kind == TableKind::kView) return ViewText(table);
  std::vector<std::string> lines;
  for (const TableColumn& column : table.columns) lines.push_back(ColumnText(column));
  if (table.watermark) lines.push_back(fmt::format("  WATERMARK FOR {} AS {}", QuotedIdentifier(table.watermark->column), table.watermark->expression));
  if (!table.primary_key.empty()) lines.push_back(fmt::format("  PRIMARY KEY ({}) NOT ENFORCED", QuotedList(table.primary_key)));
  std::string body;
  for (const std::string& line : lines) body += (body.empty() ? "" : ",\n") + line;
  std::string text = fmt::format("CREATE {}TABLE {} (\n{}\n)\n", table.is_temporary ? "TEMPORARY " : "", PathText(table.path), body);
  if (!table.comment.empty()) text += "COMMENT " + QuotedString(table.comment) + "\n";
  if (!table.partitioned_by.empty()) {
    std::string parts;
    for (const std::string& partition : table.partitioned_by) parts += (parts.empty() ? "" : ", ") + PartitionText(partition);
    text += "PARTITIONED BY (" + parts + ")\n";
  }
  std::string options;
  for (const auto& [name, value] : table.options) {
    if (name == "comment" && value == table.comment) continue;  // where an Iceberg table keeps it
    options += (options.empty() ? "" : ",\n") + fmt::format("  {} = {}", QuotedString(name), QuotedString(value));
  }
  return options.empty() ? text : text + "WITH (\n" + options + "\n)\n";
}

}  // namespace firn::plan
