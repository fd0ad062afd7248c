// SPDX-License-Identifier: Apache-2.0
// The node's own Iceberg catalog: a table's pointer to its metadata file is a key in the meta store. A job's sink does not publish by itself: it
// reserves the table, puts the pointer's change into the checkpoint's journal entry, and releases the table when the entry is durable.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "iceberg/catalog.h"
#include "io/environment.h"
#include "log/journal.h"
#include "log/store.h"

namespace firn::objectstore {
class ObjectStore;
}

namespace firn::catalog {

/// Thread-safe.
class EmbeddedCatalog final : public iceberg::Catalog {
 public:
  /// Tables live below `warehouse`. All references must outlive the catalog.
  EmbeddedCatalog(const io::Environment& environment, log::Store& store, objectstore::ObjectStore& objects, std::string name, std::string warehouse);

  Result<std::vector<std::string>> ListNamespaces() override;
  Result<bool> NamespaceExists(const std::string& database) override;
  Status CreateNamespace(const std::string& database, const std::map<std::string, std::string>& properties) override;
  Status DropNamespace(const std::string& database) override;
  Result<std::vector<std::string>> ListTables(const std::string& database) override;
  Result<iceberg::Table> CreateTable(const iceberg::TableIdentifier& identifier, const iceberg::CreateTableRequest& request) override;
  Result<iceberg::Table> LoadTable(const iceberg::TableIdentifier& identifier) override;
  Status DropTable(const iceberg::TableIdentifier& identifier, bool purge) override;
  Status RenameTable(const iceberg::TableIdentifier& from, const iceberg::TableIdentifier& to) override;
  Result<iceberg::PreparedCommit> PrepareCommit(const iceberg::Table& base, const iceberg::TableChange& change) override;
  Result<iceberg::CommitResult> PublishCommit(const iceberg::PreparedCommit& prepared) override;
  void AbandonCommit(const iceberg::PreparedCommit& prepared) override;

  /// Keeps all others from publishing to the table until Release; false if another does so. Who has it may have it again, and releases it as often. Never waits:
  /// jobs that commit share threads, so one that waited could keep the one it waits for from ending.
  bool TryReserve(const iceberg::TableIdentifier& identifier, const std::string& owner);
  /// Waits, for who has a thread of its own; a job must not.
  void Reserve(const iceberg::TableIdentifier& identifier);
  void Release(const iceberg::TableIdentifier& identifier);
  /// The table as who has reserved it will leave it: what it has prepared last, else what is published.
  Result<iceberg::Table> LoadReserved(const iceberg::TableIdentifier& identifier);
  void KeepPrepared(const iceberg::PreparedCommit& prepared);
  /// The pointer's change, for somebody who has reserved the table and prepared on its newest state.
  log::Operation PublishOperation(const iceberg::PreparedCommit& prepared) const;

 private:
  struct Holding {
    std::string owner;
    int count = 0;
    std::optional<iceberg::Table> prepared;
  };
  std::string PointerOf(const iceberg::TableIdentifier& identifier) const;

  const io::Environment environment_;
  log::Store& store_;
  objectstore::ObjectStore& objects_;
  const std::string name_;
  const std::string warehouse_;
  base::Mutex mutex_;
  base::ConditionVariable released_;
  std::map<iceberg::TableIdentifier, Holding> reserved_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::catalog
