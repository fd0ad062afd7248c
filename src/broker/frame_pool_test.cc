// SPDX-License-Identifier: Apache-2.0
#include "broker/frame_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>
#include <vector>

namespace firn::broker {
namespace {

TEST(FramePool, GivesBlocksOutAgain) {
  FramePool pool;
  auto block = pool.Take(1'000'000);
  const char* const first = block.get();
  EXPECT_NE(pool.Take(1'000'000).get(), first) << "it is in use";
  block.reset();
  EXPECT_EQ(pool.Take(990'000).get(), first) << "the one given back last, for a frame of about its size";
  EXPECT_NE(pool.Take(100'000).get(), first);
}

TEST(FramePool, KeepsSoManyBytesAndThoseGivenBackLast) {
  FramePool pool(1 << 20);
  std::vector<std::shared_ptr<char[]>> blocks;
  for (int i = 0; i < 40; ++i) blocks.push_back(pool.Take(100'000));
  const char* const last = blocks.back().get();
  EXPECT_EQ(pool.free_bytes(), 0u);
  blocks.clear();
  EXPECT_GT(pool.free_bytes(), 800'000u);
  EXPECT_LE(pool.free_bytes(), 1u << 20);
  EXPECT_EQ(pool.Take(100'000).get(), last);
  // Another size takes the room of the first.
  for (int i = 0; i < 10; ++i) blocks.push_back(pool.Take(200'000));
  blocks.clear();
  EXPECT_LE(pool.free_bytes(), 1u << 20);
  const size_t kept = pool.free_bytes();
  pool.Take(900'000).reset();
  EXPECT_EQ(pool.free_bytes(), kept) << "one that would drive out the others is not kept";
}

TEST(FramePool, BlocksOutliveItAndComeBackFromAnyThread) {
  std::vector<std::thread> threads;
  {
    FramePool pool(1 << 20);
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([blocks = std::vector{pool.Take(20'000), pool.Take(50'000)}]() mutable { blocks.clear(); });
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
