// SPDX-License-Identifier: Apache-2.0
#include "formats/avro_file.h"

#include <fmt/format.h>

#include <utility>

#include "base/assert.h"
#include "base/varint.h"
#include "formats/block_codec.h"

namespace firn::formats {

namespace {

constexpr std::string_view kMagic("Obj\x01", 4);

Error Corrupt(const std::string& what) { return Error(ErrorCode::kCorruption, fmt::format("Avro file: {}", what)); }

Result<AvroCodec> CodecOf(const std::string& name) {
  if (name.empty() || name == "null") return AvroCodec::kNull;
  if (name == "deflate") return AvroCodec::kDeflate;
  if (name == "snappy") return AvroCodec::kSnappy;
  if (name == "zstandard") return AvroCodec::kZstandard;
  return Error(ErrorCode::kNotSupported, fmt::format("Avro file: its codec `{}` is not supported", name)).Hint("write it with null, deflate, snappy or zstandard");
}

const char* CodecName(AvroCodec codec) {
  static constexpr const char* kNames[] = {"null", "deflate", "snappy", "zstandard"};
  return kNames[static_cast<int>(codec)];
}

Result<std::string> Decompress(AvroCodec codec, std::string_view bytes) {
  switch (codec) {
    case AvroCodec::kNull: return std::string(bytes);
    case AvroCodec::kDeflate: return InflateRaw(bytes, kMaxAvroBlockBytes);
    case AvroCodec::kZstandard: return DecompressZstd(bytes, kMaxAvroBlockBytes);
    case AvroCodec::kSnappy: return DecompressSnappyWithCrc(bytes, kMaxAvroBlockBytes);
  }
  FIRN_UNREACHABLE("codec {}", static_cast<int>(codec));
}

Result<std::string> Compress(AvroCodec codec, std::string_view bytes) {
  switch (codec) {
    case AvroCodec::kNull: return std::string(bytes);
    case AvroCodec::kDeflate: return DeflateRaw(bytes);
    case AvroCodec::kZstandard: return CompressZstd(bytes);
    case AvroCodec::kSnappy: return CompressSnappyWithCrc(bytes);
  }
  FIRN_UNREACHABLE("codec {}", static_cast<int>(codec));
}

// The header's metadata is itself Avro: map<bytes>.
AvroSchemaPtr MetadataSchema() {
  auto schema = std::make_shared<AvroSchema>();
  schema->kind = AvroKind::kMap;
  schema->element = MakeAvroPrimitive(AvroKind::kBytes);
  return schema;
}

}  // namespace

Result<AvroFileReader> AvroFileReader::Open(std::string_view bytes) {
  AvroFileReader reader;
  reader.rest_ = bytes;
  FIRN_RETURN_IF_ERROR(reader.ReadHeader());
  return reader;
}

Status AvroFileReader::ReadHeader() {
  if (!rest_.starts_with(kMagic)) return Corrupt("it does not begin with Obj\\x01");
  rest_.remove_prefix(kMagic.size());
  const AvroSchemaPtr map = MetadataSchema();
  FIRN_TRY(AvroResolution resolution, AvroResolution::Make(map, map));
  FIRN_TRY(AvroValue entries, resolution.Decode(&rest_));
  for (const AvroValue& entry : *entries.if_items()) {
    const AvroValue::Items& pair = *entry.if_items();
    metadata_[*pair[0].if_bytes()] = *pair[1].if_bytes();
  }
  if (rest_.size() < kAvroSyncBytes) return Corrupt("it ends inside its header");
  sync_ = std::string(rest_.substr(0, kAvroSyncBytes));
  rest_.remove_prefix(kAvroSyncBytes);
  auto schema = metadata_.find("avro.schema");
  if (schema == metadata_.end()) return Corrupt("its header has no avro.schema");
  FIRN_TRY(schema_, ParseAvroSchema(schema->second));
  FIRN_TRY(codec_, CodecOf(metadata_["avro.codec"]));
  metadata_.erase("avro.schema");
  metadata_.erase("avro.codec");
  return Ok();
}

Status AvroFileReader::ReadAs(const AvroSchemaPtr& reader_schema) {
  FIRN_TRY(resolution_, AvroResolution::Make(schema_, reader_schema));
  return Ok();
}

Status AvroFileReader::ReadBlock() {
  FIRN_ASSERT(block_records_ == 0 && block_rest_.empty(), "{} records of the block before have not been read", block_records_);
  int64_t size = 0;
  if (!base::ReadVarint(&rest_, &block_records_) || !base::ReadVarint(&rest_, &size)) return Corrupt("it ends in a block's head");
  if (block_records_ < 0 || size < 0 || static_cast<uint64_t>(size) + kAvroSyncBytes > rest_.size()) {
    return Corrupt(fmt::format("a block of {} records and {} bytes with {} bytes left", block_records_, size, rest_.size()));
  }
  FIRN_TRY(block_, Decompress(codec_, rest_.substr(0, static_cast<size_t>(size))));
  rest_.remove_prefix(static_cast<size_t>(size));
  if (rest_.substr(0, kAvroSyncBytes) != sync_) return Corrupt("a sync marker differs from the header's");
  rest_.remove_prefix(kAvroSyncBytes);
  block_rest_ = block_;
  return Ok();
}

Result<std::optional<AvroValue>> AvroFileReader::Next() {
  if (!resolution_) FIRN_RETURN_IF_ERROR(ReadAs(schema_));
  while (block_records_ == 0) {
    if (!block_rest_.empty()) return Corrupt(fmt::format("{} bytes are left over in a block", block_rest_.size()));
    if (rest_.empty()) return std::optional<AvroValue>();
    FIRN_RETURN_IF_ERROR(ReadBlock());
  }
  // A record of no bytes at all is legal; their number must not make a loop without end.
  if (block_rest_.empty() && block_records_ > kMaxAvroValuesPerDatum) return Corrupt(fmt::format("{} empty records", block_records_));
  --block_records_;
  FIRN_TRY(AvroValue record, resolution_->Decode(&block_rest_));
  return std::optional<AvroValue>(std::move(record));
}

AvroFileWriter::AvroFileWriter(AvroSchemaPtr schema, AvroWriterOptions options)
    : schema_(std::move(schema)), options_(std::move(options)) {
  FIRN_ASSERT(options_.sync_marker.size() == kAvroSyncBytes, "sync marker of {} bytes", options_.sync_marker.size());
  file_.append(kMagic);
  AvroValue::Items entries;
  auto add = [&](const std::string& key, const std::string& value) {
    entries.push_back(AvroValue(AvroValue::Items{AvroValue(key), AvroValue(value)}));
  };
  add("avro.schema", AvroSchemaJson(*schema_));
  add("avro.codec", CodecName(options_.codec));
  for (const auto& [key, value] : options_.metadata) add(key, value);
  const Status status = EncodeAvro(*MetadataSchema(), AvroValue(std::move(entries)), &file_);
  FIRN_ASSERT(status.ok(), "header: {}", status.error().ToString());
  file_.append(options_.sync_marker);
}

Status AvroFileWriter::Append(const AvroValue& record) {
  FIRN_ASSERT(!file_.empty(), "a record for a file that is finished");
  FIRN_RETURN_IF_ERROR(EncodeAvro(*schema_, record, &block_));
  ++block_records_;
  if (block_.size() >= options_.block_bytes) return FlushBlock();
  return Ok();
}

Status AvroFileWriter::FlushBlock() {
  if (block_records_ == 0) return Ok();
  FIRN_TRY(std::string compressed, Compress(options_.codec, block_));
  base::AppendVarint(&file_, block_records_);
  base::AppendVarint(&file_, static_cast<int64_t>(compressed.size()));
  file_.append(compressed);
  file_.append(options_.sync_marker);
  block_.clear();
  block_records_ = 0;
  return Ok();
}

Result<std::string> AvroFileWriter::Finish() {
  FIRN_ASSERT(!file_.empty(), "the file is finished already");
  FIRN_RETURN_IF_ERROR(FlushBlock());
  return std::exchange(file_, {});
}

}  // namespace firn::formats
