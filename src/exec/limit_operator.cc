// SPDX-License-Identifier: Apache-2.0
// Takes the first rows that arrive. Its state is how many it has seen.
#include <arrow/array.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "exec/columns.h"
#include "exec/operators_internal.h"

namespace firn::exec {

namespace {

const types::SchemaPtr& StateSchema() {
  static const auto* const schema = new types::SchemaPtr(types::MakeSchema({{"rows_seen", types::DataType::BigInt()}}));
  return *schema;
}

class LimitOperator final : public StatelessOperator {
 public:
  explicit LimitOperator(const plan::PhysicalNode& node) : limit_(std::get<plan::LimitNode>(node.spec)) {}

  Status Process(int, types::Batch batch, Output& output) override {
    const int64_t end = limit_.limit < 0 ? std::numeric_limits<int64_t>::max() : limit_.offset + limit_.limit;
    const int64_t from = std::clamp<int64_t>(limit_.offset - seen_, 0, batch.row_count);
    const int64_t to = std::clamp<int64_t>(end - seen_, 0, batch.row_count);
    seen_ = std::min(end, seen_ + batch.row_count);
    FIRN_ASSERT(seen_ >= 0 && seen_ <= end, "{} rows are seen of {}", seen_, end);
    if (from < to) output.Emit(types::SliceBatch(batch, from, to - from));
    return Ok();
  }
  bool WantsNoMore() const override { return limit_.limit >= 0 && seen_ >= limit_.offset + limit_.limit; }
  Status Snapshot(state::StateWriter& writer) override {
    return writer.Write("rows", {StateSchema(), {LongArray({seen_})}, 1, nullptr, nullptr});
  }
  Status Restore(state::StateReader& reader) override {
    return reader.Read("rows", StateSchema(), [&](const types::Batch& rows) -> Status {
      seen_ += static_cast<const arrow::Int64Array&>(*rows.columns[0]).Value(0);
      return Ok();
    });
  }

 private:
  const plan::LimitNode& limit_;
  int64_t seen_ = 0;
};

}  // namespace

OperatorPtr MakeLimitOperator(const plan::PhysicalNode& node) { return std::make_unique<LimitOperator>(node); }

}  // namespace firn::exec
