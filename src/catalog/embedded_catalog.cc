// SPDX-License-Identifier: Apache-2.0
#include "catalog/embedded_catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/assert.h"
#include "base/mutex.h"
#include "catalog/catalog_keys.h"
#include "catalog/journal_wait.h"
#include "iceberg/metadata_files.h"
#include "io/clock.h"
#include "io/random.h"
#include "objectstore/object_store.h"

namespace firn::catalog {

using iceberg::CommitOutcome;
using iceberg::CommitResult;
using iceberg::PreparedCommit;
using iceberg::Table;
using iceberg::TableIdentifier;

namespace {

// Reserves a table for the length of a scope.
class Reservation {
 public:
  Reservation(EmbeddedCatalog& catalog, const TableIdentifier& identifier) : catalog_(catalog), identifier_(identifier) { catalog_.Reserve(identifier_); }
  ~Reservation() { catalog_.Release(identifier_); }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

 private:
  EmbeddedCatalog& catalog_;
  const TableIdentifier identifier_;
};

}  // namespace

EmbeddedCatalog::EmbeddedCatalog(const io::Environment& environment, log::Store& store, objectstore::ObjectStore& objects, std::string name, std::string warehouse)
    : environment_(environment), store_(store), objects_(objects), name_(std::move(name)), warehouse_(std::move(warehouse)) {}

Result<std::vector<std::string>> EmbeddedCatalog::ListNamespaces() {
  std::vector<std::string> names;
  const std::string prefix = DatabasePrefix(name_);
  for (const auto& [key, value] : store_.meta().Scan(prefix)) names.push_back(key.substr(prefix.size()));
  return names;
}

Result<bool> EmbeddedCatalog::NamespaceExists(const std::string& database) { return store_.meta().Get(DatabaseKey(name_, database)).has_value(); }

Status EmbeddedCatalog::CreateNamespace(const std::string& database, const std::map<std::string, std::string>&) {
  if (!IsName(database)) return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no name for a database", database));
  FIRN_TRY(bool exists, NamespaceExists(database));
  if (exists) return Error(ErrorCode::kObjectExists, fmt::format("database `{}` exists in catalog `{}`", database, name_));
  return AppendAndWait(environment_.executor, store_.journal(), {log::Put{DatabaseKey(name_, database), "{}"}});
}

Status EmbeddedCatalog::DropNamespace(const std::string& database) {
  FIRN_TRY(std::vector<std::string> tables, ListTables(database));
  if (!tables.empty()) {
    return Error(ErrorCode::kNamespaceNotEmpty, fmt::format("database `{}` holds {} table{}, among them `{}`", database, tables.size(), tables.size() == 1 ? "" : "s", tables[0])).Hint("DROP DATABASE ... CASCADE drops them too");
  }
  return AppendAndWait(environment_.executor, store_.journal(), {log::Delete{DatabaseKey(name_, database)}});
}

Result<std::vector<std::string>> EmbeddedCatalog::ListTables(const std::string& database) {
  FIRN_TRY(bool exists, NamespaceExists(database));
  if (!exists) return Error(ErrorCode::kDatabaseNotFound, fmt::format("there is no database `{}` in catalog `{}`", database, name_));
  std::vector<std::string> names;
  const std::string prefix = PointerPrefix(name_, database);
  for (const auto& [key, value] : store_.meta().Scan(prefix)) names.push_back(key.substr(prefix.size()));
  return names;
}

std::string EmbeddedCatalog::PointerOf(const TableIdentifier& identifier) const {
  return store_.meta().Get(PointerKey(name_, identifier.database, identifier.name)).value_or("");
}

Result<Table> EmbeddedCatalog::CreateTable(const TableIdentifier& identifier, const iceberg::CreateTableRequest& request) {
  if (!IsName(identifier.name)) return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no name for a table", identifier.name));
  FIRN_TRY(bool exists, NamespaceExists(identifier.database));
  if (!exists) return Error(ErrorCode::kDatabaseNotFound, fmt::format("there is no database `{}` in catalog `{}`", identifier.database, name_));
  const Reservation reservation(*this, identifier);
  if (!PointerOf(identifier).empty()) return Error(ErrorCode::kObjectExists, fmt::format("table `{}` exists in `{}`.`{}`", identifier.name, name_, identifier.database));
  // A folder of its own for each table made: one that is dropped and made anew does not meet old files.
  std::string location = request.location;
  if (location.empty()) {
    location = objectstore::JoinLocation(objectstore::JoinLocation(objectstore::JoinLocation(warehouse_, name_), identifier.database),
                                         fmt::format("{}-{}", identifier.name, environment_.random.UuidText().substr(0, 8)));
  }
  FIRN_TRY(iceberg::TableMetadata metadata, iceberg::NewTableMetadata(request, location, environment_.random.UuidText(), environment_.clock.WallTimeMs()));
  FIRN_TRY(std::string bytes, iceberg::EncodeMetadataFile(metadata));
  const std::string metadata_location = iceberg::NextMetadataLocation(metadata, "", environment_.random.UuidText());
  FIRN_RETURN_IF_ERROR(objects_.Put(metadata_location, bytes, objectstore::PutMode::kIfAbsent));
  FIRN_RETURN_IF_ERROR(AppendAndWait(environment_.executor, store_.journal(), {log::Put{PointerKey(name_, identifier.database, identifier.name), metadata_location}}));
  return Table{identifier, metadata_location, std::make_shared<const iceberg::TableMetadata>(std::move(metadata))};
}

Result<Table> EmbeddedCatalog::LoadTable(const TableIdentifier& identifier) {
  const std::string location = PointerOf(identifier);
  if (location.empty()) {
    FIRN_TRY(std::vector<std::string> known, ListTables(identifier.database));
    return Error(ErrorCode::kTableNotFound, fmt::format("there is no table `{}` in `{}`.`{}`", identifier.name, name_, identifier.database)).Candidates(base::NearNames(identifier.name, known));
  }
  FIRN_TRY(iceberg::TableMetadataPtr metadata, iceberg::ReadMetadataFile(objects_, location));
  return Table{identifier, location, std::move(metadata)};
}

Status EmbeddedCatalog::DropTable(const TableIdentifier& identifier, bool purge) {
  const Reservation reservation(*this, identifier);  // first: what is dropped is what has the name then, not what it was renamed from
  FIRN_TRY(Table table, LoadTable(identifier));
  FIRN_RETURN_IF_ERROR(AppendAndWait(environment_.executor, store_.journal(), {log::Delete{PointerKey(name_, identifier.database, identifier.name)}}));
  if (purge) return objects_.DeleteFolder(table.metadata->location);
  return Ok();
}

Status EmbeddedCatalog::RenameTable(const TableIdentifier& from, const TableIdentifier& to) {
  const auto& [first, second] = std::minmax(from, to);  // both, in one order for all: nobody waits for whom he holds up
  const Reservation reservation(*this, first);
  std::optional<Reservation> other;
  if (from != to) other.emplace(*this, second);
  const std::string location = PointerOf(from);
  if (location.empty()) return LoadTable(from).error();
  if (!PointerOf(to).empty()) return Error(ErrorCode::kObjectExists, fmt::format("table `{}` exists in `{}`.`{}`", to.name, name_, to.database));
  return AppendAndWait(environment_.executor, store_.journal(), {log::Delete{PointerKey(name_, from.database, from.name)}, log::Put{PointerKey(name_, to.database, to.name), location}});
}

Result<PreparedCommit> EmbeddedCatalog::PrepareCommit(const Table& base, const iceberg::TableChange& change) {
  FIRN_TRY(iceberg::TableMetadata metadata, iceberg::ChangedMetadata(base, change, environment_.clock.WallTimeMs()));
  FIRN_TRY(std::string bytes, iceberg::EncodeMetadataFile(metadata));
  PreparedCommit prepared;
  prepared.identifier = base.identifier;
  prepared.base_metadata_location = base.metadata_location;
  const std::string uuid = environment_.random.UuidText();
  prepared.metadata_location = iceberg::NextMetadataLocation(metadata, base.metadata_location, change.owner.empty() ? uuid : change.owner + "-" + uuid);
  FIRN_RETURN_IF_ERROR(objects_.Put(prepared.metadata_location, bytes, objectstore::PutMode::kIfAbsent));
  prepared.files_written.push_back(prepared.metadata_location);
  prepared.metadata = std::make_shared<const iceberg::TableMetadata>(std::move(metadata));
  FIRN_ASSERT(prepared.metadata_location != prepared.base_metadata_location, "{} is written over", prepared.metadata_location);
  return prepared;
}

Result<CommitResult> EmbeddedCatalog::PublishCommit(const PreparedCommit& prepared) {
  const Reservation reservation(*this, prepared.identifier);
  if (PointerOf(prepared.identifier) != prepared.base_metadata_location) {
    return CommitResult{CommitOutcome::kConflict, fmt::format("table {} has moved on", prepared.identifier.ToString()), {}};
  }
  const Status status = AppendAndWait(environment_.executor, store_.journal(), {PublishOperation(prepared)});
  // A journal that fails has stopped the node: whether the entry reached the disk is known after the restart.
  if (!status.ok()) return CommitResult{CommitOutcome::kUnknown, status.error().ToString(), {}};
  return CommitResult{CommitOutcome::kCommitted, "", Table{prepared.identifier, prepared.metadata_location, prepared.metadata}};
}

void EmbeddedCatalog::AbandonCommit(const PreparedCommit& prepared) {
  for (const std::string& file : prepared.files_written) (void)objects_.Delete(file);  // an orphan costs space, nothing else
}

void EmbeddedCatalog::Reserve(const TableIdentifier& identifier) {
  base::MutexLock lock(mutex_);
  released_.Wait(lock, [&]() FIRN_REQUIRES(mutex_) { return !reserved_.contains(identifier); });
  Holding& holding = reserved_[identifier];
  FIRN_ASSERT(holding.count == 0 && !holding.prepared, "{} is held {} times", identifier.ToString(), holding.count);
  holding.count = 1;
}

bool EmbeddedCatalog::TryReserve(const TableIdentifier& identifier, const std::string& owner) {
  FIRN_ASSERT(!owner.empty(), "{} is reserved for nobody", identifier.ToString());
  base::MutexLock lock(mutex_);
  Holding& holding = reserved_[identifier];
  if (holding.count > 0 && holding.owner != owner) return false;
  holding.owner = owner;
  ++holding.count;
  return true;
}

void EmbeddedCatalog::Release(const TableIdentifier& identifier) {
  {
    base::MutexLock lock(mutex_);
    const auto held = reserved_.find(identifier);
    FIRN_ASSERT(held != reserved_.end(), "{} is not reserved", identifier.ToString());
    FIRN_ASSERT(held->second.count > 0, "{} is held {} times", identifier.ToString(), held->second.count);
    if (--held->second.count > 0) return;
    reserved_.erase(held);
  }
  released_.NotifyAll();
}

Result<Table> EmbeddedCatalog::LoadReserved(const TableIdentifier& identifier) {
  {
    base::MutexLock lock(mutex_);
    const auto held = reserved_.find(identifier);
    if (held != reserved_.end() && held->second.prepared) return *held->second.prepared;
  }
  return LoadTable(identifier);
}

void EmbeddedCatalog::KeepPrepared(const PreparedCommit& prepared) {
  base::MutexLock lock(mutex_);
  const auto held = reserved_.find(prepared.identifier);
  FIRN_ASSERT(held != reserved_.end() && held->second.count > 0, "{} is not reserved", prepared.identifier.ToString());
  FIRN_ASSERT(prepared.metadata != nullptr && !prepared.metadata_location.empty(), "what {} becomes has no metadata", prepared.identifier.ToString());
  // Each is made over the one before it, or one would be lost.
  FIRN_ASSERT(!held->second.prepared || held->second.prepared->metadata_location == prepared.base_metadata_location, "{} is made over {}, and {} was prepared last", prepared.metadata_location,
              prepared.base_metadata_location, held->second.prepared->metadata_location);
  held->second.prepared = Table{prepared.identifier, prepared.metadata_location, prepared.metadata};
}

log::Operation EmbeddedCatalog::PublishOperation(const PreparedCommit& prepared) const {
  FIRN_ASSERT(!prepared.metadata_location.empty() && prepared.metadata_location != prepared.base_metadata_location, "{} is to become what it is", prepared.identifier.ToString());
  return log::Put{PointerKey(name_, prepared.identifier.database, prepared.identifier.name), prepared.metadata_location};
}

}  // namespace firn::catalog
