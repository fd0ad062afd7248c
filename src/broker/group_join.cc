// SPDX-License-Identifier: Apache-2.0
// The ways into a group: a new member, a known one that comes again, a static one that comes back under another id.
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "broker/group_coordinator.h"

namespace firn::broker {

using kafka::KafkaCode;

namespace {

constexpr size_t kClientIdBytesMax = 255;   // of a member id
constexpr size_t kMemberBytesMax = 4 << 20;  // of the protocols' metadata of one member
constexpr size_t kProtocolsMax = 32;         // of one member: each join compares them with those of all others. Clients have one to five

kafka::JoinGroupResponse JoinRefusal(KafkaCode code, std::string member_id) {
  kafka::JoinGroupResponse response;
  response.error_code = static_cast<int16_t>(code);
  response.member_id = std::move(member_id);
  return response;
}

std::vector<std::pair<std::string, std::string>> ProtocolsOf(const kafka::JoinGroupRequest& request) {
  std::vector<std::pair<std::string, std::string>> protocols;
  for (const auto& protocol : request.protocols) protocols.emplace_back(protocol.name, std::string(protocol.metadata.view()));
  return protocols;
}

KafkaCode CheckRequest(const kafka::JoinGroupRequest& request, const BrokerOptions& options) {
  if (request.group_id.empty() || request.group_id.size() > kGroupIdBytesMax) return KafkaCode::kInvalidGroupId;
  if (request.session_timeout_ms < options.session_timeout_ms_min || request.session_timeout_ms > options.session_timeout_ms_max) {
    return KafkaCode::kInvalidSessionTimeout;
  }
  if (request.protocol_type.empty() || request.protocols.empty()) return KafkaCode::kInconsistentGroupProtocol;
  if (request.protocols.size() > kProtocolsMax) return KafkaCode::kInvalidRequest;
  size_t bytes = request.group_instance_id.has_value() ? request.group_instance_id->size() : 0;
  for (const auto& protocol : request.protocols) bytes += protocol.name.size() + protocol.metadata.size();
  return bytes <= kMemberBytesMax ? KafkaCode::kNone : KafkaCode::kInvalidRequest;
}

/// What the members of the group take more with this request, about.
int64_t MoreBytesOf(const Group* group, const kafka::JoinGroupRequest& request) {
  size_t bytes = kMemberOverheadBytes;
  for (const auto& protocol : request.protocols) bytes += 2 * sizeof(std::string) + protocol.name.size() + protocol.metadata.size();
  if (group == nullptr) return static_cast<int64_t>(bytes);
  auto id = request.member_id;
  if (request.group_instance_id.has_value()) {
    if (auto known = group->static_members.find(*request.group_instance_id); known != group->static_members.end()) id = known->second;
  }
  auto member = group->members.find(id);
  return static_cast<int64_t>(bytes) - (member == group->members.end() ? 0 : member->second.counted_bytes);
}

void Update(Member& member, const kafka::JoinGroupRequest& request, const JoiningClient& client) {
  member.client_id = client.id;
  member.client_host = client.host;
  member.session_timeout_ms = request.session_timeout_ms;
  // Version 0 has no rebalance timeout: the session timeout stands for it.
  member.rebalance_timeout_ms = request.rebalance_timeout_ms > 0 ? request.rebalance_timeout_ms : request.session_timeout_ms;
  member.protocols = ProtocolsOf(request);
}

}  // namespace

void GroupCoordinator::Join(const kafka::JoinGroupRequest& request, const JoiningClient& client, JoinCallback done) {
  if (KafkaCode code = CheckRequest(request, options_); code != KafkaCode::kNone) return done(JoinRefusal(code, request.member_id));
  if (being_deleted_.contains(request.group_id)) return done(JoinRefusal(KafkaCode::kCoordinatorNotAvailable, request.member_id));
  Group* group = FindGroup(request.group_id);
  if (!HasRoom(MoreBytesOf(group, request))) return done(JoinRefusal(KafkaCode::kGroupMaxSizeReached, request.member_id));
  if (group == nullptr) {
    if (!request.member_id.empty()) return done(JoinRefusal(KafkaCode::kUnknownMemberId, request.member_id));
    if (groups_.size() >= static_cast<size_t>(options_.groups_max)) return done(JoinRefusal(KafkaCode::kCoordinatorNotAvailable, request.member_id));
    group = &groups_[request.group_id];
    group->id = request.group_id;
    group->empty_since_ms = queue_.wall_time_ms();
  }
  if (!group->Accepts(request.protocol_type, ProtocolsOf(request), request.member_id)) {
    return done(JoinRefusal(KafkaCode::kInconsistentGroupProtocol, request.member_id));
  }
  if (request.member_id.empty()) return JoinNew(*group, request, client, std::move(done));
  // An id is promised to dynamic members only: a static one would take the place of another, unseen.
  if (!request.group_instance_id.has_value() && group->pending_members.contains(request.member_id)) {
    DropPending(*group, request.member_id);
    return AddMember(*group, request.member_id, request, client, std::move(done));
  }
  if (request.group_instance_id.has_value()) {
    auto known = group->static_members.find(*request.group_instance_id);
    if (known == group->static_members.end()) return done(JoinRefusal(KafkaCode::kUnknownMemberId, request.member_id));
    if (known->second != request.member_id) return done(JoinRefusal(KafkaCode::kFencedInstanceId, request.member_id));
  }
  Member* member = group->Find(request.member_id);
  if (member == nullptr) return done(JoinRefusal(KafkaCode::kUnknownMemberId, request.member_id));
  JoinKnown(*group, *member, request, client, std::move(done));
}

void GroupCoordinator::JoinNew(Group& group, const kafka::JoinGroupRequest& request, const JoiningClient& client, JoinCallback done) {
  if (request.group_instance_id.has_value() && group.static_members.contains(*request.group_instance_id)) {
    return ReplaceStatic(group, request, client, std::move(done));
  }
  if (group.members.size() + group.pending_members.size() >= static_cast<size_t>(options_.group_members_max)) {
    return done(JoinRefusal(KafkaCode::kGroupMaxSizeReached, ""));
  }
  const std::string name = request.group_instance_id.has_value() ? *request.group_instance_id : client.id;
  std::string member_id = fmt::format("{}-{}", name.substr(0, kClientIdBytesMax), random_.UuidText());
  if (client.must_know_its_id && !request.group_instance_id.has_value()) {
    PromiseMember(group, member_id, request.session_timeout_ms);
    return done(JoinRefusal(KafkaCode::kMemberIdRequired, std::move(member_id)));
  }
  AddMember(group, std::move(member_id), request, client, std::move(done));
}

void GroupCoordinator::PromiseMember(Group& group, const std::string& member_id, int32_t session_timeout_ms) {
  FIRN_ASSERT(session_timeout_ms > 0 && !group.members.contains(member_id), "member {} of group {}", member_id, group.id);
  member_bytes_ += kPendingMemberBytes;
  group.pending_members[member_id] = queue_.After(session_timeout_ms, [this, group_id = group.id, member_id] {
    Group* later = FindGroup(group_id);
    if (later == nullptr || !later->pending_members.contains(member_id)) return;
    DropPending(*later, member_id);
    MaybeCompleteJoin(*later);
  });
}

void GroupCoordinator::AddMember(Group& group, std::string member_id, const kafka::JoinGroupRequest& request, const JoiningClient& client,
                                 JoinCallback done) {
  FIRN_ASSERT(!group.members.contains(member_id) && !group.pending_members.contains(member_id), "member {} joins group {} twice", member_id, group.id);
  if (group.members.empty()) group.protocol_type = request.protocol_type;
  Member& member = group.members[member_id];
  member.id = std::move(member_id);
  member.instance_id = request.group_instance_id;
  Update(member, request, client);
  Count(member);
  member.joining = std::move(done);
  group.join_order.push_back(member.id);
  if (group.leader.empty()) group.leader = member.id;
  if (member.instance_id.has_value()) {
    const bool is_free = group.static_members.emplace(*member.instance_id, member.id).second;
    FIRN_ASSERT(is_free, "static member {} of group {} is there already", *member.instance_id, group.id);
  }
  Touch(group, member);
  PrepareRebalance(group);
}

void GroupCoordinator::JoinKnown(Group& group, Member& member, const kafka::JoinGroupRequest& request, const JoiningClient& client,
                                 JoinCallback done) {
  const bool has_same_protocols = member.protocols == ProtocolsOf(request);
  Touch(group, member);
  // A member whose answer was lost asks again; nothing has changed for the others. A leader that joins again wants a new assignment.
  const bool is_repetition = has_same_protocols && (group.state == GroupState::kCompletingRebalance ||
                                                    (group.state == GroupState::kStable && member.id != group.leader));
  if (is_repetition) return done(JoinAnswer(group, member));
  Update(member, request, client);
  Count(member);
  if (group.members.size() == 1) group.protocol_type = request.protocol_type;  // who is alone may become something else
  if (member.joining) std::exchange(member.joining, nullptr)(JoinRefusal(KafkaCode::kRebalanceInProgress, member.id));
  member.joining = std::move(done);
  PrepareRebalance(group);
}

/// A static member came back without its id (it was restarted): it takes its old place under a new id, and the old id is fenced. If the group is stable and
/// its subscription is as before, no rebalance follows (KIP-345).
void GroupCoordinator::ReplaceStatic(Group& group, const kafka::JoinGroupRequest& request, const JoiningClient& client, JoinCallback done) {
  const std::string old_id = group.static_members[*request.group_instance_id];
  auto node = group.members.extract(old_id);
  FIRN_ASSERT(!node.empty(), "static member {}", old_id);
  Member& member = node.mapped();
  if (member.has_timer) queue_.Cancel(member.timer);
  member.has_timer = false;
  if (member.joining) std::exchange(member.joining, nullptr)(JoinRefusal(KafkaCode::kFencedInstanceId, old_id));
  if (member.syncing) {
    kafka::SyncGroupResponse fenced;
    fenced.error_code = static_cast<int16_t>(KafkaCode::kFencedInstanceId);
    std::exchange(member.syncing, nullptr)(fenced);
  }
  const std::string old_metadata = member.MetadataOf(group.protocol);
  member.id = fmt::format("{}-{}", request.group_instance_id->substr(0, kClientIdBytesMax), random_.UuidText());
  Update(member, request, client);
  Count(member);
  const bool was_leader = group.leader == old_id;
  if (was_leader) group.leader = member.id;
  std::replace(group.join_order.begin(), group.join_order.end(), old_id, member.id);
  group.static_members[*request.group_instance_id] = member.id;
  node.key() = member.id;
  Member& replaced = group.members.insert(std::move(node)).position->second;
  Touch(group, replaced);
  const bool needs_rebalance = group.state != GroupState::kStable || !replaced.Supports(group.protocol) || old_metadata != replaced.MetadataOf(group.protocol);
  if (needs_rebalance) {
    replaced.joining = std::move(done);
    return PrepareRebalance(group);
  }
  kafka::JoinGroupResponse answer = JoinAnswer(group, replaced);
  answer.skip_assignment = was_leader && client.can_skip_assignment;
  // An old client would assign again if it saw itself leading: it is told that the old id leads.
  if (was_leader && !client.can_skip_assignment) {
    answer.leader = old_id;
    answer.members.clear();
  }
  std::vector<log::Operation> operations;
  operations.emplace_back(RecordOf(group));
  queue_.Append(std::move(operations), [answer, done = std::move(done), id = replaced.id](Result<log::Committed> result) {
    done(result.ok() ? answer : JoinRefusal(GroupCodeOf(result.error()), id));
  });
}

}  // namespace firn::broker
