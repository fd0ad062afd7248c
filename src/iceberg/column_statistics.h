// SPDX-License-Identifier: Apache-2.0
// A data file's column statistics out of its Parquet footer: sizes, counts, and bounds cut to the length that the table's properties ask for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "formats/parquet_summary.h"
#include "iceberg/manifest.h"
#include "iceberg/table_metadata.h"

namespace firn::iceberg {

/// write.metadata.metrics.*: what is kept of a column.
struct MetricsMode {
  enum class Kind { kNone, kCounts, kTruncate, kFull } kind = Kind::kTruncate;
  int64_t width = 16;  // kTruncate: code points of text, bytes of binary
};

/// By column id, leaves only. `write.metadata.metrics.default`, `write.metadata.metrics.column.NAME`, and none beyond the first 100 columns unless said.
Result<std::map<int32_t, MetricsMode>> MetricsModes(const TableMetadata& metadata);

/// Fills sizes, counts, bounds and split offsets of `file`.
void SetStatistics(const Schema& schema, const std::map<int32_t, MetricsMode>& modes, const std::map<int32_t, int64_t>& nan_counts,
                   const std::vector<formats::ParquetRowGroupSummary>& row_groups, DataFile* file);

/// A Parquet minimum or maximum as a literal of the column's type; nothing if it cannot be used.
std::optional<Literal> LiteralFromParquet(const Type& type, formats::ParquetPhysicalType physical, std::string_view plain);

/// The smallest text of at most `width` code points, or bytes, that is not less than `value`; nothing if there is none.
std::optional<std::string> TruncateUpperBound(const Type& type, const std::string& value, int64_t width);

}  // namespace firn::iceberg
