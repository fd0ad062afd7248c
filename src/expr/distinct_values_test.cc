// SPDX-License-Identifier: Apache-2.0
#include "expr/distinct_values_internal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace firn::expr {
namespace {

using Counted = std::pair<std::string, int64_t>;

std::vector<Counted> CountedOf(const DistinctValues& values, uint32_t group) {
  std::vector<Counted> counted;
  values.ForEach(group, [&](std::string_view value, int64_t count) { counted.emplace_back(value, count); });
  return counted;
}

TEST(DistinctValues, AreThoseOfEachGroupInTheOrderInWhichTheyCame) {
  std::mt19937 random(5);
  constexpr uint32_t kGroups = 7;
  DistinctValues values;
  values.Resize(kGroups);
  std::vector<std::vector<Counted>> wanted(kGroups);
  for (int step = 0; step < 20000; ++step) {
    const auto group = static_cast<uint32_t>(random() % kGroups);
    std::vector<Counted>& mine = wanted[group];
    if (random() % 500 == 0) {
      values.Clear(group);
      mine.clear();
      continue;
    }
    const std::string value = random() % 50 == 0 ? "" : std::string(random() % 40, 'v') + std::to_string(random() % 60);
    const int64_t change = random() % 2 == 0 ? 1 : -1;
    auto found = std::find_if(mine.begin(), mine.end(), [&](const Counted& counted) { return counted.first == value; });
    const int64_t before = found == mine.end() ? 0 : found->second;
    ASSERT_EQ(values.Add(group, value, change), before);
    if (found == mine.end()) found = mine.insert(mine.end(), {value, 0});
    if ((found->second += change) == 0) mine.erase(found);
    if (step % 200 == 0) {
      ASSERT_EQ(CountedOf(values, group), mine);
    }
  }
  for (uint32_t group = 0; group < kGroups; ++group) EXPECT_EQ(CountedOf(values, group), wanted[group]);
}

// What has gone gives its memory back: else a group that churns would grow for ever.
TEST(DistinctValues, ValuesThatComeAndGoTakeNoMoreMemory) {
  DistinctValues values;
  values.Resize(1);
  const auto churn = [&](int rounds) {
    for (int i = 0; i < rounds; ++i) {
      const std::string value = std::string(100, 'v') + std::to_string(i);
      values.Add(0, value, 1);
      values.Add(0, value, -1);
    }
  };
  churn(100'000);
  const int64_t before = values.bytes();
  churn(100'000);
  EXPECT_LE(values.bytes(), before + (4 << 20));
}

}  // namespace
}  // namespace firn::expr
