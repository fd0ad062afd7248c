// SPDX-License-Identifier: Apache-2.0
// The APIs of the Kafka protocol that firn knows, with the versions it can encode and decode.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace firn::kafka {

enum class ApiKey : int16_t {
  kProduce = 0,
  kFetch = 1,
  kListOffsets = 2,
  kMetadata = 3,
  kOffsetCommit = 8,
  kOffsetFetch = 9,
  kFindCoordinator = 10,
  kJoinGroup = 11,
  kHeartbeat = 12,
  kLeaveGroup = 13,
  kSyncGroup = 14,
  kDescribeGroups = 15,
  kListGroups = 16,
  kApiVersions = 18,
  kCreateTopics = 19,
  kDeleteTopics = 20,
  kDeleteRecords = 21,
  kInitProducerId = 22,
  kDescribeConfigs = 32,
  kCreatePartitions = 37,
  kDeleteGroups = 42,
  kIncrementalAlterConfigs = 44,
  kDescribeCluster = 60,
};

struct ApiInfo {
  ApiKey key;
  std::string_view name;
  int16_t min_version;     // that can be encoded and decoded; ApiVersions may advertise more
  int16_t max_version;
  int16_t flexible_from;   // first version with compact lengths and tagged fields (KIP-482)
};

/// Ascending by key. Generated from messages/*.msg.
const std::vector<ApiInfo>& AllApis();
/// nullptr for a key that firn does not know.
const ApiInfo* FindApi(int16_t key);

/// 16 bytes, as Kafka's topic ids; all zero means none.
using Uuid = std::array<uint8_t, 16>;

/// A `records` field: whole record batches, one after the other, in slices that are never copied.
using Records = std::vector<base::SharedBytes>;

}  // namespace firn::kafka
