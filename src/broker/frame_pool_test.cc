// SPDX-License-Identifier: Apache-2.0
#include "broker/frame_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include "io/huge_pages.h"

namespace firn::broker {
namespace {

TEST(FramePool, GivesBlocksOutAgain) {
  FramePool pool;
  auto block = pool.Take(1'000'000);
  const char* const first = block.get();
  EXPECT_NE(pool.Take(1'000'000).get(), first) << "it is in use";
  block.reset();
  block = pool.Take(990'000);
  EXPECT_EQ(block.get(), first) << "the one given back last, for a frame of about its size";
  EXPECT_NE(pool.Take(100'000).get(), first);
}

TEST(FramePool, KeepsSoManyBytesAndThoseGivenBackLast) {
  FramePool pool(1 << 20, 1 << 20);
  std::vector<std::shared_ptr<char[]>> blocks;
  for (int i = 0; i < 40; ++i) blocks.push_back(pool.Take(50'000));
  const char* const last = blocks.back().get();
  EXPECT_EQ(pool.free_bytes(), 0u);
  blocks.clear();
  EXPECT_GT(pool.free_bytes(), 800'000u);
  EXPECT_LE(pool.free_bytes(), 1u << 20);
  EXPECT_EQ(pool.Take(50'000).get(), last);
  // Another size takes the room of the first.
  for (int i = 0; i < 30; ++i) blocks.push_back(pool.Take(30'000));
  blocks.clear();
  EXPECT_LE(pool.free_bytes(), 1u << 20);
  const size_t kept = pool.free_bytes();
  pool.Take(3'000'000).reset();
  EXPECT_EQ(pool.free_bytes(), kept) << "one that would drive out the others is not kept";
}

TEST(FramePool, CutsPagesAnewForOtherSizes) {
  FramePool pool(8 << 20);
  std::vector<std::shared_ptr<char[]>> blocks;
  std::set<uintptr_t> pages;
  for (int i = 0; i < 16; ++i) {
    blocks.push_back(pool.Take(1 << 20));
    pages.insert(reinterpret_cast<uintptr_t>(blocks.back().get()) / io::kHugePageBytes);
  }
  EXPECT_EQ(pages.size(), 8u) << "two to a page";
  blocks.clear();
  EXPECT_EQ(pool.free_bytes(), 8u << 20) << "four pages are kept";
  for (int i = 0; i < 4 * 32; ++i) {
    blocks.push_back(pool.Take(64 << 10));
    EXPECT_TRUE(pages.contains(reinterpret_cast<uintptr_t>(blocks.back().get()) / io::kHugePageBytes));
  }
  EXPECT_EQ(pool.free_bytes(), 0u);
  const char* const given_back = blocks[50].get();
  blocks[50].reset();
  EXPECT_EQ(pool.free_bytes(), 0u) << "the others of its page are out";
  blocks[50] = pool.Take(64 << 10);
  EXPECT_EQ(blocks[50].get(), given_back);
}

TEST(FramePool, GivesBackToTheSystemWhatNobodyTakes) {
  FramePool pool(64 << 20);
  std::vector<std::shared_ptr<char[]>> blocks;
  for (int i = 0; i < 64; ++i) blocks.push_back(pool.Take(1 << 20));
  blocks.clear();
  EXPECT_EQ(pool.free_bytes(), 64u << 20);
  pool.Trim();
  EXPECT_EQ(pool.free_bytes(), 64u << 20) << "all of it was out since the last time";
  for (int i = 0; i < 48; ++i) blocks.push_back(pool.Take(1 << 20));
  blocks.clear();
  pool.Trim();
  EXPECT_EQ(pool.free_bytes(), (64u - 8) << 20) << "half of the 16 MiB that nobody took";
  for (int i = 0; i < 6; ++i) pool.Trim();
  EXPECT_EQ(pool.free_bytes(), 0u);
  blocks.push_back(pool.Take(1 << 20));
}

// Blocks of all sizes, out for a while: what is written to one stays until it is given back, so no two have a byte in common.
TEST(FramePool, BlocksDoNotOverlap) {
  FramePool pool(4 << 20, 4 << 20);
  std::mt19937_64 random(5);
  struct Out {
    std::shared_ptr<char[]> bytes;
    size_t size = 0;
    char filling = 0;
  };
  std::vector<Out> out;
  for (int i = 0; i < 3'000; ++i) {
    if (out.size() > 30 || (!out.empty() && random() % 3 == 0)) {
      std::swap(out[random() % out.size()], out.back());
      const Out& last = out.back();
      ASSERT_EQ(std::string_view(last.bytes.get(), last.size).find_first_not_of(last.filling), std::string_view::npos) << i;
      out.pop_back();
    } else {
      const size_t size = kPooledFrameBytesMin << (random() % 7);
      Out next{.bytes = pool.Take(size + random() % size), .size = size, .filling = static_cast<char>(i)};
      std::memset(next.bytes.get(), next.filling, size);
      out.push_back(std::move(next));
    }
  }
  out.clear();
  EXPECT_LE(pool.free_bytes(), 2u * (4 << 20));
}

TEST(FramePool, BlocksOutliveItAndComeBackFromAnyThread) {
  std::vector<std::thread> threads;
  {
    FramePool pool(1 << 20, 1 << 20);
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([blocks = std::vector{pool.Take(20'000), pool.Take(500'000)}]() mutable { blocks.clear(); });
    }
    std::mt19937_64 random(3);
    for (int i = 0; i < 2'000; ++i) {
      const size_t size = 16'384 + random() % 300'000;
      auto block = pool.Take(size);
      std::memset(block.get(), i, size);
    }
    EXPECT_LE(pool.free_bytes(), 1u << 20);
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace firn::broker
