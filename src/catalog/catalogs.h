// SPDX-License-Identifier: Apache-2.0
// The catalogs of a node: namespaces, tables and views. Two kinds of catalog live side by side:
//
//   generic   definitions of any connector, kept in the meta store; `default_catalog` is one
//   iceberg   Iceberg tables, owned by an iceberg::Catalog: Hadoop-style folders, or embedded (the table's metadata pointer is a key in the
//             meta store, so that a job's commit of it is part of the job's one journal entry)
//
// Every change is one journal entry and durable when the call returns. Keys: docs/formats/catalog-keys.md.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/environment.h"
#include "log/store.h"
#include "plan/catalog_view.h"

namespace firn::iceberg {
class Catalog;
}

namespace firn::objectstore {
class ObjectStore;
}

namespace firn::catalog {

inline constexpr const char* kDefaultCatalog = "default_catalog";
inline constexpr const char* kDefaultDatabase = "default_database";
/// The database of system tables: `sys.jobs` is found from any catalog that has no database of that name.
inline constexpr const char* kSystemDatabase = "sys";

enum class IfExists { kFail, kIgnore };
enum class IfMissing { kFail, kIgnore };
enum class DropMode { kRestrict, kCascade };

struct CatalogInfo {
  std::string name;
  std::map<std::string, std::string> options;
  std::string comment;
};

/// Gives the system tables and answers what they hold; implemented by who knows jobs and groups.
class SystemTables {
 public:
  virtual ~SystemTables() = default;
  virtual std::vector<std::string> Names() const = 0;
  /// kTableNotFound if there is none of that name.
  virtual Result<plan::TableDefinitionPtr> Find(const std::string& name) const = 0;
};

/// Thread-safe; blocks on the journal and on files.
class Catalogs : public plan::CatalogView {
 public:
  /// Reads what the meta store holds; makes the default catalog. `data_directory`: embedded tables live in its `warehouse`, named by absolute paths.
  static Result<std::unique_ptr<Catalogs>> Open(const io::Environment& environment, log::Store& store, const std::string& data_directory,
                                                const SystemTables& system_tables);
  ~Catalogs() override;

  // Catalogs. Options: 'type'='iceberg' (with 'catalog-type'='hadoop' and 'warehouse', or embedded) or 'generic_in_memory'.
  Status CreateCatalog(CatalogInfo catalog, IfExists if_exists);  // a relative warehouse begins in the process's folder, and is kept as absolute
  Status DropCatalog(const std::string& name, IfMissing if_missing);
  std::vector<CatalogInfo> ListCatalogs() const;
  Result<CatalogInfo> FindCatalog(const std::string& name) const;

  // Databases.
  Status CreateDatabase(const std::string& catalog, const std::string& database, const std::map<std::string, std::string>& properties,
                        IfExists if_exists);
  Status DropDatabase(const std::string& catalog, const std::string& database, IfMissing if_missing, DropMode mode);
  Result<std::vector<std::string>> ListDatabases(const std::string& catalog) const;
  Result<bool> HasDatabase(const std::string& catalog, const std::string& database) const;
  /// kDatabaseNotFound with near names if it has not, kCatalogNotFound.
  Status RequireDatabase(const std::string& catalog, const std::string& database) const;

  // Tables and views.
  Status CreateTable(plan::TableDefinition table, IfExists if_exists);
  Status DropTable(const plan::ObjectPath& path, plan::TableKind kind, IfMissing if_missing);
  Status RenameTable(const plan::ObjectPath& from, const std::string& to);
  /// Replaces the definition: options, columns. An Iceberg table gets the difference as schema and property updates.
  Status AlterTable(const plan::TableDefinition& table);
  /// Names, sorted; tables and views, or views only.
  Result<std::vector<std::string>> ListTables(const std::string& catalog, const std::string& database) const;
  Result<std::vector<std::string>> ListViews(const std::string& catalog, const std::string& database) const;

  Result<plan::TableDefinitionPtr> FindTable(const plan::ObjectPath& path) const override;
  Result<plan::TableDefinitionPtr> AsChosen(plan::TableDefinitionPtr table) const override;

  /// The Iceberg catalog of that name; kCatalogNotFound, or kInvalidArgument if it is of another kind.
  Result<std::shared_ptr<iceberg::Catalog>> IcebergCatalog(const std::string& name) const;
  /// Where the files of all Iceberg tables are read and written by the locations that metadata gives them; those of the node's own warehouse also where they were named when the
  /// data directory lay elsewhere.
  objectstore::ObjectStore& objects() const;

 private:
  struct Impl;
  Status DropHeld(const plan::ObjectPath& path, plan::TableKind kind, IfMissing if_missing);
  explicit Catalogs(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace firn::catalog
