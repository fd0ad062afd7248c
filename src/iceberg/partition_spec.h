// SPDX-License-Identifier: Apache-2.0
// Partition specs and sort orders. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "iceberg/schema.h"
#include "iceberg/transform.h"

namespace firn::iceberg {

inline constexpr int32_t kFirstPartitionFieldId = 1000;

struct PartitionField {
  std::vector<int32_t> source_ids;  // one, but for multi-argument transforms (v3)
  int32_t field_id = 0;             // from 1000
  std::string name;
  Transform transform;
  int32_t source_id() const { return source_ids.empty() ? 0 : source_ids[0]; }
  bool operator==(const PartitionField&) const = default;
};

struct PartitionSpec {
  int32_t spec_id = 0;
  std::vector<PartitionField> fields;

  /// No field, or only void ones: every file is in the one partition.
  bool IsUnpartitioned() const;
  bool operator==(const PartitionSpec&) const = default;
};

/// The struct of a partition's values: ids and names of the spec's fields, types by the schema. A source column that the schema has no more
/// gives `unknown`. kInvalidMetadata if a transform does not take its column.
Result<Type> PartitionType(const PartitionSpec& spec, const Schema& schema);

/// "day=2024-05-01/bucket=3", values percent-encoded; empty if unpartitioned.
std::string PartitionPath(const PartitionSpec& spec, const Schema& schema, const PartitionValues& values);

/// A field to be added, as DDL says it.
struct PartitionFieldDefinition {
  std::string source;     // column, dotted
  Transform transform;
  std::string name;       // empty: Iceberg's default, such as "ts_day", "id_bucket_16"
};
/// Builds a spec from definitions; ids are counted on from `*last_partition_id`. kColumnNotFound, kInvalidDefinition.
Result<PartitionSpec> MakePartitionSpec(const Schema& schema, const std::vector<PartitionFieldDefinition>& definitions,
                                        int32_t* last_partition_id);
/// SQL text of one PARTITIONED BY item: "dt", "`dt`", "days(ts)", "day(ts)", "bucket(16, id)", "truncate(10, name)", "truncate(name, 10)".
Result<PartitionFieldDefinition> ParsePartitionItem(std::string_view sql);
/// The reverse, in the form "days(ts)".
std::string PartitionItemText(const Schema& schema, const PartitionField& field);

struct SortField {
  Transform transform;
  int32_t source_id = 0;
  bool is_ascending = true;
  bool nulls_first = true;
  bool operator==(const SortField&) const = default;
};

/// Order 0 is "unsorted".
struct SortOrder {
  int32_t order_id = 0;
  std::vector<SortField> fields;
  bool operator==(const SortOrder&) const = default;
};

}  // namespace firn::iceberg
