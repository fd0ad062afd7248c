// SPDX-License-Identifier: Apache-2.0
#include "connect/filesystem_source.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <fmt/format.h>

#include <charconv>

#include "connect/file_rows_internal.h"
#include "types/arrow_result.h"

namespace firn::connect {

namespace {

class FilesystemSource final : public exec::Source {
 public:
  FilesystemSource(io::FileSystem& files, const plan::ScanNode& scan) : files_(files), schema_(types::MakeSchema(scan.read_columns)), metadata_keys_(scan.metadata_keys) {}

  Status Open(const std::string& path, const formats::FormatSpec& format) {
    FIRN_TRY(io::FileEntry entry, files_.Stat(path));
    if (entry.is_directory) {
      FIRN_TRY(std::vector<io::FileEntry> entries, files_.List(path));
      for (const io::FileEntry& file : entries) {
        if (!file.is_directory && !file.name.starts_with('.') && !file.name.starts_with('_')) names_.push_back({io::JoinPath(path, file.name), file});
      }
    } else {
      names_.push_back({path, entry});
    }
    std::vector<types::Field> fields;
    for (size_t i = 0; i < schema_->size(); ++i) {
      if (metadata_keys_[i].empty()) fields.push_back(schema_->field(i));
    }
    const types::SchemaPtr wanted = types::MakeSchema(std::move(fields));
    FIRN_TRY(rows_, format.name == "parquet" ? MakeParquetFileRows(files_, wanted) : MakeTextFileRows(files_, format, wanted));
    return Ok();
  }

  int partition_count() const override { return 1; }
  void SetWaker(std::function<void()>) override {}

  Result<exec::PollResult> Poll(int, int64_t max_rows) override {
    exec::PollResult result;
    result.rows = types::Batch{schema_, {}, 0, nullptr, nullptr};
    while (next_file_ < names_.size()) {
      if (!is_open_) FIRN_RETURN_IF_ERROR(rows_->Open(names_[next_file_].path, start_));
      is_open_ = true;
      FIRN_TRY(std::optional<formats::DecodedRecords> decoded, rows_->Next(max_rows));
      if (!decoded) {
        ++next_file_;
        is_open_ = false;
        start_ = 0;
        continue;
      }
      decode_errors_ += decoded->errors;
      FIRN_RETURN_IF_ERROR(Arrange(*decoded, &result.rows));
      return result;
    }
    result.state = exec::PollState::kEnded;
    return EmptyColumns(std::move(result));
  }

  Result<std::string> Positions() const override { return fmt::format("{} {}", next_file_, is_open_ ? rows_->position() : start_); }
  Status Seek(const std::string& positions) override {
    const size_t blank = positions.find(' ');
    if (blank == std::string::npos || std::from_chars(positions.data(), positions.data() + blank, next_file_).ec != std::errc() ||
        std::from_chars(positions.data() + blank + 1, positions.data() + positions.size(), start_).ec != std::errc()) {
      return Error(ErrorCode::kCorruption, fmt::format("a stored file position cannot be read: '{}'", positions));
    }
    return Ok();
  }
  std::vector<exec::PartitionStatus> Describe() const override {
    return {{.name = names_.empty() ? "" : names_[0].path, .position = static_cast<int64_t>(next_file_), .end_position = static_cast<int64_t>(names_.size()), .decode_errors = decode_errors_}};
  }

 private:
  struct NamedFile {
    std::string path;
    io::FileEntry entry;
  };

  Result<exec::PollResult> EmptyColumns(exec::PollResult result) const {
    for (const types::Field& field : schema_->fields()) {
      FIRN_TRY(types::ArrayPtr empty, types::FromArrowResult(arrow::MakeEmptyArray(field.type.ToArrow())));
      result.rows.columns.push_back(std::move(empty));
    }
    return result;
  }

  Status Arrange(formats::DecodedRecords& decoded, types::Batch* rows) const {
    rows->row_count = decoded.rows.row_count;
    rows->kinds = decoded.rows.kinds;
    size_t next = 0;
    for (size_t i = 0; i < schema_->size(); ++i) {
      if (metadata_keys_[i].empty()) {
        rows->columns.push_back(decoded.rows.columns[next++]);
        continue;
      }
      FIRN_TRY(types::ArrayPtr column, MetadataColumn(metadata_keys_[i], rows->row_count));
      rows->columns.push_back(std::move(column));
    }
    return Ok();
  }

  Result<types::ArrayPtr> MetadataColumn(const std::string& key, int64_t rows) const {
    const NamedFile& file = names_[next_file_];
    std::unique_ptr<arrow::ArrayBuilder> builder;
    const bool is_text = key == "file.path" || key == "file.name";
    const types::DataType type = is_text ? types::DataType::String() : key == "file.size" ? types::DataType::BigInt() : types::DataType::TimestampLtz(3);
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(arrow::MakeBuilder(arrow::default_memory_pool(), type.ToArrow(), &builder)));
    const std::string text = key == "file.path" ? file.path : file.path.substr(file.path.rfind('/') + 1);
    for (int64_t row = 0; row < rows; ++row) {
      arrow::Status status;
      if (is_text) {
        status = static_cast<arrow::StringBuilder&>(*builder).Append(text);
      } else if (key == "file.size") {
        status = static_cast<arrow::Int64Builder&>(*builder).Append(static_cast<int64_t>(file.entry.size_bytes));
      } else {
        status = static_cast<arrow::TimestampBuilder&>(*builder).Append(file.entry.modified_ms * 1000);
      }
      FIRN_RETURN_IF_ERROR(types::FromArrowStatus(status));
    }
    return types::FromArrowResult(builder->Finish());
  }

  io::FileSystem& files_;
  const types::SchemaPtr schema_;
  const std::vector<std::string> metadata_keys_;
  std::vector<NamedFile> names_;
  std::unique_ptr<FileRows> rows_;
  size_t next_file_ = 0;
  bool is_open_ = false;
  int64_t start_ = 0;   // where in the next file, if it is not open
  int64_t decode_errors_ = 0;
};

}  // namespace

Result<std::unique_ptr<exec::Source>> MakeFilesystemSource(io::FileSystem& files, const std::string& path, const formats::FormatSpec& format, const plan::ScanNode& scan) {
  auto source = std::make_unique<FilesystemSource>(files, scan);
  FIRN_RETURN_IF_ERROR(source->Open(path, format));
  return std::unique_ptr<exec::Source>(std::move(source));
}

}  // namespace firn::connect
