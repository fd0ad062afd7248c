// SPDX-License-Identifier: Apache-2.0
// A kafka table's options, parsed: where it starts and ends, which columns come from the value, the key and the record's metadata.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/record_format.h"
#include "plan/catalog_view.h"
#include "types/data_type.h"

namespace firn::connect {

enum class StartupMode { kEarliest, kLatest, kGroupOffsets, kTimestamp, kSpecificOffsets };
enum class OffsetReset { kEarliest, kLatest, kNone };
enum class BoundedMode { kUnbounded, kLatest, kTimestamp, kSpecificOffsets };

struct KafkaTable {
  std::vector<std::string> topics;
  std::string group;                               // properties.group.id; empty: none
  StartupMode startup = StartupMode::kGroupOffsets;
  BoundedMode bounded = BoundedMode::kUnbounded;
  bool discovers_partitions = true;                // scan.topic-partition-discovery.interval is not 0, and the table has no end
  int64_t startup_timestamp_ms = 0;
  int64_t bounded_timestamp_ms = 0;
  std::map<int32_t, int64_t> startup_offsets;      // by partition
  std::map<int32_t, int64_t> bounded_offsets;
  OffsetReset reset = OffsetReset::kEarliest;      // properties.auto.offset.reset, for a group without offsets
  formats::FormatSpec value_format;
  std::optional<formats::FormatSpec> key_format;
  std::vector<std::string> key_fields;
  std::string key_prefix;                          // key.fields-prefix: in the table's names, not in the record's
  bool value_has_key_fields = true;                // value.fields-include
  std::string partitioner = "default";             // sink.partitioner
};

/// kInvalidOption names the option; kNotSupported for a foreign broker. Checks all options.
Result<KafkaTable> ParseKafkaTable(const plan::TableDefinition& table, const std::string& time_zone);

/// The metadata that records carry: key and type.
const std::vector<types::Field>& KafkaMetadata();

}  // namespace firn::connect
