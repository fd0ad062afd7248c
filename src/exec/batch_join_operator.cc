// SPDX-License-Identifier: Apache-2.0
// Joins of bounded inputs: the right side is gathered into a table, then the left side is streamed past it. Left rows that come before the right side
// has ended wait.
#include <utility>

#include "base/assert.h"
#include "exec/columns.h"
#include "exec/join_prober.h"
#include "exec/operators_internal.h"

namespace firn::exec {

namespace {

class BatchJoinOperator final : public StatelessOperator {
 public:
  explicit BatchJoinOperator(const plan::PhysicalNode& node)
      : left_(node.inputs[0]->schema, std::get<plan::JoinNode>(node.spec).left_keys, 0),
        right_(node.inputs[1]->schema, std::get<plan::JoinNode>(node.spec).right_keys, 0) {}

  Status Make(const plan::PhysicalNode& node) {
    FIRN_TRY(prober_, JoinProber::Make(node));
    return Ok();
  }

  Status Process(int input, types::Batch batch, Output& output) override {
    batch.watermarks = nullptr;
    if (input == 1) return Gather(std::move(batch));
    if (right_has_ended_) return Probe(batch, output);
    waiting_bytes_ += types::BatchBytes(batch);
    waiting_.push_back(std::move(batch));
    return Ok();
  }

  Status EndInput(int input, Output& output) override {
    if (input == 0 || right_has_ended_) return Ok();
    right_has_ended_ = true;
    std::vector<types::Batch> waiting = std::exchange(waiting_, {});
    waiting_bytes_ = 0;
    for (types::Batch& batch : waiting) FIRN_RETURN_IF_ERROR(Probe(std::exchange(batch, {}), output));
    return Ok();
  }

  Status Finish(Output& output) override {
    FIRN_RETURN_IF_ERROR(EndInput(1, output));
    FIRN_ASSERT(waiting_.empty() && waiting_bytes_ == 0, "{} left batches of {} bytes still wait", waiting_.size(), waiting_bytes_);
    return prober_->PutOutUnmatched(right_.LiveEntries(), right_, output);
  }

  int64_t state_bytes() const override { return right_.bytes() + waiting_bytes_; }

 private:
  Status Gather(types::Batch batch) {
    std::vector<uint8_t> kept = prober_->matcher().Matchless(1, batch);
    if (!kept.empty() && !prober_->KeepsRight()) {
      for (uint8_t& flag : kept) flag ^= 1;
      FIRN_TRY(batch, types::TakeRows(batch, IndicesWhere(kept)));
    }
    right_.EncodeKeys(batch, &keys_);
    right_.FindOrInsert(batch, keys_, &entries_);
    FIRN_ASSERT(static_cast<int64_t>(entries_.size()) == batch.row_count && !right_has_ended_, "{} rows of the right side have {} places; it has ended: {}", batch.row_count, entries_.size(), right_has_ended_);
    for (uint32_t entry : entries_) right_.Add(entry, 1, 0);
    return Ok();
  }

  Status Probe(const types::Batch& batch, Output& output) {
    left_.EncodeKeys(batch, &keys_);
    return prober_->Probe(batch, keys_, right_, EvaluationOf(batch), output);
  }

  std::unique_ptr<JoinProber> prober_;
  JoinSide left_;   // only its keys are used
  JoinSide right_;
  bool right_has_ended_ = false;
  std::vector<types::Batch> waiting_;
  int64_t waiting_bytes_ = 0;
  BatchKeys keys_;
  std::vector<uint32_t> entries_;
};

}  // namespace

Result<OperatorPtr> MakeBatchJoinOperator(const plan::PhysicalNode& node) {
  auto made = std::make_unique<BatchJoinOperator>(node);
  FIRN_RETURN_IF_ERROR(made->Make(node));
  return OperatorPtr(std::move(made));
}

}  // namespace firn::exec
