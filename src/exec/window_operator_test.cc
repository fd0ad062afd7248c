// SPDX-License-Identifier: Apache-2.0
// Windows against windows computed from all rows at once, over random times and restarts.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "base/hash.h"
#include "exec/columns.h"
#include "exec/operator_test_rig.h"

namespace firn::exec {
namespace {

using plan::WindowKind;
using types::DataType;
using types::RowKind;

constexpr int kSize = 10;
constexpr int kSlide = 5;

types::SchemaPtr InputSchema() { return types::MakeSchema({{"k", DataType::Int()}, {"v", DataType::Int()}, {"ts", DataType::Timestamp(3)}}); }

// GROUP BY k and a window: k, COUNT(*), SUM(v), start, end.
constexpr int kWindowHourMs = 3'600'000;

std::shared_ptr<plan::PhysicalNode> MakeWindowNode(WindowKind kind, bool is_proctime = false) {
  auto node = std::make_shared<plan::PhysicalNode>();
  auto input = std::make_shared<plan::PhysicalNode>();
  input->schema = InputSchema();
  node->inputs.push_back(std::move(input));
  plan::WindowAggregateNode spec;
  spec.window.kind = kind;
  spec.window.time_column = 2;
  spec.window.is_proctime = is_proctime;
  spec.window.size_ms = kind == WindowKind::kSession ? kSlide : kSize;
  spec.window.slide_ms = kSlide;
  spec.keys = {0};
  spec.aggregates = {AggregateOfInts("COUNT", {}), AggregateOfInts("SUM", {1})};
  spec.properties = {plan::WindowProperty::kStart, plan::WindowProperty::kEnd};
  node->spec = std::move(spec);
  node->schema = types::MakeSchema({{"k", DataType::Int()}, {"c", DataType::BigInt()}, {"s", DataType::Int()}, {"start", DataType::Timestamp(3)}, {"end", DataType::Timestamp(3)}});
  return node;
}

OperatorRig RigFor(const plan::PhysicalNode& node) {
  const bool is_session = std::get<plan::WindowAggregateNode>(node.spec).window.kind == WindowKind::kSession;
  return OperatorRig(
      [&node, is_session]() -> Result<OperatorPtr> {
        if (is_session) return MakeSessionWindowOperator(node);
        return MakeSliceWindowOperator(node);
      },
      {{0}});
}

const std::vector<int32_t>& Keys() {
  static const auto* const keys = new std::vector<int32_t>(KeysOfFewGroups(12));
  return *keys;
}

struct Event {
  int key = 0;
  int value = 0;
  int time = 0;
};

// Windows of one key that hold `time`, or for sessions all windows of the key's times.
std::set<std::pair<int, int>> WindowsOf(WindowKind kind, const std::vector<Event>& events, int key) {
  std::set<std::pair<int, int>> windows;
  std::set<int> times;
  for (const Event& event : events) {
    if (event.key == key) times.insert(event.time);
  }
  for (int time : times) {
    if (kind == WindowKind::kSession) {
      if (!windows.empty() && windows.rbegin()->second >= time) {
        const int start = windows.rbegin()->first;
        windows.erase(std::prev(windows.end()));
        windows.insert({start, time + kSlide});
      } else {
        windows.insert({time, time + kSlide});
      }
      continue;
    }
    for (int end = 0; end <= time + kSize; end += kSlide) {
      const int start = kind == WindowKind::kCumulate ? (end - 1) / kSize * kSize : end - kSize;
      if (kind == WindowKind::kTumble && end % kSize != 0) continue;
      if (start <= time && time < end) windows.insert({start, end});
    }
  }
  return windows;
}

Relation Expected(WindowKind kind, const std::vector<Event>& events) {
  Relation expected;
  for (int key : Keys()) {
    for (const auto& [start, end] : WindowsOf(kind, events, key)) {
      int count = 0;
      int sum = 0;
      for (const Event& event : events) {
        if (event.key != key || event.time < start || event.time >= end) continue;
        ++count;
        sum += event.value;
      }
      if (count > 0) ++expected[{key, count, sum, start, end}];
    }
  }
  return expected;
}

TEST(WindowOperators, GiveWhatAllRowsGiveAtOnceThroughRestarts) {
  for (WindowKind kind : {WindowKind::kTumble, WindowKind::kHop, WindowKind::kCumulate, WindowKind::kSession}) {
    const auto node = MakeWindowNode(kind);
    for (uint32_t seed = 1; seed <= 12; ++seed) {
      OperatorRig rig = RigFor(*node);
      std::mt19937 random(seed);
      std::vector<Event> events;
      Relation result;
      int watermark = 20;
      rig.Advance(watermark);
      for (int step = 0; step < 30; ++step) {
        std::vector<Change> rows;
        std::vector<int64_t> before;
        for (uint32_t i = random() % 5; i > 0; --i) {
          if (seed % 2 == 0) watermark += static_cast<int>(random() % 4);  // it moves within batches, too
          before.push_back(watermark);
          events.push_back({Keys()[random() % 12], static_cast<int>(random() % 10), watermark + 1 + static_cast<int>(random() % 40)});
          // Even times are never exactly a gap apart, where it matters whether the earlier session has closed already.
          if (kind == WindowKind::kSession) events.back().time = (events.back().time + 1) / 2 * 2;
          rows.push_back({RowKind::kInsert, {events.back().key, events.back().value, events.back().time}});
        }
        if (!rows.empty()) {
          types::Batch batch = MakeBatch(node->inputs[0]->schema, rows);
          batch.watermarks = LongArray(std::move(before));
          rig.Process(0, batch);
          rig.Advance(watermark);
        }
        if (random() % 3 == 0) rig.Advance(watermark += static_cast<int>(random() % 9));  // every row is newer: none is late
        if (random() % 3 == 0) rig.Checkpoint();
        if (random() % 5 == 0) {
          rig.Restart(1 + static_cast<int>(random() % 3));
          rig.Advance(watermark);
        }
        Apply(rig.TakeChanges(), &result);
      }
      rig.Advance(types::kFinalWatermark);
      Apply(rig.TakeChanges(), &result);
      ASSERT_EQ(result, Expected(kind, events)) << "seed " << seed << " kind " << static_cast<int>(kind);
      EXPECT_EQ(rig.op().Windows(10).size(), 0u);
    }
  }
}

// A slice that ends before 1970 is the first of a window, too.
TEST(WindowOperators, TheFirstSliceOfAWindowBefore1970IsPartOfIt) {
  const std::map<WindowKind, Relation> expected{
      {WindowKind::kHop, {{{1, 1, 1, -25, -15}, 1}, {{1, 2, 3, -20, -10}, 1}, {{1, 2, 6, -15, -5}, 1}, {{1, 2, 12, -10, 0}, 1}, {{1, 1, 8, -5, 5}, 1}}},
      {WindowKind::kCumulate, {{{1, 1, 1, -20, -15}, 1}, {{1, 2, 3, -20, -10}, 1}, {{1, 1, 4, -10, -5}, 1}, {{1, 2, 12, -10, 0}, 1}}}};
  for (const auto& [kind, windows] : expected) {
    const auto node = MakeWindowNode(kind);
    OperatorRig rig = RigFor(*node);
    rig.Process(0, MakeBatch(node->inputs[0]->schema, {{RowKind::kInsert, {1, 1, -20}}, {RowKind::kInsert, {1, 2, -11}}, {RowKind::kInsert, {1, 4, -6}}, {RowKind::kInsert, {1, 8, -1}}}));
    rig.Advance(types::kFinalWatermark);
    Relation result;
    Apply(rig.TakeChanges(), &result);
    EXPECT_EQ(result, windows) << "kind " << static_cast<int>(kind);
  }
}

// A window that has fired must not fire again after a restart, although its rows are still stored, or kept for later windows.
TEST(WindowOperators, AWindowThatHasFiredDoesNotFireAgainAfterARestart) {
  for (const bool is_proctime : {false, true}) {
    const auto node = MakeWindowNode(WindowKind::kHop, is_proctime);
    OperatorRig rig = RigFor(*node);
    const types::SchemaPtr& schema = node->inputs[0]->schema;
    const auto advance = [&](int64_t to) {
      rig.SetTime(to);
      if (is_proctime) {
        rig.Timer(to);
      } else {
        rig.Advance(to - 1);
      }
    };
    rig.SetTime(107);
    rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 7, 107}}}));
    rig.Restart();
    advance(110);  // [100, 110) fires; the slice [105, 110) stays for [105, 115)
    Relation result;
    Apply(rig.TakeChanges(), &result);
    EXPECT_EQ(result, (Relation{{{1, 1, 7, 100, 110}, 1}}));
    rig.Restart();
    rig.SetTime(112);
    rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 1, 112}}}));
    rig.Restart();
    advance(120);
    rig.Restart();
    advance(150);
    Apply(rig.TakeChanges(), &result);
    EXPECT_EQ(result, (Relation{{{1, 1, 7, 100, 110}, 1}, {{1, 2, 8, 105, 115}, 1}, {{1, 1, 1, 110, 120}, 1}})) << is_proctime;
    EXPECT_EQ(rig.op().Windows(10).size(), 0u);
  }
}

// By processing time each lane fires when its own rows or timers come; what one has told, no other must tell again that gets its keys.
TEST(WindowOperators, AWindowIsToldOnceWhenLanesThatFiredAtDifferentTimesBecomeOne) {
  for (WindowKind kind : {WindowKind::kTumble, WindowKind::kHop, WindowKind::kCumulate}) {
    const auto node = MakeWindowNode(kind, true);
    const types::SchemaPtr& schema = node->inputs[0]->schema;
    int32_t first = -1, last = -1;  // keys of the first and the last of two lanes
    for (int32_t key : Keys()) (state::KeyGroupOfHash(base::HashInteger(static_cast<uint64_t>(key))) < 64 ? first : last) = key;
    OperatorRig rig = RigFor(*node);
    rig.Restart(2);
    rig.SetTime(107);
    rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {first, 1, 0}}, {RowKind::kInsert, {last, 2, 0}}}));
    rig.SetTime(111);
    rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {first, 4, 0}}}));  // fires in its lane only
    rig.Restart(1);
    rig.Timer(111);
    rig.SetTime(112);
    rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {last, 8, 0}}}));
    rig.Restart(2);
    rig.Timer(200);
    std::vector<Event> events = {{first, 1, 107}, {last, 2, 107}, {first, 4, 111}, {last, 8, 112}};
    Relation result;
    Apply(rig.TakeChanges(), &result);
    EXPECT_EQ(result, Expected(kind, events)) << static_cast<int>(kind);
  }
}

TEST(WindowOperators, ALateRowMayStillJoinAnOpenSession) {
  const auto node = MakeWindowNode(WindowKind::kSession);
  OperatorRig rig = RigFor(*node);
  const types::SchemaPtr& schema = node->inputs[0]->schema;
  rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 1, 20}}}));
  rig.Advance(23);
  rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 2, 16}}}));  // alone it would end before the watermark
  rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {2, 4, 16}}}));  // and here it does
  rig.Advance(types::kFinalWatermark);
  Relation result;
  Apply(rig.TakeChanges(), &result);
  EXPECT_EQ(result, (Relation{{{1, 2, 3, 16, 25}, 1}}));
}

// Windows of an hour that another operator has assigned in the session's zone, eight hours behind: bounds are local times, watermarks instants.
TEST(WindowOperators, AttachedWindowsFireAndAreLateInTheSessionTimeZone) {
  auto node = std::make_shared<plan::PhysicalNode>(*MakeWindowNode(WindowKind::kTumble));
  const types::SchemaPtr schema = types::MakeSchema({{"k", DataType::Int()}, {"v", DataType::Int()}, {"start", DataType::Timestamp(3)}, {"end", DataType::Timestamp(3)}});
  auto input = std::make_shared<plan::PhysicalNode>();
  input->schema = schema;
  node->inputs = {input};
  auto& spec = std::get<plan::WindowAggregateNode>(node->spec);
  spec.window.is_local_time = true;
  spec.window.size_ms = kWindowHourMs;
  spec.attached_start = 2;
  spec.attached_end = 3;
  spec.properties = {plan::WindowProperty::kStart, plan::WindowProperty::kTime};
  OperatorRig rig = RigFor(*node);
  rig.SetTimeZone("America/Los_Angeles");
  rig.Restart();
  const int ten = 10 * kWindowHourMs, eight = 8 * kWindowHourMs;
  rig.Advance(ten + eight + 1000);  // the watermark is in the window's first minute
  rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 7, ten, ten + kWindowHourMs}}}));
  rig.Advance(ten + eight + kWindowHourMs - 2);
  EXPECT_EQ(rig.TakeChanges().size(), 0u);
  rig.Restart();
  rig.Advance(ten + eight + kWindowHourMs - 1);
  Relation result;
  Apply(rig.TakeChanges(), &result);
  EXPECT_EQ(result, (Relation{{{1, 1, 7, ten, ten + eight + kWindowHourMs - 1}, 1}}));
  rig.Process(0, MakeBatch(schema, {{RowKind::kInsert, {1, 7, ten, ten + kWindowHourMs}}}));  // late
  rig.Advance(types::kFinalWatermark);
  EXPECT_EQ(rig.TakeChanges().size(), 0u);
}

TEST(WindowOperators, ProcessingTimeClosesWindowsByTimer) {
  for (WindowKind kind : {WindowKind::kTumble, WindowKind::kSession}) {
    const auto node = MakeWindowNode(kind, true);
    OperatorRig rig = RigFor(*node);
    rig.SetTime(103);
    rig.Process(0, MakeBatch(node->inputs[0]->schema, {{RowKind::kInsert, {1, 7, 0}}}));
    rig.Advance(types::kFinalWatermark);
    EXPECT_EQ(rig.TakeChanges().size(), 0u);
    const int64_t at = rig.op().NextTimerMs();
    EXPECT_EQ(at, kind == WindowKind::kTumble ? 110 : 108);
    rig.Timer(at);
    Relation result;
    Apply(rig.TakeChanges(), &result);
    EXPECT_EQ(result, kind == WindowKind::kTumble ? (Relation{{{1, 1, 7, 100, 110}, 1}}) : (Relation{{{1, 1, 7, 103, 108}, 1}}));
  }
}

}  // namespace
}  // namespace firn::exec
