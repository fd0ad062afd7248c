// SPDX-License-Identifier: Apache-2.0
// Footer to summaries; for the reader and the writer here.
#pragma once

#include <vector>

#include "formats/parquet_summary.h"

namespace arrow {
class Status;
}
namespace parquet {
class FileMetaData;
}

namespace firn::formats {

/// A footer whose numbers can be: all that is behind counts on one chunk a column and on sums that are numbers.
arrow::Status CheckFooter(const parquet::FileMetaData& footer);

/// Throws what Parquet throws.
std::vector<ParquetRowGroupSummary> SummarizeFooter(const parquet::FileMetaData& footer);

}  // namespace firn::formats
