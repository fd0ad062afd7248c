// SPDX-License-Identifier: Apache-2.0
// SQL types as Iceberg's and back, as Flink maps them:
//
//   BOOLEAN boolean | TINYINT, SMALLINT, INT int | BIGINT long | FLOAT float | DOUBLE double | DECIMAL(p,s) decimal(p,s)
//   CHAR, VARCHAR, STRING string | BINARY(n) fixed[n] | VARBINARY, BYTES binary | DATE date | TIME(p) time
//   TIMESTAMP(p <= 6) timestamp | TIMESTAMP_LTZ(p <= 6) timestamptz | ARRAY list | MAP map | ROW struct
//   back: uuid BINARY(16) | time TIME(3) | timestamps TIMESTAMP(6), TIMESTAMP_LTZ(6), of v3 with (9) | unknown NULL
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/schema.h"
#include "types/data_type.h"

namespace firn::iceberg {

/// Field ids inside nested types are counted on from `*last_id`. kNotSupported names the type.
Result<Type> TypeFromSql(const types::DataType& type, int32_t* last_id);
/// A schema with ids from 1, to be given fresh ones by CreateTable. A primary key's columns become required identifier fields.
Result<Schema> SchemaFromSql(const std::vector<types::Field>& columns, const std::vector<std::string>& primary_key = {});

/// kNotSupported for variant, geometry and geography.
Result<types::DataType> SqlTypeOf(const Type& type, bool required = false);
Result<types::SchemaPtr> SqlSchemaOf(const Schema& schema);
Result<types::SchemaPtr> SqlSchemaOf(const std::vector<NestedField>& fields);

}  // namespace firn::iceberg
