// SPDX-License-Identifier: Apache-2.0
#include "iceberg/table_writer.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/random.h"
#include "iceberg/object_sink_internal.h"
#include "iceberg/schema_json.h"
#include "iceberg/storage_arrays.h"
#include "iceberg/transform_column.h"
#include "types/arrow_result.h"

namespace firn::iceberg {

using types::ArrayPtr;

namespace {

template <typename ArrayType>
int64_t CountNans(const arrow::Array& array) {
  const auto& numbers = static_cast<const ArrayType&>(array);
  int64_t count = 0;
  const auto* values = numbers.raw_values();
  for (int64_t row = 0; row < numbers.length(); ++row) count += std::isnan(values[row]) ? 1 : 0;
  if (count == 0 || numbers.null_count() == 0) return count;
  count = 0;  // values under nulls do not count
  for (int64_t row = 0; row < numbers.length(); ++row) count += !numbers.IsNull(row) && std::isnan(values[row]) ? 1 : 0;
  return count;
}

// NaN counts of float columns, top-level and inside structs.
void AddNans(const std::vector<NestedField>& fields, const std::vector<ArrayPtr>& columns, std::map<int32_t, int64_t>* counts) {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].type.id == TypeId::kFloat) (*counts)[fields[i].id] += CountNans<arrow::FloatArray>(*columns[i]);
    if (fields[i].type.id == TypeId::kDouble) (*counts)[fields[i].id] += CountNans<arrow::DoubleArray>(*columns[i]);
    if (fields[i].type.id == TypeId::kStruct) AddNans(fields[i].type.fields, static_cast<const arrow::StructArray&>(*columns[i]).fields(), counts);
  }
}

Result<std::vector<ArrayPtr>> TakeColumns(const std::vector<ArrayPtr>& columns, const std::vector<PartitionGroup>& groups, int64_t row_count) {
  arrow::Int64Builder builder;
  FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.Reserve(row_count)));
  for (const PartitionGroup& group : groups) {
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.AppendValues(group.rows)));
  }
  FIRN_TRY(ArrayPtr indices, types::FromArrowResult(builder.Finish()));
  std::vector<ArrayPtr> taken;
  for (const ArrayPtr& column : columns) {
    FIRN_TRY(ArrayPtr rows, types::FromArrowResult(arrow::compute::Take(*column, *indices, arrow::compute::TakeOptions::NoBoundsCheck())));
    taken.push_back(std::move(rows));
  }
  return taken;
}

}  // namespace

struct TableWriter::OpenFile {
  uint32_t number = 0;
  uint64_t last_use = 0;
  std::unique_ptr<objectstore::ObjectWriter> object;
  std::unique_ptr<ObjectSink> sink;
  std::unique_ptr<formats::ParquetWriter> parquet;
  std::map<int32_t, int64_t> nan_counts;
};

std::string DataLocation(const TableMetadata& metadata) {
  return metadata.Property("write.data.path", objectstore::JoinLocation(metadata.location, "data"));
}

std::string MetadataLocation(const TableMetadata& metadata) {
  return metadata.Property("write.metadata.path", objectstore::JoinLocation(metadata.location, "metadata"));
}

bool IsInFoldersOf(const TableMetadata& metadata, const std::string& location) {
  // "file:///lake/t", "file:/lake/t" and "/lake/t" are one place.
  const auto path_of = [](const std::string& text) { return objectstore::LocalPath(text).value_or(text); };
  const std::string path = path_of(location);
  if (path.find("/../") != std::string::npos) return false;
  for (const std::string& location_of_folder : {metadata.location, DataLocation(metadata), MetadataLocation(metadata)}) {
    std::string folder = path_of(location_of_folder);
    if (!folder.ends_with('/')) folder += '/';
    if (folder.size() > 1 && path.starts_with(folder)) return true;
  }
  return false;
}

Result<formats::ParquetWriterOptions> ParquetOptions(const TableMetadata& metadata) {
  formats::ParquetWriterOptions options;
  options.codec = metadata.Property("write.parquet.compression-codec", options.codec);
  FIRN_TRY(options.row_group_bytes, metadata.IntegerProperty("write.parquet.row-group-size-bytes", options.row_group_bytes));
  FIRN_TRY(options.page_bytes, metadata.IntegerProperty("write.parquet.page-size-bytes", options.page_bytes));
  FIRN_TRY(options.page_rows, metadata.IntegerProperty("write.parquet.page-row-limit", options.page_rows));
  FIRN_TRY(options.dictionary_bytes, metadata.IntegerProperty("write.parquet.dict-size-bytes", options.dictionary_bytes));
  if (metadata.properties.contains("write.parquet.compression-level")) {
    FIRN_TRY(int64_t level, metadata.IntegerProperty("write.parquet.compression-level", 0));
    options.codec_level = static_cast<int>(level);
  }
  if (options.row_group_bytes <= 0 || options.page_bytes <= 0 || options.page_rows <= 0 || options.dictionary_bytes <= 0) {
    return Error(ErrorCode::kInvalidOption, "the write.parquet.* sizes of the table must be positive");
  }
  return options;
}

TableWriter::TableWriter(objectstore::ObjectStore& store, io::Random& random, TableMetadataPtr metadata, TableWriterOptions options)
    : store_(store), random_(random), metadata_(std::move(metadata)), options_(std::move(options)) {}

TableWriter::~TableWriter() = default;

Result<std::unique_ptr<TableWriter>> TableWriter::Make(objectstore::ObjectStore& store, io::Random& random, TableMetadataPtr metadata,
                                                       TableWriterOptions options) {
  std::unique_ptr<TableWriter> writer(new TableWriter(store, random, std::move(metadata), std::move(options)));
  FIRN_RETURN_IF_ERROR(writer->ReadProperties());
  return writer;
}

Status TableWriter::ReadProperties() {
  if (metadata_->format_version > kMaxWriteFormatVersion) {
    return Error(ErrorCode::kNotSupported, fmt::format("writing to the table at {} of format version {}", metadata_->location, metadata_->format_version))
        .Hint("Versions 1 and 2 are written; version 3 is read.");
  }
  const std::string format = metadata_->Property("write.format.default", "parquet");
  if (format != "parquet") {
    return Error(ErrorCode::kNotSupported, fmt::format("data files of format `{}`", format)).Hint("Set 'write.format.default' to 'parquet'.");
  }
  for (const PartitionField& field : metadata_->spec().fields) {
    if (field.transform.kind == TransformKind::kUnknown) {
      return Error(ErrorCode::kNotSupported, fmt::format("writing to a table partitioned by the unknown transform `{}`", field.transform.text));
    }
  }
  FIRN_TRY(parquet_options_, ParquetOptions(*metadata_));
  FIRN_TRY(target_bytes_, metadata_->IntegerProperty("write.target-file-size-bytes", 512 << 20));
  if (target_bytes_ <= 0) return Error(ErrorCode::kInvalidOption, "write.target-file-size-bytes must be positive");
  FIRN_TRY(metrics_modes_, MetricsModes(*metadata_));
  storage_schema_ = StorageSchema(metadata_->schema().fields);
  parquet_options_.metadata["iceberg.schema"] = SchemaText(metadata_->schema());
  data_location_ = DataLocation(*metadata_);
  return Ok();
}

Status TableWriter::Write(const types::Batch& rows, std::vector<RowLocation>* locations) {
  const Schema& schema = metadata_->schema();
  if (rows.columns.size() != schema.fields.size()) {
    return Error(ErrorCode::kSchemaMismatch, fmt::format("{} columns are written to a table of {}", rows.columns.size(), schema.fields.size()));
  }
  if (locations != nullptr) locations->assign(static_cast<size_t>(rows.row_count), RowLocation());
  if (rows.row_count == 0) return Ok();
  std::vector<ArrayPtr> columns;
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    FIRN_TRY(ArrayPtr column, ToStorage(rows.columns[i], schema.fields[i]));
    columns.push_back(std::move(column));
  }
  FIRN_TRY(std::vector<PartitionGroup> groups, GroupByPartition(metadata_->spec(), schema, columns, rows.row_count));
  if (groups.size() > 1) {
    FIRN_TRY(columns, TakeColumns(columns, groups, rows.row_count));
  }
  int64_t begin = 0;
  for (const PartitionGroup& group : groups) {
    const int64_t count = groups.size() == 1 ? rows.row_count : static_cast<int64_t>(group.rows.size());
    std::vector<ArrayPtr> slice = columns;
    if (groups.size() > 1) {
      for (ArrayPtr& column : slice) column = column->Slice(begin, count);
    }
    RowLocation first;
    FIRN_RETURN_IF_ERROR(WriteGroup(group.values, slice, count, &first));
    for (int64_t i = 0; locations != nullptr && i < count; ++i) {
      const int64_t row = groups.size() == 1 ? i : group.rows[static_cast<size_t>(i)];
      (*locations)[static_cast<size_t>(row)] = {first.file, first.position + i};
    }
    begin += count;
  }
  FIRN_ASSERT(begin == rows.row_count, "{} of {} rows lie in one of {} partitions", begin, rows.row_count, groups.size());
  return StayWithinLimits();
}

Status TableWriter::WriteGroup(const PartitionValues& values, const std::vector<ArrayPtr>& columns, int64_t row_count, RowLocation* first) {
  FIRN_ASSERT(row_count > 0 && columns.size() == metadata_->schema().fields.size(), "{} rows of {} columns", row_count, columns.size());
  FIRN_TRY(OpenFile* file, FileFor(values));
  *first = {file->number, file->parquet->row_count()};
  AddNans(metadata_->schema().fields, columns, &file->nan_counts);
  FIRN_RETURN_IF_ERROR(file->parquet->Write(*arrow::RecordBatch::Make(storage_schema_, row_count, columns)));
  // What position deletes and key indexes count on.
  FIRN_ASSERT(file->parquet->row_count() == first->position + row_count, "{} rows behind {} made {}", row_count, first->position, file->parquet->row_count());
  if (file->parquet->estimated_bytes() >= target_bytes_) return CloseFile(EncodePartitionKey(values));
  return Ok();
}

Result<TableWriter::OpenFile*> TableWriter::FileFor(const PartitionValues& values) {
  const std::string key = EncodePartitionKey(values);
  auto found = open_files_.find(key);
  if (found == open_files_.end()) {
    auto file = std::make_unique<OpenFile>();
    const std::string folder = PartitionPath(metadata_->spec(), metadata_->schema(), values);
    const std::string name = fmt::format("{}-{}-{:05}.parquet", options_.file_prefix, random_.UuidText(), files_.size());
    const std::string path = objectstore::JoinLocation(folder.empty() ? data_location_ : objectstore::JoinLocation(data_location_, folder), name);
    FIRN_TRY(file->object, store_.Create(path));
    file->sink = std::make_unique<ObjectSink>(*file->object);
    FIRN_TRY(file->parquet, formats::ParquetWriter::Make(storage_schema_, parquet_options_, *file->sink));
    file->number = static_cast<uint32_t>(files_.size());
    files_.push_back({path, metadata_->default_spec_id, values});
    found = open_files_.emplace(key, std::move(file)).first;
  }
  FIRN_ASSERT(files_[found->second->number].spec_id == metadata_->default_spec_id && files_[found->second->number].partition.size() == values.size(), "{} is of another partition",
              files_[found->second->number].path);
  found->second->last_use = ++use_count_;
  return found->second.get();
}

Status TableWriter::CloseFile(const std::string& key) {
  auto node = open_files_.extract(key);
  FIRN_ASSERT(!node.empty(), "no open file of that partition");
  OpenFile& file = *node.mapped();
  FIRN_TRY(formats::ParquetFileSummary summary, file.parquet->Finish());
  FIRN_RETURN_IF_ERROR(file.object->Finish());
  DataFile data_file;
  FIRN_ASSERT(summary.row_count > 0, "{} has no rows", files_[file.number].path);
  data_file.file_path = files_[file.number].path;
  data_file.spec_id = metadata_->default_spec_id;
  data_file.partition = files_[file.number].partition;
  data_file.record_count = summary.row_count;
  data_file.file_size_in_bytes = static_cast<int64_t>(file.object->size_bytes());
  data_file.sort_order_id = 0;
  SetStatistics(metadata_->schema(), metrics_modes_, file.nan_counts, summary.row_groups, &data_file);
  finished_.push_back(std::move(data_file));
  return Ok();
}

Status TableWriter::StayWithinLimits() {
  while (open_files_.size() > options_.open_files_max) {
    auto oldest = std::min_element(open_files_.begin(), open_files_.end(),
                                   [](const auto& a, const auto& b) { return a.second->last_use < b.second->last_use; });
    FIRN_RETURN_IF_ERROR(CloseFile(std::string(oldest->first)));
  }
  while (!open_files_.empty() && buffered_bytes() > options_.buffered_bytes_max) {
    auto fullest = std::max_element(open_files_.begin(), open_files_.end(), [](const auto& a, const auto& b) {
      return a.second->parquet->buffered_bytes() < b.second->parquet->buffered_bytes();
    });
    FIRN_RETURN_IF_ERROR(CloseFile(std::string(fullest->first)));
  }
  return Ok();
}

Result<std::vector<DataFile>> TableWriter::Finish() {
  while (!open_files_.empty()) FIRN_RETURN_IF_ERROR(CloseFile(std::string(open_files_.begin()->first)));
  return std::exchange(finished_, {});
}

int64_t TableWriter::buffered_bytes() const {
  int64_t bytes = 0;
  for (const auto& [key, file] : open_files_) bytes += file->parquet->buffered_bytes();
  return bytes;
}

}  // namespace firn::iceberg
