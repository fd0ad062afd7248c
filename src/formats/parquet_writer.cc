// SPDX-License-Identifier: Apache-2.0
#include "formats/parquet_writer.h"

#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>
#include <arrow/util/compression.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>
#include <parquet/file_writer.h>
#include <parquet/properties.h>

#include <utility>

#include "base/assert.h"
#include "formats/parquet_summary_internal.h"
#include "types/arrow_result.h"

namespace firn::formats {

namespace {

constexpr int64_t kMaxRowGroupRows = 1 << 20;
constexpr double kFirstGuessOfRatio = 0.4;  // compressed to Arrow bytes, before a row group has told

// Arrow's stream over ours. Errors keep their own form in `status`, since Arrow's would lose the code.
class SinkStream final : public arrow::io::OutputStream {
 public:
  explicit SinkStream(ByteSink& sink) : sink_(sink) {}
  arrow::Status Write(const void* data, int64_t size) override {
    if (status_.ok()) status_ = sink_.Append({static_cast<const char*>(data), static_cast<size_t>(size)});
    if (!status_.ok()) return arrow::Status::IOError(status_.error().message());
    written_ += size;
    return arrow::Status::OK();
  }
  using arrow::io::OutputStream::Write;
  arrow::Result<int64_t> Tell() const override { return written_; }
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }

  int64_t written() const { return written_; }
  const Status& status() const { return status_; }

 private:
  ByteSink& sink_;
  Status status_;
  int64_t written_ = 0;
  bool closed_ = false;
};

Result<arrow::Compression::type> CompressionOf(const std::string& name) {
  static const std::map<std::string, arrow::Compression::type> kCodecs = {
      {"zstd", arrow::Compression::ZSTD},   {"snappy", arrow::Compression::SNAPPY},       {"gzip", arrow::Compression::GZIP},
      {"lz4", arrow::Compression::LZ4_HADOOP}, {"lz4_raw", arrow::Compression::LZ4},      {"brotli", arrow::Compression::BROTLI},
      {"none", arrow::Compression::UNCOMPRESSED}, {"uncompressed", arrow::Compression::UNCOMPRESSED}};
  auto found = kCodecs.find(name);
  if (found == kCodecs.end()) {
    return Error(ErrorCode::kInvalidOption, fmt::format("Parquet codec `{}` is unknown", name))
        .Hint("there are zstd, snappy, gzip, lz4, brotli and uncompressed");
  }
  return found->second;
}

class FileParquetWriter final : public ParquetWriter {
 public:
  FileParquetWriter(ByteSink& sink, int64_t row_group_bytes)
      : stream_(std::make_shared<SinkStream>(sink)), row_group_bytes_(row_group_bytes) {}

  Status Open(const std::shared_ptr<arrow::Schema>& schema, const ParquetWriterOptions& options) {
    column_count_ = schema->num_fields();
    FIRN_TRY(arrow::Compression::type codec, CompressionOf(options.codec));
    parquet::WriterProperties::Builder builder;
    builder.compression(codec)
        ->data_pagesize(options.page_bytes)
        ->max_rows_per_page(options.page_rows)
        ->dictionary_pagesize_limit(options.dictionary_bytes)
        ->max_row_group_length(kMaxRowGroupRows)
        ->enable_store_decimal_as_integer()
        ->created_by("firn");
    if (options.codec_level && codec != arrow::Compression::UNCOMPRESSED) builder.compression_level(*options.codec_level);
    parquet::ArrowWriterProperties::Builder arrow_builder;
    arrow_builder.set_use_threads(false);
    return Guard([&]() -> arrow::Status {
      ARROW_ASSIGN_OR_RAISE(writer_, parquet::arrow::FileWriter::Open(*schema, arrow::default_memory_pool(), stream_, builder.build(),
                                                                      arrow_builder.build()));
      if (!options.metadata.empty()) {
        auto metadata = std::make_shared<arrow::KeyValueMetadata>();
        for (const auto& [key, value] : options.metadata) metadata->Append(key, value);
        return writer_->AddKeyValueMetadata(metadata);
      }
      return arrow::Status::OK();
    });
  }

  Status Write(const arrow::RecordBatch& rows) override {
    FIRN_ASSERT(!is_finished_ && rows.num_columns() == column_count_, "{} columns for a file of {}, or one that is finished", rows.num_columns(), column_count_);
    if (rows.num_rows() == 0) return Ok();
    const auto referenced = rows.num_columns() == 0 ? arrow::Result<int64_t>(0) : arrow::util::ReferencedBufferSize(rows);
    const int64_t bytes = referenced.ok() ? *referenced : arrow::util::TotalBufferSize(rows);
    if (buffered_bytes_ > 0 && buffered_bytes_ + bytes > row_group_bytes_) {
      FIRN_RETURN_IF_ERROR(Guard([&] { return writer_->NewBufferedRowGroup(); }));
      LearnRatio();
      buffered_bytes_ = 0;
      group_start_ = stream_->written();
    }
    FIRN_RETURN_IF_ERROR(Guard([&] { return writer_->WriteRecordBatch(rows); }));
    buffered_bytes_ += bytes;
    row_count_ += rows.num_rows();
    return Ok();
  }

  int64_t row_count() const override { return row_count_; }
  int64_t buffered_bytes() const override { return buffered_bytes_; }
  int64_t estimated_bytes() const override {
    const auto expected = static_cast<int64_t>(static_cast<double>(buffered_bytes_) * ratio_);
    return group_start_ + std::max(expected, stream_->written() - group_start_);
  }

  Result<ParquetFileSummary> Finish() override {
    FIRN_ASSERT(!std::exchange(is_finished_, true), "a file of {} rows is finished twice", row_count_);
    ParquetFileSummary summary;
    summary.row_count = row_count_;
    FIRN_RETURN_IF_ERROR(Guard([&] {
      ARROW_RETURN_NOT_OK(writer_->Close());
      summary.row_groups = SummarizeFooter(*writer_->metadata());
      return arrow::Status::OK();
    }));
    int64_t rows = 0;
    for (const ParquetRowGroupSummary& group : summary.row_groups) rows += group.row_count;
    FIRN_ASSERT(rows == row_count_, "{} of {} rows are in a row group", rows, row_count_);
    return summary;
  }

 private:
  // Runs a call of Parquet's; its exceptions and errors become ours, the sink's own error first.
  template <typename Call>
  Status Guard(Call call) {
    arrow::Status status;
    try {
      status = call();
    } catch (const std::exception& exception) {
      status = arrow::Status::IOError(exception.what());
    }
    if (!stream_->status().ok()) return stream_->status();
    return types::FromArrowStatus(status);
  }

  void LearnRatio() {
    if (buffered_bytes_ > 0) ratio_ = static_cast<double>(stream_->written() - group_start_) / static_cast<double>(buffered_bytes_);
  }

  std::shared_ptr<SinkStream> stream_;
  const int64_t row_group_bytes_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  int column_count_ = 0;
  bool is_finished_ = false;
  int64_t row_count_ = 0;
  int64_t buffered_bytes_ = 0;
  int64_t group_start_ = 0;
  double ratio_ = kFirstGuessOfRatio;
};

}  // namespace

Result<std::unique_ptr<ParquetWriter>> ParquetWriter::Make(std::shared_ptr<arrow::Schema> schema, const ParquetWriterOptions& options,
                                                           ByteSink& sink) {
  auto writer = std::make_unique<FileParquetWriter>(sink, options.row_group_bytes);
  FIRN_RETURN_IF_ERROR(writer->Open(schema, options));
  return std::unique_ptr<ParquetWriter>(std::move(writer));
}

}  // namespace firn::formats
