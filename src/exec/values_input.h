// SPDX-License-Identifier: Apache-2.0
// A fixed set of rows as the input of a task: VALUES.
#pragma once

#include <string>

#include "exec/operator_metrics.h"
#include "exec/task_input.h"
#include "plan/physical_plan.h"

namespace firn::exec {

class ValuesInput final : public TaskInput {
 public:
  explicit ValuesInput(const plan::PhysicalNode& node) : node_(node), values_(std::get<plan::ValuesNode>(node.spec)) {}

  Result<std::optional<InputEvent>> Next(int64_t now_ms) override;
  void InjectBarrier(int64_t checkpoint_id) override { barrier_ = checkpoint_id; }
  bool HasBarrier() const override { return barrier_ != 0; }
  void Drain() override { next_ = values_.rows.size(); }
  Result<std::string> Positions() const override { return std::to_string(next_); }
  Status Restore(const std::string& positions, state::StateReader& reader) override;

 private:
  const plan::PhysicalNode& node_;
  const plan::ValuesNode& values_;
  size_t next_ = 0;
  int64_t barrier_ = 0;
  bool has_sent_watermark_ = false;
  bool has_ended_ = false;
};

}  // namespace firn::exec
