// SPDX-License-Identifier: Apache-2.0
// What a Parquet file's footer says about its row groups, by field id: for a table's statistics and for skipping row groups.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace firn::formats {

enum class ParquetPhysicalType : uint8_t { kBoolean, kInt32, kInt64, kInt96, kFloat, kDouble, kByteArray, kFixedLengthByteArray };

/// One column of one row group. Minimum and maximum are in plain encoding: little-endian numbers, bytes without a length; absent if the writer
/// left them out or ordered them in a way that cannot be used.
struct ParquetColumnSummary {
  int32_t field_id = -1;             // -1: the file has none
  std::string path;                  // dotted, as in the file
  bool is_repeated = false;          // below a list or map
  ParquetPhysicalType physical_type = ParquetPhysicalType::kByteArray;
  int64_t size_bytes = 0;            // compressed
  int64_t value_count = 0;           // with nulls
  std::optional<int64_t> null_count;
  std::optional<std::string> min;
  std::optional<std::string> max;
};

struct ParquetRowGroupSummary {
  int64_t row_count = 0;
  int64_t first_byte = 0;            // where its first page begins
  int64_t size_bytes = 0;            // compressed
  std::vector<ParquetColumnSummary> columns;  // leaves, in the file's order
};

}  // namespace firn::formats
