// SPDX-License-Identifier: Apache-2.0
// Catalogs on a simulated node: what a change promised is there after the power failed, and who is second is told so.
#include "catalog/catalogs.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <optional>

#include "base/must.h"
#include "catalog/catalog_keys.h"
#include "catalog/definition_json.h"
#include "catalog/embedded_catalog.h"
#include "catalog/journal_wait.h"
#include "iceberg/catalog.h"
#include "io/file_system.h"
#include "io/random.h"
#include "io/real_environment.h"
#include "io/simulated_environment.h"

namespace firn::catalog {
namespace {

using iceberg::CommitOutcome;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const log::StoreOptions kSmall{.journal_file_bytes = 256 << 10, .journal_limit_bytes = 1 << 20, .memory_limit_bytes = 256 << 10, .max_entry_bytes = 1 << 20};

class OneSystemTable final : public SystemTables {
 public:
  std::vector<std::string> Names() const override { return {"jobs"}; }
  Result<plan::TableDefinitionPtr> Find(const std::string& name) const override {
    if (name != "jobs") return Error(ErrorCode::kTableNotFound, "there is no system table " + name);
    auto table = std::make_shared<plan::TableDefinition>();
    table->path = {"any", kSystemDatabase, name};
    return plan::TableDefinitionPtr(std::move(table));
  }
};

std::optional<ErrorCode> CodeOf(const Status& status) { return status.ok() ? std::nullopt : std::optional(status.error().code()); }

class CatalogsTest : public testing::Test {
 protected:
  CatalogsTest() { Open(); }

  void Open() {
    auto store = log::Store::Open(world_.environment(), "/data", kSmall);
    ASSERT_TRUE(store.ok()) << store.error().ToString();
    store_ = std::move(store).value();
    auto catalogs = Catalogs::Open(world_.environment(), *store_, "/data", system_tables_);
    ASSERT_TRUE(catalogs.ok()) << catalogs.error().ToString();
    catalogs_ = std::move(catalogs).value();
  }
  void FailPowerAndReopen() {
    world_.disk().Crash();
    catalogs_.reset();
    store_.reset();
    world_.Restart(io::CrashKind::kPowerLoss);
    Open();
  }

  static plan::TableDefinition Table(const std::string& catalog, const std::string& database, const std::string& name) {
    plan::TableDefinition table;
    table.path = {catalog, database, name};
    table.columns = {{.name = "id", .type = types::DataType::BigInt()}, {.name = "v", .type = types::DataType::String(), .comment = "a text"}};
    return table;
  }
  static plan::TableDefinition Generic(const std::string& name) {
    plan::TableDefinition table = Table(kDefaultCatalog, kDefaultDatabase, name);
    table.options = {{"connector", "datagen"}, {"number-of-rows", "1"}};
    table.connector = "datagen";
    return table;
  }
  static plan::ObjectPath At(const std::string& name) { return {kDefaultCatalog, kDefaultDatabase, name}; }

  void MakeLake() {
    ASSERT_TRUE(catalogs_->CreateCatalog({"lake", {{"type", "iceberg"}}, ""}, IfExists::kFail).ok());
    ASSERT_TRUE(catalogs_->CreateDatabase("lake", "db", {}, IfExists::kFail).ok());
    ASSERT_TRUE(catalogs_->CreateTable(Table("lake", "db", "t"), IfExists::kFail).ok());
  }
  std::shared_ptr<iceberg::Catalog> Lake() { return catalogs_->IcebergCatalog("lake").value(); }

  static iceberg::TableChange Setting(const std::string& key, const std::string& value) { return {{}, {iceberg::SetProperties{{{key, value}}}}}; }

  io::SimulatedEnvironment world_{7};
  OneSystemTable system_tables_;
  std::unique_ptr<log::Store> store_;
  std::unique_ptr<Catalogs> catalogs_;
};

TEST_F(CatalogsTest, CatalogsAndDatabasesComeAndGo) {
  EXPECT_EQ(catalogs_->ListCatalogs().size(), 1u);
  const CatalogInfo other{"other", {{"type", "generic_in_memory"}}, "mine"};
  ASSERT_TRUE(catalogs_->CreateCatalog(other, IfExists::kFail).ok());
  EXPECT_EQ(CodeOf(catalogs_->CreateCatalog(other, IfExists::kFail)), ErrorCode::kObjectExists);
  EXPECT_TRUE(catalogs_->CreateCatalog(other, IfExists::kIgnore).ok());
  ASSERT_TRUE(catalogs_->CreateDatabase("other", "db", {}, IfExists::kFail).ok());
  EXPECT_EQ(CodeOf(catalogs_->CreateDatabase("other", "db", {}, IfExists::kFail)), ErrorCode::kObjectExists);
  EXPECT_TRUE(catalogs_->CreateDatabase("other", "db", {}, IfExists::kIgnore).ok());
  FailPowerAndReopen();
  EXPECT_EQ(catalogs_->FindCatalog("other")->comment, "mine");
  EXPECT_THAT(catalogs_->ListDatabases("other").value(), ElementsAre("db"));
  EXPECT_THAT(catalogs_->ListDatabases(kDefaultCatalog).value(), ElementsAre(kDefaultDatabase));
  ASSERT_TRUE(catalogs_->DropDatabase("other", "db", IfMissing::kFail, DropMode::kRestrict).ok());
  ASSERT_TRUE(catalogs_->DropCatalog("other", IfMissing::kFail).ok());
  EXPECT_EQ(CodeOf(catalogs_->DropCatalog("other", IfMissing::kFail)), ErrorCode::kCatalogNotFound);
  EXPECT_TRUE(catalogs_->DropCatalog("other", IfMissing::kIgnore).ok());
  EXPECT_EQ(CodeOf(catalogs_->DropCatalog(kDefaultCatalog, IfMissing::kFail)), ErrorCode::kInvalidArgument);
}

TEST_F(CatalogsTest, OptionsOfACatalogAreChecked) {
  const auto code = [&](std::map<std::string, std::string> options) { return CodeOf(catalogs_->CreateCatalog({"c", std::move(options), ""}, IfExists::kFail)); };
  EXPECT_EQ(code({}), ErrorCode::kInvalidOption);
  EXPECT_EQ(code({{"type", "icebreg"}}), ErrorCode::kInvalidOption);
  EXPECT_EQ(code({{"type", "iceberg"}, {"catalog-type", "hive"}}), ErrorCode::kNotSupported);
  EXPECT_EQ(code({{"type", "iceberg"}, {"catalog-type", "hadoop"}}), ErrorCode::kInvalidOption);
  EXPECT_EQ(code({{"type", "iceberg"}, {"catalog-type", "hadoop"}, {"warehouse", "s3://b/w"}}), ErrorCode::kNotSupported);
  EXPECT_EQ(CodeOf(catalogs_->CreateCatalog({"a\nb", {{"type", "iceberg"}}, ""}, IfExists::kFail)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(catalogs_->ListCatalogs().size(), 1u);  // none of them was made
}

TEST_F(CatalogsTest, NamesThatDoNotExistAreSaidWithNearOnes) {
  ASSERT_TRUE(catalogs_->CreateTable(Generic("trades"), IfExists::kFail).ok());
  auto table = catalogs_->FindTable(At("trade"));
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.error().code(), ErrorCode::kTableNotFound);
  EXPECT_THAT(table.error().candidates(), Contains("trades"));
  EXPECT_EQ(catalogs_->FindTable({kDefaultCatalog, "nodb", "t"}).error().code(), ErrorCode::kDatabaseNotFound);
  EXPECT_EQ(catalogs_->FindTable({"default_katalog", "db", "t"}).error().code(), ErrorCode::kCatalogNotFound);
  EXPECT_THAT(catalogs_->FindTable({"default_katalog", "db", "t"}).error().candidates(), Contains(kDefaultCatalog));
  EXPECT_EQ(CodeOf(catalogs_->DropTable(At("trade"), plan::TableKind::kTable, IfMissing::kFail)), ErrorCode::kTableNotFound);
  EXPECT_TRUE(catalogs_->DropTable(At("trade"), plan::TableKind::kTable, IfMissing::kIgnore).ok());
  EXPECT_EQ(CodeOf(catalogs_->RenameTable(At("trade"), "x")), ErrorCode::kTableNotFound);
  EXPECT_EQ(CodeOf(catalogs_->AlterTable(Generic("trade"))), ErrorCode::kTableNotFound);
  EXPECT_EQ(CodeOf(catalogs_->DropDatabase(kDefaultCatalog, "nodb", IfMissing::kFail, DropMode::kCascade)), ErrorCode::kDatabaseNotFound);
  EXPECT_TRUE(catalogs_->DropDatabase(kDefaultCatalog, "nodb", IfMissing::kIgnore, DropMode::kCascade).ok());
  EXPECT_EQ(catalogs_->IcebergCatalog(kDefaultCatalog).error().code(), ErrorCode::kInvalidArgument);
  // The system's tables are found from any catalog that has no database of their name.
  EXPECT_TRUE(catalogs_->FindTable({kDefaultCatalog, kSystemDatabase, "jobs"}).ok());
  EXPECT_THAT(catalogs_->ListTables(kDefaultCatalog, kSystemDatabase).value(), ElementsAre("jobs"));
}

TEST_F(CatalogsTest, TablesAndViewsSurvive) {
  ASSERT_TRUE(catalogs_->CreateTable(Generic("a"), IfExists::kFail).ok());
  EXPECT_EQ(CodeOf(catalogs_->CreateTable(Generic("a"), IfExists::kFail)), ErrorCode::kObjectExists);
  EXPECT_TRUE(catalogs_->CreateTable(Generic("a"), IfExists::kIgnore).ok());
  plan::TableDefinition view = Table(kDefaultCatalog, kDefaultDatabase, "w");
  view.kind = plan::TableKind::kView;
  view.view_query = "SELECT id, v FROM a";
  ASSERT_TRUE(catalogs_->CreateTable(view, IfExists::kFail).ok());
  ASSERT_TRUE(catalogs_->RenameTable(At("a"), "b").ok());
  EXPECT_EQ(CodeOf(catalogs_->RenameTable(At("b"), "w")), ErrorCode::kObjectExists);
  plan::TableDefinition altered = *catalogs_->FindTable(At("b")).value();
  altered.options["number-of-rows"] = "2";
  ASSERT_TRUE(catalogs_->AlterTable(altered).ok());
  FailPowerAndReopen();
  EXPECT_THAT(catalogs_->ListTables(kDefaultCatalog, kDefaultDatabase).value(), ElementsAre("b", "w"));
  EXPECT_THAT(catalogs_->ListViews(kDefaultCatalog, kDefaultDatabase).value(), ElementsAre("w"));
  const plan::TableDefinitionPtr b = catalogs_->FindTable(At("b")).value();
  EXPECT_EQ(b->path.name, "b");
  EXPECT_EQ(b->Option("number-of-rows"), "2");
  EXPECT_EQ(b->columns[1].comment, "a text");
  EXPECT_EQ(catalogs_->FindTable(At("w")).value()->view_query, view.view_query);
  EXPECT_EQ(CodeOf(catalogs_->DropTable(At("w"), plan::TableKind::kTable, IfMissing::kFail)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(catalogs_->DropTable(At("b"), plan::TableKind::kView, IfMissing::kFail)), ErrorCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(catalogs_->DropDatabase(kDefaultCatalog, kDefaultDatabase, IfMissing::kFail, DropMode::kRestrict)), ErrorCode::kNamespaceNotEmpty);
  ASSERT_TRUE(catalogs_->DropDatabase(kDefaultCatalog, kDefaultDatabase, IfMissing::kFail, DropMode::kCascade).ok());
  ASSERT_TRUE(catalogs_->CreateDatabase(kDefaultCatalog, kDefaultDatabase, {}, IfExists::kFail).ok());
  EXPECT_THAT(catalogs_->ListTables(kDefaultCatalog, kDefaultDatabase).value(), IsEmpty());
}

// What cannot be read is there all the same: no other table takes its name.
TEST_F(CatalogsTest, AStoredTableThatCannotBeReadKeepsItsName) {
  ASSERT_TRUE(catalogs_->CreateTable(Generic("a"), IfExists::kFail).ok());
  ASSERT_TRUE(AppendAndWait(world_.executor(), store_->journal(), {log::Put{TableKey(kDefaultCatalog, kDefaultDatabase, "b"), "{}"}}).ok());
  EXPECT_EQ(catalogs_->FindTable(At("b")).error().code(), ErrorCode::kCorruption);
  EXPECT_EQ(CodeOf(catalogs_->RenameTable(At("a"), "b")), ErrorCode::kCorruption);
  EXPECT_EQ(CodeOf(catalogs_->CreateTable(Generic("b"), IfExists::kFail)), ErrorCode::kCorruption);
  EXPECT_TRUE(catalogs_->FindTable(At("a")).ok());
}

TEST_F(CatalogsTest, ADefinitionOfImpossibleTypesIsCorrupt) {
  std::string stored = EncodeDefinition(Generic("a"));
  ASSERT_TRUE(DecodeDefinition(stored).ok());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = stored;
    changed.replace(changed.find(from), from.size(), to);
    const auto decoded = DecodeDefinition(changed);
    return decoded.ok() ? "read" : decoded.error().ToString();
  };
  EXPECT_THAT(with(R"("kind":"bigint")", R"("kind":"decimal")"), HasSubstr("precision 0, scale 0"));
  EXPECT_THAT(with(R"("kind":"bigint")", R"("kind":"timestamp","precision":10)"), HasSubstr("precision 10"));
  EXPECT_THAT(with(R"("kind":"bigint")", R"("kind":"array")"), HasSubstr("E1005"));
  EXPECT_THAT(with(R"("kind":"physical")", R"("kind":"imaginary")"), HasSubstr("column kind \"imaginary\""));
}

TEST_F(CatalogsTest, AFormatVersionIsAWholeNumber) {
  MakeLake();
  plan::TableDefinition table = *catalogs_->FindTable({"lake", "db", "t"}).value();
  table.options["format-version"] = "2x";
  EXPECT_EQ(CodeOf(catalogs_->AlterTable(table)), ErrorCode::kInvalidOption);
}

TEST_F(CatalogsTest, AnIcebergTableIsMadeAlteredAndFound) {
  MakeLake();
  plan::TableDefinition altered = *catalogs_->FindTable({"lake", "db", "t"}).value();
  EXPECT_EQ(altered.connector, "iceberg");
  altered.columns.push_back({.name = "n", .type = types::DataType::Int()});
  altered.options["history.expire.max-snapshot-age-ms"] = "5";
  ASSERT_TRUE(catalogs_->AlterTable(altered).ok());
  ASSERT_TRUE(catalogs_->RenameTable({"lake", "db", "t"}, "u").ok());
  FailPowerAndReopen();
  const plan::TableDefinitionPtr found = catalogs_->FindTable({"lake", "db", "u"}).value();
  ASSERT_EQ(found->columns.size(), 3u);
  EXPECT_EQ(found->columns[2].name, "n");
  EXPECT_EQ(found->Option("history.expire.max-snapshot-age-ms"), "5");
  EXPECT_TRUE(catalogs_->FindTable({"lake", "db", "u$snapshots"}).ok());
  EXPECT_EQ(catalogs_->FindTable({"lake", "db", "t$snapshots"}).error().code(), ErrorCode::kTableNotFound);
  EXPECT_EQ(CodeOf(catalogs_->CreateTable(Table("lake", "db", "u"), IfExists::kFail)), ErrorCode::kObjectExists);
  plan::TableDefinition computed = Table("lake", "db", "c");
  computed.columns.push_back({.name = "x", .type = types::DataType::BigInt(), .kind = plan::ColumnKind::kComputed, .expression = "id + 1"});
  EXPECT_EQ(CodeOf(catalogs_->CreateTable(computed, IfExists::kFail)), ErrorCode::kInvalidDefinition);
  const std::string folder = Lake()->LoadTable({"db", "u"})->metadata->location;
  ASSERT_TRUE(catalogs_->DropTable({"lake", "db", "u"}, plan::TableKind::kTable, IfMissing::kFail).ok());
  EXPECT_FALSE(world_.disk().Exists(folder));
  EXPECT_THAT(catalogs_->ListTables("lake", "db").value(), IsEmpty());
}

TEST_F(CatalogsTest, WhoIsSecondMustLookAgain) {
  MakeLake();
  const iceberg::TableIdentifier identifier{"db", "t"};
  const auto lake = Lake();
  const iceberg::Table base = lake->LoadTable(identifier).value();
  const iceberg::PreparedCommit one = lake->PrepareCommit(base, Setting("who", "one")).value();
  const iceberg::PreparedCommit two = lake->PrepareCommit(base, Setting("who", "two")).value();
  EXPECT_EQ(lake->PublishCommit(two)->outcome, CommitOutcome::kCommitted);
  const iceberg::CommitResult lost = lake->PublishCommit(one).value();
  EXPECT_EQ(lost.outcome, CommitOutcome::kConflict);
  EXPECT_THAT(lost.reason, HasSubstr("db.t"));
  lake->AbandonCommit(one);
  EXPECT_FALSE(world_.disk().Exists(one.metadata_location));
  EXPECT_EQ(lake->LoadTable(identifier)->metadata->Property("who", ""), "two");

  // A requirement that does not hold is a conflict for good; one that does is committed on whatever the table has become.
  iceberg::TableChange change = Setting("who", "three");
  change.requirements.push_back(iceberg::AssertTableUuid{"another table"});
  EXPECT_EQ(lake->CommitTable(identifier, change)->outcome, CommitOutcome::kConflict);
  change.requirements = {iceberg::AssertTableUuid{base.metadata->table_uuid}, iceberg::AssertRefSnapshotId{"main", std::nullopt}};
  EXPECT_EQ(lake->CommitTable(identifier, change)->outcome, CommitOutcome::kCommitted);
  change.requirements = {iceberg::AssertRefSnapshotId{"main", 5}};
  EXPECT_EQ(lake->CommitTable(identifier, change)->outcome, CommitOutcome::kConflict);
  FailPowerAndReopen();
  EXPECT_EQ(Lake()->LoadTable(identifier)->metadata->Property("who", ""), "three");
  EXPECT_EQ(Lake()->CommitTable({"db", "none"}, change).error().code(), ErrorCode::kTableNotFound);
}

// A checkpoint's entry moves the pointer: with all else in the entry, or not at all.
TEST_F(CatalogsTest, ThePointerMovesWithTheEntryThatHoldsIt) {
  MakeLake();
  const iceberg::TableIdentifier identifier{"db", "t"};
  auto* embedded = dynamic_cast<EmbeddedCatalog*>(Lake().get());
  ASSERT_NE(embedded, nullptr);
  embedded->Reserve(identifier);
  const iceberg::PreparedCommit prepared = embedded->PrepareCommit(embedded->LoadTable(identifier).value(), Setting("by", "a checkpoint")).value();
  EXPECT_EQ(embedded->LoadTable(identifier)->metadata->Property("by", ""), "");
  std::optional<Status> outcome;
  store_->journal().Append({embedded->PublishOperation(prepared), log::Put{"job/x", "1"}}, [&](const Result<log::Committed>& committed) { outcome = committed.ok() ? Ok() : Status(committed.error()); });
  ASSERT_TRUE(world_.executor().StepUntil([&] { return outcome.has_value(); }));
  ASSERT_TRUE(outcome->ok()) << outcome->error().ToString();
  embedded->Release(identifier);
  EXPECT_EQ(embedded->LoadTable(identifier)->metadata->Property("by", ""), "a checkpoint");
  FailPowerAndReopen();
  EXPECT_EQ(store_->meta().Get("job/x"), "1");
  EXPECT_EQ(Lake()->LoadTable(identifier)->metadata_location, prepared.metadata_location);
}

// Jobs share threads: none waits for a table, and one that writes it twice in an entry builds the second commit on the first.
TEST_F(CatalogsTest, JobsTakeTurnsAtATable) {
  MakeLake();
  const iceberg::TableIdentifier identifier{"db", "t"};
  auto* embedded = dynamic_cast<EmbeddedCatalog*>(Lake().get());
  ASSERT_NE(embedded, nullptr);
  ASSERT_TRUE(embedded->TryReserve(identifier, "one"));
  EXPECT_FALSE(embedded->TryReserve(identifier, "two"));
  ASSERT_TRUE(embedded->TryReserve(identifier, "one"));
  embedded->KeepPrepared(embedded->PrepareCommit(embedded->LoadReserved(identifier).value(), Setting("first", "1")).value());
  const iceberg::PreparedCommit second = embedded->PrepareCommit(embedded->LoadReserved(identifier).value(), Setting("second", "2")).value();
  EXPECT_EQ(second.metadata->Property("first", ""), "1");
  EXPECT_EQ(second.metadata->Property("second", ""), "2");
  EXPECT_EQ(embedded->LoadTable(identifier)->metadata->Property("first", ""), "");
  embedded->Release(identifier);
  EXPECT_FALSE(embedded->TryReserve(identifier, "two"));
  embedded->Release(identifier);
  ASSERT_TRUE(embedded->TryReserve(identifier, "two"));
  EXPECT_EQ(embedded->LoadReserved(identifier)->metadata->Property("first", ""), "");  // what came of it is not in the journal
  embedded->Release(identifier);
}

// A table that comes into being under a name while another is renamed to it would be lost.
TEST_F(CatalogsTest, ARenameHoldsBothNames) {
  MakeLake();
  const iceberg::TableIdentifier from{"db", "t"}, to{"db", "u"};
  const auto lake = Lake();
  auto* embedded = dynamic_cast<EmbeddedCatalog*>(lake.get());
  for (const iceberg::TableIdentifier& held : {from, to}) {
    embedded->Reserve(held);
    auto renamed = std::async(std::launch::async, [&] { return CodeOf(lake->RenameTable(from, to)); });
    EXPECT_EQ(renamed.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
    embedded->Release(held);
    EXPECT_EQ(renamed.get(), std::nullopt);
    ASSERT_TRUE(lake->RenameTable(to, from).ok());
  }
  EXPECT_EQ(CodeOf(lake->RenameTable(from, from)), ErrorCode::kObjectExists);
}

// Two sessions make one name at once: one of them has made it, the other is told so, and nothing of the first is replaced.
TEST(CatalogsAtOnce, ANameIsMadeOnce) {
  io::RealEnvironment real = Must(io::RealEnvironment::Make());
  const io::Environment environment = real.environment();
  const std::string folder = testing::TempDir() + "firn-catalogs-" + environment.random.UuidText();
  const OneSystemTable system_tables;
  auto store = log::Store::Open(environment, folder, kSmall);
  ASSERT_TRUE(store.ok()) << store.error().ToString();
  auto catalogs = Catalogs::Open(environment, **store, folder, system_tables);
  ASSERT_TRUE(catalogs.ok()) << catalogs.error().ToString();
  const auto made_by = [](const std::function<Status()>& make) {
    std::vector<std::future<Status>> makers;
    for (int i = 0; i < 4; ++i) makers.push_back(std::async(std::launch::async, make));
    return std::count_if(makers.begin(), makers.end(), [](std::future<Status>& maker) { return maker.get().ok(); });
  };
  for (int i = 0; i < 10; ++i) {
    const std::string name = "c" + std::to_string(i);
    EXPECT_EQ(made_by([&] { return (*catalogs)->CreateCatalog({name, {{"type", "generic_in_memory"}}, ""}, IfExists::kFail); }), 1);
    EXPECT_EQ(made_by([&] { return (*catalogs)->CreateDatabase(name, "db", {}, IfExists::kFail); }), 1);
    plan::TableDefinition view;
    view.path = {name, "db", "v"};
    view.kind = plan::TableKind::kView;
    EXPECT_EQ(made_by([&] { return (*catalogs)->CreateTable(view, IfExists::kFail); }), 1);
  }
  (*catalogs).reset();
  (*store).reset();
  ASSERT_TRUE(environment.files.RemoveAll(folder).ok());
}

// Forgotten, not deleted: a catalog made again under its name has its tables.
TEST_F(CatalogsTest, ADroppedIcebergCatalogKeepsItsTables) {
  MakeLake();
  ASSERT_TRUE(catalogs_->DropCatalog("lake", IfMissing::kFail).ok());
  EXPECT_EQ(catalogs_->FindTable({"lake", "db", "t"}).error().code(), ErrorCode::kCatalogNotFound);
  ASSERT_TRUE(catalogs_->CreateCatalog({"lake", {{"type", "iceberg"}}, ""}, IfExists::kFail).ok());
  EXPECT_THAT(catalogs_->ListTables("lake", "db").value(), ElementsAre("t"));
  EXPECT_EQ(CodeOf(catalogs_->DropDatabase("lake", "db", IfMissing::kFail, DropMode::kRestrict)), ErrorCode::kNamespaceNotEmpty);
}

}  // namespace
}  // namespace firn::catalog
