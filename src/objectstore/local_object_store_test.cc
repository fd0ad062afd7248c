// SPDX-License-Identifier: Apache-2.0
// The store's contract, on the real file system and on a simulated disk that loses what was not synced.
#include "objectstore/local_object_store.h"

#include <gmock/gmock.h>

#include <thread>

#include "base/must.h"
#include "io/file_system.h"
#include "io/random.h"
#include "io/real_environment.h"
#include "io/simulated_environment.h"

namespace firn::objectstore {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> LocationsOf(const Result<std::vector<ObjectInfo>>& objects) {
  std::vector<std::string> locations;
  if (!objects.ok()) return {objects.error().ToString()};
  for (const ObjectInfo& object : *objects) locations.push_back(object.location);
  return locations;
}

class LocalObjectStoreTest : public testing::Test {
 protected:
  LocalObjectStoreTest()
      : environment_(real_.environment()),
        folder_(testing::TempDir() + "firn-objects-" + environment_.random.UuidText()),
        store_(MakeLocalObjectStore(environment_.files, environment_.random)) {}
  ~LocalObjectStoreTest() override { (void)environment_.files.RemoveAll(folder_); }

  std::string At(const std::string& name) const { return "file://" + folder_ + "/" + name; }
  std::string Content(const std::string& name) {
    auto bytes = store_->Get(At(name));
    return bytes.ok() ? *bytes : bytes.error().ToString();
  }

  io::RealEnvironment real_ = Must(io::RealEnvironment::Make());
  const io::Environment environment_;
  const std::string folder_;
  const std::unique_ptr<ObjectStore> store_;
};

TEST_F(LocalObjectStoreTest, AFolderThatWasMovedKeepsItsNames) {
  const std::string was = folder_ + "/was";
  const std::string is = folder_ + "/is";
  const auto moved = MakeLocalObjectStore(environment_.files, environment_.random, {{was, is}});
  ASSERT_TRUE(store_->Put(At("is/t/kept"), "one", PutMode::kReplace).ok());
  ASSERT_TRUE(store_->Put(At("was/t/other"), "the original's", PutMode::kReplace).ok());
  ASSERT_TRUE(moved->Put(At("was/t/new"), "two", PutMode::kIfAbsent).ok());
  EXPECT_EQ(moved->Get(was + "/t/kept").value(), "one") << "however it is spelled";
  // What is found below a name has that name: orphans are told from live files so.
  EXPECT_THAT(LocationsOf(moved->List(At("was"))), ElementsAre(At("was/t/kept"), At("was/t/new")));
  EXPECT_THAT(LocationsOf(moved->List(At("is"))), ElementsAre(At("is/t/kept"), At("is/t/new")));
  ASSERT_TRUE(moved->DeleteFolder(At("was/t")).ok());
  EXPECT_THAT(LocationsOf(store_->List(folder_)), ElementsAre(was + "/t/other")) << "the original's files are not its own";
  ASSERT_TRUE(moved->Put(At("was-not/x"), "three", PutMode::kReplace).ok());
  EXPECT_EQ(Content("was-not/x"), "three") << "another folder, whose name begins alike";
}

TEST_F(LocalObjectStoreTest, PutReplacesOrRefuses) {
  ASSERT_TRUE(store_->Put(At("a/b/c"), "one", PutMode::kReplace).ok());
  ASSERT_TRUE(store_->Put(At("a/b/c"), "two", PutMode::kReplace).ok());
  const Status refused = store_->Put(At("a/b/c"), "three", PutMode::kIfAbsent);
  EXPECT_EQ(refused.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(refused.error().message(), HasSubstr(folder_ + "/a/b/c"));
  EXPECT_EQ(Content("a/b/c"), "two");
  ASSERT_TRUE(store_->Put(At("a/b/d"), "", PutMode::kIfAbsent).ok());
  EXPECT_EQ(Content("a/b/d"), "");
  EXPECT_THAT(store_->ListUnfinished(At("a/b")).value(), IsEmpty());  // neither the refused nor the others have left anything
}

// The commit of a Hadoop table: however many try, one wins, and what is there is the winner's.
TEST_F(LocalObjectStoreTest, OneOfManyPutsIfAbsentWins) {
  constexpr int kWriters = 8;
  for (int round = 0; round < 20; ++round) {
    const std::string name = "v" + std::to_string(round);
    std::vector<Status> outcomes(kWriters, Ok());
    std::vector<std::thread> writers;
    for (int i = 0; i < kWriters; ++i) {
      writers.emplace_back([&, i] { outcomes[static_cast<size_t>(i)] = store_->Put(At(name), std::string(1000, static_cast<char>('a' + i)), PutMode::kIfAbsent); });
    }
    for (std::thread& writer : writers) writer.join();
    int winner = -1;
    for (int i = 0; i < kWriters; ++i) {
      const Status& outcome = outcomes[static_cast<size_t>(i)];
      if (!outcome.ok()) {
        EXPECT_EQ(outcome.error().code(), ErrorCode::kAlreadyExists) << outcome.error().ToString();
        continue;
      }
      EXPECT_EQ(winner, -1) << "two won";
      winner = i;
    }
    ASSERT_GE(winner, 0) << "nobody won";
    EXPECT_EQ(Content(name), std::string(1000, static_cast<char>('a' + winner)));
  }
}

TEST_F(LocalObjectStoreTest, RangesEndAtTheEnd) {
  ASSERT_TRUE(store_->Put(At("o"), "0123456789", PutMode::kReplace).ok());
  EXPECT_EQ(store_->GetRange(At("o"), 0, 4).value(), "0123");
  EXPECT_EQ(store_->GetRange(At("o"), 7, 3).value(), "789");
  EXPECT_EQ(store_->GetRange(At("o"), 7, 100).value(), "789");
  EXPECT_EQ(store_->GetRange(At("o"), 10, 1).value(), "");
  EXPECT_EQ(store_->GetRange(At("o"), 1ull << 60, 1).value(), "");
  EXPECT_EQ(store_->GetRange(At("o"), 3, 0).value(), "");
  EXPECT_EQ(store_->Get(At("o"), 10).value(), "0123456789");
  EXPECT_EQ(store_->Get(At("o"), 9).error().code(), ErrorCode::kLimitExceeded);
  const auto reader = store_->Open(At("o")).value();
  EXPECT_EQ(reader->size_bytes(), 10u);
  char out[4] = {'x', 'x', 'x', 'x'};
  EXPECT_EQ(reader->ReadInto(8, out).value(), 2u);
  EXPECT_EQ(std::string_view(out, 4), "89xx");
}

TEST_F(LocalObjectStoreTest, AWriterGrowsAnObjectOrLeavesNothing) {
  {
    auto writer = store_->Create(At("t/big")).value();
    std::string expected;
    for (int i = 0; i < 100; ++i) {  // across the buffer's size, with pieces below and above it
      const std::string piece(static_cast<size_t>(i % 10 == 9 ? 400'000 : 7'000 + i), static_cast<char>('a' + i % 26));
      ASSERT_TRUE(writer->Append(piece).ok());
      expected += piece;
      ASSERT_EQ(writer->size_bytes(), expected.size());
    }
    ASSERT_TRUE(writer->Finish().ok());
    EXPECT_EQ(Content("t/big"), expected);
    EXPECT_EQ(store_->Stat(At("t/big"))->size_bytes, expected.size());
  }
  EXPECT_EQ(store_->Create(At("t/big")).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_TRUE(store_->Exists(At("t/big")).value());
  { ASSERT_TRUE(store_->Create(At("t/given up")).value()->Append("x").ok()); }
  EXPECT_FALSE(store_->Exists(At("t/given up")).value());
}

TEST_F(LocalObjectStoreTest, ListsWhatIsThereAndDeletesIt) {
  for (const char* name : {"t/b/2", "t/a", "t/b/1", "t/b-3", "t/c/d/e", "u"}) ASSERT_TRUE(store_->Put(At(name), name, PutMode::kReplace).ok());
  ASSERT_TRUE(store_->CreateFolder(At("t/empty")).ok());
  ASSERT_TRUE(store_->CreateFolder(At("t/empty")).ok());
  EXPECT_THAT(LocationsOf(store_->List(At("t"))), ElementsAre(At("t/a"), At("t/b-3"), At("t/b/1"), At("t/b/2"), At("t/c/d/e")));
  EXPECT_EQ(store_->List(At("t"))->front().size_bytes, 3u);
  EXPECT_THAT(store_->ListFolders(At("t")).value(), ElementsAre("b", "c", "empty"));
  EXPECT_THAT(LocationsOf(store_->List(At("nowhere"))), IsEmpty());
  EXPECT_EQ(store_->ListFolders(At("nowhere")).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(store_->FolderExists(At("t/empty")).value());
  EXPECT_FALSE(store_->FolderExists(At("t/a")).value());
  EXPECT_FALSE(store_->FolderExists(At("nowhere")).value());
  ASSERT_TRUE(store_->Delete(At("t/a")).ok());
  ASSERT_TRUE(store_->Delete(At("t/a")).ok());  // it is not there: that is what was wanted
  ASSERT_TRUE(store_->DeleteFolder(At("t/b")).ok());
  ASSERT_TRUE(store_->DeleteFolder(At("t/b")).ok());
  EXPECT_THAT(LocationsOf(store_->List(At("t"))), ElementsAre(At("t/b-3"), At("t/c/d/e")));
  // A folder that was known to be there is made again.
  ASSERT_TRUE(store_->Put(At("t/b/3"), "x", PutMode::kIfAbsent).ok());
  ASSERT_TRUE(environment_.files.RemoveAll(folder_ + "/t").ok());  // by somebody else
  ASSERT_TRUE(store_->Put(At("t/b/3"), "y", PutMode::kIfAbsent).ok());
  EXPECT_EQ(Content("t/b/3"), "y");
}

TEST_F(LocalObjectStoreTest, WhatIsNotThereIsNamed) {
  for (const Error& error : {store_->Open(At("nothing")).error(), store_->Stat(At("nothing")).error(), store_->Get(At("nothing")).error()}) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.ToString(), HasSubstr("nothing"));
  }
  ASSERT_TRUE(store_->CreateFolder(At("folder")).ok());
  EXPECT_EQ(store_->Stat(At("folder")).error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(store_->Exists(At("folder")).value());
  for (const char* location : {"s3://bucket/key", "gs://b/k", "hdfs://host/path"}) {
    const Error error = store_->Get(location).error();
    EXPECT_EQ(error.code(), ErrorCode::kNotSupported);
    EXPECT_THAT(error.message(), HasSubstr(location));
  }
  EXPECT_EQ(store_->Put("", "x", PutMode::kReplace).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(store_->Get("file://elsewhere/path").error().code(), ErrorCode::kInvalidArgument);
}

TEST(Locations, AreUrisAndPaths) {
  for (const char* location : {"/a/b", "file:/a/b", "file:///a/b", "file://localhost/a/b"}) EXPECT_EQ(LocalPath(location).value(), "/a/b") << location;
  EXPECT_EQ(LocalPath("dt=2024-01-01T10:00/x").value(), "dt=2024-01-01T10:00/x");  // a colon makes no scheme
  EXPECT_EQ(JoinLocation("file:///a", "b"), "file:///a/b");
  EXPECT_EQ(JoinLocation("file:///a/", "/b"), "file:///a/b");
  EXPECT_EQ(JoinLocation("file://", "a"), "file://a");
  EXPECT_EQ(JoinLocation("/", "a"), "/a");
  EXPECT_EQ(JoinLocation("", "a"), "a");
}

// What returned success is there after the power fails, whole; what did not is there whole or not at all; a Put that was cut off can be found.
TEST(CrashedObjectStore, KeepsWhatItPromised) {
  int cut_off = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    io::SimulatedEnvironment world(seed);
    const io::Environment environment = world.environment();
    std::map<std::string, std::string> promised;
    std::string tried;
    {
      auto store = MakeLocalObjectStore(environment.files, environment.random);
      world.disk().CrashAfter(seed % 40);
      for (int i = 0; i < 6; ++i) {
        tried = "/w/t" + std::to_string(i % 2) + "/o" + std::to_string(i);
        const std::string bytes(static_cast<size_t>(1 + seed * 37 % 9000), static_cast<char>('a' + i));
        if (!store->Put(tried, bytes, i % 2 == 0 ? PutMode::kIfAbsent : PutMode::kReplace).ok()) break;
        promised[tried] = bytes;
      }
    }
    if (!world.disk().is_crashed()) world.disk().Crash();
    world.Restart(io::CrashKind::kPowerLoss);
    const io::Environment after = world.environment();
    auto store = MakeLocalObjectStore(after.files, after.random);
    for (const auto& [location, bytes] : promised) EXPECT_EQ(store->Get(location).value(), bytes) << "seed " << seed;
    auto half = store->Get(tried);
    EXPECT_TRUE(!half.ok() || half->size() == static_cast<size_t>(1 + seed * 37 % 9000)) << "seed " << seed;
    for (const char* folder : {"/w/t0", "/w/t1"}) {
      const std::vector<UnfinishedPut> unfinished = store->ListUnfinished(folder).value();
      for (const UnfinishedPut& put : unfinished) {
        ++cut_off;
        EXPECT_EQ(put.target, tried) << "seed " << seed;
        EXPECT_TRUE(store->Delete(put.location).ok());
      }
      EXPECT_THAT(store->ListUnfinished(folder).value(), IsEmpty());
    }
    EXPECT_TRUE(store->Put("/w/t0/again", "x", PutMode::kIfAbsent).ok()) << "seed " << seed;
  }
  EXPECT_GT(cut_off, 0);
}

}  // namespace
}  // namespace firn::objectstore
