// SPDX-License-Identifier: Apache-2.0
// What the broker keeps in the meta store: keys and values. The layout is drawn in docs/formats/meta-keys.md.
//
//   broker/cluster-id                        16 bytes
//   topic/NAME                               TopicInfo
//   group/GROUP/members                      GroupRecord
//   group/GROUP/offset/TOPIC/PARTITION       GroupOffset
//   producer/next-id                         the first producer id that was never given out
//   producer/state/PARTITION-ID/PRODUCER-ID  ProducerRecord
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "broker/topics.h"
#include "log/ids.h"

namespace firn::broker {

inline constexpr std::string_view kClusterIdKey = "broker/cluster-id";
inline constexpr std::string_view kTopicPrefix = "topic/";
inline constexpr std::string_view kGroupPrefix = "group/";
inline constexpr std::string_view kProducerPrefix = "producer/";
inline constexpr std::string_view kNextProducerIdKey = "producer/next-id";
inline constexpr std::string_view kProducerStatePrefix = "producer/state/";

std::string TopicKey(std::string_view topic);
/// "group/GROUP/": group names are percent-encoded, since they may hold any byte.
std::string GroupKeyPrefix(std::string_view group);
std::string GroupMembersKey(std::string_view group);
std::string GroupOffsetsPrefix(std::string_view group);
std::string GroupOffsetKey(std::string_view group, std::string_view topic, int32_t partition);
std::string ProducerStatePrefix(log::TopicPartitionId partition);
std::string ProducerStateKey(log::TopicPartitionId partition, int64_t producer_id);

struct ProducerStateName {
  log::TopicPartitionId partition;
  int64_t producer_id = 0;
};
/// Of a ProducerStateKey; nullopt for a key that is not one.
std::optional<ProducerStateName> ProducerOfStateKey(std::string_view key);

/// The group of a key that starts with kGroupPrefix; nullopt for a key that is not one.
std::optional<std::string> GroupOfKey(std::string_view key);
struct TopicPartitionName {
  std::string topic;
  int32_t partition = 0;
};
/// Topic and partition of a GroupOffsetKey; nullopt for a key that is not one.
std::optional<TopicPartitionName> PartitionOfOffsetKey(std::string_view key);

/// A member as it survives a crash: enough to go on with its heartbeats, or to rebalance without it.
struct MemberRecord {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  int32_t session_timeout_ms = 0;
  int32_t rebalance_timeout_ms = 0;
  std::vector<std::pair<std::string, std::string>> protocols;  // name, the member's metadata for it
  std::string assignment;
};
struct GroupRecord {
  int32_t generation = 0;
  std::string protocol_type;
  std::string protocol;   // chosen; empty: none
  std::string leader;     // member id; empty: none
  std::vector<MemberRecord> members;
};

/// The last batches of one idempotent producer in one partition, oldest first.
struct ProducerBatch {
  int32_t first_sequence = 0;
  int32_t last_sequence = 0;
  int64_t offset = -1;      // of the first record; -1: not known when this was written, to be looked for from `search_from` on
  int64_t search_from = 0;  // the partition's end when the batch was accepted
};
struct ProducerRecord {
  int16_t epoch = -1;
  int64_t last_time_ms = 0;
  std::vector<ProducerBatch> batches;
};

// Encode never fails. Decode gives kCorruption, naming the key, for bytes that Encode does not make.
std::string EncodeTopic(const TopicInfo& topic);
Result<TopicInfo> DecodeTopic(std::string_view key, std::string_view value);
std::string EncodeGroup(const GroupRecord& group);
Result<GroupRecord> DecodeGroup(std::string_view key, std::string_view value);
std::string EncodeGroupOffset(const GroupOffset& offset);
Result<GroupOffset> DecodeGroupOffset(std::string_view key, std::string_view value);
std::string EncodeProducer(const ProducerRecord& producer);
Result<ProducerRecord> DecodeProducer(std::string_view key, std::string_view value);
std::string EncodeNumber(int64_t number);
/// Of a number that is not negative.
Result<int64_t> DecodeNumber(std::string_view key, std::string_view value);
/// The next step for who meets a damaged meta store.
inline constexpr std::string_view kDamagedHint = "restore the data directory from a backup, or open it with the firn version that wrote it; nothing was changed";
/// Whether the key is one of those above, but for the cluster id, and its value can be decoded: kCorruption naming the key. What holds when the broker starts holds as long
/// as it runs: it writes these itself.
Status CheckMetaRecord(std::string_view key, std::string_view value);

}  // namespace firn::broker
