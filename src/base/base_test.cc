// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/crc32c.h"
#include "base/duration.h"
#include "base/error_render.h"
#include "base/result.h"
#include "base/utf8.h"
#include "base/varint.h"

namespace firn::base {
namespace {

using ::testing::ElementsAre;

// Bit by bit, straight from the polynomial.
uint32_t SlowCrc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78u : 0u);
  }
  return ~crc;
}

TEST(Crc32c, KnownAnswers) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);  // RFC 3720 B.4
}

TEST(Crc32c, EqualsTheBitwiseDefinitionAtAllLengths) {
  std::mt19937_64 random(7);
  std::string bytes(20'000, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  for (size_t size : {0, 1, 7, 8, 9, 63, 4079, 4080, 4081, 8160, 12'345, 20'000}) {
    EXPECT_EQ(Crc32c(std::string_view(bytes).substr(0, size)), SlowCrc32c(bytes.substr(0, size))) << size;
  }
  EXPECT_EQ(Crc32c(std::string_view(bytes).substr(5'000), Crc32c(bytes.substr(0, 5'000))), SlowCrc32c(bytes));
}

TEST(Crc32c, CombinesWhatTwoPartsHave) {
  std::string bytes(70'000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * i / 3 + 7 * i);
  const uint32_t whole = Crc32c(bytes);
  for (size_t second = 0; second <= bytes.size(); second += second < 300 ? 1 : 577) {
    const std::string_view head = std::string_view(bytes).substr(0, bytes.size() - second);
    ASSERT_EQ(CombineCrc32c(Crc32c(head), Crc32c(std::string_view(bytes).substr(head.size())), second), whole) << second;
  }
  EXPECT_EQ(CombineCrc32c(Crc32c("a"), Crc32c(std::string(1 << 24, 'b')), 1 << 24), Crc32c("a" + std::string(1 << 24, 'b')));
}

TEST(Varint, RoundTripsAndRefusesTruncation) {
  for (int64_t value : {int64_t{0}, int64_t{-1}, int64_t{1}, int64_t{63}, int64_t{64}, INT64_MAX, INT64_MIN}) {
    std::string bytes;
    AppendVarint(&bytes, value);
    std::string_view in = bytes;
    int64_t back = 0;
    ASSERT_TRUE(ReadVarint(&in, &back));
    EXPECT_EQ(back, value);
    EXPECT_TRUE(in.empty());
    in = std::string_view(bytes).substr(0, bytes.size() - 1);
    EXPECT_FALSE(ReadVarint(&in, &back));
  }
  std::string_view endless = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
  uint64_t value = 0;
  EXPECT_FALSE(ReadUnsignedVarint(&endless, &value));
}

Result<int> Half(int value) {
  if (value % 2 != 0) return Error(ErrorCode::kInvalidArgument, fmt::format("{} is odd", value));
  return value / 2;
}

Result<int> Quarter(int value) {
  FIRN_TRY(int half, Half(value));
  return Half(half);
}

TEST(Result, CarriesValueOrError) {
  EXPECT_EQ(*Quarter(8), 2);
  auto failed = Quarter(6);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(failed.error().message(), "3 is odd");
}

TEST(Error, NearNamesCountSwapsAsOneAndIgnoreCase) {
  EXPECT_THAT(NearNames("prise", {"price", "qty", "prize", "symbol"}), ElementsAre("price", "prize"));
  EXPECT_THAT(NearNames("PRICE", {"price"}), ElementsAre("price"));
  EXPECT_THAT(NearNames("qyt", {"qty"}), ElementsAre("qty"));
  EXPECT_THAT(NearNames("x", {"symbol"}), ElementsAre());
  EXPECT_THAT(NearNames("x", {"a", "X", "xs"}), ElementsAre("X", "xs"));
}

TEST(Error, RendersExcerptWithCarets) {
  const std::string_view source = "SELECT 'é',\n  prise FROM trades";
  Error error = Error(ErrorCode::kColumnNotFound, "column `prise` not found in `trades`")
                    .At({15, 20}, "no such column")
                    .Hint("did you mean `price`?")
                    .Candidates({"price"});
  EXPECT_EQ(RenderError(error, {.source = source}),
            "error[E2102]: column `prise` not found in `trades`\n"
            "  --> query:2:3\n"
            "   |\n"
            " 2 |   prise FROM trades\n"
            "   |   ^^^^^ no such column\n"
            "   = help: did you mean `price`?\n"
            "   = more: firn explain E2102\n");
  EXPECT_EQ(RenderError(Error(ErrorCode::kColumnNotFound, "no").Hint("did you mean `price`?").Candidates({"price", "prices"})),
            "error[E2102]: no\n   = help: did you mean `price`?\n   = near: `price`, `prices`\n   = more: firn explain E2102\n");
}

TEST(Error, LongTextsLoseTheirMiddle) {
  const std::string name = "begin" + std::string(1'000'000, 'n') + "end";
  const Error error = Error(ErrorCode::kTableNotFound, "there is no table " + name).Context("reading " + name);
  EXPECT_LT(RenderError(error).size(), 10'000u);
  EXPECT_THAT(error.message(), testing::StartsWith("there is no table beginnnn"));
  EXPECT_THAT(error.message(), testing::HasSubstr(" bytes ... "));
  EXPECT_THAT(error.message(), testing::EndsWith("nnnend"));
  std::string umlauts;
  for (int i = 0; i < 10'000; ++i) umlauts += "\xc3\xa4";
  EXPECT_EQ(FindInvalidUtf8(Error(ErrorCode::kTableNotFound, "x" + umlauts).message()), std::nullopt);
}

TEST(Utf8, CharactersOfAllLengthsAndWhatIsNone) {
  for (const char* text : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(FindInvalidUtf8(text), std::nullopt) << text;
  }
  for (const char* text : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2 ", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe1\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    EXPECT_EQ(FindInvalidUtf8(std::string("ab") + text), 2u) << text;
  }
}

TEST(Utf8, AnExcerptHasWholeCharacters) {
  EXPECT_EQ(Excerpt("abcdef", 6), "abcdef");
  EXPECT_EQ(Excerpt("abcdefg", 6), "abcdef...");
  const std::string text = "a\u00e9\u20ac\U0001F600b";  // 1, 2, 3, 4 and 1 bytes
  const std::string expected[] = {"...", "a...", "a...", "a\u00e9...", "a\u00e9...", "a\u00e9...", "a\u00e9\u20ac...", "a\u00e9\u20ac...", "a\u00e9\u20ac...", "a\u00e9\u20ac...",
                                  "a\u00e9\u20ac\U0001F600..."};
  for (size_t bytes = 0; bytes < std::size(expected); ++bytes) EXPECT_EQ(Excerpt(text, bytes), expected[bytes]) << bytes;
  EXPECT_EQ(Excerpt(text, 11), text);
  EXPECT_EQ(Excerpt(std::string(9, '\x80'), 6), std::string(3, '\x80') + "...");  // no text: cut, and no further
}

TEST(Utf8, WhatIsNoneIsFoundAnywhereAndReplaced) {
  for (size_t before = 0; before < 20; ++before) {
    for (size_t behind = 0; behind < 20; ++behind) {
      const std::string left(before, 'l'), right(behind, 'r');
      EXPECT_EQ(FindInvalidUtf8(left + "\xc3\xa4" + right), std::nullopt);
      EXPECT_EQ(FindInvalidUtf8(left + "\xc3" + right), before);
      EXPECT_EQ(ValidUtf8(left + "\xe2\x82" + right), left + "\xEF\xBF\xBD" + right);
    }
  }
  EXPECT_EQ(ValidUtf8("\xff\xff\xed\xa0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(ValidUtf8(""), "");
}

TEST(ErrorRegistry, IsAscendingAndFindable) {
  const auto& all = AllErrors();
  for (size_t i = 1; i < all.size(); ++i) EXPECT_LT(all[i - 1].code, all[i].code);
  ASSERT_NE(FindErrorInfo("E2102"), nullptr);
  EXPECT_EQ(FindErrorInfo("E2102")->name, "ColumnNotFound");
  EXPECT_EQ(FindErrorInfo("E9999"), nullptr);
}

TEST(Duration, TakesFlinksFormsAndNothingElse) {
  EXPECT_EQ(ParseDurationMs("250"), 250);
  EXPECT_EQ(ParseDurationMs(" 1 s "), 1000);
  EXPECT_EQ(ParseDurationMs("5MIN"), 300'000);
  EXPECT_EQ(ParseDurationMs("2 days"), 172'800'000);
  for (const char* bad : {"", "s", "-1 s", "1.5 s", "1 fortnight", "9223372036854775807", "99999999999999 d"}) EXPECT_EQ(ParseDurationMs(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace firn::base
