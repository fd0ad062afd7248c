// SPDX-License-Identifier: Apache-2.0
// Rebalances, sessions and what they have in common. The join paths are in group_join.cc.
#include "broker/group_coordinator.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace firn::broker {

using kafka::KafkaCode;

namespace {

kafka::SyncGroupResponse SyncRefusal(KafkaCode code) {
  kafka::SyncGroupResponse response;
  response.error_code = static_cast<int16_t>(code);
  return response;
}

kafka::SyncGroupResponse SyncAnswer(const Group& group, const Member& member) {
  kafka::SyncGroupResponse response;
  response.protocol_type = group.protocol_type;
  response.protocol_name = group.protocol;
  response.assignment = base::SharedBytes::FromString(member.assignment);
  return response;
}

/// In the meta store: a node of its map, two strings.
int64_t OffsetBytes(std::string_view key, std::string_view value) { return static_cast<int64_t>(key.size() + value.size()) + 160; }

int64_t AssignedBytes(const kafka::SyncGroupRequest& request) {
  size_t bytes = 0;
  for (const auto& part : request.assignments) bytes += part.assignment.size();
  return static_cast<int64_t>(bytes);
}

kafka::JoinGroupResponse JoinFailure(KafkaCode code, const std::string& member_id) {
  kafka::JoinGroupResponse response;
  response.error_code = static_cast<int16_t>(code);
  response.member_id = member_id;
  return response;
}

}  // namespace

Status GroupCoordinator::Load() {
  Status loaded = Ok();
  store_.meta().Visit(kGroupPrefix, kGroupPrefix, [&](std::string_view key, std::string_view value) {
    const auto group_id = GroupOfKey(key);
    if (group_id.has_value() && key == GroupMembersKey(*group_id)) loaded = LoadGroup(*group_id, key, value);
    return loaded.ok();
  });
  return loaded;
}

Status GroupCoordinator::LoadGroup(const std::string& id, std::string_view key, std::string_view value) {
  FIRN_TRY(GroupRecord record, DecodeGroup(key, value));
  Group& group = groups_[id];
  group.id = id;
  group.state = record.members.empty() ? GroupState::kEmpty : GroupState::kStable;
  group.generation = record.generation;
  group.protocol_type = record.protocol_type;
  group.protocol = record.protocol;
  group.leader = record.leader;
  group.empty_since_ms = queue_.wall_time_ms();
  for (MemberRecord& stored : record.members) {
    Member& member = group.members[stored.id];
    member.id = stored.id;
    member.instance_id = stored.instance_id;
    member.client_id = stored.client_id;
    member.client_host = stored.client_host;
    member.session_timeout_ms = stored.session_timeout_ms;
    member.rebalance_timeout_ms = stored.rebalance_timeout_ms;
    member.protocols = std::move(stored.protocols);
    member.assignment = std::move(stored.assignment);
    member.has_synced = true;
    Count(member);
    group.join_order.push_back(member.id);
    if (member.instance_id.has_value()) group.static_members[*member.instance_id] = member.id;
    Touch(group, member);
  }
  FIRN_ASSERT(group.join_order.size() == group.members.size(), "group {}: {} members, {} in order", id, group.members.size(), group.join_order.size());
  return Ok();
}

Group* GroupCoordinator::FindGroup(const std::string& group_id) {
  auto found = groups_.find(group_id);
  return found == groups_.end() ? nullptr : &found->second;
}

const Group* GroupCoordinator::Find(const std::string& group_id) const {
  auto found = groups_.find(group_id);
  return found == groups_.end() ? nullptr : &found->second;
}

bool GroupCoordinator::IsStored(const std::string& group_id) const {
  bool is_stored = false;
  store_.meta().Visit(GroupKeyPrefix(group_id), {}, [&](std::string_view, std::string_view) {
    is_stored = true;
    return false;
  });
  return is_stored;
}

void GroupCoordinator::Delete(const std::vector<std::string>& group_ids, IsWanted is_wanted, DeletedCallback done) {
  auto codes = std::make_shared<std::map<std::string, KafkaCode>>();
  for (const std::string& id : group_ids) {
    const auto [named, is_new] = codes->emplace(id, KafkaCode::kNone);
    if (!is_new) continue;
    const Group* group = Find(id);
    if (id.empty()) named->second = KafkaCode::kInvalidGroupId;
    else if (group != nullptr && (!group->members.empty() || !group->pending_members.empty())) named->second = KafkaCode::kNonEmptyGroup;
    else if (!being_deleted_.insert(id).second) named->second = KafkaCode::kCoordinatorNotAvailable;
  }
  const bool has_none = std::none_of(codes->begin(), codes->end(), [](const auto& named) { return named.second == KafkaCode::kNone; });
  if (has_none) return done(*codes);
  queue_.AfterEarlierEntries([this, codes, is_wanted = std::move(is_wanted), done = std::move(done)](const Status& status) {
    for (auto& [id, code] : *codes) {
      if (code != KafkaCode::kNone) continue;
      being_deleted_.erase(id);  // what comes from now on comes behind the Deletes, too
      if (!status.ok()) code = GroupCodeOf(status.error());
    }
    DeleteNow(codes, is_wanted, done);
  });
}

void GroupCoordinator::DeleteNow(const std::shared_ptr<std::map<std::string, KafkaCode>>& codes, const IsWanted& is_wanted, const DeletedCallback& done) {
  std::vector<std::string> keys;
  std::set<std::string> deleted;
  for (auto& [id, code] : *codes) {
    if (code != KafkaCode::kNone) continue;
    const Group* group = Find(id);
    FIRN_ASSERT(group == nullptr || (group->members.empty() && group->pending_members.empty()), "group {} has members and is being deleted", id);
    StoredPairs stored = store_.meta().Scan(GroupKeyPrefix(id));
    if (stored.empty() && group == nullptr) code = KafkaCode::kGroupIdNotFound;
    if (code != KafkaCode::kNone || !is_wanted(id, stored)) continue;
    if (group != nullptr && group->has_rebalance_timer) queue_.Cancel(group->rebalance_timer);
    groups_.erase(id);
    deleted.insert(id);
    for (auto& [key, value] : stored) {
      if (PartitionOfOffsetKey(key).has_value()) offset_bytes_ = std::max<int64_t>(offset_bytes_ - OffsetBytes(key, value), 0);
      keys.push_back(std::move(key));
    }
  }
  queue_.DeleteInParts(keys, [codes, deleted = std::move(deleted), done](const Status& status) {
    for (const std::string& id : deleted) {
      if (!status.ok()) (*codes)[id] = GroupCodeOf(status.error());
    }
    done(*codes);
  });
}

log::Put GroupCoordinator::RecordOf(const Group& group) const { return {GroupMembersKey(group.id), EncodeGroup(group.ToRecord())}; }

KafkaCode GroupCoordinator::CheckMember(Group* group, const std::string& member_id, const std::optional<std::string>& instance_id,
                                        int32_t generation) {
  if (group == nullptr) return KafkaCode::kUnknownMemberId;
  if (instance_id.has_value()) {
    auto known = group->static_members.find(*instance_id);
    if (known == group->static_members.end()) return KafkaCode::kUnknownMemberId;
    if (known->second != member_id) return KafkaCode::kFencedInstanceId;
  }
  if (group->Find(member_id) == nullptr) return KafkaCode::kUnknownMemberId;
  return generation == group->generation ? KafkaCode::kNone : KafkaCode::kIllegalGeneration;
}

// --- Sync, heartbeat, leave, commit ---

void GroupCoordinator::Sync(const kafka::SyncGroupRequest& request, SyncCallback done) {
  Group* group = FindGroup(request.group_id);
  if (KafkaCode code = CheckMember(group, request.member_id, request.group_instance_id, request.generation_id); code != KafkaCode::kNone) {
    return done(SyncRefusal(code));
  }
  const bool is_other_protocol = (request.protocol_type.has_value() && *request.protocol_type != group->protocol_type) ||
                                 (request.protocol_name.has_value() && *request.protocol_name != group->protocol);
  if (is_other_protocol) return done(SyncRefusal(KafkaCode::kInconsistentGroupProtocol));
  Member& member = *group->Find(request.member_id);
  Touch(*group, member);
  const bool assigns = member.id == group->leader && group->state == GroupState::kCompletingRebalance;
  if (assigns && !HasRoom(AssignedBytes(request))) return done(SyncRefusal(KafkaCode::kGroupMaxSizeReached));
  switch (group->state) {
    case GroupState::kEmpty: return done(SyncRefusal(KafkaCode::kUnknownMemberId));
    case GroupState::kPreparingRebalance: return done(SyncRefusal(KafkaCode::kRebalanceInProgress));
    case GroupState::kStable:
    case GroupState::kCompletingRebalance: member.has_synced = true;
  }
  if (group->state == GroupState::kStable) return done(SyncAnswer(*group, member));
  if (member.syncing) std::exchange(member.syncing, nullptr)(SyncRefusal(KafkaCode::kRebalanceInProgress));
  member.syncing = std::move(done);
  if (member.id != group->leader || group->is_assigned) return;  // what is on its way to the journal is not changed any more
  group->is_assigned = true;
  for (auto& [id, other] : group->members) other.assignment.clear();
  for (const auto& part : request.assignments) {
    if (Member* assigned = group->Find(part.member_id)) assigned->assignment = part.assignment.view();
  }
  for (auto& [id, other] : group->members) Count(other);
  FinishSync(*group);
}

/// The leader's assignment is durable before anyone learns of it. Meanwhile the group may have gone on to another rebalance: then nobody waits any more.
void GroupCoordinator::FinishSync(Group& group) {
  std::vector<log::Operation> operations;
  operations.emplace_back(RecordOf(group));
  queue_.Append(std::move(operations), [this, id = group.id, generation = group.generation](Result<log::Committed> result) {
    Group* stored = FindGroup(id);
    if (stored == nullptr || stored->state != GroupState::kCompletingRebalance || stored->generation != generation) return;
    if (!result.ok()) {
      for (auto& [member_id, member] : stored->members) {
        if (member.syncing) std::exchange(member.syncing, nullptr)(SyncRefusal(GroupCodeOf(result.error())));
        Touch(*stored, member);
      }
      return PrepareRebalance(*stored);
    }
    FIRN_ASSERT(!stored->members.empty() && !stored->protocol.empty(), "group {} is stable with {} members", id, stored->members.size());
    stored->state = GroupState::kStable;
    for (auto& [member_id, member] : stored->members) {
      if (member.syncing) std::exchange(member.syncing, nullptr)(SyncAnswer(*stored, member));
      Touch(*stored, member);
    }
  });
}

KafkaCode GroupCoordinator::Heartbeat(const kafka::HeartbeatRequest& request) {
  Group* group = FindGroup(request.group_id);
  if (KafkaCode code = CheckMember(group, request.member_id, request.group_instance_id, request.generation_id); code != KafkaCode::kNone) {
    return code;
  }
  Touch(*group, *group->Find(request.member_id));
  return group->state == GroupState::kPreparingRebalance ? KafkaCode::kRebalanceInProgress : KafkaCode::kNone;
}

KafkaCode GroupCoordinator::Leave(const std::string& group_id, const std::string& member_id, const std::optional<std::string>& instance_id) {
  if (group_id.empty()) return KafkaCode::kInvalidGroupId;
  Group* group = FindGroup(group_id);
  if (group == nullptr) return KafkaCode::kUnknownMemberId;
  std::string leaving = member_id;
  if (instance_id.has_value()) {
    auto known = group->static_members.find(*instance_id);
    if (known == group->static_members.end()) return KafkaCode::kUnknownMemberId;
    if (!member_id.empty() && known->second != member_id) return KafkaCode::kFencedInstanceId;
    leaving = known->second;
  }
  if (group->pending_members.contains(leaving)) {
    DropPending(*group, leaving);
    MaybeCompleteJoin(*group);
    return KafkaCode::kNone;
  }
  if (group->Find(leaving) == nullptr) return KafkaCode::kUnknownMemberId;
  RemoveMember(*group, leaving, KafkaCode::kUnknownMemberId);
  return KafkaCode::kNone;
}

KafkaCode GroupCoordinator::CheckCommit(const kafka::OffsetCommitRequest& request) {
  if (request.group_id.empty() || request.group_id.size() > kGroupIdBytesMax) return KafkaCode::kInvalidGroupId;
  if (being_deleted_.contains(request.group_id)) return KafkaCode::kCoordinatorNotAvailable;
  Group* group = FindGroup(request.group_id);
  if (group == nullptr) return request.generation_id < 0 ? KafkaCode::kNone : KafkaCode::kIllegalGeneration;
  // Who assigns partitions itself commits without a generation, under whatever name, as long as nobody is a member.
  if (request.generation_id < 0 && group->members.empty()) return KafkaCode::kNone;
  if (KafkaCode code = CheckMember(group, request.member_id, request.group_instance_id, request.generation_id); code != KafkaCode::kNone) {
    return code;
  }
  Touch(*group, *group->Find(request.member_id));
  return group->state == GroupState::kCompletingRebalance ? KafkaCode::kRebalanceInProgress : KafkaCode::kNone;
}

bool GroupCoordinator::AdmitOffset(const log::Put& put) {
  const auto known = store_.meta().Get(put.key);
  const int64_t more = OffsetBytes(put.key, put.value) - (known.has_value() ? OffsetBytes(put.key, *known) : 0);
  if (!known.has_value() && offset_bytes_ + more > options_.group_offset_bytes_max) return false;
  offset_bytes_ = std::max<int64_t>(offset_bytes_ + more, 0);
  counted_bytes_ += std::max<int64_t>(more, 0);
  return true;
}

void GroupCoordinator::BeginCount() { counted_bytes_ = 0; }

void GroupCoordinator::CountStored(std::string_view key, std::string_view value) {
  if (PartitionOfOffsetKey(key).has_value()) counted_bytes_ += OffsetBytes(key, value);
}

void GroupCoordinator::EndCount() { offset_bytes_ = counted_bytes_; }

// --- Rebalance ---

void GroupCoordinator::PrepareRebalance(Group& group) {
  if (group.state == GroupState::kPreparingRebalance) return MaybeCompleteJoin(group);
  for (auto& [id, member] : group.members) {
    if (!member.syncing) continue;
    std::exchange(member.syncing, nullptr)(SyncRefusal(KafkaCode::kRebalanceInProgress));
    Touch(group, member);  // it could not send heartbeats while it waited
  }
  const bool is_first = group.state == GroupState::kEmpty;
  group.state = GroupState::kPreparingRebalance;
  group.is_in_initial_delay = is_first && options_.initial_rebalance_delay_ms > 0;
  ArmRebalanceTimer(group, group.is_in_initial_delay ? options_.initial_rebalance_delay_ms : group.MaxRebalanceTimeoutMs());
  MaybeCompleteJoin(group);
}

void GroupCoordinator::ArmRebalanceTimer(Group& group, int32_t delay_ms) {
  FIRN_ASSERT(delay_ms >= 0, "group {}: {} ms for a rebalance", group.id, delay_ms);
  if (group.has_rebalance_timer) queue_.Cancel(group.rebalance_timer);
  group.has_rebalance_timer = true;
  group.rebalance_timer = queue_.After(delay_ms, [this, id = group.id] { OnRebalanceTimer(id); });
}

void GroupCoordinator::MaybeCompleteJoin(Group& group) {
  if (group.state == GroupState::kPreparingRebalance && !group.is_in_initial_delay && group.AllHaveJoined()) CompleteJoin(group);
}

/// Time is up: for the initial delay, for members to join, or for members to sync.
void GroupCoordinator::OnRebalanceTimer(const std::string& group_id) {
  Group* group = FindGroup(group_id);
  if (group == nullptr) return;
  group->has_rebalance_timer = false;
  if (group->state == GroupState::kPreparingRebalance) {
    group->is_in_initial_delay = false;
    return CompleteJoin(*group);
  }
  if (group->state == GroupState::kEmpty) return;
  std::vector<std::string> silent;
  for (const auto& [id, member] : group->members) {
    if (!member.has_synced) silent.push_back(id);
  }
  for (const std::string& id : silent) RemoveMember(*group, id, KafkaCode::kUnknownMemberId);
}

void GroupCoordinator::DropAbsentMembers(Group& group) {
  for (auto next = group.members.begin(); next != group.members.end();) {
    Member& member = next->second;
    if (member.joining || member.instance_id.has_value()) {
      ++next;
      continue;
    }
    FIRN_ASSERT(!member.syncing, "member {} of group {} waits for an assignment of the generation before", member.id, group.id);
    if (member.has_timer) queue_.Cancel(member.timer);
    Uncount(member);
    next = group.members.erase(next);
  }
  std::erase_if(group.join_order, [&](const std::string& id) { return !group.members.contains(id); });
  while (!group.pending_members.empty()) DropPending(group, group.pending_members.begin()->first);
}

void GroupCoordinator::CompleteJoin(Group& group) {
  FIRN_ASSERT(group.state == GroupState::kPreparingRebalance);
  DropAbsentMembers(group);
  FIRN_ASSERT(group.join_order.size() == group.members.size() && group.pending_members.empty(), "group {}: {} members, {} in order", group.id, group.members.size(), group.join_order.size());
  if (group.members.empty()) return BecomeEmpty(group);
  // A static member may be away during a rebalance, but someone who is here must lead.
  Member* leader = group.Find(group.leader);
  if (leader == nullptr || !leader->joining) {
    auto here = std::find_if(group.join_order.begin(), group.join_order.end(), [&](const std::string& id) { return group.members[id].joining != nullptr; });
    if (here == group.join_order.end()) return ArmRebalanceTimer(group, group.MaxRebalanceTimeoutMs());
    group.leader = *here;
  }
  FIRN_ASSERT(group.members.contains(group.leader), "group {} is led by {}", group.id, group.leader);
  ++group.generation;
  group.protocol = group.ChooseProtocol();
  group.state = GroupState::kCompletingRebalance;
  group.is_assigned = false;
  ExpectSync(group);
  for (auto& [id, member] : group.members) {
    member.has_synced = false;
    if (!member.joining) continue;
    std::exchange(member.joining, nullptr)(JoinAnswer(group, member));
    Touch(group, member);
  }
}

void GroupCoordinator::ExpectSync(Group& group) { ArmRebalanceTimer(group, group.MaxRebalanceTimeoutMs()); }

void GroupCoordinator::BecomeEmpty(Group& group) {
  if (group.has_rebalance_timer) queue_.Cancel(group.rebalance_timer);
  group.has_rebalance_timer = false;
  FIRN_ASSERT(group.static_members.empty() && group.join_order.empty(), "group {} is empty and has {} static members", group.id, group.static_members.size());
  ++group.generation;
  group.state = GroupState::kEmpty;
  group.protocol.clear();
  group.leader.clear();
  group.empty_since_ms = queue_.wall_time_ms();
  std::vector<log::Operation> operations;
  operations.emplace_back(RecordOf(group));
  queue_.Append(std::move(operations), [](Result<log::Committed>) {});  // if this is lost, the members' sessions end after a restart
}

kafka::JoinGroupResponse GroupCoordinator::JoinAnswer(const Group& group, const Member& member) const {
  kafka::JoinGroupResponse response;
  response.generation_id = group.generation;
  response.protocol_type = group.protocol_type;
  response.protocol_name = group.protocol;
  response.leader = group.leader;
  response.member_id = member.id;
  if (member.id != group.leader) return response;
  for (const auto& [id, other] : group.members) {
    auto& listed = response.members.emplace_back();
    listed.member_id = id;
    listed.group_instance_id = other.instance_id;
    listed.metadata = base::SharedBytes::FromString(other.MetadataOf(group.protocol));
  }
  return response;
}

// --- Members and their sessions ---

void GroupCoordinator::RemoveMember(Group& group, const std::string& member_id, KafkaCode told) {
  auto found = group.members.find(member_id);
  FIRN_ASSERT(found != group.members.end(), "member {} of group {}", member_id, group.id);
  Member& member = found->second;
  if (member.has_timer) queue_.Cancel(member.timer);
  if (member.joining) std::exchange(member.joining, nullptr)(JoinFailure(told, member_id));
  if (member.syncing) std::exchange(member.syncing, nullptr)(SyncRefusal(told));
  if (member.instance_id.has_value()) group.static_members.erase(*member.instance_id);
  Uncount(member);
  group.members.erase(found);
  std::erase(group.join_order, member_id);
  if (group.leader == member_id) group.leader.clear();
  PrepareRebalance(group);
}

void GroupCoordinator::Count(Member& member) {
  const int64_t bytes = member.SizeBytes();
  member_bytes_ += bytes - member.counted_bytes;
  member.counted_bytes = bytes;
  FIRN_ASSERT(member_bytes_ >= bytes, "{} bytes of members, {} of one", member_bytes_, bytes);
}

void GroupCoordinator::Uncount(Member& member) {
  member_bytes_ -= std::exchange(member.counted_bytes, 0);
  FIRN_ASSERT(member_bytes_ >= 0, "{} bytes of members", member_bytes_);
}

void GroupCoordinator::DropPending(Group& group, const std::string& member_id) {
  auto found = group.pending_members.find(member_id);
  FIRN_ASSERT(found != group.pending_members.end(), "pending member {}", member_id);
  queue_.Cancel(found->second);
  member_bytes_ -= kPendingMemberBytes;
  group.pending_members.erase(found);
}

void GroupCoordinator::Touch(Group& group, Member& member) {
  member.deadline_us = queue_.monotonic_us() + int64_t{member.session_timeout_ms} * 1000;
  if (!member.has_timer) ArmSession(group.id, member, int64_t{member.session_timeout_ms} * 1000);
}

/// One timer a member; a heartbeat only moves the deadline, and the timer looks at it when it fires.
void GroupCoordinator::ArmSession(const std::string& group_id, Member& member, int64_t delay_us) {
  member.has_timer = true;
  member.timer = queue_.After(std::max<int64_t>((delay_us + 999) / 1000, 1), [this, group_id, id = member.id] { OnSessionTimer(group_id, id); });
}

void GroupCoordinator::OnSessionTimer(const std::string& group_id, const std::string& member_id) {
  Group* group = FindGroup(group_id);
  Member* member = group == nullptr ? nullptr : group->Find(member_id);
  if (member == nullptr) return;
  member->has_timer = false;
  const int64_t left_us = member->deadline_us - queue_.monotonic_us();
  if (left_us > 0) return ArmSession(group_id, *member, left_us);
  // Who waits for an answer of ours cannot send heartbeats.
  if (member->joining || member->syncing) return Touch(*group, *member);
  RemoveMember(*group, member_id, KafkaCode::kUnknownMemberId);
}

}  // namespace firn::broker
