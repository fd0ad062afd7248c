// SPDX-License-Identifier: Apache-2.0
#include "connect/filesystem_sink.h"

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "connect/stateless_sink_internal.h"
#include "formats/parquet_writer.h"
#include "iceberg/sql_types.h"
#include "iceberg/storage_arrays.h"
#include "io/file_system.h"
#include "io/random.h"

namespace firn::connect {

namespace {

constexpr const char* kStagedPrefix = ".firn-";  // files of checkpoints that are not committed; readers pass over names that begin with a dot

// A file that grows at its end.
class StagedFile final : public formats::ByteSink {
 public:
  Status Create(io::FileSystem& files, io::Random& random, const std::string& folder, const std::string& ending) {
    FIRN_RETURN_IF_ERROR(files.CreateDirectories(folder));
    name_ = fmt::format("part-{}.{}", random.UuidText(), ending);
    FIRN_TRY(file_, files.Open(io::JoinPath(folder, kStagedPrefix + name_), io::OpenMode::kCreateNew));
    size_ = 0;
    return Ok();
  }
  bool is_open() const { return file_ != nullptr; }
  Status Append(std::string_view bytes) override {
    FIRN_RETURN_IF_ERROR(file_->WriteAt(size_, bytes));
    size_ += bytes.size();
    return Ok();
  }
  /// Makes it durable and closes it; its name when it is committed.
  Result<std::string> Close() {
    FIRN_RETURN_IF_ERROR(file_->Sync());
    file_.reset();
    return name_;
  }

 private:
  std::unique_ptr<io::File> file_;
  std::string name_;
  uint64_t size_ = 0;
};

class TextLane final : public StatelessSinkLane {
 public:
  TextLane(const io::Environment& environment, const FilesystemSinkOptions& options, std::unique_ptr<formats::RecordEncoder> encoder)
      : environment_(environment), options_(options), encoder_(std::move(encoder)) {}

  Status Write(const types::Batch& batch) override {
    FIRN_TRY(formats::EncodedRecords records, encoder_->Encode(batch));
    if (!file_.is_open()) FIRN_RETURN_IF_ERROR(file_.Create(environment_.files, environment_.random, options_.folder, options_.format.name));
    std::string lines;
    lines.reserve(records.bytes.size() + records.ends.size());
    for (size_t i = 0; i < records.ends.size(); ++i) {
      lines += records.record(i);
      lines += '\n';
    }
    return file_.Append(lines);
  }

  Result<std::string> Prepare(int64_t) override {
    if (!file_.is_open()) return std::string();
    FIRN_TRY(std::string name, file_.Close());
    return name + "\n";
  }

 private:
  const io::Environment environment_;
  const FilesystemSinkOptions options_;
  const std::unique_ptr<formats::RecordEncoder> encoder_;
  StagedFile file_;
};

class ParquetLane final : public StatelessSinkLane {
 public:
  ParquetLane(const io::Environment& environment, const FilesystemSinkOptions& options, iceberg::Schema schema) : environment_(environment), options_(options), schema_(std::move(schema)) {}

  Status Write(const types::Batch& batch) override {
    if (!file_.is_open()) {
      FIRN_RETURN_IF_ERROR(file_.Create(environment_.files, environment_.random, options_.folder, "parquet"));
      formats::ParquetWriterOptions writer_options;
      if (auto codec = options_.format.options.find("compression"); codec != options_.format.options.end()) writer_options.codec = codec->second;
      FIRN_TRY(parquet_, formats::ParquetWriter::Make(iceberg::StorageSchema(schema_.fields), writer_options, file_));
    }
    std::vector<types::ArrayPtr> columns;
    for (size_t i = 0; i < batch.columns.size(); ++i) {
      FIRN_TRY(types::ArrayPtr column, iceberg::ToStorage(batch.columns[i], schema_.fields[i]));
      columns.push_back(std::move(column));
    }
    return parquet_->Write(*arrow::RecordBatch::Make(iceberg::StorageSchema(schema_.fields), batch.row_count, std::move(columns)));
  }

  Result<std::string> Prepare(int64_t) override {
    if (!file_.is_open()) return std::string();
    FIRN_RETURN_IF_ERROR(parquet_->Finish());
    parquet_.reset();
    FIRN_TRY(std::string name, file_.Close());
    return name + "\n";
  }
  int64_t state_bytes() const override { return parquet_ ? parquet_->buffered_bytes() : 0; }

 private:
  const io::Environment environment_;
  const FilesystemSinkOptions options_;
  const iceberg::Schema schema_;
  StagedFile file_;
  std::unique_ptr<formats::ParquetWriter> parquet_;
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

Result<std::unique_ptr<exec::SinkLane>> MakeLane(const io::Environment& environment, const FilesystemSinkOptions& options, const types::SchemaPtr& schema) {
  if (options.format.name == "parquet") {
    FIRN_TRY(iceberg::Schema numbered, iceberg::SchemaFromSql(schema->fields()));
    return std::unique_ptr<exec::SinkLane>(std::make_unique<ParquetLane>(environment, options, std::move(numbered)));
  }
  FIRN_TRY(auto encoder, formats::MakeEncoder(options.format, schema));
  return std::unique_ptr<exec::SinkLane>(std::make_unique<TextLane>(environment, options, std::move(encoder)));
}

}  // namespace

Result<exec::Sink> MakeFilesystemSink(const io::Environment& environment, const FilesystemSinkOptions& options, const types::SchemaPtr& schema, int lanes) {
  exec::Sink made;
  for (int i = 0; i < lanes; ++i) {
    FIRN_TRY(auto lane, MakeLane(environment, options, schema));
    made.lanes.push_back(std::move(lane));
  }
  made.committer = std::make_unique<FilesystemCommitter>(environment.files, options.folder, options.overwrites);
  return made;
}

}  // namespace firn::connect
