// SPDX-License-Identifier: Apache-2.0
// Joins of windows against a join of all rows at once, over random rows of both sides, some of them late, with restarts at any parallelism in between.
#include <gtest/gtest.h>

#include <random>

#include "exec/columns.h"
#include "exec/operator_test_rig.h"

namespace firn::exec {
namespace {

using plan::JoinKind;
using types::DataType;
using types::RowKind;

constexpr int kWindow = 10;

types::SchemaPtr SideSchema() { return types::MakeSchema({{"k", DataType::Int()}, {"v", DataType::Int()}, {"window_end", DataType::Timestamp(3)}}); }

// By k and the window's end.
std::shared_ptr<plan::PhysicalNode> MakeNode(JoinKind kind) {
  auto node = std::make_shared<plan::PhysicalNode>();
  std::vector<types::Field> fields = SideSchema()->fields();
  if (kind != JoinKind::kSemi && kind != JoinKind::kAnti) fields.insert(fields.end(), fields.begin(), fields.begin() + 3);
  for (int i = 0; i < 2; ++i) {
    auto input = std::make_shared<plan::PhysicalNode>();
    input->schema = SideSchema();
    node->inputs.push_back(std::move(input));
  }
  plan::JoinNode join;
  join.kind = kind;
  join.left_keys = join.right_keys = {0, 2};
  join.null_safe = {false, false};
  join.left_window_end = join.right_window_end = 2;
  node->schema = types::MakeSchema(std::move(fields));
  node->spec = std::move(join);
  return node;
}

Relation JoinAll(JoinKind kind, const Relation& left, const Relation& right) {
  Relation result;
  const IntRow nothing(3);
  const auto matches = [](const IntRow& a, const IntRow& b) { return a[0] && a[0] == b[0] && a[2] == b[2]; };
  const auto joined = [](IntRow a, const IntRow& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  std::map<IntRow, bool> right_matched;
  for (const auto& [row, count] : left) {
    bool is_matched = false;
    for (const auto& [other, other_count] : right) {
      if (!matches(row, other)) continue;
      is_matched = right_matched[other] = true;
      if (kind != JoinKind::kSemi && kind != JoinKind::kAnti) result[joined(row, other)] += count * other_count;
    }
    if ((kind == JoinKind::kSemi && is_matched) || (kind == JoinKind::kAnti && !is_matched)) result[row] += count;
    if (!is_matched && (kind == JoinKind::kLeft || kind == JoinKind::kFull)) result[joined(row, nothing)] += count;
  }
  for (const auto& [row, count] : right) {
    if (!right_matched[row] && (kind == JoinKind::kRight || kind == JoinKind::kFull)) result[joined(nothing, row)] += count;
  }
  return result;
}

TEST(WindowJoinOperator, JoinsEachWindowOnceThroughRestartsAtAnyParallelism) {
  for (JoinKind kind : {JoinKind::kInner, JoinKind::kLeft, JoinKind::kRight, JoinKind::kFull, JoinKind::kSemi, JoinKind::kAnti}) {
    const auto node = MakeNode(kind);
    for (uint32_t seed = 1; seed <= 8; ++seed) {
      OperatorRig rig([&] { return MakeWindowJoinOperator(*node); }, {{0, 2}, {0, 2}});
      std::mt19937 random(seed);
      const auto below = [&](uint32_t limit) { return static_cast<int32_t>(random() % limit); };
      Relation sides[2], result;
      int32_t watermark = 0;
      rig.Advance(watermark);
      for (int step = 0; step < 40; ++step) {
        const int input = below(2);
        std::vector<Change> rows;
        for (int32_t i = below(6); i >= 0; --i) {
          const int32_t end = (watermark / kWindow + below(4)) * kWindow;
          rows.push_back({RowKind::kInsert, {below(5) == 0 ? std::nullopt : std::optional<int32_t>(below(4)), below(2), end}});
          if (end - 1 > watermark) Apply({rows.back()}, &sides[input]);  // else it is late
        }
        rig.Process(input, MakeBatch(SideSchema(), rows));
        ASSERT_EQ(rig.TakeChanges().size(), 0u) << "a window that is open says nothing";
        if (below(2) == 0) rig.Advance(watermark += below(8));
        if (below(3) == 0) rig.Checkpoint();
        if (below(6) == 0) rig.Restart(1 + below(3));
        const std::vector<Change> changes = rig.TakeChanges();
        for (const Change& change : changes) EXPECT_EQ(change.kind, RowKind::kInsert);
        Apply(changes, &result);
      }
      rig.Advance(types::kFinalWatermark);
      EXPECT_EQ(rig.op().Windows(10).size(), 0u);
      Apply(rig.TakeChanges(), &result);
      ASSERT_EQ(result, JoinAll(kind, sides[0], sides[1])) << "seed " << seed << " kind " << static_cast<int>(kind);
    }
  }
}

// A row is late if the rows before it have closed its window, be they in the same batch.
TEST(WindowJoinOperator, LatenessDoesNotDependOnBatches) {
  const auto node = MakeNode(JoinKind::kLeft);
  const std::vector<Change> rows = {{RowKind::kInsert, {1, 1, 10}}, {RowKind::kInsert, {1, 2, 30}}, {RowKind::kInsert, {1, 3, 10}}, {RowKind::kInsert, {1, 4, 20}}, {RowKind::kInsert, {1, 5, 30}}};
  const std::vector<int64_t> before = {0, 0, 15, 15, 19};
  for (const bool is_one_batch : {true, false}) {
    OperatorRig rig([&] { return MakeWindowJoinOperator(*node); });
    if (is_one_batch) {
      types::Batch batch = MakeBatch(SideSchema(), rows);
      batch.watermarks = LongArray(before);
      rig.Process(0, batch);
    }
    for (size_t i = 0; i < rows.size() && !is_one_batch; ++i) {
      rig.Advance(before[i]);
      rig.Process(0, MakeBatch(SideSchema(), {rows[i]}));
    }
    rig.Advance(types::kFinalWatermark);
    Relation result;
    Apply(rig.TakeChanges(), &result);
    const std::optional<int32_t> null;
    EXPECT_EQ(result, (Relation{{{1, 1, 10, null, null, null}, 1}, {{1, 2, 30, null, null, null}, 1}, {{1, 4, 20, null, null, null}, 1}, {{1, 5, 30, null, null, null}, 1}})) << is_one_batch;
  }
}

// Bounds are local times, watermarks instants: here eight hours behind.
TEST(WindowJoinOperator, WindowsCloseInTheSessionTimeZone) {
  constexpr int32_t kEight = 8 * 3'600'000;
  const auto node = MakeNode(JoinKind::kLeft);
  std::get<plan::JoinNode>(node->spec).is_window_local_time = true;
  OperatorRig rig([&] { return MakeWindowJoinOperator(*node); });
  rig.SetTimeZone("America/Los_Angeles");
  rig.Restart();
  rig.Advance(kEight + 5);
  rig.Process(0, MakeBatch(SideSchema(), {{RowKind::kInsert, {1, 1, 10}}}));
  rig.Advance(kEight + 8);
  EXPECT_EQ(rig.TakeChanges().size(), 0u);
  rig.Restart();
  rig.Advance(kEight + 9);
  EXPECT_EQ(rig.TakeChanges().size(), 1u);
}

// Rows are known by number to the window that they are in: those numbers are state too, and a row that comes a thousand times has one.
TEST(WindowJoinOperator, CountsWhatItRemembersOfEachWindow) {
  const auto node = MakeNode(JoinKind::kInner);
  OperatorRig rig([&] { return MakeWindowJoinOperator(*node); });
  const auto add = [&](int32_t value, int32_t end, size_t count) { rig.Process(0, MakeBatch(SideSchema(), std::vector<Change>(count, {RowKind::kInsert, {1, value, end}}))); };
  add(1, 10, 1);
  const int64_t one = rig.op().state_bytes();
  add(1, 10, 1000);
  EXPECT_EQ(rig.op().state_bytes(), one) << "the same row again";
  ASSERT_EQ(rig.op().Windows(10).size(), 1u);
  EXPECT_EQ(rig.op().Windows(10)[0].keys, 1001);
  rig.Restart();
  EXPECT_EQ(rig.op().Windows(10)[0].keys, 1001);
}

// As many rows and keys, in one window or in a thousand.
TEST(WindowJoinOperator, CountsItsWindows) {
  const auto node = MakeNode(JoinKind::kInner);
  int64_t bytes[2];
  for (const bool is_one : {true, false}) {
    OperatorRig rig([&] { return MakeWindowJoinOperator(*node); });
    for (int32_t i = 1; i <= 1000; ++i) rig.Process(0, MakeBatch(SideSchema(), {{RowKind::kInsert, {is_one ? i : 1, 1, is_one ? kWindow : i * kWindow}}}));
    EXPECT_EQ(rig.op().Windows(2000).size(), is_one ? 1u : 1000u);
    bytes[is_one ? 0 : 1] = rig.op().state_bytes();
  }
  EXPECT_GT(bytes[1], bytes[0] + 999 * 48);
}

}  // namespace
}  // namespace firn::exec
