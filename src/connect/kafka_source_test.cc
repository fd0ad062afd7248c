// SPDX-License-Identifier: Apache-2.0
// Where a kafka source goes on after a restart.
#include "connect/kafka_source.h"

#include <arrow/array.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/broker_test_rig.h"
#include "kafka/messages/create_partitions.h"
#include "kafka/messages/create_topics.h"
#include "kafka/messages/delete_topics.h"

namespace firn::connect {
namespace {

using testing::ElementsAre;

constexpr int64_t kNowMs = 1'700'000'000'000;

class KafkaSourceTest : public testing::Test {
 public:
  KafkaSourceTest() { Create(); }

  void Create() {
    kafka::CreateTopicsRequest request;
    request.topics.push_back({.name = "trades", .num_partitions = 1, .replication_factor = 1});
    EXPECT_EQ(rig_.Call<kafka::CreateTopicsResponse>(7, request).topics[0].error_code, 0);
  }
  void Delete() {
    kafka::DeleteTopicsRequest request;
    request.topics.push_back({"trades", {}});
    EXPECT_EQ(rig_.Call<kafka::DeleteTopicsResponse>(6, request).responses[0].error_code, 0);
  }
  void AddPartition(int32_t count = 2) {
    kafka::CreatePartitionsRequest request;
    request.topics.push_back({"trades", count, std::nullopt});
    EXPECT_EQ(rig_.Call<kafka::CreatePartitionsResponse>(3, request).results[0].error_code, 0);
  }
  void Produce(int32_t partition, const std::vector<std::string>& values) {
    const auto answer = rig_.Call<kafka::ProduceResponse>(9, broker::ProduceOf("trades", partition, broker::BatchOf(values, kNowMs)));
    EXPECT_EQ(answer.topics[0].partitions[0].error_code, 0);
  }

  std::unique_ptr<exec::Source> Open(const std::string& startup, const std::string& reset = "earliest", std::function<void()> waker = [] {}, const std::map<std::string, std::string>& more = {}) {
    auto table = std::make_shared<plan::TableDefinition>();
    table->path = {"c", "d", "t"};
    table->connector = "kafka";
    table->columns.push_back({.name = "v", .type = types::DataType::String()});
    table->options = {{"connector", "kafka"}, {"topic", "trades"},     {"properties.bootstrap.servers", "localhost:9092"}, {"properties.group.id", "g"},
                      {"format", "raw"},      {"scan.startup.mode", startup}, {"properties.auto.offset.reset", reset}};
    table->options.insert(more.begin(), more.end());
    plan::ScanNode scan;
    scan.table = table;
    scan.read_columns = {{"v", types::DataType::String()}};
    scan.metadata_keys = {""};
    auto parsed = ParseKafkaTable(*table, "UTC");
    FIRN_ASSERT(parsed.ok(), "{}", parsed.error().ToString());
    auto source = MakeKafkaSource(rig_.broker->topics(), *parsed, scan);
    FIRN_ASSERT(source.ok(), "{}", source.error().ToString());
    (*source)->SetWaker(std::move(waker));
    return std::move(*source);
  }
  static std::vector<std::string> Read(exec::Source& source, int64_t max_rows = 100) {
    std::vector<std::string> values;
    for (int partition = 0; partition < source.partition_count(); ++partition) {
      for (bool is_blocked = false; !is_blocked;) {
        auto polled = source.Poll(partition, max_rows);
        FIRN_ASSERT(polled.ok(), "{}", polled.error().ToString());
        for (int64_t row = 0; row < polled->rows.row_count; ++row) values.emplace_back(static_cast<const arrow::StringArray&>(*polled->rows.columns[0]).GetView(row));
        is_blocked = polled->state == exec::PollState::kBlocked;
      }
    }
    return values;
  }
  /// Of a source that comes back with these positions.
  std::vector<std::string> ReadOn(const std::string& positions, const std::string& startup = "earliest-offset", const std::string& reset = "earliest") {
    auto source = Open(startup, reset);
    EXPECT_TRUE(source->Seek(positions).ok());
    return Read(*source);
  }

  broker::Rig rig_;
  int wakes_ = 0;  // of the sources that count them
};

TEST_F(KafkaSourceTest, GoesOnBehindWhatItHasRead) {
  Produce(0, {"a", "b", "c"});
  auto source = Open("earliest-offset");
  EXPECT_THAT(Read(*source), ElementsAre("a", "b", "c"));
  Produce(0, {"d"});
  EXPECT_THAT(ReadOn(*source->Positions()), ElementsAre("d"));
  EXPECT_THAT(ReadOn("trades\t0\t2\n"), ElementsAre("c", "d"));  // as earlier versions have stored it
  auto again = Open("earliest-offset");
  ASSERT_TRUE(again->Seek(fmt::format("trades\t0\t2\t{}\t7\n", rig_.broker->topics().Find("trades")->partitions[0])).ok());
  EXPECT_EQ(again->Describe()[0].decode_errors, 7);
  EXPECT_EQ(*again->Positions(), fmt::format("trades\t0\t2\t{}\t7\n", rig_.broker->topics().Find("trades")->partitions[0]));
}

// A cold read gives several slices where there is space between batches.
TEST_F(KafkaSourceTest, KeepsAllThatAPollHasLeftOfAColdRead) {
  std::vector<std::string> expected;
  for (int i = 0; i < 8; ++i) {
    const std::vector<std::string> values{std::to_string(3 * i), std::to_string(3 * i + 1), std::to_string(3 * i + 2)};
    Produce(0, values);
    expected.insert(expected.end(), values.begin(), values.end());
  }
  rig_.store->memory_partition(rig_.broker->topics().Find("trades")->partitions.at(0))->SetColdEnd(24);
  for (int64_t max_rows : {1, 4, 7, 100}) {
    auto source = Open("earliest-offset");
    EXPECT_EQ(Read(*source, max_rows), expected) << max_rows;
  }
}

TEST_F(KafkaSourceTest, ATopicThatWasMadeAnewIsReadFromItsBeginning) {
  Produce(0, {"a", "b", "c"});
  auto source = Open("earliest-offset");
  EXPECT_THAT(Read(*source), ElementsAre("a", "b", "c"));
  const std::string positions = *source->Positions();
  auto checkpoint = source->CheckpointOperations();
  ASSERT_EQ(checkpoint.size(), 1u);
  Delete();
  Create();
  rig_.store->Append(std::move(checkpoint), [](const Result<log::Committed>& result) { EXPECT_TRUE(result.ok()); });
  Produce(0, {"d", "e"});
  EXPECT_THAT(ReadOn(positions), ElementsAre("d", "e"));
  EXPECT_THAT(ReadOn(positions, "latest-offset"), ElementsAre("d", "e"));
  EXPECT_THAT(Read(*Open("group-offsets")), ElementsAre("d", "e"));  // the group has read nothing of it either
}

TEST_F(KafkaSourceTest, APartitionThatWasAddedIsReadFromItsBeginning) {
  Produce(0, {"a"});
  auto source = Open("latest-offset");
  EXPECT_THAT(Read(*source), ElementsAre());
  AddPartition();
  Produce(0, {"b"});
  Produce(1, {"c"});
  EXPECT_THAT(ReadOn(*source->Positions(), "latest-offset"), ElementsAre("b", "c"));
}

TEST_F(KafkaSourceTest, APartitionThatIsAddedMeanwhileIsReadFromItsBeginning) {
  Produce(0, {"a"});
  auto source = Open("latest-offset", "earliest", [this] { ++wakes_; });
  EXPECT_THAT(Read(*source), ElementsAre());
  ASSERT_EQ(source->partition_count(), 1);
  AddPartition();
  EXPECT_EQ(wakes_, 1);
  Produce(0, {"b"});
  Produce(1, {"c"});
  EXPECT_THAT(Read(*source), ElementsAre("b", "c"));
  EXPECT_THAT(ReadOn(*source->Positions()), ElementsAre());
  EXPECT_EQ(source->CheckpointOperations().size(), 2u);
  source.reset();
  const int wakes = wakes_;
  AddPartition(3);
  EXPECT_EQ(wakes_, wakes) << "nobody is left to be told";
}

TEST_F(KafkaSourceTest, PartitionsAreNotDiscoveredWhereTheTableSaysSo) {
  for (const char* interval : {"0", "0 ms"}) {
    auto source = Open("earliest-offset", "earliest", [] {}, {{"scan.topic-partition-discovery.interval", interval}});
    Read(*source);
    const int before = source->partition_count();
    AddPartition(before + 1);
    Read(*source);
    EXPECT_EQ(source->partition_count(), before);
  }
  auto bounded = Open("earliest-offset", "earliest", [] {}, {{"scan.bounded.mode", "latest-offset"}});
  const int before = bounded->partition_count();
  AddPartition(before + 1);
  bounded->Poll(0, 1).ok();
  EXPECT_EQ(bounded->partition_count(), before);
}

// Nothing says where a group without an offset begins: neither rows nor positions, from which it would go on at a place that nobody chose.
TEST_F(KafkaSourceTest, WithoutAResetAGroupNeedsItsOffset) {
  Produce(0, {"a", "b"});
  for (const char* reset : {"none", "NONE"}) {
    auto source = Open("group-offsets", reset);
    const auto polled = source->Poll(0, 100);
    ASSERT_FALSE(polled.ok());
    EXPECT_EQ(polled.error().code(), ErrorCode::kInvalidOption);
    EXPECT_EQ(polled.error().message(), "group 'g' has committed no offset of partition 0 of topic 'trades', and 'properties.auto.offset.reset' is 'none'");
    EXPECT_EQ(polled.error().hint(), "'properties.auto.offset.reset'='earliest' or 'latest' says where such a group begins");
    EXPECT_FALSE(source->Positions().ok());
  }
  EXPECT_THAT(ReadOn("trades\t0\t1\n", "group-offsets", "none"), ElementsAre("b"));
  EXPECT_THAT(Read(*Open("group-offsets", "latest")), ElementsAre());
  EXPECT_THAT(Read(*Open("group-offsets", "Earliest")), ElementsAre("a", "b"));

  auto reader = Open("earliest-offset");
  EXPECT_THAT(Read(*reader), ElementsAre("a", "b"));
  rig_.store->Append(reader->CheckpointOperations(), [](const Result<log::Committed>& result) { EXPECT_TRUE(result.ok()); });
  Produce(0, {"c"});
  EXPECT_THAT(Read(*Open("group-offsets", "none")), ElementsAre("c"));
}

TEST_F(KafkaSourceTest, RefusesPositionsThatItCannotRead) {
  auto source = Open("earliest-offset");
  for (const char* bad : {"trades\n", "trades\t0\n", "trades\t0\t1", "trades\t0\t\n", "trades\tx\t1\n", "trades\t0\t1\tx\n", "trades\t0\t1\t2\tx\n", "trades\t0\t1\t2\t3\t4\n", "trades\t0\t1\t-2\n", "\n"}) {
    const Status status = source->Seek(bad);
    ASSERT_FALSE(status.ok()) << bad;
    EXPECT_EQ(status.error().code(), ErrorCode::kCorruption) << bad;
  }
}

}  // namespace
}  // namespace firn::connect
