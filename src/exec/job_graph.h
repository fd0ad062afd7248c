// SPDX-License-Identifier: Apache-2.0
// From a plan to tasks: operators are chained into one task as long as rows stay in their lane and have one consumer; exchanges, operators with
// several inputs, operators that several others read, and sinks begin a new one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "exec/connector.h"
#include "exec/job_record.h"
#include "exec/result_buffer.h"
#include "exec/task.h"
#include "io/environment.h"
#include "state/checkpoint_files.h"

namespace firn::exec {

/// One run of a job: everything that is made anew when the job restarts.
struct JobGraph {
  struct JobSink {
    plan::PhysicalNodePtr node;
    std::unique_ptr<SinkCommitter> committer;
    int lanes = 0;
  };
  std::vector<JobSink> sinks;
  std::vector<std::unique_ptr<Task>> tasks;  // destroyed before the committers
  std::vector<int> root_tasks;               // those that drive a sink or feed the reader of a SELECT
};

struct JobGraphInputs {
  const plan::JobPlan& plan;
  const io::Environment& environment;
  ConnectorRegistry& connectors;
  JobIdentity identity;
  std::shared_ptr<Scheduler> scheduler;
  StateBudget& budget;
  TaskListener& listener;
  std::function<void(const std::string&)> warn = {};  // may be empty
  std::shared_ptr<ResultBuffer> results;        // for a CollectNode
  state::CheckpointFiles* files = nullptr;      // null: no checkpoint to restore
  const CheckpointRecord* checkpoint = nullptr;
};

/// Uids of the operators that keep state, each once, sorted.
std::vector<std::string> StatefulOperators(const JobGraph& graph);

/// Makes sources, sinks, operators and tasks, and restores their state. Nothing runs yet. kStateIncompatible if the checkpoint holds anything that the plan has no
/// place for, or the plan keeps state that the checkpoint was taken without.
Result<JobGraph> BuildJobGraph(const JobGraphInputs& inputs);

}  // namespace firn::exec
