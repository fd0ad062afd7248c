// SPDX-License-Identifier: Apache-2.0
#include <arrow/array.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/record_format.h"

namespace firn::formats {
namespace {

using types::DataType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

types::SchemaPtr Trades() {
  return types::MakeSchema({{"symbol", DataType::String()}, {"price", DataType::Double()}, {"ts", DataType::BigInt()}});
}

DecodedRecords Decode(const types::SchemaPtr& schema, const std::vector<std::string>& texts, bool ignore_errors = true) {
  FormatSpec spec{"json", {}, "UTC"};
  if (ignore_errors) spec.options["ignore-parse-errors"] = "true";
  auto decoder = MakeDecoder(spec, schema);
  EXPECT_TRUE(decoder.ok());
  std::vector<RawRecord> records;
  for (const std::string& text : texts) records.push_back({text, false, false});
  auto decoded = (*decoder)->Decode(records);
  EXPECT_TRUE(decoded.ok()) << decoded.error().ToString();
  return std::move(decoded).value();
}

// Back through the encoder: one text a row.
std::vector<std::string> Rows(const types::Batch& batch) {
  auto encoder = MakeEncoder({"json", {}, "UTC"}, batch.schema);
  EXPECT_TRUE(encoder.ok());
  auto encoded = (*encoder)->Encode(batch);
  EXPECT_TRUE(encoded.ok());
  std::vector<std::string> rows;
  for (size_t i = 0; i < encoded->ends.size(); ++i) rows.emplace_back(encoded->record(i));
  return rows;
}

TEST(JsonFormat, BrokenRecordsLeaveNoTraceAndGoodFieldsStay) {
  auto decoded = Decode(Trades(), {
                                      R"({"symbol":"A","price":1.5,"ts":1})",
                                      R"({"symbol":"B","price":2,"ts":)",        // breaks off after two fields
                                      R"(not json)",                              //
                                      R"({"ts":"3","unknown":[1,{"x":2}],"symbol":"C"})",  // other order, text number, missing price
                                      R"({"symbol":"D","price":"x","ts":4})",    // one bad field
                                      R"({"symbol":"E","symbol":"F","price":5,"ts":5})",   // the last one counts
                                      R"([1,2])",
                                  });
  EXPECT_THAT(Rows(decoded.rows), ElementsAre(R"({"symbol":"A","price":1.5,"ts":1})", R"({"symbol":"C","price":null,"ts":3})",
                                              R"({"symbol":"D","price":null,"ts":4})", R"({"symbol":"F","price":5.0,"ts":5})"));
  EXPECT_THAT(decoded.record_of_row, ElementsAre(0, 3, 4, 5));
  EXPECT_EQ(decoded.errors, 4);
  EXPECT_THAT(decoded.first_error, HasSubstr("broken JSON"));
}

TEST(JsonFormat, WithoutIgnoreTheFirstBadRecordIsNamed) {
  auto decoder = MakeDecoder({"json", {}, "UTC"}, Trades());
  ASSERT_TRUE(decoder.ok());
  std::vector<RawRecord> records = {{R"({"ts":1})", false, false}, {R"({"ts":"abc"})", false, false}};
  auto decoded = (*decoder)->Decode(records);
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.error().code(), ErrorCode::kDecodeError);
  EXPECT_EQ(decoded.error().message(), R"(record 1: field `ts` is not a BIGINT: {"ts":"abc"})");
  auto again = (*decoder)->Decode(std::span(records).first(1));  // usable afterwards
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->rows.row_count, 1);
}

// The values of real Flink 2.3 (flink-cases 053).
TEST(JsonFormat, CoercesAsFlinkDoes) {
  auto schema = types::MakeSchema({{"s", DataType::String()},
                                   {"i", DataType::Int()},
                                   {"d", DataType::Decimal(6, 2)},
                                   {"b", DataType::Boolean()},
                                   {"f", DataType::Double()},
                                   {"y", DataType::Bytes()},
                                   {"dt", DataType::Date()},
                                   {"tm", DataType::Time(0)}});
  auto decoded = Decode(schema, {
                                    R"({"s":12,"i":"34","d":"1.005","b":"true","f":"1e3","y":"aGk=","dt":"2024-02-29","tm":"10:11:12"})",
                                    R"({"s":true,"i":3.9,"d":1.005,"b":1,"f":1,"y":"!!","dt":"2024-02-30","tm":"10:11"})",
                                    R"({"s":{"a": 1},"i":"x","d":99999.99,"b":"yes","f":"NaN","y":null,"dt":"20240229","tm":"25:00:00"})",
                                    R"({"s":[1, 2],"i":99999999999,"d":"abc","b":null,"f":true,"y":"","dt":null,"tm":null})",
                                    R"({"s":1.50,"i":" 7 ","d":12,"b":"TRUE","f":" 2.5 ","y":"aGk","dt":"2024-1-1","tm":"1:2:3"})",
                                });
  EXPECT_THAT(Rows(decoded.rows),
              ElementsAre(R"({"s":"12","i":34,"d":1.01,"b":true,"f":1000.0,"y":"aGk=","dt":"2024-02-29","tm":"10:11:12"})",
                          R"({"s":"true","i":3,"d":1.01,"b":false,"f":1.0,"y":null,"dt":null,"tm":null})",
                          R"({"s":"{\"a\":1}","i":null,"d":null,"b":false,"f":"NaN","y":null,"dt":null,"tm":null})",
                          R"({"s":"[1,2]","i":null,"d":null,"b":null,"f":null,"y":"","dt":null,"tm":null})",
                          R"({"s":"1.50","i":7,"d":12.00,"b":true,"f":2.5,"y":null,"dt":null,"tm":null})"));
}

TEST(JsonFormat, NestedValuesSurviveAndBreakCleanly) {
  auto schema = types::MakeSchema({{"l", DataType::Array(DataType::Int())},
                                   {"m", DataType::Map(DataType::String(), DataType::Double())},
                                   {"r", DataType::Row({{"a", DataType::String()}, {"b", DataType::Array(DataType::Row({{"x", DataType::Int()}}))}})}});
  auto decoded = Decode(schema, {
                                    R"({"l":[1,null,"x",3],"m":{"k":1,"j":null},"r":{"b":[{"x":1},{"y":0}],"a":"t"}})",
                                    R"({"l":[1,2],"m":{"k":1},"r":{"a":"u","b":[{"x":1},{"x":tru}]}})",
                                    R"({"l":[4],"m":null,"r":{"a":null}})",
                                });
  EXPECT_THAT(Rows(decoded.rows), ElementsAre(R"({"l":[1,null,null,3],"m":{"k":1.0,"j":null},"r":{"a":"t","b":[{"x":1},{"x":null}]}})",
                                              R"({"l":[4],"m":null,"r":{"a":null,"b":null}})"));
}

TEST(JsonFormat, RefusesUnknownOptions) {
  auto status = CheckFormat({"json", {{"ignore-parse-error", "true"}}, "UTC"});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message(), "the json format has no option 'json.ignore-parse-error'");
  EXPECT_THAT(status.error().candidates(), ElementsAre("ignore-parse-errors"));
  EXPECT_EQ(CheckFormat({"jsn", {}, "UTC"}).error().candidates(), std::vector<std::string>{"json"});
}

}  // namespace
}  // namespace firn::formats
