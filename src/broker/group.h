// SPDX-License-Identifier: Apache-2.0
// One consumer group of the classic protocol: its members, its generation, what they wait for. Data and questions about it; the transitions
// are the coordinator's. Source: Kafka documentation "Consumer Groups"; KIP-62, KIP-134, KIP-345 (static members), KIP-394.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "broker/meta_records.h"
#include "io/executor.h"
#include "kafka/error_code.h"
#include "kafka/messages/join_group.h"
#include "kafka/messages/sync_group.h"

namespace firn::broker {

using JoinCallback = std::function<void(kafka::JoinGroupResponse)>;
using SyncCallback = std::function<void(kafka::SyncGroupResponse)>;

/// What members, committers and deleters of a group are told where something could not be stored. As Kafka does, codes that clients of groups know: storage that fails is a
/// coordinator that is not available, which they look for again; the code of the storage itself would end them.
kafka::KafkaCode GroupCodeOf(const Error& error);

/// What a member costs beside its texts: its place in maps and lists, two callbacks, a timer.
inline constexpr size_t kMemberOverheadBytes = 1'024;

struct Member {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  int32_t session_timeout_ms = 0;
  int32_t rebalance_timeout_ms = 0;
  std::vector<std::pair<std::string, std::string>> protocols;  // preferred first
  std::string assignment;

  JoinCallback joining;   // set while its JoinGroup waits
  SyncCallback syncing;   // set while its SyncGroup waits
  bool has_synced = false;        // in this generation
  int64_t deadline_us = 0;        // session
  io::TimerId timer = 0;
  bool has_timer = false;
  int64_t counted_bytes = 0;      // of GroupCoordinator's total

  /// In memory.
  int64_t SizeBytes() const;
  bool Supports(const std::string& protocol) const;
  /// Empty if it does not support the protocol.
  const std::string& MetadataOf(const std::string& protocol) const;
};

enum class GroupState {
  kEmpty,                 // no members; perhaps offsets
  kPreparingRebalance,    // waits for all members to join
  kCompletingRebalance,   // waits for the leader's assignment
  kStable,
};
/// As DescribeGroups names it: "PreparingRebalance".
const char* GroupStateName(GroupState state);

struct Group {
  std::string id;
  GroupState state = GroupState::kEmpty;
  int32_t generation = 0;
  std::string protocol_type;
  std::string protocol;
  std::string leader;
  std::map<std::string, Member> members;                  // by member id
  std::map<std::string, std::string> static_members;      // instance id to member id
  std::map<std::string, io::TimerId> pending_members;     // ids given out (KIP-394) that have not joined yet, with their timers
  std::vector<std::string> join_order;                    // member ids, first joined first: the leader is the first of them
  io::TimerId rebalance_timer = 0;
  bool has_rebalance_timer = false;
  bool is_in_initial_delay = false;
  bool is_assigned = false;                               // the leader has given this generation its assignment
  int64_t empty_since_ms = 0;

  Member* Find(const std::string& member_id);
  bool AllHaveJoined() const;
  int32_t MaxRebalanceTimeoutMs() const;
  /// Whether a member with these protocols leaves at least one that every member supports.
  bool Accepts(const std::string& type, const std::vector<std::pair<std::string, std::string>>& protocols, const std::string& except_member) const;
  /// The protocol that most members prefer among those that all support.
  std::string ChooseProtocol() const;
  GroupRecord ToRecord() const;
};

}  // namespace firn::broker
