// SPDX-License-Identifier: Apache-2.0
// A catalog whose answer to a commit is lost: whether it was made is looked up, and nothing is cleaned up while it is not known. And one that always says no.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_render.h"
#include "iceberg/test_table_internal.h"

namespace firn::iceberg {
namespace {

/// Hands everything on; of a publication either the answer or the request itself is lost, or another writer is faster each time.
class LossyCatalog final : public Catalog {
 public:
  enum class Lost { kAnswer, kRequest, kRace };
  LossyCatalog(Catalog& inner, Lost lost) : inner_(inner), lost_(lost) {}

  Result<std::vector<std::string>> ListNamespaces() override { return inner_.ListNamespaces(); }
  Result<bool> NamespaceExists(const std::string& database) override { return inner_.NamespaceExists(database); }
  Status CreateNamespace(const std::string& database, const std::map<std::string, std::string>& properties) override { return inner_.CreateNamespace(database, properties); }
  Status DropNamespace(const std::string& database) override { return inner_.DropNamespace(database); }
  Result<std::vector<std::string>> ListTables(const std::string& database) override { return inner_.ListTables(database); }
  Result<Table> CreateTable(const TableIdentifier& identifier, const CreateTableRequest& request) override { return inner_.CreateTable(identifier, request); }
  Result<Table> LoadTable(const TableIdentifier& identifier) override { return inner_.LoadTable(identifier); }
  Status DropTable(const TableIdentifier& identifier, bool purge) override { return inner_.DropTable(identifier, purge); }
  Status RenameTable(const TableIdentifier& from, const TableIdentifier& to) override { return inner_.RenameTable(from, to); }
  Result<PreparedCommit> PrepareCommit(const Table& base, const TableChange& change) override { return inner_.PrepareCommit(base, change); }
  Result<CommitResult> PublishCommit(const PreparedCommit& prepared) override {
    if (lost_ == Lost::kAnswer) FIRN_RETURN_IF_ERROR(inner_.PublishCommit(prepared));
    if (lost_ == Lost::kRace) return CommitResult{CommitOutcome::kConflict, "another writer was faster", {}};
    return CommitResult{CommitOutcome::kUnknown, "the connection was lost", {}};
  }
  void AbandonCommit(const PreparedCommit& prepared) override {
    ++abandoned;
    inner_.AbandonCommit(prepared);
  }

  int abandoned = 0;

 private:
  Catalog& inner_;
  const Lost lost_;
};

/// Commits three rows through a catalog that loses something.
Result<Table> Commit(TestWarehouse& warehouse, const Table& table, LossyCatalog& catalog) {
  auto writer = Must(TableWriter::Make(warehouse.store(), warehouse.random(), table.metadata));
  Must(writer->Write(MakeBatch({{"id", types::DataType::BigInt()}}, {Longs({1, 2, 3})})));
  WrittenFiles files;
  files.data_files = Must(writer->Finish());
  SnapshotCommit commit = Must(SnapshotCommit::Make(warehouse.context(), *table.metadata, std::move(files), {}));
  return CommitSnapshot(catalog, table.identifier, commit);
}

TEST(LostReply, ACommitThatWasMadeIsFound) {
  TestWarehouse warehouse;
  const Table table = warehouse.Create("t", {{"id", types::DataType::BigInt()}});
  LossyCatalog catalog(warehouse.catalog(), LossyCatalog::Lost::kAnswer);
  const auto committed = Commit(warehouse, table, catalog);
  ASSERT_TRUE(committed.ok()) << committed.error().ToString();
  EXPECT_EQ(committed->metadata->snapshots.size(), 1u);
  EXPECT_EQ(warehouse.Load("t").metadata->snapshots.size(), 1u);
  EXPECT_EQ(catalog.abandoned, 0);
}

TEST(LostReply, ACommitThatIsNotThereMayStillCome) {
  TestWarehouse warehouse;
  const Table table = warehouse.Create("t", {{"id", types::DataType::BigInt()}});
  LossyCatalog catalog(warehouse.catalog(), LossyCatalog::Lost::kRequest);
  const auto committed = Commit(warehouse, table, catalog);
  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(base::RenderError(committed.error()), "error[E5003]: the outcome of the commit to `db.t` is unknown: the connection was lost\n   = more: firn explain E5003\n");
  EXPECT_EQ(catalog.abandoned, 0);
}

TEST(LostReply, ACommitThatAlwaysLosesIsGivenUp) {
  TestWarehouse warehouse;
  const Table table = warehouse.Create("t", {{"id", types::DataType::BigInt()}});
  LossyCatalog catalog(warehouse.catalog(), LossyCatalog::Lost::kRace);
  const auto committed = Commit(warehouse, table, catalog);
  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(base::RenderError(committed.error()),
            "error[E5002]: the commit to `db.t` lost against other writers 21 times; last: another writer was faster\n"
            "   = help: Raise the table property 'commit.retry.num-retries'.\n   = more: firn explain E5002\n");
  EXPECT_EQ(catalog.abandoned, 21);
}

TEST(LostReply, WhateverTheTableSaysACommitIsGivenUpSomeTime) {
  TestWarehouse warehouse;
  const Table table = warehouse.Create("t", {{"id", types::DataType::BigInt()}}, {}, {}, {{"commit.retry.num-retries", "9223372036854775807"}});
  LossyCatalog catalog(warehouse.catalog(), LossyCatalog::Lost::kRace);
  const auto committed = Commit(warehouse, table, catalog);
  ASSERT_FALSE(committed.ok());
  EXPECT_THAT(committed.error().message(), testing::HasSubstr("lost against other writers 101 times"));
}

}  // namespace
}  // namespace firn::iceberg
