// SPDX-License-Identifier: Apache-2.0
// From written files to a snapshot of the table, also against other writers.
//
//   files of all lanes -> SnapshotCommit::Make: manifests are written, once, with the id the snapshot will have
//   SnapshotCommit::BuildOn(current metadata): the manifest list is written; requirements and updates of the commit
//   conflict: BuildOn again on the newer metadata; only the manifest list is written anew
//
// A commit of upserts replaces rows by key whoever wrote them, the later commit wins: its own position deletes are of the table as its writer knew it, and BuildOn
// adds position deletes of rows with the same keys in the files that others have added since. It needs nothing but the commit and the table, so that it can be done
// again on each conflict and after a crash. A delete of a row whose file is gone deletes nothing; if the row was moved, it is found where it is now.
//
// A commit can be turned to bytes, kept in a journal entry, and carried out after a crash: whether it has been is told by its snapshot id and by the
// job's keys in the summaries of the table's history, or by its manifests where history was cut, never by what the last reply was.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "iceberg/key_deletes.h"
#include "iceberg/manifest.h"
#include "iceberg/manifest_files.h"
#include "iceberg/table_version.h"

namespace firn::iceberg {

/// What writers have written and a snapshot shall add.
struct WrittenFiles {
  std::vector<DataFile> data_files;
  std::vector<DataFile> delete_files;
  std::optional<TableVersion> known;       // upserts: the table that the delete files were made for; of several writers the oldest
  std::vector<std::string> deleted_keys;   // upserts: EncodeRowKeys of keys that may have no row among data_files, because they were deleted
  bool empty() const { return data_files.empty() && delete_files.empty() && deleted_keys.empty(); }
  void Append(WrittenFiles other);
};

/// One lane's result as bytes, for Committables. `metadata` must have the files' partition specs.
Result<std::string> EncodeWrittenFiles(const TableMetadata& metadata, const WrittenFiles& files);
/// kCorruption.
Result<WrittenFiles> DecodeWrittenFiles(const TableMetadata& metadata, std::string_view bytes);

enum class SnapshotMode {
  kAppend,               // adds files; with delete files: a row delta
  kOverwriteTable,       // takes all files out that were there
  kOverwritePartitions,  // takes the files out of the partitions that the new ones are in (dynamic overwrite)
};

struct SnapshotCommitOptions {
  SnapshotMode mode = SnapshotMode::kAppend;
  std::string branch = "main";
  std::map<std::string, std::string> summary;  // goes into the snapshot's summary; for upserts, what tells the writer's own snapshots from others'
  int64_t known_sequence_number = 0;           // the table's last one, as far as its writer has heard; the base's if that is higher
  std::vector<int32_t> key_ids;                // upserts: the key columns; rows with a key of the new files or of deleted_keys are replaced. Needs WrittenFiles::known
};

/// Who made a snapshot: summary keys under firn's own names and under Flink's.
std::map<std::string, std::string> CheckpointSummary(const std::string& job_id, const std::string& sink_uid, int64_t checkpoint_id);

struct JobCommit {
  int64_t snapshot_id = 0;
  int64_t checkpoint_id = 0;
};
/// The newest commit of that job and sink in the branch's history (also one that Flink itself made); nothing if there is none.
std::optional<JobCommit> FindCommit(const TableMetadata& metadata, const std::string& job_id, const std::string& sink_uid,
                                    const std::string& branch = "main");

/// Thread-compatible.
class SnapshotCommit {
 public:
  /// Writes the manifests; they are durable on return. `base` is the table as the files were written for it.
  static Result<SnapshotCommit> Make(const WriteContext& context, const TableMetadata& base, WrittenFiles files, SnapshotCommitOptions options = {});
  /// What ToBytes gave. kCorruption.
  static Result<SnapshotCommit> FromBytes(const WriteContext& context, std::string_view bytes);
  std::string ToBytes() const;

  int64_t snapshot_id() const { return snapshot_id_; }
  /// kTableNotFound if the table is not the one that was written but another, made under its name since.
  Status CheckIsOf(const TableMetadata& metadata) const;
  /// Whether the table's history holds this commit, by its snapshot id.
  bool IsIn(const TableMetadata& metadata) const { return metadata.FindSnapshot(snapshot_id_) != nullptr; }
  /// Whether it has been made, also if its snapshot has been expired since: a job may come back after many commits of others. What was expired is looked for among the
  /// files of the table, and only when something that the writer did not know has been.
  Result<bool> IsDone(const TableMetadata& metadata) const;
  /// What IsDone has seen stays, also if the power fails: whoever wrote that metadata may have died before its sync, or the sync failed, after which another one of the
  /// same bytes says nothing. Written anew, they are durable.
  Status MakeDurable(const Table& table);

  /// The change that adds the snapshot to the table as it is now. Writes the manifest list, and deletes of others' rows, durably.
  /// The oldest snapshots go with it as snapshot_expiry.h says.
  Result<TableChange> BuildOn(const Table& table);

  /// Whether the change of the last BuildOn would change no row: upserts that were only deletes, of keys that the table has not. There is nothing to commit then.
  bool IsEmpty() const { return options_.mode == SnapshotMode::kAppend && new_manifests_.empty() && attempt_.manifests.empty(); }

  /// Once the change of the last BuildOn is committed: removes the files that only expired snapshots reached.
  void DeleteObsolete();

  /// Removes manifests and lists that were written. Only for a commit that surely has not been made. Data files are the caller's.
  void Abandon();

 private:
  explicit SnapshotCommit(const WriteContext& context) : context_(context) {}
  Status WriteNewManifests(const TableMetadata& base, WrittenFiles files);
  Status DeleteRowsOfOthers(const TableMetadata& metadata, const Snapshot* parent);
  Result<const RowKeys*> Keys(const TableMetadata& metadata);
  void DropAttempt();
  Result<std::vector<ManifestFile>> KeptManifests(const TableMetadata& metadata, const Snapshot* parent, std::map<std::string, int64_t>* removed);
  Result<ManifestFile> WithoutOverwritten(const TableMetadata& metadata, const ManifestFile& manifest, std::map<std::string, int64_t>* removed);
  std::string Operation(const std::map<std::string, int64_t>& added) const;
  std::map<std::string, std::string> Summary(const Snapshot* parent, const std::map<std::string, int64_t>& removed) const;

  // What BuildOn has made for one state of the table.
  struct Attempt {
    std::string list;                        // the manifest list
    std::vector<ManifestFile> manifests;     // deletes of others' rows
    std::vector<std::string> files;          // of those manifests, and they themselves
    std::map<std::string, int64_t> added;    // summary counts, of these too
  };

  WriteContext context_;
  int64_t snapshot_id_ = 0;
  std::string table_uuid_;                               // empty: not known
  SnapshotCommitOptions options_;
  std::vector<ManifestFile> new_manifests_;
  std::map<std::string, int64_t> added_;                 // summary counts, by key
  TableVersion known_;                                   // upserts, like the next two
  std::vector<std::string> deleted_keys_;
  std::optional<RowKeys> keys_;                          // all that are replaced; read when others' commits are met
  std::vector<std::pair<int32_t, std::string>> partitions_;  // of new data files: spec and EncodePartitionKey, sorted
  std::vector<std::string> files_written_;               // manifests
  std::vector<std::string> obsolete_files_;              // reached by nobody once the last BuildOn is committed
  Attempt attempt_;                                      // the last BuildOn
  std::map<std::string, std::vector<ManifestFile>> merged_;  // results of merging, by the manifests that went in: reused when built again
};

/// Commits, rebasing on conflicts, until it is in. Looks before it acts: may be called again after a crash or an unknown outcome. The table as committed.
/// kCommitConflict if it can never be; kCommitUnknown if the outcome could not be learned.
Result<Table> CommitSnapshot(Catalog& catalog, const TableIdentifier& identifier, SnapshotCommit& commit);

}  // namespace firn::iceberg
