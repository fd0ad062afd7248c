// SPDX-License-Identifier: Apache-2.0
// metadata.json (specification, appendix C): v1, v2 and v3 are read; what this version does not know is kept and written back.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "iceberg/table_metadata.h"

namespace firn::iceberg {

/// Bytes of metadata.json after decompression; a larger one is refused.
inline constexpr uint64_t kMaxMetadataBytes = 512ull << 20;

/// `text` may be gzip: it is told by its first bytes. kInvalidMetadata names what is missing or wrong; kNotSupported a later format version.
Result<TableMetadata> ParseTableMetadata(std::string_view text);
std::string TableMetadataJson(const TableMetadata& metadata);

/// The array of a spec's fields, as a manifest's header has it.
std::string PartitionFieldsJson(const PartitionSpec& spec);

}  // namespace firn::iceberg
