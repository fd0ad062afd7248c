// SPDX-License-Identifier: Apache-2.0
// A meta store that cannot be read: the broker does not start, and says which key it is and what to do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/broker_test_rig.h"
#include "broker/meta_records.h"

namespace firn::broker {
namespace {

using ::testing::HasSubstr;

GroupRecord GroupOf(const std::vector<MemberRecord>& members) { return {.generation = 1, .protocol_type = "consumer", .protocol = "range", .leader = "m", .members = members}; }
MemberRecord MemberOf(const std::string& id, const std::string& protocol, int32_t session_timeout_ms = 10'000) {
  return {.id = id, .instance_id = {}, .client_id = "c", .client_host = "/h", .session_timeout_ms = session_timeout_ms, .rebalance_timeout_ms = 1, .protocols = {{protocol, ""}}, .assignment = ""};
}
TopicInfo TopicOf(const std::map<std::string, std::string>& configs) { return {.name = "t", .id = {1}, .partitions = {}, .configs = configs, .created_ms = 1}; }

TEST(StoredBytes, TheBrokerDoesNotStartOnWhatItCannotRead) {
  const std::string offset = EncodeGroupOffset({.offset = 1, .leader_epoch = -1, .commit_time_ms = 1, .metadata = "m"});
  const std::string producer = EncodeProducer({.epoch = 0, .last_time_ms = 1, .batches = {{.first_sequence = 0, .last_sequence = 1, .offset = 0, .search_from = 0}}});
  const std::vector<std::pair<std::string, std::string>> damaged = {
      {GroupOffsetKey("g", "t", 0), offset.substr(0, offset.size() - 1)},
      {GroupOffsetKey("g", "t", 0), offset + "x"},
      {GroupOffsetKey("g", "t", 0), ""},
      {"group/g/offset/t/x", offset},
      {"group/%zz/offset/t/0", offset},
      {"group/g/other", offset},
      {GroupMembersKey("g"), "\x02"},
      {GroupMembersKey("g"), EncodeGroup(GroupOf({MemberOf("m", "range"), MemberOf("m", "range")}))},
      {GroupMembersKey("g"), EncodeGroup(GroupOf({MemberOf("m", "range"), MemberOf("n", "sticky")}))},
      {GroupMembersKey("g"), EncodeGroup(GroupOf({MemberOf("m", "range", 0)}))},
      {ProducerStateKey(log::TopicPartitionId(1), 7), producer.substr(0, producer.size() - 1)},
      {ProducerStateKey(log::TopicPartitionId(1), 7), EncodeProducer({.epoch = 0, .last_time_ms = 1, .batches = {{.first_sequence = 0, .last_sequence = 1, .offset = -1, .search_from = -5}}})},
      {"producer/state/1/x", producer},
      {std::string(kNextProducerIdKey), EncodeNumber(-1)},
      {TopicKey("t"), "\x01"},
      {TopicKey("t"), EncodeTopic(TopicOf({{"retention.ms", "soon"}}))},
      {TopicKey("t"), EncodeTopic(TopicOf({{"colour", "blue"}}))},
  };
  for (const auto& [key, value] : damaged) {
    Rig rig;
    ASSERT_TRUE(rig.Restart().ok());
    rig.store->Append({log::Put{key, value}}, [](const Result<log::Committed>& result) { ASSERT_TRUE(result.ok()); });
    const Status status = rig.Restart();
    ASSERT_FALSE(status.ok()) << key << " " << testing::PrintToString(value);
    EXPECT_EQ(status.error().code(), ErrorCode::kCorruption) << key;
    EXPECT_THAT(status.error().message(), HasSubstr(key));
    EXPECT_THAT(status.error().hint(), HasSubstr("restore the data directory from a backup"));
  }
}

TEST(StoredBytes, TwoTopicsOfOneIdAreDamage) {
  Rig rig;
  for (const char* name : {"t", "u"}) rig.store->Append({log::Put{TopicKey(name), EncodeTopic(TopicOf({}))}}, [](const Result<log::Committed>&) {});
  const Status status = rig.Restart();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().ToString(), "E1005 corrupt bytes: the meta store's topics 't' and 'u' have one id; restore the data directory from a backup, or open it with the firn version that wrote it; "
                                       "nothing was changed");
}

}  // namespace
}  // namespace firn::broker
