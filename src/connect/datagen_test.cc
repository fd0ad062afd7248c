// SPDX-License-Identifier: Apache-2.0
#include "connect/datagen.h"

#include <arrow/array.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/must.h"
#include "io/real_environment.h"

namespace firn::connect {
namespace {

plan::ScanNode RandomNumbers() {
  auto table = std::make_shared<plan::TableDefinition>();
  table->path = {"c", "d", "t"};
  table->connector = "datagen";
  table->columns.push_back({.name = "v", .type = types::DataType::Int()});
  table->options = {{"connector", "datagen"}, {"rows-per-second", "1000000000"}, {"number-of-rows", "40"}};
  plan::ScanNode scan;
  scan.table = table;
  scan.read_columns = {{"v", types::DataType::Int()}};
  scan.metadata_keys = {""};
  return scan;
}

std::vector<int32_t> Take(exec::Source& source, size_t count) {
  std::vector<int32_t> values;
  while (values.size() < count) {
    auto polled = source.Poll(0, static_cast<int64_t>(count - values.size()));
    EXPECT_TRUE(polled.ok());
    for (int64_t row = 0; row < polled->rows.row_count; ++row) values.push_back(static_cast<const arrow::Int32Array&>(*polled->rows.columns[0]).Value(row));
  }
  return values;
}

TEST(Datagen, ASourceThatComesBackGoesOnWithTheSameSequence) {
  io::RealEnvironment environment = Must(io::RealEnvironment::Make());
  auto connector = MakeDatagenConnector(environment.environment());
  auto first = connector->MakeSource(RandomNumbers(), {}).value();
  first->SetWaker([] {});
  Take(*first, 10);
  const std::string positions = first->Positions().value();
  auto second = connector->MakeSource(RandomNumbers(), {}).value();  // draws another seed
  second->SetWaker([] {});
  ASSERT_TRUE(second->Seek(positions).ok());
  EXPECT_EQ(Take(*second, 30), Take(*first, 30));
  for (const char* bad : {"", "x", "5 ", "5 x", "-1 2", "5 6 7"}) EXPECT_EQ(second->Seek(bad).error().code(), ErrorCode::kCorruption) << bad;
}

exec::PollResult PolledRows(const types::DataType& type, std::map<std::string, std::string> options) {
  static auto* const environment = new io::RealEnvironment(Must(io::RealEnvironment::Make()));
  plan::ScanNode scan = RandomNumbers();
  auto table = std::make_shared<plan::TableDefinition>(*scan.table);
  table->columns[0].type = type;
  table->options.merge(options);
  scan.table = table;
  scan.read_columns[0].type = type;
  auto connector = MakeDatagenConnector(environment->environment());
  EXPECT_TRUE(connector->DescribeSource(*table, false).ok());
  auto source = connector->MakeSource(scan, {}).value();
  source->SetWaker([] {});
  exec::PollResult rows = source->Poll(0, 40).value();
  EXPECT_EQ(rows.rows.columns[0]->ValidateFull().message(), "");
  return rows;
}

TEST(Datagen, PartsFollowRulesOfTheirOwn) {
  using types::DataType;
  const auto lists = PolledRows(DataType::Array(DataType::Int()), {{"fields.v.element.min", "1"}, {"fields.v.element.max", "2"}, {"fields.v.length", "5"}});
  const auto& list = static_cast<const arrow::ListArray&>(*lists.rows.columns[0]);
  ASSERT_GT(list.length(), 0);
  for (int64_t row = 0; row < list.length(); ++row) EXPECT_EQ(list.value_length(row), 5);
  const auto& numbers = static_cast<const arrow::Int32Array&>(*list.values());
  for (int64_t i = 0; i < numbers.length(); ++i) EXPECT_TRUE(numbers.Value(i) == 1 || numbers.Value(i) == 2) << numbers.Value(i);
  const auto maps = PolledRows(DataType::Map(DataType::String(), DataType::Double()), {{"fields.v.key.length", "4"}});
  const auto& map = static_cast<const arrow::MapArray&>(*maps.rows.columns[0]);
  EXPECT_EQ(map.value_length(0), 3);
  EXPECT_EQ(static_cast<const arrow::StringArray&>(*map.keys()).GetView(0).size(), 4u);
  const auto nested = PolledRows(DataType::Row({{"a", DataType::Array(DataType::Row({{"b", DataType::BigInt()}}))}}), {{"fields.v.a.element.b.null-rate", "1"}});
  EXPECT_EQ(nested.rows.columns[0]->null_count(), 0);
  const auto& inner = static_cast<const arrow::ListArray&>(*static_cast<const arrow::StructArray&>(*nested.rows.columns[0]).field(0));
  EXPECT_EQ(static_cast<const arrow::StructArray&>(*inner.values()).field(0)->null_count(), 3 * nested.rows.row_count);
  const auto nothing = PolledRows(DataType::Row({{"a", DataType::Int()}}), {{"fields.v.null-rate", "1"}});
  EXPECT_EQ(nothing.rows.columns[0]->null_count(), nothing.rows.row_count);
}

TEST(Datagen, RulesOfPartsAreChecked) {
  io::RealEnvironment environment = Must(io::RealEnvironment::Make());
  auto connector = MakeDatagenConnector(environment.environment());
  const auto refusal = [&](const std::string& key, const std::string& value) {
    auto table = std::make_shared<plan::TableDefinition>(*RandomNumbers().table);
    table->columns[0].type = types::DataType::Array(types::DataType::Array(types::DataType::String()));
    table->options[key] = value;
    auto described = connector->DescribeSource(*table, false);
    return described.ok() ? std::string("none") : described.error().message();
  };
  EXPECT_EQ(refusal("fields.v.element.element.length", "9"), "none");
  EXPECT_THAT(refusal("fields.v.elements.length", "9"), testing::HasSubstr("names no column"));
  EXPECT_THAT(refusal("fields.v.element.element.kind", "sequence"), testing::HasSubstr("only whole columns count up"));
  EXPECT_THAT(refusal("fields.v.element.length", "1000000"), testing::HasSubstr("would take more than"));
}

// A megabyte a row and more rows a second than can be counted: a poll still makes a batch that fits.
TEST(Datagen, ABatchOfLongTextsHasFewRows) {
  io::RealEnvironment environment = Must(io::RealEnvironment::Make());
  auto connector = MakeDatagenConnector(environment.environment());
  plan::ScanNode scan = RandomNumbers();
  auto table = std::make_shared<plan::TableDefinition>(*scan.table);
  table->columns = {{.name = "v", .type = types::DataType::String()}};
  table->options = {{"connector", "datagen"}, {"rows-per-second", "9000000000000000000"}, {"fields.v.length", "1048576"}};
  scan.table = table;
  scan.read_columns = {{"v", types::DataType::String()}};
  auto source = connector->MakeSource(scan, {}).value();
  source->SetWaker([] {});
  int64_t rows = 0;
  for (int i = 0; i < 3; ++i) {
    auto polled = source->Poll(0, 8192);
    ASSERT_TRUE(polled.ok()) << polled.error().ToString();
    EXPECT_LE(polled->rows.row_count, 32);
    rows += polled->rows.row_count;
  }
  EXPECT_GT(rows, 32);
}

TEST(Datagen, NumbersThatAreNoneAreRefused) {
  io::RealEnvironment environment = Must(io::RealEnvironment::Make());
  auto connector = MakeDatagenConnector(environment.environment());
  plan::TableDefinition table = *RandomNumbers().table;
  for (const char* key : {"min", "max", "length", "null-rate", "start", "end"}) {
    for (const char* value : {"nan", "inf", "-inf"}) {
      plan::TableDefinition changed = table;
      changed.options[std::string("fields.v.") + key] = value;
      const auto traits = connector->DescribeSource(changed, false);
      ASSERT_FALSE(traits.ok()) << key << " " << value;
      EXPECT_EQ(traits.error().code(), ErrorCode::kInvalidOption);
    }
  }
  for (const char* rate : {"-0.5", "1.5"}) {
    table.options["fields.v.null-rate"] = rate;
    EXPECT_FALSE(connector->DescribeSource(table, false).ok()) << rate;
  }
}

class NoThreads final : public io::Executor {
 public:
  Result<std::unique_ptr<io::TaskQueue>> NewQueue(const std::string& name) override { return Error(ErrorCode::kUnavailable, "no thread can be started for " + name); }
  std::unique_ptr<io::Event> NewEvent() override { return nullptr; }
  int parallelism() const override { return 1; }
};

TEST(Datagen, WithoutAThreadForItsTimerThereIsNoSource) {
  io::RealEnvironment real = Must(io::RealEnvironment::Make());
  const io::Environment rest = real.environment();
  NoThreads executor;
  auto connector = MakeDatagenConnector({rest.clock, rest.random, rest.files, rest.network, executor});
  auto source = connector->MakeSource(RandomNumbers(), {});
  ASSERT_FALSE(source.ok());
  EXPECT_EQ(source.error().ToString(), "E1009 unavailable: no thread can be started for datagen");
}

}  // namespace
}  // namespace firn::connect
