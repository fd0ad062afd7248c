// SPDX-License-Identifier: Apache-2.0
// Avro schemas with what Iceberg adds to them: field ids, element/key/value ids, and maps with any key as arrays of key/value records.
// Source: Avro 1.12 specification; Iceberg specification, appendix A.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace firn::formats {

enum class AvroKind : uint8_t {
  kNull,
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kBytes,
  kString,
  kRecord,
  kEnum,
  kArray,
  kMap,
  kUnion,
  kFixed,
};

/// "long", "record", ...
const char* AvroKindText(AvroKind kind);

inline constexpr int32_t kNoFieldId = -1;
/// Nesting of a schema; a deeper one is refused, which also bounds the recursion of every reader.
inline constexpr int kMaxAvroDepth = 64;
/// Types in a schema, a name counted as all that its type holds: a few names that hold each other twice would make readers without end.
inline constexpr int64_t kMaxAvroTypes = 100'000;

struct AvroSchema;
using AvroSchemaPtr = std::shared_ptr<const AvroSchema>;

struct AvroField {
  std::string name;
  AvroSchemaPtr schema;
  int32_t field_id = kNoFieldId;
  std::string doc;
  bool has_null_default = false;  // "default": null
};

/// Plain data; which members count depends on the kind. Immutable once shared.
struct AvroSchema {
  AvroKind kind = AvroKind::kNull;
  std::string name;                    // record, enum, fixed
  std::string logical_type;            // "date", "decimal", "map", ...; empty: none
  int precision = 0;                   // decimal
  int scale = 0;                       // decimal
  bool has_adjust_to_utc = false;      // timestamps
  bool adjust_to_utc = false;
  int64_t fixed_size = 0;              // fixed
  std::vector<AvroField> fields;       // record
  std::vector<AvroSchemaPtr> branches; // union
  AvroSchemaPtr element;               // array: items; map: values
  std::vector<std::string> symbols;    // enum
  int32_t element_id = kNoFieldId;     // array
  int32_t key_id = kNoFieldId;         // map
  int32_t value_id = kNoFieldId;       // map

  bool IsOptional() const;             // a union with a null branch
};

AvroSchemaPtr MakeAvroPrimitive(AvroKind kind, std::string logical_type = {});
AvroSchemaPtr MakeAvroFixed(std::string name, int64_t size, std::string logical_type = {});
AvroSchemaPtr MakeAvroArray(AvroSchemaPtr items, int32_t element_id, std::string logical_type = {});
AvroSchemaPtr MakeAvroRecord(std::string name, std::vector<AvroField> fields);
/// ["null", schema].
AvroSchemaPtr MakeAvroOptional(AvroSchemaPtr schema);

/// Parses a schema's JSON. kDecodeError names the place; a type that contains itself is refused (Iceberg has none).
Result<AvroSchemaPtr> ParseAvroSchema(std::string_view json);
/// The JSON of a schema, one line.
std::string AvroSchemaJson(const AvroSchema& schema);

}  // namespace firn::formats
