// SPDX-License-Identifier: Apache-2.0
// Updating aggregates against aggregates of whole relations, over random changes and restarts; and groups whose time is over.
#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <set>

#include "exec/operator_test_rig.h"

namespace firn::exec {
namespace {

using types::DataType;
using types::RowKind;

expr::AggregateCall Retractable(const char* name, std::vector<int> arguments) {
  expr::AggregateCall call = AggregateOfInts(name, std::move(arguments));
  call.options.is_retractable = true;
  return call;
}

// k, COUNT(*), SUM(v), MAX(v)
std::shared_ptr<plan::PhysicalNode> MakeNode(int64_t ttl_ms = 0) {
  auto node = std::make_shared<plan::PhysicalNode>();
  auto input = std::make_shared<plan::PhysicalNode>();
  input->schema = IntSchema(2);
  node->inputs.push_back(std::move(input));
  plan::GroupAggregateNode spec;
  spec.keys = {0};
  spec.aggregates = {Retractable("COUNT", {}), Retractable("SUM", {1}), Retractable("MAX", {1})};
  spec.state_ttl_ms = ttl_ms;
  node->spec = std::move(spec);
  node->schema = types::MakeSchema({{"k", DataType::Int()}, {"c", DataType::BigInt()}, {"s", DataType::Int()}, {"m", DataType::Int()}});
  return node;
}

Relation Expected(const Relation& rows) {
  std::map<std::optional<int32_t>, std::vector<int32_t>> groups;
  for (const auto& [row, count] : rows) {
    for (int64_t i = 0; i < count; ++i) groups[row[0]].push_back(*row[1]);
  }
  Relation expected;
  for (const auto& [key, values] : groups) {
    int32_t sum = 0;
    for (int32_t value : values) sum += value;
    expected[{key, static_cast<int32_t>(values.size()), sum, *std::max_element(values.begin(), values.end())}] = 1;
  }
  return expected;
}

TEST(GroupAggregateOperator, FollowsChangesThroughRestarts) {
  for (const bool net_changes : {false, true}) {
    for (uint32_t seed = 1; seed <= 20; ++seed) {
      const auto node = MakeNode();
      OperatorOptions options;
      options.emits_net_changes = net_changes;
      OperatorRig rig([&] { return MakeGroupAggregateOperator(*node, options); });
      std::mt19937 random(seed);
      Relation rows, result;
      for (int step = 0; step < 40; ++step) {
        std::vector<Change> changes;
        for (uint32_t i = random() % 8; i > 0; --i) {
          Change change{RowKind::kInsert, {random() % 7 == 0 ? std::nullopt : std::optional<int32_t>(random() % 4), static_cast<int32_t>(random() % 9)}};
          if (random() % 2 == 0 && !rows.empty()) {
            auto at = rows.begin();
            std::advance(at, random() % rows.size());
            change = {random() % 2 == 0 ? RowKind::kDelete : RowKind::kUpdateBefore, at->first};
          }
          Apply({change}, &rows);
          changes.push_back(std::move(change));
        }
        if (changes.empty()) continue;
        rig.Process(0, MakeBatch(node->inputs[0]->schema, changes));
        Apply(rig.TakeChanges(), &result);
        ASSERT_EQ(result, Expected(rows)) << "seed " << seed << " step " << step;
        if (random() % 3 == 0) rig.Checkpoint();
        if (random() % 6 == 0) rig.Restart();
      }
    }
  }
}

// Every aggregate that can be taken back, over keys that come and go and a few of which change between checkpoints: those are stored as changes, among them
// that a key is gone.
std::shared_ptr<plan::PhysicalNode> MakeWideNode() {
  auto node = MakeNode();
  auto input = std::make_shared<plan::PhysicalNode>();
  input->schema = types::MakeSchema({{"k", DataType::Int()}, {"v", DataType::Int()}, {"f", DataType::Boolean()}});
  node->inputs = {std::move(input)};
  auto& spec = std::get<plan::GroupAggregateNode>(node->spec);
  spec.aggregates = {Retractable("COUNT", {}), Retractable("COUNT", {1}), Retractable("SUM", {1}), Retractable("AVG", {1}), Retractable("MIN", {1}), Retractable("MAX", {1}), Retractable("COUNT", {1}), Retractable("SUM", {1}), Retractable("MIN", {1})};
  spec.aggregates[6].options.is_distinct = spec.aggregates[7].options.is_distinct = true;
  spec.aggregates[7].filter = spec.aggregates[8].filter = 2;
  std::vector<types::Field> fields = {{"k", DataType::Int()}};
  for (const expr::AggregateCall& call : spec.aggregates) fields.push_back({"a" + std::to_string(fields.size()), call.signature.result});
  node->schema = types::MakeSchema(std::move(fields));
  return node;
}

Relation ExpectedWide(const Relation& rows) {
  std::map<std::optional<int32_t>, Relation> by_key;
  for (const auto& [row, count] : rows) by_key[row[0]][row] = count;
  Relation expected;
  for (const auto& [key, group] : by_key) {
    int32_t count = 0, value_count = 0, sum = 0;
    std::set<int32_t> values, filtered;
    for (const auto& [row, times] : group) {
      count += static_cast<int32_t>(times);
      if (!row[1]) continue;
      value_count += static_cast<int32_t>(times);
      sum += *row[1] * static_cast<int32_t>(times);
      values.insert(*row[1]);
      if (row[2] && *row[2] != 0) filtered.insert(*row[1]);
    }
    const auto if_any = [](const std::set<int32_t>& of, int32_t value) { return of.empty() ? std::nullopt : std::optional<int32_t>(value); };
    const auto first = [&](const std::set<int32_t>& of) { return of.empty() ? std::nullopt : std::optional<int32_t>(*of.begin()); };
    expected[{key, count, value_count, if_any(values, sum), values.empty() ? std::nullopt : std::optional<int32_t>(sum / value_count), first(values),
              if_any(values, values.empty() ? 0 : *values.rbegin()), static_cast<int32_t>(values.size()), if_any(filtered, std::accumulate(filtered.begin(), filtered.end(), 0)),
              first(filtered)}] = 1;
  }
  return expected;
}

TEST(GroupAggregateOperator, AllAggregatesFollowChangesThroughRestartsAtAnyParallelism) {
  const std::vector<int32_t> keys = KeysOfFewGroups(36);
  for (const bool net_changes : {false, true}) {
    for (uint32_t seed = 1; seed <= 5; ++seed) {
      const auto node = MakeWideNode();
      OperatorOptions options;
      options.emits_net_changes = net_changes;
      OperatorRig rig([&] { return MakeGroupAggregateOperator(*node, options); }, {{0}});
      std::mt19937 random(seed);
      const auto maybe = [&](int32_t value) { return random() % 7 == 0 ? std::nullopt : std::optional<int32_t>(value); };
      Relation rows, result;
      for (int step = 0; step < 80; ++step) {
        std::vector<Change> changes;
        for (uint32_t i = step == 0 ? 40 : 1 + random() % 4; i > 0; --i) {
          Change change{RowKind::kInsert, {maybe(keys[random() % keys.size()]), maybe(static_cast<int32_t>(random() % 9) - 4), maybe(static_cast<int32_t>(random() % 2))}};
          if (step > 0 && random() % 2 == 0 && !rows.empty()) {
            auto at = rows.begin();
            std::advance(at, random() % rows.size());
            change = {random() % 2 == 0 ? RowKind::kDelete : RowKind::kUpdateBefore, at->first};
          }
          Apply({change}, &rows);
          changes.push_back(std::move(change));
        }
        rig.Process(0, MakeBatch(node->inputs[0]->schema, changes));
        Apply(rig.TakeChanges(), &result);
        ASSERT_EQ(result, ExpectedWide(rows)) << "seed " << seed << " step " << step;
        if (random() % 3 == 0) rig.Checkpoint();
        if (random() % 6 == 0) rig.Restart(1 + static_cast<int>(random() % 3));
      }
    }
  }
}

/// A key's values by arrival, of which the first of equal ones is taken back.
using Arrivals = std::map<std::optional<int32_t>, std::vector<std::optional<int32_t>>>;

Relation ExpectedPositions(const Arrivals& arrivals) {
  Relation expected;
  for (const auto& [key, values] : arrivals) {
    if (values.empty()) continue;
    const auto is_there = [](const std::optional<int32_t>& value) { return value.has_value(); };
    const auto first = std::find_if(values.begin(), values.end(), is_there);
    const auto last = std::find_if(values.rbegin(), values.rend(), is_there);
    expected[{key, first == values.end() ? std::nullopt : *first, last == values.rend() ? std::nullopt : *last}] = 1;
  }
  return expected;
}

TEST(GroupAggregateOperator, FirstAndLastGoByArrivalThroughRestartsAtAnyParallelism) {
  const std::vector<int32_t> keys = KeysOfFewGroups(9);
  for (uint32_t seed = 1; seed <= 8; ++seed) {
    const auto node = MakeNode();
    auto& spec = std::get<plan::GroupAggregateNode>(node->spec);
    spec.aggregates = {Retractable("FIRST_VALUE", {1}), Retractable("LAST_VALUE", {1})};
    node->schema = IntSchema(3);
    OperatorRig rig([&] { return MakeGroupAggregateOperator(*node, {}); }, {{0}});
    std::mt19937 random(seed);
    Arrivals arrivals;
    Relation result;
    for (int step = 0; step < 60; ++step) {
      std::vector<Change> changes;
      for (uint32_t i = 1 + random() % 6; i > 0; --i) {
        const std::optional<int32_t> key = keys[random() % keys.size()];
        std::vector<std::optional<int32_t>>& values = arrivals[key];
        if (random() % 2 == 0 || values.empty()) {
          values.push_back(random() % 5 == 0 ? std::nullopt : std::optional<int32_t>(random() % 4));
          changes.push_back({RowKind::kInsert, {key, values.back()}});
        } else {
          const std::optional<int32_t> value = values[random() % values.size()];
          values.erase(std::find(values.begin(), values.end(), value));
          changes.push_back({RowKind::kDelete, {key, value}});
        }
      }
      rig.Process(0, MakeBatch(node->inputs[0]->schema, changes));
      Apply(rig.TakeChanges(), &result);
      ASSERT_EQ(result, ExpectedPositions(arrivals)) << "seed " << seed << " step " << step;
      if (random() % 3 == 0) rig.Checkpoint();
      if (random() % 6 == 0) rig.Restart(1 + static_cast<int>(random() % 3));
    }
  }
}

// What is taken back of a key that is not there (its time was over) is nothing, as in Flink, however rows are batched.
TEST(GroupAggregateOperator, AnUpdateOfAGroupWhoseTimeIsOverIsItsFirstRow) {
  for (const bool net_changes : {false, true}) {
    for (const bool one_batch : {false, true}) {
      const auto node = MakeNode(1000);
      OperatorOptions options;
      options.emits_net_changes = net_changes;
      OperatorRig rig([&] { return MakeGroupAggregateOperator(*node, options); });
      const types::SchemaPtr& schema = node->inputs[0]->schema;
      rig.SetTime(5'000);
      rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 7}}}));
      rig.TakeChanges();
      rig.SetTime(7'000);
      const std::vector<Change> update = {{RowKind::kUpdateBefore, {1, 7}}, {RowKind::kUpdateAfter, {1, 9}}};
      if (one_batch) {
        rig.Process(0, MakeBatch(schema, update));
      } else {
        for (const Change& change : update) rig.Process(0, MakeBatch(schema, {change}));
      }
      Relation result;
      Apply(rig.TakeChanges(), &result);
      EXPECT_EQ(result, (Relation{{{1, 1, 9, 9}, 1}})) << net_changes << one_batch;
    }
  }
}

// Or a join behind it would forget the row while the group lives on.
TEST(GroupAggregateOperator, WithATimeToLiveWhatStaysTheSameIsToldAgain) {
  for (const int64_t ttl_ms : {0, 1000}) {
    auto node = MakeNode(ttl_ms);
    std::get<plan::GroupAggregateNode>(node->spec).aggregates.clear();
    node->schema = IntSchema(1);
    OperatorRig rig([&] { return MakeGroupAggregateOperator(*node, {}); });
    rig.Process(0, MakeBatch(node->inputs[0]->schema, {{RowKind::kInsert, {1, 7}}, {RowKind::kInsert, {1, 8}}}));
    const std::vector<Change> changes = rig.TakeChanges();
    EXPECT_EQ(changes.size(), ttl_ms > 0 ? 3u : 1u);
    Relation result;
    Apply(changes, &result);
    EXPECT_EQ(result, (Relation{{{1}, 1}}));
  }
}

TEST(GroupAggregateOperator, AGroupWhoseTimeIsOverBeginsAnew) {
  const auto node = MakeNode(1000);
  OperatorRig rig([&] { return MakeGroupAggregateOperator(*node, {}); });
  const types::SchemaPtr& schema = node->inputs[0]->schema;
  rig.SetTime(5'000);
  rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 7}}, {RowKind::kInsert, {2, 7}}}));
  rig.SetTime(5'999);
  rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 1}}}));
  rig.Restart();
  rig.TakeChanges();
  rig.SetTime(6'500);
  rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 1}}, {RowKind::kInsert, {2, 1}}}));
  const std::vector<Change> changes = rig.TakeChanges();
  ASSERT_EQ(changes.size(), 3u);  // -U, +U of key 1; +I of key 2
  EXPECT_EQ(changes[1].row, (IntRow{1, 3, 9, 7}));
  EXPECT_EQ(changes[2].kind, RowKind::kInsert);
  EXPECT_EQ(changes[2].row, (IntRow{2, 1, 1, 1}));
  rig.Timer(60'000);
  rig.SetTime(60'000);
  rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 5}}}));
  EXPECT_EQ(rig.TakeChanges()[0].row, (IntRow{1, 1, 5, 5}));
}

}  // namespace
}  // namespace firn::exec
