// SPDX-License-Identifier: Apache-2.0
// One function an API; each in the file named after it. A handler answers its call exactly once, now or later.
#pragma once

#include "broker/call_internal.h"

namespace firn::kafka {
struct ApiVersionsRequest;
struct CreatePartitionsRequest;
struct CreateTopicsRequest;
struct DeleteGroupsRequest;
struct DeleteRecordsRequest;
struct DeleteTopicsRequest;
struct DescribeClusterRequest;
struct DescribeConfigsRequest;
struct DescribeGroupsRequest;
struct FetchRequest;
struct FindCoordinatorRequest;
struct HeartbeatRequest;
struct IncrementalAlterConfigsRequest;
struct InitProducerIdRequest;
struct JoinGroupRequest;
struct LeaveGroupRequest;
struct ListGroupsRequest;
struct ListOffsetsRequest;
struct MetadataRequest;
struct OffsetCommitRequest;
struct OffsetFetchRequest;
struct ProduceRequest;
struct SyncGroupRequest;
}  // namespace firn::kafka

namespace firn::broker {

void HandleApiVersions(Core& core, CallPtr call, kafka::ApiVersionsRequest request);
/// The answer to an ApiVersions request in a version that is not known: version 0 with UNSUPPORTED_VERSION (KIP-511).
void AnswerUnknownApiVersions(const CallPtr& call);
void HandleCreatePartitions(Core& core, CallPtr call, kafka::CreatePartitionsRequest request);
void HandleCreateTopics(Core& core, CallPtr call, kafka::CreateTopicsRequest request);
void HandleDeleteGroups(Core& core, CallPtr call, kafka::DeleteGroupsRequest request);
void HandleDeleteRecords(Core& core, CallPtr call, kafka::DeleteRecordsRequest request);
void HandleDeleteTopics(Core& core, CallPtr call, kafka::DeleteTopicsRequest request);
void HandleDescribeCluster(Core& core, CallPtr call, kafka::DescribeClusterRequest request);
void HandleDescribeConfigs(Core& core, CallPtr call, kafka::DescribeConfigsRequest request);
void HandleDescribeGroups(Core& core, CallPtr call, kafka::DescribeGroupsRequest request);
void HandleFetch(Core& core, CallPtr call, kafka::FetchRequest request);
void HandleFindCoordinator(Core& core, CallPtr call, kafka::FindCoordinatorRequest request);
void HandleHeartbeat(Core& core, CallPtr call, kafka::HeartbeatRequest request);
void HandleIncrementalAlterConfigs(Core& core, CallPtr call, kafka::IncrementalAlterConfigsRequest request);
void HandleInitProducerId(Core& core, CallPtr call, kafka::InitProducerIdRequest request);
void HandleJoinGroup(Core& core, CallPtr call, kafka::JoinGroupRequest request);
void HandleLeaveGroup(Core& core, CallPtr call, kafka::LeaveGroupRequest request);
void HandleListGroups(Core& core, CallPtr call, kafka::ListGroupsRequest request);
void HandleListOffsets(Core& core, CallPtr call, kafka::ListOffsetsRequest request);
void HandleMetadata(Core& core, CallPtr call, kafka::MetadataRequest request);
void HandleOffsetCommit(Core& core, CallPtr call, kafka::OffsetCommitRequest request);
void HandleOffsetFetch(Core& core, CallPtr call, kafka::OffsetFetchRequest request);
void HandleProduce(Core& core, CallPtr call, kafka::ProduceRequest request);
void HandleSyncGroup(Core& core, CallPtr call, kafka::SyncGroupRequest request);

}  // namespace firn::broker
