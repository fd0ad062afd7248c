// SPDX-License-Identifier: Apache-2.0
#include "formats/parquet_reader.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

#include "base/endian.h"
#include "formats/parquet_summary_internal.h"
#include "types/arrow_result.h"

namespace firn::formats {

namespace {

constexpr int64_t kTailBytes = 8;  // footer length and magic

// Arrow's file over ours. Positions are given with each read, so it can be shared.
class SourceFile final : public arrow::io::RandomAccessFile {
 public:
  explicit SourceFile(std::shared_ptr<const RandomReader> bytes) : bytes_(std::move(bytes)) {}

  arrow::Result<int64_t> ReadAt(int64_t position, int64_t size, void* out) override {
    if (position < 0 || size < 0) return arrow::Status::Invalid("negative position or size");
    Result<size_t> read = bytes_->ReadInto(static_cast<uint64_t>(position), {static_cast<char*>(out), static_cast<size_t>(size)});
    if (!read.ok()) return arrow::Status::IOError(read.error().message());
    return static_cast<int64_t>(*read);
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t size) override {
    if (position < 0 || size < 0) return arrow::Status::Invalid("negative position or size");
    // A broken footer may ask for more than there is: never allocate beyond the file.
    const auto available = static_cast<int64_t>(bytes_->size_bytes()) - position;
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(std::max<int64_t>(0, std::min(size, available))));
    ARROW_ASSIGN_OR_RAISE(int64_t read, ReadAt(position, buffer->size(), buffer->mutable_data()));
    ARROW_RETURN_NOT_OK(buffer->Resize(read));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }
  arrow::Result<int64_t> Read(int64_t size, void* out) override {
    ARROW_ASSIGN_OR_RAISE(int64_t read, ReadAt(position_, size, out));
    position_ += read;
    return read;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, size));
    position_ += buffer->size();
    return buffer;
  }
  arrow::Status Seek(int64_t position) override {
    position_ = position;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Result<int64_t> GetSize() override { return static_cast<int64_t>(bytes_->size_bytes()); }
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }

 private:
  std::shared_ptr<const RandomReader> bytes_;
  int64_t position_ = 0;
  bool closed_ = false;
};

// Parquet's exceptions and Arrow's errors as ours.
template <typename Call>
Status Guard(const char* what, Call call) {
  arrow::Status status;
  try {
    status = call();
  } catch (const std::exception& exception) {
    status = arrow::Status::Invalid(exception.what());
  }
  if (status.ok()) return Ok();
  if (status.IsOutOfMemory() || status.IsCapacityError()) return types::FromArrowError(status).Context(what);
  return Error(ErrorCode::kDecodeError, fmt::format("Parquet: {}", status.message())).Context(what);
}

class BatchRows final : public ParquetRows {
 public:
  explicit BatchRows(std::unique_ptr<arrow::RecordBatchReader> reader) : reader_(std::move(reader)) {}
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    std::shared_ptr<arrow::RecordBatch> batch;
    FIRN_RETURN_IF_ERROR(Guard("reading rows", [&] { return reader_->ReadNext(&batch); }));
    return batch;
  }

 private:
  std::unique_ptr<arrow::RecordBatchReader> reader_;
};

// Row numbers only: no page is touched.
class CountedRows final : public ParquetRows {
 public:
  CountedRows(int64_t rows, int64_t batch_rows) : left_(rows), batch_rows_(batch_rows) {}
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    if (left_ == 0) return std::shared_ptr<arrow::RecordBatch>();
    const int64_t rows = std::min(left_, batch_rows_);
    left_ -= rows;
    return arrow::RecordBatch::Make(arrow::schema({}), rows, arrow::ArrayVector());
  }

 private:
  int64_t left_;
  int64_t batch_rows_;
};

class FileParquetReader final : public ParquetReader {
 public:
  Status Open(std::shared_ptr<const RandomReader> bytes) {
    FIRN_RETURN_IF_ERROR(CheckFooterSize(*bytes));
    return Guard("reading the footer", [&]() -> arrow::Status {
      std::unique_ptr<parquet::ParquetFileReader> file =
          parquet::ParquetFileReader::Open(std::make_shared<SourceFile>(std::move(bytes)), parquet::default_reader_properties());
      row_groups_ = SummarizeFooter(*file->metadata());
      row_count_ = file->metadata()->num_rows();
      parquet::ArrowReaderProperties properties;
      properties.set_use_threads(false);
      properties.set_pre_buffer(false);
      ARROW_ASSIGN_OR_RAISE(reader_, parquet::arrow::FileReader::Make(arrow::default_memory_pool(), std::move(file), properties));
      return reader_->GetSchema(&schema_);
    });
  }

  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }
  const std::vector<ParquetRowGroupSummary>& row_groups() const override { return row_groups_; }
  int64_t row_count() const override { return row_count_; }

  Result<std::unique_ptr<ParquetRows>> Read(const std::vector<int>& row_groups, const std::vector<int>& leaves, int64_t batch_rows) override {
    if (leaves.empty()) {
      int64_t rows = 0;
      for (int group : row_groups) rows += row_groups_[static_cast<size_t>(group)].row_count;
      return std::unique_ptr<ParquetRows>(std::make_unique<CountedRows>(rows, batch_rows));
    }
    std::unique_ptr<arrow::RecordBatchReader> rows;
    reader_->set_batch_size(batch_rows);
    FIRN_RETURN_IF_ERROR(Guard("opening row groups", [&]() -> arrow::Status {
      ARROW_ASSIGN_OR_RAISE(rows, reader_->GetRecordBatchReader(row_groups, leaves));
      return arrow::Status::OK();
    }));
    return std::unique_ptr<ParquetRows>(std::make_unique<BatchRows>(std::move(rows)));
  }

 private:
  static Status CheckFooterSize(const RandomReader& bytes) {
    const auto size = static_cast<int64_t>(bytes.size_bytes());
    char tail[kTailBytes];
    if (size < 2 * 4 + kTailBytes - 4) return Error(ErrorCode::kCorruption, fmt::format("Parquet: a file of {} bytes", size));
    FIRN_TRY(size_t read, bytes.ReadInto(static_cast<uint64_t>(size - kTailBytes), tail));
    const int64_t footer = base::LoadLittle<uint32_t>(tail);
    if (read != kTailBytes || std::string_view(tail + 4, 4) != "PAR1") return Error(ErrorCode::kCorruption, "Parquet: the file does not end in PAR1");
    if (footer > kMaxParquetFooterBytes || footer + kTailBytes > size) {
      return Error(ErrorCode::kCorruption, fmt::format("Parquet: a footer of {} bytes in a file of {}", footer, size));
    }
    return Ok();
  }

  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<ParquetRowGroupSummary> row_groups_;
  int64_t row_count_ = 0;
};

}  // namespace

Result<std::unique_ptr<ParquetReader>> ParquetReader::Open(std::shared_ptr<const RandomReader> bytes) {
  auto reader = std::make_unique<FileParquetReader>();
  FIRN_RETURN_IF_ERROR(reader->Open(std::move(bytes)));
  return std::unique_ptr<ParquetReader>(std::move(reader));
}

}  // namespace firn::formats
