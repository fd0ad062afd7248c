// SPDX-License-Identifier: Apache-2.0
#include "expr/like_pattern.h"

#include <gtest/gtest.h>

#include <random>

#include "expr/utf8_internal.h"

namespace firn::expr {
namespace {

bool Like(std::string_view text, std::string_view pattern, std::string_view escape = "") {
  auto parsed = LikePattern::Parse(pattern, escape);
  EXPECT_TRUE(parsed.ok()) << pattern;
  return parsed.ok() && parsed->Matches(text);
}

// By definition, one character at a time.
bool SlowLike(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') return SlowLike(text, pattern.substr(1)) || (!text.empty() && SlowLike(text.substr(1), pattern));
  return !text.empty() && (pattern[0] == '_' || pattern[0] == text[0]) && SlowLike(text.substr(1), pattern.substr(1));
}

TEST(LikePattern, AgreesWithTheDefinition) {
  std::mt19937 random(5);
  const auto text_of = [&](const char* alphabet, size_t letters, size_t most) {
    std::string text;
    for (size_t i = random() % (most + 1); i > 0; --i) text.push_back(alphabet[random() % letters]);
    return text;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = text_of("ab", 2, 8);
    const std::string pattern = text_of("ab%_", 4, 7);
    ASSERT_EQ(Like(text, pattern), SlowLike(text, pattern)) << text << " LIKE " << pattern;
  }
}

TEST(LikePattern, CountsCodePointsAndKeepsEscapes) {
  EXPECT_TRUE(Like("\U0001F600", "_"));
  EXPECT_TRUE(Like("h\u00e9llo", "h_ll%"));
  EXPECT_FALSE(Like("\u00e9", "__"));
  EXPECT_TRUE(Like("a%c", "a!%c", "!"));
  EXPECT_FALSE(Like("abc", "a!%c", "!"));
  EXPECT_FALSE(Like("a_c", "a\\_c"));  // no escape character unless one is named
  EXPECT_FALSE(LikePattern::Parse("a!bc", "!").ok());
  EXPECT_FALSE(LikePattern::Parse("a", "!!").ok());
}

}  // namespace
}  // namespace firn::expr
