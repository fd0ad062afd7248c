// SPDX-License-Identifier: Apache-2.0
#include "connect/filesystem_sink.h"

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/assert.h"
#include "connect/folder_files_internal.h"
#include "connect/partition_split_internal.h"
#include "connect/stateless_sink_internal.h"
#include "formats/parquet_writer.h"
#include "iceberg/sql_types.h"
#include "iceberg/storage_arrays.h"
#include "io/file_system.h"
#include "io/random.h"

namespace firn::connect {

namespace {

constexpr const char* kStagedPrefix = ".firn-";  // files of checkpoints that are not committed; readers pass over names that begin with a dot
constexpr char kPathEnd = '\0';                // no path holds it
constexpr std::string_view kOverwrites = "*";  // a line of a commit that is no name: names of files begin otherwise, those of folders have it escaped
constexpr std::string_view kFolder = "*in ";   // likewise, before the table's folder
constexpr size_t kOpenFilesMax = 64;             // a lane; beyond it the file least recently written to is closed, and its partition goes on in another
constexpr int64_t kBufferedBytesMax = 256 << 20; // a lane, in open row groups; beyond it all files are closed

// How a file of the job begins.
std::string NamePrefix(const std::string& job_id) { return fmt::format("part-{}-", job_id); }

std::string StagedPath(const std::string& root, const std::string& name) {
  FIRN_ASSERT(!name.empty() && name.find('\n') == std::string::npos, "'{}' cannot be a line of a commit", name);
  const size_t slash = name.rfind('/');
  const size_t begin = slash == std::string::npos ? 0 : slash + 1;
  return io::JoinPath(root, name.substr(0, begin) + kStagedPrefix + name.substr(begin));
}

// A file that grows at its end.
class StagedFile final : public formats::ByteSink {
 public:
  /// `name`: below `root`, the final one.
  static Result<std::unique_ptr<StagedFile>> Create(io::FileSystem& files, const std::string& root, std::string name) {
    const std::string path = StagedPath(root, name);
    FIRN_RETURN_IF_ERROR(files.CreateDirectories(io::ParentPath(path)));
    FIRN_TRY(auto file, files.Open(path, io::OpenMode::kCreateNew));
    return std::unique_ptr<StagedFile>(new StagedFile(files, std::move(name), io::ParentPath(path), std::move(file)));
  }
  Status Append(std::string_view bytes) override {
    FIRN_ASSERT(file_ != nullptr, "{} bytes for {}, which is closed", bytes.size(), name_);
    FIRN_RETURN_IF_ERROR(file_->WriteAt(size_, bytes));
    size_ += bytes.size();
    return Ok();
  }
  /// Makes its bytes and its staged name durable; its name when it is committed.
  Result<std::string> Close() {
    FIRN_ASSERT(file_ != nullptr, "{} is handed over twice", name_);
    FIRN_RETURN_IF_ERROR(file_->Sync());
    file_.reset();
    FIRN_RETURN_IF_ERROR(files_.SyncDirectory(folder_));
    return name_;
  }

 private:
  StagedFile(io::FileSystem& files, std::string name, std::string folder, std::unique_ptr<io::File> file)
      : files_(files), name_(std::move(name)), folder_(std::move(folder)), file_(std::move(file)) {}

  io::FileSystem& files_;
  const std::string name_;
  const std::string folder_;
  std::unique_ptr<io::File> file_;
  uint64_t size_ = 0;
};

// Rows on their way into one file.
class FileWriter {
 public:
  virtual ~FileWriter() = default;
  virtual Status Write(const types::Batch& batch) = 0;
  /// Makes the file durable; its name. May come after the lane is gone.
  virtual Result<std::string> Finish() = 0;
  virtual int64_t buffered_bytes() const { return 0; }
};

class TextFileWriter final : public FileWriter {
 public:
  TextFileWriter(std::unique_ptr<StagedFile> file, formats::RecordEncoder& encoder) : file_(std::move(file)), encoder_(encoder) {}

  Status Write(const types::Batch& batch) override {
    FIRN_TRY(formats::EncodedRecords records, encoder_.Encode(batch));
    FIRN_ASSERT(static_cast<int64_t>(records.ends.size()) == batch.row_count, "{} records of {} rows", records.ends.size(), batch.row_count);
    std::string lines;
    lines.reserve(records.bytes.size() + records.ends.size());
    for (size_t i = 0; i < records.ends.size(); ++i) {
      lines += records.record(i);
      lines += '\n';
    }
    return file_->Append(lines);
  }
  Result<std::string> Finish() override { return file_->Close(); }

 private:
  const std::unique_ptr<StagedFile> file_;
  formats::RecordEncoder& encoder_;
};

class ParquetFileWriter final : public FileWriter {
 public:
  static Result<std::unique_ptr<FileWriter>> Make(std::unique_ptr<StagedFile> file, const formats::FormatSpec& format, const iceberg::Schema& schema) {
    formats::ParquetWriterOptions options;
    if (auto codec = format.options.find("compression"); codec != format.options.end()) options.codec = codec->second;
    FIRN_TRY(auto parquet, formats::ParquetWriter::Make(iceberg::StorageSchema(schema.fields), options, *file));
    return std::unique_ptr<FileWriter>(new ParquetFileWriter(std::move(file), schema, std::move(parquet)));
  }

  Status Write(const types::Batch& batch) override {
    std::vector<types::ArrayPtr> columns;
    for (size_t i = 0; i < batch.columns.size(); ++i) {
      FIRN_TRY(types::ArrayPtr column, iceberg::ToStorage(batch.columns[i], schema_.fields[i]));
      columns.push_back(std::move(column));
    }
    return parquet_->Write(*arrow::RecordBatch::Make(iceberg::StorageSchema(schema_.fields), batch.row_count, std::move(columns)));
  }
  Result<std::string> Finish() override {
    FIRN_RETURN_IF_ERROR(parquet_->Finish());
    return file_->Close();
  }
  int64_t buffered_bytes() const override { return parquet_->buffered_bytes(); }

 private:
  ParquetFileWriter(std::unique_ptr<StagedFile> file, const iceberg::Schema& schema, std::unique_ptr<formats::ParquetWriter> parquet)
      : file_(std::move(file)), schema_(schema), parquet_(std::move(parquet)) {}

  const std::unique_ptr<StagedFile> file_;
  const iceberg::Schema& schema_;
  const std::unique_ptr<formats::ParquetWriter> parquet_;
};

// The files of one checkpoint.
class FilesystemPart final : public exec::SinkPart {
 public:
  FilesystemPart(std::string finished, std::vector<std::unique_ptr<FileWriter>> open) : names_(std::move(finished)), open_(std::move(open)) {}
  Result<std::string> Finish() override {
    for (const std::unique_ptr<FileWriter>& file : open_) {
      FIRN_TRY(const std::string name, file->Finish());
      names_ += name + "\n";
    }
    return std::move(names_);
  }

 private:
  std::string names_;  // of finished files, a line each
  std::vector<std::unique_ptr<FileWriter>> open_;
};

// The open files of one lane, by the folder of their partition (one without name if the table has no partitions).
class FilesystemLane final : public StatelessSinkLane {
 public:
  FilesystemLane(const io::Environment& environment, const FilesystemSinkOptions& options, types::SchemaPtr file_schema, std::unique_ptr<PartitionSplit> split)
      : environment_(environment), options_(options), file_schema_(std::move(file_schema)), split_(std::move(split)) {}

  Status Init() {
    if (options_.format.name == "parquet") {
      FIRN_TRY(parquet_schema_, iceberg::SchemaFromSql(file_schema_->fields()));
      return Ok();
    }
    FIRN_TRY(encoder_, formats::MakeEncoder(options_.format, file_schema_));
    return Ok();
  }

  Status Write(const types::Batch& batch) override {
    if (split_ == nullptr) return WriteTo("", batch);
    FIRN_TRY(std::vector<PartitionRows> parts, split_->Split(batch));
    for (const PartitionRows& part : parts) FIRN_RETURN_IF_ERROR(WriteTo(part.folder, part.rows));
    return Ok();
  }

  Result<std::unique_ptr<exec::SinkPart>> Prepare(int64_t) override {
    if (open_.empty() && finished_.empty()) return std::unique_ptr<exec::SinkPart>();
    std::vector<std::unique_ptr<FileWriter>> open;
    for (auto& [folder, file] : open_) open.push_back(std::move(file.writer));
    open_.clear();
    return std::make_unique<FilesystemPart>(std::exchange(finished_, {}), std::move(open));
  }

  int64_t state_bytes() const override {
    int64_t bytes = 0;
    for (const auto& [folder, file] : open_) bytes += file.writer->buffered_bytes();
    return bytes;
  }

 private:
  struct OpenFile {
    std::unique_ptr<FileWriter> writer;
    uint64_t last_use = 0;
  };
  using OpenFiles = std::map<std::string, OpenFile>;

  Status WriteTo(const std::string& folder, const types::Batch& rows) {
    if (rows.row_count == 0) return Ok();
    OpenFile& file = open_[folder];
    if (file.writer == nullptr) {
      FIRN_TRY(file.writer, NewFile(folder));
    }
    file.last_use = ++use_count_;
    FIRN_ASSERT(rows.columns.size() == file_schema_->size(), "{} columns for files of {}", rows.columns.size(), file_schema_->size());
    FIRN_RETURN_IF_ERROR(file.writer->Write(rows));
    if (open_.size() > kOpenFilesMax) {
      return Close(std::min_element(open_.begin(), open_.end(), [](const auto& a, const auto& b) { return a.second.last_use < b.second.last_use; }));
    }
    while (!open_.empty() && state_bytes() > kBufferedBytesMax) FIRN_RETURN_IF_ERROR(Close(open_.begin()));
    return Ok();
  }

  Result<std::unique_ptr<FileWriter>> NewFile(const std::string& folder) {
    const std::string name = io::JoinPath(folder, fmt::format("{}{}.{}", NamePrefix(options_.job_id), environment_.random.UuidText(), options_.format.name));
    FIRN_TRY(auto file, StagedFile::Create(environment_.files, options_.folder, name));
    if (encoder_ == nullptr) return ParquetFileWriter::Make(std::move(file), options_.format, parquet_schema_);
    return std::unique_ptr<FileWriter>(std::make_unique<TextFileWriter>(std::move(file), *encoder_));
  }

  Status Close(OpenFiles::iterator file) {
    FIRN_TRY(std::string name, file->second.writer->Finish());
    open_.erase(file);
    finished_ += name + "\n";
    return Ok();
  }

  const io::Environment environment_;
  const FilesystemSinkOptions options_;
  const types::SchemaPtr file_schema_;
  const std::unique_ptr<PartitionSplit> split_;     // null: no partitions
  std::unique_ptr<formats::RecordEncoder> encoder_; // null: Parquet
  iceberg::Schema parquet_schema_;
  OpenFiles open_;
  std::string finished_;                            // names since the last checkpoint, a line each
  uint64_t use_count_ = 0;
};

class FilesystemCommitter final : public exec::SinkCommitter {
 public:
  FilesystemCommitter(io::FileSystem& files, const FilesystemSinkOptions& options)
      : files_(files),
        folder_(options.folder),
        staged_prefix_(kStagedPrefix + NamePrefix(options.job_id)),
        levels_(options.partitions.keys().size()),
        overwrites_(options.overwrites) {}
  Result<exec::PreparedEffects> Prepare(const exec::CheckpointIdentity& identity, const std::vector<std::string>& lanes, bool is_last) override {
    exec::PreparedEffects effects;
    for (const std::string& lane : lanes) effects.outside += lane;
    if (overwrites_ && is_last) {
      FIRN_RETURN_IF_ERROR(PlanRemoval(identity, NamesIn(effects.outside)));
      effects.outside = fmt::format("{}\n{}", kOverwrites, effects.outside);
    }
    if (!effects.outside.empty() && folder_.find('\n') == std::string::npos) effects.outside = fmt::format("{}{}\n{}", kFolder, folder_, effects.outside);
    return effects;
  }
  void Published(const exec::CheckpointIdentity&) override {}
  void Abandoned(const exec::CheckpointIdentity&) override {}

  // A file that is not there under its staged name was renamed by an earlier try; whoever waited for it may have taken it away since.
  Status CommitOutside(const exec::CheckpointIdentity& identity, const std::string& outside) override {
    std::vector<std::string> names = NamesIn(outside);
    if (!names.empty() && names.front().starts_with(kFolder)) {
      const std::string folder = names.front().substr(kFolder.size());
      if (folder != folder_) {
        return Error(ErrorCode::kStateIncompatible, fmt::format("files of checkpoint {} are to appear in {}, and the table is in {} now", identity.checkpoint_id, folder, folder_))
            .Hint("make the table with its old 'path' again, or cancel the job, which drops them");
      }
      names.erase(names.begin());
    }
    const bool overwrites = !names.empty() && names.front() == kOverwrites;
    if (overwrites) {
      names.erase(names.begin());
      FIRN_RETURN_IF_ERROR(RemovePlanned(identity));
    }
    for (const std::string& name : names) {
      const std::string staged = StagedPath(folder_, name);
      const Status status = files_.Rename(staged, io::JoinPath(folder_, name));
      if (!status.ok() && (files_.Exists(staged) || !files_.Exists(folder_))) return status;
    }
    for (const std::string& folder : FoldersOf(names)) {
      if (files_.Exists(folder)) FIRN_RETURN_IF_ERROR(files_.SyncDirectory(folder));
    }
    return overwrites ? ForgetPlan(identity) : Ok();
  }

  // What was committed has its final name.
  Status RemoveOrphans(const exec::CheckpointIdentity&) override { return RemoveStaged(folder_, 0); }

 private:
  Status RemoveStaged(const std::string& folder, size_t level) {
    auto entries = files_.List(folder);
    if (!entries.ok()) return entries.error().code() == ErrorCode::kNotFound ? Ok() : Status(std::move(entries).error());
    for (const io::FileEntry& entry : *entries) {
      const std::string path = io::JoinPath(folder, entry.name);
      if (entry.is_directory && level < levels_) FIRN_RETURN_IF_ERROR(RemoveStaged(path, level + 1));
      if (!entry.is_directory && entry.name.starts_with(staged_prefix_)) FIRN_RETURN_IF_ERROR(files_.Remove(path));
    }
    return Ok();
  }

  static std::vector<std::string> NamesIn(std::string_view lines) {
    std::vector<std::string> names;
    for (; !lines.empty(); lines.remove_prefix(names.back().size() + 1)) names.emplace_back(lines.substr(0, lines.find('\n')));
    return names;
  }
  std::set<std::string> FoldersOf(const std::vector<std::string>& names) const {
    std::set<std::string> folders;
    for (const std::string& name : names) folders.insert(io::ParentPath(io::JoinPath(folder_, name)));
    return folders;
  }

  // INSERT OVERWRITE takes out the files that readers find in the table, or in the partitions that are written, when its last checkpoint is cut. They are written down, since
  // the commit may be made again after a crash, when the folders may hold what others have added.
  std::string PlanPath(const exec::CheckpointIdentity& identity) const { return io::JoinPath(folder_, fmt::format("{}{}.overwrite", staged_prefix_, identity.checkpoint_id)); }

  Status PlanRemoval(const exec::CheckpointIdentity& identity, const std::vector<std::string>& written) {
    std::set<std::string> folders = FoldersOf(written);
    if (levels_ == 0) folders.insert(folder_);  // without a new file too
    std::string paths;
    for (const std::string& folder : folders) {
      if (files_.Exists(folder)) FIRN_RETURN_IF_ERROR(VisitFiles(files_, folder, [&](const std::string& path, const io::FileEntry&) { paths += path + kPathEnd; }));
    }
    return paths.empty() ? Ok() : files_.WriteAtomically(PlanPath(identity), paths);
  }

  // Without a plan there was nothing to remove, or it is done.
  Status RemovePlanned(const exec::CheckpointIdentity& identity) {
    if (!files_.Exists(PlanPath(identity))) return Ok();
    FIRN_TRY(const std::string paths, files_.ReadAll(PlanPath(identity)));
    std::set<std::string> folders;
    for (std::string_view rest = paths; !rest.empty();) {
      const std::string path(rest.substr(0, rest.find(kPathEnd)));
      rest.remove_prefix(std::min(rest.size(), path.size() + 1));
      const Status status = files_.Remove(path);
      if (!status.ok() && status.error().code() != ErrorCode::kNotFound) return status;
      folders.insert(io::ParentPath(path));
    }
    for (const std::string& folder : folders) {
      if (files_.Exists(folder)) FIRN_RETURN_IF_ERROR(files_.SyncDirectory(folder));
    }
    return Ok();
  }

  Status ForgetPlan(const exec::CheckpointIdentity& identity) {
    if (!files_.Exists(PlanPath(identity))) return Ok();
    FIRN_RETURN_IF_ERROR(files_.Remove(PlanPath(identity)));
    return files_.SyncDirectory(folder_);
  }

  io::FileSystem& files_;
  const std::string folder_;
  const std::string staged_prefix_;
  const size_t levels_;             // of folders: the table's partition columns
  const bool overwrites_;
};

Result<std::unique_ptr<exec::SinkLane>> MakeLane(const io::Environment& environment, const FilesystemSinkOptions& options, const types::SchemaPtr& schema) {
  std::unique_ptr<PartitionSplit> split;
  if (options.partitions.is_partitioned()) {
    FIRN_TRY(split, PartitionSplit::Make(options.partitions, schema));
  }
  const types::SchemaPtr file_schema = split == nullptr ? schema : split->file_schema();
  auto lane = std::make_unique<FilesystemLane>(environment, options, file_schema, std::move(split));
  FIRN_RETURN_IF_ERROR(lane->Init());
  return std::unique_ptr<exec::SinkLane>(std::move(lane));
}

}  // namespace

Result<exec::Sink> MakeFilesystemSink(const io::Environment& environment, const FilesystemSinkOptions& options, const types::SchemaPtr& schema, int lanes) {
  exec::Sink made;
  for (int i = 0; i < lanes; ++i) {
    FIRN_TRY(auto lane, MakeLane(environment, options, schema));
    made.lanes.push_back(std::move(lane));
  }
  made.committer = std::make_unique<FilesystemCommitter>(environment.files, options);
  return made;
}

}  // namespace firn::connect
