// SPDX-License-Identifier: Apache-2.0
// The block writer and direct writes over the real file system, in a folder on a disk and in one in memory, which knows no direct writes.
#include "io/block_writer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "base/must.h"
#include "io/real_environment.h"

namespace firn::io {
namespace {

std::string RandomBytes(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random()); });
  return bytes;
}

class BlockWriterTest : public ::testing::TestWithParam<std::string> {
 protected:
  BlockWriterTest() : directory_(JoinPath(GetParam(), "firn_blocks_" + std::to_string(::getpid()))) {
    EXPECT_TRUE(files().CreateDirectories(directory_).ok());
    auto file = files().Open(path(), OpenMode::kTruncate);
    EXPECT_TRUE(file.ok());
    file_ = std::move(*file);
    file_->PreferDirectWrites();
  }
  ~BlockWriterTest() override { EXPECT_TRUE(files().RemoveAll(directory_).ok()); }
  FileSystem& files() { return real_.environment().files; }
  std::string path() const { return JoinPath(directory_, "f"); }

  RealEnvironment real_ = Must(RealEnvironment::Make());
  std::string directory_;
  std::unique_ptr<File> file_;
};

TEST_P(BlockWriterTest, WritesRunsOfAnySizeInWholeBlocks) {
  BlockWriter writer;
  std::string expected(kDirectBlockBytes, '\0');
  for (size_t size : {size_t{1}, kDirectBlockBytes - 1, kDirectBlockBytes, kDirectBlockBytes + 1, BlockWriter::kBufferBytes, 3 * BlockWriter::kBufferBytes + 17}) {
    const std::string bytes = RandomBytes(size, static_cast<uint32_t>(size));
    writer.Begin(*file_, expected.size());
    for (size_t at = 0; at < size; at += 100'003) ASSERT_TRUE(writer.Append(std::string_view(bytes).substr(at, 100'003)).ok());
    EXPECT_EQ(writer.position(), expected.size() + size);
    ASSERT_TRUE(writer.Finish().ok());
    expected += bytes;
    expected.resize(NextBlock(expected.size()), '\0');
    EXPECT_EQ(writer.position(), expected.size());
  }
  ASSERT_TRUE(file_->Sync().ok());
  EXPECT_EQ(*file_->ReadAt(0, expected.size() + 1), expected);
  EXPECT_EQ(*files().ReadAll(path()), expected);
}

// Bytes that begin anywhere in a page, in the middle of others; where they lie in their blocks as in memory they are not copied.
TEST_P(BlockWriterTest, WritesLastingBytesFromWhereTheyLie) {
  std::mt19937 random(7);
  std::string memory = RandomBytes(12 << 20, 1);
  BlockWriter writer;
  std::string expected;
  writer.Begin(*file_, 0);
  for (size_t size : {size_t{64} << 10, size_t{100'003}, BlockWriter::kBufferBytes, size_t{5000}, (size_t{8} << 20) + 4321, size_t{70'000}, size_t{1}}) {
    const std::string_view lasting = std::string_view(memory).substr(random() % kDirectBlockBytes, size);
    if (const std::optional<size_t> place = file_->DirectPlaceOf(lasting); place.has_value()) {
      const std::string space(SpaceBefore(*place, writer.position()), 's');
      ASSERT_TRUE(writer.Append(space).ok());
      expected += space;
      EXPECT_EQ(writer.position() % kDirectBlockBytes, *place);
    }
    ASSERT_TRUE(writer.AppendLasting(lasting).ok());
    expected += lasting;
    const std::string small = RandomBytes(random() % 9000, static_cast<uint32_t>(size));
    ASSERT_TRUE(writer.Append(small).ok());
    expected += small;
    ASSERT_EQ(writer.position(), expected.size());
  }
  ASSERT_TRUE(writer.AppendLasting(std::string_view(memory).substr(1, 200'000)).ok()) << "out of place: copied";
  expected += memory.substr(1, 200'000);
  ASSERT_TRUE(writer.Finish().ok() && file_->Sync().ok());
  expected.resize(NextBlock(expected.size()), '\0');
  EXPECT_TRUE(*files().ReadAll(path()) == expected);
}

TEST_P(BlockWriterTest, OnlyMuchIsWorthAPlaceOfItsOwn) {
  const std::string memory = RandomBytes(64 << 10, 1);
  EXPECT_EQ(file_->DirectPlaceOf(std::string_view(memory).substr(1)), std::nullopt);
  auto plain = files().Open(path(), OpenMode::kReadWrite);
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ((*plain)->DirectPlaceOf(memory), std::nullopt) << "no direct writes";
}

TEST_P(BlockWriterTest, DirectAndOtherWritesOfOneFileSeeEachOther) {
  BlockWriter writer;
  std::string expected;
  for (uint32_t round = 0; round < 200; ++round) {
    const size_t size = 1 + round * 37 % 9000;
    const size_t position = round * 7919 % 60'000;
    const std::string bytes = RandomBytes(size, round);
    size_t end = position + size;
    if (round % 3 == 0) {
      writer.Begin(*file_, position / kDirectBlockBytes * kDirectBlockBytes);
      const std::string head = expected.substr(std::min(expected.size(), position / kDirectBlockBytes * kDirectBlockBytes), position % kDirectBlockBytes);
      ASSERT_TRUE(writer.Append(head + std::string(position % kDirectBlockBytes - head.size(), '\0')).ok());
      ASSERT_TRUE(writer.Append(bytes).ok());
      ASSERT_TRUE(writer.Finish().ok());
      end = NextBlock(end);
    } else {
      ASSERT_TRUE(file_->WriteAt(position, bytes).ok());
    }
    expected.resize(std::max(expected.size(), end), '\0');
    std::fill(expected.begin() + static_cast<ptrdiff_t>(position), expected.begin() + static_cast<ptrdiff_t>(end), '\0');
    std::copy(bytes.begin(), bytes.end(), expected.begin() + static_cast<ptrdiff_t>(position));
    ASSERT_EQ(*file_->ReadAt(0, 100'000), expected) << round;
    if (round % 10 == 0) {
      ASSERT_TRUE(file_->Truncate(position).ok() && file_->Sync().ok());
      expected.resize(position);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, BlockWriterTest, ::testing::Values(::testing::TempDir(), "/dev/shm"), [](const auto& folder) { return folder.index == 0 ? "Disk" : "Memory"; });

}  // namespace
}  // namespace firn::io
