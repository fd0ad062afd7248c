// SPDX-License-Identifier: Apache-2.0
// Every kind of join against a join of whole relations, over random changes of both sides, with restarts in between.
#include <gtest/gtest.h>

#include <random>

#include "exec/operator_test_rig.h"
#include "expr/scalar_function.h"

namespace firn::exec {
namespace {

using plan::JoinKind;
using types::RowKind;

struct Variant {
  JoinKind kind;
  bool null_safe = false;
  bool has_condition = false;  // left.c1 < right.c1
  bool is_null_aware = false;
  bool has_keys = true;
};

std::shared_ptr<plan::PhysicalNode> MakeJoinNode(const Variant& variant, int64_t ttl_ms = 0) {
  auto node = std::make_shared<plan::PhysicalNode>();
  for (int i = 0; i < 2; ++i) {
    auto input = std::make_shared<plan::PhysicalNode>();
    input->schema = IntSchema(2);
    node->inputs.push_back(std::move(input));
  }
  plan::JoinNode join;
  join.kind = variant.kind;
  if (variant.has_keys) {
    join.left_keys = join.right_keys = {0};
    join.null_safe = {variant.null_safe};
  }
  join.is_null_aware_anti = variant.is_null_aware;
  join.left_ttl_ms = join.right_ttl_ms = ttl_ms;
  if (variant.has_condition) {
    const auto column = [](int index) { return expr::MakeColumn(index, "c", types::DataType::Int()); };
    join.condition = expr::BindCall("<", {column(1), column(3)}, {}, {}).value();
  }
  node->schema = IntSchema(variant.kind == JoinKind::kSemi || variant.kind == JoinKind::kAnti ? 2 : 4);
  node->spec = std::move(join);
  return node;
}

bool Matches(const Variant& variant, const IntRow& left, const IntRow& right) {
  if (variant.has_condition && !(left[1] && right[1] && *left[1] < *right[1])) return false;
  if (!variant.has_keys) return true;
  if (variant.null_safe) return left[0] == right[0];
  if (!left[0] || !right[0]) return variant.is_null_aware;  // unknown: NOT IN takes it for a match
  return *left[0] == *right[0];
}

IntRow Joined(IntRow left, const IntRow& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Relation JoinRelations(const Variant& variant, const Relation& left, const Relation& right) {
  Relation result;
  const IntRow nothing(2);
  std::map<IntRow, bool> right_matched;
  for (const auto& [left_row, left_count] : left) {
    bool matched = false;
    for (const auto& [right_row, right_count] : right) {
      if (!Matches(variant, left_row, right_row)) continue;
      matched = right_matched[right_row] = true;
      if (variant.kind != JoinKind::kSemi && variant.kind != JoinKind::kAnti) result[Joined(left_row, right_row)] += left_count * right_count;
    }
    if (variant.kind == JoinKind::kSemi ? matched : variant.kind == JoinKind::kAnti && !matched) result[left_row] += left_count;
    if (!matched && (variant.kind == JoinKind::kLeft || variant.kind == JoinKind::kFull)) result[Joined(left_row, nothing)] += left_count;
  }
  for (const auto& [right_row, right_count] : right) {
    if (!right_matched[right_row] && (variant.kind == JoinKind::kRight || variant.kind == JoinKind::kFull)) result[Joined(nothing, right_row)] += right_count;
  }
  return result;
}

class Changer {
 public:
  explicit Changer(uint32_t seed) : random_(seed) {}
  int Below(int limit) { return static_cast<int>(random_() % static_cast<uint32_t>(limit)); }
  IntRow Row() {
    auto value = [&](int limit) { return Below(6) == 0 ? std::nullopt : std::optional<int32_t>(Below(limit)); };
    const std::optional<int32_t> key = value(8), other = value(5);
    return {key ? std::optional<int32_t>(keys_[static_cast<size_t>(*key)]) : key, other};
  }
  // Inserts, and deletes or updates of rows that are there.
  std::vector<Change> Changes(int count_max, Relation* relation) {
    std::vector<Change> changes;
    for (int i = Below(count_max); i >= 0; --i) {
      const int choice = Below(4);
      if (choice < 2 || relation->empty()) {
        changes.push_back({RowKind::kInsert, Row()});
      } else {
        auto at = relation->begin();
        std::advance(at, Below(static_cast<int>(relation->size())));
        changes.push_back({choice == 2 ? RowKind::kDelete : RowKind::kUpdateBefore, at->first});
        Apply({changes.back()}, relation);
        if (choice == 2) continue;
        changes.push_back({RowKind::kUpdateAfter, Row()});
      }
      Apply({changes.back()}, relation);
    }
    return changes;
  }

 private:
  std::mt19937 random_;
  const std::vector<int32_t> keys_ = KeysOfFewGroups(8);
};

void CheckStream(const Variant& variant, uint32_t seed) {
  SCOPED_TRACE(testing::Message() << "seed " << seed << " kind " << static_cast<int>(variant.kind));
  const auto node = MakeJoinNode(variant);
  // NOT IN and joins without keys have one lane.
  const bool has_lanes = variant.has_keys && !variant.is_null_aware;
  OperatorRig rig([&] { return MakeJoinOperator(*node); }, {{0}, {0}});
  Changer changer(seed);
  Relation sides[2], result;
  for (int step = 0; step < 60; ++step) {
    const int input = changer.Below(2);
    rig.Process(input, MakeBatch(node->inputs[static_cast<size_t>(input)]->schema, changer.Changes(step < 20 ? 8 : 2, &sides[input])));
    Apply(rig.TakeChanges(), &result);
    ASSERT_EQ(result, JoinRelations(variant, sides[0], sides[1])) << "after step " << step;
    if (changer.Below(3) == 0) rig.Checkpoint();
    if (changer.Below(6) == 0) rig.Restart(has_lanes ? 1 + changer.Below(3) : 1);
    if (testing::Test::HasFatalFailure()) return;
  }
}

std::vector<Variant> AllVariants() {
  std::vector<Variant> variants;
  for (JoinKind kind : {JoinKind::kInner, JoinKind::kLeft, JoinKind::kRight, JoinKind::kFull, JoinKind::kSemi, JoinKind::kAnti}) {
    variants.push_back({.kind = kind});
    variants.push_back({.kind = kind, .null_safe = true});
    variants.push_back({.kind = kind, .has_condition = true});
    variants.push_back({.kind = kind, .has_condition = true, .has_keys = false});
  }
  variants.push_back({.kind = JoinKind::kAnti, .is_null_aware = true});
  variants.push_back({.kind = JoinKind::kAnti, .has_condition = true, .is_null_aware = true});
  return variants;
}

TEST(JoinOperator, FollowsChangesOfBothSidesThroughRestarts) {
  for (const Variant& variant : AllVariants()) {
    for (uint32_t seed = 1; seed <= 3; ++seed) CheckStream(variant, seed);
  }
}

TEST(JoinOperator, JoinsBoundedInputsInAnyOrderOfArrival) {
  for (const Variant& variant : AllVariants()) {
    for (uint32_t seed = 1; seed <= 8; ++seed) {
      const auto node = MakeJoinNode(variant);
      OperatorRig rig([&] { return MakeBatchJoinOperator(*node); });
      Changer changer(seed);
      Relation sides[2], result;
      bool right_ended = false;
      for (int step = 0; step < 12; ++step) {
        const int input = right_ended ? 0 : changer.Below(2);
        std::vector<Change> rows;
        for (int i = changer.Below(6); i >= 0; --i) rows.push_back({RowKind::kInsert, changer.Row()});
        Apply(rows, &sides[input]);
        rig.Process(input, MakeBatch(node->inputs[0]->schema, rows));
        if (step == 8 && seed % 2 == 0) {
          rig.EndInput(1);
          right_ended = true;
        }
      }
      rig.Finish();
      Apply(rig.TakeChanges(), &result);
      ASSERT_EQ(result, JoinRelations(variant, sides[0], sides[1])) << "seed " << seed << " kind " << static_cast<int>(variant.kind);
    }
  }
}

TEST(JoinOperator, ForgetsRowsWhoseTimeIsOver) {
  const auto node = MakeJoinNode({.kind = JoinKind::kInner}, 1000);
  OperatorRig rig([&] { return MakeJoinOperator(*node); });
  const types::SchemaPtr& schema = node->inputs[0]->schema;
  rig.SetTime(10'000);
  rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 1}}, {RowKind::kInsert, {2, 1}}}));
  rig.SetTime(10'999);
  rig.Process(1, MakeBatch(schema, {{RowKind::kInsert, {1, 2}}}));
  EXPECT_EQ(rig.TakeChanges().size(), 1u);
  rig.SetTime(11'000);
  rig.Process(1, MakeBatch(schema, {{RowKind::kInsert, {1, 3}}}));
  EXPECT_EQ(rig.TakeChanges().size(), 0u);
  rig.Timer(20'000);
  rig.SetTime(20'000);
  rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 1}}}));
  EXPECT_EQ(rig.TakeChanges().size(), 0u);
}

// As in Flink, where the count of matches is written with the row it belongs to: a row of an outer, semi or anti side lives on while it gets and loses matches.
TEST(JoinOperator, AMatchThatIsCountedRenewsTheTimeOfItsRow) {
  struct Case {
    JoinKind kind;
    bool is_renewed;
  };
  for (const auto& [kind, is_renewed] : {Case{JoinKind::kInner, false}, Case{JoinKind::kRight, false}, Case{JoinKind::kLeft, true}, Case{JoinKind::kFull, true}, Case{JoinKind::kSemi, true}, Case{JoinKind::kAnti, true}}) {
    const auto node = MakeJoinNode({.kind = kind}, 1000);
    OperatorRig rig([&] { return MakeJoinOperator(*node); });
    const types::SchemaPtr& schema = node->inputs[0]->schema;
    rig.SetTime(10'000);
    rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 1}}}));
    rig.SetTime(10'600);
    rig.Process(1, MakeBatch(schema, {{RowKind::kInsert, {1, 2}}}));
    rig.Timer(11'100);  // sweeps what is over
    rig.SetTime(11'100);
    rig.TakeChanges();
    rig.Process(1, MakeBatch(schema, {{RowKind::kDelete, {1, 2}}}));
    const bool is_seen = !rig.TakeChanges().empty();
    EXPECT_EQ(is_seen, is_renewed || kind == JoinKind::kRight) << static_cast<int>(kind);  // a RIGHT join takes back the row joined to NULLs
    rig.SetTime(11'900);
    rig.Process(1, MakeBatch(schema, {{RowKind::kInsert, {1, 3}}}));
    EXPECT_EQ(!rig.TakeChanges().empty(), is_renewed || kind == JoinKind::kRight) << static_cast<int>(kind);
  }
}

// Whether it has been swept away already or not.
TEST(JoinOperator, ARowThatComesAgainAfterItsTimeIsThereOnce) {
  const auto node = MakeJoinNode({.kind = JoinKind::kInner}, 1000);
  OperatorRig rig([&] { return MakeJoinOperator(*node); });
  const types::SchemaPtr& schema = node->inputs[0]->schema;
  rig.SetTime(10'000);
  rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 1}}}));
  rig.SetTime(11'000);
  rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 1}}}));
  rig.Process(1, MakeBatch(schema, {{RowKind::kInsert, {1, 2}}}));
  EXPECT_EQ(rig.TakeChanges().size(), 1u);
}

}  // namespace
}  // namespace firn::exec
