// SPDX-License-Identifier: Apache-2.0
// The journal's files as a start finds them: those that a crash has left unfinished, and one that somebody has taken away.
#include "log/journal_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/must.h"
#include "io/passing_files_test_rig.h"
#include "io/simulated_environment.h"
#include "log/file_names.h"
#include "log/journal_format.h"
#include "log/store.h"

namespace firn::log {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(JournalFiles, WhatACrashLeavesOfThoseThatWereBeingMadeIsUsedAgain) {
  io::SimulatedEnvironment world(1);
  const Layout layout{"/data"};
  const auto run = [&] {
    auto opened = Store::Open(world.environment(), layout.root, {.journal_file_bytes = 64 << 10});
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    world.executor().StepFor(1'000'000);
    world.disk().Crash();
    opened->reset();
    world.Restart(io::CrashKind::kKill);
  };
  run();  // 1 is written to, 2 is ready
  ASSERT_TRUE(world.disk().WriteAtomically(layout.unfinished_journal_file(7), "").ok());
  ASSERT_TRUE(world.disk().WriteAtomically(layout.unfinished_journal_file(9), std::string(kJournalHeaderBytes / 2, '\0')).ok());
  run();
  std::vector<std::string> names;
  const std::vector<io::FileEntry> entries = *world.disk().List(layout.journal());
  for (const io::FileEntry& entry : entries) names.push_back(entry.name);
  EXPECT_THAT(names, ElementsAre(NumberedName(1, kJournalSuffix), NumberedName(2, kJournalSuffix), NumberedName(10, kJournalSuffix), NumberedName(11, kJournalSuffix)))
      << "no number comes twice";
}

// A disk without room for names.
class FullFolder final : public io::PassingFiles {
 public:
  using PassingFiles::PassingFiles;
  bool is_full = true;

  Status SyncDirectory(const std::string& directory) override {
    if (is_full) return Error(ErrorCode::kDiskFull, directory + " is full");
    return PassingFiles::SyncDirectory(directory);
  }
};

TEST(JournalFiles, OneWhoseNameIsNotDurableIsUsedAgain) {
  io::SimulatedEnvironment world(1);
  const Layout layout{"/data"};
  Must(world.disk().CreateDirectories(layout.journal()));
  FullFolder folder(world.disk());
  JournalFiles files(folder, layout, std::string(kStoreIdBytes, 's'), 64 << 10);
  files.Restore({}, {}, 0);
  for (int i = 0; i < 3; ++i) {
    const Status status = files.Prepare();
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code(), ErrorCode::kDiskFull) << status.error().ToString();
  }
  folder.is_full = false;
  const JournalFile taken = Must(files.Take(100, 1));
  const std::vector<io::FileEntry> entries = *world.disk().List(layout.journal());
  ASSERT_EQ(entries.size(), 1u) << "the same file, under one number after the other";
  EXPECT_EQ(entries[0].name, NumberedName(taken.number, kJournalSuffix));
}

// Numbers may have gaps; the file that was made ready behind the last one tells that the last one was there.
TEST(JournalFiles, OneThatIsMissingIsNamed) {
  io::SimulatedEnvironment world(1);
  const Layout layout{"/data"};
  const StoreOptions options{.journal_file_bytes = 64 << 10};
  auto store = Must(Store::Open(world.environment(), layout.root, options));
  for (const char* value : {"first", "second", "third"}) {  // each in a file of its own
    store->journal().Append({Put{"k", value}, Put{"filler", std::string(40 << 10, 'f')}}, [](const Result<Committed>&) {});
    world.executor().StepFor(1'000'000);
  }
  world.disk().Crash();
  store.reset();
  world.Restart(io::CrashKind::kKill);
  ASSERT_EQ(world.disk().List(layout.journal())->size(), 4u);
  for (uint64_t number = 1; number <= 3; ++number) {
    const std::string path = layout.journal_file(number);
    const std::string bytes = *world.disk().ReadAll(path);
    Must(world.disk().Remove(path));
    const auto opened = Store::Open(world.environment(), layout.root, options);
    ASSERT_FALSE(opened.ok()) << number;
    EXPECT_EQ(opened.error().code(), ErrorCode::kCorruption);
    EXPECT_THAT(opened.error().message(), HasSubstr(path + " is missing"));
    Must(world.disk().WriteAtomically(path, bytes));
  }
  Must(world.disk().Remove(layout.journal_file(4)));  // nothing was written to it
  store = Must(Store::Open(world.environment(), layout.root, options));
  EXPECT_EQ(store->meta().Get("k"), "third");
}

}  // namespace
}  // namespace firn::log
