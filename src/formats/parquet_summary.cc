// SPDX-License-Identifier: Apache-2.0
#include <parquet/metadata.h>
#include <parquet/schema.h>
#include <parquet/statistics.h>

#include "base/assert.h"
#include "formats/parquet_summary_internal.h"

namespace firn::formats {

namespace {

constexpr int64_t kNumberMax = int64_t{1} << 48;  // of rows or bytes in a row group: sums of thousands of them are numbers still

ParquetColumnSummary SummarizeColumn(const parquet::ColumnChunkMetaData& chunk, const parquet::ColumnDescriptor& column) {
  ParquetColumnSummary summary;
  summary.field_id = column.schema_node()->field_id();
  summary.path = column.path()->ToDotString();
  summary.is_repeated = column.max_repetition_level() > 0;
  summary.physical_type = static_cast<ParquetPhysicalType>(column.physical_type());
  summary.size_bytes = chunk.total_compressed_size();
  summary.value_count = chunk.num_values();
  if (!chunk.is_stats_set()) return summary;
  const std::shared_ptr<parquet::Statistics> statistics = chunk.statistics();
  if (statistics == nullptr) return summary;
  if (statistics->HasNullCount()) summary.null_count = statistics->null_count();
  if (statistics->HasMinMax()) {
    summary.min = statistics->EncodeMin();
    summary.max = statistics->EncodeMax();
  }
  return summary;
}

}  // namespace

arrow::Status CheckFooter(const parquet::FileMetaData& footer) {
  for (int g = 0; g < footer.num_row_groups(); ++g) {
    const std::unique_ptr<parquet::RowGroupMetaData> group = footer.RowGroup(g);
    if (group->num_columns() != footer.num_columns()) {
      return arrow::Status::Invalid("row group ", g, " has ", group->num_columns(), " columns, and the file has ", footer.num_columns());
    }
    if (group->num_rows() < 0 || group->num_rows() > kNumberMax) return arrow::Status::Invalid("row group ", g, " is said to have ", group->num_rows(), " rows");
    for (int c = 0; c < group->num_columns(); ++c) {
      const std::unique_ptr<parquet::ColumnChunkMetaData> chunk = group->ColumnChunk(c);
      for (const int64_t bytes : {chunk->total_compressed_size(), chunk->total_uncompressed_size()}) {
        if (bytes < 0 || bytes > kNumberMax) return arrow::Status::Invalid("column ", c, " of row group ", g, " is said to have ", bytes, " bytes");
      }
    }
  }
  return arrow::Status::OK();
}

std::vector<ParquetRowGroupSummary> SummarizeFooter(const parquet::FileMetaData& footer) {
  std::vector<ParquetRowGroupSummary> groups;
  for (int g = 0; g < footer.num_row_groups(); ++g) {
    const std::unique_ptr<parquet::RowGroupMetaData> group = footer.RowGroup(g);
    ParquetRowGroupSummary summary;
    summary.row_count = group->num_rows();
    for (int c = 0; c < group->num_columns(); ++c) {
      const std::unique_ptr<parquet::ColumnChunkMetaData> chunk = group->ColumnChunk(c);
      if (c == 0) {
        const bool has_dictionary = chunk->has_dictionary_page() && chunk->dictionary_page_offset() > 0;
        summary.first_byte = has_dictionary ? std::min(chunk->dictionary_page_offset(), chunk->data_page_offset()) : chunk->data_page_offset();
      }
      summary.columns.push_back(SummarizeColumn(*chunk, *footer.schema()->Column(c)));
      summary.size_bytes += summary.columns.back().size_bytes;
    }
    FIRN_ASSERT(summary.columns.size() == static_cast<size_t>(footer.num_columns()), "row group {} of {} columns of {}", g, summary.columns.size(), footer.num_columns());
    groups.push_back(std::move(summary));
  }
  return groups;
}

}  // namespace firn::formats
