// SPDX-License-Identifier: Apache-2.0
// Row groups are read one after the other, so that a row's position in the file is known also when groups before it were skipped:
//   1. columns: the wanted ones, and behind them those that equality deletes compare by; if the manifest tells all of them (there is none, or each is one of
//      an identity partition), the data file is not opened: it has as many rows as the manifest says
//   2. a keep mask: positions that are not deleted, then keys that are not deleted
//   3. filter, drop the extra columns
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "formats/parquet_reader.h"
#include "iceberg/object_sink_internal.h"
#include "iceberg/projection.h"
#include "iceberg/scan_reader_internal.h"
#include "types/arrow_result.h"

namespace firn::iceberg {

using types::ArrayPtr;
using types::Batch;

namespace {

// A set of equality deletes and where its key columns are among the columns that are read.
struct EqualityFilter {
  std::shared_ptr<const EqualityKeys> keys;
  std::vector<size_t> columns;
};

class FileScanReader final : public ScanReader {
 public:
  FileScanReader(const ScanReaderInput& input, const FileScanTask& task)
      : sql_schema_(input.sql_schema), batch_rows_(input.batch_rows), with_positions_(input.with_positions), fields_(input.columns), wanted_count_(input.columns.size()),
        location_(task.file.file_path) {}

  Status Open(const ScanReaderInput& input, const FileScanTask& task) {
    if (task.file.file_format != "PARQUET") {
      return Error(ErrorCode::kNotSupported, fmt::format("the data file is of format {}", task.file.file_format)).Hint("Parquet is read.");
    }
    FIRN_TRY(deleted_, input.deletes.PositionsOf(task.file.file_path, task.deletes));
    has_deleted_ = deleted_.size() > 0;
    for (const DeleteFilePtr& one : task.deletes) {
      if (one->file.content != FileContent::kEqualityDeletes) continue;
      FIRN_TRY(std::shared_ptr<const EqualityKeys> keys, input.deletes.KeysOf(*one));
      AddEqualityFilter(std::move(keys));
    }
    std::map<int32_t, Literal> identity_values = IdentityValues(input.metadata, task.file);
    if (AreKnown(fields_, identity_values)) {
      record_count_ = task.file.record_count;
      FIRN_TRY(projection_, FileProjection::Make(*arrow::schema({}), fields_, std::move(identity_values), input.names));
      return Ok();
    }
    FIRN_TRY(std::unique_ptr<objectstore::ObjectReader> object, input.store.Open(task.file.file_path));
    FIRN_TRY(parquet_, formats::ParquetReader::Open(std::make_shared<ObjectSource>(std::move(object))));
    FIRN_TRY(projection_, FileProjection::Make(*parquet_->schema(), fields_, std::move(identity_values), input.names));
    row_groups_wanted_ = ChooseRowGroups(input.pruner);
    return Ok();
  }

  Result<std::optional<Batch>> Next() override {
    while (true) {
      FIRN_TRY(std::shared_ptr<arrow::RecordBatch> rows, NextRows());
      if (rows == nullptr) return std::optional<Batch>();
      Result<std::optional<Batch>> batch = Finish(*rows);
      if (!batch.ok()) return std::move(batch).error().Context("reading " + location_);
      if (batch->has_value()) return batch;
    }
  }

  const ArrayPtr& positions() const override { return positions_; }
  const ScanCounters& counters() const override { return counters_; }

 private:
  void AddEqualityFilter(std::shared_ptr<const EqualityKeys> keys) {
    EqualityFilter filter{std::move(keys), {}};
    for (const NestedField& field : filter.keys->fields) {
      auto found = std::find_if(fields_.begin(), fields_.end(), [&](const NestedField& known) { return known.id == field.id; });
      filter.columns.push_back(static_cast<size_t>(found - fields_.begin()));
      if (found == fields_.end()) fields_.push_back(field);
    }
    equality_filters_.push_back(std::move(filter));
  }

  // Values of identity partitions: for files (of add_files, of Hive) that do not repeat them as columns.
  static std::map<int32_t, Literal> IdentityValues(const TableMetadata& metadata, const DataFile& file) {
    std::map<int32_t, Literal> values;
    const PartitionSpec* spec = metadata.FindSpec(file.spec_id);
    for (size_t i = 0; spec != nullptr && i < spec->fields.size() && i < file.partition.size(); ++i) {
      if (spec->fields[i].transform.kind == TransformKind::kIdentity) values[spec->fields[i].source_id()] = file.partition[i];
    }
    return values;
  }

  // Floating-point columns are read: a partition's -0.0 or NaN need not be the very bits of the rows.
  static bool AreKnown(const std::vector<NestedField>& fields, const std::map<int32_t, Literal>& values) {
    return std::all_of(fields.begin(), fields.end(), [&](const NestedField& field) {
      auto found = values.find(field.id);
      const bool is_exact = field.type.IsPrimitive() && field.type.id != TypeId::kFloat && field.type.id != TypeId::kDouble;
      return found != values.end() && is_exact && (found->second.is_null() || LiteralFits(field.type, found->second));
    });
  }

  std::vector<int> ChooseRowGroups(const Pruner& pruner) {
    std::vector<int> wanted;
    int64_t start = 0;
    for (size_t g = 0; g < parquet_->row_groups().size(); ++g) {
      const formats::ParquetRowGroupSummary& group = parquet_->row_groups()[g];
      row_group_starts_.push_back(start);
      start += group.row_count;
      ++counters_.row_groups;
      const auto begin = row_group_starts_.back();
      const bool is_all_deleted = has_deleted_ && group.row_count > 0 && deleted_.CountRange(begin, begin + group.row_count) == static_cast<uint64_t>(group.row_count);
      if (group.row_count == 0 || is_all_deleted || !pruner.MayMatchRowGroup(group)) ++counters_.row_groups_skipped;
      else wanted.push_back(static_cast<int>(g));
    }
    return wanted;
  }

  Result<std::shared_ptr<arrow::RecordBatch>> NextRows() {
    if (parquet_ == nullptr) {
      const int64_t rows = std::min(batch_rows_, record_count_ - position_);
      return rows == 0 ? nullptr : arrow::RecordBatch::Make(arrow::schema({}), rows, arrow::ArrayVector());
    }
    while (true) {
      if (rows_ != nullptr) {
        FIRN_TRY(std::shared_ptr<arrow::RecordBatch> batch, rows_->Next());
        if (batch != nullptr) return batch;
        rows_.reset();
        FIRN_RETURN_IF_ERROR(CheckRowGroupEnd());
      }
      if (next_row_group_ == row_groups_wanted_.size()) return std::shared_ptr<arrow::RecordBatch>();
      const int group = row_groups_wanted_[next_row_group_++];
      position_ = row_group_starts_[static_cast<size_t>(group)];
      FIRN_TRY(rows_, parquet_->Read({group}, projection_->leaves(), batch_rows_));
    }
  }

  // Rows are deleted by their position, which is counted from the groups' row numbers.
  Status CheckRowGroupEnd() const {
    const auto group = static_cast<size_t>(row_groups_wanted_[next_row_group_ - 1]);
    const int64_t read = position_ - row_group_starts_[group];
    if (read == parquet_->row_groups()[group].row_count) return Ok();
    return Error(ErrorCode::kCorruption, fmt::format("row group {} has {} rows, and the footer says {}", group, read, parquet_->row_groups()[group].row_count)).Context("reading " + location_);
  }

  Result<std::optional<Batch>> Finish(const arrow::RecordBatch& rows) {
    const int64_t count = rows.num_rows();
    const int64_t begin = position_;
    position_ += count;
    FIRN_ASSERT(begin >= 0 && (parquet_ != nullptr || position_ <= record_count_), "rows {} to {} of {}", begin, position_, record_count_);
    counters_.rows_read += count;
    if (count == 0) return std::optional<Batch>();
    FIRN_TRY(std::vector<ArrayPtr> columns, projection_->Convert(rows));
    FIRN_ASSERT(columns.size() == fields_.size() && wanted_count_ <= fields_.size(), "{} columns of {}", columns.size(), fields_.size());
    std::vector<uint8_t> keep;
    MarkDeletedPositions(begin, count, &keep);
    MarkDeletedKeys(columns, count, &keep);
    columns.resize(wanted_count_);
    Batch batch{sql_schema_, std::move(columns), count, nullptr, nullptr};
    if (with_positions_) {
      FIRN_TRY(batch.watermarks, Positions(begin, count));  // rides along through the filter
    }
    if (!keep.empty()) {
      FIRN_TRY(ArrayPtr mask, Mask(keep));
      FIRN_TRY(batch, types::FilterRows(batch, mask));
      counters_.rows_deleted += count - batch.row_count;
    }
    positions_ = std::exchange(batch.watermarks, nullptr);
    FIRN_ASSERT(with_positions_ == (positions_ != nullptr) && (!with_positions_ || positions_->length() == batch.row_count), "not as many positions as {} rows", batch.row_count);
    if (batch.row_count == 0) return std::optional<Batch>();
    return std::optional<Batch>(std::move(batch));
  }

  void MarkDeletedPositions(int64_t begin, int64_t count, std::vector<uint8_t>* keep) const {
    if (!has_deleted_ || deleted_.CountRange(begin, begin + count) == 0) return;
    keep->assign(static_cast<size_t>(count), 1);
    for (int64_t i = 0; i < count; ++i) {
      if (deleted_.Contains(begin + i)) (*keep)[static_cast<size_t>(i)] = 0;
    }
  }

  void MarkDeletedKeys(const std::vector<ArrayPtr>& columns, int64_t count, std::vector<uint8_t>* keep) const {
    std::vector<size_t> encoded_columns;
    std::vector<std::string> row_keys;
    for (const EqualityFilter& filter : equality_filters_) {
      if (row_keys.empty() || encoded_columns != filter.columns) {
        std::vector<ArrayPtr> key_columns;
        for (size_t column : filter.columns) key_columns.push_back(columns[column]);
        FIRN_ASSERT(!key_columns.empty(), "deletes by no column would delete all of {}", location_);
        row_keys = EncodeRowKeys(key_columns, count);
        encoded_columns = filter.columns;
      }
      for (size_t row = 0; row < row_keys.size(); ++row) {
        if (!filter.keys->keys.contains(row_keys[row])) continue;
        if (keep->empty()) keep->assign(static_cast<size_t>(count), 1);
        (*keep)[row] = 0;
      }
    }
  }

  static Result<ArrayPtr> Mask(const std::vector<uint8_t>& keep) {
    arrow::BooleanBuilder builder;
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.AppendValues(keep.data(), static_cast<int64_t>(keep.size()))));
    return types::FromArrowResult(builder.Finish());
  }

  static Result<ArrayPtr> Positions(int64_t begin, int64_t count) {
    arrow::Int64Builder builder;
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(builder.Reserve(count)));
    for (int64_t i = 0; i < count; ++i) builder.UnsafeAppend(begin + i);
    return types::FromArrowResult(builder.Finish());
  }

  const types::SchemaPtr sql_schema_;
  const int64_t batch_rows_;
  const bool with_positions_;
  std::vector<NestedField> fields_;        // wanted columns, then key columns of equality deletes
  const size_t wanted_count_;
  const std::string location_;
  PositionSet deleted_;
  bool has_deleted_ = false;
  std::vector<EqualityFilter> equality_filters_;
  std::unique_ptr<formats::ParquetReader> parquet_;   // null: nothing is read of the file
  int64_t record_count_ = 0;               // by the manifest; then only
  std::optional<FileProjection> projection_;
  std::vector<int> row_groups_wanted_;
  std::vector<int64_t> row_group_starts_;
  size_t next_row_group_ = 0;
  std::unique_ptr<formats::ParquetRows> rows_;
  int64_t position_ = 0;                   // of the next row, in the file
  ArrayPtr positions_;
  ScanCounters counters_;
};

}  // namespace

Result<std::unique_ptr<ScanReader>> OpenScanReader(const ScanReaderInput& input, const FileScanTask& task) {
  auto reader = std::make_unique<FileScanReader>(input, task);
  FIRN_RETURN_IF_ERROR(reader->Open(input, task));
  return std::unique_ptr<ScanReader>(std::move(reader));
}

}  // namespace firn::iceberg
