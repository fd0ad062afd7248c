// SPDX-License-Identifier: Apache-2.0
// What every Iceberg catalog does, owned here and implemented by the Hadoop catalog (hadoop_catalog.h), the node's embedded one and foreign ones.
//
// A commit has two steps, so that a job's checkpoint can carry the second in its own journal entry:
//   1. PrepareCommit: checks the requirements, makes the new metadata and writes what can be written without anybody seeing it.
//   2. PublishCommit: swaps the table's pointer, atomically, if it still is what the prepared commit was based on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/table_metadata.h"
#include "iceberg/table_update.h"

namespace firn::iceberg {

struct TableIdentifier {
  std::string database;
  std::string name;
  std::string ToString() const { return database + "." + name; }
  auto operator<=>(const TableIdentifier&) const = default;
};

/// A table as it was when it was loaded. A value; share it freely.
struct Table {
  TableIdentifier identifier;
  std::string metadata_location;
  TableMetadataPtr metadata;
};

struct CreateTableRequest {
  Schema schema;                                          // gets fresh ids
  std::vector<PartitionFieldDefinition> partitioning;
  std::map<std::string, std::string> properties;          // "format-version" is taken out and obeyed; "location" likewise
  std::string location;                                   // empty: the catalog's choice
};

struct PreparedCommit {
  TableIdentifier identifier;
  std::string base_metadata_location;                     // empty: the table is to be created
  std::string metadata_location;                          // where the new metadata is, or will be when published
  TableMetadataPtr metadata;
  std::vector<std::string> files_written;                 // by PrepareCommit, to be removed if the commit is given up
};

enum class CommitOutcome {
  kCommitted,
  kConflict,  // surely not committed: somebody else was first
  kUnknown,   // may or may not be committed: look, never clean up
};

struct CommitResult {
  CommitOutcome outcome = CommitOutcome::kCommitted;
  std::string reason;                                     // of a conflict or an unknown outcome
  Table table;                                            // kCommitted: the new state
};

/// Thread-safe. Every call may block.
class Catalog {
 public:
  virtual ~Catalog() = default;

  virtual Result<std::vector<std::string>> ListNamespaces() = 0;
  virtual Result<bool> NamespaceExists(const std::string& database) = 0;
  /// kObjectExists.
  virtual Status CreateNamespace(const std::string& database, const std::map<std::string, std::string>& properties) = 0;
  /// kDatabaseNotFound, kNamespaceNotEmpty.
  virtual Status DropNamespace(const std::string& database) = 0;

  /// kDatabaseNotFound.
  virtual Result<std::vector<std::string>> ListTables(const std::string& database) = 0;
  /// kDatabaseNotFound, kObjectExists.
  virtual Result<Table> CreateTable(const TableIdentifier& identifier, const CreateTableRequest& request) = 0;
  /// kTableNotFound (with near names), kDatabaseNotFound.
  virtual Result<Table> LoadTable(const TableIdentifier& identifier) = 0;
  /// kTableNotFound. `purge`: data files too; a catalog that owns its folders may delete them in any case.
  virtual Status DropTable(const TableIdentifier& identifier, bool purge) = 0;
  virtual Status RenameTable(const TableIdentifier& from, const TableIdentifier& to) = 0;

  /// kCommitConflict if a requirement does not hold of `base`.
  virtual Result<PreparedCommit> PrepareCommit(const Table& base, const TableChange& change) = 0;
  /// Makes the commit visible if the table is still at its base. An error means: surely not committed, and not for a conflict.
  virtual Result<CommitResult> PublishCommit(const PreparedCommit& prepared) = 0;
  /// Removes what PrepareCommit wrote. Only for commits that surely were not published.
  virtual void AbandonCommit(const PreparedCommit& prepared) = 0;

  /// Loads, prepares and publishes; tries again while only the base has moved and the requirements hold. A failed requirement is a kConflict.
  Result<CommitResult> CommitTable(const TableIdentifier& identifier, const TableChange& change);
};

/// The metadata of a new table: fresh field ids, spec, unsorted order, properties. kInvalidOption, kInvalidDefinition.
Result<TableMetadata> NewTableMetadata(const CreateTableRequest& request, const std::string& location, const std::string& uuid, int64_t now_ms);

}  // namespace firn::iceberg
