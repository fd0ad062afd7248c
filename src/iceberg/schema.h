// SPDX-License-Identifier: Apache-2.0
// Iceberg's types and schemas: every column, struct field, list element, map key and map value has an id that never changes; names and order
// do. Source: Iceberg specification, "Schemas and Data Types". Plain data; the JSON is in schema_json.h, SQL types in sql_types.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace firn::iceberg {

enum class TypeId : uint8_t {
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kDecimal,
  kDate,
  kTime,         // microseconds of the day
  kTimestamp,    // microseconds
  kTimestampTz,
  kTimestampNs,  // v3
  kTimestampTzNs,
  kString,
  kUuid,
  kFixed,
  kBinary,
  kUnknown,      // v3: always null
  kVariant,      // v3; known by name only
  kGeometry,     // v3; known by name only
  kGeography,    // v3; known by name only
  kStruct,
  kList,
  kMap,
};

struct NestedField;

/// A value type.
struct Type {
  TypeId id = TypeId::kUnknown;
  int precision = 0;                // decimal
  int scale = 0;                    // decimal
  int64_t length = 0;               // fixed
  std::string text;                 // geometry, geography: as written
  std::vector<NestedField> fields;  // struct: its fields; list: "element"; map: "key", "value"

  static Type Of(TypeId id);
  static Type Decimal(int precision, int scale);
  static Type Fixed(int64_t length);
  static Type Struct(std::vector<NestedField> fields);
  static Type List(NestedField element);
  static Type Map(NestedField key, NestedField value);

  bool IsPrimitive() const { return id < TypeId::kStruct; }
  bool IsNested() const { return id >= TypeId::kStruct; }
  /// As the specification writes it: "decimal(9, 2)", "fixed[16]", "struct<1: a: required int>".
  std::string ToString() const;
  bool operator==(const Type& other) const;
};

struct NestedField {
  int32_t id = 0;
  std::string name;
  Type type;
  bool required = false;
  std::string doc;
  std::string initial_default;  // v3: JSON text of the single value; empty: none
  std::string write_default;    // v3: likewise
  bool operator==(const NestedField&) const = default;
};

inline Type Type::Of(TypeId id) { return Type{id}; }
inline Type Type::Decimal(int precision, int scale) { return Type{TypeId::kDecimal, precision, scale}; }
inline Type Type::Fixed(int64_t length) { return Type{TypeId::kFixed, 0, 0, length}; }

inline constexpr int32_t kMaxNestingDepth = 64;
// Reserved ids (specification, "Reserved Field IDs").
inline constexpr int32_t kFieldIdMax = 2147483446;  // of a table; those behind it are reserved
inline constexpr int32_t kDeleteFilePathId = 2147483546;
inline constexpr int32_t kDeleteFilePositionId = 2147483545;

struct Schema {
  int32_t schema_id = 0;
  std::vector<NestedField> fields;
  std::vector<int32_t> identifier_field_ids;

  /// At any depth; nullptr if there is none.
  const NestedField* FindById(int32_t id) const;
  /// A top-level column; nullptr if there is none.
  const NestedField* FindColumn(std::string_view name) const;
  /// A field at any depth by dotted name ("a.b", "list.element", "map.value"); nullptr if there is none.
  const NestedField* FindByName(std::string_view dotted) const;
  /// The dotted name of a field; empty if there is none.
  std::string NameOf(int32_t id) const;
  int32_t HighestFieldId() const;
  /// Same columns and identifier fields; the schema id does not count.
  bool SameFields(const Schema& other) const;
  bool operator==(const Schema&) const = default;
};

/// Calls `visit` for each field at any depth, parents first, with its dotted name.
void VisitFields(const std::vector<NestedField>& fields,
                 const std::function<void(const NestedField& field, const std::string& dotted_name)>& visit);

/// Gives every field a new id, the top level first as Iceberg does, counting on from `*last_column_id`. Identifier fields follow.
Schema AssignFreshIds(const Schema& schema, int32_t* last_column_id);

/// Whether every field id is unique and may be a table's, names are unique and not empty, and identifier fields can be such (kInvalidMetadata).
Status ValidateSchema(const Schema& schema);

}  // namespace firn::iceberg
