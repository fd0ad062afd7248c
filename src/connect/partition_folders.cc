// SPDX-License-Identifier: Apache-2.0
#include "connect/partition_folders.h"

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/scalar.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/assert.h"
#include "io/file_system.h"
#include "types/arrow_result.h"
#include "types/value_text.h"

namespace firn::connect {

using types::ArrayPtr;
using types::TypeKind;

namespace {

constexpr const char* kNullName = "__HIVE_DEFAULT_PARTITION__";

bool HasFolderName(TypeKind kind) {
  switch (kind) {
    case TypeKind::kChar:
    case TypeKind::kVarchar:
    case TypeKind::kBoolean:
    case TypeKind::kTinyInt:
    case TypeKind::kSmallInt:
    case TypeKind::kInt:
    case TypeKind::kBigInt:
    case TypeKind::kDate: return true;
    default: return false;
  }
}

// Hive's rule, which Flink follows: what a path or a name could take for something else is %XX.
bool IsEscaped(char c) { return static_cast<unsigned char>(c) < 0x20 || std::string_view("\"#%'*/:=?\\\x7f{[]^").find(c) != std::string_view::npos; }

std::string Escape(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (IsEscaped(c)) out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    else out += c;
  }
  return out;
}

std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const bool is_escape = text[i] == '%' && i + 2 < text.size() && std::from_chars(text.data() + i + 1, text.data() + i + 3, code, 16).ptr == text.data() + i + 3;
    out += is_escape ? static_cast<char>(code) : text[i];
    if (is_escape) i += 2;
  }
  return out;
}

}  // namespace

Result<PartitionFolders> PartitionFolders::Make(const plan::TableDefinition& table) {
  PartitionFolders folders;
  folders.null_name_ = table.Option("partition.default-name", kNullName);
  size_t physical = 0;
  for (const plan::TableColumn& column : table.columns) physical += column.kind == plan::ColumnKind::kPhysical ? 1 : 0;
  for (const std::string& name : table.partitioned_by) {
    auto column = std::find_if(table.columns.begin(), table.columns.end(), [&](const plan::TableColumn& one) { return one.kind == plan::ColumnKind::kPhysical && one.name == name; });
    if (column == table.columns.end()) {
      return Error(ErrorCode::kNotSupported, fmt::format("{} is partitioned by {}, which is none of its columns", table.path.ToString(), name)).Hint("name columns of the table, or make an Iceberg table, which takes transforms");
    }
    if (!HasFolderName(column->type.kind())) {
      return Error(ErrorCode::kNotSupported, fmt::format("{} is partitioned by `{}` of type {}", table.path.ToString(), name, column->type.ToString()))
          .Hint("text, BOOLEAN, whole numbers and DATE name folders: partition by a CAST or a DATE_FORMAT of it");
    }
    folders.keys_.push_back({column->name, column->type});
  }
  if (physical > 0 && folders.keys_.size() == physical) {
    return Error(ErrorCode::kInvalidDefinition, fmt::format("{} is partitioned by all of its columns", table.path.ToString())).Hint("leave a column that the files can hold");
  }
  return folders;
}

std::optional<size_t> PartitionFolders::LevelOf(const std::string& column) const {
  auto found = std::find_if(keys_.begin(), keys_.end(), [&](const types::Field& key) { return key.name == column; });
  if (found == keys_.end()) return std::nullopt;
  return static_cast<size_t>(found - keys_.begin());
}

Result<std::string> PartitionFolders::FolderOf(const std::vector<ArrayPtr>& columns, int64_t row) const {
  FIRN_ASSERT(columns.size() == keys_.size(), "{} values for {} levels", columns.size(), keys_.size());
  std::string path;
  for (size_t level = 0; level < keys_.size(); ++level) {
    std::string text;
    if (!columns[level]->IsNull(row)) {
      FIRN_TRY(text, types::FormatCell(*columns[level], row, keys_[level].type, "UTC"));
      if (keys_[level].type.kind() == TypeKind::kBoolean) text = text == "TRUE" ? "true" : "false";
    }
    path = io::JoinPath(path, Escape(keys_[level].name) + "=" + Escape(text.empty() ? null_name_ : text));
  }
  return path;
}

std::optional<std::string> PartitionFolders::TextOf(size_t level, std::string_view folder) const {
  FIRN_ASSERT(level < keys_.size(), "level {} of {}", level, keys_.size());
  const size_t equals = folder.find('=');
  if (equals == std::string_view::npos || Unescape(folder.substr(0, equals)) != keys_[level].name) return std::nullopt;
  return Unescape(folder.substr(equals + 1));
}

Result<ArrayPtr> PartitionFolders::ColumnOf(size_t level, const std::string& text, int64_t rows) const {
  FIRN_ASSERT(level < keys_.size() && rows >= 0, "{} rows of level {} of {}", rows, level, keys_.size());
  const std::shared_ptr<arrow::DataType> type = keys_[level].type.ToArrow();
  if (text == null_name_) return types::FromArrowResult(arrow::MakeArrayOfNull(type, rows));
  auto value = arrow::Scalar::Parse(type, text);
  if (!value.ok()) return Error(ErrorCode::kDecodeError, fmt::format("the folder of `{}` is named '{}', which is not a {}", keys_[level].name, text, keys_[level].type.ToString())).Hint("rename or remove the folder, or declare the column STRING");
  return types::FromArrowResult(arrow::MakeArrayFromScalar(**value, rows));
}

}  // namespace firn::connect
