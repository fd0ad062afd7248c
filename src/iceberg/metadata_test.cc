// SPDX-License-Identifier: Apache-2.0
// Metadata JSON and manifests: what is written is read back equal, what others know and we do not is kept, broken bytes give errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "formats/block_codec.h"
#include "iceberg/literal_avro.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/table_metadata_json.h"

namespace firn::iceberg {
namespace {

constexpr const char* kV2 = R"json({
  "format-version": 2, "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1", "location": "file:///lake/db/t",
  "last-sequence-number": 34, "last-updated-ms": 1602638573590, "last-column-id": 3, "current-schema-id": 1,
  "schemas": [
    {"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "x", "required": true, "type": "long"}]},
    {"type": "struct", "schema-id": 1, "identifier-field-ids": [1], "fields": [
      {"id": 1, "name": "x", "required": true, "type": "long"},
      {"id": 2, "name": "y", "required": false, "type": "decimal(10, 2)", "doc": "comment"},
      {"id": 3, "name": "m", "required": false, "type": {"type": "map", "key-id": 4, "key": "string", "value-id": 5, "value": "double", "value-required": false}}]}],
  "default-spec-id": 0,
  "partition-specs": [{"spec-id": 0, "fields": [{"name": "x", "transform": "identity", "source-id": 1, "field-id": 1000}]}],
  "last-partition-id": 1000, "default-sort-order-id": 3,
  "sort-orders": [{"order-id": 3, "fields": [{"transform": "identity", "source-id": 2, "direction": "asc", "null-order": "nulls-first"}]}],
  "properties": {"read.split.target.size": "134217728"},
  "current-snapshot-id": 3055729675574597004,
  "snapshots": [
    {"snapshot-id": 3051729675574597004, "timestamp-ms": 1515100955770, "sequence-number": 0, "summary": {"operation": "append"}, "manifest-list": "s3://a/b/1.avro"},
    {"snapshot-id": 3055729675574597004, "parent-snapshot-id": 3051729675574597004, "timestamp-ms": 1555100955770, "sequence-number": 1,
     "summary": {"operation": "append"}, "manifest-list": "s3://a/b/2.avro", "schema-id": 1, "key-id": "k1"}],
  "snapshot-log": [{"snapshot-id": 3051729675574597004, "timestamp-ms": 1515100955770}, {"snapshot-id": 3055729675574597004, "timestamp-ms": 1555100955770}],
  "metadata-log": [{"metadata-file": "s3://bucket/.../v1.json", "timestamp-ms": 1515100}],
  "refs": {"test": {"snapshot-id": 3051729675574597004, "type": "tag", "max-ref-age-ms": 10000000}},
  "statistics": [{"snapshot-id": 1, "statistics-path": "s3://a", "file-size-in-bytes": 413, "file-footer-size-in-bytes": 42, "blob-metadata": []}],
  "some-future-member": {"a": [1, 2.5, null]}
})json";

TEST(TableMetadata, RoundTripKeepsWhatItDoesNotKnow) {
  auto metadata = ParseTableMetadata(kV2);
  ASSERT_TRUE(metadata.ok()) << metadata.error().ToString();
  EXPECT_EQ(metadata->schema().fields.size(), 3u);
  EXPECT_EQ(metadata->schema().NameOf(5), "m.value");
  EXPECT_EQ(metadata->others.size(), 2u);
  EXPECT_EQ(metadata->FindRef("main")->snapshot_id, 3055729675574597004);
  EXPECT_EQ(metadata->FindRef("test")->timestamp_ms, 1515100955770);
  const std::string text = TableMetadataJson(*metadata);
  auto again = ParseTableMetadata(text);
  ASSERT_TRUE(again.ok()) << again.error().ToString();
  EXPECT_EQ(*again, *metadata);
  EXPECT_THAT(text, testing::HasSubstr(R"("some-future-member":{"a":[1,2.5E0,null]})"));
  EXPECT_THAT(text, testing::HasSubstr(R"("key-id":"k1")"));
  auto zipped = ParseTableMetadata(*formats::CompressGzip(text));
  ASSERT_TRUE(zipped.ok());
  EXPECT_EQ(*zipped, *metadata);
}

TEST(TableMetadata, ReadsV1WithSingleSchemaAndSpec) {
  auto metadata = ParseTableMetadata(R"({"format-version": 1, "location": "/t", "last-updated-ms": 1, "last-column-id": 2,
      "schema": {"type": "struct", "fields": [{"id": 1, "name": "a", "required": false, "type": "int"}, {"id": 2, "name": "b", "required": false, "type": "string"}]},
      "partition-spec": [{"name": "b", "transform": "identity", "source-id": 2}], "properties": {}, "current-snapshot-id": -1, "snapshots": []})");
  ASSERT_TRUE(metadata.ok()) << metadata.error().ToString();
  EXPECT_EQ(metadata->spec().fields[0].field_id, 1000);
  EXPECT_EQ(metadata->last_partition_id, 1000);
  EXPECT_FALSE(metadata->current_snapshot_id.has_value());
}

TEST(TableMetadata, TimeTravelFollowsTheSnapshotLog) {
  auto metadata = ParseTableMetadata(kV2);
  ASSERT_TRUE(metadata.ok());
  EXPECT_EQ((*SnapshotAsOf(*metadata, 1515100955770))->snapshot_id, 3051729675574597004);
  EXPECT_EQ((*SnapshotAsOf(*metadata, 9999999999999))->snapshot_id, 3055729675574597004);
  const Error none = SnapshotAsOf(*metadata, 1515100955769).error();
  EXPECT_EQ(none.code(), ErrorCode::kSnapshotNotFound);
  EXPECT_EQ(none.message(), "the table had no snapshot at 2018-01-04 21:22:35.769 UTC");
  EXPECT_EQ(none.hint(), "its history begins at 2018-01-04 21:22:35.77 UTC");
}

TEST(TableMetadata, EveryErrorNamesTheMember) {
  auto message = [](const char* from, const char* to) {
    std::string text = kV2;
    text.replace(text.find(from), std::string(from).size(), to);
    auto metadata = ParseTableMetadata(text);
    return metadata.ok() ? std::string("accepted") : metadata.error().message();
  };
  EXPECT_THAT(message("\"location\": \"file:///lake/db/t\"", "\"location\": 7"), testing::HasSubstr("`location` of the table metadata is not text"));
  EXPECT_THAT(message("\"format-version\": 2", "\"format-version\": 9"), testing::HasSubstr("format version 9"));
  EXPECT_THAT(message("\"current-schema-id\": 1", "\"current-schema-id\": 5"), testing::HasSubstr("`current-schema-id`"));
  EXPECT_THAT(message("\"type\": \"decimal(10, 2)\"", "\"type\": \"decimal(99, 2)\""), testing::HasSubstr("`decimal(99, 2)` is no Iceberg type"));
  EXPECT_THAT(message("{\n", "["), testing::HasSubstr("not JSON"));
  // Numbers that would be counted on from, or stand for nothing.
  for (const char* number : {"-1", "9223372036854775807"}) {
    EXPECT_THAT(message("\"last-sequence-number\": 34", (std::string("\"last-sequence-number\": ") + number).c_str()), testing::HasSubstr("`last-sequence-number`")) << number;
  }
  EXPECT_THAT(message("\"sequence-number\": 1,", "\"sequence-number\": -1,"), testing::HasSubstr("`sequence-number` of a snapshot"));
  EXPECT_THAT(message("\"last-column-id\": 3", "\"last-column-id\": 2147483647"), testing::HasSubstr("`last-column-id`"));
  EXPECT_THAT(message("\"last-partition-id\": 1000", "\"last-partition-id\": 2147483647"), testing::HasSubstr("`last-partition-id`"));
  EXPECT_THAT(message("\"id\": 2, \"name\": \"y\"", "\"id\": -1, \"name\": \"y\""), testing::HasSubstr("field id -1"));
  EXPECT_THAT(message("\"id\": 2, \"name\": \"y\"", "\"id\": 2147483546, \"name\": \"y\""), testing::HasSubstr("field id 2147483546"));
  EXPECT_THAT(message("\"identifier-field-ids\": [1]", "\"identifier-field-ids\": [4294967297]"), testing::HasSubstr("`identifier-field-ids`"));
  EXPECT_THAT(message("\"source-id\": 1,", "\"source-ids\": [4294967297],"), testing::HasSubstr("`source-ids`"));
  EXPECT_THAT(message("\"field-id\": 1000", "\"field-id\": -5"), testing::HasSubstr("`field-id` of a partition field"));
  EXPECT_THAT(message("\"schema-id\": 0,", "\"schema-id\": 1,"), testing::HasSubstr("two schemas have the id 1"));
  EXPECT_THAT(message("{\"snapshot-id\": 3051729675574597004, \"timestamp-ms\": 1515100955770, \"seq", "{\"snapshot-id\": 3055729675574597004, \"timestamp-ms\": 1515100955770, \"seq"),
              testing::HasSubstr("two snapshots have the id 3055729675574597004"));
  EXPECT_THAT(message("{\"test\": {\"snapshot-id\": 3051729675574597004", "{\"test\": {\"snapshot-id\": 5"), testing::HasSubstr("`test` names the snapshot 5, which the table has not"));
  EXPECT_THAT(message("{\"test\": {\"snapshot-id\": 3051729675574597004, \"type\": \"tag\"", "{\"main\": {\"snapshot-id\": 3051729675574597004, \"type\": \"branch\""),
              testing::HasSubstr("`main` names the snapshot 3051729675574597004, and the current one is 3055729675574597004"));
}

// A writer that forgot to count: ids that columns have are not given away again.
TEST(TableMetadata, LastIdsAreNeverBelowThoseInUse) {
  std::string text = kV2;
  text.replace(text.find("\"last-partition-id\": 1000"), 25, "\"last-partition-id\": 0   ");
  auto metadata = ParseTableMetadata(text);
  ASSERT_TRUE(metadata.ok()) << metadata.error().ToString();
  EXPECT_EQ(metadata->last_column_id, 5);
  EXPECT_EQ(metadata->last_partition_id, 1000);
}

struct Fixture {
  Schema schema{0, {{1, "id", Type::Of(TypeId::kLong)}, {2, "ts", Type::Of(TypeId::kTimestampTz)}, {3, "d", Type::Decimal(12, 3)}}, {}};
  PartitionSpec spec{5, {{{2}, 1000, "ts day", Transform::Of(TransformKind::kDay)}, {{3}, 1001, "d", Transform::Of(TransformKind::kIdentity)}}};
};

ManifestEntry Entry(int i) {
  ManifestEntry entry;
  entry.status = static_cast<EntryStatus>(i % 3);
  if (entry.status != EntryStatus::kAdded) {
    entry.snapshot_id = 77;
    entry.sequence_number = 3 + i;
    entry.file_sequence_number = 2 + i;
  }
  DataFile& file = entry.file;
  file.file_path = "file:///lake/db/t/data/" + std::to_string(i) + ".parquet";
  file.spec_id = 5;
  file.partition = {i % 4 == 0 ? Literal() : Literal(int32_t{19000 + i}), Literal(Int128{-1000 * i})};
  file.record_count = 10 + i;
  file.file_size_in_bytes = 4711;
  for (int32_t id = 1; id <= 3; ++id) {
    file.column_sizes.Set(id, 100 * id);
    file.value_counts.Set(id, 10 + i);
    file.null_value_counts.Set(id, i % 2);
    file.lower_bounds.Set(id, std::string(1, static_cast<char>(i)));
    file.upper_bounds.Set(id, std::string("\xff\x00", 2));
  }
  file.split_offsets = {4, 1000};
  file.sort_order_id = 0;
  return entry;
}

TEST(Manifest, RoundTripWithInheritance) {
  const Fixture f;
  const ManifestEncoding encoding{2, f.schema, f.spec, ManifestContent::kData, 4242, std::string(16, 'x')};
  std::vector<ManifestEntry> entries;
  for (int i = 0; i < 300; ++i) entries.push_back(Entry(i));
  auto bytes = EncodeManifest(encoding, entries);
  ASSERT_TRUE(bytes.ok()) << bytes.error().ToString();
  auto summary = SummarizeManifest(encoding, entries);
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->added_files_count, 100);
  EXPECT_EQ(summary->min_sequence_number, 3);
  EXPECT_TRUE(summary->partitions[0].contains_null);
  EXPECT_EQ(summary->partitions[0].lower_bound, EncodeBound(Type::Of(TypeId::kDate), Literal(int32_t{19001})));
  EXPECT_EQ(summary->partitions[1].upper_bound, EncodeDecimal(0));
  ManifestFile manifest = *summary;
  manifest.sequence_number = 900;
  auto read = DecodeManifest(*bytes, manifest, f.spec, f.schema);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  ASSERT_EQ(read->size(), entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    ManifestEntry expected = entries[i];
    if (!expected.snapshot_id) expected.snapshot_id = 4242;
    if (!expected.sequence_number) expected.sequence_number = expected.file_sequence_number = 900;
    EXPECT_EQ((*read)[i], expected) << i;
  }
}

TEST(Manifest, V1HasNoSequenceNumbersAndReadsAsZero) {
  const Fixture f;
  const ManifestEncoding encoding{1, f.schema, f.spec, ManifestContent::kData, 1, std::string(16, 'x')};
  auto bytes = EncodeManifest(encoding, {Entry(1)});
  ASSERT_TRUE(bytes.ok()) << bytes.error().ToString();
  ManifestFile manifest;
  manifest.partition_spec_id = 5;
  auto read = DecodeManifest(*bytes, manifest, f.spec, f.schema);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ((*read)[0].sequence_number, 0);
}

TEST(ManifestList, RoundTripAssignsSequenceNumbers) {
  ManifestFile fresh;
  fresh.manifest_path = "m0.avro";
  fresh.sequence_number = fresh.min_sequence_number = kUnassignedSequenceNumber;
  fresh.added_files_count = 1;
  fresh.existing_files_count = fresh.deleted_files_count = fresh.added_rows_count = fresh.existing_rows_count = fresh.deleted_rows_count = 0;
  ManifestFile old = fresh;
  old.manifest_path = "m1.avro";
  old.content = ManifestContent::kDeletes;
  old.sequence_number = old.min_sequence_number = 3;
  old.partitions = {{true, false, "a", std::nullopt}};
  auto bytes = EncodeManifestList({2, 11, std::nullopt, 9, std::string(16, 'y')}, {fresh, old});
  ASSERT_TRUE(bytes.ok()) << bytes.error().ToString();
  auto read = DecodeManifestList(*bytes);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  fresh.sequence_number = fresh.min_sequence_number = 9;
  EXPECT_EQ((*read)[0], fresh);
  EXPECT_EQ((*read)[1], old);
}

TEST(Manifest, NumbersThatCannotBeAreRefused) {
  const Fixture f;
  const ManifestEncoding encoding{2, f.schema, f.spec, ManifestContent::kData, 4242, std::string(16, 'x')};
  const auto message = [&](const std::function<void(ManifestEntry&)>& change) {
    ManifestEntry entry = Entry(3);
    change(entry);
    const auto read = DecodeManifest(*EncodeManifest(encoding, {entry}), ManifestFile(), f.spec, f.schema);
    return read.ok() ? std::string("accepted") : read.error().message();
  };
  EXPECT_EQ(message([](ManifestEntry&) {}), "accepted");
  EXPECT_THAT(message([](ManifestEntry& entry) { entry.file.record_count = -1; }), testing::HasSubstr("3.parquet is said to have -1 rows"));
  EXPECT_THAT(message([](ManifestEntry& entry) { entry.file.record_count = int64_t{1} << 60; }), testing::HasSubstr("1152921504606846976 rows"));
  EXPECT_THAT(message([](ManifestEntry& entry) { entry.file.file_size_in_bytes = -7; }), testing::HasSubstr("3.parquet is said to have -7 bytes"));
  EXPECT_THAT(message([](ManifestEntry& entry) { entry.sequence_number = -3; }), testing::HasSubstr("the sequence number -3"));
  EXPECT_THAT(message([](ManifestEntry& entry) { entry.file.file_path.clear(); }), testing::HasSubstr("a file without a path"));
  EXPECT_THAT(message([](ManifestEntry& entry) { entry.file.content = FileContent::kEqualityDeletes; }), testing::HasSubstr("3.parquet is listed among data files, and is of the other kind"));
}

// A file of others that was there before, of which nobody has said when it came: it is read, and cannot be written down again.
TEST(Manifest, AnExistingFileWithoutASequenceNumberCannotBeWritten) {
  const Fixture f;
  const ManifestEncoding encoding{2, f.schema, f.spec, ManifestContent::kData, 4242, std::string(16, 'x')};
  ManifestEntry entry = Entry(3);
  entry.status = EntryStatus::kExisting;
  entry.sequence_number.reset();
  const auto bytes = EncodeManifest(encoding, {entry});
  ASSERT_FALSE(bytes.ok());
  EXPECT_THAT(bytes.error().message(), testing::HasSubstr("3.parquet"));
}

TEST(Manifest, ValuesOfAnotherLengthThanTheirTypeAreRefused) {
  const auto message = [](const Type& type, const std::string& bytes) {
    const auto literal = LiteralFromAvro(type, formats::AvroValue(bytes));
    return literal.ok() ? std::string("accepted") : literal.error().message();
  };
  EXPECT_EQ(message(Type::Of(TypeId::kUuid), std::string(16, 'u')), "accepted");
  EXPECT_EQ(message(Type::Fixed(3), "abc"), "accepted");
  EXPECT_EQ(message(Type::Of(TypeId::kBinary), ""), "accepted");
  EXPECT_THAT(message(Type::Of(TypeId::kUuid), "abc"), testing::HasSubstr("none of the type uuid"));
  EXPECT_THAT(message(Type::Fixed(3), "abcd"), testing::HasSubstr("none of the type fixed[3]"));
  EXPECT_THAT(message(Type::Decimal(9, 2), std::string(17, '\1')), testing::HasSubstr("decimal"));
}

TEST(ManifestList, NumbersThatCannotBeAreRefused) {
  const auto message = [](const std::function<void(ManifestFile&)>& change) {
    ManifestFile manifest;
    manifest.manifest_path = "m0.avro";
    manifest.added_files_count = manifest.existing_files_count = manifest.deleted_files_count = manifest.added_rows_count = manifest.existing_rows_count = manifest.deleted_rows_count = 0;
    change(manifest);
    const Status status = CheckManifestFile(manifest);
    return status.ok() ? std::string("accepted") : status.error().message();
  };
  EXPECT_EQ(message([](ManifestFile&) {}), "accepted");
  EXPECT_THAT(message([](ManifestFile& manifest) { manifest.manifest_length = -1; }), testing::HasSubstr("m0.avro is said to have -1 bytes"));
  EXPECT_THAT(message([](ManifestFile& manifest) { manifest.existing_files_count = -2; }), testing::HasSubstr("m0.avro is said to list -2 files or rows"));
  EXPECT_THAT(message([](ManifestFile& manifest) { manifest.deleted_rows_count = -9; }), testing::HasSubstr("m0.avro is said to list -9 files or rows"));
  EXPECT_THAT(message([](ManifestFile& manifest) { manifest.sequence_number = -1; }), testing::HasSubstr("m0.avro has the sequence number -1"));
}

TEST(Manifest, BrokenBytesGiveErrorsNeverCrashes) {
  const Fixture f;
  const ManifestEncoding encoding{2, f.schema, f.spec, ManifestContent::kData, 4242, std::string(16, 'x')};
  const std::string bytes = *EncodeManifest(encoding, {Entry(1), Entry(4), Entry(7)});
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string broken = bytes;
    for (int flip = 0; flip < 3; ++flip) broken[random() % broken.size()] ^= static_cast<char>(1 << random() % 8);
    (void)DecodeManifest(broken, ManifestFile(), f.spec, f.schema).ok();
    (void)DecodeManifestList(broken).ok();
    (void)ParseTableMetadata(broken).ok();
  }
}

}  // namespace
}  // namespace firn::iceberg
