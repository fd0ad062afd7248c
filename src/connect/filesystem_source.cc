// SPDX-License-Identifier: Apache-2.0
#include "connect/filesystem_source.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/assert.h"
#include "connect/file_rows_internal.h"
#include "connect/folder_files_internal.h"
#include "io/file_system.h"
#include "types/arrow_result.h"

namespace firn::connect {

namespace {

class FilesystemSource final : public exec::Source {
 public:
  FilesystemSource(io::FileSystem& files, const FilesystemSourceOptions& options, const plan::ScanNode& scan)
      : files_(files), partitions_(options.partitions), schema_(types::MakeSchema(scan.read_columns)), metadata_keys_(scan.metadata_keys) {}

  Status Open(const FilesystemSourceOptions& options) {
    FIRN_TRY(io::FileEntry entry, files_.Stat(options.path));
    if (entry.is_directory) {
      FIRN_RETURN_IF_ERROR(AddFolder(options.path, {}));
      std::sort(found_.begin(), found_.end(), [](const FoundFile& a, const FoundFile& b) { return a.path < b.path; });
    } else if (partitions_.is_partitioned()) {
      return Error(ErrorCode::kInvalidOption, fmt::format("{} is a file, and the table is partitioned", options.path)).Hint("'path' names the folder that holds the partitions' folders");
    } else {
      found_.push_back({options.path, entry, {}});
    }
    std::vector<types::Field> fields;
    for (size_t i = 0; i < schema_->size(); ++i) {
      levels_.push_back(metadata_keys_[i].empty() ? partitions_.LevelOf(schema_->field(i).name) : std::nullopt);
      if (metadata_keys_[i].empty() && !levels_[i]) fields.push_back(schema_->field(i));
    }
    const types::SchemaPtr wanted = types::MakeSchema(std::move(fields));
    FIRN_TRY(rows_, options.format.name == "parquet" ? MakeParquetFileRows(files_, wanted) : MakeTextFileRows(files_, options.format, wanted));
    return Ok();
  }

  int partition_count() const override { return 1; }
  void SetWaker(std::function<void()>) override {}

  Result<exec::PollResult> Poll(int, int64_t max_rows) override {
    exec::PollResult result;
    result.rows = types::Batch{schema_, {}, 0, nullptr, nullptr};
    while (next_file_ < found_.size()) {
      if (!is_open_) FIRN_RETURN_IF_ERROR(rows_->Open(found_[next_file_].path, start_));
      is_open_ = true;
      FIRN_TRY(std::optional<formats::DecodedRecords> decoded, rows_->Next(max_rows));
      if (!decoded) {
        ++next_file_;
        is_open_ = false;
        start_ = 0;
        continue;
      }
      decode_errors_ += decoded->errors;
      if (first_error_.empty()) first_error_ = decoded->first_error;
      FIRN_RETURN_IF_ERROR(Arrange(*decoded, &result.rows));
      return result;
    }
    result.state = exec::PollState::kEnded;
    return EmptyColumns(std::move(result));
  }

  // "PLACE PATH"; kBehind: that file has been read.
  Result<std::string> Positions() const override {
    if (!is_open_ && start_ == 0 && next_file_ > 0) return fmt::format("{} {}", kBehind, found_[next_file_ - 1].path);
    return next_file_ == found_.size() ? std::string() : fmt::format("{} {}", is_open_ ? rows_->position() : start_, found_[next_file_].path);
  }
  Status Seek(const std::string& positions) override {
    FIRN_ASSERT(!is_open_ && next_file_ == 0, "file {} of {} is being read", next_file_, found_.size());
    if (positions.empty()) return Ok();
    const size_t blank = positions.find(' ');
    int64_t place = 0;
    if (blank == std::string::npos || std::from_chars(positions.data(), positions.data() + blank, place).ec != std::errc()) {
      return Error(ErrorCode::kCorruption, fmt::format("a stored file position cannot be read: '{}'", positions)).Hint("cancel the job and submit its statement again; it reads from the beginning");
    }
    const std::string path = positions.substr(blank + 1);
    auto file = std::lower_bound(found_.begin(), found_.end(), path, [](const FoundFile& one, const std::string& wanted) { return one.path < wanted; });
    const bool is_there = file != found_.end() && file->path == path;
    if (!is_there && place > 0) return Error(ErrorCode::kNotFound, fmt::format("{} was read as far as {}, and is there no more", path, place)).Hint("put it back, or cancel the job and submit its statement again");
    next_file_ = static_cast<size_t>(file - found_.begin()) + (is_there && place == kBehind ? 1 : 0);
    start_ = std::max<int64_t>(place, 0);
    return Ok();
  }
  std::vector<exec::PartitionStatus> Describe() const override {
    return {{.name = found_.empty() ? "" : found_[0].path, .position = static_cast<int64_t>(next_file_), .end_position = static_cast<int64_t>(found_.size()), .decode_errors = decode_errors_, .decode_error = first_error_}};
  }

 private:
  static constexpr int64_t kBehind = -1;

  struct FoundFile {
    std::string path;
    io::FileEntry entry;
    std::vector<std::string> partition;   // a text a level
  };

  // The files below a folder; of a partitioned table those below the folders of its levels.
  Status AddFolder(const std::string& path, const std::vector<std::string>& partition) {
    FIRN_ASSERT(partition.size() <= partitions_.keys().size(), "{} values of {} levels", partition.size(), partitions_.keys().size());
    if (partition.size() == partitions_.keys().size()) {
      return VisitFiles(files_, path, [&](const std::string& file, const io::FileEntry& entry) { found_.push_back({file, entry, partition}); });
    }
    FIRN_TRY(std::vector<io::FileEntry> entries, files_.List(path));
    for (const io::FileEntry& entry : entries) {
      if (IsPassedOver(entry.name) || !entry.is_directory) continue;
      std::optional<std::string> text = partitions_.TextOf(partition.size(), entry.name);
      if (!text) continue;
      std::vector<std::string> below = partition;
      below.push_back(std::move(*text));
      FIRN_RETURN_IF_ERROR(AddFolder(io::JoinPath(path, entry.name), below));
    }
    return Ok();
  }

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
      if (metadata_keys_[i].empty() && !levels_[i]) {
        rows->columns.push_back(decoded.rows.columns[next++]);
        continue;
      }
      auto column = levels_[i] ? PartitionColumn(*levels_[i], rows->row_count) : MetadataColumn(metadata_keys_[i], rows->row_count);
      if (!column.ok()) return std::move(column).error().Context("reading " + found_[next_file_].path);
      rows->columns.push_back(std::move(column).value());
    }
    FIRN_ASSERT(next == decoded.rows.columns.size() && rows->columns.size() == schema_->size(), "{} of {} columns of a file are taken", next, decoded.rows.columns.size());
    return Ok();
  }

  Result<types::ArrayPtr> PartitionColumn(size_t level, int64_t rows) const { return partitions_.ColumnOf(level, found_[next_file_].partition[level], rows); }

  Result<types::ArrayPtr> MetadataColumn(const std::string& key, int64_t rows) const {
    FIRN_ASSERT(next_file_ < found_.size(), "rows of file {} of {}", next_file_, found_.size());
    const FoundFile& file = found_[next_file_];
    std::unique_ptr<arrow::ArrayBuilder> builder;
    const bool is_text = key == "file.path" || key == "file.name";
    const types::DataType type = is_text ? types::DataType::String() : key == "file.size" ? types::DataType::BigInt() : types::DataType::TimestampLtz(3);
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(arrow::MakeBuilder(arrow::default_memory_pool(), type.ToArrow(), &builder)));
    const std::string text = key == "file.path" ? file.path : std::string(io::FileName(file.path));
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
  const PartitionFolders partitions_;
  const types::SchemaPtr schema_;
  const std::vector<std::string> metadata_keys_;
  std::vector<std::optional<size_t>> levels_;   // a column that the folders hold
  std::vector<FoundFile> found_;
  std::unique_ptr<FileRows> rows_;
  size_t next_file_ = 0;
  bool is_open_ = false;
  int64_t start_ = 0;   // where in the next file, if it is not open
  int64_t decode_errors_ = 0;
  std::string first_error_;
};

}  // namespace

Result<std::unique_ptr<exec::Source>> MakeFilesystemSource(io::FileSystem& files, const FilesystemSourceOptions& options, const plan::ScanNode& scan) {
  auto source = std::make_unique<FilesystemSource>(files, options, scan);
  FIRN_RETURN_IF_ERROR(source->Open(options));
  return std::unique_ptr<exec::Source>(std::move(source));
}

}  // namespace firn::connect
