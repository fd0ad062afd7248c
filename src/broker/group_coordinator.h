// SPDX-License-Identifier: Apache-2.0
// The coordinator of consumer groups (classic protocol): who is a member, which generation they are in, who leads, what each was assigned.
//
//          JoinGroup of anyone new, leave, lost member
//   Empty ----------------------------------------------> PreparingRebalance <--------------------+
//     ^                                                     |  all have joined, or time is up      |
//     +--- no member left ----------------------------------+                                      | join with other
//                                                           v                                      | subscription, leave,
//                                        CompletingRebalance -- leader's SyncGroup, durable --> Stable  lost member
//
// Membership survives a crash as of the last Stable or Empty state: it is put in the journal before the members learn their assignment. After a restart
// every member has a full session timeout to be heard of again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/broker_queue.h"
#include "broker/group.h"
#include "broker/options.h"
#include "io/random.h"
#include "kafka/error_code.h"
#include "kafka/messages/heartbeat.h"
#include "kafka/messages/leave_group.h"
#include "kafka/messages/offset_commit.h"
#include "log/store.h"

namespace firn::broker {

inline constexpr size_t kGroupIdBytesMax = 1'024;
inline constexpr int64_t kPendingMemberBytes = 1'024;  // an id that was given out, and its timer

/// Of the connection that a JoinGroup came over.
struct JoiningClient {
  std::string id;
  std::string host;
  bool must_know_its_id = false;   // JoinGroup 4+: a new dynamic member is sent away with an id first (KIP-394)
  bool can_skip_assignment = false;  // JoinGroup 9+: a returning static leader need not assign again (KIP-814)
};

/// Lives on the broker's queue. Callbacks run once, in the call or later.
class GroupCoordinator {
 public:
  GroupCoordinator(BrokerQueue& queue, log::Store& store, io::Random& random, const BrokerOptions& options)
      : queue_(queue), store_(store), random_(random), options_(options) {}
  /// Reads the meta store and starts the sessions of all members.
  Status Load();

  void Join(const kafka::JoinGroupRequest& request, const JoiningClient& client, JoinCallback done);
  void Sync(const kafka::SyncGroupRequest& request, SyncCallback done);
  kafka::KafkaCode Heartbeat(const kafka::HeartbeatRequest& request);
  kafka::KafkaCode Leave(const std::string& group_id, const std::string& member_id, const std::optional<std::string>& instance_id);
  /// Whether the sender may commit offsets now.
  kafka::KafkaCode CheckCommit(const kafka::OffsetCommitRequest& request);

  /// Whether an offset may be committed: replacing one always, a new one unless all offsets together are at their limit. Counts it.
  bool AdmitOffset(const log::Put& put);
  using StoredPairs = std::vector<std::pair<std::string, std::string>>;
  /// Counts the offsets anew, from what the meta store has of groups: those that jobs commit and topics take with them are not counted one by one. What is admitted between
  /// begin and end may be counted twice, until the next time.
  void BeginCount();
  void CountStored(std::string_view key, std::string_view value);
  void EndCount();
  int64_t offset_bytes() const { return offset_bytes_; }
  /// What the members of all groups take in memory.
  int64_t member_bytes() const { return member_bytes_; }
  /// nullptr for a group without members that was never one with members, or is forgotten.
  const Group* Find(const std::string& group_id) const;
  const std::map<std::string, Group>& all() const { return groups_; }
  /// Whether the meta store has anything of the group.
  bool IsStored(const std::string& group_id) const;

  using IsWanted = std::function<bool(const std::string& group_id, const StoredPairs& stored)>;
  using DeletedCallback = std::function<void(const std::map<std::string, kafka::KafkaCode>&)>;
  /// Deletes groups without members and all that is stored of them, also what is on its way to the journal. Until that is there nobody can join or commit
  /// (kCoordinatorNotAvailable, which clients try again); then `is_wanted` looks at all there is of each and may spare it. Entries are of bounded size: a crash may leave
  /// a part of the offsets, which is a group still, to be deleted again. `done` runs once with a code for each name: kNonEmptyGroup, kGroupIdNotFound, ...
  void Delete(const std::vector<std::string>& group_ids, IsWanted is_wanted, DeletedCallback done);

 private:
  Status LoadGroup(const std::string& id, std::string_view key, std::string_view value);
  Group* FindGroup(const std::string& group_id);
  void JoinNew(Group& group, const kafka::JoinGroupRequest& request, const JoiningClient& client, JoinCallback done);
  void JoinKnown(Group& group, Member& member, const kafka::JoinGroupRequest& request, const JoiningClient& client, JoinCallback done);
  void ReplaceStatic(Group& group, const kafka::JoinGroupRequest& request, const JoiningClient& client, JoinCallback done);
  void AddMember(Group& group, std::string member_id, const kafka::JoinGroupRequest& request, const JoiningClient& client, JoinCallback done);
  void PromiseMember(Group& group, const std::string& member_id, int32_t session_timeout_ms);
  void DropPending(Group& group, const std::string& member_id);

  void PrepareRebalance(Group& group);
  void MaybeCompleteJoin(Group& group);
  void CompleteJoin(Group& group);
  void DropAbsentMembers(Group& group);
  void ArmRebalanceTimer(Group& group, int32_t delay_ms);
  void OnRebalanceTimer(const std::string& group_id);
  void BecomeEmpty(Group& group);
  void ExpectSync(Group& group);
  void FinishSync(Group& group);

  /// Whether the members of all groups may take so many bytes more.
  bool HasRoom(int64_t more_bytes) const { return more_bytes <= 0 || member_bytes_ + more_bytes <= options_.group_bytes_max; }
  void Count(Member& member);
  void Uncount(Member& member);
  void RemoveMember(Group& group, const std::string& member_id, kafka::KafkaCode told);
  void Touch(Group& group, Member& member);
  void ArmSession(const std::string& group_id, Member& member, int64_t delay_us);
  void OnSessionTimer(const std::string& group_id, const std::string& member_id);

  kafka::KafkaCode CheckMember(Group* group, const std::string& member_id, const std::optional<std::string>& instance_id, int32_t generation);
  void DeleteNow(const std::shared_ptr<std::map<std::string, kafka::KafkaCode>>& codes, const IsWanted& is_wanted, const DeletedCallback& done);

  kafka::JoinGroupResponse JoinAnswer(const Group& group, const Member& member) const;
  log::Put RecordOf(const Group& group) const;

  BrokerQueue& queue_;
  log::Store& store_;
  io::Random& random_;
  const BrokerOptions& options_;
  std::map<std::string, Group> groups_;
  int64_t offset_bytes_ = 0;             // in the meta store, about
  int64_t counted_bytes_ = 0;            // of it, by the count that is under way
  int64_t member_bytes_ = 0;             // of the members of groups_, pending ones too
  std::set<std::string> being_deleted_;  // until what is on its way to the journal for them is there
};

}  // namespace firn::broker
