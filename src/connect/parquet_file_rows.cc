// SPDX-License-Identifier: Apache-2.0
#include <arrow/array.h>
#include <arrow/compute/cast.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <numeric>

#include "connect/file_rows_internal.h"
#include "formats/parquet_reader.h"
#include "iceberg/projection.h"
#include "iceberg/sql_types.h"
#include "types/arrow_result.h"

namespace firn::connect {

namespace {

class FileBytes final : public formats::RandomReader {
 public:
  FileBytes(std::unique_ptr<io::File> file, uint64_t size) : file_(std::move(file)), size_(size) {}
  uint64_t size_bytes() const override { return size_; }
  Result<size_t> ReadInto(uint64_t offset, std::span<char> out) const override { return file_->ReadInto(offset, out); }

 private:
  const std::unique_ptr<io::File> file_;
  const uint64_t size_;
};

// Matched by name through ids that only this reader knows: conversions are those of an Iceberg table.
class ParquetFileRows final : public FileRows {
 public:
  ParquetFileRows(io::FileSystem& files, types::SchemaPtr sql_schema, iceberg::Schema schema) : files_(files), sql_schema_(std::move(sql_schema)), schema_(std::move(schema)) {}

  Status Open(const std::string& path, int64_t position) override {
    path_ = path;
    auto opened = OpenFile(position);
    if (!opened.ok()) return std::move(opened).error().Context("reading " + path_);
    return Ok();
  }

  int64_t position() const override { return position_; }

  Result<std::optional<formats::DecodedRecords>> Next(int64_t) override {
    auto next = NextRows();
    if (!next.ok()) return std::move(next).error().Context("reading " + path_);
    return next;
  }

 private:
  Status OpenFile(int64_t position) {
    FIRN_ASSERT(position >= 0, "row {}", position);
    FIRN_TRY(io::FileEntry entry, files_.Stat(path_));
    FIRN_TRY(auto file, files_.Open(path_, io::OpenMode::kRead));
    FIRN_TRY(parquet_, formats::ParquetReader::Open(std::make_shared<FileBytes>(std::move(file), entry.size_bytes)));
    FIRN_TRY(projection_, iceberg::FileProjection::Make(*parquet_->schema(), schema_.fields, {}, iceberg::NameMappingOf(schema_), iceberg::FieldMatch::kByName));
    std::vector<int> groups(parquet_->row_groups().size());
    std::iota(groups.begin(), groups.end(), 0);
    FIRN_TRY(rows_, parquet_->Read(groups, projection_->leaves(), types::kPreferredBatchRows));
    position_ = 0;
    skip_ = position;
    return Ok();
  }

  Result<std::optional<formats::DecodedRecords>> NextRows() {
    while (true) {
      FIRN_TRY(std::shared_ptr<arrow::RecordBatch> batch, rows_->Next());
      if (batch == nullptr) return std::optional<formats::DecodedRecords>();
      position_ += batch->num_rows();
      if (position_ <= skip_ || batch->num_rows() == 0) continue;
      formats::DecodedRecords decoded;
      decoded.rows = types::Batch{sql_schema_, {}, batch->num_rows(), nullptr, nullptr};
      FIRN_TRY(decoded.rows.columns, projection_->Convert(*batch));
      for (size_t i = 0; i < decoded.rows.columns.size(); ++i) {
        FIRN_TRY(decoded.rows.columns[i], AsDeclared(std::move(decoded.rows.columns[i]), sql_schema_->field(i)));
      }
      FIRN_ASSERT(decoded.rows.columns.size() == sql_schema_->size(), "{} columns of {}", decoded.rows.columns.size(), sql_schema_->size());
      const int64_t wanted = std::min(batch->num_rows(), position_ - skip_);
      if (wanted < batch->num_rows()) decoded.rows = types::SliceBatch(decoded.rows, batch->num_rows() - wanted, wanted);
      return std::optional<formats::DecodedRecords>(std::move(decoded));
    }
  }

  // Iceberg has no whole numbers below 32 bits.
  static Result<types::ArrayPtr> AsDeclared(types::ArrayPtr column, const types::Field& field) {
    const std::shared_ptr<arrow::DataType> declared = field.type.ToArrow();
    if (column->type()->Equals(*declared)) return column;
    Result<arrow::Datum> cast = types::FromArrowResult(arrow::compute::Cast(column, arrow::compute::CastOptions::Safe(declared)));
    if (cast.ok()) return cast->make_array();
    return Error(ErrorCode::kSchemaMismatch, fmt::format("the column `{}` holds what is no {}: {}", field.name, field.type.ToString(), cast.error().message())).Hint("declare the column with the type that the file has");
  }

  io::FileSystem& files_;
  const types::SchemaPtr sql_schema_;
  const iceberg::Schema schema_;
  std::string path_;
  std::unique_ptr<formats::ParquetReader> parquet_;
  std::optional<iceberg::FileProjection> projection_;
  std::unique_ptr<formats::ParquetRows> rows_;
  int64_t position_ = 0;
  int64_t skip_ = 0;   // rows that were given before a restart
};

}  // namespace

Result<std::unique_ptr<FileRows>> MakeParquetFileRows(io::FileSystem& files, const types::SchemaPtr& schema) {
  std::vector<types::Field> fields = schema->fields();
  for (types::Field& field : fields) field.type = field.type.WithNullable(true);
  FIRN_TRY(iceberg::Schema numbered, iceberg::SchemaFromSql(fields));
  return std::unique_ptr<FileRows>(std::make_unique<ParquetFileRows>(files, schema, std::move(numbered)));
}

}  // namespace firn::connect
