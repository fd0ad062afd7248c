// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <list>
#include <random>

#include "exec/operator_test_rig.h"

namespace firn::exec {
namespace {

using types::RowKind;

std::shared_ptr<plan::PhysicalNode> MakeNode(bool knows_before) {
  auto node = std::make_shared<plan::PhysicalNode>();
  auto input = std::make_shared<plan::PhysicalNode>();
  input->schema = node->schema = IntSchema(2);
  input->changelog = {true, knows_before, true};
  node->inputs.push_back(std::move(input));
  node->spec = plan::NormalizeNode{{0}, true};
  return node;
}

// Rows that several writers add and take back under one key: the last of those that are there is the key's row.
TEST(NormalizeOperator, TheLastRowThatIsThereIsTheKeys) {
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    const auto node = MakeNode(true);
    OperatorRig rig([&]() -> Result<OperatorPtr> { return MakeNormalizeOperator(*node); }, {{0}});
    const std::vector<int32_t> keys = KeysOfFewGroups(12);
    std::mt19937 random(seed);
    std::map<int, std::list<int>> rows;  // in order of arrival
    Relation result;
    int last_value = 0;
    for (int step = 0; step < 60; ++step) {
      std::vector<Change> changes;
      for (uint32_t i = random() % 6; i > 0; --i) {
        const int key = keys[random() % keys.size()];
        std::list<int>& there = rows[key];
        if (random() % 2 == 0 && !there.empty()) {
          auto gone = there.begin();
          std::advance(gone, random() % there.size());
          changes.push_back({random() % 2 == 0 ? RowKind::kUpdateBefore : RowKind::kDelete, {key, *gone}});
          there.erase(gone);
        } else {
          const int value = ++last_value;  // each row once: equal ones have no order
          there.push_back(value);
          changes.push_back({RowKind::kInsert, {key, value}});
        }
      }
      if (changes.empty()) continue;
      rig.Process(0, MakeBatch(node->schema, changes));
      Apply(rig.TakeChanges(), &result);
      Relation expected;
      for (const auto& [key, there] : rows) {
        if (!there.empty()) expected[{key, there.back()}] = 1;
      }
      ASSERT_EQ(result, expected) << "seed " << seed << " step " << step;
      if (random() % 3 == 0) rig.Checkpoint();
      if (random() % 5 == 0) rig.Restart(1 + static_cast<int>(random() % 3));
    }
  }
}

TEST(NormalizeOperator, AnUpsertReplacesAndADeleteNeedsTheKeyOnly) {
  const auto node = MakeNode(false);
  OperatorRig rig([&]() -> Result<OperatorPtr> { return MakeNormalizeOperator(*node); });
  rig.Process(0, MakeBatch(node->schema, {{RowKind::kUpdateAfter, {1, 10}}, {RowKind::kUpdateAfter, {2, 20}}}));
  rig.Process(0, MakeBatch(node->schema, {{RowKind::kUpdateAfter, {1, 11}}, {RowKind::kUpdateAfter, {2, 20}}}));
  rig.Restart();
  rig.Process(0, MakeBatch(node->schema, {{RowKind::kDelete, {1, std::nullopt}}}));
  const std::vector<Change> changes = rig.TakeChanges();
  ASSERT_EQ(changes.size(), 5u);  // +I, +I, -U, +U, -D
  EXPECT_EQ(changes[2].row, (IntRow{1, 10}));
  EXPECT_EQ(changes[3].row, (IntRow{1, 11}));
  EXPECT_EQ(changes[4].kind, RowKind::kDelete);
  EXPECT_EQ(changes[4].row, (IntRow{1, 11}));
}

}  // namespace
}  // namespace firn::exec
