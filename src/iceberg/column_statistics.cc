// SPDX-License-Identifier: Apache-2.0
#include "iceberg/column_statistics.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>

#include "base/assert.h"
#include "base/endian.h"

namespace firn::iceberg {

using formats::ParquetPhysicalType;

namespace {

constexpr size_t kColumnsWithStatistics = 100;

Result<MetricsMode> ParseMode(const std::string& key, const std::string& text) {
  using Kind = MetricsMode::Kind;
  if (text == "none") return MetricsMode{Kind::kNone, 0};
  if (text == "counts") return MetricsMode{Kind::kCounts, 0};
  if (text == "full") return MetricsMode{Kind::kFull, 0};
  if (text.starts_with("truncate(") && text.ends_with(")")) {
    MetricsMode mode{Kind::kTruncate, 0};
    auto [end, code] = std::from_chars(text.data() + 9, text.data() + text.size() - 1, mode.width);
    if (code == std::errc() && end == text.data() + text.size() - 1 && mode.width > 0) return mode;
  }
  return Error(ErrorCode::kInvalidOption, fmt::format("the table property '{}' is '{}'", key, text))
      .Hint("Use none, counts, truncate(N) or full.");
}

bool IsText(const Type& type) { return type.id == TypeId::kString; }
bool IsCut(const Type& type) { return type.id == TypeId::kString || type.id == TypeId::kBinary || type.id == TypeId::kFixed; }

// One column over all row groups.
struct ColumnFold {
  int64_t size_bytes = 0;
  int64_t value_count = 0;
  int64_t null_count = 0;
  bool has_null_count = true;
  bool has_bounds = true;
  std::optional<Literal> lower;
  std::optional<Literal> upper;

  void Add(const formats::ParquetColumnSummary& column, const Type& type) {
    FIRN_ASSERT(!column.null_count || (*column.null_count >= 0 && *column.null_count <= column.value_count), "{} NULLs of {} values in {}", column.null_count.value_or(0), column.value_count, column.path);
    size_bytes += column.size_bytes;
    value_count += column.value_count;
    if (column.null_count) null_count += *column.null_count;
    else has_null_count = false;
    if (column.is_repeated) has_bounds = false;
    if (column.null_count && *column.null_count == column.value_count) return;  // no value, no bound
    std::optional<Literal> min = column.min ? LiteralFromParquet(type, column.physical_type, *column.min) : std::nullopt;
    std::optional<Literal> max = column.max ? LiteralFromParquet(type, column.physical_type, *column.max) : std::nullopt;
    if (!min || !max || IsNan(*min) || IsNan(*max)) {
      has_bounds = false;
      return;
    }
    if (!lower || CompareLiterals(*min, *lower) < 0) lower = std::move(min);
    if (!upper || CompareLiterals(*max, *upper) > 0) upper = std::move(max);
  }
};

void SetBounds(const NestedField& field, const MetricsMode& mode, const ColumnFold& fold, DataFile* file) {
  if (!fold.has_bounds || !fold.lower || mode.kind == MetricsMode::Kind::kCounts) return;
  std::string lower = EncodeBound(field.type, *fold.lower);
  std::optional<std::string> upper = EncodeBound(field.type, *fold.upper);
  if (mode.kind == MetricsMode::Kind::kTruncate && IsCut(field.type)) {
    lower = IsText(field.type) ? std::string(TruncateText(lower, mode.width)) : lower.substr(0, static_cast<size_t>(mode.width));
    upper = TruncateUpperBound(field.type, *upper, mode.width);
  }
  FIRN_ASSERT(CompareLiterals(*fold.lower, *fold.upper) <= 0 && (!IsCut(field.type) || !upper || lower <= *upper), "the bounds of `{}` in {} are the wrong way round", field.name, file->file_path);
  file->lower_bounds.Set(field.id, std::move(lower));
  if (upper) file->upper_bounds.Set(field.id, *std::move(upper));
}

// Adds one to the last code point of valid UTF-8 that has a successor, dropping those behind it.
std::optional<std::string> NextText(std::string text) {
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && (static_cast<uint8_t>(text[start]) & 0xc0) == 0x80) --start;
    const size_t length = text.size() - start;
    uint32_t point = static_cast<uint8_t>(text[start]);
    if (length > 1) point &= 0xffu >> (length + 1);
    for (size_t i = start + 1; i < text.size(); ++i) point = (point << 6) | (static_cast<uint8_t>(text[i]) & 0x3f);
    text.resize(start);
    if (++point == 0xd800) point = 0xe000;  // no surrogates in UTF-8
    if (point > 0x10ffff) continue;
    if (point < 0x80) return text + static_cast<char>(point);
    if (point >= 0x10000) text += static_cast<char>(0xf0 | (point >> 18));
    if (point >= 0x10000) text += static_cast<char>(0x80 | ((point >> 12) & 0x3f));
    else if (point >= 0x800) text += static_cast<char>(0xe0 | (point >> 12));
    if (point >= 0x800) text += static_cast<char>(0x80 | ((point >> 6) & 0x3f));
    else text += static_cast<char>(0xc0 | (point >> 6));
    return text + static_cast<char>(0x80 | (point & 0x3f));
  }
  return std::nullopt;
}

std::optional<std::string> NextBytes(std::string bytes) {
  while (!bytes.empty()) {
    if (static_cast<uint8_t>(bytes.back()) != 0xff) {
      bytes.back() = static_cast<char>(bytes.back() + 1);
      return bytes;
    }
    bytes.pop_back();
  }
  return std::nullopt;
}

}  // namespace

Result<std::map<int32_t, MetricsMode>> MetricsModes(const TableMetadata& metadata) {
  static const std::string kDefaultKey = "write.metadata.metrics.default";
  static const std::string kColumnKey = "write.metadata.metrics.column.";
  FIRN_TRY(MetricsMode otherwise, ParseMode(kDefaultKey, metadata.Property(kDefaultKey, "truncate(16)")));
  const bool is_said = metadata.properties.contains(kDefaultKey);
  std::map<int32_t, MetricsMode> modes;
  std::vector<std::pair<int32_t, std::string>> leaves;
  VisitFields(metadata.schema().fields, [&](const NestedField& field, const std::string& name) {
    if (field.type.IsPrimitive()) leaves.emplace_back(field.id, name);
  });
  for (size_t i = 0; i < leaves.size(); ++i) {
    MetricsMode mode = is_said || i < kColumnsWithStatistics ? otherwise : MetricsMode{MetricsMode::Kind::kNone, 0};
    auto said = metadata.properties.find(kColumnKey + leaves[i].second);
    if (said != metadata.properties.end()) {
      FIRN_TRY(mode, ParseMode(said->first, said->second));
    }
    modes[leaves[i].first] = mode;
  }
  return modes;
}

void SetStatistics(const Schema& schema, const std::map<int32_t, MetricsMode>& modes, const std::map<int32_t, int64_t>& nan_counts,
                   const std::vector<formats::ParquetRowGroupSummary>& row_groups, DataFile* file) {
  std::map<int32_t, ColumnFold> folds;
  std::map<int32_t, const NestedField*> fields;
  for (const formats::ParquetRowGroupSummary& group : row_groups) {
    file->split_offsets.push_back(group.first_byte);
    for (const formats::ParquetColumnSummary& column : group.columns) {
      auto mode = modes.find(column.field_id);
      if (mode == modes.end() || mode->second.kind == MetricsMode::Kind::kNone) continue;
      auto [known, is_new] = fields.try_emplace(column.field_id, nullptr);
      if (is_new) known->second = schema.FindById(column.field_id);
      if (known->second != nullptr) folds[column.field_id].Add(column, known->second->type);
    }
  }
  for (const auto& [id, fold] : folds) {
    file->column_sizes.Set(id, fold.size_bytes);
    file->value_counts.Set(id, fold.value_count);
    if (fold.has_null_count) file->null_value_counts.Set(id, fold.null_count);
    SetBounds(*fields[id], modes.at(id), fold, file);
  }
  for (const auto& [id, count] : nan_counts) {
    if (folds.contains(id)) file->nan_value_counts.Set(id, count);
  }
}

std::optional<Literal> LiteralFromParquet(const Type& type, ParquetPhysicalType physical, std::string_view plain) {
  auto number = [&]() -> std::optional<int64_t> {
    if (physical == ParquetPhysicalType::kInt32 && plain.size() == 4) return base::LoadLittle<int32_t>(plain.data());
    if (physical == ParquetPhysicalType::kInt64 && plain.size() == 8) return base::LoadLittle<int64_t>(plain.data());
    return std::nullopt;
  };
  switch (type.id) {
    case TypeId::kBoolean:
      if (physical != ParquetPhysicalType::kBoolean || plain.size() != 1) return std::nullopt;
      return Literal(plain[0] != 0);
    case TypeId::kInt:
    case TypeId::kDate:
      if (physical != ParquetPhysicalType::kInt32 || !number()) return std::nullopt;
      return Literal(static_cast<int32_t>(*number()));
    case TypeId::kLong:
      if (!number()) return std::nullopt;
      return Literal(*number());
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      if (physical != ParquetPhysicalType::kInt64 || !number()) return std::nullopt;
      return Literal(*number());
    case TypeId::kFloat:
      if (physical != ParquetPhysicalType::kFloat || plain.size() != 4) return std::nullopt;
      return Literal(std::bit_cast<float>(base::LoadLittle<uint32_t>(plain.data())));
    case TypeId::kDouble:
      if (physical == ParquetPhysicalType::kFloat && plain.size() == 4) return Literal(double{std::bit_cast<float>(base::LoadLittle<uint32_t>(plain.data()))});
      if (physical != ParquetPhysicalType::kDouble || plain.size() != 8) return std::nullopt;
      return Literal(std::bit_cast<double>(base::LoadLittle<uint64_t>(plain.data())));
    case TypeId::kDecimal: {
      if (number()) return Literal(Int128{*number()});
      Result<Int128> value = DecodeDecimal(plain);
      return value.ok() ? std::optional<Literal>(Literal(*value)) : std::nullopt;
    }
    case TypeId::kString:
    case TypeId::kUuid:
    case TypeId::kFixed:
    case TypeId::kBinary:
      if (physical != ParquetPhysicalType::kByteArray && physical != ParquetPhysicalType::kFixedLengthByteArray) return std::nullopt;
      return Literal(std::string(plain));
    default: return std::nullopt;
  }
}

std::optional<std::string> TruncateUpperBound(const Type& type, const std::string& value, int64_t width) {
  if (IsText(type)) {
    const std::string_view cut = TruncateText(value, width);
    return cut.size() == value.size() ? std::optional<std::string>(value) : NextText(std::string(cut));
  }
  if (value.size() <= static_cast<size_t>(width)) return value;
  return NextBytes(value.substr(0, static_cast<size_t>(width)));
}

}  // namespace firn::iceberg
