// SPDX-License-Identifier: Apache-2.0
#include "iceberg/projection.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/compute/cast.h>
#include <arrow/datum.h>
#include <arrow/extension_type.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "base/assert.h"
#include "iceberg/sql_types.h"
#include "iceberg/storage_arrays.h"
#include "types/arrow_result.h"

namespace firn::iceberg {

using types::ArrayPtr;

// What makes one wanted field. Without `source` it is a constant.
struct FileProjection::Node {
  NestedField wanted;
  int source = -1;                                // column of the batch, or child of the parent's array
  Literal constant;
  std::shared_ptr<arrow::DataType> type;          // SQL's Arrow type
  std::vector<std::shared_ptr<const Node>> children;
};

namespace {

int CountLeaves(const arrow::DataType& type) {
  if (type.id() == arrow::Type::EXTENSION) return CountLeaves(*static_cast<const arrow::ExtensionType&>(type).storage_type());
  if (type.num_fields() == 0) return 1;
  int leaves = 0;
  for (const auto& child : type.fields()) leaves += CountLeaves(*child->type());
  return leaves;
}

int32_t MetadataId(const arrow::Field& field) {
  const auto& metadata = field.metadata();
  if (metadata == nullptr) return -1;
  const int index = metadata->FindKey(kFieldIdKey);
  if (index < 0) return -1;
  const std::string& text = metadata->value(index);
  int32_t id = -1;
  std::from_chars(text.data(), text.data() + text.size(), id);
  return id;
}

bool HasIds(const arrow::FieldVector& fields) {
  for (const auto& field : fields) {
    if (MetadataId(*field) >= 0 || HasIds(field->type()->fields())) return true;
  }
  return false;
}

// The first of an array's times that is finer than SQL's milliseconds, in nanoseconds.
std::optional<int64_t> FinerTime(const arrow::Array& array) {
  if (array.type_id() != arrow::Type::TIME64) return std::nullopt;
  const int64_t nanos = static_cast<const arrow::Time64Type&>(*array.type()).unit() == arrow::TimeUnit::NANO ? 1 : 1000;
  const auto& times = static_cast<const arrow::Time64Array&>(array);
  for (int64_t row = 0; row < times.length(); ++row) {
    if (times.IsValid(row) && times.Value(row) % (1'000'000 / nanos) != 0) return times.Value(row) * nanos;
  }
  return std::nullopt;
}

Error Misfit(const NestedField& wanted, const arrow::DataType& type) {
  return Error(ErrorCode::kSchemaMismatch, fmt::format("the column `{}` of type {} cannot be read from a file's {}", wanted.name, wanted.type.ToString(), type.ToString()));
}

// Times of the same unit with and without zone are the same numbers.
Result<ArrayPtr> CastPrimitive(const ArrayPtr& array, const NestedField& wanted, const std::shared_ptr<arrow::DataType>& type) {
  ArrayPtr plain = array->type_id() == arrow::Type::EXTENSION ? static_cast<const arrow::ExtensionArray&>(*array).storage() : array;
  if (plain->type()->Equals(*type)) return plain;
  if (plain->type_id() == arrow::Type::TIMESTAMP && type->id() == arrow::Type::TIMESTAMP) {
    const auto& to = static_cast<const arrow::TimestampType&>(*type);
    const auto same_zone = arrow::timestamp(static_cast<const arrow::TimestampType&>(*plain->type()).unit(), to.timezone());
    FIRN_TRY(plain, types::FromArrowResult(plain->View(same_zone)));
  }
  arrow::compute::CastOptions options = arrow::compute::CastOptions::Safe(type);
  options.allow_time_truncate = type->id() == arrow::Type::TIMESTAMP;
  Result<arrow::Datum> cast = types::FromArrowResult(arrow::compute::Cast(plain, options));
  if (const auto finer = cast.ok() ? std::nullopt : FinerTime(*plain)) return FinerThanSqlsTime(*finer).Context(fmt::format("reading the column `{}`", wanted.name));
  if (!cast.ok()) return Misfit(wanted, *array->type()).Why(cast.error().message());
  return cast->make_array();
}

// Lists of other layouts as plain lists; nested arrays without an offset.
Result<ArrayPtr> Normalised(const ArrayPtr& array) {
  ArrayPtr plain = array;
  const auto id = array->type_id();
  if (id == arrow::Type::LARGE_LIST || id == arrow::Type::FIXED_SIZE_LIST || id == arrow::Type::LIST_VIEW || id == arrow::Type::LARGE_LIST_VIEW) {
    const auto& list = static_cast<const arrow::BaseListType&>(*array->type());
    FIRN_TRY(arrow::Datum cast, types::FromArrowResult(arrow::compute::Cast(array, arrow::compute::CastOptions::Safe(arrow::list(list.value_field())))));
    plain = cast.make_array();
  }
  if (plain->offset() == 0) return plain;
  return types::FromArrowResult(arrow::Concatenate({plain}));
}

bool IsListLike(arrow::Type::type id) {
  return id == arrow::Type::LIST || id == arrow::Type::LARGE_LIST || id == arrow::Type::FIXED_SIZE_LIST || id == arrow::Type::LIST_VIEW ||
         id == arrow::Type::LARGE_LIST_VIEW;
}

// The value of a field that the file lacks.
Result<Literal> MissingValue(const NestedField& wanted) {
  if (!wanted.initial_default.empty() && wanted.type.IsPrimitive()) return ParseLiteralJson(wanted.type, wanted.initial_default);
  if (wanted.required) {
    return Error(ErrorCode::kSchemaMismatch, fmt::format("a file lacks the column `{}` (id {}), which is NOT NULL and has no default", wanted.name, wanted.id));
  }
  return Literal();
}

}  // namespace

int32_t FileProjection::IdOf(const arrow::Field& field, const std::string& dotted_name) const {
  if (file_has_ids_) return MetadataId(field);
  auto found = names_.find(dotted_name);
  return found == names_.end() ? -1 : found->second;
}

Result<FileProjection::Node> FileProjection::MakeNode(const arrow::Field& file, const NestedField& wanted, const std::string& name,
                                                      const FileProjection& projection) {
  Node node;
  node.wanted = wanted;
  FIRN_TRY(types::DataType sql, SqlTypeOf(wanted.type));
  node.type = sql.ToArrow();
  if (wanted.type.IsPrimitive()) return node;
  const arrow::DataType& type = *file.type();
  const bool is_fit = wanted.type.id == TypeId::kStruct ? type.id() == arrow::Type::STRUCT
                      : wanted.type.id == TypeId::kMap  ? type.id() == arrow::Type::MAP
                                                        : IsListLike(type.id());
  if (!is_fit) return Misfit(wanted, type);
  for (const NestedField& child : wanted.type.fields) {
    Node child_node;
    child_node.wanted = child;
    // Lists and maps have their children by place; a map's key and value lie in its entries.
    const arrow::FieldVector& fields = type.id() == arrow::Type::MAP ? type.field(0)->type()->fields() : type.fields();
    for (size_t i = 0; i < fields.size(); ++i) {
      const std::string child_name = name + "." + (wanted.type.id == TypeId::kStruct ? fields[i]->name() : child.name);
      const bool is_it = wanted.type.id == TypeId::kStruct ? projection.IdOf(*fields[i], child_name) == child.id
                                                           : static_cast<size_t>(&child - wanted.type.fields.data()) == i;
      if (!is_it) continue;
      FIRN_TRY(child_node, MakeNode(*fields[i], child, child_name, projection));
      child_node.source = static_cast<int>(i);
      break;
    }
    if (child_node.source < 0) {
      FIRN_TRY(types::DataType child_sql, SqlTypeOf(child.type));
      child_node.type = child_sql.ToArrow();
      FIRN_TRY(child_node.constant, MissingValue(child));
    }
    node.children.push_back(std::make_shared<const Node>(std::move(child_node)));
  }
  return node;
}

Result<FileProjection> FileProjection::Make(const arrow::Schema& file, const std::vector<NestedField>& wanted, std::map<int32_t, Literal> constants,
                                            const NameMapping& names, FieldMatch match) {
  FileProjection projection;
  projection.file_has_ids_ = match == FieldMatch::kByIdOrName && HasIds(file.fields());
  if (!projection.file_has_ids_) projection.names_ = names;
  std::vector<int> column_of_field(static_cast<size_t>(file.num_fields()), -1);
  std::vector<int> field_of_wanted(wanted.size(), -1);
  for (size_t w = 0; w < wanted.size(); ++w) {
    for (int f = 0; f < file.num_fields(); ++f) {
      if (projection.IdOf(*file.field(f), file.field(f)->name()) != wanted[w].id) continue;
      field_of_wanted[w] = f;
      column_of_field[static_cast<size_t>(f)] = 0;
      break;
    }
  }
  // A chosen field is read whole: all of its leaves. Its place in the batch is its rank among the chosen.
  int leaf = 0;
  int column = 0;
  for (int f = 0; f < file.num_fields(); ++f) {
    const int count = CountLeaves(*file.field(f)->type());
    if (column_of_field[static_cast<size_t>(f)] == 0) {
      column_of_field[static_cast<size_t>(f)] = column++;
      for (int i = 0; i < count; ++i) projection.leaves_.push_back(leaf + i);
    }
    leaf += count;
  }
  for (size_t w = 0; w < wanted.size(); ++w) {
    Node node;
    if (field_of_wanted[w] >= 0) {
      const arrow::Field& field = *file.field(field_of_wanted[w]);
      FIRN_TRY(node, MakeNode(field, wanted[w], field.name(), projection));
      node.source = column_of_field[static_cast<size_t>(field_of_wanted[w])];
    } else {
      node.wanted = wanted[w];
      FIRN_TRY(types::DataType sql, SqlTypeOf(wanted[w].type));
      node.type = sql.ToArrow();
      auto constant = constants.find(wanted[w].id);
      FIRN_TRY(node.constant, constant != constants.end() ? Result<Literal>(constant->second) : MissingValue(wanted[w]));
    }
    projection.columns_.push_back(std::make_shared<const Node>(std::move(node)));
  }
  return projection;
}

Result<ArrayPtr> FileProjection::ConvertNode(const Node& node, const ArrayPtr& array) {
  if (node.wanted.type.IsPrimitive()) return CastPrimitive(array, node.wanted, node.type);
  FIRN_TRY(ArrayPtr plain, Normalised(array));
  FIRN_ASSERT(plain->offset() == 0, "`{}` begins in the middle of its buffers", node.wanted.name);
  arrow::ArrayVector sources;
  if (plain->type_id() == arrow::Type::STRUCT) sources = static_cast<const arrow::StructArray&>(*plain).fields();
  else if (plain->type_id() == arrow::Type::MAP) sources = {static_cast<const arrow::MapArray&>(*plain).keys(), static_cast<const arrow::MapArray&>(*plain).items()};
  else sources = {static_cast<const arrow::ListArray&>(*plain).values()};
  arrow::ArrayVector children;
  for (const auto& child : node.children) {
    FIRN_ASSERT(child->source < static_cast<int>(sources.size()), "child {} of {}", child->source, sources.size());
    FIRN_TRY(ArrayPtr converted, child->source >= 0 ? ConvertNode(*child, sources[static_cast<size_t>(child->source)])
                                                    : ConstantArray(child->wanted.type, child->constant, plain->length()));
    children.push_back(std::move(converted));
  }
  const auto& bitmap = plain->null_bitmap();
  switch (node.wanted.type.id) {
    case TypeId::kStruct: return ArrayPtr(std::make_shared<arrow::StructArray>(node.type, plain->length(), std::move(children), bitmap, plain->null_count()));
    case TypeId::kList:
      return ArrayPtr(std::make_shared<arrow::ListArray>(node.type, plain->length(), static_cast<const arrow::ListArray&>(*plain).value_offsets(),
                                                         std::move(children[0]), bitmap, plain->null_count()));
    default:
      return ArrayPtr(std::make_shared<arrow::MapArray>(node.type, plain->length(), static_cast<const arrow::MapArray&>(*plain).value_offsets(),
                                                        std::move(children[0]), std::move(children[1]), bitmap, plain->null_count()));
  }
}

Result<std::vector<ArrayPtr>> FileProjection::Convert(const arrow::RecordBatch& rows) const {
  std::vector<ArrayPtr> columns;
  for (const auto& node : columns_) {
    FIRN_TRY(ArrayPtr column, node->source >= 0 ? ConvertNode(*node, rows.column(node->source)) : ConstantArray(node->wanted.type, node->constant, rows.num_rows()));
    FIRN_ASSERT(column->length() == rows.num_rows(), "{} values of {} rows", column->length(), rows.num_rows());
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace firn::iceberg
