// SPDX-License-Identifier: Apache-2.0
#include "iceberg/snapshot_commit.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "base/assert.h"
#include "base/base64.h"
#include "base/varint.h"
#include "io/clock.h"
#include "io/random.h"
#include "iceberg/json_object_internal.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/snapshot_expiry.h"
#include "iceberg/table_writer.h"
#include "objectstore/object_store.h"

namespace firn::iceberg {

namespace json = boost::json;

namespace {

constexpr int64_t kCommitRetries = 20;
constexpr int64_t kCommitRetriesMax = 100;               // whatever the table says
constexpr int64_t kTotalMax = int64_t{1} << 60;          // of what others have summed up; beyond it a total is left out
constexpr int kBytesVersion = 1;

// The counts that one file adds to, by the names of the specification's appendix F.
void CountFile(const DataFile& file, std::string_view verb, std::map<std::string, int64_t>* counts) {
  const std::string prefix(verb);
  (*counts)[verb == "added" ? "added-files-size" : "removed-files-size"] += file.file_size_in_bytes;
  switch (file.content) {
    case FileContent::kData:
      (*counts)[verb == "added" ? "added-data-files" : "deleted-data-files"] += 1;
      (*counts)[verb == "added" ? "added-records" : "deleted-records"] += file.record_count;
      break;
    case FileContent::kPositionDeletes:
      (*counts)[prefix + "-delete-files"] += 1;
      (*counts)[prefix + "-position-delete-files"] += 1;
      (*counts)[prefix + "-position-deletes"] += file.record_count;
      break;
    case FileContent::kEqualityDeletes:
      (*counts)[prefix + "-delete-files"] += 1;
      (*counts)[prefix + "-equality-delete-files"] += 1;
      (*counts)[prefix + "-equality-deletes"] += file.record_count;
      break;
  }
}

struct Total {
  const char* name;
  const char* added;
  const char* removed;
};
constexpr Total kTotals[] = {{"total-records", "added-records", "deleted-records"},
                             {"total-files-size", "added-files-size", "removed-files-size"},
                             {"total-data-files", "added-data-files", "deleted-data-files"},
                             {"total-delete-files", "added-delete-files", "removed-delete-files"},
                             {"total-position-deletes", "added-position-deletes", "removed-position-deletes"},
                             {"total-equality-deletes", "added-equality-deletes", "removed-equality-deletes"}};

int64_t CountOf(const std::map<std::string, int64_t>& counts, const std::string& key) {
  auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

std::optional<int64_t> NumberIn(const std::map<std::string, std::string>& summary, const std::string& key) {
  auto found = summary.find(key);
  if (found == summary.end()) return std::nullopt;
  int64_t value = 0;
  const auto [end, code] = std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  if (code != std::errc()) return std::nullopt;
  return value;
}

const std::string* TextIn(const std::map<std::string, std::string>& summary, const std::string& key) {
  auto found = summary.find(key);
  return found == summary.end() ? nullptr : &found->second;
}

// A commit of firn by its own keys, one of Flink by Flink's.
std::optional<int64_t> CheckpointOf(const Snapshot& snapshot, const std::string& job_id, const std::string& sink_uid) {
  const bool is_ours = TextIn(snapshot.summary, "firn.job-id") != nullptr;
  const std::string* job = TextIn(snapshot.summary, is_ours ? "firn.job-id" : "flink.job-id");
  const std::string* sink = TextIn(snapshot.summary, is_ours ? "firn.sink-uid" : "flink.operator-id");
  if (job == nullptr || *job != job_id || (sink != nullptr && *sink != sink_uid)) return std::nullopt;
  return NumberIn(snapshot.summary, is_ours ? "firn.checkpoint-id" : "flink.max-committed-checkpoint-id");
}

json::array TextsJson(const std::vector<std::string>& texts) { return json::array(texts.begin(), texts.end()); }

Result<std::vector<std::string>> TextsOf(const JsonObject& object, std::string_view name) {
  FIRN_TRY(const json::array* items, object.Array(name));
  std::vector<std::string> texts;
  for (const json::value& item : *items) {
    if (!item.is_string()) return object.Wrong(name, "an array of texts");
    texts.emplace_back(item.get_string());
  }
  return texts;
}

json::object UpsertJson(const std::vector<int32_t>& key_ids, const TableVersion& known, const std::vector<std::string>& deleted_keys) {
  json::object object{{"key-ids", json::array(key_ids.begin(), key_ids.end())}, {"sequence-number", known.sequence_number}};
  if (known.snapshot_id) object["snapshot-id"] = *known.snapshot_id;
  std::string keys;
  for (const std::string& key : deleted_keys) {
    base::AppendUnsignedVarint(&keys, key.size());
    keys += key;
  }
  object["deleted-keys"] = base::EncodeBase64(keys);
  return object;
}

Status ReadUpsert(const json::value& value, std::vector<int32_t>* key_ids, TableVersion* known, std::vector<std::string>* deleted_keys) {
  FIRN_TRY(JsonObject object, JsonObject::Of(value, "upserts"));
  FIRN_TRY(*key_ids, object.Int32s("key-ids"));
  FIRN_TRY(known->snapshot_id, object.OptionalInteger("snapshot-id"));
  FIRN_TRY(known->sequence_number, object.Integer("sequence-number"));
  FIRN_TRY(std::string text, object.Text("deleted-keys"));
  const std::optional<std::string> keys = base::DecodeBase64(text);
  if (!keys) return object.Wrong("deleted-keys", "base64");
  for (std::string_view rest = *keys; !rest.empty();) {
    uint64_t size = 0;
    if (!base::ReadUnsignedVarint(&rest, &size) || size > rest.size()) return object.Wrong("deleted-keys", "keys behind their lengths");
    deleted_keys->emplace_back(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  return Ok();
}

}  // namespace

std::map<std::string, std::string> CheckpointSummary(const std::string& job_id, const std::string& sink_uid, int64_t checkpoint_id) {
  const std::string checkpoint = std::to_string(checkpoint_id);
  return {{"firn.job-id", job_id},    {"firn.sink-uid", sink_uid},    {"firn.checkpoint-id", checkpoint},
          {"flink.job-id", job_id},   {"flink.operator-id", sink_uid}, {"flink.max-committed-checkpoint-id", checkpoint}};
}

std::optional<JobCommit> FindCommit(const TableMetadata& metadata, const std::string& job_id, const std::string& sink_uid, const std::string& branch) {
  for (const Snapshot* snapshot : AncestorsOf(metadata, metadata.FindRef(branch))) {
    if (std::optional<int64_t> checkpoint = CheckpointOf(*snapshot, job_id, sink_uid)) return JobCommit{snapshot->snapshot_id, *checkpoint};
  }
  return std::nullopt;
}

Result<SnapshotCommit> SnapshotCommit::Make(const WriteContext& context, const TableMetadata& base, WrittenFiles files, SnapshotCommitOptions options) {
  if (base.format_version > kMaxWriteFormatVersion) {
    return Error(ErrorCode::kNotSupported, fmt::format("writing to a table of format version {}", base.format_version));
  }
  SnapshotCommit commit(context);
  commit.snapshot_id_ = static_cast<int64_t>(context.random.Next() >> 1) | 1;
  commit.table_uuid_ = base.table_uuid;
  commit.options_ = std::move(options);
  commit.options_.known_sequence_number = std::max(commit.options_.known_sequence_number, base.last_sequence_number);
  FIRN_ASSERT(commit.options_.key_ids.empty() || (files.known && commit.options_.branch == kMainBranch), "upserts are of the main branch, as their writer knew it");
  Status status = commit.WriteNewManifests(base, std::move(files));
  if (!status.ok()) {
    commit.Abandon();
    return std::move(status).error();
  }
  return commit;
}

Status SnapshotCommit::WriteNewManifests(const TableMetadata& base, WrittenFiles files) {
  std::set<std::pair<int32_t, std::string>> data_partitions;
  std::set<std::pair<int32_t, std::string>> partitions;
  std::map<std::pair<ManifestContent, int32_t>, std::vector<ManifestEntry>> groups;
  auto add = [&](DataFile& file, ManifestContent content) {
    CountFile(file, "added", &added_);
    partitions.emplace(file.spec_id, EncodePartitionKey(file.partition));
    if (content == ManifestContent::kData) data_partitions.emplace(file.spec_id, EncodePartitionKey(file.partition));
    ManifestEntry entry;
    entry.snapshot_id = snapshot_id_;
    const int32_t spec_id = file.spec_id;
    entry.file = std::move(file);
    groups[{content, spec_id}].push_back(std::move(entry));
  };
  for (DataFile& file : files.data_files) add(file, ManifestContent::kData);
  for (DataFile& file : files.delete_files) add(file, ManifestContent::kDeletes);
  FIRN_ASSERT(data_partitions.size() <= partitions.size() && new_manifests_.empty(), "{} of {} partitions have data", data_partitions.size(), partitions.size());
  added_["changed-partition-count"] = static_cast<int64_t>(partitions.size());
  partitions_.assign(data_partitions.begin(), data_partitions.end());
  for (const auto& [key, entries] : groups) {
    FIRN_TRY(ManifestFile manifest, WriteManifest(context_, base, key.second, key.first, snapshot_id_, entries));
    files_written_.push_back(manifest.manifest_path);
    new_manifests_.push_back(std::move(manifest));
  }
  known_ = files.known.value_or(TableVersion());
  deleted_keys_ = std::move(files.deleted_keys);
  return Ok();
}

std::string SnapshotCommit::Operation(const std::map<std::string, int64_t>& added) const {
  if (options_.mode != SnapshotMode::kAppend) return "overwrite";
  const bool has_deletes = CountOf(added, "added-delete-files") > 0;
  if (!has_deletes) return "append";
  return CountOf(added, "added-data-files") > 0 ? "overwrite" : "delete";
}

std::map<std::string, std::string> SnapshotCommit::Summary(const Snapshot* parent, const std::map<std::string, int64_t>& removed) const {
  std::map<std::string, std::string> summary = options_.summary;
  summary["operation"] = Operation(attempt_.added);
  summary["engine-name"] = "firn";
  for (const auto& counts : {attempt_.added, removed}) {
    for (const auto& [key, value] : counts) {
      FIRN_ASSERT(value >= 0, "{} is {}", key, value);
      if (value != 0 || key == "changed-partition-count") summary[key] = std::to_string(value);
    }
  }
  for (const Total& total : kTotals) {
    // Another writer's totals may be missing; then ours are too, rather than wrong.
    const std::optional<int64_t> before = parent == nullptr ? std::optional<int64_t>(0) : NumberIn(parent->summary, total.name);
    if (before && *before >= 0 && *before < kTotalMax) summary[total.name] = std::to_string(std::max<int64_t>(0, *before + CountOf(attempt_.added, total.added) - CountOf(removed, total.removed)));
  }
  return summary;
}

// Rows that others have put into the table, under keys that this commit writes or deletes, since its writer looked.
Status SnapshotCommit::DeleteRowsOfOthers(const TableMetadata& metadata, const Snapshot* parent) {
  attempt_.added = added_;
  if (options_.key_ids.empty() || options_.mode == SnapshotMode::kOverwriteTable) return Ok();
  const ChangesOfOthers changes = ChangesSince(metadata, parent, known_, options_.summary);
  if (changes.is_empty) return Ok();
  FIRN_TRY(const RowKeys* keys, Keys(metadata));
  FIRN_TRY(std::vector<DataFile> files, WriteKeyDeletes(context_, metadata, options_.key_ids, changes.files, *keys));
  std::map<int32_t, std::vector<ManifestEntry>> by_spec;
  for (DataFile& file : files) {
    CountFile(file, "added", &attempt_.added);
    attempt_.files.push_back(file.file_path);
    ManifestEntry entry;
    entry.snapshot_id = snapshot_id_;
    const int32_t spec_id = file.spec_id;
    entry.file = std::move(file);
    by_spec[spec_id].push_back(std::move(entry));
  }
  for (const auto& [spec_id, entries] : by_spec) {
    FIRN_TRY(ManifestFile manifest, WriteManifest(context_, metadata, spec_id, ManifestContent::kDeletes, snapshot_id_, entries));
    attempt_.files.push_back(manifest.manifest_path);
    attempt_.manifests.push_back(std::move(manifest));
  }
  return Ok();
}

Result<const RowKeys*> SnapshotCommit::Keys(const TableMetadata& metadata) {
  if (keys_) return &*keys_;
  std::vector<DataFile> files;
  for (const ManifestFile& manifest : new_manifests_) {
    if (manifest.content != ManifestContent::kData) continue;
    FIRN_TRY(std::vector<ManifestEntry> entries, ReadManifest(context_.store, metadata, manifest));
    for (ManifestEntry& entry : entries) files.push_back(std::move(entry.file));
  }
  RowKeys keys(deleted_keys_.begin(), deleted_keys_.end());
  FIRN_RETURN_IF_ERROR(AddKeysOf(context_.store, metadata, options_.key_ids, files, &keys));
  keys_ = std::move(keys);
  return &*keys_;
}

Result<ManifestFile> SnapshotCommit::WithoutOverwritten(const TableMetadata& metadata, const ManifestFile& manifest,
                                                        std::map<std::string, int64_t>* removed) {
  FIRN_TRY(std::vector<ManifestEntry> entries, ReadManifest(context_.store, metadata, manifest));
  std::vector<ManifestEntry> rewritten;
  bool has_removed = false;
  for (ManifestEntry& entry : entries) {
    if (entry.status == EntryStatus::kDeleted) continue;
    const std::pair<int32_t, std::string> partition(entry.file.spec_id, EncodePartitionKey(entry.file.partition));
    const bool is_removed = options_.mode == SnapshotMode::kOverwriteTable || std::binary_search(partitions_.begin(), partitions_.end(), partition);
    entry.status = is_removed ? EntryStatus::kDeleted : EntryStatus::kExisting;
    if (is_removed) {
      entry.snapshot_id = snapshot_id_;
      CountFile(entry.file, manifest.content == ManifestContent::kData ? "deleted" : "removed", removed);
      has_removed = true;
    }
    rewritten.push_back(std::move(entry));
  }
  FIRN_ASSERT(options_.mode != SnapshotMode::kAppend, "an append takes files out of {}", manifest.manifest_path);
  if (!has_removed) return manifest;
  FIRN_TRY(ManifestFile result, WriteManifest(context_, metadata, manifest.partition_spec_id, manifest.content, snapshot_id_, rewritten));
  FIRN_ASSERT(result.added_files_count == 0 && result.deleted_files_count > 0, "{} new files in what is left of {}, and {} that went", result.added_files_count, manifest.manifest_path,
              result.deleted_files_count);
  files_written_.push_back(result.manifest_path);
  return result;
}

Result<std::vector<ManifestFile>> SnapshotCommit::KeptManifests(const TableMetadata& metadata, const Snapshot* parent,
                                                                std::map<std::string, int64_t>* removed) {
  std::vector<ManifestFile> kept;
  if (parent == nullptr) return kept;
  FIRN_TRY(std::vector<ManifestFile> manifests, ReadManifestList(context_.store, *parent));
  for (ManifestFile& manifest : manifests) {
    if (!manifest.MayHaveLiveFiles()) continue;  // it only told what older snapshots removed
    if (options_.mode != SnapshotMode::kAppend) {
      FIRN_TRY(manifest, WithoutOverwritten(metadata, manifest, removed));
    }
    kept.push_back(std::move(manifest));
  }
  std::string key;
  for (const ManifestFile& manifest : kept) key += manifest.manifest_path + "\n";
  auto known = merged_.find(key);
  if (known != merged_.end()) return known->second;
  FIRN_TRY(kept, MergeManifests(context_, metadata, snapshot_id_, std::move(kept), &files_written_));
  merged_[key] = kept;
  return kept;
}

// Field ids, specs and folders of another table of the name mean something else.
Status SnapshotCommit::CheckIsOf(const TableMetadata& metadata) const {
  if (table_uuid_.empty() || metadata.table_uuid.empty() || table_uuid_ == metadata.table_uuid) return Ok();
  return Error(ErrorCode::kTableNotFound, fmt::format("the table that was written, {}, is gone; {} has its name now", table_uuid_, metadata.table_uuid))
      .Hint("the rows that were written for it are of no use: cancel the job and submit its statement again");
}

Result<TableChange> SnapshotCommit::BuildOn(const Table& table) {
  const TableMetadata& metadata = *table.metadata;
  FIRN_RETURN_IF_ERROR(CheckIsOf(metadata));
  const Snapshot* parent = metadata.FindRef(options_.branch);
  FIRN_ASSERT(snapshot_id_ != 0 && !IsIn(metadata), "snapshot {} is in the table already", snapshot_id_);
  DropAttempt();
  FIRN_RETURN_IF_ERROR(DeleteRowsOfOthers(metadata, parent));
  std::map<std::string, int64_t> removed;
  FIRN_TRY(std::vector<ManifestFile> kept, KeptManifests(metadata, parent, &removed));
  FIRN_ASSERT(options_.mode != SnapshotMode::kAppend || removed.empty(), "an append has taken {} kinds of files out of the table", removed.size());
  std::vector<ManifestFile> manifests = new_manifests_;
  manifests.insert(manifests.end(), attempt_.manifests.begin(), attempt_.manifests.end());
  manifests.insert(manifests.end(), kept.begin(), kept.end());

  Snapshot snapshot;
  snapshot.snapshot_id = snapshot_id_;
  if (parent != nullptr) snapshot.parent_snapshot_id = parent->snapshot_id;
  FIRN_ASSERT(metadata.last_sequence_number >= 0 && metadata.last_sequence_number <= kSequenceNumberMax, "sequence number {}", metadata.last_sequence_number);
  snapshot.sequence_number = metadata.format_version > 1 ? metadata.last_sequence_number + 1 : 0;
  snapshot.timestamp_ms = std::max(context_.clock.WallTimeMs(), metadata.last_updated_ms);
  snapshot.schema_id = metadata.current_schema_id;
  snapshot.summary = Summary(parent, removed);
  const ManifestListEncoding encoding{metadata.format_version, snapshot_id_, snapshot.parent_snapshot_id, snapshot.sequence_number, context_.random.UuidBytes()};
  FIRN_TRY(std::string bytes, EncodeManifestList(encoding, manifests));
  snapshot.manifest_list = objectstore::JoinLocation(MetadataLocation(metadata), fmt::format("snap-{}-{}.avro", snapshot_id_, context_.UniqueName()));
  FIRN_RETURN_IF_ERROR(context_.store.Put(snapshot.manifest_list, bytes, objectstore::PutMode::kIfAbsent));
  attempt_.list = snapshot.manifest_list;

  SnapshotRef ref{snapshot_id_, RefType::kBranch};
  if (auto known = metadata.refs.find(options_.branch); known != metadata.refs.end()) {
    if (known->second.type == RefType::kTag) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("`{}` is a tag, and only branches can be written to", options_.branch));
    }
    ref = known->second;
    ref.snapshot_id = snapshot_id_;
  }
  TableChange change{.owner = context_.owner};
  change.requirements.push_back(AssertTableUuid{metadata.table_uuid});
  change.requirements.push_back(AssertRefSnapshotId{options_.branch, snapshot.parent_snapshot_id});
  change.updates.push_back(AddSnapshot{std::move(snapshot)});
  change.updates.push_back(SetSnapshotRef{options_.branch, ref});
  FIRN_TRY(std::vector<int64_t> expired, SnapshotsToExpire(metadata, options_.branch, context_.clock.WallTimeMs()));
  // A file of the past that cannot be read is left where it is, with its snapshot.
  auto obsolete = FilesOnlyReachedBy(context_.store, table, options_.branch, expired);
  obsolete_files_ = obsolete.ok() ? std::move(obsolete).value() : std::vector<std::string>();
  if (obsolete.ok() && !expired.empty()) change.updates.push_back(RemoveSnapshots{std::move(expired)});
  return change;
}

// Only the oldest end of a history is cut, so as long as it reaches back to what the writer knew, a snapshot that is not in it was not made.
Result<bool> SnapshotCommit::IsDone(const TableMetadata& metadata) const {
  if (IsIn(metadata)) return true;
  const Snapshot* head = metadata.FindRef(options_.branch);
  const std::vector<const Snapshot*> history = AncestorsOf(metadata, head);
  const bool is_whole = history.empty() || !history.back()->parent_snapshot_id || history.back()->sequence_number <= options_.known_sequence_number;
  if (is_whole) return false;
  for (const ManifestFile& manifest : new_manifests_) {
    FIRN_TRY(const bool is_there, context_.store.Exists(manifest.manifest_path));
    if (!is_there) return true;  // merged into another one, and deleted with the snapshots that had it
  }
  FIRN_TRY(const std::vector<ManifestFile> manifests, ReadManifestList(context_.store, *head));
  for (const ManifestFile& manifest : manifests) {
    if (manifest.sequence_number <= options_.known_sequence_number) continue;
    FIRN_TRY(const std::vector<ManifestEntry> entries, ReadManifest(context_.store, metadata, manifest));
    const bool has_ours = std::any_of(entries.begin(), entries.end(), [&](const ManifestEntry& entry) { return entry.snapshot_id == snapshot_id_; });
    if (has_ours) return true;
  }
  return false;
}

Status SnapshotCommit::MakeDurable(const Table& table) {
  FIRN_ASSERT(!table.metadata_location.empty(), "`{}` has no metadata", table.identifier.ToString());
  FIRN_TRY(const std::string bytes, context_.store.Get(table.metadata_location));
  return context_.store.Put(table.metadata_location, bytes, objectstore::PutMode::kReplace);
}

void SnapshotCommit::DeleteObsolete() {
  FIRN_ASSERT(obsolete_files_.empty() || !attempt_.list.empty(), "{} files go with a commit that was never built", obsolete_files_.size());
  for (const std::string& location : std::exchange(obsolete_files_, {})) (void)context_.store.Delete(location).ok();  // an orphan costs space, nothing else
}

// One that lost, or was given up.
void SnapshotCommit::DropAttempt() {
  Attempt lost = std::exchange(attempt_, {});
  if (!lost.list.empty()) lost.files.push_back(std::move(lost.list));
  for (const std::string& location : lost.files) (void)context_.store.Delete(location).ok();  // an orphan is harmless
}

void SnapshotCommit::Abandon() {
  DropAttempt();
  for (const std::string& location : files_written_) (void)context_.store.Delete(location).ok();  // an orphan is harmless
  files_written_.clear();
}

std::string SnapshotCommit::ToBytes() const {
  FIRN_ASSERT(snapshot_id_ > 0 && !options_.branch.empty(), "snapshot {} of the branch '{}'", snapshot_id_, options_.branch);
  json::object object;
  object["version"] = kBytesVersion;
  object["snapshot-id"] = snapshot_id_;
  object["table-uuid"] = table_uuid_;
  object["known-sequence-number"] = options_.known_sequence_number;
  object["mode"] = static_cast<int>(options_.mode);
  object["branch"] = options_.branch;
  json::object summary;
  for (const auto& [key, value] : options_.summary) summary[key] = value;
  object["summary"] = std::move(summary);
  json::object added;
  for (const auto& [key, value] : added_) added[key] = std::to_string(value);
  object["added"] = std::move(added);
  if (!options_.key_ids.empty()) object["upsert"] = UpsertJson(options_.key_ids, known_, deleted_keys_);
  json::array partitions;
  for (const auto& [spec_id, key] : partitions_) partitions.push_back(json::object{{"spec-id", spec_id}, {"key", base::EncodeBase64(key)}});
  object["partitions"] = std::move(partitions);
  object["files-written"] = TextsJson(files_written_);
  // Open sequence numbers stay open.
  Result<std::string> list = EncodeManifestList({2, snapshot_id_, std::nullopt, kUnassignedSequenceNumber, std::string(16, 'c')}, new_manifests_);
  FIRN_ASSERT(list.ok(), "{}", list.error().ToString());
  object["manifests"] = base::EncodeBase64(*list);
  return json::serialize(object);
}

Result<SnapshotCommit> SnapshotCommit::FromBytes(const WriteContext& context, std::string_view bytes) {
  FIRN_TRY(json::value value, ParseJson(bytes, "a commit"));
  FIRN_TRY(JsonObject object, JsonObject::Of(value, "a commit"));
  FIRN_TRY(int64_t version, object.Integer("version"));
  if (version != kBytesVersion) return object.Wrong("version", std::to_string(kBytesVersion));
  SnapshotCommit commit(context);
  FIRN_TRY(commit.snapshot_id_, object.Integer("snapshot-id"));
  FIRN_TRY(const std::optional<std::string> table_uuid, object.OptionalText("table-uuid"));
  commit.table_uuid_ = table_uuid.value_or("");  // bytes of an earlier program do not tell
  FIRN_TRY(const std::optional<int64_t> known, object.OptionalInteger("known-sequence-number"));
  commit.options_.known_sequence_number = known.value_or(std::numeric_limits<int64_t>::max());  // bytes of an earlier program: history is taken to be whole
  FIRN_TRY(int64_t mode, object.Integer("mode"));
  if (mode < 0 || mode > static_cast<int64_t>(SnapshotMode::kOverwritePartitions)) return object.Wrong("mode", "a mode");
  commit.options_.mode = static_cast<SnapshotMode>(mode);
  FIRN_TRY(commit.options_.branch, object.Text("branch"));
  FIRN_TRY(commit.options_.summary, object.Texts("summary"));
  FIRN_TRY(auto added, object.Texts("added"));
  for (const auto& [key, text] : added) commit.added_[key] = NumberIn(added, key).value_or(0);
  if (const json::value* upsert = object.Find("upsert")) FIRN_RETURN_IF_ERROR(ReadUpsert(*upsert, &commit.options_.key_ids, &commit.known_, &commit.deleted_keys_));
  FIRN_TRY(const json::array* partitions, object.Array("partitions"));
  for (const json::value& item : *partitions) {
    FIRN_TRY(JsonObject partition, JsonObject::Of(item, "a partition"));
    FIRN_TRY(int32_t spec_id, partition.Int32("spec-id"));
    FIRN_TRY(std::string key, partition.Text("key"));
    commit.partitions_.emplace_back(spec_id, base::DecodeBase64(key).value_or(""));
  }
  FIRN_TRY(commit.files_written_, TextsOf(object, "files-written"));
  FIRN_TRY(std::string list, object.Text("manifests"));
  const std::optional<std::string> decoded = base::DecodeBase64(list);
  if (!decoded) return object.Wrong("manifests", "base64");
  FIRN_TRY(commit.new_manifests_, DecodeManifestList(*decoded));
  return commit;
}

Result<Table> CommitSnapshot(Catalog& catalog, const TableIdentifier& identifier, SnapshotCommit& commit) {
  FIRN_TRY(Table table, catalog.LoadTable(identifier));
  FIRN_TRY(int64_t retries, table.metadata->IntegerProperty("commit.retry.num-retries", kCommitRetries));
  retries = std::clamp<int64_t>(retries, 0, kCommitRetriesMax);
  std::string reason;
  for (int64_t attempt = 0; attempt <= retries; ++attempt) {
    FIRN_RETURN_IF_ERROR(commit.CheckIsOf(*table.metadata));
    FIRN_TRY(const bool is_done, commit.IsDone(*table.metadata));
    if (is_done) {
      FIRN_RETURN_IF_ERROR(commit.MakeDurable(table));
      return table;
    }
    FIRN_TRY(TableChange change, commit.BuildOn(table));
    if (commit.IsEmpty()) {
      commit.Abandon();
      return table;
    }
    FIRN_TRY(PreparedCommit prepared, catalog.PrepareCommit(table, change));
    FIRN_TRY(CommitResult result, catalog.PublishCommit(prepared));
    if (result.outcome == CommitOutcome::kCommitted) {
      FIRN_ASSERT(result.table.metadata != nullptr && commit.IsIn(*result.table.metadata), "snapshot {} was committed to `{}`, which has it not", commit.snapshot_id(), identifier.ToString());
      commit.DeleteObsolete();
      return std::move(result.table);
    }
    reason = result.reason;
    FIRN_TRY(table, catalog.LoadTable(identifier));
    if (result.outcome == CommitOutcome::kUnknown) {
      FIRN_TRY(const bool is_made, commit.IsDone(*table.metadata));
      if (is_made) {
        FIRN_RETURN_IF_ERROR(commit.MakeDurable(table));
        return table;
      }
      return Error(ErrorCode::kCommitUnknown, fmt::format("the outcome of the commit to `{}` is unknown: {}", identifier.ToString(), reason));
    }
    catalog.AbandonCommit(prepared);
  }
  return Error(ErrorCode::kCommitConflict, fmt::format("the commit to `{}` lost against other writers {} times; last: {}", identifier.ToString(), retries + 1, reason))
      .Hint("Raise the table property 'commit.retry.num-retries'.");
}

}  // namespace firn::iceberg
