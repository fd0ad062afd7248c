// SPDX-License-Identifier: Apache-2.0
#include <arrow/array.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <random>

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

// As Flink: its parser takes the first object of a record, and does not look at what is behind. Alike ones too, which are read without the parser once they have been seen.
TEST(JsonFormat, WhatIsBehindTheObjectOfARecordIsPassedOver) {
  for (const bool ignores_errors : {true, false}) {
    std::vector<std::string> texts;
    for (const char* behind : {"", " x", "}", "]", R"( {"symbol":"Z","ts":9})", R"("not closed)", " \xff\x01", ",", " {", " \"a\\"}) {
      for (int i = 0; i < 3; ++i) texts.push_back(fmt::format(R"({}{{"symbol":"A}}\"{}","price":1.5,"ts":{}}}{})", i == 2 ? " " : "", i, i, behind));
    }
    const auto decoded = Decode(Trades(), texts, ignores_errors);
    EXPECT_EQ(decoded.errors, 0) << decoded.first_error;
    const std::vector<std::string> rows = Rows(decoded.rows);
    ASSERT_EQ(rows.size(), texts.size());
    for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i], fmt::format(R"({{"symbol":"A}}\"{}","price":1.5,"ts":{}}})", i % 3, i % 3)) << texts[i];
  }
  // What does not end, or is broken within, stays broken.
  const auto broken = Decode(Trades(), {R"({"ts":1)", R"({"ts":tru} {"ts":2})", R"(x {"ts":3})", R"([{"ts":4}] x)", R"({"symbol":"a} x)", R"({"symbol":"a\"} x)"});
  EXPECT_EQ(broken.rows.row_count, 0);
  EXPECT_EQ(broken.errors, 6);
}

// As Flink 2.3: no bytes are no record; blanks and null are broken to its streaming parser, and nothing to the one that it had before.
TEST(JsonFormat, RecordsOfNothing) {
  for (const bool is_streaming : {true, false}) {
    auto decoder = MakeDecoder({"json", {{"decode.json-parser.enabled", is_streaming ? "true" : "false"}}, "UTC"}, Trades());
    ASSERT_TRUE(decoder.ok());
    const std::vector<RawRecord> empty = {{R"({"ts":1})"}, {""}, {.bytes = {}, .is_null = true}, {R"({"ts":2})"}};
    auto decoded = (*decoder)->Decode(empty);
    ASSERT_TRUE(decoded.ok()) << decoded.error().ToString();
    EXPECT_THAT(decoded->record_of_row, ElementsAre(0, 3));
    EXPECT_EQ(decoded->errors, 0);
    for (const char* nothing : {" ", " \t\n", "null", " null "}) {
      const std::vector<RawRecord> records = {{R"({"ts":1})"}, {nothing}, {R"({"ts":2})"}};
      auto read = (*decoder)->Decode(records);
      ASSERT_EQ(read.ok(), !is_streaming) << nothing;
      if (read.ok()) {
        EXPECT_THAT(read->record_of_row, ElementsAre(0, 2)) << nothing;
      }
    }
  }
}

TEST(JsonFormat, WithoutIgnoreTheFirstBadRecordIsNamed) {
  auto decoder = MakeDecoder({"json", {}, "UTC"}, Trades());
  ASSERT_TRUE(decoder.ok());
  std::vector<RawRecord> records = {{R"({"ts":1})", false, false}, {R"({"ts":"abc"})", false, false}};
  auto decoded = (*decoder)->Decode(records);
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.error().code(), ErrorCode::kDecodeError);
  EXPECT_EQ(decoded.error().message(), R"(field `ts` is not a BIGINT: {"ts":"abc"})");
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

// Flink reads an object into a map of its own, where the last value of a key replaces the others.
TEST(JsonFormat, OfAKeyThatAMapHasTwiceTheLastValueCounts) {
  auto schema = types::MakeSchema({{"m", DataType::Map(DataType::String(), DataType::Array(DataType::Int()))}});
  std::string many = R"({"m":{)", wanted = R"({"m":{)";
  for (int i = 0; i < 40; ++i) many += fmt::format(R"("k{}":[{}],)", i % 20, i);
  for (int i = 0; i < 20; ++i) wanted += fmt::format(R"({}"k{}":[{}])", i == 0 ? "" : ",", i, i + 20);
  many.back() = '}';
  auto decoded = Decode(schema, {R"({"m":{"a":[1],"b":[2,3],"a":null,"":[4],"b":[5]}})", R"({"m":null})", R"({"m":{"a":[6]}})", R"({"m":{"x":[7],"x":[tru]}})", many + "}", R"({"m":{}})"});
  EXPECT_THAT(Rows(decoded.rows), ElementsAre(R"({"m":{"a":null,"b":[5],"":[4]}})", R"({"m":null})", R"({"m":{"a":[6]}})", wanted + "}}", R"({"m":{}})"));
}

TEST(JsonFormat, RefusesUnknownOptions) {
  auto status = CheckFormat({"json", {{"ignore-parse-error", "true"}}, "UTC"});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message(), "the json format has no option 'json.ignore-parse-error'");
  EXPECT_THAT(status.error().candidates(), ElementsAre("ignore-parse-errors"));
  EXPECT_EQ(CheckFormat({"jsn", {}, "UTC"}).error().candidates(), std::vector<std::string>{"json"});
}

// Records that look alike are read without the parser. Whatever they hold and wherever they stop to look alike, the rows must be those that a decoder
// gives which has seen no other record.
class LookAlikes {
 public:
  explicit LookAlikes(uint32_t seed) : random_(seed), blank_(Below(3) == 0 ? " " : "") {}

  std::string Next() {
    std::string text = "{";
    for (const char* name : {"symbol", "price", "ts", "other", "flag", "small"}) {
      if (Below(40) == 0) continue;
      if (text.size() > 1) text += "," + blank_;
      text += std::string("\"") + name + "\":" + blank_ + Value(name);
    }
    text += "}";
    if (Below(30) == 0) text.resize(static_cast<size_t>(Below(static_cast<int>(text.size()) + 1)));
    if (Below(30) == 0 && !text.empty()) text[static_cast<size_t>(Below(static_cast<int>(text.size())))] = "\"\\{},:x0 \xc3\x01"[Below(11)];
    if (Below(60) == 0) text += "}";
    return text;
  }

 private:
  int Below(int limit) { return static_cast<int>(random_() % static_cast<uint32_t>(limit)); }
  std::string Value(std::string_view name) {
    if (Below(20) == 0) return "null";
    if (Below(25) == 0) return Odd();
    if (name == "symbol") return '"' + std::string(static_cast<size_t>(Below(Below(20) == 0 ? 90 : 6)), 'a') + '"';
    if (name == "flag") return Below(2) == 0 ? "true" : "false";
    std::string number = Below(4) == 0 ? "-" : "";
    for (int i = Below(Below(10) == 0 ? 20 : 6); i >= 0; --i) number += static_cast<char>('0' + Below(10));
    if (name != "ts" && name != "small" && Below(2) == 0) {
      number += '.';
      for (int i = Below(Below(10) == 0 ? 20 : 4); i >= 0; --i) number += static_cast<char>('0' + Below(10));
    }
    return number;
  }
  std::string Odd() {
    static constexpr const char* kValues[] = {"1e3", "0", "-0", "007", "1.", ".5", "-", "+1", "1.50", "\"a\\nb\"", "\"\xc3\xa9\"", "\"\xff\"", "\"1\"", "\" 2.5\"", "[1]", "{\"a\":1}", "tru", "nullx",
                                              "9223372036854775807", "9223372036854775808", "-9223372036854775808", "9007199254740993", "0.1", "123456789012345678.5", "\"\"", "300", "-128", "1E400"};
    return kValues[Below(static_cast<int>(std::size(kValues)))];
  }

  std::mt19937 random_;
  const std::string blank_;
};

TEST(JsonFormat, RecordsThatLookAlikeGiveWhatEachGivesAlone) {
  const auto schema = types::MakeSchema({{"symbol", DataType::String()}, {"price", DataType::Double()}, {"ts", DataType::BigInt()}, {"small", DataType::TinyInt()}, {"real", DataType::Float()}, {"flag", DataType::Boolean()}});
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    LookAlikes records(seed);
    // As in the log: one behind the other, so that what follows a record that breaks off is another record.
    std::string slab;
    std::vector<std::pair<size_t, size_t>> places;
    for (int i = 0; i < 200; ++i) {
      const std::string text = records.Next();
      places.emplace_back(slab.size(), text.size());
      slab += text;
    }
    slab.append(kRecordPadding, '\0');
    std::vector<RawRecord> raw;
    for (const auto& [at, size] : places) raw.push_back({std::string_view(slab).substr(at, size), false, seed % 2 == 0});
    auto decoder = MakeDecoder({"json", {{"ignore-parse-errors", "true"}}, "UTC"}, schema);
    ASSERT_TRUE(decoder.ok());
    const auto together = (*decoder)->Decode(raw);
    ASSERT_TRUE(together.ok());
    std::vector<types::Batch> alone;
    int64_t errors = 0;
    for (const RawRecord& record : raw) {
      const DecodedRecords one = Decode(schema, {std::string(record.bytes)});
      errors += one.errors;
      alone.push_back(one.rows);
    }
    const auto expected = types::ConcatenateBatches(alone);
    ASSERT_TRUE(expected.ok());
    ASSERT_EQ(together->rows.row_count, expected->row_count) << "seed " << seed;
    EXPECT_EQ(together->errors, errors) << "seed " << seed;
    for (size_t i = 0; i < schema->size(); ++i) {
      EXPECT_TRUE(together->rows.columns[i]->Equals(*expected->columns[i], arrow::EqualOptions::Defaults().signed_zeros_equal(false)))
          << "seed " << seed << " column " << schema->field(i).name << "\n" << together->rows.columns[i]->ToString() << expected->columns[i]->ToString();
    }
  }
}

}  // namespace
}  // namespace firn::formats
