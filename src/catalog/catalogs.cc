// SPDX-License-Identifier: Apache-2.0
#include "catalog/catalogs.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/mutex.h"
#include "catalog/catalog_keys.h"
#include "catalog/definition_json.h"
#include "catalog/embedded_catalog.h"
#include "catalog/iceberg_definition.h"
#include "catalog/journal_wait.h"
#include "iceberg/hadoop_catalog.h"
#include "io/clock.h"
#include "io/file_system.h"
#include "io/process.h"
#include "io/random.h"
#include "objectstore/local_object_store.h"
#include "objectstore/object_store.h"

namespace firn::catalog {

namespace {

namespace json = boost::json;

std::string EncodeInfo(const CatalogInfo& info) {
  json::object options;
  for (const auto& [key, value] : info.options) options[key] = value;
  return json::serialize(json::object{{"options", std::move(options)}, {"comment", info.comment}});
}

Result<CatalogInfo> DecodeInfo(const std::string& name, const std::string& text) {
  CatalogInfo info;
  info.name = name;
  try {
    const json::value parsed = json::parse(text);
    for (const auto& option : parsed.at("options").as_object()) info.options.emplace(option.key(), option.value().as_string());
    info.comment = parsed.at("comment").as_string();
  } catch (const std::exception& problem) {
    return Error(ErrorCode::kCorruption, fmt::format("the stored catalog `{}` cannot be read: {}", name, problem.what()));
  }
  return info;
}

std::string ValueOr(const std::map<std::string, std::string>& options, const std::string& key, const std::string& otherwise) {
  auto found = options.find(key);
  return found == options.end() ? otherwise : found->second;
}

}  // namespace

struct Catalogs::Impl {
  io::Environment environment;
  log::Store& store;
  std::string warehouse;
  const SystemTables& system_tables;
  std::unique_ptr<objectstore::ObjectStore> objects;

  base::Mutex changes;  // held by who changes a name, until that is durable: what it has found there or missing stays so. Before `mutex`
  mutable base::Mutex mutex;
  std::map<std::string, CatalogInfo> catalogs FIRN_GUARDED_BY(mutex);
  std::map<std::string, std::shared_ptr<iceberg::Catalog>> iceberg_catalogs FIRN_GUARDED_BY(mutex);

  Status Append(std::vector<log::Operation> operations) { return AppendAndWait(environment.executor, store.journal(), std::move(operations)); }

  // The Iceberg catalog that the options ask for; null for a generic one.
  Result<std::shared_ptr<iceberg::Catalog>> MakeIceberg(const CatalogInfo& info) {
    const std::string type = ValueOr(info.options, "type", "");
    if (type == "generic_in_memory") return std::shared_ptr<iceberg::Catalog>();
    if (type != "iceberg") {
      return Error(ErrorCode::kInvalidOption, type.empty() ? fmt::format("catalog `{}` needs the option 'type'", info.name) : fmt::format("there is no catalog type '{}'", type))
          .Hint("'type'='iceberg', or 'generic_in_memory'")
          .Candidates(base::NearNames(type, {"iceberg", "generic_in_memory"}));
    }
    const std::string kind = ValueOr(info.options, "catalog-type", "");
    if (kind.empty() || kind == "embedded") {
      const std::string place = ValueOr(info.options, "warehouse", warehouse);
      return std::shared_ptr<iceberg::Catalog>(std::make_shared<EmbeddedCatalog>(environment, store, *objects, info.name, place));
    }
    if (kind != "hadoop") {
      return Error(ErrorCode::kNotSupported, fmt::format("the Iceberg catalog type '{}' is not supported", kind)).Hint("'catalog-type'='hadoop', or none for the node's own catalog");
    }
    const std::string place = ValueOr(info.options, "warehouse", "");
    if (place.empty()) return Error(ErrorCode::kInvalidOption, fmt::format("catalog `{}` needs the option 'warehouse'", info.name)).Hint("'warehouse'='file:///path/to/warehouse'");
    FIRN_RETURN_IF_ERROR(objectstore::LocalPath(place));
    return std::shared_ptr<iceberg::Catalog>(iceberg::MakeHadoopCatalog(*objects, environment.clock, environment.random, place));
  }

  Result<CatalogInfo> Find(const std::string& name) const {
    base::MutexLock lock(mutex);
    auto found = catalogs.find(name);
    if (found != catalogs.end()) return found->second;
    std::vector<std::string> known;
    for (const auto& [other, info] : catalogs) known.push_back(other);
    return Error(ErrorCode::kCatalogNotFound, fmt::format("there is no catalog `{}`", name)).Hint("SHOW CATALOGS lists all").Candidates(base::NearNames(name, known));
  }

  bool IsIceberg(const std::string& name) const {
    base::MutexLock lock(mutex);
    return iceberg_catalogs.contains(name);
  }

  // Null for a generic catalog.
  Result<std::shared_ptr<iceberg::Catalog>> Iceberg(const std::string& name) const {
    FIRN_RETURN_IF_ERROR(Find(name));
    base::MutexLock lock(mutex);
    auto found = iceberg_catalogs.find(name);
    return found == iceberg_catalogs.end() ? std::shared_ptr<iceberg::Catalog>() : found->second;
  }

  Result<bool> HasDatabase(const std::string& catalog, const std::string& database) const {
    FIRN_TRY(auto iceberg_catalog, Iceberg(catalog));
    if (iceberg_catalog) return iceberg_catalog->NamespaceExists(database);
    return store.meta().Get(DatabaseKey(catalog, database)).has_value();
  }

  Status RequireDatabase(const std::string& catalog, const std::string& database) const {
    FIRN_TRY(bool exists, HasDatabase(catalog, database));
    if (exists) return Ok();
    FIRN_TRY(const std::vector<std::string> known, Databases(catalog));
    return Error(ErrorCode::kDatabaseNotFound, fmt::format("there is no database `{}` in catalog `{}`", database, catalog))
        .Hint(fmt::format("SHOW DATABASES FROM {} lists all", plan::ObjectPath{catalog, "", ""}.ToString()))
        .Candidates(base::NearNames(database, known));
  }

  Result<std::vector<std::string>> Databases(const std::string& catalog) const {
    FIRN_TRY(auto iceberg_catalog, Iceberg(catalog));
    if (iceberg_catalog) return iceberg_catalog->ListNamespaces();
    return StoredNames(DatabasePrefix(catalog));
  }

  std::vector<std::string> StoredNames(const std::string& prefix) const {
    std::vector<std::string> names;
    for (const auto& [key, value] : store.meta().Scan(prefix)) names.push_back(key.substr(prefix.size()));
    return names;
  }

  // The Iceberg catalog of a table that was found and is not in the meta store. An error if it is only to be read, or has been dropped meanwhile.
  Result<std::shared_ptr<iceberg::Catalog>> Owner(const plan::ObjectPath& path) const {
    FIRN_TRY(const bool has_database, HasDatabase(path.catalog, path.database));
    if (!has_database && path.database == kSystemDatabase) {
      return Error(ErrorCode::kNotSupported, fmt::format("{}.{} is a system table: it can be read, not changed", path.database, path.name)).Hint(fmt::format("SELECT * FROM {}.{}", path.database, path.name));
    }
    FIRN_TRY(auto iceberg_catalog, Iceberg(path.catalog));
    if (!iceberg_catalog) return Error(ErrorCode::kTableNotFound, fmt::format("there is no table or view {}", path.ToString())).Hint("SHOW TABLES lists all");
    if (const auto name = iceberg::SplitMetadataTableName(path.name); name && !iceberg_catalog->LoadTable({path.database, path.name}).ok()) {
      return Error(ErrorCode::kNotSupported, fmt::format("{} is a metadata table of {}: it can be read, not changed", path.ToString(), name->table));
    }
    return iceberg_catalog;
  }

  Result<plan::TableDefinitionPtr> Stored(const plan::ObjectPath& path) const {
    const auto text = store.meta().Get(TableKey(path.catalog, path.database, path.name));
    if (!text) return plan::TableDefinitionPtr();
    FIRN_TRY(plan::TableDefinition definition, DecodeDefinition(*text));
    return plan::TableDefinitionPtr(std::make_shared<const plan::TableDefinition>(std::move(definition)));
  }
};

namespace {

// The folders that the data directory's warehouse was in before. Tables name their files by the one that it was in when they were made, and in a directory that has been copied or
// moved since they are its own all the same: nothing of the original is read, written or removed.
std::vector<objectstore::MovedFolder> FormerWarehouses(const log::MetaStore& meta, const std::string& warehouse) {
  std::vector<objectstore::MovedFolder> moved;
  for (const auto& [key, value] : meta.Scan(kWarehousePrefix)) {
    std::string path = key.substr(kWarehousePrefix.size());
    if (path != warehouse) moved.push_back({std::move(path), warehouse});
  }
  return moved;
}

}  // namespace

Catalogs::Catalogs(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Catalogs::~Catalogs() = default;

Result<std::unique_ptr<Catalogs>> Catalogs::Open(const io::Environment& environment, log::Store& store, const std::string& data_directory,
                                                 const SystemTables& system_tables) {
  std::string warehouse = io::AbsolutePath(io::JoinPath(data_directory, "warehouse"));
  auto objects = objectstore::MakeLocalObjectStore(environment.files, environment.random, FormerWarehouses(store.meta(), warehouse));
  auto impl = std::unique_ptr<Impl>(new Impl{environment, store, std::move(warehouse), system_tables, std::move(objects), {}, {}, {}, {}});
  Impl& state = *impl;
  base::MutexLock lock(state.mutex);
  const std::string prefix = CatalogKey("");
  for (const auto& [key, value] : store.meta().Scan(prefix)) {
    FIRN_TRY(CatalogInfo info, DecodeInfo(key.substr(prefix.size()), value));
    FIRN_TRY(auto iceberg_catalog, state.MakeIceberg(info));
    if (iceberg_catalog) state.iceberg_catalogs.emplace(info.name, std::move(iceberg_catalog));
    state.catalogs.emplace(info.name, std::move(info));
  }
  std::vector<log::Operation> first;  // one entry: a process that dies must not leave the catalog without its database
  if (const std::string key = WarehouseKey(state.warehouse); !store.meta().Get(key)) first.push_back(log::Put{key, ""});
  if (!state.catalogs.contains(kDefaultCatalog)) {
    const CatalogInfo info{kDefaultCatalog, {{"type", "generic_in_memory"}}, ""};
    first.push_back(log::Put{CatalogKey(kDefaultCatalog), EncodeInfo(info)});
    first.push_back(log::Put{DatabaseKey(kDefaultCatalog, kDefaultDatabase), "{}"});
    state.catalogs[kDefaultCatalog] = info;
  }
  if (!first.empty()) FIRN_RETURN_IF_ERROR(state.Append(std::move(first)));
  return std::unique_ptr<Catalogs>(new Catalogs(std::move(impl)));
}

objectstore::ObjectStore& Catalogs::objects() const { return *impl_->objects; }

Status Catalogs::CreateCatalog(CatalogInfo catalog, IfExists if_exists) {
  if (!IsName(catalog.name)) return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no name for a catalog", catalog.name));
  base::MutexLock changing(impl_->changes);
  {
    base::MutexLock lock(impl_->mutex);
    if (impl_->catalogs.contains(catalog.name)) {
      if (if_exists == IfExists::kIgnore) return Ok();
      return Error(ErrorCode::kObjectExists, fmt::format("catalog `{}` exists", catalog.name)).Hint("CREATE CATALOG IF NOT EXISTS, or DROP CATALOG first");
    }
  }
  // Tables name their files by the warehouse's path, which others read and a later process started elsewhere.
  if (auto place = catalog.options.find("warehouse"); place != catalog.options.end() && place->second.find(':') == std::string::npos && !place->second.empty()) {
    place->second = io::AbsolutePath(place->second);
  }
  FIRN_TRY(auto iceberg_catalog, impl_->MakeIceberg(catalog));
  FIRN_RETURN_IF_ERROR(impl_->Append({log::Put{CatalogKey(catalog.name), EncodeInfo(catalog)}}));
  base::MutexLock lock(impl_->mutex);
  if (iceberg_catalog) impl_->iceberg_catalogs[catalog.name] = std::move(iceberg_catalog);
  const bool is_new = impl_->catalogs.emplace(catalog.name, catalog).second;
  FIRN_ASSERT(is_new, "catalog `{}` was made twice", catalog.name);
  return Ok();
}

// Tables of an Iceberg catalog are forgotten with it, not deleted; those of a generic one are definitions and go.
Status Catalogs::DropCatalog(const std::string& name, IfMissing if_missing) {
  base::MutexLock changing(impl_->changes);
  auto found = impl_->Find(name);
  if (!found.ok()) return if_missing == IfMissing::kIgnore ? Ok() : Status(std::move(found).error());
  if (name == kDefaultCatalog) return Error(ErrorCode::kInvalidArgument, fmt::format("catalog `{}` cannot be dropped: it is the node's default", name));
  std::vector<log::Operation> operations = {log::Delete{CatalogKey(name)}};
  const std::string tables = "catalog/table/" + name + kKeySeparator;
  for (const auto& [key, value] : impl_->store.meta().Scan(tables)) operations.push_back(log::Delete{key});
  if (!impl_->IsIceberg(name)) {
    for (const auto& [key, value] : impl_->store.meta().Scan(DatabasePrefix(name))) operations.push_back(log::Delete{key});
  }
  FIRN_RETURN_IF_ERROR(impl_->Append(std::move(operations)));
  base::MutexLock lock(impl_->mutex);
  const size_t erased = impl_->catalogs.erase(name);
  FIRN_ASSERT(erased == 1, "catalog `{}` went while it was dropped", name);
  impl_->iceberg_catalogs.erase(name);
  return Ok();
}

std::vector<CatalogInfo> Catalogs::ListCatalogs() const {
  base::MutexLock lock(impl_->mutex);
  std::vector<CatalogInfo> all;
  for (const auto& [name, info] : impl_->catalogs) all.push_back(info);
  return all;
}

Result<CatalogInfo> Catalogs::FindCatalog(const std::string& name) const { return impl_->Find(name); }

Status Catalogs::CreateDatabase(const std::string& catalog, const std::string& database, const std::map<std::string, std::string>& properties, IfExists if_exists) {
  base::MutexLock changing(impl_->changes);
  FIRN_TRY(bool exists, impl_->HasDatabase(catalog, database));
  if (exists) {
    if (if_exists == IfExists::kIgnore) return Ok();
    return Error(ErrorCode::kObjectExists, fmt::format("database `{}` exists in catalog `{}`", database, catalog)).Hint("CREATE DATABASE IF NOT EXISTS");
  }
  FIRN_TRY(auto iceberg_catalog, impl_->Iceberg(catalog));
  if (iceberg_catalog) return iceberg_catalog->CreateNamespace(database, properties);
  if (!IsName(database)) return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no name for a database", database));
  return impl_->Append({log::Put{DatabaseKey(catalog, database), "{}"}});
}

Status Catalogs::DropDatabase(const std::string& catalog, const std::string& database, IfMissing if_missing, DropMode mode) {
  base::MutexLock changing(impl_->changes);
  FIRN_TRY(bool exists, impl_->HasDatabase(catalog, database));
  if (!exists) return if_missing == IfMissing::kIgnore ? Ok() : impl_->RequireDatabase(catalog, database);
  FIRN_TRY(std::vector<std::string> tables, ListTables(catalog, database));
  if (!tables.empty() && mode == DropMode::kRestrict) {
    return Error(ErrorCode::kNamespaceNotEmpty, fmt::format("database `{}` holds {} table{}, among them `{}`", database, tables.size(), tables.size() == 1 ? "" : "s", tables[0])).Hint("DROP DATABASE ... CASCADE drops them too");
  }
  FIRN_TRY(std::vector<std::string> views, ListViews(catalog, database));
  for (const std::string& table : tables) {
    const bool is_view = std::find(views.begin(), views.end(), table) != views.end();
    FIRN_RETURN_IF_ERROR(DropHeld({catalog, database, table}, is_view ? plan::TableKind::kView : plan::TableKind::kTable, IfMissing::kIgnore));
  }
  FIRN_TRY(auto iceberg_catalog, impl_->Iceberg(catalog));
  if (iceberg_catalog) return iceberg_catalog->DropNamespace(database);
  return impl_->Append({log::Delete{DatabaseKey(catalog, database)}});
}

Result<std::vector<std::string>> Catalogs::ListDatabases(const std::string& catalog) const {
  return impl_->Databases(catalog);
}

Result<bool> Catalogs::HasDatabase(const std::string& catalog, const std::string& database) const { return impl_->HasDatabase(catalog, database); }

Status Catalogs::RequireDatabase(const std::string& catalog, const std::string& database) const { return impl_->RequireDatabase(catalog, database); }

Status Catalogs::CreateTable(plan::TableDefinition table, IfExists if_exists) {
  base::MutexLock changing(impl_->changes);
  FIRN_RETURN_IF_ERROR(impl_->RequireDatabase(table.path.catalog, table.path.database));
  if (!IsName(table.path.name)) return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no name for a table", table.path.name));
  auto existing = FindTable(table.path);
  if (existing.ok()) {
    if (if_exists == IfExists::kIgnore) return Ok();
    return Error(ErrorCode::kObjectExists, fmt::format("{} exists", table.path.ToString())).Hint("CREATE ... IF NOT EXISTS, or DROP it first");
  }
  if (existing.error().code() != ErrorCode::kTableNotFound) return std::move(existing).error();  // it is there and cannot be read
  FIRN_TRY(auto iceberg_catalog, impl_->Iceberg(table.path.catalog));
  const bool is_foreign = table.options.contains("connector") && table.options.at("connector") != "iceberg";
  if (iceberg_catalog && table.kind == plan::TableKind::kTable && !is_foreign) {
    FIRN_TRY(iceberg::CreateTableRequest request, CreateRequestOf(table));
    FIRN_RETURN_IF_ERROR(iceberg_catalog->CreateTable({table.path.database, table.path.name}, request));
    return Ok();
  }
  return impl_->Append({log::Put{TableKey(table.path.catalog, table.path.database, table.path.name), EncodeDefinition(table)}});
}

Status Catalogs::DropTable(const plan::ObjectPath& path, plan::TableKind kind, IfMissing if_missing) {
  base::MutexLock changing(impl_->changes);
  return DropHeld(path, kind, if_missing);
}

// `changes` is held.
Status Catalogs::DropHeld(const plan::ObjectPath& path, plan::TableKind kind, IfMissing if_missing) {
  auto found = FindTable(path);
  if (!found.ok()) {
    const bool is_missing = found.error().code() == ErrorCode::kTableNotFound || found.error().code() == ErrorCode::kDatabaseNotFound;
    return is_missing && if_missing == IfMissing::kIgnore ? Ok() : Status(std::move(found).error());
  }
  if ((*found)->kind != kind) {
    const bool is_view = (*found)->kind == plan::TableKind::kView;
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} is a {}", path.ToString(), is_view ? "view" : "table")).Hint(is_view ? "DROP VIEW drops it" : "DROP TABLE drops it");
  }
  if (impl_->store.meta().Get(TableKey(path.catalog, path.database, path.name))) {
    return impl_->Append({log::Delete{TableKey(path.catalog, path.database, path.name)}});
  }
  FIRN_TRY(auto iceberg_catalog, impl_->Owner(path));
  return iceberg_catalog->DropTable({path.database, path.name}, /*purge=*/true);
}

Status Catalogs::RenameTable(const plan::ObjectPath& from, const std::string& to) {
  base::MutexLock changing(impl_->changes);
  FIRN_TRY(plan::TableDefinitionPtr table, FindTable(from));
  plan::ObjectPath target = from;
  target.name = to;
  if (!IsName(to)) return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no name for a table", to));
  const auto existing = FindTable(target);
  if (existing.ok()) return Error(ErrorCode::kObjectExists, fmt::format("{} exists", target.ToString())).Hint("choose another name, or DROP it first");
  if (existing.error().code() != ErrorCode::kTableNotFound) return existing.error();  // it is there and cannot be read
  if (impl_->store.meta().Get(TableKey(from.catalog, from.database, from.name))) {
    plan::TableDefinition renamed = *table;
    renamed.path = target;
    return impl_->Append({log::Delete{TableKey(from.catalog, from.database, from.name)}, log::Put{TableKey(target.catalog, target.database, to), EncodeDefinition(renamed)}});
  }
  FIRN_TRY(auto iceberg_catalog, impl_->Owner(from));
  return iceberg_catalog->RenameTable({from.database, from.name}, {from.database, to});
}

Status Catalogs::AlterTable(const plan::TableDefinition& table) {
  const std::string key = TableKey(table.path.catalog, table.path.database, table.path.name);
  base::MutexLock changing(impl_->changes);
  if (impl_->store.meta().Get(key)) return impl_->Append({log::Put{key, EncodeDefinition(table)}});
  FIRN_TRY(auto iceberg_catalog, impl_->Owner(table.path));
  const iceberg::TableIdentifier identifier{table.path.database, table.path.name};
  FIRN_TRY(iceberg::Table current, iceberg_catalog->LoadTable(identifier));
  FIRN_TRY(iceberg::TableChange change, ChangeOf(current, table));
  if (change.updates.empty()) return Ok();
  FIRN_TRY(iceberg::CommitResult result, iceberg_catalog->CommitTable(identifier, change));
  if (result.outcome == iceberg::CommitOutcome::kCommitted) return Ok();
  return Error(result.outcome == iceberg::CommitOutcome::kConflict ? ErrorCode::kCommitConflict : ErrorCode::kCommitUnknown, fmt::format("altering {}: {}", table.path.ToString(), result.reason));
}

Result<std::vector<std::string>> Catalogs::ListTables(const std::string& catalog, const std::string& database) const {
  FIRN_TRY(const bool has_database, impl_->HasDatabase(catalog, database));
  if (!has_database && database == kSystemDatabase) return impl_->system_tables.Names();
  FIRN_RETURN_IF_ERROR(impl_->RequireDatabase(catalog, database));
  std::vector<std::string> names = impl_->StoredNames(TablePrefix(catalog, database));
  FIRN_TRY(auto iceberg_catalog, impl_->Iceberg(catalog));
  if (iceberg_catalog) {
    FIRN_TRY(std::vector<std::string> tables, iceberg_catalog->ListTables(database));
    names.insert(names.end(), tables.begin(), tables.end());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());  // another engine may have made a table of a view's name: the view is found
  return names;
}

Result<std::vector<std::string>> Catalogs::ListViews(const std::string& catalog, const std::string& database) const {
  FIRN_TRY(const bool has_database, impl_->HasDatabase(catalog, database));
  std::vector<std::string> names;
  if (!has_database && database == kSystemDatabase) return names;  // its tables are no views
  FIRN_RETURN_IF_ERROR(impl_->RequireDatabase(catalog, database));
  for (const std::string& name : impl_->StoredNames(TablePrefix(catalog, database))) {
    FIRN_TRY(plan::TableDefinitionPtr table, impl_->Stored({catalog, database, name}));
    if (table && table->kind == plan::TableKind::kView) names.push_back(name);
  }
  return names;
}

Result<plan::TableDefinitionPtr> Catalogs::FindTable(const plan::ObjectPath& path) const {
  FIRN_TRY(bool has_database, impl_->HasDatabase(path.catalog, path.database));
  if (!has_database) {
    if (path.database == kSystemDatabase) return impl_->system_tables.Find(path.name);
    FIRN_RETURN_IF_ERROR(impl_->RequireDatabase(path.catalog, path.database));
  }
  FIRN_TRY(plan::TableDefinitionPtr stored, impl_->Stored(path));
  if (stored) return stored;
  FIRN_TRY(auto iceberg_catalog, impl_->Iceberg(path.catalog));
  if (iceberg_catalog) {
    auto table = iceberg_catalog->LoadTable({path.database, path.name});
    if (table.ok()) {
      FIRN_TRY(plan::TableDefinition definition, DefinitionOf(path, *table));
      return plan::TableDefinitionPtr(std::make_shared<const plan::TableDefinition>(std::move(definition)));
    }
    if (table.error().code() != ErrorCode::kTableNotFound) return std::move(table).error();
    if (const auto name = iceberg::SplitMetadataTableName(path.name)) {
      FIRN_TRY(iceberg::Table base, iceberg_catalog->LoadTable({path.database, name->table}));
      FIRN_TRY(plan::TableDefinition definition, MetadataDefinitionOf(path, base, name->kind));
      return plan::TableDefinitionPtr(std::make_shared<const plan::TableDefinition>(std::move(definition)));
    }
  }
  FIRN_TRY(std::vector<std::string> known, ListTables(path.catalog, path.database));
  auto near = base::NearNames(path.name, known);
  return Error(ErrorCode::kTableNotFound, fmt::format("there is no table or view {}", path.ToString()))
      .Hint(near.empty() ? "SHOW TABLES lists all" : fmt::format("did you mean `{}`?", near[0]))
      .Candidates(std::move(near));
}

Result<plan::TableDefinitionPtr> Catalogs::AsChosen(plan::TableDefinitionPtr table) const {
  if (table->connector != "iceberg" || iceberg::SplitMetadataTableName(table->path.name)) return table;
  FIRN_TRY(iceberg::SnapshotChoice choice, SnapshotChoiceOf(*table));
  if (!choice.snapshot_id && !choice.ref && !choice.as_of_ms) return table;
  FIRN_TRY(auto iceberg_catalog, IcebergCatalog(table->path.catalog));
  FIRN_TRY(iceberg::Table loaded, iceberg_catalog->LoadTable({table->path.database, table->path.name}));
  FIRN_TRY(iceberg::ChosenSnapshot chosen, iceberg::ChooseSnapshot(*loaded.metadata, choice));
  FIRN_TRY(plan::TableDefinition definition, DefinitionOf(table->path, loaded, *chosen.schema));
  definition.options = table->options;
  definition.hints = table->hints;
  return plan::TableDefinitionPtr(std::make_shared<const plan::TableDefinition>(std::move(definition)));
}

Result<std::shared_ptr<iceberg::Catalog>> Catalogs::IcebergCatalog(const std::string& name) const {
  FIRN_TRY(auto iceberg_catalog, impl_->Iceberg(name));
  if (!iceberg_catalog) return Error(ErrorCode::kInvalidArgument, fmt::format("catalog `{}` holds no Iceberg tables", name));
  return iceberg_catalog;
}

}  // namespace firn::catalog
