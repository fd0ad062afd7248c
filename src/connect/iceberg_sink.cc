// SPDX-License-Identifier: Apache-2.0
#include "connect/iceberg_sink.h"

#include <arrow/array.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/mutex.h"
#include "catalog/embedded_catalog.h"
#include "connect/key_index_internal.h"
#include "exec/columns.h"
#include "iceberg/delete_reader.h"
#include "iceberg/metadata_files.h"
#include "iceberg/orphan_files.h"
#include "iceberg/position_deletes.h"
#include "iceberg/snapshot_commit.h"
#include "iceberg/sql_types.h"
#include "iceberg/table_metadata.h"
#include "iceberg/table_scan.h"
#include "iceberg/table_version.h"
#include "iceberg/table_writer.h"

namespace firn::connect {

namespace {

// The table's columns as places in the input.
Result<std::vector<int>> PlacesOf(const iceberg::TableMetadata& metadata, const plan::SinkNode& sink) {
  std::vector<int> places;
  for (const iceberg::NestedField& field : metadata.schema().fields) {
    auto found = std::find(sink.columns.begin(), sink.columns.end(), field.name);
    if (found == sink.columns.end()) {
      return Error(ErrorCode::kSchemaMismatch, fmt::format("the query gives no column `{}` of table {}", field.name, sink.table->path.ToString())).Hint("the table was altered since the statement was planned: submit it again");
    }
    places.push_back(static_cast<int>(found - sink.columns.begin()));
  }
  return places;
}

// The table as the last commit of the sink left it: how lanes learn of what others have put into it. Thread-safe.
class CommittedTable {
 public:
  struct State {
    iceberg::TableMetadataPtr metadata;                // null: nothing was committed yet
    int64_t checkpoint_id = 0;                         // the last one of the sink that is in it
    std::map<std::string, std::string> writer;         // the summary of a snapshot of the sink's
  };
  void Set(State state) {
    base::MutexLock lock(mutex_);
    state_ = std::move(state);
  }
  State Get() const {
    base::MutexLock lock(mutex_);
    return state_;
  }
  /// A lane has seen the table like this: what it writes may be of partition specs that others have added to it.
  void Met(const iceberg::TableMetadataPtr& metadata) {
    base::MutexLock lock(mutex_);
    if (widest_ == nullptr || metadata->partition_specs.size() > widest_->partition_specs.size()) widest_ = metadata;
  }
  /// As it was met with the most specs; null: never.
  iceberg::TableMetadataPtr widest() const {
    base::MutexLock lock(mutex_);
    return widest_;
  }

 private:
  mutable base::Mutex mutex_;
  State state_ FIRN_GUARDED_BY(mutex_);
  iceberg::TableMetadataPtr widest_ FIRN_GUARDED_BY(mutex_);
};

// Data files and position deletes of one checkpoint.
class IcebergPart final : public exec::SinkPart {
 public:
  struct Upserts {
    iceberg::PositionDeletes deletes;
    iceberg::TableVersion known;                  // what they were made by
    std::vector<types::ArrayPtr> deleted_keys;    // columns
  };
  IcebergPart(const iceberg::WriteContext& context, iceberg::TableMetadataPtr metadata, std::string prefix, std::unique_ptr<iceberg::TableWriter> writer, std::optional<Upserts> upserts)
      : context_(context), metadata_(std::move(metadata)), prefix_(std::move(prefix)), writer_(std::move(writer)), upserts_(std::move(upserts)) {}

  Result<std::string> Finish() override {
    FIRN_ASSERT(!std::exchange(is_finished_, true), "the files of {} are handed over twice", prefix_);
    Result<std::string> written = WriteOut();
    if (written.ok() || written.error().code() != ErrorCode::kNotFound) return written;
    return std::move(written).error().Hint("a table that is dropped takes its files along: if another has the name by now, submit the statement again for it");
  }

 private:
  Result<std::string> WriteOut() {
    iceberg::WrittenFiles files;
    FIRN_TRY(files.data_files, writer_->Finish());
    if (upserts_) {
      FIRN_TRY(files.delete_files, upserts_->deletes.Write(context_.store, context_.random, *metadata_, prefix_));
      files.known = upserts_->known;
      if (!upserts_->deleted_keys.empty()) files.deleted_keys = iceberg::EncodeRowKeys(upserts_->deleted_keys, upserts_->deleted_keys[0]->length());
    }
    if (files.empty()) return std::string();
    return iceberg::EncodeWrittenFiles(*metadata_, files);
  }

  const iceberg::WriteContext context_;
  const iceberg::TableMetadataPtr metadata_;
  const std::string prefix_;
  const std::unique_ptr<iceberg::TableWriter> writer_;
  std::optional<Upserts> upserts_;
  bool is_finished_ = false;
};

class IcebergLane final : public exec::SinkLane {
 public:
  IcebergLane(const iceberg::WriteContext& context, const IcebergSinkOptions& options, std::shared_ptr<CommittedTable> committed, std::vector<int> places, std::vector<int> key_places,
              std::vector<int32_t> key_ids, types::SchemaPtr schema, int lane)
      : context_(context),
        options_(options),
        committed_(std::move(committed)),
        places_(std::move(places)),
        key_places_(std::move(key_places)),
        key_ids_(std::move(key_ids)),
        schema_(std::move(schema)),
        lane_(lane),
        metadata_(options.table.metadata) {}

  Status Open() { return OpenWriter(options_.checkpoint_id + 1); }

  Status Write(const types::Batch& batch) override {
    types::Batch rows{schema_, {}, batch.row_count, batch.kinds, nullptr};
    for (int place : places_) rows.columns.push_back(batch.columns[static_cast<size_t>(place)]);
    const bool is_first = !std::exchange(has_written_, true);
    if (!options_.is_upsert) return writer_->Write(rows);
    if (is_first) FIRN_RETURN_IF_ERROR(CatchUp());
    return Upsert(rows);
  }

  // The next rows go into files of their own; the key index knows the ones cut off by their names.
  Result<std::unique_ptr<exec::SinkPart>> Prepare(int64_t checkpoint_id) override {
    if (!has_written_) {
      writer_->SetFilePrefix(PrefixFor(checkpoint_id + 1));
      return std::unique_ptr<exec::SinkPart>();
    }
    std::optional<IcebergPart::Upserts> upserts;
    if (options_.is_upsert) {
      FIRN_TRY(std::vector<types::ArrayPtr> deleted_keys, index_->TakeDeleted());
      upserts.emplace(IcebergPart::Upserts{std::exchange(deletes_, {}), known_, std::move(deleted_keys)});
      for (uint32_t file : file_numbers_) index_->SetCheckpoint(file, checkpoint_id);
    }
    auto part = std::make_unique<IcebergPart>(context_, metadata_, PrefixFor(checkpoint_id), std::move(writer_), std::move(upserts));
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

  // Before the first row of a part: the index knows what the sink's last commit left, others' rows too. What comes in later is the commit's matter.
  Status CatchUp() {
    FIRN_ASSERT(deletes_.count() == 0 && file_numbers_.empty(), "{} deletes of a part whose table is not yet known", deletes_.count());
    if (!index_) return LoadIndex();
    const CommittedTable::State committed = committed_->Get();
    if (committed.metadata == nullptr || committed.metadata->last_sequence_number <= known_.sequence_number) return Ok();
    const iceberg::ChangesOfOthers changes = iceberg::ChangesSince(*committed.metadata, committed.metadata->current_snapshot(), known_, committed.writer);
    if (!changes.is_known || index_->IsCrowded()) {
      index_->Keep(committed.checkpoint_id);
      FIRN_RETURN_IF_ERROR(AddRows(committed.metadata, {}));
      index_->CountCrowd();
    } else if (!changes.is_empty) {
      FIRN_RETURN_IF_ERROR(AddRows(committed.metadata, changes.files));
    }
    Know(committed.metadata);
    return Ok();
  }

  // Lazily, so that commits which recovery has to finish are in the table when it is read.
  Status LoadIndex() {
    std::vector<types::DataType> key_types;
    for (int place : key_places_) key_types.push_back(schema_->field(static_cast<size_t>(place)).type);
    index_.emplace(std::move(key_types));
    FIRN_TRY(iceberg::Table current, options_.catalog->LoadTable(options_.table.identifier));
    FIRN_RETURN_IF_ERROR(AddRows(current.metadata, {}));
    index_->CountCrowd();
    Know(current.metadata);
    return Ok();
  }

  void Know(const iceberg::TableMetadataPtr& metadata) {
    known_ = iceberg::VersionOf(*metadata);
    metadata_ = metadata;
    committed_->Met(metadata);
  }

  Status AddRows(const iceberg::TableMetadataPtr& metadata, const iceberg::DataFileRange& files) {
    std::map<std::string, uint32_t> numbers;
    std::vector<uint32_t> groups;
    std::vector<int64_t> positions;
    return iceberg::ScanKeys(context_.store, metadata, key_ids_, files, [&](const types::Batch& keys, const iceberg::DataFile& file, const types::ArrayPtr& places) -> Status {
      auto [found, is_new] = numbers.try_emplace(file.file_path, 0);
      if (is_new) found->second = index_->AddFile({file.file_path, file.spec_id, file.partition}, KeyIndex::kInTheTable);
      index_->Find(keys.columns, keys.row_count, &groups);
      positions.clear();
      exec::LongsOf(places, &positions);
      for (size_t i = 0; i < groups.size(); ++i) index_->Add(groups[i], {found->second, positions[i]});
      return Ok();
    });
  }

  // The last change of a key in the batch counts; the ones before it were never seen by anybody.
  Status Upsert(const types::Batch& rows) {
    std::vector<uint32_t> groups;
    index_->Find(KeysOf(rows), rows.row_count, &groups);
    FIRN_ASSERT(static_cast<int64_t>(groups.size()) == rows.row_count, "{} keys of {} rows", groups.size(), rows.row_count);
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
      index_->Take(group, [this](const iceberg::FileReference& file, int64_t position) { deletes_.Add(file, position); });
      if (rows.kind(row) == types::RowKind::kDelete) {
        index_->NoteDeleted(group);
        continue;
      }
      written.push_back(row);
      written_groups.push_back(group);
    }
    if (written.empty()) return Ok();
    FIRN_TRY(types::Batch kept, types::TakeRows(rows, exec::LongArray(std::move(written))));
    std::vector<iceberg::RowLocation> locations;
    FIRN_RETURN_IF_ERROR(writer_->Write(kept, &locations));
    FIRN_ASSERT(locations.size() == written_groups.size(), "{} places of {} rows", locations.size(), written_groups.size());
    for (size_t i = 0; i < locations.size(); ++i) index_->Set(written_groups[i], {NumberOf(locations[i].file), locations[i].position});
    return Ok();
  }

  // The index's number of one of the writer's files.
  uint32_t NumberOf(uint32_t file) {
    while (file_numbers_.size() <= file) file_numbers_.push_back(index_->AddFile(writer_->FileOf(static_cast<uint32_t>(file_numbers_.size())), KeyIndex::kNotCutOff));
    return file_numbers_[file];
  }

  static constexpr int64_t kNoRow = -1;

  const iceberg::WriteContext context_;
  const IcebergSinkOptions options_;
  const std::shared_ptr<CommittedTable> committed_;
  const std::vector<int> places_;       // input columns in the table's order
  const std::vector<int> key_places_;   // of the primary key, among the table's columns
  const std::vector<int32_t> key_ids_;  // the same as ids of the table
  const types::SchemaPtr schema_;
  const int lane_;
  std::unique_ptr<iceberg::TableWriter> writer_;  // of the next part, like the next four
  iceberg::PositionDeletes deletes_;
  bool has_written_ = false;
  std::vector<uint32_t> file_numbers_;  // of the writer's files in the index
  iceberg::TableVersion known_;         // what the index knows of the table besides the lane's own rows
  iceberg::TableMetadataPtr metadata_;  // as it was then: with the specs of the files that rows are deleted in
  std::optional<KeyIndex> index_;
  std::vector<int64_t> last_rows_;      // by group: its last row of the batch at hand; kNoRow between batches
};

class IcebergCommitter final : public exec::SinkCommitter {
 public:
  IcebergCommitter(const iceberg::WriteContext& context, const IcebergSinkOptions& options, std::shared_ptr<CommittedTable> committed, std::vector<int32_t> key_ids, bool overwrites)
      : context_(context), options_(options), committed_(std::move(committed)), key_ids_(std::move(key_ids)), overwrites_(overwrites), embedded_(dynamic_cast<catalog::EmbeddedCatalog*>(options.catalog.get())) {}

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
    FIRN_ASSERT(!prepared_, "checkpoint {} is prepared while another is neither published nor abandoned", identity.checkpoint_id);
    auto effects = MakeEffects(identity, lanes);
    if (!prepared_) Withdraw();  // nothing to publish, or a failure
    return effects;
  }

  void Published(const exec::CheckpointIdentity& identity) override {
    if (!prepared_) return;
    Tell(identity, prepared_->metadata);
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
    FIRN_TRY(iceberg::Table committed, iceberg::CommitSnapshot(*options_.catalog, options_.table.identifier, commit));
    Tell(identity, std::move(committed.metadata));
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
    iceberg::TableMetadataPtr base = committed_->widest();
    if (base == nullptr) base = options_.table.metadata;
    iceberg::WrittenFiles files;
    for (const std::string& lane : lanes) {
      if (lane.empty()) continue;
      FIRN_TRY(iceberg::WrittenFiles part, iceberg::DecodeWrittenFiles(*base, lane));
      files.Append(std::move(part));
    }
    exec::PreparedEffects effects;
    if (files.empty() && !(overwrites_ && !has_committed_)) return effects;
    iceberg::SnapshotCommitOptions commit_options;
    commit_options.summary = iceberg::CheckpointSummary(identity.job_id, identity.sink_uid, identity.checkpoint_id);
    if (overwrites_ && !has_committed_) {
      commit_options.mode = options_.table.metadata->spec().IsUnpartitioned() ? iceberg::SnapshotMode::kOverwriteTable : iceberg::SnapshotMode::kOverwritePartitions;
    }
    has_committed_ = true;
    commit_options.known_sequence_number = known_sequence_number_;
    commit_options.key_ids = key_ids_;
    if (options_.is_upsert && !files.known) files.known = iceberg::VersionOf(*options_.table.metadata);  // nothing was written
    FIRN_TRY(iceberg::SnapshotCommit commit, iceberg::SnapshotCommit::Make(ContextFor(identity), *base, std::move(files), commit_options));
    if (embedded_ == nullptr) {
      effects.outside = commit.ToBytes();
      return effects;
    }
    FIRN_TRY(std::optional<iceberg::PreparedCommit> prepared, PrepareReserved(&commit));
    if (!prepared) return effects;
    embedded_->KeepPrepared(*prepared);
    effects.in_journal.push_back(embedded_->PublishOperation(*prepared));
    prepared_ = std::move(prepared);
    commit_.emplace(std::move(commit));
    return effects;
  }

  // Files of a commit belong to its checkpoint.
  iceberg::WriteContext ContextFor(const exec::CheckpointIdentity& identity) const {
    return {context_.store, context_.clock, context_.random, iceberg::FileOwner{identity.job_id, identity.checkpoint_id}.ToString()};
  }

  // Nothing if it would change nothing.
  Result<std::optional<iceberg::PreparedCommit>> PrepareReserved(iceberg::SnapshotCommit* commit) {
    FIRN_TRY(iceberg::Table current, embedded_->LoadReserved(options_.table.identifier));
    FIRN_TRY(iceberg::TableChange change, commit->BuildOn(current));
    if (commit->IsEmpty()) {
      commit->Abandon();
      return std::optional<iceberg::PreparedCommit>();
    }
    FIRN_TRY(iceberg::PreparedCommit prepared, options_.catalog->PrepareCommit(current, change));
    obsolete_metadata_ = iceberg::ObsoleteMetadataFiles(*current.metadata, *prepared.metadata);
    return std::optional<iceberg::PreparedCommit>(std::move(prepared));
  }

  // The lanes, which a commit of others' rows concerns.
  void Tell(const exec::CheckpointIdentity& identity, iceberg::TableMetadataPtr metadata) {
    FIRN_ASSERT(metadata != nullptr && identity.checkpoint_id > 0, "nothing was committed with checkpoint {}", identity.checkpoint_id);
    known_sequence_number_ = metadata->last_sequence_number;
    if (options_.is_upsert) committed_->Set({std::move(metadata), identity.checkpoint_id, iceberg::CheckpointSummary(identity.job_id, identity.sink_uid, identity.checkpoint_id)});
  }

  const iceberg::WriteContext context_;
  const IcebergSinkOptions options_;
  const std::shared_ptr<CommittedTable> committed_;
  const std::vector<int32_t> key_ids_;   // of upserts
  const bool overwrites_;
  bool has_committed_ = false;
  int64_t known_sequence_number_ = 0;    // of the table after the last commit
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
  std::vector<int32_t> key_ids;
  for (const std::string& key : sink.table->primary_key) {
    for (size_t i = 0; i < fields.size(); ++i) {
      if (!options.is_upsert || fields[i].name != key) continue;
      key_places.push_back(static_cast<int>(i));
      key_ids.push_back(metadata.schema().fields[i].id);
    }
  }
  FIRN_ASSERT(!options.is_upsert || (key_ids.size() == sink.table->primary_key.size() && !key_ids.empty()), "{} of the {} key columns of {} are columns", key_ids.size(),
              sink.table->primary_key.size(), sink.table->path.ToString());
  const types::SchemaPtr schema = types::MakeSchema(std::move(fields));
  const auto committed = std::make_shared<CommittedTable>();
  exec::Sink made;
  for (int lane = 0; lane < lanes; ++lane) {
    auto writer = std::make_unique<IcebergLane>(context, options, committed, places, key_places, key_ids, schema, lane);
    FIRN_RETURN_IF_ERROR(writer->Open());
    made.lanes.push_back(std::move(writer));
  }
  made.committer = std::make_unique<IcebergCommitter>(context, options, committed, std::move(key_ids), sink.overwrite);
  return made;
}

}  // namespace firn::connect
