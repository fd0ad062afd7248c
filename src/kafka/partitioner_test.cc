// SPDX-License-Identifier: Apache-2.0
#include "kafka/partitioner.h"

#include <gtest/gtest.h>

namespace firn::kafka {
namespace {

// The values of Kafka's own test of its hash.
TEST(Partitioner, HashesAsKafkaDoes) {
  EXPECT_EQ(static_cast<int32_t>(Murmur2("21")), -973932308);
  EXPECT_EQ(static_cast<int32_t>(Murmur2("foobar")), -790332482);
  EXPECT_EQ(static_cast<int32_t>(Murmur2("a-little-bit-long-string")), -985981536);
  EXPECT_EQ(static_cast<int32_t>(Murmur2("a-little-bit-longer-string")), -1486304829);
  EXPECT_EQ(static_cast<int32_t>(Murmur2("abc")), 479470107);
}

}  // namespace
}  // namespace firn::kafka
