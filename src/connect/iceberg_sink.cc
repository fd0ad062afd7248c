// SPDX-License-Identifier: Apache-2.0
#include "connect/iceberg_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "catalog/embedded_catalog.h"
#include "exec/columns.h"
#include "exec/group_keys.h"
#include "exec/group_table.h"
#include "iceberg/metadata_files.h"
#include "iceberg/orphan_files.h"
#include "iceberg/position_deletes.h"
#include "iceberg/snapshot_commit.h"
#include "iceberg/sql_types.h"
#include "iceberg/table_metadata.h"
#include "iceberg/table_scan.h"
#include "iceberg/table_writer.h"

namespace firn::connect {

namespace {

// The table's columns as places in the input.
Result<std::vector<int>> PlacesOf(const iceberg::TableMetadata& metadata, const plan::SinkNode& sink) {
  std::vector<int> places;
  for (const iceberg::NestedField& field : metadata.schema().fields) {
    auto found = std::find(sink.columns.begin(), sink.columns.end(), field.name);
    if (found == sink.columns.end()) {
      return Error(ErrorCode::kSchemaMismatch, fmt::format("the query gives no column `{}` of table {}", field.name, sink.table->path.ToString()));
    }
    places.push_back(static_cast<int>(found - sink.columns.begin()));
  }
  return places;
}

// Where the row of each key lies.
class KeyIndex {
 public:
  explicit KeyIndex(std::vector<types::DataType> types) : encoder_(std::move(types)), table_(encoder_.shape()) {}

  void Find(const std::vector<types::ArrayPtr>& keys, int64_t rows, std::vector<uint32_t>* groups) {
    encoder_.Encode(keys, rows, &keys_);
    table_.FindOrInsert(keys_, groups);
    files_.resize(table_.capacity(), kNowhere);
    positions_.resize(table_.capacity(), 0);
  }
  bool Has(uint32_t group) const { return files_[group] != kNowhere; }
  const iceberg::FileReference& FileOf(uint32_t group) const { return references_[files_[group]]; }
  int64_t PositionOf(uint32_t group) const { return positions_[group]; }
  void Set(uint32_t group, uint32_t file, int64_t position) {
    files_[group] = file;
    positions_[group] = position;
  }
  void Forget(uint32_t group) { files_[group] = kNowhere; }
  uint32_t AddFile(iceberg::FileReference file) {
    references_.push_back(std::move(file));
    return static_cast<uint32_t>(references_.size() - 1);
  }
  size_t capacity() const { return files_.size(); }
  int64_t bytes() const { return table_.bytes() + static_cast<int64_t>(files_.capacity() * sizeof(uint32_t) + positions_.capacity() * sizeof(int64_t)); }

 private:
  static constexpr uint32_t kNowhere = 0xffffffff;
  exec::KeyEncoder encoder_;
  exec::GroupTable table_;
  exec::BatchKeys keys_;
  std::vector<uint32_t> files_;      // by group: number in references_
  std::vector<int64_t> positions_;   // by group
  std::vector<iceberg::FileReference> references_;
};

// Data files and position deletes of one checkpoint.
class IcebergPart final : public exec::SinkPart {
 public:
  IcebergPart(const iceberg::WriteContext& context, iceberg::TableMetadataPtr metadata, std::string prefix, std::unique_ptr<iceberg::TableWriter> writer, iceberg::PositionDeletes deletes)
      : context_(context), metadata_(std::move(metadata)), prefix_(std::move(prefix)), writer_(std::move(writer)), deletes_(std::move(deletes)) {}

  Result<std::string> Finish() override {
    iceberg::WrittenFiles files;
    FIRN_TRY(files.data_files, writer_->Finish());
    if (deletes_.count() > 0) {
      FIRN_TRY(iceberg::WrittenDeletes deletes, deletes_.Write(context_.store, context_.random, *metadata_, prefix_));
      files.delete_files = std::move(deletes.files);
      // Files of this very checkpoint are in the same snapshot; only older ones must still be in the table.
      for (std::string& path : deletes.referenced_data_files) {
        const bool is_new = std::any_of(files.data_files.begin(), files.data_files.end(), [&](const iceberg::DataFile& file) { return file.file_path == path; });
        if (!is_new) files.referenced_data_files.push_back(std::move(path));
      }
    }
    if (files.empty()) return std::string();
    return iceberg::EncodeWrittenFiles(*metadata_, files);
  }

 private:
  const iceberg::WriteContext context_;
  const iceberg::TableMetadataPtr metadata_;
  const std::string prefix_;
  const std::unique_ptr<iceberg::TableWriter> writer_;
  iceberg::PositionDeletes deletes_;
};

class IcebergLane final : public exec::SinkLane {
 public:
  IcebergLane(const iceberg::WriteContext& context, const IcebergSinkOptions& options, std::vector<int> places, std::vector<int> key_places, types::SchemaPtr schema, int lane)
      : context_(context),
        options_(options),
        places_(std::move(places)),
        key_places_(std::move(key_places)),
        schema_(std::move(schema)),
        lane_(lane) {}

  Status Open() { return OpenWriter(options_.checkpoint_id + 1); }

  Status Write(const types::Batch& batch) override {
    types::Batch rows{schema_, {}, batch.row_count, batch.kinds, nullptr};
    for (int place : places_) rows.columns.push_back(batch.columns[static_cast<size_t>(place)]);
    has_written_ = true;
    if (!options_.is_upsert) return writer_->Write(rows);
    return Upsert(rows);
  }

  // The next rows go into files of their own; the key index knows the ones cut off by their names.
  Result<std::unique_ptr<exec::SinkPart>> Prepare(int64_t checkpoint_id) override {
    if (!has_written_) {
      writer_->SetFilePrefix(PrefixFor(checkpoint_id + 1));
      return std::unique_ptr<exec::SinkPart>();
    }
    auto part = std::make_unique<IcebergPart>(context_, options_.table.metadata, PrefixFor(checkpoint_id), std::move(writer_), std::exchange(deletes_, {}));
    has_written_ = false;
    file_numbers_.clear();
    FIRN_RETURN_IF_ERROR(OpenWriter(checkpoint_id + 1));
    return std::unique_ptr<exec::SinkPart>(std::move(part));
  }

  Status Snapshot(state::StateWriter&) override { return Ok(); }
  Status Restore(state::StateReader&) override { return Ok(); }
  int64_t state_bytes() const override {
    const auto scratch_bytes = static_cast<int64_t>(last_rows_.capacity() * sizeof(int64_t));
    return (writer_ ? writer_->buffered_bytes() : 0) + deletes_.size_bytes() + (index_ ? index_->bytes() : 0) + scratch_bytes;
  }

 private:
  Status OpenWriter(int64_t checkpoint_id) {
    FIRN_TRY(writer_, iceberg::TableWriter::Make(context_.store, context_.random, options_.table.metadata, {.file_prefix = PrefixFor(checkpoint_id)}));
    return Ok();
  }

  // The first part of a file's name: of this lane, for that checkpoint or a later one.
  std::string PrefixFor(int64_t checkpoint_id) const { return fmt::format("{:05}-{}", lane_, iceberg::FileOwner{options_.job_id, checkpoint_id}.ToString()); }

  std::vector<types::ArrayPtr> KeysOf(const types::Batch& rows) const {
    std::vector<types::ArrayPtr> keys;
    for (int place : key_places_) keys.push_back(rows.columns[static_cast<size_t>(place)]);
    return keys;
  }

  // Lazily, so that commits which recovery has to finish are in the table when it is read.
  Status LoadIndex() {
    std::vector<types::DataType> key_types;
    std::vector<int32_t> key_ids;
    for (int place : key_places_) {
      key_types.push_back(schema_->field(static_cast<size_t>(place)).type);
      key_ids.push_back(options_.table.metadata->schema().fields[static_cast<size_t>(place)].id);
    }
    index_.emplace(std::move(key_types));
    FIRN_TRY(iceberg::Table current, options_.catalog->LoadTable(options_.table.identifier));
    std::map<std::string, uint32_t> known;
    return iceberg::ScanKeys(context_.store, current.metadata, key_ids, [&](const types::Batch& keys, const iceberg::DataFile& file, const types::ArrayPtr& positions) -> Status {
      auto [found, is_new] = known.try_emplace(file.file_path, 0);
      if (is_new) found->second = index_->AddFile({file.file_path, file.spec_id, file.partition});
      std::vector<uint32_t> groups;
      index_->Find(keys.columns, keys.row_count, &groups);
      std::vector<int64_t> places;
      exec::LongsOf(positions, &places);
      for (size_t i = 0; i < groups.size(); ++i) index_->Set(groups[i], found->second, places[i]);
      return Ok();
    });
  }

  // The last change of a key in the batch counts; the ones before it were never seen by anybody.
  Status Upsert(const types::Batch& rows) {
    if (!index_) FIRN_RETURN_IF_ERROR(LoadIndex());
    std::vector<uint32_t> groups;
    index_->Find(KeysOf(rows), rows.row_count, &groups);
    last_rows_.resize(index_->capacity(), kNoRow);
    for (int64_t row = 0; row < rows.row_count; ++row) {
      if (rows.kind(row) != types::RowKind::kUpdateBefore) last_rows_[groups[static_cast<size_t>(row)]] = row;
    }
    std::vector<int64_t> written;
    std::vector<uint32_t> written_groups;
    for (int64_t row = 0; row < rows.row_count; ++row) {
      const uint32_t group = groups[static_cast<size_t>(row)];
      if (last_rows_[group] != row) continue;
      last_rows_[group] = kNoRow;
      if (index_->Has(group)) {
        deletes_.Add(index_->FileOf(group), index_->PositionOf(group));
        index_->Forget(group);
      }
      if (rows.kind(row) == types::RowKind::kDelete) continue;
      written.push_back(row);
      written_groups.push_back(group);
    }
    if (written.empty()) return Ok();
    FIRN_TRY(types::Batch kept, types::TakeRows(rows, exec::LongArray(std::move(written))));
    std::vector<iceberg::RowLocation> locations;
    FIRN_RETURN_IF_ERROR(writer_->Write(kept, &locations));
    for (size_t i = 0; i < locations.size(); ++i) index_->Set(written_groups[i], NumberOf(locations[i].file), locations[i].position);
    return Ok();
  }

  // The index's number of one of the writer's files.
  uint32_t NumberOf(uint32_t file) {
    while (file_numbers_.size() <= file) file_numbers_.push_back(index_->AddFile(writer_->FileOf(static_cast<uint32_t>(file_numbers_.size()))));
    return file_numbers_[file];
  }

  static constexpr int64_t kNoRow = -1;

  const iceberg::WriteContext context_;
  const IcebergSinkOptions options_;
  const std::vector<int> places_;       // input columns in the table's order
  const std::vector<int> key_places_;   // of the primary key, among the table's columns
  const types::SchemaPtr schema_;
  const int lane_;
  std::unique_ptr<iceberg::TableWriter> writer_;  // of the next part, like the next three
  iceberg::PositionDeletes deletes_;
  bool has_written_ = false;
  std::vector<uint32_t> file_numbers_;  // of the writer's files in the index
  std::optional<KeyIndex> index_;
  std::vector<int64_t> last_rows_;      // by group: its last row of the batch at hand; kNoRow between batches
};

class IcebergCommitter final : public exec::SinkCommitter {
 public:
  IcebergCommitter(const iceberg::WriteContext& context, const IcebergSinkOptions& options, bool overwrites)
      : context_(context), options_(options), overwrites_(overwrites), embedded_(dynamic_cast<catalog::EmbeddedCatalog*>(options.catalog.get())) {}

  ~IcebergCommitter() override {
    Withdraw();
  }

  bool TryBegin(const exec::CheckpointIdentity& identity) override {
    if (embedded_ == nullptr) return true;
    is_reserved_ = embedded_->TryReserve(options_.table.identifier, identity.job_id);
    return is_reserved_;
  }

  void Withdraw() override {
    if (std::exchange(is_reserved_, false)) embedded_->Release(options_.table.identifier);
  }

  Result<exec::PreparedEffects> Prepare(const exec::CheckpointIdentity& identity, const std::vector<std::string>& lanes, bool) override {
    auto effects = MakeEffects(identity, lanes);
    if (!prepared_) Withdraw();  // nothing to publish, or a failure
    return effects;
  }

  void Published(const exec::CheckpointIdentity&) override {
    if (!prepared_) return;
    prepared_.reset();
    Withdraw();
    commit_->DeleteObsolete();
    for (const std::string& location : std::exchange(obsolete_metadata_, {})) (void)context_.store.Delete(location).ok();  // an orphan costs space, nothing else
  }

  void Abandoned(const exec::CheckpointIdentity&) override {
    if (!prepared_) return;
    embedded_->AbandonCommit(*prepared_);
    prepared_.reset();
    Withdraw();
  }

  Status CommitOutside(const exec::CheckpointIdentity& identity, const std::string& outside) override {
    if (outside.empty()) return Ok();
    FIRN_TRY(iceberg::SnapshotCommit commit, iceberg::SnapshotCommit::FromBytes(ContextFor(identity), outside));
    FIRN_RETURN_IF_ERROR(iceberg::CommitSnapshot(*options_.catalog, options_.table.identifier, commit));
    return Ok();
  }

  Status RemoveOrphans(const exec::CheckpointIdentity& last) override {
    Result<iceberg::Table> current = options_.catalog->LoadTable(options_.table.identifier);
    if (!current.ok()) {
      const bool is_dropped = current.error().code() == ErrorCode::kTableNotFound || current.error().code() == ErrorCode::kDatabaseNotFound;
      return is_dropped ? Ok() : Status(std::move(current).error());
    }
    FIRN_RETURN_IF_ERROR(iceberg::RemoveOrphans(context_.store, *current, {last.job_id, last.checkpoint_id}));
    return Ok();
  }

 private:
  Result<exec::PreparedEffects> MakeEffects(const exec::CheckpointIdentity& identity, const std::vector<std::string>& lanes) {
    iceberg::WrittenFiles files;
    for (const std::string& lane : lanes) {
      if (lane.empty()) continue;
      FIRN_TRY(iceberg::WrittenFiles part, iceberg::DecodeWrittenFiles(*options_.table.metadata, lane));
      files.Append(std::move(part));
    }
    exec::PreparedEffects effects;
    if (files.empty() && !(overwrites_ && !has_committed_)) return effects;
    iceberg::SnapshotCommitOptions commit_options;
    commit_options.summary = iceberg::CheckpointSummary(identity.job_id, identity.sink_uid, identity.checkpoint_id);
    if (overwrites_ && !has_committed_) {
      commit_options.mode = options_.table.metadata->spec().fields.empty() ? iceberg::SnapshotMode::kOverwriteTable : iceberg::SnapshotMode::kOverwritePartitions;
    }
    has_committed_ = true;
    FIRN_TRY(iceberg::SnapshotCommit commit, iceberg::SnapshotCommit::Make(ContextFor(identity), *options_.table.metadata, std::move(files), commit_options));
    if (embedded_ == nullptr) {
      effects.outside = commit.ToBytes();
      return effects;
    }
    FIRN_TRY(iceberg::PreparedCommit prepared, PrepareReserved(&commit));
    embedded_->KeepPrepared(prepared);
    effects.in_journal.push_back(embedded_->PublishOperation(prepared));
    prepared_ = std::move(prepared);
    commit_.emplace(std::move(commit));
    return effects;
  }

  // Files of a commit belong to its checkpoint.
  iceberg::WriteContext ContextFor(const exec::CheckpointIdentity& identity) const {
    return {context_.store, context_.clock, context_.random, iceberg::FileOwner{identity.job_id, identity.checkpoint_id}.ToString()};
  }

  Result<iceberg::PreparedCommit> PrepareReserved(iceberg::SnapshotCommit* commit) {
    FIRN_TRY(iceberg::Table current, embedded_->LoadReserved(options_.table.identifier));
    FIRN_TRY(iceberg::TableChange change, commit->BuildOn(*current.metadata));
    FIRN_TRY(iceberg::PreparedCommit prepared, options_.catalog->PrepareCommit(current, change));
    obsolete_metadata_ = iceberg::ObsoleteMetadataFiles(*current.metadata, *prepared.metadata);
    return prepared;
  }

  const iceberg::WriteContext context_;
  const IcebergSinkOptions options_;
  const bool overwrites_;
  bool has_committed_ = false;
  catalog::EmbeddedCatalog* const embedded_;  // null: commits are made outside of the journal
  bool is_reserved_ = false;
  std::optional<iceberg::PreparedCommit> prepared_;
  std::optional<iceberg::SnapshotCommit> commit_;          // what prepared_ commits
  std::vector<std::string> obsolete_metadata_;             // metadata files that go once it is
};

}  // namespace

Result<exec::Sink> MakeIcebergSink(const iceberg::WriteContext& context, const IcebergSinkOptions& options, const plan::SinkNode& sink,
                                   const types::SchemaPtr& input, int lanes) {
  const iceberg::TableMetadata& metadata = *options.table.metadata;
  FIRN_TRY(std::vector<int> places, PlacesOf(metadata, sink));
  std::vector<types::Field> fields;
  for (size_t i = 0; i < places.size(); ++i) fields.push_back({metadata.schema().fields[i].name, input->field(static_cast<size_t>(places[i])).type});
  std::vector<int> key_places;
  for (const std::string& key : sink.table->primary_key) {
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].name == key) key_places.push_back(static_cast<int>(i));
    }
  }
  const types::SchemaPtr schema = types::MakeSchema(std::move(fields));
  exec::Sink made;
  for (int lane = 0; lane < lanes; ++lane) {
    auto writer = std::make_unique<IcebergLane>(context, options, places, key_places, schema, lane);
    FIRN_RETURN_IF_ERROR(writer->Open());
    made.lanes.push_back(std::move(writer));
  }
  made.committer = std::make_unique<IcebergCommitter>(context, options, sink.overwrite);
  return made;
}

}  // namespace firn::connect
