// SPDX-License-Identifier: Apache-2.0
// Top-N and the sort by event time against sorting all rows at once, over random changes and restarts; sort keys against comparing values.
#include <gtest/gtest.h>

#include <arrow/array.h>
#include <arrow/builder.h>

#include <algorithm>
#include <limits>
#include <random>

#include "exec/columns.h"
#include "exec/operator_test_rig.h"
#include "exec/sort_key.h"

namespace firn::exec {
namespace {

using types::DataType;
using types::RowKind;

std::shared_ptr<plan::PhysicalNode> MakeSortNode(types::SchemaPtr schema, plan::SortNode sort, bool has_updates) {
  auto node = std::make_shared<plan::PhysicalNode>();
  auto input = std::make_shared<plan::PhysicalNode>();
  input->schema = schema;
  if (has_updates) input->changelog = plan::ChangelogMode{true, true, true};
  node->inputs.push_back(std::move(input));
  node->schema = std::move(schema);
  node->spec = std::move(sort);
  return node;
}

// By the first column descending with NULL last, then ascending by the second with NULL first; equal rows are alike.
bool ComesBefore(const IntRow& left, const IntRow& right) {
  if (left[0] != right[0]) return left[0].value_or(-1000) > right[0].value_or(-1000);
  return left[1].value_or(-1000) < right[1].value_or(-1000);
}

Relation Top(std::vector<IntRow> rows, size_t offset, size_t limit) {
  std::stable_sort(rows.begin(), rows.end(), ComesBefore);
  Relation top;
  for (size_t i = offset; i < std::min(rows.size(), offset + limit); ++i) ++top[rows[i]];
  return top;
}

TEST(TopNOperator, IsWhatSortingAllRowsGivesAfterEveryChange) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<uint32_t>(limit)); };
    const bool has_updates = below(2) == 0;
    const int offset = below(4), limit = below(5);
    plan::SortNode sort{{{0, true, false}, {1, false, true}}, offset, limit, false};
    const auto node = MakeSortNode(IntSchema(2), std::move(sort), has_updates);
    OperatorRig rig([&] { return MakeTopNOperator(*node); });
    std::vector<IntRow> rows;
    Relation result;
    for (int step = 0; step < 60; ++step) {
      std::vector<Change> changes;
      for (int i = below(3); i >= 0; --i) {
        if (has_updates && !rows.empty() && below(5) < 2) {
          const auto at = rows.begin() + below(static_cast<int>(rows.size()));
          changes.push_back({RowKind::kDelete, *at});
          rows.erase(at);
          continue;
        }
        const auto value = [&] { return below(8) == 0 ? std::nullopt : std::optional<int32_t>(below(6) - 3); };
        rows.push_back({value(), value()});
        changes.push_back({RowKind::kInsert, rows.back()});
      }
      rig.Process(0, MakeBatch(node->schema, changes));
      Apply(rig.TakeChanges(), &result);
      ASSERT_EQ(result, Top(rows, static_cast<size_t>(offset), static_cast<size_t>(limit))) << "seed " << seed << " step " << step;
      if (below(3) == 0) rig.Checkpoint();
      if (below(6) == 0) rig.Restart();
      EXPECT_EQ(rig.TakeChanges().size(), 0u);
    }
  }
}

TEST(TopNOperator, KeepsNoRowThatInsertsAloneCannotShow) {
  const auto node = MakeSortNode(IntSchema(1), plan::SortNode{{{0, true, false}}, 1, 2, false}, false);
  OperatorRig rig([&] { return MakeTopNOperator(*node); });
  int64_t bytes = 0;
  for (int32_t value = 0; value < 100; ++value) {
    rig.Process(0, MakeBatch(node->schema, {{RowKind::kInsert, {value}}, {RowKind::kInsert, {-value}}}));
    if (value == 3) bytes = rig.op().state_bytes();
  }
  EXPECT_EQ(rig.op().state_bytes(), bytes);
}

TEST(TopNOperator, EqualRowsKeepTheirOrderOfArrival) {
  const auto node = MakeSortNode(IntSchema(2), plan::SortNode{{{0, false, true}}, 0, 2, false}, true);
  OperatorRig rig([&] { return MakeTopNOperator(*node); });
  rig.Process(0, MakeBatch(node->schema, {{RowKind::kInsert, {1, 1}}, {RowKind::kInsert, {1, 2}}, {RowKind::kInsert, {1, 3}}}));
  rig.Restart();
  rig.Process(0, MakeBatch(node->schema, {{RowKind::kDelete, {1, 1}}}));
  Relation result;
  Apply(rig.TakeChanges(), &result);
  EXPECT_EQ(result, (Relation{{{1, 2}, 1}, {{1, 3}, 1}}));
}

// The columns of a state are the operator's, whatever the query calls its own.
TEST(SortedOperators, ColumnsMayHaveAnyName) {
  for (const char* name : {"arrival", "key_group"}) {
    const auto schema = types::MakeSchema({{"ts", DataType::Timestamp(3)}, {name, DataType::Int()}});
    for (const bool is_temporal : {false, true}) {
      const auto node = MakeSortNode(schema, plan::SortNode{{{0, false, true}}, 0, is_temporal ? -1 : 2, is_temporal}, !is_temporal);
      OperatorRig rig([&] { return is_temporal ? MakeTemporalSortOperator(*node) : MakeTopNOperator(*node); });
      rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 7}}, {RowKind::kInsert, {2, 8}}, {RowKind::kInsert, {3, 9}}}));
      rig.Restart();
      rig.Process(0, MakeBatch(schema, {{is_temporal ? RowKind::kInsert : RowKind::kDelete, {1, 7}}}));
      rig.Advance(3);
      Relation result;
      Apply(rig.TakeChanges(), &result);
      EXPECT_EQ(result, is_temporal ? (Relation{{{1, 7}, 2}, {{2, 8}, 1}, {{3, 9}, 1}}) : (Relation{{{2, 8}, 1}, {{3, 9}, 1}})) << name;
    }
  }
}

std::shared_ptr<plan::PhysicalNode> MakeTemporalNode() {
  const auto schema = types::MakeSchema({{"ts", DataType::Timestamp(3)}, {"v", DataType::Int()}});
  return MakeSortNode(schema, plan::SortNode{{{0, false, true}, {1, true, false}}, 0, -1, true}, false);
}

TEST(TemporalSort, LetsRowsGoInOrderThroughRestarts) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    const auto node = MakeTemporalNode();
    OperatorRig rig([&] { return MakeTemporalSortOperator(*node); });
    std::mt19937 random(seed);
    std::vector<IntRow> rows, sorted;
    int32_t watermark = 0;
    const auto take = [&] {
      for (const Change& change : rig.TakeChanges()) sorted.push_back(change.row);
    };
    for (int step = 0; step < 30; ++step) {
      std::vector<Change> changes;
      for (uint32_t i = random() % 5; i > 0; --i) {
        rows.push_back({watermark + 1 + static_cast<int32_t>(random() % 10), static_cast<int32_t>(random() % 3)});
        changes.push_back({RowKind::kInsert, rows.back()});
      }
      if (!changes.empty()) rig.Process(0, MakeBatch(node->schema, changes));
      if (random() % 2 == 0) rig.Advance(watermark += static_cast<int32_t>(random() % 4));
      if (random() % 3 == 0) rig.Checkpoint();
      if (random() % 5 == 0) rig.Restart();
      take();
      for (const IntRow& row : sorted) ASSERT_LE(row[0], watermark);
    }
    rig.Advance(types::kFinalWatermark);
    take();
    std::stable_sort(rows.begin(), rows.end(), [](const IntRow& left, const IntRow& right) { return left[0] != right[0] ? left[0] < right[0] : left[1] > right[1]; });
    ASSERT_EQ(sorted, rows) << "seed " << seed;
    EXPECT_EQ(rig.op().state_bytes(), 0);
  }
}

TEST(TemporalSort, TakesRowsBehindTheWatermarkThatNobodyHasOvertaken) {
  const auto node = MakeTemporalNode();
  OperatorRig rig([&] { return MakeTemporalSortOperator(*node); });
  rig.Process(0, MakeBatch(node->schema, {{RowKind::kInsert, {5, 1}}}));
  rig.Advance(9);
  rig.Process(0, MakeBatch(node->schema, {{RowKind::kInsert, {7, 2}}, {RowKind::kInsert, {5, 3}}, {RowKind::kInsert, {4, 4}}}));
  rig.Restart();
  rig.Advance(10);
  std::vector<IntRow> rows;
  for (const Change& change : rig.TakeChanges()) rows.push_back(change.row);
  EXPECT_EQ(rows, (std::vector<IntRow>{{5, 1}, {7, 2}}));
}

TEST(SortKey, OrdersFloatsAndTextsAsFlink) {
  arrow::DoubleBuilder doubles;
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> values = {-infinity, -2.5, -0.0, 1e-300, 3.0, infinity, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_TRUE(doubles.AppendNull().ok());
  for (double value : values) EXPECT_TRUE(doubles.Append(value).ok());
  arrow::StringBuilder texts;
  const std::vector<std::string> words = {"", std::string(1, '\0'), std::string("\0a", 2), "a", std::string("a\0", 2), "aa", "\xc3\xa9"};
  EXPECT_TRUE(texts.AppendNull().ok());
  for (const std::string& word : words) EXPECT_TRUE(texts.Append(word).ok());
  const auto schema = types::MakeSchema({{"d", DataType::Double()}, {"s", DataType::String()}});
  const types::Batch batch{schema, {doubles.Finish().ValueOrDie(), texts.Finish().ValueOrDie()}, 8, nullptr, nullptr};
  for (int column : {0, 1}) {
    for (bool descending : {false, true}) {
      std::vector<std::string> keys;
      SortKeyEncoder::Make(*schema, {{column, descending, !descending}}).value().Encode(batch, &keys);
      if (descending) std::reverse(keys.begin(), keys.end());
      EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end())) << column << descending;
      EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
    }
  }
}

TEST(SortKey, RefusesWhatHasNoOrder) {
  const auto schema = types::MakeSchema({{"a", DataType::Array(DataType::Int())}});
  const auto made = SortKeyEncoder::Make(*schema, {{0, false, true}});
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code(), ErrorCode::kNotSupported);
}

}  // namespace
}  // namespace firn::exec
