// SPDX-License-Identifier: Apache-2.0
#include "formats/parquet_reader.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/compute/cast.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <algorithm>
#include <cstring>

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

// Texts of few different values are read as numbers in a dictionary and made texts here, many times faster than Parquet makes them. Each batch gets the dictionary
// anew, so it must be small.
constexpr int64_t kSmallDictionaryBytes = 4 << 10;  // compressed
constexpr int64_t kWholeCopyBytes = 16;             // texts up to this are copied in one step, of constant size

bool IsSmallDictionary(const parquet::ColumnChunkMetaData& chunk) {
  if (!chunk.has_dictionary_page() || chunk.encoding_stats().empty()) return false;
  if (chunk.data_page_offset() - chunk.dictionary_page_offset() > kSmallDictionaryBytes) return false;
  for (const parquet::PageEncodingStats& pages : chunk.encoding_stats()) {
    const bool is_numbers = pages.encoding == parquet::Encoding::RLE_DICTIONARY || pages.encoding == parquet::Encoding::PLAIN_DICTIONARY;
    if (pages.page_type != parquet::PageType::DICTIONARY_PAGE && !is_numbers) return false;  // the dictionary had become too large
  }
  return true;
}

// Leaves that are columns of texts, not parts of nested ones, and have small dictionaries in all row groups.
std::vector<int> SmallDictionaryLeaves(const parquet::FileMetaData& file) {
  std::vector<int> leaves;
  for (int leaf = 0; leaf < file.num_columns(); ++leaf) {
    const parquet::ColumnDescriptor& column = *file.schema()->Column(leaf);
    bool is_small = column.physical_type() == parquet::Type::BYTE_ARRAY && column.max_repetition_level() == 0 && column.path()->ToDotVector().size() == 1 &&
                    (column.logical_type()->is_string() || column.logical_type()->is_none());
    for (int group = 0; is_small && group < file.num_row_groups(); ++group) is_small = IsSmallDictionary(*file.RowGroup(group)->ColumnChunk(leaf));
    if (is_small) leaves.push_back(leaf);
  }
  return leaves;
}

// The numbers of a dictionary's values as the values themselves.
arrow::Result<std::shared_ptr<arrow::Array>> DenseTexts(const arrow::DictionaryArray& array) {
  const auto& values = static_cast<const arrow::BinaryArray&>(*array.dictionary());
  const auto& indices = static_cast<const arrow::Int32Array&>(*array.indices());
  const int64_t rows = array.length();
  if (array.null_count() > 0 && array.offset() % 8 != 0) {
    ARROW_RETURN_NOT_OK(array.ValidateFull());  // no number is beyond the dictionary
    return arrow::compute::Cast(array, values.type());
  }
  std::string bytes;
  std::vector<int32_t> starts{0};
  int64_t longest = 0;
  for (int64_t i = 0; i < values.length(); ++i) {
    bytes += values.GetView(i);
    starts.push_back(static_cast<int32_t>(bytes.size()));
    longest = std::max<int64_t>(longest, starts[static_cast<size_t>(i) + 1] - starts[static_cast<size_t>(i)]);
  }
  bytes.append(kWholeCopyBytes, '\0');
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> offsets, arrow::AllocateBuffer((rows + 1) * static_cast<int64_t>(sizeof(int32_t))));
  auto* ends = reinterpret_cast<int32_t*>(offsets->mutable_data());
  const bool has_nulls = array.null_count() > 0;
  const size_t value_count = starts.size() - 1;
  int64_t total = ends[0] = 0;
  for (int64_t row = 0; row < rows; ++row) {
    if (!has_nulls || indices.IsValid(row)) {
      const auto index = static_cast<size_t>(indices.Value(row));  // one below 0 is beyond all
      if (index >= value_count) return arrow::Status::Invalid("a value's number is beyond its dictionary");
      total += starts[index + 1] - starts[index];
    }
    ends[row + 1] = static_cast<int32_t>(total);
    if (total > INT32_MAX) return arrow::Status::CapacityError("a batch of texts has more than 2 GB");
  }
  ARROW_ASSIGN_OR_RAISE(std::unique_ptr<arrow::ResizableBuffer> data, arrow::AllocateResizableBuffer(total + kWholeCopyBytes));
  auto* out = reinterpret_cast<char*>(data->mutable_data());
  for (int64_t row = 0; row < rows; ++row) {
    const int32_t size = ends[row + 1] - ends[row];
    if (size == 0) continue;
    const char* from = bytes.data() + starts[static_cast<size_t>(indices.Value(row))];
    if (longest <= kWholeCopyBytes) std::memcpy(out + ends[row], from, kWholeCopyBytes);
    else std::memcpy(out + ends[row], from, static_cast<size_t>(size));
  }
  ARROW_RETURN_NOT_OK(data->Resize(total, /*shrink_to_fit=*/false));
  const std::shared_ptr<arrow::Buffer> valid = has_nulls ? arrow::SliceBuffer(indices.null_bitmap(), array.offset() / 8) : nullptr;
  return arrow::MakeArray(arrow::ArrayData::Make(values.type(), rows, {valid, std::move(offsets), std::shared_ptr<arrow::Buffer>(std::move(data))}, array.null_count()));
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> WithDenseTexts(std::shared_ptr<arrow::RecordBatch> batch) {
  for (int i = 0; i < batch->num_columns(); ++i) {
    const auto* dictionary = dynamic_cast<const arrow::DictionaryArray*>(batch->column(i).get());
    if (dictionary == nullptr || dictionary->indices()->type_id() != arrow::Type::INT32 || !arrow::is_base_binary_like(dictionary->dictionary()->type_id())) continue;
    if (arrow::is_large_binary_like(dictionary->dictionary()->type_id())) continue;
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Array> dense, DenseTexts(*dictionary));
    ARROW_ASSIGN_OR_RAISE(batch, batch->SetColumn(i, batch->schema()->field(i)->WithType(dense->type()), dense));
  }
  return batch;
}

class BatchRows final : public ParquetRows {
 public:
  explicit BatchRows(std::unique_ptr<arrow::RecordBatchReader> reader) : reader_(std::move(reader)) {}
  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    std::shared_ptr<arrow::RecordBatch> batch;
    FIRN_RETURN_IF_ERROR(Guard("reading rows", [&]() -> arrow::Status {
      ARROW_RETURN_NOT_OK(reader_->ReadNext(&batch));
      if (batch == nullptr) return arrow::Status::OK();
      return WithDenseTexts(std::move(batch)).Value(&batch);
    }));
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
      ARROW_RETURN_NOT_OK(CheckFooter(*file->metadata()));
      row_groups_ = SummarizeFooter(*file->metadata());
      row_count_ = file->metadata()->num_rows();
      parquet::ArrowReaderProperties properties;
      properties.set_use_threads(false);
      properties.set_pre_buffer(false);
      properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);  // nanoseconds would reach from 1677 to 2262, and go round silently
      ARROW_RETURN_NOT_OK(parquet::arrow::FromParquetSchema(file->metadata()->schema(), properties, file->metadata()->key_value_metadata(), &schema_));
      for (int leaf : SmallDictionaryLeaves(*file->metadata())) properties.set_read_dictionary(leaf, true);
      return parquet::arrow::FileReader::Make(arrow::default_memory_pool(), std::move(file), properties).Value(&reader_);
    });
  }

  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }
  const std::vector<ParquetRowGroupSummary>& row_groups() const override { return row_groups_; }
  int64_t row_count() const override { return row_count_; }

  Result<std::unique_ptr<ParquetRows>> Read(const std::vector<int>& row_groups, const std::vector<int>& leaves, int64_t batch_rows) override {
    FIRN_ASSERT(batch_rows > 0, "batches of {} rows", batch_rows);
    FIRN_ASSERT(std::all_of(row_groups.begin(), row_groups.end(), [&](int group) { return group >= 0 && static_cast<size_t>(group) < row_groups_.size(); }), "a row group beyond the {} there are",
                row_groups_.size());
    if (leaves.empty()) {
      int64_t rows = 0;
      for (int group : row_groups) rows += row_groups_[static_cast<size_t>(group)].row_count;
      return std::unique_ptr<ParquetRows>(std::make_unique<CountedRows>(rows, batch_rows));
    }
    FIRN_ASSERT(std::is_sorted(leaves.begin(), leaves.end()) && leaves.front() >= 0, "columns from {} to {} are not in order", leaves.front(), leaves.back());
    if (!row_groups_.empty() && leaves.back() >= static_cast<int>(row_groups_[0].columns.size())) {
      return Error(ErrorCode::kDecodeError, fmt::format("Parquet: column {} is wanted of {}", leaves.back(), row_groups_[0].columns.size()));
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
