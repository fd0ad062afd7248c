// SPDX-License-Identifier: Apache-2.0
// What checkpoints write: what has changed since the last one; and over many of them what is stored stays in proportion to what is there.
#include <gtest/gtest.h>

#include <random>

#include "exec/operator_test_rig.h"

namespace firn::exec {
namespace {

using types::DataType;
using types::RowKind;

constexpr int32_t kManyKeys = 6000;
constexpr int32_t kTouched = 10;

expr::AggregateCall Sum() {
  expr::AggregateCall call;
  call.function = expr::FindAggregate("SUM");
  expr::CallSite site;
  site.name = "SUM";
  site.types = {DataType::Int()};
  site.literals = {nullptr};
  call.signature = call.function->bind(site).value();
  call.arguments = {1};
  call.options.is_retractable = true;
  return call;
}

// A node over rows of k, v, ts.
std::shared_ptr<plan::PhysicalNode> MakeNode(plan::NodeSpec spec, types::SchemaPtr schema, int inputs = 1) {
  auto node = std::make_shared<plan::PhysicalNode>();
  for (int i = 0; i < inputs; ++i) {
    auto input = std::make_shared<plan::PhysicalNode>();
    input->schema = types::MakeSchema({{"k", DataType::Int()}, {"v", DataType::Int()}, {"ts", DataType::Timestamp(3)}});
    input->changelog = plan::ChangelogMode{true, true, true};
    node->inputs.push_back(std::move(input));
  }
  node->schema = schema ? std::move(schema) : node->inputs[0]->schema;
  node->spec = std::move(spec);
  return node;
}

struct Subject {
  const char* name;
  std::shared_ptr<plan::PhysicalNode> node;
  OperatorRig::Maker make;
};

std::vector<Subject> AllSubjects() {
  std::vector<Subject> subjects;
  const auto summed = types::MakeSchema({{"k", DataType::Int()}, {"s", DataType::Int()}});
  plan::GroupAggregateNode group;
  group.keys = {0};
  group.aggregates = {Sum()};
  auto node = MakeNode(std::move(group), summed);
  subjects.push_back({"group", node, [node] { return MakeGroupAggregateOperator(*node, {}); }});

  plan::JoinNode join;
  join.left_keys = join.right_keys = {0};
  join.null_safe = {false};
  const types::SchemaPtr one = MakeNode(plan::UnionNode(), nullptr)->schema;
  std::vector<types::Field> both = one->fields();
  both.insert(both.end(), one->fields().begin(), one->fields().end());
  node = MakeNode(join, types::MakeSchema(both), 2);
  subjects.push_back({"join", node, [node] { return MakeJoinOperator(*node); }});

  node = MakeNode(plan::SortNode{{{1, true, false}}, 0, 5, false}, nullptr);
  subjects.push_back({"top-n", node, [node] { return MakeTopNOperator(*node); }});
  node = MakeNode(plan::SortNode{{{2, false, true}}, 0, -1, true}, nullptr);
  subjects.push_back({"temporal sort", node, [node] { return MakeTemporalSortOperator(*node); }});
  node = MakeNode(plan::NormalizeNode{{0}, true}, nullptr);
  subjects.push_back({"normalize", node, [node]() -> Result<OperatorPtr> { return MakeNormalizeOperator(*node); }});

  for (plan::WindowKind kind : {plan::WindowKind::kHop, plan::WindowKind::kSession}) {
    plan::WindowAggregateNode window;
    window.window.kind = kind;
    window.window.time_column = 2;
    window.window.size_ms = 1000;
    window.window.slide_ms = 500;
    window.keys = {0};
    window.aggregates = {Sum()};
    node = MakeNode(std::move(window), summed);
    if (kind == plan::WindowKind::kHop) subjects.push_back({"hop", node, [node]() -> Result<OperatorPtr> { return MakeSliceWindowOperator(*node); }});
    if (kind == plan::WindowKind::kSession) subjects.push_back({"session", node, [node] { return MakeSessionWindowOperator(*node); }});
  }
  return subjects;
}

types::Batch RowsOf(const Subject& subject, const std::vector<int32_t>& keys) {
  std::vector<Change> rows;
  for (int32_t key : keys) rows.push_back({RowKind::kInsert, {key, key, 700}});
  return MakeBatch(subject.node->inputs[0]->schema, rows);
}

int64_t StoredRows(const state::Manifest& manifest) {
  int64_t rows = 0;
  for (const auto& [uid, tables] : manifest.operators) {
    for (const auto& [table, runs] : tables) {
      for (const state::Run& run : runs) rows += run.live_rows();
    }
  }
  return rows;
}

TEST(CheckpointCost, IsThatOfWhatHasChanged) {
  for (const Subject& subject : AllSubjects()) {
    SCOPED_TRACE(subject.name);
    OperatorRig rig(subject.make);
    std::vector<int32_t> keys(kManyKeys);
    for (int32_t i = 0; i < kManyKeys; ++i) keys[static_cast<size_t>(i)] = i;
    rig.Process(0, RowsOf(subject, keys));
    EXPECT_GE(rig.Checkpoint(), kManyKeys);
    EXPECT_LE(rig.Checkpoint(), 1) << "nothing has changed";
    std::mt19937 random(5);
    int64_t written = 0;
    constexpr int kRounds = 300;
    for (int round = 0; round < kRounds; ++round) {
      keys.resize(kTouched);
      for (int32_t& key : keys) key = static_cast<int32_t>(random() % kManyKeys);
      rig.Process(0, RowsOf(subject, keys));
      const int64_t rows = rig.Checkpoint();
      if (round < 5) {
        EXPECT_LE(rows, kTouched + 1) << "round " << round;
      }
      written += rows;
    }
    EXPECT_LE(written, kRounds * 4 * kTouched) << "whole groups must not come often";
    EXPECT_LE(StoredRows(rig.manifest()), 3 * (kManyKeys + kRounds * kTouched));
    rig.Restart();
    EXPECT_LE(rig.Checkpoint(), 1) << "coming back is no change";
  }
}

// Rows that come and go, as in a join whose rows have a time to live: nothing of them may stay for ever.
TEST(CheckpointCost, WhatIsGoneDoesNotPileUp) {
  for (const Subject& subject : AllSubjects()) {
    if (std::string(subject.name) == "temporal sort" || std::string(subject.name) == "hop" || std::string(subject.name) == "session") continue;
    SCOPED_TRACE(subject.name);
    OperatorRig rig(subject.make);
    const types::SchemaPtr& schema = subject.node->inputs[0]->schema;
    for (int32_t round = 0; round < 500; ++round) {
      std::vector<Change> rows;
      for (int32_t i = 0; i < kTouched; ++i) {
        rows.push_back({RowKind::kInsert, {round * kTouched + i, i, 700}});
        if (round >= 3) rows.push_back({RowKind::kDelete, {(round - 3) * kTouched + i, i, 700}});
      }
      rig.Process(0, MakeBatch(schema, rows));
      rig.Checkpoint();
    }
    EXPECT_LE(StoredRows(rig.manifest()), 40 * kTouched);
  }
}

TEST(CheckpointCost, ClosedWindowsDoNotPileUp) {
  for (const Subject& subject : AllSubjects()) {
    if (std::string(subject.name) != "temporal sort" && std::string(subject.name) != "hop" && std::string(subject.name) != "session") continue;
    SCOPED_TRACE(subject.name);
    OperatorRig rig(subject.make);
    const types::SchemaPtr& schema = subject.node->inputs[0]->schema;
    for (int32_t round = 0; round < 500; ++round) {
      std::vector<Change> rows;
      for (int32_t i = 0; i < kTouched; ++i) rows.push_back({RowKind::kInsert, {i, i, 700 + round * 400}});
      rig.Process(0, MakeBatch(schema, rows));
      rig.Advance(500 + round * 400);
      rig.Checkpoint();
    }
    EXPECT_LE(StoredRows(rig.manifest()), 60 * kTouched);
  }
}

}  // namespace
}  // namespace firn::exec
