// SPDX-License-Identifier: Apache-2.0
#include "iceberg/sql_types.h"

#include <fmt/format.h>

namespace firn::iceberg {

using types::DataType;
using types::TypeKind;

namespace {

constexpr int kUuidBytes = 16;

Error NoType(const DataType& type, const char* hint) {
  return Error(ErrorCode::kNotSupported, fmt::format("tables of Iceberg and files of Parquet have no type for {}", type.ToString())).Hint(hint);
}

Result<Type> TimestampFromSql(const DataType& type) {
  if (type.precision() > 6) return NoType(type, "They keep microseconds: declare a precision of at most 6.");
  return Type::Of(type.kind() == TypeKind::kTimestamp ? TypeId::kTimestamp : TypeId::kTimestampTz);
}

Result<NestedField> ChildFromSql(std::string name, const DataType& type, int32_t* last_id) {
  NestedField field;
  field.id = ++*last_id;
  field.name = std::move(name);
  field.required = !type.nullable();
  FIRN_TRY(field.type, TypeFromSql(type, last_id));
  return field;
}

}  // namespace

Result<Type> TypeFromSql(const DataType& type, int32_t* last_id) {
  switch (type.kind()) {
    case TypeKind::kBoolean: return Type::Of(TypeId::kBoolean);
    case TypeKind::kTinyInt:
    case TypeKind::kSmallInt:
    case TypeKind::kInt: return Type::Of(TypeId::kInt);
    case TypeKind::kBigInt: return Type::Of(TypeId::kLong);
    case TypeKind::kFloat: return Type::Of(TypeId::kFloat);
    case TypeKind::kDouble: return Type::Of(TypeId::kDouble);
    case TypeKind::kDecimal: return Type::Decimal(type.precision(), type.scale());
    case TypeKind::kChar:
    case TypeKind::kVarchar: return Type::Of(TypeId::kString);
    case TypeKind::kBinary: return Type::Fixed(type.length());
    case TypeKind::kVarbinary: return Type::Of(TypeId::kBinary);
    case TypeKind::kDate: return Type::Of(TypeId::kDate);
    case TypeKind::kTime: return Type::Of(TypeId::kTime);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: return TimestampFromSql(type);
    case TypeKind::kArray: {
      FIRN_TRY(NestedField element, ChildFromSql("element", type.element(), last_id));
      return Type::List(std::move(element));
    }
    case TypeKind::kMap: {
      FIRN_TRY(NestedField key, ChildFromSql("key", type.key(), last_id));
      FIRN_TRY(NestedField value, ChildFromSql("value", type.value(), last_id));
      return Type::Map(std::move(key), std::move(value));
    }
    case TypeKind::kRow: {
      std::vector<NestedField> fields;
      for (const types::Field& child : type.fields()) {
        FIRN_TRY(NestedField field, ChildFromSql(child.name, child.type, last_id));
        fields.push_back(std::move(field));
      }
      return Type::Struct(std::move(fields));
    }
    case TypeKind::kNull:
    case TypeKind::kIntervalYearMonth:
    case TypeKind::kIntervalDayTime: return NoType(type, "Cast the column to a type that a table can keep.");
  }
  FIRN_UNREACHABLE("type kind {}", static_cast<int>(type.kind()));
}

Result<Schema> SchemaFromSql(const std::vector<types::Field>& columns, const std::vector<std::string>& primary_key) {
  Schema schema;
  int32_t last_id = 0;
  for (const types::Field& column : columns) {
    Result<NestedField> field = ChildFromSql(column.name, column.type, &last_id);
    if (!field.ok()) return std::move(field).error().Context(fmt::format("mapping the column `{}`", column.name));
    schema.fields.push_back(*std::move(field));
  }
  for (const std::string& name : primary_key) {
    NestedField* key = nullptr;
    for (NestedField& field : schema.fields) {
      if (field.name == name) key = &field;
    }
    if (key == nullptr) return Error(ErrorCode::kColumnNotFound, fmt::format("column not found: `{}` in PRIMARY KEY", name));
    key->required = true;
    schema.identifier_field_ids.push_back(key->id);
  }
  FIRN_RETURN_IF_ERROR(ValidateSchema(schema));
  return schema;
}

namespace {

Result<DataType> NestedSqlTypeOf(const Type& type) {
  if (type.id == TypeId::kList) {
    FIRN_TRY(DataType element, SqlTypeOf(type.fields[0].type, type.fields[0].required));
    return DataType::Array(std::move(element));
  }
  if (type.id == TypeId::kMap) {
    FIRN_TRY(DataType key, SqlTypeOf(type.fields[0].type, true));
    FIRN_TRY(DataType value, SqlTypeOf(type.fields[1].type, type.fields[1].required));
    return DataType::Map(std::move(key), std::move(value));
  }
  std::vector<types::Field> fields;
  for (const NestedField& field : type.fields) {
    FIRN_TRY(DataType child, SqlTypeOf(field.type, field.required));
    fields.push_back({field.name, std::move(child)});
  }
  return DataType::Row(std::move(fields));
}

Result<DataType> NullableSqlTypeOf(const Type& type) {
  switch (type.id) {
    case TypeId::kBoolean: return DataType::Boolean();
    case TypeId::kInt: return DataType::Int();
    case TypeId::kLong: return DataType::BigInt();
    case TypeId::kFloat: return DataType::Float();
    case TypeId::kDouble: return DataType::Double();
    case TypeId::kDecimal: return DataType::Decimal(type.precision, type.scale);
    case TypeId::kDate: return DataType::Date();
    case TypeId::kTime: return DataType::Time(3);
    case TypeId::kTimestamp: return DataType::Timestamp(6);
    case TypeId::kTimestampTz: return DataType::TimestampLtz(6);
    case TypeId::kTimestampNs: return DataType::Timestamp(9);
    case TypeId::kTimestampTzNs: return DataType::TimestampLtz(9);
    case TypeId::kString: return DataType::String();
    case TypeId::kUuid: return DataType::Binary(kUuidBytes);
    case TypeId::kFixed: return DataType::Binary(static_cast<int32_t>(type.length));
    case TypeId::kBinary: return DataType::Bytes();
    case TypeId::kUnknown: return DataType::Null();
    case TypeId::kStruct:
    case TypeId::kList:
    case TypeId::kMap: return NestedSqlTypeOf(type);
    case TypeId::kVariant:
    case TypeId::kGeometry:
    case TypeId::kGeography: return Error(ErrorCode::kNotSupported, fmt::format("the Iceberg type {} has no SQL type", type.ToString()));
  }
  FIRN_UNREACHABLE("type {}", static_cast<int>(type.id));
}

}  // namespace

Result<DataType> SqlTypeOf(const Type& type, bool required) {
  FIRN_TRY(DataType result, NullableSqlTypeOf(type));
  return result.WithNullable(!required);
}

Result<types::SchemaPtr> SqlSchemaOf(const std::vector<NestedField>& fields) {
  std::vector<types::Field> columns;
  for (const NestedField& field : fields) {
    Result<DataType> type = SqlTypeOf(field.type, field.required);
    if (!type.ok()) return std::move(type).error().Context(fmt::format("mapping the column `{}`", field.name));
    columns.push_back({field.name, *std::move(type)});
  }
  return types::MakeSchema(std::move(columns));
}

Result<types::SchemaPtr> SqlSchemaOf(const Schema& schema) { return SqlSchemaOf(schema.fields); }

}  // namespace firn::iceberg
