// SPDX-License-Identifier: Apache-2.0
// Keys and their aggregates together: what window slices, their merges and unwindowed groups have in common.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "exec/group_keys.h"
#include "exec/group_table.h"
#include "expr/aggregate_function.h"
#include "state/state_io.h"
#include "types/batch.h"

namespace firn::exec {

/// What all sets of one operator share. Immutable.
struct AggregateShape {
  std::vector<int> keys;                      // input columns
  std::vector<expr::AggregateCall> calls;
  std::unique_ptr<KeyEncoder> encoder;

  static AggregateShape Make(const types::Schema& input, std::vector<int> keys, std::vector<expr::AggregateCall> calls);
  /// Key columns k0, k1, ..., then each call's state fields as a0_sum, a0_count, ...
  std::vector<types::Field> StateFields() const;
  /// The key columns of them.
  types::SchemaPtr KeySchema() const;
};

/// Thread-compatible.
class AggregateSet {
 public:
  /// `shape` must outlive the set.
  static Result<std::unique_ptr<AggregateSet>> Make(const AggregateShape& shape);

  /// groups[i]: the group of row i, made if new.
  void FindOrInsert(const types::Batch& batch, std::vector<uint32_t>* groups);
  /// Adds the rows to their groups.
  Status Update(const types::Batch& batch, std::span<const uint32_t> groups);
  /// Adds all of other's groups; its rows came later than ours.
  Status MergeFrom(const AggregateSet& other);
  /// Key columns, then results, of `groups`.
  Result<std::vector<types::ArrayPtr>> Rows(std::span<const uint32_t> groups) const;
  /// Results only.
  Result<std::vector<types::ArrayPtr>> Results(std::span<const uint32_t> groups) const;
  /// Columns of StateFields of `groups`, and back: sets (*groups)[i] to row i. No key stands twice.
  Result<std::vector<types::ArrayPtr>> Save(std::span<const uint32_t> groups) const;
  Status Load(std::span<const types::ArrayPtr> columns, int64_t row_count, std::vector<uint32_t>* groups);
  void FindOrInsert(std::span<const types::ArrayPtr> keys, int64_t row_count, std::vector<uint32_t>* groups);
  /// groups[i]: of row i of these key columns, kNoGroup: none.
  void Find(std::span<const types::ArrayPtr> keys, int64_t row_count, std::vector<uint32_t>* groups);
  Result<std::vector<types::ArrayPtr>> Keys(std::span<const uint32_t> groups) const { return table_.Keys(*shape_.encoder, groups); }
  void Erase(uint32_t group);

  std::vector<uint32_t> groups() const { return table_.LiveGroups(); }
  int key_group(uint32_t group) const { return table_.key_group(group); }
  uint32_t size() const { return table_.size(); }
  uint32_t capacity() const { return table_.capacity(); }
  int64_t bytes() const;

 private:
  explicit AggregateSet(const AggregateShape& shape) : shape_(shape), table_(shape.encoder->shape()) {}
  void Grow();

  const AggregateShape& shape_;
  GroupTable table_;
  std::vector<std::unique_ptr<expr::GroupedAccumulator>> accumulators_;
  BatchKeys keys_;
};

}  // namespace firn::exec
