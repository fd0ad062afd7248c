// SPDX-License-Identifier: Apache-2.0
// Consumer groups: rebalances, sessions, static members, offsets, and what a crash leaves of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/broker_test_rig.h"
#include "kafka/error_code.h"
#include "kafka/messages/delete_groups.h"
#include "kafka/messages/describe_groups.h"
#include "kafka/messages/find_coordinator.h"
#include "kafka/messages/heartbeat.h"
#include "kafka/messages/join_group.h"
#include "kafka/messages/leave_group.h"
#include "kafka/messages/list_groups.h"
#include "kafka/messages/metadata.h"
#include "kafka/messages/offset_commit.h"
#include "kafka/messages/offset_fetch.h"
#include "kafka/messages/sync_group.h"

namespace firn::broker {
namespace {

using kafka::JoinGroupRequest;
using kafka::JoinGroupResponse;
using kafka::KafkaCode;
using kafka::SyncGroupResponse;

constexpr int32_t kSessionMs = 10'000;
constexpr int32_t kRebalanceMs = 60'000;

JoinGroupRequest JoinOf(const std::string& member_id, const std::string& metadata = "topics", std::optional<std::string> instance = std::nullopt,
                        const std::vector<std::string>& protocols = {"range", "roundrobin"}) {
  JoinGroupRequest request;
  request.group_id = "lab";
  request.session_timeout_ms = kSessionMs;
  request.rebalance_timeout_ms = kRebalanceMs;
  request.member_id = member_id;
  request.group_instance_id = std::move(instance);
  request.protocol_type = "consumer";
  for (const auto& name : protocols) request.protocols.push_back({name, base::SharedBytes::FromString(metadata)});
  return request;
}

/// A member as a client library is one.
struct TestMember {
  Rig& rig;
  std::string id = {};
  int32_t generation = -1;
  bool is_leader = false;
  std::vector<std::string> known_members = {};

  Rig::Pending<JoinGroupResponse> Join(const JoinGroupRequest& request) {
    auto pending = rig.Send<JoinGroupResponse>(7, request, "client");
    if (pending.done() && pending.Get().error_code == Number(KafkaCode::kMemberIdRequired)) {
      auto again = request;
      again.member_id = id = pending.Get().member_id;
      return rig.Send<JoinGroupResponse>(7, again, "client");
    }
    return pending;
  }
  Rig::Pending<JoinGroupResponse> Join() { return Join(JoinOf(id)); }
  int16_t Take(const JoinGroupResponse& response) {
    if (response.error_code != 0) return response.error_code;
    id = response.member_id;
    generation = response.generation_id;
    is_leader = response.leader == id;
    known_members.clear();
    for (const auto& member : response.members) known_members.push_back(member.member_id);
    return 0;
  }
  Rig::Pending<SyncGroupResponse> Sync() {
    kafka::SyncGroupRequest request;
    request.group_id = "lab";
    request.generation_id = generation;
    request.member_id = id;
    if (is_leader) {
      for (const auto& member : known_members) request.assignments.push_back({member, base::SharedBytes::FromString("for " + member)});
    }
    return rig.Send<SyncGroupResponse>(5, request);
  }
  int16_t Heartbeat() {
    kafka::HeartbeatRequest request;
    request.group_id = "lab";
    request.generation_id = generation;
    request.member_id = id;
    return rig.Call<kafka::HeartbeatResponse>(4, request).error_code;
  }
  int16_t Leave() {
    kafka::LeaveGroupRequest request;
    request.group_id = "lab";
    request.members.push_back({id, std::nullopt, std::nullopt});
    return rig.Call<kafka::LeaveGroupResponse>(5, request).members[0].error_code;
  }
};

std::string AssignmentOf(const Rig::Pending<SyncGroupResponse>& sync) { return std::string(sync.Get().assignment.view()); }

/// Two members, stable.
void Form(TestMember& first, TestMember& second) {
  auto join_first = first.Join();
  ASSERT_TRUE(join_first.done());
  ASSERT_EQ(first.Take(join_first.Get()), 0);
  ASSERT_TRUE(first.Sync().done());
  auto join_second = second.Join();
  ASSERT_FALSE(join_second.done());
  ASSERT_EQ(first.Heartbeat(), Number(KafkaCode::kRebalanceInProgress));
  join_first = first.Join();
  ASSERT_TRUE(join_first.done() && join_second.done());
  ASSERT_EQ(first.Take(join_first.Get()), 0);
  ASSERT_EQ(second.Take(join_second.Get()), 0);
  ASSERT_EQ(first.generation, second.generation);
  ASSERT_TRUE(first.is_leader);
  ASSERT_EQ(first.known_members.size(), 2u);
  auto sync_second = second.Sync();
  ASSERT_FALSE(sync_second.done());
  auto sync_first = first.Sync();
  ASSERT_TRUE(sync_first.done() && sync_second.done());
  EXPECT_EQ(AssignmentOf(sync_first), "for " + first.id);
  EXPECT_EQ(AssignmentOf(sync_second), "for " + second.id);
}

TEST(Groups, TwoMembersShareAGeneration) {
  Rig rig;
  TestMember first{rig}, second{rig};
  Form(first, second);
  EXPECT_EQ(first.Heartbeat(), 0);
  EXPECT_EQ(second.Heartbeat(), 0);
  EXPECT_TRUE(first.id.starts_with("client-"));
  kafka::DescribeGroupsRequest describe;
  describe.groups = {"lab", "nobody"};
  auto groups = rig.Call<kafka::DescribeGroupsResponse>(5, describe).groups;
  EXPECT_EQ(groups[0].group_state, "Stable");
  EXPECT_EQ(groups[0].protocol_data, "range");
  ASSERT_EQ(groups[0].members.size(), 2u);
  EXPECT_EQ(groups[0].members[0].client_host, "/127.0.0.1");
  EXPECT_EQ(groups[1].group_state, "Dead");
  EXPECT_EQ(groups[1].error_code, 0);
}

TEST(Groups, OldClientsJoinWithoutAnIdFirst) {
  Rig rig;
  auto join = rig.Send<JoinGroupResponse>(2, JoinOf(""));
  ASSERT_TRUE(join.done());
  EXPECT_EQ(join.Get().error_code, 0);
  EXPECT_EQ(join.Get().generation_id, 1);
  EXPECT_EQ(rig.Call<JoinGroupResponse>(4, JoinOf("")).error_code, Number(KafkaCode::kMemberIdRequired));
}

TEST(Groups, RefuseBadJoins) {
  Rig rig;
  auto code_of = [&](const JoinGroupRequest& request) { return rig.Call<JoinGroupResponse>(7, request).error_code; };
  auto request = JoinOf("");
  request.group_id = "";
  EXPECT_EQ(code_of(request), Number(KafkaCode::kInvalidGroupId));
  request = JoinOf("");
  request.session_timeout_ms = 5'999;
  EXPECT_EQ(code_of(request), Number(KafkaCode::kInvalidSessionTimeout));
  EXPECT_EQ(code_of(JoinOf("made-up")), Number(KafkaCode::kUnknownMemberId));
  request = JoinOf("");
  request.protocols.clear();
  EXPECT_EQ(code_of(request), Number(KafkaCode::kInconsistentGroupProtocol));
  EXPECT_EQ(code_of(JoinOf("", "t", std::nullopt, std::vector<std::string>(33, "range"))), Number(KafkaCode::kInvalidRequest));  // the work that a join takes has a limit
  TestMember member{rig};
  member.Take(member.Join().Get());
  EXPECT_EQ(code_of(JoinOf("", "t", std::nullopt, {"sticky"})), Number(KafkaCode::kInconsistentGroupProtocol));
  EXPECT_EQ(code_of(JoinOf("made-up")), Number(KafkaCode::kUnknownMemberId));
  request = JoinOf("");
  request.protocol_type = "connect";
  EXPECT_EQ(code_of(request), Number(KafkaCode::kInconsistentGroupProtocol));
}

TEST(Groups, AllMembersTogetherHaveALimit) {
  Rig rig({.group_bytes_max = 100'000});
  TestMember first{rig}, second{rig}, third{rig};
  ASSERT_EQ(first.Take(first.Join(JoinOf("", std::string(30'000, 'm'))).Get()), 0);
  ASSERT_TRUE(first.Sync().done());
  auto other = JoinOf("", std::string(30'000, 'm'));
  other.group_id = "other";
  EXPECT_EQ(second.Take(second.Join(other).Get()), Number(KafkaCode::kGroupMaxSizeReached));
  EXPECT_EQ(first.Heartbeat(), 0);
  first.Leave();
  EXPECT_EQ(third.Take(third.Join(other).Get()), 0);
  // The same with what a leader assigns.
  kafka::SyncGroupRequest sync;
  sync.group_id = "other";
  sync.generation_id = third.generation;
  sync.member_id = third.id;
  sync.assignments.push_back({third.id, base::SharedBytes::FromString(std::string(50'000, 'a'))});
  EXPECT_EQ(rig.Call<SyncGroupResponse>(5, sync).error_code, Number(KafkaCode::kGroupMaxSizeReached));
}

TEST(Groups, AJoinThatIsRefusedLeavesNoGroup) {
  Rig rig({.groups_max = 1});
  EXPECT_EQ(rig.Call<JoinGroupResponse>(7, JoinOf("", "topics", std::nullopt, {})).error_code, Number(KafkaCode::kInconsistentGroupProtocol));
  auto other = JoinOf("");
  other.group_id = "other";
  EXPECT_EQ(rig.Call<JoinGroupResponse>(7, other).error_code, Number(KafkaCode::kMemberIdRequired));
}

TEST(Groups, AProtocolNamedTwiceIsNotCommonForThat) {
  Rig rig;
  TestMember first{rig}, second{rig};
  ASSERT_EQ(first.Take(first.Join(JoinOf("", "m", std::nullopt, {"cooperative", "cooperative", "range"})).Get()), 0);
  ASSERT_TRUE(first.Sync().done());
  auto join_second = second.Join(JoinOf("", "m", std::nullopt, {"range"}));
  auto join_first = first.Join(JoinOf(first.id, "m", std::nullopt, {"cooperative", "cooperative", "range"}));
  ASSERT_TRUE(join_first.done() && join_second.done());
  EXPECT_EQ(join_first.Get().protocol_name, "range");
}

TEST(Groups, StorageThatFailsIsACoordinatorThatIsNotAvailable) {
  Rig rig;
  TestMember member{rig};
  ASSERT_EQ(member.Take(member.Join().Get()), 0);
  rig.store->FailWith(Error(ErrorCode::kDiskFull, "full"));
  EXPECT_EQ(member.Sync().Get().error_code, Number(KafkaCode::kCoordinatorNotAvailable));
}

TEST(Groups, ASilentMemberLosesItsPlace) {
  Rig rig;
  TestMember first{rig}, second{rig};
  Form(first, second);
  for (int i = 0; i < 4; ++i) {
    rig.queue.AdvanceMs(kSessionMs / 3);
    first.Heartbeat();
  }
  EXPECT_EQ(first.Heartbeat(), Number(KafkaCode::kRebalanceInProgress));
  EXPECT_EQ(second.Heartbeat(), Number(KafkaCode::kUnknownMemberId));
  ASSERT_EQ(first.Take(first.Join().Get()), 0);
  EXPECT_EQ(first.known_members.size(), 1u);
}

TEST(Groups, WhoDoesNotRejoinInTimeIsLeftBehind) {
  Rig rig;
  TestMember first{rig}, second{rig}, third{rig};
  Form(first, second);
  auto join_third = third.Join();
  auto join_first = first.Join();
  for (int i = 0; i < kRebalanceMs / 5'000 - 1; ++i) {
    rig.queue.AdvanceMs(5'000);
    EXPECT_EQ(second.Heartbeat(), Number(KafkaCode::kRebalanceInProgress));  // alive, but it never joins
  }
  EXPECT_FALSE(join_first.done());
  rig.queue.AdvanceMs(5'000);
  ASSERT_TRUE(join_first.done() && join_third.done());
  ASSERT_EQ(first.Take(join_first.Get()), 0);
  EXPECT_EQ(first.known_members.size(), 2u);
  EXPECT_EQ(second.Heartbeat(), Number(KafkaCode::kUnknownMemberId));
}

TEST(Groups, ALeaderThatNeverAssignsIsReplaced) {
  Rig rig;
  TestMember first{rig}, second{rig};
  auto join_first = first.Join();
  ASSERT_EQ(first.Take(join_first.Get()), 0);
  auto join_second = second.Join();
  join_first = first.Join();
  ASSERT_EQ(first.Take(join_first.Get()), 0);
  ASSERT_EQ(second.Take(join_second.Get()), 0);
  auto sync = second.Sync();
  for (int i = 0; i < kRebalanceMs / 5'000 && !sync.done(); ++i) {
    rig.queue.AdvanceMs(5'000);
    first.Heartbeat();  // alive, leads, but does not sync
  }
  ASSERT_TRUE(sync.done());
  EXPECT_EQ(sync.Get().error_code, Number(KafkaCode::kRebalanceInProgress));
  ASSERT_EQ(second.Take(second.Join().Get()), 0);
  EXPECT_TRUE(second.is_leader);
}

// As in Kafka: a member that joins and sends heartbeats, and never asks for its assignment, would keep its partitions from everybody.
TEST(Groups, WhoNeverAsksForItsAssignmentLosesItsPlace) {
  Rig rig;
  TestMember first{rig}, second{rig};
  ASSERT_EQ(first.Take(first.Join().Get()), 0);
  ASSERT_TRUE(first.Sync().done());
  auto joined = second.Join();
  ASSERT_EQ(first.Take(first.Join().Get()), 0);
  ASSERT_EQ(second.Take(joined.Get()), 0);
  ASSERT_TRUE(first.Sync().done());
  for (int32_t waited = 0; waited < kRebalanceMs - kSessionMs / 2; waited += kSessionMs / 2) {
    ASSERT_EQ(first.Heartbeat(), 0) << waited;
    ASSERT_EQ(second.Heartbeat(), 0) << waited;
    rig.queue.AdvanceMs(kSessionMs / 2);
  }
  ASSERT_EQ(first.Heartbeat(), 0);
  rig.queue.AdvanceMs(kSessionMs / 2 + 1);
  EXPECT_EQ(second.Heartbeat(), Number(KafkaCode::kUnknownMemberId));
  EXPECT_EQ(first.Heartbeat(), Number(KafkaCode::kRebalanceInProgress));
}

TEST(Groups, ALeaderAssignsOnceAGeneration) {
  Rig rig;
  TestMember member{rig};
  ASSERT_EQ(member.Take(member.Join().Get()), 0);
  rig.store->Hold(true);
  auto first = member.Sync();
  member.known_members.clear();  // another assignment
  auto again = member.Sync();
  EXPECT_TRUE(first.done());
  EXPECT_FALSE(again.done());
  EXPECT_EQ(rig.store->held_count(), 1u);
  rig.store->Hold(false);
  rig.store->Flush();
  rig.Run();
  EXPECT_EQ(AssignmentOf(again), "for " + member.id);
  rig.Crash();
  EXPECT_EQ(AssignmentOf(member.Sync()), "for " + member.id);
}

TEST(Groups, WhoIsAloneMayBecomeSomethingElse) {
  Rig rig;
  TestMember member{rig};
  ASSERT_EQ(member.Take(member.Join().Get()), 0);
  auto request = JoinOf(member.id, "tasks", std::nullopt, {"compatible"});
  request.protocol_type = "connect";
  const auto joined = member.Join(request).Get();
  EXPECT_EQ(joined.error_code, 0);
  EXPECT_EQ(joined.protocol_type, "connect");
  EXPECT_EQ(joined.protocol_name, "compatible");
}

TEST(Groups, APromisedIdDoesNotTakeAStaticMembersPlace) {
  Rig rig;
  TestMember member{rig};
  ASSERT_EQ(member.Take(member.Join(JoinOf("", "topics", "one")).Get()), 0);
  const auto promised = rig.Call<JoinGroupResponse>(7, JoinOf(""));
  ASSERT_EQ(promised.error_code, Number(KafkaCode::kMemberIdRequired));
  EXPECT_EQ(rig.Call<JoinGroupResponse>(7, JoinOf(promised.member_id, "topics", "one")).error_code, Number(KafkaCode::kFencedInstanceId));
  EXPECT_EQ(rig.Call<JoinGroupResponse>(7, JoinOf(promised.member_id, "topics", "two")).error_code, Number(KafkaCode::kUnknownMemberId));
}

TEST(Groups, AStaticMemberThatComesBackWithoutTheGroupsProtocolRebalances) {
  Rig rig;
  TestMember member{rig};
  ASSERT_EQ(member.Take(member.Join(JoinOf("", "", "one")).Get()), 0);
  ASSERT_TRUE(member.Sync().done());
  const int32_t before = member.generation;
  const auto joined = member.Join(JoinOf("", "", "one", {"roundrobin"})).Get();
  EXPECT_EQ(joined.error_code, 0);
  EXPECT_EQ(joined.generation_id, before + 1);
  EXPECT_EQ(joined.protocol_name, "roundrobin");
}

TEST(Groups, LeavingRebalancesTheRest) {
  Rig rig;
  TestMember first{rig}, second{rig};
  Form(first, second);
  EXPECT_EQ(first.Leave(), 0);
  EXPECT_EQ(first.Leave(), Number(KafkaCode::kUnknownMemberId));
  EXPECT_EQ(second.Heartbeat(), Number(KafkaCode::kRebalanceInProgress));
  ASSERT_EQ(second.Take(second.Join().Get()), 0);
  EXPECT_TRUE(second.is_leader);
  ASSERT_TRUE(second.Sync().done());
  EXPECT_EQ(second.Leave(), 0);
  auto groups = rig.Call<kafka::ListGroupsResponse>(4, kafka::ListGroupsRequest{}).groups;
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].group_state, "Empty");
}

TEST(Groups, AssignmentIsDurableBeforeItIsTold) {
  Rig rig;
  TestMember member{rig};
  ASSERT_EQ(member.Take(member.Join().Get()), 0);
  rig.store->Hold(true);
  auto sync = member.Sync();
  EXPECT_FALSE(sync.done());
  rig.store->Flush();
  rig.queue.Run();
  EXPECT_TRUE(sync.done());
}

TEST(Groups, MembershipSurvivesACrash) {
  Rig rig;
  TestMember first{rig}, second{rig};
  Form(first, second);
  rig.Crash();
  EXPECT_EQ(first.Heartbeat(), 0);
  EXPECT_EQ(AssignmentOf(second.Sync()), "for " + second.id);
  for (int i = 0; i < 4; ++i) {
    rig.queue.AdvanceMs(kSessionMs / 3);
    first.Heartbeat();
  }
  EXPECT_EQ(second.Heartbeat(), Number(KafkaCode::kUnknownMemberId));  // its session ended after the restart
  EXPECT_EQ(first.Heartbeat(), Number(KafkaCode::kRebalanceInProgress));
}

TEST(Groups, AStaticMemberComesBackWithoutARebalance) {
  Rig rig;
  TestMember first{rig}, second{rig};
  auto join_first = first.Join(JoinOf("", "t", "one"));
  ASSERT_EQ(first.Take(join_first.Get()), 0);
  auto join_second = second.Join(JoinOf("", "t", "two"));
  join_first = first.Join(JoinOf(first.id, "t", "one"));
  ASSERT_EQ(first.Take(join_first.Get()), 0);
  ASSERT_EQ(second.Take(join_second.Get()), 0);
  auto sync_second = second.Sync();
  ASSERT_TRUE(first.Sync().done());
  const std::string before = AssignmentOf(sync_second);

  TestMember restarted{rig};
  auto join = restarted.Join(JoinOf("", "t", "two"));
  ASSERT_TRUE(join.done());
  ASSERT_EQ(restarted.Take(join.Get()), 0);
  EXPECT_EQ(restarted.generation, second.generation);
  EXPECT_NE(restarted.id, second.id);
  EXPECT_EQ(AssignmentOf(restarted.Sync()), before);
  EXPECT_EQ(first.Heartbeat(), 0);
  kafka::HeartbeatRequest fenced;
  fenced.group_id = "lab";
  fenced.generation_id = second.generation;
  fenced.member_id = second.id;
  fenced.group_instance_id = "two";
  EXPECT_EQ(rig.Call<kafka::HeartbeatResponse>(4, fenced).error_code, Number(KafkaCode::kFencedInstanceId));
  // The leader too: an old client is not told that it leads, or it would assign again.
  TestMember leader{rig};
  auto back = rig.Call<JoinGroupResponse>(7, JoinOf("", "t", "one"));
  EXPECT_NE(back.leader, back.member_id);
  auto newer = rig.Call<JoinGroupResponse>(9, JoinOf("", "t", "one"));
  EXPECT_EQ(newer.leader, newer.member_id);
  EXPECT_TRUE(newer.skip_assignment);
  // With another subscription there is a rebalance.
  auto changed = rig.Send<JoinGroupResponse>(7, JoinOf("", "other", "two"));
  EXPECT_FALSE(changed.done());
}

kafka::OffsetCommitRequest CommitOf(const TestMember& member, int64_t offset, const std::string& metadata = "note") {
  kafka::OffsetCommitRequest request;
  request.group_id = "lab";
  request.generation_id = member.generation;
  request.member_id = member.id;
  auto& topic = request.topics.emplace_back();
  topic.name = "trades";
  topic.partitions.push_back({0, offset, 3, metadata});
  return request;
}

int16_t CommitCode(Rig& rig, const kafka::OffsetCommitRequest& request) {
  return rig.Call<kafka::OffsetCommitResponse>(8, request).topics[0].partitions[0].error_code;
}

void CreateTrades(Rig& rig) {
  kafka::MetadataRequest request;
  request.topics.emplace().emplace_back().name = "trades";
  ASSERT_EQ(rig.Call<kafka::MetadataResponse>(4, request).topics[0].error_code, 0);
}

TEST(Offsets, OfAGroupThatCouldHaveNoMembersAreRefused) {
  Rig rig;
  CreateTrades(rig);
  kafka::OffsetCommitRequest commit;
  commit.generation_id = -1;
  commit.topics.push_back({.name = "trades", .partitions = {{0, 1, 3, ""}}});
  for (const size_t bytes : {size_t{0}, size_t{1'025}, size_t{30'000}}) {
    commit.group_id = std::string(bytes, 'g');
    EXPECT_EQ(CommitCode(rig, commit), Number(KafkaCode::kInvalidGroupId)) << bytes;
  }
  commit.group_id = std::string(1'024, 'g');
  EXPECT_EQ(CommitCode(rig, commit), 0);
}

TEST(Offsets, AreKeptWithMetadataAndSurviveACrash) {
  Rig rig;
  CreateTrades(rig);
  TestMember alone{rig};  // no member of any group
  EXPECT_EQ(CommitCode(rig, CommitOf(alone, 42)), 0);
  rig.Crash();
  kafka::OffsetFetchRequest fetch;
  fetch.group_id = "lab";
  fetch.topics.emplace().push_back({"trades", {0, 1}});
  auto old = rig.Call<kafka::OffsetFetchResponse>(5, fetch).topics[0].partitions;
  EXPECT_EQ(old[0].committed_offset, 42);
  EXPECT_EQ(old[0].committed_leader_epoch, 3);
  EXPECT_EQ(old[0].metadata, "note");
  EXPECT_EQ(old[1].committed_offset, -1);
  EXPECT_EQ(old[1].metadata, "");
  EXPECT_EQ(old[1].error_code, 0);
  fetch.topics.reset();
  EXPECT_EQ(rig.Call<kafka::OffsetFetchResponse>(2, fetch).topics.size(), 1u);
  kafka::OffsetFetchRequest batched;
  batched.groups.push_back({"lab", std::nullopt});
  batched.groups.push_back({"other", std::nullopt});
  auto groups = rig.Call<kafka::OffsetFetchResponse>(8, batched).groups;
  EXPECT_EQ(groups[0].topics[0].partitions[0].committed_offset, 42);
  EXPECT_TRUE(groups[1].topics.empty());
}

TEST(Offsets, OnlyWhoMayCommits) {
  Rig rig;
  CreateTrades(rig);
  TestMember first{rig}, second{rig}, stranger{rig};
  Form(first, second);
  EXPECT_EQ(CommitCode(rig, CommitOf(first, 1)), 0);
  EXPECT_EQ(CommitCode(rig, CommitOf(stranger, 1)), Number(KafkaCode::kUnknownMemberId));
  TestMember stale = first;
  --stale.generation;
  EXPECT_EQ(CommitCode(rig, CommitOf(stale, 1)), Number(KafkaCode::kIllegalGeneration));
  EXPECT_EQ(CommitCode(rig, CommitOf(first, 1, std::string(5'000, 'm'))), Number(KafkaCode::kOffsetMetadataTooLarge));
  auto elsewhere = CommitOf(first, 1);
  elsewhere.topics[0].name = "nowhere";
  EXPECT_EQ(CommitCode(rig, elsewhere), Number(KafkaCode::kUnknownTopicOrPartition));
  auto orphan = CommitOf(first, 1);
  orphan.group_id = "never seen";
  EXPECT_EQ(CommitCode(rig, orphan), Number(KafkaCode::kIllegalGeneration));
  TestMember third{rig};
  auto join = third.Join();
  EXPECT_EQ(CommitCode(rig, CommitOf(first, 2)), 0);  // during a rebalance what was read is still worth keeping
}

// Who assigns partitions itself commits under whatever name, as long as the group has no members.
TEST(Offsets, WithoutAGenerationTheMembersNameDoesNotMatter) {
  Rig rig;
  TestMember member{rig};
  ASSERT_EQ(member.Take(member.Join().Get()), 0);
  ASSERT_TRUE(member.Sync().done());
  kafka::MetadataRequest metadata;
  metadata.topics.emplace().emplace_back().name = "trades";
  rig.Call<kafka::MetadataResponse>(9, metadata);
  kafka::OffsetCommitRequest request;
  request.group_id = "lab";
  request.generation_id = -1;
  request.member_id = "somebody";
  auto& topic = request.topics.emplace_back();
  topic.name = "trades";
  topic.partitions.push_back({0, 1, -1, ""});
  EXPECT_EQ(rig.Call<kafka::OffsetCommitResponse>(8, request).topics[0].partitions[0].error_code, Number(KafkaCode::kUnknownMemberId));
  member.Leave();
  EXPECT_EQ(rig.Call<kafka::OffsetCommitResponse>(8, request).topics[0].partitions[0].error_code, 0);
}

TEST(Offsets, ArePartsOfALimit) {
  Rig rig({.group_offset_bytes_max = 10'000});
  kafka::MetadataRequest metadata;
  metadata.topics.emplace().emplace_back().name = "trades";
  rig.Call<kafka::MetadataResponse>(9, metadata);
  const auto commit = [&](const std::string& group) {
    kafka::OffsetCommitRequest request;
    request.group_id = group;
    request.generation_id = -1;
    auto& topic = request.topics.emplace_back();
    topic.name = "trades";
    topic.partitions.push_back({0, 1, -1, std::string(1'000, 'm')});
    return rig.Call<kafka::OffsetCommitResponse>(8, request).topics[0].partitions[0].error_code;
  };
  int stored = 0;
  while (stored < 100 && commit("g" + std::to_string(stored)) == 0) ++stored;
  EXPECT_GT(stored, 5);
  EXPECT_LT(stored, 10);
  EXPECT_EQ(commit("more"), Number(KafkaCode::kInvalidCommitOffsetSize));
  EXPECT_EQ(commit("g0"), 0);  // what is there can be replaced
  kafka::DeleteGroupsRequest deletion;
  deletion.groups = {"g0"};
  EXPECT_EQ(rig.Call<kafka::DeleteGroupsResponse>(2, deletion).results[0].error_code, 0);
  EXPECT_EQ(commit("more"), 0);
  rig.Crash();
  EXPECT_EQ(commit("another"), Number(KafkaCode::kInvalidCommitOffsetSize));
}

// To ask costs a few bytes, the answer may be thousands.
TEST(Offsets, AreToldOnceHoweverOftenTheyAreAskedFor) {
  Rig rig;
  kafka::OffsetFetchRequest request;
  auto& group = request.groups.emplace_back();
  group.group_id = "lab";
  auto& topics = group.topics.emplace();
  topics.push_back({"trades", {0, 1, 0}});
  topics.push_back({"trades", {1}});
  request.groups.push_back(group);
  const auto response = rig.Call<kafka::OffsetFetchResponse>(8, request);
  ASSERT_EQ(response.groups.size(), 1u);
  ASSERT_EQ(response.groups[0].topics.size(), 1u);
  EXPECT_EQ(response.groups[0].topics[0].partitions.size(), 2u);
}

TEST(DeleteGroups, TakesOffsetsAlong) {
  Rig rig;
  CreateTrades(rig);
  TestMember member{rig};
  ASSERT_EQ(member.Take(member.Join().Get()), 0);
  ASSERT_TRUE(member.Sync().done());
  ASSERT_EQ(CommitCode(rig, CommitOf(member, 5)), 0);
  kafka::DeleteGroupsRequest request;
  request.groups = {"lab", "nobody"};
  auto results = rig.Call<kafka::DeleteGroupsResponse>(2, request).results;
  EXPECT_EQ(results[0].error_code, Number(KafkaCode::kNonEmptyGroup));
  EXPECT_EQ(results[1].error_code, Number(KafkaCode::kGroupIdNotFound));
  member.Leave();
  EXPECT_EQ(rig.Call<kafka::DeleteGroupsResponse>(2, request).results[0].error_code, 0);
  EXPECT_TRUE(rig.store->Scan("group/").empty());
  EXPECT_TRUE(rig.Call<kafka::ListGroupsResponse>(4, kafka::ListGroupsRequest{}).groups.empty());
}

TEST(FindCoordinator, IsThisBrokerForGroupsOnly) {
  Rig rig;
  kafka::FindCoordinatorRequest request;
  request.key = "lab";
  EXPECT_EQ(rig.Call<kafka::FindCoordinatorResponse>(0, request).port, 9092);
  request.coordinator_keys = {"a", "b"};
  EXPECT_EQ(rig.Call<kafka::FindCoordinatorResponse>(4, request).coordinators.size(), 2u);
  // librdkafka asks with version 2 and tries again on all but this code; what asks with later ones is told what it is.
  request.key_type = 1;
  const auto earlier = rig.Call<kafka::FindCoordinatorResponse>(2, request);
  EXPECT_EQ(earlier.error_code, Number(KafkaCode::kTransactionalIdAuthorizationFailed));
  EXPECT_EQ(earlier.error_message, "transactional id 'lab': transactions are not supported; an idempotent producer needs no transactional id");
  const auto later = rig.Call<kafka::FindCoordinatorResponse>(4, request).coordinators[1];
  EXPECT_EQ(later.error_code, Number(KafkaCode::kInvalidRequest));
  EXPECT_EQ(later.error_message, "transactional id 'b': transactions are not supported; an idempotent producer needs no transactional id");
  request.key_type = 2;
  EXPECT_EQ(rig.Call<kafka::FindCoordinatorResponse>(2, request).error_code, Number(KafkaCode::kInvalidRequest));
}

}  // namespace
}  // namespace firn::broker
