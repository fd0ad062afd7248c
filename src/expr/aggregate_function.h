// SPDX-License-Identifier: Apache-2.0
// Aggregate functions: how a call is bound, and the columnar accumulators that the engine's aggregation operators drive. An
// operator maps keys to dense group numbers 0, 1, 2 ...; an accumulator holds one state a group, in arrays.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "expr/limits.h"
#include "expr/scalar_function.h"
#include "types/batch.h"
#include "types/data_type.h"

namespace firn::expr {

/// The states of one aggregate call for groups 0 .. group_count - 1. Thread-compatible.
class GroupedAccumulator {
 public:
  virtual ~GroupedAccumulator() = default;
  /// Grows to `count` groups; new ones are empty.
  virtual void Resize(int64_t count) = 0;
  /// Row i goes to group groups[i]. `arguments`: one array each, as long as `groups`. `kinds`: int8 RowKind a row, null for all
  /// inserts; -U and -D retract (only if made retractable). `filter`: boolean a row or null; rows not true are skipped. Rows are in arrival order.
  virtual Status Update(std::span<const uint32_t> groups, std::span<const types::ArrayPtr> arguments,
                        const types::ArrayPtr& kinds, const types::ArrayPtr& filter) = 0;
  /// Adds other's group i to our group groups[i] (slices into windows, sessions that meet). `other` came later in arrival order
  /// for FIRST_VALUE and LAST_VALUE. Same function and options.
  virtual Status Merge(const GroupedAccumulator& other, std::span<const uint32_t> groups) = 0;
  /// The result of each of `groups`, in that order, as the function's result type. Does not change the state.
  virtual Result<types::ArrayPtr> Finish(std::span<const uint32_t> groups) const = 0;
  /// The state of each of `groups` as columns of AggregateCall's state fields: what a checkpoint stores.
  virtual Result<std::vector<types::ArrayPtr>> Save(std::span<const uint32_t> groups) const = 0;
  /// Sets groups[i] to row i of what Save gave.
  virtual Status Load(std::span<const uint32_t> groups, std::span<const types::ArrayPtr> state) = 0;
  /// Empties the groups for reuse.
  virtual void Reset(std::span<const uint32_t> groups) = 0;
  virtual int64_t bytes() const = 0;
};

struct AggregateOptions {
  bool is_distinct = false;
  bool is_retractable = false;  // Update will see -U and -D
  bool ignore_nulls = true;     // ARRAY_AGG
  Limits limits;
};

struct AggregateFunction {
  std::vector<std::string_view> names;  // upper case, canonical first
  std::string_view syntax;
  std::string_view doc;
  BindFunction bind = nullptr;          // as for scalar functions; COUNT(*) has no arguments
  /// State columns, named and typed so that a newer firn reads an older one's state by name.
  std::vector<types::Field> (*state_fields)(const Signature& signature, const AggregateOptions& options) = nullptr;
  Result<std::unique_ptr<GroupedAccumulator>> (*make)(const Signature& signature, const AggregateOptions& options) = nullptr;
  /// Whether the result of an append-only input can be had without keeping values when inputs are retracted (COUNT, SUM, AVG).
  bool retracts_in_place = false;
};

/// One aggregate call of a query, bound.
struct AggregateCall {
  const AggregateFunction* function = nullptr;
  Signature signature;
  AggregateOptions options;
  std::vector<int> arguments;  // input columns, of the signature's argument types
  int filter = -1;             // input column (BOOLEAN), -1: none
  std::string name;            // output column
};

/// By name, any case; nullptr if there is none.
const AggregateFunction* FindAggregate(std::string_view name);
const std::vector<const AggregateFunction*>& AllAggregates();

/// The state fields of a call: those of its function, or of the wrapper that DISTINCT needs.
std::vector<types::Field> StateFields(const AggregateCall& call);
Result<std::unique_ptr<GroupedAccumulator>> MakeAccumulator(const AggregateCall& call);

}  // namespace firn::expr
