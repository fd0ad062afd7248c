// SPDX-License-Identifier: Apache-2.0
#include "types/decimal_text.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace firn::types {
namespace {

std::string Parsed(std::string_view text, int precision, int scale) {
  const auto value = ParseDecimal(text, precision, scale);
  return value ? value->ToString(scale) : "none";
}

TEST(DecimalText, RoundsHalfUpAndRefusesWhatDoesNotFit) {
  EXPECT_EQ(Parsed("1.005", 6, 2), "1.01");
  EXPECT_EQ(Parsed("-1.005", 6, 2), "-1.01");
  EXPECT_EQ(Parsed("1.0049999999999999999999999999999999999999999999", 6, 2), "1.00");
  EXPECT_EQ(Parsed("999.5", 3, 0), "none");
  EXPECT_EQ(Parsed("999.4", 3, 0), "999");
  EXPECT_EQ(Parsed("0.5", 1, 0), "1");
  EXPECT_EQ(Parsed("0.05", 1, 0), "0");
  EXPECT_EQ(Parsed("12e2", 4, 0), "1200");
  EXPECT_EQ(Parsed("+12.5E-1", 4, 2), "1.25");
  EXPECT_EQ(Parsed("000000000000000000000000000000000000000000000000000007", 1, 0), "7");
  EXPECT_EQ(Parsed(".5", 2, 1), "0.5");
  EXPECT_EQ(Parsed("5.", 2, 1), "5.0");
}

TEST(DecimalText, NothingWrapsAround) {
  const std::string nines(38, '9');
  EXPECT_EQ(Parsed(nines, 38, 0), nines);
  EXPECT_EQ(Parsed(nines + ".5", 38, 0), "none");
  EXPECT_EQ(Parsed(nines + "0", 38, 0), "none");
  EXPECT_EQ(Parsed("1" + std::string(200, '0'), 38, 0), "none");
  EXPECT_EQ(Parsed("1e99999999999999999999", 38, 0), "none");
  EXPECT_EQ(Parsed("0e99999999999999999999", 38, 0), "0");
  EXPECT_EQ(Parsed("1e-99999999999999999999", 38, 10), Parsed("0", 38, 10));
}

TEST(DecimalText, OtherTextsAreNone) {
  for (const char* text : {"", "-", ".", "e5", "1e", "1e+", "1.2.3", "--1", "1 ", "NaN", "0x1", "1_0"}) EXPECT_EQ(Parsed(text, 10, 2), "none") << text;
}

// Against Arrow's parser where that has room.
TEST(DecimalText, AgreesWithArrowOnShortNumbers) {
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    std::string text = std::to_string(static_cast<int64_t>(random()) - (int64_t{1} << 31));
    text.insert(text.size() - random() % (text.size() - (text[0] == '-' ? 1 : 0)), ".");
    const int scale = static_cast<int>(random() % 10);
    arrow::Decimal128 value;
    int32_t precision = 0, its_scale = 0;
    ASSERT_TRUE(arrow::Decimal128::FromString(text, &value, &precision, &its_scale).ok()) << text;
    const arrow::Decimal128 wanted = its_scale > scale ? value.ReduceScaleBy(its_scale - scale, true) : value.IncreaseScaleBy(scale - its_scale);
    EXPECT_EQ(Parsed(text, 38, scale), wanted.ToString(scale)) << text << " to " << scale;
  }
}

}  // namespace
}  // namespace firn::types
