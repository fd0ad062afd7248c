// SPDX-License-Identifier: Apache-2.0
#include <arrow/builder.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include "iceberg/cell_column_internal.h"
#include "types/arrow_result.h"

namespace firn::iceberg {

using types::DataType;
using types::TypeKind;

namespace {

arrow::Status Append(arrow::ArrayBuilder* builder, const DataType& type, const Cell& cell);

template <typename Builder, typename T>
arrow::Status AppendAs(arrow::ArrayBuilder* builder, const Cell& cell) {
  const T* value = cell.literal.get_if<T>();
  FIRN_ASSERT(value != nullptr, "a cell of form {}", cell.literal.content.index());
  return static_cast<Builder*>(builder)->Append(*value);
}

arrow::Status AppendNested(arrow::ArrayBuilder* builder, const DataType& type, const Cell& cell) {
  FIRN_ASSERT(cell.is_nested, "a single value for {}", type.ToString());
  switch (type.kind()) {
    case TypeKind::kArray: {
      auto* list = static_cast<arrow::ListBuilder*>(builder);
      ARROW_RETURN_NOT_OK(list->Append());
      for (const Cell& member : cell.members) ARROW_RETURN_NOT_OK(Append(list->value_builder(), type.element(), member));
      return arrow::Status::OK();
    }
    case TypeKind::kMap: {
      auto* map = static_cast<arrow::MapBuilder*>(builder);
      ARROW_RETURN_NOT_OK(map->Append());
      for (const Cell& entry : cell.members) {
        FIRN_ASSERT(entry.members.size() == 2, "an entry of {} parts", entry.members.size());
        ARROW_RETURN_NOT_OK(Append(map->key_builder(), type.key(), entry.members[0]));
        ARROW_RETURN_NOT_OK(Append(map->item_builder(), type.value(), entry.members[1]));
      }
      return arrow::Status::OK();
    }
    default: {
      auto* row = static_cast<arrow::StructBuilder*>(builder);
      FIRN_ASSERT(cell.members.size() == type.fields().size(), "{} members for {}", cell.members.size(), type.ToString());
      ARROW_RETURN_NOT_OK(row->Append());
      for (size_t i = 0; i < cell.members.size(); ++i) {
        ARROW_RETURN_NOT_OK(Append(row->field_builder(static_cast<int>(i)), type.fields()[i].type, cell.members[i]));
      }
      return arrow::Status::OK();
    }
  }
}

arrow::Status Append(arrow::ArrayBuilder* builder, const DataType& type, const Cell& cell) {
  if (cell.is_null()) return builder->AppendNull();
  switch (type.kind()) {
    case TypeKind::kBoolean: return AppendAs<arrow::BooleanBuilder, bool>(builder, cell);
    case TypeKind::kInt: return AppendAs<arrow::Int32Builder, int32_t>(builder, cell);
    case TypeKind::kDate: return AppendAs<arrow::Date32Builder, int32_t>(builder, cell);
    case TypeKind::kBigInt: return AppendAs<arrow::Int64Builder, int64_t>(builder, cell);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: return AppendAs<arrow::TimestampBuilder, int64_t>(builder, cell);
    case TypeKind::kTime: return static_cast<arrow::Time32Builder*>(builder)->Append(static_cast<int32_t>(*cell.literal.get_if<int64_t>() / 1000));
    case TypeKind::kFloat: return AppendAs<arrow::FloatBuilder, float>(builder, cell);
    case TypeKind::kDouble: return AppendAs<arrow::DoubleBuilder, double>(builder, cell);
    case TypeKind::kDecimal: {
      const Int128 value = *cell.literal.get_if<Int128>();
      return static_cast<arrow::Decimal128Builder*>(builder)->Append(arrow::Decimal128(static_cast<int64_t>(value >> 64), static_cast<uint64_t>(value)));
    }
    case TypeKind::kVarchar:
    case TypeKind::kVarbinary:
    case TypeKind::kBinary: return AppendAs<arrow::BinaryBuilder, std::string>(builder, cell);
    default: return AppendNested(builder, type, cell);
  }
}

}  // namespace

Result<types::Batch> BuildBatch(const types::SchemaPtr& schema, const std::vector<std::vector<Cell>>& rows) {
  types::Batch batch{schema, {}, static_cast<int64_t>(rows.size()), nullptr, nullptr};
  for (const std::vector<Cell>& row : rows) FIRN_ASSERT(row.size() == schema->size(), "{} cells of {} columns", row.size(), schema->size());
  for (size_t c = 0; c < schema->size(); ++c) {
    const DataType& type = schema->field(c).type;
    std::unique_ptr<arrow::ArrayBuilder> builder;
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(arrow::MakeBuilder(arrow::default_memory_pool(), type.ToArrow(), &builder)));
    for (const std::vector<Cell>& row : rows) FIRN_RETURN_IF_ERROR(types::FromArrowStatus(Append(builder.get(), type, row[c])));
    FIRN_TRY(types::ArrayPtr column, types::FromArrowResult(builder->Finish()));
    batch.columns.push_back(std::move(column));
  }
  return batch;
}

}  // namespace firn::iceberg
