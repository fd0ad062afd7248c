// SPDX-License-Identifier: Apache-2.0
#include "iceberg/hadoop_catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "io/clock.h"
#include "io/file_system.h"
#include "io/random.h"
#include "iceberg/metadata_files.h"
#include "objectstore/object_store.h"

namespace firn::iceberg {

using objectstore::JoinLocation;
using objectstore::PutMode;

namespace {

constexpr std::string_view kHintName = "version-hint.text";
constexpr uint64_t kHintBytesMax = 64;

// N of "vN.metadata.json", "vN.gz.metadata.json", "vN.metadata.json.gz"; -1 for other names.
int64_t VersionOfName(std::string_view name) {
  if (!name.starts_with('v')) return -1;
  int64_t version = -1;
  auto [end, code] = std::from_chars(name.data() + 1, name.data() + name.size(), version);
  if (code != std::errc() || version < 0) return -1;
  const std::string_view rest = name.substr(static_cast<size_t>(end - name.data()));
  return rest == ".metadata.json" || rest == ".gz.metadata.json" || rest == ".metadata.json.gz" ? version : -1;
}


Status CheckName(const char* what, const std::string& name) {
  const bool is_bad = name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos || name.find('\0') != std::string::npos;
  if (!is_bad) return Ok();
  return Error(ErrorCode::kInvalidDefinition, fmt::format("`{}` cannot name a {} of a Hadoop catalog", name, what)).Hint("Names are folders: no '/'.");
}

class HadoopCatalog final : public Catalog {
 public:
  HadoopCatalog(objectstore::ObjectStore& store, io::Clock& clock, io::Random& random, std::string warehouse)
      : store_(store), clock_(clock), random_(random), warehouse_(std::move(warehouse)) {}

  Result<std::vector<std::string>> ListNamespaces() override {
    FIRN_TRY(bool exists, store_.FolderExists(warehouse_));
    if (!exists) return std::vector<std::string>();
    return store_.ListFolders(warehouse_);
  }

  Result<bool> NamespaceExists(const std::string& database) override {
    if (!CheckName("database", database).ok()) return false;
    return store_.FolderExists(JoinLocation(warehouse_, database));
  }

  Status CreateNamespace(const std::string& database, const std::map<std::string, std::string>& properties) override {
    FIRN_RETURN_IF_ERROR(CheckName("database", database));
    if (!properties.empty()) {
      return Error(ErrorCode::kNotSupported, fmt::format("a Hadoop catalog keeps no properties of databases, such as '{}'", properties.begin()->first));
    }
    FIRN_TRY(bool exists, NamespaceExists(database));
    if (exists) return Error(ErrorCode::kObjectExists, fmt::format("database `{}` exists already", database));
    return store_.CreateFolder(JoinLocation(warehouse_, database));
  }

  Status DropNamespace(const std::string& database) override {
    FIRN_TRY(std::vector<std::string> tables, ListTables(database));
    if (!tables.empty()) {
      return Error(ErrorCode::kNamespaceNotEmpty, fmt::format("database `{}` holds {} table{}, among them `{}`", database, tables.size(), tables.size() == 1 ? "" : "s", tables[0]))
          .Hint("Drop its tables first.");
    }
    return store_.DeleteFolder(JoinLocation(warehouse_, database));
  }

  Result<std::vector<std::string>> ListTables(const std::string& database) override {
    FIRN_RETURN_IF_ERROR(RequireNamespace(database));
    FIRN_TRY(std::vector<std::string> folders, store_.ListFolders(JoinLocation(warehouse_, database)));
    std::vector<std::string> tables;
    for (std::string& folder : folders) {
      FIRN_TRY(bool is_table, store_.FolderExists(JoinLocation(JoinLocation(JoinLocation(warehouse_, database), folder), "metadata")));
      if (is_table) tables.push_back(std::move(folder));
    }
    return tables;
  }

  Result<Table> CreateTable(const TableIdentifier& identifier, const CreateTableRequest& request) override {
    FIRN_RETURN_IF_ERROR(CheckName("table", identifier.name));
    FIRN_RETURN_IF_ERROR(RequireNamespace(identifier.database));
    if (!request.location.empty() && request.location != LocationOf(identifier)) {
      return Error(ErrorCode::kInvalidOption, fmt::format("a Hadoop catalog keeps `{}` at {}, not at {}", identifier.ToString(), LocationOf(identifier), request.location));
    }
    FIRN_TRY(TableMetadata metadata, NewTableMetadata(request, LocationOf(identifier), random_.UuidText(), clock_.WallTimeMs()));
    FIRN_TRY(int64_t version, CurrentVersion(identifier));
    if (version > 0) return Error(ErrorCode::kObjectExists, fmt::format("table `{}` exists already", identifier.ToString()));
    PreparedCommit prepared{identifier, "", VersionLocation(identifier, metadata, 1), std::make_shared<const TableMetadata>(std::move(metadata)), {}};
    FIRN_TRY(CommitResult result, PublishCommit(prepared));
    if (result.outcome == CommitOutcome::kConflict) {
      return Error(ErrorCode::kObjectExists, fmt::format("table `{}` exists already", identifier.ToString()));
    }
    if (result.outcome == CommitOutcome::kUnknown) return Error(ErrorCode::kCommitUnknown, result.reason);
    return result.table;
  }

  Result<Table> LoadTable(const TableIdentifier& identifier) override {
    FIRN_TRY(int64_t version, CurrentVersion(identifier));
    if (version <= 0) return NotFound(identifier);
    FIRN_TRY(std::string location, LocationOfVersion(identifier, version));
    FIRN_TRY(TableMetadataPtr metadata, ReadMetadataFile(store_, location));
    return Table{identifier, std::move(location), std::move(metadata)};
  }

  Status DropTable(const TableIdentifier& identifier, bool purge) override {
    FIRN_TRY(int64_t version, CurrentVersion(identifier));
    if (version <= 0) return NotFound(identifier);
    (void)purge;  // the folder is the table: it goes with all in it, as Iceberg's own Hadoop catalog does it
    return store_.DeleteFolder(LocationOf(identifier));
  }

  Status RenameTable(const TableIdentifier& from, const TableIdentifier& to) override {
    return Error(ErrorCode::kNotSupported, fmt::format("a Hadoop catalog cannot rename `{}` to `{}`: metadata holds the folder's name", from.ToString(), to.ToString()))
        .Hint("CREATE TABLE new AS SELECT * FROM old.");
  }

  Result<PreparedCommit> PrepareCommit(const Table& base, const TableChange& change) override {
    const int64_t version = VersionOfName(io::FileName(base.metadata_location));
    FIRN_ASSERT(version > 0, "{} is no state of a Hadoop table", base.metadata_location);
    FIRN_TRY(TableMetadata metadata, ChangedMetadata(base, change, clock_.WallTimeMs()));
    if (metadata.location != base.metadata->location) {
      return Error(ErrorCode::kNotSupported, "a Hadoop catalog cannot move a table");
    }
    return PreparedCommit{base.identifier, base.metadata_location, VersionLocation(base.identifier, metadata, version + 1),
                          std::make_shared<const TableMetadata>(std::move(metadata)), {}};
  }

  Result<CommitResult> PublishCommit(const PreparedCommit& prepared) override {
    FIRN_TRY(std::string bytes, EncodeMetadataFile(*prepared.metadata));
    const int64_t version = VersionOfName(io::FileName(prepared.metadata_location));
    const int64_t base_version = prepared.base_metadata_location.empty() ? 0 : VersionOfName(io::FileName(prepared.base_metadata_location));
    FIRN_ASSERT(version == base_version + 1 && base_version >= 0, "version {} of `{}` was made of version {}", version, prepared.identifier.ToString(), base_version);
    // The same version under the other suffix (another writer's codec) is a conflict too; the store only guards the one name.
    FIRN_TRY(int64_t current, CurrentVersion(prepared.identifier));
    if (current >= version) return Conflict(prepared, version);
    Status status = store_.Put(prepared.metadata_location, bytes, PutMode::kIfAbsent);
    if (!status.ok()) {
      if (status.error().code() == ErrorCode::kAlreadyExists) return Conflict(prepared, version);
      // Renamed but the folder not synced, or not renamed at all: only a look tells.
      FIRN_TRY(bool exists, store_.Exists(prepared.metadata_location));
      if (!exists) return std::move(status).error();
      return CommitResult{CommitOutcome::kUnknown, status.error().message(), {}};
    }
    // The hint is a hint: a failure to write it costs readers a look at the next version.
    (void)store_.Put(JoinLocation(MetadataFolder(prepared.identifier), kHintName), std::to_string(version), PutMode::kReplace).ok();
    DeleteObsolete(prepared);
    return CommitResult{CommitOutcome::kCommitted, "", Table{prepared.identifier, prepared.metadata_location, prepared.metadata}};
  }

  void AbandonCommit(const PreparedCommit& prepared) override { FIRN_ASSERT(prepared.files_written.empty(), "a Hadoop catalog writes nothing early"); }

 private:
  std::string LocationOf(const TableIdentifier& identifier) const {
    return JoinLocation(JoinLocation(warehouse_, identifier.database), identifier.name);
  }
  std::string MetadataFolder(const TableIdentifier& identifier) const { return JoinLocation(LocationOf(identifier), "metadata"); }
  // Where the table is found, which is not where its metadata says if somebody has moved or copied it.
  std::string VersionLocation(const TableIdentifier& identifier, const TableMetadata& metadata, int64_t version) const {
    return JoinLocation(MetadataFolder(identifier), fmt::format("v{}{}", version, MetadataFileSuffix(metadata)));
  }

  static CommitResult Conflict(const PreparedCommit& prepared, int64_t version) {
    return CommitResult{CommitOutcome::kConflict, fmt::format("version {} of `{}` was committed by another writer", version, prepared.identifier.ToString()), {}};
  }

  Status RequireNamespace(const std::string& database) {
    FIRN_TRY(bool exists, NamespaceExists(database));
    if (exists) return Ok();
    FIRN_TRY(std::vector<std::string> known, ListNamespaces());
    return Error(ErrorCode::kDatabaseNotFound, fmt::format("database not found: `{}`", database)).Candidates(base::NearNames(database, known));
  }

  Error NotFound(const TableIdentifier& identifier) {
    if (Status status = RequireNamespace(identifier.database); !status.ok()) return std::move(status).error();
    Result<std::vector<std::string>> known = ListTables(identifier.database);
    Error error(ErrorCode::kTableNotFound, fmt::format("table not found: `{}`", identifier.ToString()));
    if (!known.ok()) return error;
    return std::move(error).Candidates(base::NearNames(identifier.name, *known));
  }

  // The files that a version may be in.
  static std::vector<std::string> NamesOfVersion(int64_t version) {
    return {fmt::format("v{}.metadata.json", version), fmt::format("v{}.gz.metadata.json", version), fmt::format("v{}.metadata.json.gz", version)};
  }

  Result<std::string> LocationOfVersion(const TableIdentifier& identifier, int64_t version) {
    for (const std::string& name : NamesOfVersion(version)) {
      std::string location = JoinLocation(MetadataFolder(identifier), name);
      FIRN_TRY(bool exists, store_.Exists(location));
      if (exists) return location;
    }
    return Error(ErrorCode::kNotFound, fmt::format("version {} of `{}` is not there", version, identifier.ToString()));
  }

  Result<bool> VersionExists(const TableIdentifier& identifier, int64_t version) {
    Result<std::string> location = LocationOfVersion(identifier, version);
    if (location.ok()) return true;
    if (location.error().code() == ErrorCode::kNotFound) return false;
    return std::move(location).error();
  }

  // The newest version: the hint and those behind it, or the highest in the folder if the hint is no good. 0: no table. A state that the hint names and that
  // is not there is an error: an older one in its place would be rows lost without a word.
  Result<int64_t> CurrentVersion(const TableIdentifier& identifier) {
    if (!CheckName("database", identifier.database).ok() || !CheckName("table", identifier.name).ok()) return 0;
    Result<std::string> hint = store_.Get(JoinLocation(MetadataFolder(identifier), kHintName), kHintBytesMax);
    int64_t hinted = 0;
    const bool is_number = hint.ok() && std::from_chars(hint->data(), hint->data() + hint->size(), hinted).ec == std::errc();
    FIRN_TRY(bool is_there, is_number ? VersionExists(identifier, hinted) : Result<bool>(false));
    if (!is_there) {
      FIRN_TRY(int64_t highest, HighestVersion(identifier));
      if (highest >= hinted) return highest;  // the hint is behind, and its version has been cleaned away
      return Error(ErrorCode::kInvalidMetadata, fmt::format("{} is not there, and version-hint.text names it the newest state of `{}`",
                                                            JoinLocation(MetadataFolder(identifier), NamesOfVersion(hinted)[0]), identifier.ToString()))
          .Hint(fmt::format("Restore the file; or write {} into version-hint.text to go back to that state.", highest));
    }
    int64_t version = hinted;
    while (true) {
      FIRN_TRY(bool has_next, VersionExists(identifier, version + 1));
      if (!has_next) return version;
      ++version;
    }
  }

  Result<int64_t> HighestVersion(const TableIdentifier& identifier) {
    int64_t highest = 0;
    const std::string folder = MetadataFolder(identifier);
    FIRN_TRY(std::vector<objectstore::ObjectInfo> objects, store_.List(folder));
    for (const objectstore::ObjectInfo& object : objects) {
      const std::string_view name = io::FileName(object.location);
      if (object.location == JoinLocation(folder, name)) highest = std::max(highest, VersionOfName(name));  // not what somebody keeps in a folder below
    }
    return highest;
  }

  void DeleteObsolete(const PreparedCommit& prepared) {
    if (prepared.base_metadata_location.empty() || prepared.metadata->metadata_log.empty()) return;
    if (prepared.metadata->Property("write.metadata.delete-after-commit.enabled", "false") != "true") return;
    // Versions are numbered without gaps: what fell out of the log is the one before its first entry.
    const int64_t first_kept = VersionOfName(io::FileName(prepared.metadata->metadata_log.front().metadata_file));
    if (first_kept <= 1) return;
    for (const std::string& name : NamesOfVersion(first_kept - 1)) (void)store_.Delete(JoinLocation(MetadataFolder(prepared.identifier), name)).ok();
  }

  objectstore::ObjectStore& store_;
  io::Clock& clock_;
  io::Random& random_;
  const std::string warehouse_;
};

}  // namespace

std::unique_ptr<Catalog> MakeHadoopCatalog(objectstore::ObjectStore& store, io::Clock& clock, io::Random& random, std::string warehouse) {
  return std::make_unique<HadoopCatalog>(store, clock, random, std::move(warehouse));
}

}  // namespace firn::iceberg
