// SPDX-License-Identifier: Apache-2.0
#include "iceberg/key_deletes.h"

#include <arrow/array.h>

#include "base/assert.h"
#include "iceberg/delete_reader.h"
#include "iceberg/position_deletes.h"
#include "iceberg/table_scan.h"

namespace firn::iceberg {

namespace {

// A scan takes metadata that is shared; it does not outlive the call.
TableMetadataPtr Borrowed(const TableMetadata& metadata) { return {TableMetadataPtr(), &metadata}; }

}  // namespace

Status AddKeysOf(objectstore::ObjectStore& store, const TableMetadata& metadata, const std::vector<int32_t>& key_ids, const std::vector<DataFile>& files, RowKeys* keys) {
  FIRN_TRY(std::unique_ptr<TableScan> scan, TableScan::Make(store, Borrowed(metadata), {.column_ids = key_ids}));
  for (const DataFile& file : files) {
    FIRN_TRY(std::unique_ptr<ScanReader> reader, scan->Open({file, 0, {}}));
    while (true) {
      FIRN_TRY(std::optional<types::Batch> batch, reader->Next());
      if (!batch) break;
      for (std::string& key : EncodeRowKeys(batch->columns, batch->row_count)) keys->insert(std::move(key));
    }
  }
  return Ok();
}

Result<std::vector<DataFile>> WriteKeyDeletes(const WriteContext& context, const TableMetadata& metadata, const std::vector<int32_t>& key_ids, const DataFileRange& files,
                                              const RowKeys& keys) {
  FIRN_ASSERT(!key_ids.empty(), "without key columns all rows have the same key");
  PositionDeletes deletes;
  FIRN_RETURN_IF_ERROR(ScanKeys(context.store, Borrowed(metadata), key_ids, files, [&](const types::Batch& rows, const DataFile& file, const types::ArrayPtr& positions) -> Status {
    FIRN_ASSERT(positions->length() == rows.row_count, "{} positions of {} rows", positions->length(), rows.row_count);
    const FileReference reference{file.file_path, file.spec_id, file.partition};
    const std::vector<std::string> found = EncodeRowKeys(rows.columns, rows.row_count);
    for (size_t row = 0; row < found.size(); ++row) {
      if (keys.contains(found[row])) deletes.Add(reference, static_cast<const arrow::Int64Array&>(*positions).Value(static_cast<int64_t>(row)));
    }
    return Ok();
  }));
  return deletes.Write(context.store, context.random, metadata, context.owner.empty() ? "00000" : "00000-" + context.owner);
}

}  // namespace firn::iceberg
