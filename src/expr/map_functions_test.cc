// SPDX-License-Identifier: Apache-2.0
// Maps of few and of many entries, with keys that come again, against a model that knows nothing of indexes.
#include <arrow/compute/initialize.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "expr/calls_test_rig.h"
#include "types/value_text.h"

namespace firn::expr {
namespace {

using types::DataType;

/// Entries in order of their first appearance, each with its last value.
struct Model {
  std::vector<int> order;
  std::map<int, int> values;

  void Add(int key, int value) {
    if (!values.contains(key)) order.push_back(key);
    values[key] = value;
  }
  std::string Text() const {
    std::string text;
    for (const int key : order) text += fmt::format("{}{}={}", text.empty() ? "" : ", ", key, values.at(key));
    return "{" + text + "}";
  }
};

TEST(Maps, OfEqualKeysTheLastCountsAtThePlaceOfTheFirst) {
  ASSERT_TRUE(arrow::compute::Initialize().ok());
  for (const DataType& key_type : {DataType::String(), DataType::Int(), DataType::BigInt(), DataType::Decimal(9, 0)}) {
    for (uint32_t seed = 0; seed < 60; ++seed) {
      std::mt19937 random(seed);
      Model model;
      std::vector<ExpressionPtr> maps;
      for (int part = 0; part < 2; ++part) {
        std::string text;
        for (uint32_t i = 0, count = 1 + random() % 60; i < count; ++i) {
          const int key = static_cast<int>(random() % 50), value = static_cast<int>(random() % 1000);
          model.Add(key, value);
          text += fmt::format("{}{}={}", i == 0 ? "" : ",", key, value);
        }
        auto cast = BindCast(Call("STR_TO_MAP", {MakeStringLiteral(text)}), DataType::Map(key_type, DataType::String()), false, {}, kStreaming);
        ASSERT_TRUE(cast.ok()) << cast.error().ToString();
        maps.push_back(*cast);
      }
      EXPECT_EQ(Show(Call("MAP_UNION", maps)), model.Text()) << key_type.ToString() << " seed " << seed;
    }
  }
}

// Many more than are compared one by one (element_index_test.cc counts comparisons).
TEST(Maps, HoldManyEntries) {
  ASSERT_TRUE(arrow::compute::Initialize().ok());
  std::string text;
  for (int i = 0; i < 30'000; ++i) text += fmt::format("{}{}={}", i == 0 ? "" : ",", i, i);
  const ExpressionPtr map = Call("STR_TO_MAP", {MakeStringLiteral(text)});
  EXPECT_EQ(Show(Call("CARDINALITY", {map})), "30000");
  EXPECT_EQ(Show(Call("CARDINALITY", {Call("MAP_UNION", {map, map})})), "30000");
  EXPECT_EQ(Show(Call("CARDINALITY", {Call("MAP_FROM_ARRAYS", {Call("MAP_KEYS", {map}), Call("MAP_VALUES", {map})})})), "30000");
}

// Of floats, whose bytes do not tell which equal each other.
TEST(Maps, HoldManyKeysAndElementsThatAreFloats) {
  ASSERT_TRUE(arrow::compute::Initialize().ok());
  std::string text = "NaN,-0.0,0.0,NaN";
  for (int i = 0; i < 10'000; ++i) text += fmt::format(",{}.5", i);
  for (const DataType& type : {DataType::Double(), DataType::Float()}) {
    auto numbers = BindCast(Call("SPLIT", {MakeStringLiteral(text), MakeStringLiteral(",")}), DataType::Array(type), false, {}, kStreaming);
    ASSERT_TRUE(numbers.ok()) << numbers.error().ToString();
    const ExpressionPtr map = Call("MAP_FROM_ARRAYS", {*numbers, *numbers});
    EXPECT_EQ(Show(Call("CARDINALITY", {*numbers})), "10004");
    EXPECT_EQ(Show(Call("CARDINALITY", {map})), "10002");
    EXPECT_EQ(Show(Call("CARDINALITY", {Call("MAP_UNION", {map, map})})), "10002");
    EXPECT_EQ(Show(Call("CARDINALITY", {Call("ARRAY_DISTINCT", {*numbers})})), "10002");
    EXPECT_EQ(Show(Call("CARDINALITY", {Call("ARRAY_UNION", {*numbers, *numbers})})), "10002");
    EXPECT_EQ(Show(Call("CARDINALITY", {Call("ARRAY_INTERSECT", {*numbers, *numbers})})), "10002");
    EXPECT_EQ(Show(Call("CARDINALITY", {Call("ARRAY_EXCEPT", {*numbers, *numbers})})), "0");
  }
}

// Of few elements and of many, with NULLs, against a model that compares texts.
TEST(Arrays, SetsAreThoseOfAModel) {
  ASSERT_TRUE(arrow::compute::Initialize().ok());
  for (const DataType& type : {DataType::String(), DataType::Int(), DataType::Double(), DataType::Decimal(9, 1), DataType::Boolean()}) {
    for (uint32_t seed = 0; seed < 40; ++seed) {
      std::mt19937 random(seed);
      std::vector<std::string> texts[2];
      std::vector<ExpressionPtr> arrays;
      for (int side = 0; side < 2; ++side) {
        std::vector<ExpressionPtr> elements;
        for (uint32_t i = 0, count = 1 + random() % (seed % 2 == 0 ? 60 : 6); i < count; ++i) {
          const uint32_t value = random() % 30;
          auto cast = BindCast(value == 0 ? MakeNullLiteral(DataType::String()) : MakeStringLiteral(type.kind() == types::TypeKind::kBoolean ? (value % 2 == 0 ? "true" : "false") : fmt::format("{}", value)),
                               type, false, {}, kStreaming);
          ASSERT_TRUE(cast.ok());
          elements.push_back(*cast);
          texts[side].push_back(Show(*cast));
        }
        arrays.push_back(Call("ARRAY", elements));
      }
      const auto has = [](const std::vector<std::string>& all, const std::string& one) { return std::find(all.begin(), all.end(), one) != all.end(); };
      const auto shown = [&](const std::vector<std::string>& from, const auto& is_kept) {
        std::vector<std::string> kept;
        for (const std::string& text : from) {
          if (is_kept(text) && !has(kept, text)) kept.push_back(text);
        }
        return fmt::format("[{}]", fmt::join(kept, ", "));
      };
      std::vector<std::string> both = texts[0];
      both.insert(both.end(), texts[1].begin(), texts[1].end());
      EXPECT_EQ(Show(Call("ARRAY_DISTINCT", {arrays[0]})), shown(texts[0], [](const std::string&) { return true; }));
      EXPECT_EQ(Show(Call("ARRAY_UNION", arrays)), shown(both, [](const std::string&) { return true; }));
      EXPECT_EQ(Show(Call("ARRAY_INTERSECT", arrays)), shown(texts[0], [&](const std::string& text) { return has(texts[1], text); }));
      EXPECT_EQ(Show(Call("ARRAY_EXCEPT", arrays)), shown(texts[0], [&](const std::string& text) { return !has(texts[1], text); }));
    }
  }
}

TEST(Maps, ANullAmongManyKeysIsRefused) {
  ASSERT_TRUE(arrow::compute::Initialize().ok());
  std::vector<ExpressionPtr> entries;
  for (int i = 0; i < 40; ++i) {
    const ExpressionPtr key = i % 19 == 18 ? Call("NULLIF", {MakeIntLiteral(i), MakeIntLiteral(i)}) : MakeIntLiteral(i);
    entries.insert(entries.end(), {key, MakeIntLiteral(i)});
  }
  EXPECT_EQ(Show(Call("MAP", entries)), "a key of a MAP is NULL");
}

}  // namespace
}  // namespace firn::expr
