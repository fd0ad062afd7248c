// SPDX-License-Identifier: Apache-2.0
#include "expr/json_tree.h"

#include <gtest/gtest.h>

namespace firn::expr {
namespace {

std::string Parsed(std::string_view text) {
  JsonParser parser;
  const auto json = parser.Parse(text);
  if (!json) return "none";
  std::string out;
  AppendJson(*json, true, &out);
  return out;
}

std::string Found(std::string_view text, std::string_view path) {
  JsonParser parser;
  auto parsed = JsonPath::Parse(path);
  if (!parsed.ok()) return parsed.error().message();
  const auto found = parsed->Find(*parser.Parse(text));
  if (!found) return "nothing";
  std::string out;
  AppendJson(*found, false, &out);
  return out;
}

TEST(JsonTree, KeepsNumbersAsWrittenAndTakesOneValue) {
  EXPECT_EQ(Parsed(" {\"b\": 1.50, \"a\": [1e3, null, true, \"x\\n\"]} "), "{\"a\":[1e3,null,true,\"x\\n\"],\"b\":1.50}");
  EXPECT_EQ(Parsed("12345678901234567890123"), "12345678901234567890123");
  for (const char* scalar : {"1", "-0.5", "true", "null", "\"a\""}) EXPECT_EQ(Parsed(scalar), scalar);
  for (const char* bad : {"", "abc", "1 2", "{} x", "[1,]", "{\"a\"}", "01", "1.", "nul", "\"a", "\"\xff\"", "-"}) EXPECT_EQ(Parsed(bad), "none") << bad;
}

TEST(JsonTree, DepthIsBounded) {
  EXPECT_EQ(Parsed(std::string(100'000, '[')), "none");
  EXPECT_EQ(Parsed(std::string(2000, '[') + std::string(2000, ']')), "none");
}

TEST(JsonPath, FindsByKeysIndicesAndAll) {
  const char* text = "{\"a\": {\"b c\": [10, 20, {\"d\": 1}]}, \"x\": 1, \"x\": 2}";
  EXPECT_EQ(Found(text, "$.a['b c'][1]"), "20");
  EXPECT_EQ(Found(text, "lax $.a['b c'][-1].d"), "1");
  EXPECT_EQ(Found(text, "$.a['b c'][*]"), "[10,20,{\"d\":1}]");
  EXPECT_EQ(Found(text, "$.x"), "2");
  EXPECT_EQ(Found(text, "$.a.z"), "nothing");
  EXPECT_EQ(Found(text, "a"), "'a' is no JSON path: it begins with $");
  EXPECT_EQ(Found(text, "$..a"), "'..' in the JSON path '$..a' is not supported");
  EXPECT_EQ(Found(text, "$.a[?(@.b)]"), "a filter in the JSON path '$.a[?(@.b)]' is not supported");
}

}  // namespace
}  // namespace firn::expr
