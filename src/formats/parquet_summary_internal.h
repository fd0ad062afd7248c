// SPDX-License-Identifier: Apache-2.0
// Footer to summaries; for the reader and the writer here.
#pragma once

#include <vector>

#include "formats/parquet_summary.h"

namespace parquet {
class FileMetaData;
}

namespace firn::formats {

/// Throws what Parquet throws.
std::vector<ParquetRowGroupSummary> SummarizeFooter(const parquet::FileMetaData& footer);

}  // namespace firn::formats
