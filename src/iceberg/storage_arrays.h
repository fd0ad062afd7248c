// SPDX-License-Identifier: Apache-2.0
// Columns in the Arrow types that Parquet files of a table are written from: field ids in the metadata, int for TINYINT, microseconds for
// TIME, fixed-size binary for BINARY(n), the uuid extension for uuid.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/literal.h"
#include "iceberg/schema.h"
#include "types/batch.h"

namespace firn::iceberg {

std::shared_ptr<arrow::DataType> StorageType(const Type& type);
std::shared_ptr<arrow::Schema> StorageSchema(const std::vector<NestedField>& fields);

/// A column of SQL values as `field` stores it. kNotNullViolation names the column; kInvalidArgument if a value does not fit (BINARY(n)).
Result<types::ArrayPtr> ToStorage(const types::ArrayPtr& column, const NestedField& field);

/// The value at a row of a storage (or SQL) array of a primitive type.
Literal LiteralAt(const arrow::Array& array, int64_t row, const Type& type);
/// kNotSupported: a time of day, in nanoseconds, that SQL's milliseconds cannot tell.
Error FinerThanSqlsTime(int64_t nanos);
/// `count` times the value, in the SQL type's Arrow form.
Result<types::ArrayPtr> ConstantArray(const Type& type, const Literal& value, int64_t count);

/// The metadata key under which Arrow keeps a Parquet field id.
inline constexpr const char* kFieldIdKey = "PARQUET:field_id";

}  // namespace firn::iceberg
