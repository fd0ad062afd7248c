// SPDX-License-Identifier: Apache-2.0
#include "kafka/error_code.h"

namespace firn::kafka {

std::string_view KafkaCodeName(KafkaCode code) {
  switch (code) {
    case KafkaCode::kUnknownServerError: return "UNKNOWN_SERVER_ERROR";
    case KafkaCode::kNone: return "NONE";
    case KafkaCode::kOffsetOutOfRange: return "OFFSET_OUT_OF_RANGE";
    case KafkaCode::kCorruptMessage: return "CORRUPT_MESSAGE";
    case KafkaCode::kUnknownTopicOrPartition: return "UNKNOWN_TOPIC_OR_PARTITION";
    case KafkaCode::kNotLeaderOrFollower: return "NOT_LEADER_OR_FOLLOWER";
    case KafkaCode::kRequestTimedOut: return "REQUEST_TIMED_OUT";
    case KafkaCode::kMessageTooLarge: return "MESSAGE_TOO_LARGE";
    case KafkaCode::kOffsetMetadataTooLarge: return "OFFSET_METADATA_TOO_LARGE";
    case KafkaCode::kCoordinatorNotAvailable: return "COORDINATOR_NOT_AVAILABLE";
    case KafkaCode::kInvalidTopic: return "INVALID_TOPIC_EXCEPTION";
    case KafkaCode::kInvalidRequiredAcks: return "INVALID_REQUIRED_ACKS";
    case KafkaCode::kIllegalGeneration: return "ILLEGAL_GENERATION";
    case KafkaCode::kInconsistentGroupProtocol: return "INCONSISTENT_GROUP_PROTOCOL";
    case KafkaCode::kInvalidGroupId: return "INVALID_GROUP_ID";
    case KafkaCode::kUnknownMemberId: return "UNKNOWN_MEMBER_ID";
    case KafkaCode::kInvalidSessionTimeout: return "INVALID_SESSION_TIMEOUT";
    case KafkaCode::kRebalanceInProgress: return "REBALANCE_IN_PROGRESS";
    case KafkaCode::kInvalidCommitOffsetSize: return "INVALID_COMMIT_OFFSET_SIZE";
    case KafkaCode::kInvalidTimestamp: return "INVALID_TIMESTAMP";
    case KafkaCode::kUnsupportedVersion: return "UNSUPPORTED_VERSION";
    case KafkaCode::kTopicAlreadyExists: return "TOPIC_ALREADY_EXISTS";
    case KafkaCode::kInvalidPartitions: return "INVALID_PARTITIONS";
    case KafkaCode::kInvalidReplicationFactor: return "INVALID_REPLICATION_FACTOR";
    case KafkaCode::kInvalidReplicaAssignment: return "INVALID_REPLICA_ASSIGNMENT";
    case KafkaCode::kInvalidConfig: return "INVALID_CONFIG";
    case KafkaCode::kInvalidRequest: return "INVALID_REQUEST";
    case KafkaCode::kUnsupportedForMessageFormat: return "UNSUPPORTED_FOR_MESSAGE_FORMAT";
    case KafkaCode::kOutOfOrderSequenceNumber: return "OUT_OF_ORDER_SEQUENCE_NUMBER";
    case KafkaCode::kInvalidProducerEpoch: return "INVALID_PRODUCER_EPOCH";
    case KafkaCode::kInvalidTxnState: return "INVALID_TXN_STATE";
    case KafkaCode::kTransactionalIdAuthorizationFailed: return "TRANSACTIONAL_ID_AUTHORIZATION_FAILED";
    case KafkaCode::kKafkaStorageError: return "KAFKA_STORAGE_ERROR";
    case KafkaCode::kFencedLeaderEpoch: return "FENCED_LEADER_EPOCH";
    case KafkaCode::kUnknownLeaderEpoch: return "UNKNOWN_LEADER_EPOCH";
    case KafkaCode::kUnsupportedCompressionType: return "UNSUPPORTED_COMPRESSION_TYPE";
    case KafkaCode::kMemberIdRequired: return "MEMBER_ID_REQUIRED";
    case KafkaCode::kGroupMaxSizeReached: return "GROUP_MAX_SIZE_REACHED";
    case KafkaCode::kFencedInstanceId: return "FENCED_INSTANCE_ID";
    case KafkaCode::kInvalidRecord: return "INVALID_RECORD";
    case KafkaCode::kNonEmptyGroup: return "NON_EMPTY_GROUP";
    case KafkaCode::kGroupIdNotFound: return "GROUP_ID_NOT_FOUND";
    case KafkaCode::kFetchSessionIdNotFound: return "FETCH_SESSION_ID_NOT_FOUND";
    case KafkaCode::kInvalidFetchSessionEpoch: return "INVALID_FETCH_SESSION_EPOCH";
    case KafkaCode::kUnknownTopicId: return "UNKNOWN_TOPIC_ID";
  }
  return "UNLISTED_ERROR";
}

KafkaCode KafkaCodeOf(const Error& error) { return static_cast<KafkaCode>(base::InfoOf(error.code()).kafka_code); }

}  // namespace firn::kafka
