// SPDX-License-Identifier: Apache-2.0
// From written files to a snapshot of the table, also against other writers.
//
//   files of all lanes -> SnapshotCommit::Make: manifests are written, once, with the id the snapshot will have
//   SnapshotCommit::BuildOn(current metadata): the manifest list is written; requirements and updates of the commit
//   conflict: BuildOn again on the newer metadata; only the manifest list is written anew
//
// A commit can be turned to bytes, kept in a journal entry, and carried out after a crash: whether it has been is told by its snapshot id and by the
// job's keys in the summaries of the table's history, never by what the last reply was.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/catalog.h"
#include "iceberg/manifest.h"
#include "iceberg/manifest_files.h"

namespace firn::iceberg {

/// What writers have written and a snapshot shall add.
struct WrittenFiles {
  std::vector<DataFile> data_files;
  std::vector<DataFile> delete_files;
  std::vector<std::string> referenced_data_files;  // whose rows the delete files delete; must still be there at the commit
  bool empty() const { return data_files.empty() && delete_files.empty(); }
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
  std::map<std::string, std::string> summary;  // goes into the snapshot's summary
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
  /// Whether the table's history holds this commit, by its snapshot id.
  bool IsIn(const TableMetadata& metadata) const { return metadata.FindSnapshot(snapshot_id_) != nullptr; }

  /// The change that adds the snapshot to the table as it is now. Writes the manifest list, durably. kCommitConflict, for good, if another writer has
  /// taken out a data file that this commit deletes rows of.
  /// The oldest snapshots go with it as snapshot_expiry.h says.
  Result<TableChange> BuildOn(const TableMetadata& metadata);

  /// Once the change of the last BuildOn is committed: removes the files that only expired snapshots reached.
  void DeleteObsolete();

  /// Removes manifests and lists that were written. Only for a commit that surely has not been made. Data files are the caller's.
  void Abandon();

 private:
  explicit SnapshotCommit(const WriteContext& context) : context_(context) {}
  Status WriteNewManifests(const TableMetadata& base, WrittenFiles files);
  Status CheckReferencedFiles(const TableMetadata& metadata, const Snapshot* parent);
  Result<std::vector<ManifestFile>> KeptManifests(const TableMetadata& metadata, const Snapshot* parent, std::map<std::string, int64_t>* removed);
  Result<ManifestFile> WithoutOverwritten(const TableMetadata& metadata, const ManifestFile& manifest, std::map<std::string, int64_t>* removed);
  std::string Operation() const;
  std::map<std::string, std::string> Summary(const Snapshot* parent, const std::map<std::string, int64_t>& removed) const;

  WriteContext context_;
  int64_t snapshot_id_ = 0;
  std::optional<int64_t> base_snapshot_id_;              // the branch's head when the files were written
  SnapshotCommitOptions options_;
  std::vector<ManifestFile> new_manifests_;
  std::map<std::string, int64_t> added_;                 // summary counts, by key
  std::vector<std::string> referenced_data_files_;       // sorted
  std::vector<std::pair<int32_t, std::string>> partitions_;  // of new data files: spec and EncodePartitionKey, sorted
  std::vector<std::string> files_written_;               // manifests
  std::vector<std::string> obsolete_files_;              // reached by nobody once the last BuildOn is committed
  std::string last_list_;                                // the manifest list of the last BuildOn
  std::map<std::string, std::vector<ManifestFile>> merged_;  // results of merging, by the manifests that went in: reused when built again
};

/// Commits, rebasing on conflicts, until it is in. Looks before it acts: may be called again after a crash or an unknown outcome. The table as committed.
/// kCommitConflict if it can never be; kCommitUnknown if the outcome could not be learned.
Result<Table> CommitSnapshot(Catalog& catalog, const TableIdentifier& identifier, SnapshotCommit& commit);

}  // namespace firn::iceberg
