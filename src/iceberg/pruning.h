// SPDX-License-Identifier: Apache-2.0
// Whether data may hold rows that satisfy a predicate, by what is known of it without reading it: bounds and counts of columns, partition values or
// ranges. Every answer errs on the side of "may".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"
#include "formats/parquet_summary.h"
#include "iceberg/manifest.h"
#include "iceberg/partition_spec.h"
#include "iceberg/scan_predicate.h"

namespace firn::iceberg {

/// What is known of the values of one column, or of one partition field. The default: nothing.
struct ValueRange {
  std::optional<Literal> lower;   // no value is less
  std::optional<Literal> upper;   // no value is greater
  bool may_have_null = true;
  bool may_have_value = true;     // anything but NULL
  bool may_have_nan = true;
};

using ColumnRangeFunction = std::function<ValueRange(const NestedField& column)>;

/// Evaluates a predicate without kNot. Immutable; thread-safe.
class Pruner {
 public:
  /// `schema` has the predicate's columns; it must outlive the pruner.
  Pruner(const Schema& schema, const ScanPredicate& predicate);

  /// Whether data with these column ranges and partition ranges (one a field of the spec) may match.
  bool MayMatch(const ColumnRangeFunction& columns, const PartitionSpec* spec, const std::vector<ValueRange>& partition) const;

  bool MayMatchManifest(const ManifestFile& manifest, const PartitionSpec& spec) const;
  bool MayMatchFile(const DataFile& file, const PartitionSpec& spec) const;
  bool MayMatchRowGroup(const formats::ParquetRowGroupSummary& group) const;

  bool is_trivial() const { return predicate_.op == PredicateOp::kTrue; }

 private:
  bool Evaluate(const ScanPredicate& predicate, const ColumnRangeFunction& columns, const PartitionSpec* spec,
                const std::vector<ValueRange>& partition) const;

  const Schema& schema_;
  const ScanPredicate predicate_;
};

}  // namespace firn::iceberg
