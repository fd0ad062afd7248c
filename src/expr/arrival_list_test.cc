// SPDX-License-Identifier: Apache-2.0
#include "expr/arrival_list_internal.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

namespace firn::expr {
namespace {

std::vector<std::string> ValuesOf(const ArrivalList& list) {
  std::vector<std::string> values;
  EXPECT_TRUE(list.ForEach([&](const std::string& value) {
    values.push_back(value);
    return Ok();
  }).ok());
  return values;
}

// Few values and many, of which few or many are equal, some too long to lie in the string itself.
TEST(ArrivalList, IsAListOfWhichTheFirstOfEqualValuesGoes) {
  std::mt19937 random(11);
  for (const uint32_t different : {3u, 40u, 100000u}) {
    for (const size_t size : {5u, 30u, 400u}) {
      ArrivalList list;
      std::vector<std::string> wanted;
      for (int step = 0; step < 4000; ++step) {
        std::string value = std::to_string(random() % different) + (random() % 2 == 0 ? "" : std::string(20, 'x'));
        if (wanted.size() < size && random() % 2 == 0) {
          wanted.push_back(value);
          list.Add(std::move(value));
        } else {
          if (!wanted.empty() && random() % 10 != 0) value = wanted[random() % wanted.size()];  // else perhaps one that is not there
          const auto found = std::find(wanted.begin(), wanted.end(), value);
          EXPECT_EQ(list.Remove(value), found != wanted.end());
          if (found != wanted.end()) wanted.erase(found);
        }
        ASSERT_EQ(list.size(), wanted.size());
        if (wanted.empty()) continue;
        ASSERT_EQ(list.front(), wanted.front());
        ASSERT_EQ(list.back(), wanted.back());
        if (step % 100 == 0) {
          ASSERT_EQ(ValuesOf(list), wanted);
        }
      }
      EXPECT_EQ(ValuesOf(list), wanted);
    }
  }
}

TEST(ArrivalList, HasNothingLeftOnceAllIsTakenBack) {
  ArrivalList list;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) list.Add(std::to_string(i));
    for (int i = 99; i >= 0; --i) EXPECT_TRUE(list.Remove(std::to_string(i)));
    EXPECT_TRUE(list.empty());
    EXPECT_FALSE(list.Remove("5"));
    EXPECT_THAT(ValuesOf(list), testing::IsEmpty());
  }
}

}  // namespace
}  // namespace firn::expr
