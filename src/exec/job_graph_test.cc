// SPDX-License-Identifier: Apache-2.0
// A checkpoint and a plan that was not made for it: what a job is planned to be may change with the program, and nothing that a checkpoint holds is dropped without a word.
#include "exec/job_graph.h"

#include <gmock/gmock.h>

#include "exec/scheduler.h"
#include "io/simulated_environment.h"

namespace firn::exec {
namespace {

using testing::HasSubstr;

class NoListener final : public TaskListener {
 public:
  void OnSnapshot(TaskSnapshot) override {}
  void OnEnded(int) override {}
  void OnStopped(int, std::optional<Error>) override {}
};

std::shared_ptr<plan::PhysicalNode> MakeNode(int id, const std::string& uid, plan::NodeSpec spec, std::vector<plan::PhysicalNodePtr> inputs) {
  auto node = std::make_shared<plan::PhysicalNode>();
  node->id = id;
  node->uid = uid;
  node->spec = std::move(spec);
  node->inputs = std::move(inputs);
  node->schema = types::MakeSchema({{"k", types::DataType::Int()}});
  return node;
}

class JobGraphTest : public testing::Test {
 protected:
  // events -> GROUP BY -> nothing, whose connectors are not there: a graph that gets as far as asking for them has passed every check.
  JobGraphTest() {
    auto table = std::make_shared<plan::TableDefinition>();
    table->connector = "absent";
    plan::ScanNode scan;
    scan.table = table;
    plan::SinkNode sink;
    sink.table = table;
    const auto source = MakeNode(0, "Source: events", scan, {});
    plan_.roots = {MakeNode(2, "Sink: nothing", sink, {MakeNode(1, "GroupAggregate", plan::GroupAggregateNode{}, {source})})};
    checkpoint_.id = 7;
    checkpoint_.positions["Source: events"] = "100";
    checkpoint_.manifest.operators["GroupAggregate"] = {};
    checkpoint_.operators = {"GroupAggregate"};
  }

  Error Refusal() {
    auto graph = BuildJobGraph({.plan = plan_, .environment = environment_.environment(), .connectors = connectors_, .identity = {.job_id = "j", .config = {}}, .scheduler = nullptr, .budget = budget_,
                                .listener = listener_, .warn = [this](const std::string& text) { warnings_.push_back(text); }, .results = nullptr, .checkpoint = &checkpoint_});
    EXPECT_FALSE(graph.ok());
    return graph.ok() ? Error(ErrorCode::kInvalidArgument, "") : graph.error();
  }
  void ExpectMisfit(const char* what) {
    const Error error = Refusal();
    EXPECT_EQ(error.code(), ErrorCode::kStateIncompatible);
    EXPECT_THAT(error.message(), HasSubstr(std::string("checkpoint 7 ") + what));
    EXPECT_FALSE(error.hint().empty());
  }

  io::SimulatedEnvironment environment_{3};
  ConnectorRegistry connectors_;
  StateBudget budget_{int64_t{1} << 30};
  NoListener listener_;
  plan::JobPlan plan_;
  CheckpointRecord checkpoint_;
  std::vector<std::string> warnings_;
};

TEST_F(JobGraphTest, ACheckpointOfThePlanPasses) { EXPECT_EQ(Refusal().code(), ErrorCode::kUnknownConnector); }

TEST_F(JobGraphTest, StateThatNobodyTakes) {
  checkpoint_.manifest.operators["Join"] = {};
  ExpectMisfit("holds state of the operator Join");
}

TEST_F(JobGraphTest, StateThatWasNeverKept) {
  checkpoint_.manifest.operators.clear();
  checkpoint_.operators = std::vector<std::string>();
  ExpectMisfit("was taken without the operator GroupAggregate");
}

TEST_F(JobGraphTest, AnOperatorWithoutARowYetIsNotNew) {
  checkpoint_.manifest.operators.clear();
  EXPECT_EQ(Refusal().code(), ErrorCode::kUnknownConnector);
}

TEST_F(JobGraphTest, WhatAnEarlierVersionDidNotListIsWarnedOf) {
  checkpoint_.manifest.operators.clear();
  checkpoint_.operators.reset();
  EXPECT_EQ(Refusal().code(), ErrorCode::kUnknownConnector);
  EXPECT_THAT(warnings_, testing::ElementsAre(HasSubstr("holds nothing of GroupAggregate")));
}

TEST_F(JobGraphTest, ASourceThatIsGone) {
  checkpoint_.positions["Source: others"] = "5";
  ExpectMisfit("holds a position of the source Source: others");
}

TEST_F(JobGraphTest, RowsThatAreToAppear) {
  checkpoint_.outside["Sink: files"] = "f1";
  ExpectMisfit("has rows that may not have appeared yet for the sink Sink: files");
}

}  // namespace
}  // namespace firn::exec
