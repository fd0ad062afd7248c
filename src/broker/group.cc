// SPDX-License-Identifier: Apache-2.0
#include "broker/group.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "base/assert.h"

namespace firn::broker {

kafka::KafkaCode GroupCodeOf(const Error& error) {
  using kafka::KafkaCode;
  const KafkaCode code = kafka::KafkaCodeOf(error);
  if (code == KafkaCode::kKafkaStorageError) return KafkaCode::kCoordinatorNotAvailable;
  return code == KafkaCode::kMessageTooLarge ? KafkaCode::kInvalidCommitOffsetSize : code;
}

int64_t Member::SizeBytes() const {
  size_t bytes = kMemberOverheadBytes + id.size() + client_id.size() + client_host.size() + assignment.size() + (instance_id.has_value() ? instance_id->size() : 0);
  for (const auto& [name, metadata] : protocols) bytes += 2 * sizeof(std::string) + name.size() + metadata.size();
  return static_cast<int64_t>(bytes);
}

bool Member::Supports(const std::string& protocol) const {
  return std::any_of(protocols.begin(), protocols.end(), [&](const auto& known) { return known.first == protocol; });
}

const std::string& Member::MetadataOf(const std::string& protocol) const {
  static const std::string none;
  for (const auto& [name, metadata] : protocols) {
    if (name == protocol) return metadata;
  }
  return none;
}

const char* GroupStateName(GroupState state) {
  switch (state) {
    case GroupState::kEmpty: return "Empty";
    case GroupState::kPreparingRebalance: return "PreparingRebalance";
    case GroupState::kCompletingRebalance: return "CompletingRebalance";
    case GroupState::kStable: return "Stable";
  }
  FIRN_UNREACHABLE("group state {}", static_cast<int>(state));
}

Member* Group::Find(const std::string& member_id) {
  auto found = members.find(member_id);
  return found == members.end() ? nullptr : &found->second;
}

bool Group::AllHaveJoined() const {
  return pending_members.empty() &&
         std::all_of(members.begin(), members.end(), [](const auto& entry) { return entry.second.joining != nullptr; });
}

int32_t Group::MaxRebalanceTimeoutMs() const {
  int32_t longest = 0;
  for (const auto& [member_id, member] : members) longest = std::max(longest, member.rebalance_timeout_ms);
  return longest;
}

bool Group::Accepts(const std::string& type, const std::vector<std::pair<std::string, std::string>>& protocols,
                    const std::string& except_member) const {
  if (type.empty() || protocols.empty()) return false;
  const bool is_alone = members.empty() || (members.size() == 1 && members.contains(except_member));
  if (is_alone) return true;
  if (type != protocol_type) return false;
  return std::any_of(protocols.begin(), protocols.end(), [&](const auto& wanted) {
    return std::all_of(members.begin(), members.end(),
                       [&](const auto& entry) { return entry.first == except_member || entry.second.Supports(wanted.first); });
  });
}

std::string Group::ChooseProtocol() const {
  FIRN_ASSERT(!members.empty());
  std::map<std::string_view, size_t> supporters;
  for (const auto& [member_id, member] : members) {
    std::set<std::string_view> names;  // one that a member lists twice counts once
    for (const auto& [name, metadata] : member.protocols) {
      if (names.insert(name).second) ++supporters[name];
    }
  }
  auto is_common = [&](const std::string& name) { return supporters[name] == members.size(); };
  std::map<std::string, int> votes;
  for (const auto& [member_id, member] : members) {
    auto preferred = std::find_if(member.protocols.begin(), member.protocols.end(), [&](const auto& known) { return is_common(known.first); });
    FIRN_ASSERT(preferred != member.protocols.end(), "group {} has no common protocol", id);
    ++votes[preferred->first];
  }
  return std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->first;
}

GroupRecord Group::ToRecord() const {
  GroupRecord record{.generation = generation, .protocol_type = protocol_type, .protocol = protocol, .leader = leader, .members = {}};
  for (const auto& [member_id, member] : members) {
    record.members.push_back({.id = member.id,
                              .instance_id = member.instance_id,
                              .client_id = member.client_id,
                              .client_host = member.client_host,
                              .session_timeout_ms = member.session_timeout_ms,
                              .rebalance_timeout_ms = member.rebalance_timeout_ms,
                              .protocols = member.protocols,
                              .assignment = member.assignment});
  }
  return record;
}

}  // namespace firn::broker
