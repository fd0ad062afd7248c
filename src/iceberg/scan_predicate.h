// SPDX-License-Identifier: Apache-2.0
// What a scan may skip by: a condition on columns of simple form. It says which data cannot matter; rows that are read are filtered again above.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "iceberg/literal.h"
#include "iceberg/schema.h"

namespace firn::iceberg {

enum class PredicateOp : uint8_t {
  kTrue,  // also: whatever cannot be said in this form
  kFalse,
  kAnd,
  kOr,
  kNot,
  kIsNull,
  kIsNotNull,
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,
  kStartsWith,
};

/// A value type. Values are of the form that the column's current type wants (LiteralFits) and not NULL.
struct ScanPredicate {
  PredicateOp op = PredicateOp::kTrue;
  int32_t column_id = 0;                // of a leaf
  std::vector<Literal> values;          // one; of kIn any number
  std::vector<ScanPredicate> children;  // kAnd, kOr: any number; kNot: one

  static ScanPredicate True() { return {}; }
  static ScanPredicate And(std::vector<ScanPredicate> children) { return {PredicateOp::kAnd, 0, {}, std::move(children)}; }
  static ScanPredicate Or(std::vector<ScanPredicate> children) { return {PredicateOp::kOr, 0, {}, std::move(children)}; }
  static ScanPredicate Not(ScanPredicate child) { return {PredicateOp::kNot, 0, {}, {std::move(child)}}; }
  static ScanPredicate Compare(PredicateOp op, int32_t column_id, Literal value) { return {op, column_id, {std::move(value)}, {}}; }
  static ScanPredicate In(int32_t column_id, std::vector<Literal> values) { return {PredicateOp::kIn, column_id, std::move(values), {}}; }
  static ScanPredicate IsNull(int32_t column_id) { return {PredicateOp::kIsNull, column_id, {}, {}}; }
  static ScanPredicate IsNotNull(int32_t column_id) { return {PredicateOp::kIsNotNull, column_id, {}, {}}; }

  /// For EXPLAIN: "(price > 5 AND symbol IN ('a', 'b'))".
  std::string ToString(const Schema& schema) const;
};

/// A predicate without kNot that holds wherever the given one does: comparisons are turned round; a negated kIn or kStartsWith becomes kTrue, "not greater" of
/// floating-point numbers kIsNotNull.
ScanPredicate WithoutNot(const ScanPredicate& predicate);

}  // namespace firn::iceberg
