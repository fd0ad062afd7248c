// SPDX-License-Identifier: Apache-2.0
// csv, raw and debezium-json: what they read, what they write, what they refuse.
#include <arrow/array.h>
#include <arrow/builder.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/record_format.h"
#include "types/value_text.h"

namespace firn::formats {
namespace {

using types::DataType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Result<DecodedRecords> TryDecode(const FormatSpec& spec, const types::SchemaPtr& schema, const std::vector<std::string>& texts) {
  FIRN_TRY(auto decoder, MakeDecoder(spec, schema));
  std::vector<RawRecord> records;
  for (const std::string& text : texts) records.push_back({text, text == "<null>", false});
  return decoder->Decode(records);
}

std::vector<std::string> Texts(const types::Batch& batch) {
  std::vector<std::string> rows;
  for (int64_t row = 0; row < batch.row_count; ++row) {
    std::string text = types::RowKindText(batch.kind(row));
    for (size_t i = 0; i < batch.columns.size(); ++i) text += "|" + types::FormatCell(*batch.columns[i], row, batch.schema->field(i).type, "UTC").value();
    rows.push_back(std::move(text));
  }
  return rows;
}

std::vector<std::string> Encoded(const FormatSpec& spec, const types::Batch& batch) {
  auto encoded = MakeEncoder(spec, batch.schema).value()->Encode(batch);
  EXPECT_TRUE(encoded.ok());
  std::vector<std::string> rows;
  for (size_t i = 0; i < encoded->ends.size(); ++i) rows.emplace_back(encoded->record(i));
  return rows;
}

FormatSpec Spec(const std::string& name, std::map<std::string, std::string> options = {}) { return {name, std::move(options), "UTC", {}}; }

types::SchemaPtr People() { return types::MakeSchema({{"id", DataType::Int()}, {"name", DataType::String()}, {"born", DataType::Timestamp(3)}}); }

TEST(CsvFormat, QuotesEscapesCommentsAndNulls) {
  FormatSpec spec = Spec("csv", {{"null-literal", "n/a"}, {"allow-comments", "true"}, {"escape-character", "\\"}});
  spec.is_of_lines = true;
  auto decoded = TryDecode(spec, People(), {"1,plain,2024-01-01 10:00:00", "# a remark", "2,\"a, \"\"b\"\" \\\"c\\\"\",n/a", "3,x\\,y,2024-01-01 10:00:00.5", "<null>", "4,\"two\nlines\" ,n/a"});
  ASSERT_TRUE(decoded.ok()) << decoded.error().ToString();
  EXPECT_THAT(Texts(decoded->rows), ElementsAre("+I|1|plain|2024-01-01 10:00:00.000", "+I|2|a, \"b\" \"c\"|NULL", "+I|3|x,y|2024-01-01 10:00:00.500", "+I|4|two\nlines|NULL"));
  EXPECT_THAT(decoded->record_of_row, ElementsAre(0, 2, 3, 5));
}

TEST(CsvFormat, ColumnsGoByTheirPlaceInTheRecord) {
  FormatSpec spec = Spec("csv", {{"field-delimiter", ";"}});
  spec.columns = {{"a", DataType::Int()}, {"b", DataType::String()}, {"c", DataType::Int()}};
  auto decoded = TryDecode(spec, types::MakeSchema({{"c", DataType::Int()}, {"b", DataType::String()}}), {"1;x;3", "not a number;y;4"});
  ASSERT_TRUE(decoded.ok()) << decoded.error().ToString();
  EXPECT_THAT(Texts(decoded->rows), ElementsAre("+I|3|x", "+I|4|y"));
}

// What Flink 2.3 gives for the same bytes.
TEST(CsvFormat, AMessageIsItsFirstLine) {
  const auto two = types::MakeSchema({{"s", DataType::String()}, {"u", DataType::String()}});
  const auto decoded = TryDecode(Spec("csv"), two, {"a,b\n", "a,b\r\n", "a,b\r", "a,b\nc,d", "\"a\nb\",c\nd,e", "a,b,", "a,\n"});
  ASSERT_TRUE(decoded.ok()) << decoded.error().ToString();
  EXPECT_THAT(Texts(decoded->rows), ElementsAre("+I|a|b", "+I|a|b", "+I|a|b", "+I|a|b", "+I|a\nb|c", "+I|a|b", "+I|a|"));
  EXPECT_THAT(TryDecode(Spec("csv"), two, {""}).error().message(), StartsWith("a message without a record"));
  EXPECT_THAT(TryDecode(Spec("csv"), two, {"\n"}).error().message(), StartsWith("1 fields where 2 are expected"));
  EXPECT_THAT(TryDecode(Spec("csv"), two, {"a,b,,"}).error().message(), StartsWith("4 fields where 2 are expected"));
  const FormatSpec lenient = Spec("csv", {{"ignore-parse-errors", "true"}, {"allow-comments", "true"}});
  const auto some = TryDecode(lenient, two, {"", "# x\na,b", "  ", "  c,d", "\n\ne", "f,g,h"});
  ASSERT_TRUE(some.ok());
  EXPECT_THAT(Texts(some->rows), ElementsAre("+I|a|b", "+I|c|d", "+I|e|NULL"));
  EXPECT_EQ(some->errors, 3);
}

TEST(CsvFormat, AnEmptyLineOfAFileIsOneEmptyField) {
  const auto one = types::MakeSchema({{"s", DataType::String()}});
  FormatSpec lines = Spec("csv");
  lines.is_of_lines = true;
  EXPECT_THAT(Texts(TryDecode(lines, one, {"a", "", "b"})->rows), ElementsAre("+I|a", "+I|", "+I|b"));
  EXPECT_THAT(TryDecode(lines, types::MakeSchema({{"i", DataType::Int()}}), {""}).error().message(), StartsWith("field `i` is not a INT"));
  lines.options["null-literal"] = "";
  EXPECT_THAT(Texts(TryDecode(lines, one, {""})->rows), ElementsAre("+I|NULL"));
  lines.options = {{"allow-comments", "true"}};
  EXPECT_THAT(Texts(TryDecode(lines, one, {"a", "", "  ", " # c", " b"})->rows), ElementsAre("+I|a", "+I|b"));
  // Of several columns as many as are wanted must be there.
  lines = Spec("csv", {{"ignore-parse-errors", "true"}});
  lines.is_of_lines = true;
  lines.columns = {{"s", DataType::String()}, {"u", DataType::String()}};
  const auto both = types::MakeSchema(lines.columns);
  EXPECT_THAT(Texts(TryDecode(lines, both, {"a,b", ""})->rows), ElementsAre("+I|a|b", "+I||NULL"));
  lines.options.clear();
  EXPECT_THAT(TryDecode(lines, both, {"a,b", ""}).error().message(), StartsWith("1 fields where 2 are expected"));
  EXPECT_THAT(Texts(TryDecode(lines, types::MakeSchema({{"u", DataType::String()}}), {"a,b", ""})->rows), ElementsAre("+I|b", "+I|NULL"));
}

TEST(CsvFormat, EscapesAreThoseOfJackson) {
  const auto two = types::MakeSchema({{"s", DataType::String()}, {"u", DataType::String()}});
  const FormatSpec spec = Spec("csv", {{"escape-character", "\\"}});
  const auto decoded = TryDecode(spec, two, {R"(x\ny,"q\tr")", R"(\\n,"\"")"});
  ASSERT_TRUE(decoded.ok()) << decoded.error().ToString();
  EXPECT_THAT(Texts(decoded->rows), ElementsAre("+I|x\ny|q\tr", "+I|\\n|\""));
  EXPECT_THAT(Encoded(spec, decoded->rows), ElementsAre("\"x\ny\",\"q\tr\"", R"("\\n","""")"));
}

TEST(CsvFormat, TheFirstBadRecordIsNamedOrAllAreCounted) {
  const std::vector<std::string> texts = {"1,a,2024-01-01 10:00:00", "x,b,2024-01-01 10:00:00", "3", "4,d,2024-01-01 10:00:00,e", "5,\"open,2024-01-01 10:00:00", "6,\"f\"g,2024-01-01 10:00:00"};
  auto failed = TryDecode(Spec("csv"), People(), texts);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), ErrorCode::kDecodeError);
  EXPECT_THAT(failed.error().message(), StartsWith("field `id` is not a INT: x,b,"));
  auto lenient = TryDecode(Spec("csv", {{"ignore-parse-errors", "true"}}), People(), texts);
  ASSERT_TRUE(lenient.ok());
  EXPECT_THAT(Texts(lenient->rows), ElementsAre("+I|1|a|2024-01-01 10:00:00.000", "+I|NULL|b|2024-01-01 10:00:00.000", "+I|3|NULL|NULL"));
  EXPECT_EQ(lenient->errors, 4);
  EXPECT_THAT(TryDecode(Spec("csv"), People(), {"1,\"open"}).error().message(), HasSubstr("a quote that is not closed"));
  EXPECT_THAT(TryDecode(Spec("csv"), People(), {"1,a"}).error().message(), HasSubstr("2 fields where 3 are expected"));
}

TEST(CsvFormat, WritesWhatItReads) {
  auto decoded = TryDecode(Spec("csv", {{"null-literal", ""}}), People(), {"1,plain,2024-01-01 10:00:00", "2,\"say \"\"hi\"\"\",", "3,\"a text of more than twenty-four characters\","});
  ASSERT_TRUE(decoded.ok());
  EXPECT_THAT(Encoded(Spec("csv"), decoded->rows),
              ElementsAre("1,plain,\"2024-01-01 10:00:00\"", "2,\"say \"\"hi\"\"\",", "3,\"a text of more than twenty-four characters\","));
  EXPECT_THAT(Encoded(Spec("csv", {{"field-delimiter", "|"}, {"disable-quote-character", "true"}, {"null-literal", "-"}}), decoded->rows)[1], "2|say \"hi\"|-");
}

TEST(CsvFormat, RefusesOptionsAndTypes) {
  EXPECT_THAT(CheckFormat(Spec("csv", {{"field-delimiter", "||"}})).error().message(), HasSubstr("one character"));
  EXPECT_THAT(CheckFormat(Spec("csv", {{"quote-character", "'"}, {"disable-quote-character", "true"}})).error().message(), HasSubstr("disable-quote-character"));
  EXPECT_THAT(CheckFormat(Spec("csv", {{"delimiter", ","}})).error().message(), HasSubstr("no option 'csv.delimiter'"));
  EXPECT_EQ(MakeDecoder(Spec("csv"), types::MakeSchema({{"a", DataType::Array(DataType::Int())}})).error().code(), ErrorCode::kNotSupported);
  EXPECT_EQ(CheckFormat(Spec("cvs")).error().code(), ErrorCode::kUnknownFormat);
}

// As in Flink: Jackson reads no row out of bytes that are no UTF-8, while a raw text gets a replacement for each sequence that is none.
TEST(CsvFormat, BytesThatAreNoTextAreABadRecord) {
  const std::vector<std::string> texts = {"1,a\xff,2024-01-01 10:00:00", "2,\xc3\xa4,2024-01-01 10:00:00"};
  EXPECT_THAT(TryDecode(Spec("csv"), People(), texts).error().message(), StartsWith("byte 3 is no UTF-8: 1,a"));
  auto lenient = TryDecode(Spec("csv", {{"ignore-parse-errors", "true"}}), People(), texts);
  ASSERT_TRUE(lenient.ok());
  EXPECT_THAT(Texts(lenient->rows), ElementsAre("+I|2|\xc3\xa4|2024-01-01 10:00:00.000"));
  EXPECT_EQ(lenient->errors, 1);
}

TEST(RawFormat, TextsAreUtf8WhateverComes) {
  const auto decoded = TryDecode(Spec("raw"), types::MakeSchema({{"line", DataType::String()}}), {"a\xff\xe2\x82z", "\xc3\xa4"});
  EXPECT_THAT(Texts(decoded->rows), ElementsAre("+I|a\xEF\xBF\xBD\xEF\xBF\xBDz", "+I|\xc3\xa4"));
  const auto bytes = TryDecode(Spec("raw"), types::MakeSchema({{"line", DataType::Bytes()}}), {"\xff"});
  EXPECT_EQ(Encoded(Spec("raw"), bytes->rows)[0], "\xff");
}

TEST(RawFormat, OneColumnOfFixedOrAnyWidth) {
  const auto number = types::MakeSchema({{"v", DataType::Int()}});
  auto big = TryDecode(Spec("raw"), number, {std::string("\0\0\1\2", 4), "<null>"});
  ASSERT_TRUE(big.ok());
  EXPECT_THAT(Texts(big->rows), ElementsAre("+I|258", "+I|NULL"));
  EXPECT_EQ(Encoded(Spec("raw"), big->rows)[0], std::string("\0\0\1\2", 4));
  EXPECT_EQ(Encoded(Spec("raw", {{"endianness", "little-endian"}}), big->rows)[0], std::string("\2\1\0\0", 4));
  EXPECT_THAT(TryDecode(Spec("raw"), number, {"abc"}).error().message(), StartsWith("3 bytes for column `v` of type INT, which takes 4"));
  auto text = TryDecode(Spec("raw"), types::MakeSchema({{"line", DataType::String()}}), {"any, text", ""});
  EXPECT_THAT(Texts(text->rows), ElementsAre("+I|any, text", "+I|"));
  EXPECT_THAT(MakeDecoder(Spec("raw"), People()).error().message(), HasSubstr("one physical column, this one has 3: `id`, `name`, `born`"));
  EXPECT_EQ(MakeDecoder(Spec("raw"), types::MakeSchema({{"d", DataType::Date()}})).error().code(), ErrorCode::kNotSupported);
}

TEST(RawFormat, NullIsNoRecordAtAll) {
  const auto schema = types::MakeSchema({{"line", DataType::String()}});
  const auto decoded = TryDecode(Spec("raw"), schema, {"a", "<null>", ""});
  auto encoder = MakeEncoder(Spec("raw"), schema);
  ASSERT_TRUE(encoder.ok());
  const auto encoded = (*encoder)->Encode(decoded->rows);
  EXPECT_FALSE(encoded->is_null(0));
  EXPECT_TRUE(encoded->is_null(1));
  EXPECT_FALSE(encoded->is_null(2));
}

TEST(RecordDecoder, TellsWhichRecordFailed) {
  const auto schema = types::MakeSchema({{"v", DataType::Int()}});
  const std::pair<const char*, std::vector<const char*>> cases[] = {
      {"csv", {"1", "2", "x"}}, {"json", {R"({"v":1})", R"({"v":2})", "{"}}, {"raw", {"1234", "5678", "9"}}, {"debezium-json", {R"({"after":{"v":1},"op":"c"})", R"({"after":{"v":2},"op":"c"})", R"({"op":"c"})"}}};
  for (const auto& [format, texts] : cases) {
    auto decoder = MakeDecoder(Spec(format), schema);
    ASSERT_TRUE(decoder.ok()) << format;
    std::vector<RawRecord> records;
    for (const char* text : texts) records.push_back({text, false, false});
    EXPECT_EQ((*decoder)->Decode(records).error().code(), ErrorCode::kDecodeError) << format;
    EXPECT_EQ((*decoder)->failed_record(), 2) << format;
  }
}

types::SchemaPtr Changes() { return types::MakeSchema({{"id", DataType::Int()}, {"v", DataType::String()}}); }

TEST(DebeziumFormat, EventsBecomeChangesInOrder) {
  const std::vector<std::string> events = {R"({"before":null,"after":{"id":1,"v":"a"},"op":"c"})", R"({"before":{"id":1,"v":"a"},"after":{"id":1,"v":"b"},"op":"u","ts_ms":5})", "<null>",
                                           R"({"op":"d","before":{"id":1,"v":"b"},"after":null})", R"({"before":null,"after":{"id":2,"v":null},"op":"r"})"};
  auto decoded = TryDecode(Spec("debezium-json"), Changes(), events);
  ASSERT_TRUE(decoded.ok()) << decoded.error().ToString();
  EXPECT_THAT(Texts(decoded->rows), ElementsAre("+I|1|a", "-U|1|a", "+U|1|b", "-D|1|b", "+I|2|NULL"));
  EXPECT_THAT(decoded->record_of_row, ElementsAre(0, 1, 1, 3, 4));
  EXPECT_TRUE(HasChanges(Spec("debezium-json")));
  EXPECT_THAT(Encoded(Spec("debezium-json"), decoded->rows),
              ElementsAre(R"({"before":null,"after":{"id":1,"v":"a"},"op":"c"})", R"({"before":{"id":1,"v":"a"},"after":null,"op":"d"})", R"({"before":null,"after":{"id":1,"v":"b"},"op":"c"})",
                          R"({"before":{"id":1,"v":"b"},"after":null,"op":"d"})", R"({"before":null,"after":{"id":2,"v":null},"op":"c"})"));
}

TEST(DebeziumFormat, TheSchemaMayBeIncludedAndBadEventsAreNamed) {
  auto wrapped = TryDecode(Spec("debezium-json", {{"schema-include", "true"}}), Changes(), {R"({"schema":{"type":"struct"},"payload":{"before":null,"after":{"id":1,"v":"a"},"op":"c"}})"});
  ASSERT_TRUE(wrapped.ok()) << wrapped.error().ToString();
  EXPECT_THAT(Texts(wrapped->rows), ElementsAre("+I|1|a"));
  const std::string lost = R"({"before":null,"after":{"id":1,"v":"b"},"op":"u"})";
  EXPECT_THAT(TryDecode(Spec("debezium-json"), Changes(), {lost}).error().message(), HasSubstr("REPLICA IDENTITY FULL"));
  EXPECT_THAT(TryDecode(Spec("debezium-json"), Changes(), {R"({"op":"t","after":{"id":1}})"}).error().message(), HasSubstr("the \"op\" is \"t\""));
  auto lenient = TryDecode(Spec("debezium-json", {{"ignore-parse-errors", "true"}}), Changes(), {lost, "garbage", R"({"after":{"id":3,"v":"c"},"op":"c"})"});
  ASSERT_TRUE(lenient.ok());
  EXPECT_THAT(Texts(lenient->rows), ElementsAre("+I|3|c"));
  EXPECT_EQ(lenient->errors, 2);
  EXPECT_EQ(MakeEncoder(Spec("debezium-json", {{"schema-include", "true"}}), Changes()).error().code(), ErrorCode::kNotSupported);
}

}  // namespace
}  // namespace firn::formats
