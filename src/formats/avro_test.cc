// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "formats/avro_file.h"
#include "formats/block_codec.h"

namespace firn::formats {
namespace {

using Items = AvroValue::Items;

AvroSchemaPtr Sample() {
  auto entry = MakeAvroRecord("k117_v118", {{"key", MakeAvroPrimitive(AvroKind::kInt), 117},
                                            {"value", MakeAvroPrimitive(AvroKind::kLong), 118}});
  return MakeAvroRecord(
      "sample", {{"path", MakeAvroPrimitive(AvroKind::kString), 100},
                 {"count", MakeAvroPrimitive(AvroKind::kLong), 103},
                 {"share", MakeAvroOptional(MakeAvroPrimitive(AvroKind::kDouble)), 7, "", true},
                 {"sizes", MakeAvroOptional(MakeAvroArray(entry, kNoFieldId, "map")), 108, "", true},
                 {"day", MakeAvroOptional(MakeAvroPrimitive(AvroKind::kInt, "date")), 1000, "", true},
                 {"hash", MakeAvroFixed("uuid_fixed", 4, ""), 9}});
}

AvroValue Row(int64_t i) {
  Items sizes;
  for (int64_t k = 0; k < i % 4; ++k) sizes.push_back(AvroValue(Items{AvroValue(k), AvroValue(k * 1000)}));
  return AvroValue(Items{AvroValue("f" + std::to_string(i)), AvroValue(i * 1'000'000'007), i % 3 == 0 ? AvroValue() : AvroValue(0.5 * i),
                         AvroValue(std::move(sizes)), AvroValue(int64_t{-5} * i), AvroValue(std::string("\x00\x01\xff\x7f", 4))});
}

std::string WriteRows(AvroCodec codec, int64_t rows) {
  AvroFileWriter writer(Sample(), {.metadata = {{"content", "data"}}, .codec = codec, .sync_marker = std::string(16, 's'), .block_bytes = 512});
  for (int64_t i = 0; i < rows; ++i) EXPECT_TRUE(writer.Append(Row(i)).ok());
  auto file = writer.Finish();
  EXPECT_TRUE(file.ok());
  return *file;
}

// All records, or the first error.
Result<std::vector<AvroValue>> ReadRows(std::string_view file, const AvroSchemaPtr& as = nullptr) {
  FIRN_TRY(AvroFileReader reader, AvroFileReader::Open(file));
  if (as) FIRN_RETURN_IF_ERROR(reader.ReadAs(as));
  std::vector<AvroValue> rows;
  while (true) {
    FIRN_TRY(std::optional<AvroValue> row, reader.Next());
    if (!row) return rows;
    rows.push_back(std::move(*row));
  }
}

TEST(AvroFile, EveryCodecGivesBackWhatWasWritten) {
  for (AvroCodec codec : {AvroCodec::kNull, AvroCodec::kDeflate, AvroCodec::kSnappy, AvroCodec::kZstandard}) {
    const std::string file = WriteRows(codec, 200);
    auto rows = ReadRows(file);
    ASSERT_TRUE(rows.ok()) << rows.error().ToString();
    ASSERT_EQ(rows->size(), 200u);
    for (int64_t i = 0; i < 200; ++i) EXPECT_EQ((*rows)[i], Row(i)) << i;
    auto reader = AvroFileReader::Open(file);
    EXPECT_EQ(reader->metadata().at("content"), "data");
    EXPECT_EQ(AvroSchemaJson(*reader->schema()), AvroSchemaJson(*Sample()));
  }
}

TEST(AvroFile, FieldsAreMatchedByIdNotByNameOrPlace) {
  const std::string file = WriteRows(AvroCodec::kNull, 3);
  auto reader = MakeAvroRecord("renamed", {{"added", MakeAvroOptional(MakeAvroPrimitive(AvroKind::kString)), 5000},
                                           {"count_renamed", MakeAvroPrimitive(AvroKind::kLong), 103},
                                           {"count", MakeAvroPrimitive(AvroKind::kString), 100}});
  auto rows = ReadRows(file, reader);
  ASSERT_TRUE(rows.ok()) << rows.error().ToString();
  EXPECT_EQ((*rows)[2], AvroValue(Items{AvroValue(), AvroValue(int64_t{2'000'000'014}), AvroValue(std::string("f2"))}));
}

TEST(AvroFile, AMissingRequiredFieldAndAWrongTypeAreNamed) {
  const std::string file = WriteRows(AvroCodec::kNull, 1);
  auto missing = ReadRows(file, MakeAvroRecord("r", {{"need", MakeAvroPrimitive(AvroKind::kLong), 4711}}));
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message(), testing::HasSubstr("`need` (id 4711) is missing"));
  auto wrong = ReadRows(file, MakeAvroRecord("r", {{"path", MakeAvroPrimitive(AvroKind::kLong), 100}}));
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.error().message(), testing::HasSubstr("path is string where long is expected"));
}

TEST(AvroSchema, ParsesNamedReferencesAndRefusesRecursion) {
  auto schema = ParseAvroSchema(R"({"type":"record","name":"a","fields":[
      {"name":"x","type":{"type":"fixed","name":"f","size":16}},{"name":"y","type":["null","f"],"default":null}]})");
  ASSERT_TRUE(schema.ok()) << schema.error().ToString();
  EXPECT_EQ((*schema)->fields[1].schema->branches[1]->fixed_size, 16);
  EXPECT_FALSE(ParseAvroSchema(R"({"type":"record","name":"a","fields":[{"name":"x","type":"a"}]})").ok());
  EXPECT_FALSE(ParseAvroSchema("[").ok());
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += R"({"type":"array","items":)";
  EXPECT_FALSE(ParseAvroSchema(deep + "\"int\"" + std::string(100, '}')).ok());
}

// Records one behind the other, each with `copies` fields of the one before: no JSON is deep, but what a name stands for is.
Result<AvroSchemaPtr> Nested(int records, int copies) {
  std::string fields;
  for (int i = 0; i < records; ++i) {
    std::string members;
    for (int copy = 0; i > 0 && copy < copies; ++copy) members += fmt::format(R"({}{{"name":"m{}","type":"r{}"}})", copy > 0 ? "," : "", copy, i - 1);
    fields += fmt::format(R"({}{{"name":"f{}","type":{{"type":"record","name":"r{}","fields":[{}]}}}})", i > 0 ? "," : "", i, i, members);
  }
  return ParseAvroSchema(fmt::format(R"({{"type":"record","name":"root","fields":[{}]}})", fields));
}

TEST(AvroSchema, NamesAreCountedAsWhatTheyStandFor) {
  auto deep = Nested(50, 1);
  ASSERT_TRUE(deep.ok()) << deep.error().ToString();
  EXPECT_TRUE(AvroResolution::Make(*deep, *deep).ok());
  EXPECT_TRUE(Nested(10, 2).ok());
  auto deeper = Nested(200, 1);
  ASSERT_FALSE(deeper.ok());
  EXPECT_THAT(deeper.error().message(), testing::HasSubstr("nested deeper than 64"));
  auto wide = Nested(40, 2);  // a million million records to walk over
  ASSERT_FALSE(wide.ok());
  EXPECT_THAT(wide.error().message(), testing::HasSubstr("more than 100000 types"));
}

TEST(AvroFile, TruncatedAndFlippedBytesGiveErrorsNeverCrashes) {
  for (AvroCodec codec : {AvroCodec::kNull, AvroCodec::kDeflate, AvroCodec::kSnappy, AvroCodec::kZstandard}) {
    const std::string file = WriteRows(codec, 40);
    size_t accepted_prefixes = 0;
    for (size_t size = 0; size < file.size(); ++size) accepted_prefixes += ReadRows(std::string_view(file).substr(0, size)).ok();
    EXPECT_LT(accepted_prefixes, 8u);  // only an end between two blocks looks whole
    std::mt19937 random(17);
    for (int round = 0; round < 500; ++round) {
      std::string broken = file;
      for (int flip = 0; flip < 3; ++flip) broken[random() % broken.size()] ^= static_cast<char>(1 << random() % 8);
      (void)ReadRows(broken).ok();
    }
  }
}

TEST(BlockCodec, ABombIsRefusedAtItsLimit) {
  const std::string zeros(4 << 20, '\0');
  EXPECT_EQ(InflateRaw(*DeflateRaw(zeros), 1 << 20).error().code(), ErrorCode::kLimitExceeded);
  EXPECT_EQ(DecompressZstd(*CompressZstd(zeros), 1 << 20).error().code(), ErrorCode::kLimitExceeded);
  EXPECT_EQ(DecompressSnappyWithCrc(*CompressSnappyWithCrc(zeros), 1 << 20).error().code(), ErrorCode::kLimitExceeded);
  EXPECT_EQ(*DecompressGzip(*CompressGzip(zeros), 4 << 20), zeros);
  EXPECT_EQ(InflateRaw("", 10).error().code(), ErrorCode::kCorruption);
}

}  // namespace
}  // namespace firn::formats
