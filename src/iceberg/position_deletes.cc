// SPDX-License-Identifier: Apache-2.0
#include "iceberg/position_deletes.h"

#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>

#include "io/random.h"
#include "iceberg/object_sink_internal.h"
#include "iceberg/storage_arrays.h"
#include "types/arrow_result.h"

namespace firn::iceberg {

namespace {

constexpr int64_t kBatchRows = 1 << 16;

Schema DeleteSchema() {
  Schema schema;
  schema.fields = {{kDeleteFilePathId, "file_path", Type::Of(TypeId::kString), true}, {kDeleteFilePositionId, "pos", Type::Of(TypeId::kLong), true}};
  return schema;
}

// Feeds rows to a Parquet writer in batches.
class DeleteRows {
 public:
  DeleteRows(formats::ParquetWriter& writer, std::shared_ptr<arrow::Schema> schema) : writer_(writer), schema_(std::move(schema)) {}

  Status Add(const std::string& path, const std::vector<int64_t>& positions) {
    for (int64_t position : positions) {
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(paths_.Append(path)));
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(positions_.Append(position)));
      if (positions_.length() == kBatchRows) FIRN_RETURN_IF_ERROR(Flush());
    }
    return Ok();
  }

  Status Flush() {
    if (positions_.length() == 0) return Ok();
    FIRN_TRY(types::ArrayPtr paths, types::FromArrowResult(paths_.Finish()));
    FIRN_TRY(types::ArrayPtr positions, types::FromArrowResult(positions_.Finish()));
    return writer_.Write(*arrow::RecordBatch::Make(schema_, positions->length(), {paths, positions}));
  }

 private:
  formats::ParquetWriter& writer_;
  std::shared_ptr<arrow::Schema> schema_;
  arrow::StringBuilder paths_;
  arrow::Int64Builder positions_;
};

}  // namespace

void PositionDeletes::Add(const FileReference& file, int64_t position) {
  FIRN_ASSERT(position >= 0 && !file.path.empty(), "row {} of '{}'", position, file.path);
  auto [at, is_new] = rows_.try_emplace(file.path);
  if (is_new) at->second.file = file;
  FIRN_ASSERT(at->second.file.spec_id == file.spec_id, "{} is of the specs {} and {}", file.path, at->second.file.spec_id, file.spec_id);
  at->second.positions.push_back(position);
  ++count_;
}

int64_t PositionDeletes::size_bytes() const {
  int64_t bytes = 0;
  for (const auto& [path, rows] : rows_) bytes += static_cast<int64_t>(2 * path.size() + rows.positions.capacity() * sizeof(int64_t) + 128);
  return bytes;
}

Result<std::vector<DataFile>> PositionDeletes::Write(objectstore::ObjectStore& store, io::Random& random, const TableMetadata& metadata,
                                                     const std::string& file_prefix) {
  std::vector<DataFile> written;
  if (rows_.empty()) return written;
  if (metadata.format_version != 2) {
    return Error(ErrorCode::kNotSupported, fmt::format("deleting rows of a table of format version {}", metadata.format_version))
        .Hint("Updates and deletes are written to tables with 'format-version'='2'.");
  }
  FIRN_TRY(formats::ParquetWriterOptions options, ParquetOptions(metadata));
  options.metadata["delete-type"] = "position";
  const Schema schema = DeleteSchema();
  const std::shared_ptr<arrow::Schema> storage_schema = StorageSchema(schema.fields);
  const std::map<int32_t, MetricsMode> modes = {{kDeleteFilePathId, {MetricsMode::Kind::kFull, 0}}, {kDeleteFilePositionId, {MetricsMode::Kind::kFull, 0}}};
  // By spec and partition; paths stay in order within.
  std::map<std::pair<int32_t, std::string>, std::vector<FileRows*>> groups;
  for (auto& [path, rows] : rows_) groups[{rows.file.spec_id, EncodePartitionKey(rows.file.partition)}].push_back(&rows);
  for (const auto& [key, members] : groups) {
    const FileReference& example = members[0]->file;
    const PartitionSpec* spec = metadata.FindSpec(example.spec_id);
    if (spec == nullptr) return Error(ErrorCode::kInvalidMetadata, fmt::format("{} is of partition spec {}, which the table has not", example.path, example.spec_id));
    const std::string folder = PartitionPath(*spec, metadata.SchemaForSpec(*spec), example.partition);
    const std::string data_location = DataLocation(metadata);
    DataFile file;
    file.content = FileContent::kPositionDeletes;
    file.file_path = objectstore::JoinLocation(folder.empty() ? data_location : objectstore::JoinLocation(data_location, folder),
                                               fmt::format("{}-{}-deletes.parquet", file_prefix, random.UuidText()));
    file.spec_id = example.spec_id;
    file.partition = example.partition;
    if (members.size() == 1) file.referenced_data_file = example.path;
    FIRN_TRY(std::unique_ptr<objectstore::ObjectWriter> object, store.Create(file.file_path));
    ObjectSink sink(*object);
    FIRN_TRY(std::unique_ptr<formats::ParquetWriter> parquet, formats::ParquetWriter::Make(storage_schema, options, sink));
    DeleteRows rows(*parquet, storage_schema);
    int64_t deleted = 0;
    for (FileRows* member : members) {
      std::sort(member->positions.begin(), member->positions.end());
      member->positions.erase(std::unique(member->positions.begin(), member->positions.end()), member->positions.end());
      FIRN_ASSERT(!member->positions.empty() && member->positions.front() >= 0, "{} positions of {}", member->positions.size(), member->file.path);
      FIRN_RETURN_IF_ERROR(rows.Add(member->file.path, member->positions));
      deleted += static_cast<int64_t>(member->positions.size());
    }
    FIRN_RETURN_IF_ERROR(rows.Flush());
    FIRN_TRY(formats::ParquetFileSummary summary, parquet->Finish());
    FIRN_RETURN_IF_ERROR(object->Finish());
    FIRN_ASSERT(summary.row_count == deleted, "{} of {} deletes are in {}", summary.row_count, deleted, file.file_path);
    file.record_count = summary.row_count;
    file.file_size_in_bytes = static_cast<int64_t>(object->size_bytes());
    SetStatistics(schema, modes, {}, summary.row_groups, &file);
    written.push_back(std::move(file));
  }
  rows_.clear();
  count_ = 0;
  return written;
}

}  // namespace firn::iceberg
