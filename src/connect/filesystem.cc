// SPDX-License-Identifier: Apache-2.0
#include "connect/filesystem.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <fmt/format.h>

#include <charconv>

#include "connect/options.h"
#include "connect/stateless_sink_internal.h"
#include "formats/record_format.h"
#include "io/file_system.h"
#include "io/random.h"
#include "types/arrow_result.h"

namespace firn::connect {

namespace {

constexpr size_t kReadBytes = 4 << 20;
constexpr const char* kStagedPrefix = ".firn-";  // files of checkpoints that are not committed; readers pass over names that begin with a dot

const std::vector<OptionRule>& Rules() {
  static const std::vector<OptionRule>* const rules = new std::vector<OptionRule>{
      {"path", OptionKind::kText, true, {}, "a file or a folder, as a path or a file:// URI"},
      {"format", OptionKind::kText, true, {}, "json"},
      {"json.*", OptionKind::kText, false, {}, "options of the format"},
      {"sink.*", OptionKind::kText, false, {}, "accepted"},
      {"source.*", OptionKind::kText, false, {}, "accepted"},
  };
  return *rules;
}

const std::vector<types::Field>& Metadata() {
  using types::DataType;
  static const std::vector<types::Field>* const fields = new std::vector<types::Field>{
      {"file.path", DataType::String().NotNull()},
      {"file.name", DataType::String().NotNull()},
      {"file.size", DataType::BigInt().NotNull()},
      {"file.modification-time", DataType::TimestampLtz(3).NotNull()},
  };
  return *fields;
}

std::string PathOf(const plan::TableDefinition& table) {
  std::string path = table.Option("path");
  if (path.starts_with("file://")) path.erase(0, 7);
  return path;
}

Result<formats::FormatSpec> FormatOf(const plan::TableDefinition& table) {
  FIRN_RETURN_IF_ERROR(CheckOptions(table, Rules()));
  const std::string name = table.Option("format");
  formats::FormatSpec spec{name, formats::FormatOptions(table.options, name), "UTC"};
  FIRN_RETURN_IF_ERROR(formats::CheckFormat(spec));
  return spec;
}

// All files, one after the other, in the order of their names. A position is a file's number and a byte in it.
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
    FIRN_TRY(decoder_, formats::MakeDecoder(format, types::MakeSchema(std::move(fields))));
    return Ok();
  }

  int partition_count() const override { return 1; }
  void SetWaker(std::function<void()>) override {}

  Result<exec::PollResult> Poll(int, int64_t max_rows) override {
    exec::PollResult result;
    result.rows = types::Batch{schema_, {}, 0, nullptr, nullptr};
    std::vector<formats::RawRecord> records;
    std::string chunk;
    size_t used = 0;
    while (records.empty() && next_file_ < names_.size()) {
      FIRN_RETURN_IF_ERROR(ReadChunk(&chunk));
      used = CutLines(chunk, max_rows, &records);
      if (used == 0) {  // the file is read
        ++next_file_;
        position_ = 0;
        file_.reset();
        continue;
      }
      position_ += static_cast<int64_t>(used);
    }
    if (records.empty()) {
      result.state = exec::PollState::kEnded;
      return EmptyColumns(std::move(result));
    }
    auto decoded = decoder_->Decode(records);
    if (!decoded.ok()) return std::move(decoded).error().Context("reading " + names_[next_file_].path);
    decode_errors_ += decoded->errors;
    FIRN_RETURN_IF_ERROR(Arrange(*decoded, &result.rows));
    return result;
  }

  Result<std::string> Positions() const override { return fmt::format("{} {}", next_file_, position_); }
  Status Seek(const std::string& positions) override {
    const size_t blank = positions.find(' ');
    if (blank == std::string::npos || std::from_chars(positions.data(), positions.data() + blank, next_file_).ec != std::errc() ||
        std::from_chars(positions.data() + blank + 1, positions.data() + positions.size(), position_).ec != std::errc()) {
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

  Status ReadChunk(std::string* chunk) {
    if (!file_) {
      FIRN_TRY(file_, files_.Open(names_[next_file_].path, io::OpenMode::kRead));
    }
    size_t size = kReadBytes;
    while (true) {  // a line longer than a chunk is read whole
      FIRN_TRY(*chunk, file_->ReadAt(static_cast<uint64_t>(position_), size));
      if (chunk->size() < size || chunk->find('\n') != std::string::npos) return Ok();
      if (size >= kLineBytesMax) return Error(ErrorCode::kLimitExceeded, fmt::format("{} has a line of more than {} bytes", names_[next_file_].path, kLineBytesMax));
      size *= 2;
    }
  }
  static constexpr size_t kLineBytesMax = 256 << 20;

  // Returns how many bytes the lines took; a last line without an end counts only at the end of the file.
  static size_t CutLines(const std::string& chunk, int64_t max_rows, std::vector<formats::RawRecord>* records) {
    size_t used = 0;
    while (used < chunk.size() && static_cast<int64_t>(records->size()) < max_rows) {
      size_t end = chunk.find('\n', used);
      const bool is_last = end == std::string::npos;
      if (is_last && chunk.size() >= kReadBytes && used > 0) break;
      if (is_last) end = chunk.size();
      std::string_view line = std::string_view(chunk).substr(used, end - used);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!line.empty()) records->push_back({line, false, line.data() + line.size() + formats::kRecordPadding <= chunk.data() + chunk.size()});
      used = is_last ? end : end + 1;
    }
    return used;
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
  std::unique_ptr<formats::RecordDecoder> decoder_;
  std::unique_ptr<io::File> file_;
  size_t next_file_ = 0;
  int64_t position_ = 0;
  int64_t decode_errors_ = 0;
};

// Lines into a staged file, which the commit renames.
class FilesystemLane final : public StatelessSinkLane {
 public:
  FilesystemLane(io::FileSystem& files, io::Random& random, std::string folder, std::string format, std::unique_ptr<formats::RecordEncoder> encoder)
      : files_(files), random_(random), folder_(std::move(folder)), format_(std::move(format)), encoder_(std::move(encoder)) {}

  Status Write(const types::Batch& batch) override {
    FIRN_TRY(formats::EncodedRecords records, encoder_->Encode(batch));
    if (!file_) {
      FIRN_RETURN_IF_ERROR(files_.CreateDirectories(folder_));
      name_ = fmt::format("part-{}.{}", random_.UuidText(), format_);
      FIRN_TRY(file_, files_.Open(io::JoinPath(folder_, kStagedPrefix + name_), io::OpenMode::kCreateNew));
      size_ = 0;
    }
    std::string lines;
    for (size_t i = 0; i < records.ends.size(); ++i) {
      lines += records.record(i);
      lines += '\n';
    }
    FIRN_RETURN_IF_ERROR(file_->WriteAt(size_, lines));
    size_ += lines.size();
    return Ok();
  }

  Result<std::string> Prepare(int64_t) override {
    if (!file_) return std::string();
    FIRN_RETURN_IF_ERROR(file_->Sync());
    file_.reset();
    return name_ + "\n";
  }

 private:
  io::FileSystem& files_;
  io::Random& random_;
  const std::string folder_;
  const std::string format_;
  std::unique_ptr<formats::RecordEncoder> encoder_;
  std::unique_ptr<io::File> file_;
  std::string name_;
  uint64_t size_ = 0;
};

class FilesystemCommitter final : public exec::SinkCommitter {
 public:
  FilesystemCommitter(io::FileSystem& files, std::string folder, bool overwrites) : files_(files), folder_(std::move(folder)), overwrites_(overwrites) {}
  Result<exec::PreparedEffects> Prepare(const exec::CheckpointIdentity&, const std::vector<std::string>& lanes, bool is_last) override {
    exec::PreparedEffects effects;
    if (overwrites_ && is_last) effects.outside = "*\n";
    for (const std::string& lane : lanes) effects.outside += lane;
    return effects;
  }
  void Published(const exec::CheckpointIdentity&) override {}
  void Abandoned(const exec::CheckpointIdentity&) override {}

  // A file that has its name already was renamed by an earlier try.
  Status CommitOutside(const exec::CheckpointIdentity&, const std::string& outside) override {
    std::string_view rest = outside;
    while (!rest.empty()) {
      const std::string name(rest.substr(0, rest.find('\n')));
      rest.remove_prefix(name.size() + 1);
      if (name == "*") {
        FIRN_RETURN_IF_ERROR(RemoveOld(outside));
        continue;
      }
      const Status status = files_.Rename(io::JoinPath(folder_, kStagedPrefix + name), io::JoinPath(folder_, name));
      if (!status.ok() && !files_.Exists(io::JoinPath(folder_, name))) return status;
    }
    return files_.Exists(folder_) ? files_.SyncDirectory(folder_) : Ok();
  }

 private:
  // INSERT OVERWRITE: all visible files that are not this commit's.
  Status RemoveOld(const std::string& outside) {
    auto entries = files_.List(folder_);
    if (!entries.ok()) return Ok();
    for (const io::FileEntry& entry : *entries) {
      const bool is_ours = outside.find(entry.name + "\n") != std::string::npos;
      if (!entry.is_directory && !entry.name.starts_with('.') && !is_ours) FIRN_RETURN_IF_ERROR(files_.Remove(io::JoinPath(folder_, entry.name)));
    }
    return Ok();
  }

  io::FileSystem& files_;
  const std::string folder_;
  const bool overwrites_;
};

class FilesystemConnector final : public exec::Connector {
 public:
  explicit FilesystemConnector(const io::Environment& environment) : environment_(environment) {}
  std::string name() const override { return "filesystem"; }

  Result<plan::SourceTraits> DescribeSource(const plan::TableDefinition& table, bool) const override {
    FIRN_RETURN_IF_ERROR(FormatOf(table));
    plan::SourceTraits traits;
    traits.is_bounded = true;
    traits.metadata = Metadata();
    traits.takes_projection = true;
    return traits;
  }
  Result<plan::SinkTraits> DescribeSink(const plan::TableDefinition& table, bool) const override {
    FIRN_RETURN_IF_ERROR(FormatOf(table));
    if (!table.partitioned_by.empty()) return Error(ErrorCode::kNotSupported, fmt::format("{} is partitioned, and the filesystem connector writes no partitions", table.path.ToString()));
    plan::SinkTraits traits;
    traits.supports_overwrite = true;
    return traits;
  }
  Result<std::unique_ptr<exec::Source>> MakeSource(const plan::ScanNode& scan, const exec::JobIdentity&) override {
    FIRN_TRY(formats::FormatSpec format, FormatOf(*scan.table));
    auto source = std::make_unique<FilesystemSource>(environment_.files, scan);
    FIRN_RETURN_IF_ERROR(source->Open(PathOf(*scan.table), format));
    return std::unique_ptr<exec::Source>(std::move(source));
  }
  Result<exec::Sink> MakeSink(const plan::SinkNode& sink, const types::SchemaPtr& input, int lanes, const exec::JobIdentity&) override {
    FIRN_TRY(formats::FormatSpec format, FormatOf(*sink.table));
    std::vector<types::Field> fields;
    for (size_t i = 0; i < sink.columns.size(); ++i) fields.push_back({sink.columns[i], input->field(i).type});
    exec::Sink made;
    for (int i = 0; i < lanes; ++i) {
      FIRN_TRY(auto encoder, formats::MakeEncoder(format, types::MakeSchema(fields)));
      made.lanes.push_back(std::make_unique<FilesystemLane>(environment_.files, environment_.random, PathOf(*sink.table), format.name, std::move(encoder)));
    }
    made.committer = std::make_unique<FilesystemCommitter>(environment_.files, PathOf(*sink.table), sink.overwrite);
    return made;
  }

 private:
  const io::Environment environment_;
};

}  // namespace

std::unique_ptr<exec::Connector> MakeFilesystemConnector(const io::Environment& environment) { return std::make_unique<FilesystemConnector>(environment); }

}  // namespace firn::connect
