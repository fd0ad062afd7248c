// SPDX-License-Identifier: Apache-2.0
// Rows found by their keys and deleted by position: how a commit of upserts replaces what others have put into the table since its key index was read.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "iceberg/manifest_files.h"
#include "iceberg/table_version.h"

namespace firn::iceberg {

/// EncodeRowKeys of key columns.
using RowKeys = std::unordered_set<std::string>;

/// Adds the keys of all rows of data files, which need not be in the table. `key_ids` as for ScanKeys.
Status AddKeysOf(objectstore::ObjectStore& store, const TableMetadata& metadata, const std::vector<int32_t>& key_ids, const std::vector<DataFile>& files, RowKeys* keys);

/// Writes position deletes, durably, of the rows in `files` of the table's current state that have one of the keys. None if there are none.
Result<std::vector<DataFile>> WriteKeyDeletes(const WriteContext& context, const TableMetadata& metadata, const std::vector<int32_t>& key_ids, const DataFileRange& files,
                                              const RowKeys& keys);

}  // namespace firn::iceberg
