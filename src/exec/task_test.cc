// SPDX-License-Identifier: Apache-2.0
// Tasks as wholes: what one operator of a chain does must reach whoever needs to know of it, wherever in the chain it stands.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include <map>

#include "exec/columns.h"
#include "exec/exchange_output.h"
#include "exec/task_test_rig.h"

namespace firn::exec {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using WithSink = TaskRig::WithSink;

std::vector<OperatorPtr> ChainOf(OperatorPtr first, OperatorPtr second = nullptr, OperatorPtr third = nullptr) {
  std::vector<OperatorPtr> chain;
  for (OperatorPtr* op : {&first, &second, &third}) {
    if (*op) chain.push_back(std::move(*op));
  }
  return chain;
}

std::vector<int32_t> FirstColumn(const SinkLog& log) {
  std::vector<int32_t> values;
  for (const Change& change : log.rows) values.push_back(change.row[0].value());
  return values;
}

struct Fault {
  std::string who;
  Call call;
};

// Feeds a chain a, b, c and a sink everything that a task can be told, and gives back what stopped it.
std::string FirstFailureOf(const Fault& fault, uint64_t seed) {
  TaskRig rig(seed);
  rig.faults().armed = {{fault.who, fault.call}};
  const int source = rig.AddSource(ChainOf(rig.Probe("a"), rig.Probe("b"), rig.Probe("c")), WithSink::kYes);
  rig.Start();
  rig.script(source).Rows({1, 2, 3});
  rig.script(source).Watermark(5);
  rig.Settle();
  rig.Trigger();
  rig.Settle();
  rig.script(source).End();
  rig.Settle();
  rig.Trigger();
  rig.Settle();
  EXPECT_TRUE(rig.has_stopped(source)) << fault.who;
  const std::map<std::string, std::string> places = {{"a", "in operator-0-0"}, {"b", "in operator-0-1"}, {"c", "in operator-0-2"}, {"sink", "in sink-0"}};
  EXPECT_EQ(rig.first_place(), places.at(fault.who));
  return rig.first_failure();
}

TEST(Task, AFailureAtAnyPlaceOfTheChainStopsTheTaskWithThatFailure) {
  const std::pair<Call, const char*> calls[] = {{Call::kProcess, "Process"},   {Call::kAdvance, "Advance"}, {Call::kTimer, "OnTimer"},
                                                {Call::kSnapshot, "Snapshot"}, {Call::kFinish, "Finish"}};
  for (const char* who : {"a", "b", "c"}) {
    for (const auto& [call, name] : calls) EXPECT_EQ(FirstFailureOf({who, call}, 7), fmt::format("{} failed in {}", who, name));
  }
  EXPECT_EQ(FirstFailureOf({"sink", Call::kProcess}, 7), "sink failed in Process");
  EXPECT_EQ(FirstFailureOf({"sink", Call::kPrepare}, 7), "sink failed in Prepare");
  EXPECT_EQ(FirstFailureOf({"sink", Call::kSnapshot}, 7), "sink failed in Snapshot");
}

// The consequence must not hide the cause.
TEST(Task, OfSeveralFailuresTheFirstIsTold) {
  TaskRig rig;
  rig.faults().armed = {{"a", Call::kProcess}, {"b", Call::kProcess}, {"sink", Call::kProcess}};
  const int source = rig.AddSource(ChainOf(rig.Probe("a"), rig.Probe("b")), WithSink::kYes);
  rig.Start();
  rig.script(source).Rows({1});
  rig.Settle();
  EXPECT_EQ(rig.first_failure(), "sink failed in Process");
}

TEST(Task, NothingReachesTheSinkBehindAFailure) {
  TaskRig rig;
  const int source = rig.AddSource(ChainOf(rig.Probe("a"), rig.Probe("b")), WithSink::kYes);
  rig.Start();
  rig.script(source).Rows({1});
  rig.Settle();
  rig.faults().armed = {{"b", Call::kAdvance}};
  rig.script(source).Watermark(5);
  rig.script(source).Rows({2});
  rig.Settle();
  EXPECT_EQ(rig.first_failure(), "b failed in Advance");
  EXPECT_THAT(FirstColumn(rig.sink(source)), ElementsAre(1));
}

TEST(Task, AFailingSourceStopsTheTaskAfterTheRowsBefore) {
  TaskRig rig;
  const int source = rig.AddSource(ChainOf(rig.Probe("a")), WithSink::kYes);
  rig.Start();
  rig.script(source).Rows({1, 2});
  rig.script(source).Fail(Error(ErrorCode::kCorruption, "the source is broken"));
  rig.Settle();
  EXPECT_EQ(rig.first_failure(), "the source is broken");
  EXPECT_THAT(FirstColumn(rig.sink(source)), ElementsAre(1, 2));
}

TEST(Task, AFailureInOneTaskEndsTheOthersWithoutOneOfTheirOwn) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    TaskRig rig(seed);
    const int left = rig.AddSource(ChainOf(rig.Probe("left")), WithSink::kNo);
    const int right = rig.AddSource(ChainOf(rig.Probe("right")), WithSink::kNo);
    const int both = rig.AddTask({{left}, {right}}, ChainOf(rig.Probe("join"), rig.Probe("calc")), WithSink::kYes);
    rig.faults().armed = {{"calc", Call::kProcess}};
    rig.Start();
    rig.script(left).Rows({1});
    rig.script(right).Rows({2});
    rig.Settle();
    EXPECT_EQ(rig.first_failure(), "calc failed in Process");
    EXPECT_TRUE(rig.has_stopped(left) && rig.has_stopped(right) && rig.has_stopped(both));
    EXPECT_FALSE(rig.failure(left) || rig.failure(right));
  }
}

TEST(Task, OneInputOfSeveralEndingIsToldAndItsFailureCounts) {
  TaskRig rig;
  const int left = rig.AddSource({}, WithSink::kNo);
  const int right = rig.AddSource({}, WithSink::kNo);
  rig.AddTask({{left}, {right}}, ChainOf(rig.Probe("join"), rig.Probe("calc")), WithSink::kYes);
  rig.faults().armed = {{"join", Call::kEndInput}};
  rig.Start();
  rig.script(left).End();
  rig.Settle();
  EXPECT_EQ(rig.first_failure(), "join failed in EndInput");
}

// --- back-pressure ---

// A consumer that may not read (its other input's barrier has come) fills its edge; the producer must stop taking input, and go on after.
TEST(Task, AFullEdgeHoldsTheProducerBackUntilThereIsRoom) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    TaskRig rig(seed);
    const int fast = rig.AddSource(ChainOf(rig.Probe("a"), rig.Probe("b")), WithSink::kNo);
    const int slow = rig.AddSource({}, WithSink::kNo);
    const int both = rig.AddTask({{fast}, {slow}}, ChainOf(rig.Probe("join")), WithSink::kYes);
    rig.Start();
    const std::vector<int32_t> rows(static_cast<size_t>(kPreferredExchangeRows), 1);
    // The barrier overtakes nothing: the slow source holds its own back, so the fast one's channel is blocked once its barrier is through.
    rig.script(fast).InjectBarrier(1);
    for (int i = 0; i < 40; ++i) rig.script(fast).Rows(rows);
    rig.Settle();
    EXPECT_GT(rig.script(fast).unread(), 20u) << "seed " << seed;
    EXPECT_TRUE(rig.status(fast).is_backpressured);
    EXPECT_THAT(rig.sink(both).rows, IsEmpty());
    rig.script(slow).InjectBarrier(1);
    rig.script(slow).Rows({7});
    rig.Settle();
    EXPECT_EQ(rig.script(fast).unread(), 0u);
    EXPECT_THAT(rig.sink(both).rows, SizeIs(40 * rows.size() + 1));
    EXPECT_THAT(rig.snapshots(1), SizeIs(3));
  }
}

TEST(Task, ATaskThatWaitsForRoomCanBeCancelled) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    TaskRig rig(seed);
    const int fast = rig.AddSource(ChainOf(rig.Probe("a")), WithSink::kNo);
    const int slow = rig.AddSource({}, WithSink::kNo);
    const int both = rig.AddTask({{fast}, {slow}}, ChainOf(rig.Probe("join")), WithSink::kYes);
    rig.Start();
    rig.script(fast).InjectBarrier(1);
    for (int i = 0; i < 40; ++i) rig.script(fast).Rows(std::vector<int32_t>(static_cast<size_t>(kPreferredExchangeRows), 1));
    rig.Settle();
    ASSERT_GT(rig.script(fast).unread(), 0u);
    rig.Cancel();
    rig.Settle();
    for (int task : {fast, slow, both}) EXPECT_TRUE(rig.has_stopped(task) && !rig.failure(task)) << "task " << task << " seed " << seed;
  }
}

// A barrier goes past a full edge: else a checkpoint would wait for a consumer that waits for the checkpoint.
TEST(Task, ASourceTakesPartInACheckpointWhileItsConsumerIsFull) {
  TaskRig rig;
  const int fast = rig.AddSource(ChainOf(rig.Probe("a")), WithSink::kNo);
  const int slow = rig.AddSource({}, WithSink::kNo);
  rig.AddTask({{fast}, {slow}}, ChainOf(rig.Probe("join")), WithSink::kYes);
  rig.Start();
  rig.script(slow).InjectBarrier(1);
  rig.script(slow).Rows({1});
  for (int i = 0; i < 3; ++i) rig.script(slow).Rows(std::vector<int32_t>(2 * Edge::kRowLimit / 2, 1));
  rig.Settle();
  ASSERT_TRUE(rig.status(slow).is_backpressured);
  rig.script(slow).InjectBarrier(2);
  rig.script(slow).Rows({2});  // wakes it
  rig.Settle();
  EXPECT_THAT(rig.snapshots(2), SizeIs(1));
}

// --- barriers, watermarks, activity ---

// What is in a checkpoint is exactly what came before the barrier on both inputs, through all operators of the chain.
TEST(Task, BarriersAlignOverTwoInputsOfAChain) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    TaskRig rig(seed);
    const int left = rig.AddSource(ChainOf(rig.Probe("l")), WithSink::kNo);
    const int right = rig.AddSource(ChainOf(rig.Probe("r")), WithSink::kNo);
    const int both = rig.AddTask({{left}, {right}}, ChainOf(rig.Probe("join"), rig.Probe("calc")), WithSink::kYes);
    rig.Start();
    for (int round = 0; round < 5; ++round) {
      for (int source : {left, right}) {
        for (int i = 0; i < 3; ++i) rig.script(source).Rows({source, source});
      }
      for (uint64_t step = seed % (round + 3); step > 0; --step) rig.Step();
      const int64_t checkpoint = rig.Trigger();
      rig.Settle();
      const auto& parts = rig.snapshots(checkpoint);
      ASSERT_EQ(parts.size(), 3u) << "seed " << seed;
      const size_t read = 2 * (std::stoul(parts.at(left).positions) + std::stoul(parts.at(right).positions));
      EXPECT_EQ(rig.prepared(checkpoint, both), std::to_string(read)) << "seed " << seed << " round " << round;
    }
  }
}

TEST(Task, AnEndedInputTakesPartInAlignmentNoMore) {
  TaskRig rig;
  const int left = rig.AddSource({}, WithSink::kNo);
  const int right = rig.AddSource({}, WithSink::kNo);
  const int both = rig.AddTask({{left}, {right}}, ChainOf(rig.Probe("join"), rig.Probe("calc")), WithSink::kYes);
  rig.Start();
  rig.script(left).Rows({1});
  rig.script(left).End();
  rig.Settle();
  EXPECT_TRUE(rig.has_ended(left) && !rig.has_ended(both));
  rig.script(right).Rows({2});
  const int64_t checkpoint = rig.Trigger();
  rig.Settle();
  EXPECT_THAT(rig.snapshots(checkpoint), SizeIs(3)) << "an ended task takes part at once";
  rig.script(right).End();
  rig.Settle();
  EXPECT_TRUE(rig.has_ended(both));
  EXPECT_THAT(FirstColumn(rig.sink(both)), testing::UnorderedElementsAre(1, 2));
}

TEST(Task, AnIdleInputDoesNotHoldTheWatermarkBack) {
  TaskRig rig;
  const int left = rig.AddSource({}, WithSink::kNo);
  const int right = rig.AddSource({}, WithSink::kNo);
  rig.AddTask({{left}, {right}}, ChainOf(rig.Probe("join"), rig.Probe("calc")), WithSink::kYes);
  rig.faults().armed = {{"calc", Call::kAdvance}};
  rig.Start();
  rig.script(left).Watermark(100);
  rig.Settle();
  EXPECT_EQ(rig.first_failure(), "") << "the watermark has passed although the other input has none";
  rig.script(right).Idle(true);
  rig.Settle();
  EXPECT_EQ(rig.first_failure(), "calc failed in Advance");
}

// --- the end ---

TEST(Task, WhatOperatorsHoldComesOutAtTheEndThroughTheRestOfTheChain) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    TaskRig rig(seed);
    const int source = rig.AddSource(ChainOf(rig.Probe("a", 1), rig.Probe("b", 2)), WithSink::kNo);
    const int sink = rig.AddTask({{source}}, ChainOf(rig.Probe("c", 3)), WithSink::kYes);
    rig.Start();
    rig.script(source).Rows({1, 2, 3, 4, 5});
    rig.script(source).Watermark(7);
    rig.Settle();
    EXPECT_THAT(rig.sink(sink).rows, IsEmpty());
    rig.script(source).End();
    rig.Settle();
    EXPECT_TRUE(rig.has_ended(source) && rig.has_ended(sink));
    EXPECT_THAT(FirstColumn(rig.sink(sink)), ElementsAre(1, 2, 3, 4, 5));
    const int64_t last = rig.Trigger();
    rig.Settle();
    EXPECT_EQ(rig.prepared(last, sink), "5") << "what came out at the end is in the last checkpoint";
  }
}

// More than an edge holds: the end must wait its turn behind it, and lose nothing.
TEST(Task, TheEndWaitsBehindOutputThatFillsTheEdge) {
  TaskRig rig;
  const int source = rig.AddSource(ChainOf(rig.Probe("a", 64)), WithSink::kNo);
  const int sink = rig.AddTask({{source}}, ChainOf(rig.Probe("c")), WithSink::kYes);
  rig.Start();
  for (int i = 0; i < 20; ++i) rig.script(source).Rows(std::vector<int32_t>(8192, i));
  rig.script(source).End();
  rig.Settle();
  EXPECT_TRUE(rig.has_ended(sink));
  EXPECT_THAT(rig.sink(sink).rows, SizeIs(20 * 8192));
}

// --- restore at other lanes ---

class SumByKey {
 public:
  static OperatorPtr Make() {
    static const plan::PhysicalNode* const node = MakeNode();
    auto made = MakeGroupAggregateOperator(*node, {});
    EXPECT_TRUE(made.ok());
    return std::move(made).value();
  }

 private:
  static const plan::PhysicalNode* MakeNode() {
    auto* node = new plan::PhysicalNode();
    auto input = std::make_shared<plan::PhysicalNode>();
    input->schema = IntSchema(2);
    node->inputs.push_back(std::move(input));
    plan::GroupAggregateNode spec;
    spec.keys = {0};
    expr::AggregateCall sum;
    sum.function = expr::FindAggregate("SUM");
    expr::CallSite site{.name = "SUM"};
    site.types = {types::DataType::Int()};
    site.literals = {nullptr};
    sum.signature = sum.function->bind(site).value();
    sum.arguments = {1};
    spec.aggregates = {std::move(sum)};
    node->spec = std::move(spec);
    node->schema = types::MakeSchema({{"k", types::DataType::Int()}, {"s", types::DataType::Int()}});
    return node;
  }
};

TEST(Task, StateComesBackAtOtherLanes) {
  constexpr int32_t kKeys = 300;
  std::vector<int32_t> keys(kKeys);
  for (int32_t i = 0; i < kKeys; ++i) keys[static_cast<size_t>(i)] = i + 1;  // a sum that stays 0 would tell no change
  auto previous = std::make_unique<TaskRig>();
  int round = 0;
  for (int lanes : {1, 2, 3, 1, 4}) {
    auto rig = std::make_unique<TaskRig>(static_cast<uint64_t>(lanes));
    const int source = rig->AddSource({}, WithSink::kNo, IntSchema(2));
    const std::vector<int> tasks = rig->AddLanes(source, lanes, SumByKey::Make, WithSink::kYes);
    if (round > 0) rig->RestoreFrom(*previous);
    rig->Start();
    rig->script(source).Rows(keys);
    rig->Settle();
    ++round;
    Relation sums;
    for (int task : tasks) {
      for (const Change& change : rig->sink(task).rows) {
        if (!IsRetraction(change.kind)) sums[change.row] = 1;
      }
    }
    ASSERT_EQ(sums.size(), keys.size()) << lanes << " lanes";
    for (const auto& [row, count] : sums) EXPECT_EQ(*row[1], *row[0] * round) << "key " << *row[0] << " at " << lanes << " lanes";
    rig->Trigger();
    rig->Settle();
    previous = std::move(rig);
  }
}

// --- limits ---

TEST(Task, TheStateLimitStopsTheTaskThatGoesOverIt) {
  TaskRig rig(1, 64 << 10);
  const int source = rig.AddSource({}, WithSink::kNo, IntSchema(2));
  rig.AddLanes(source, 1, SumByKey::Make, WithSink::kYes);
  rig.Start();
  std::vector<int32_t> keys(20'000);
  for (size_t i = 0; i < keys.size(); ++i) keys[i] = static_cast<int32_t>(i);
  rig.script(source).Rows(keys);
  rig.Settle();
  EXPECT_THAT(rig.first_failure(), testing::AllOf(testing::HasSubstr("operator-1-0"), testing::HasSubstr("65536")));
}

}  // namespace
}  // namespace firn::exec
