// SPDX-License-Identifier: Apache-2.0
// The bytes of WrittenFiles: { count | per group: spec id, content, length, manifest } | what was known: { 0 | 1, sequence number | 2, sequence number, snapshot id } |
// { count | per deleted key: length, key }. Integers are varints. The files themselves are manifests, so that there is one encoding of a data file.
#include <fmt/format.h>

#include "base/varint.h"
#include "formats/avro_file.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/snapshot_commit.h"

namespace firn::iceberg {

namespace {

Error Broken() { return Error(ErrorCode::kCorruption, "the description of written files ends early or is no such description"); }

Result<std::string_view> TakeBytes(std::string_view* in) {
  uint64_t size = 0;
  if (!base::ReadUnsignedVarint(in, &size) || size > in->size()) return Broken();
  std::string_view bytes = in->substr(0, size);
  in->remove_prefix(size);
  return bytes;
}

void AppendBytes(std::string* out, std::string_view bytes) {
  base::AppendUnsignedVarint(out, bytes.size());
  out->append(bytes);
}

Status DecodeGroup(const TableMetadata& metadata, std::string_view* in, WrittenFiles* files) {
  int64_t spec_id = 0;
  int64_t content = 0;
  if (!base::ReadVarint(in, &spec_id) || !base::ReadVarint(in, &content)) return Broken();
  FIRN_TRY(std::string_view bytes, TakeBytes(in));
  const PartitionSpec* spec = metadata.FindSpec(static_cast<int32_t>(spec_id));
  if (spec == nullptr) return Error(ErrorCode::kInvalidMetadata, fmt::format("files were written with partition spec {}, which the table has not", spec_id));
  ManifestFile manifest;
  manifest.partition_spec_id = spec->spec_id;
  manifest.content = content == static_cast<int64_t>(ManifestContent::kData) ? ManifestContent::kData : ManifestContent::kDeletes;
  FIRN_TRY(std::vector<ManifestEntry> entries, DecodeManifest(bytes, manifest, *spec, metadata.SchemaForSpec(*spec)));
  auto& target = manifest.content == ManifestContent::kData ? files->data_files : files->delete_files;
  for (ManifestEntry& entry : entries) target.push_back(std::move(entry.file));
  return Ok();
}

Result<std::optional<TableVersion>> TakeVersion(std::string_view* in) {
  uint64_t kind = 0;
  if (!base::ReadUnsignedVarint(in, &kind) || kind > 2) return Broken();
  if (kind == 0) return std::optional<TableVersion>();
  TableVersion version;
  int64_t snapshot_id = 0;
  if (!base::ReadVarint(in, &version.sequence_number) || (kind == 2 && !base::ReadVarint(in, &snapshot_id))) return Broken();
  if (kind == 2) version.snapshot_id = snapshot_id;
  return std::optional<TableVersion>(version);
}

}  // namespace

void WrittenFiles::Append(WrittenFiles other) {
  for (DataFile& file : other.data_files) data_files.push_back(std::move(file));
  for (DataFile& file : other.delete_files) delete_files.push_back(std::move(file));
  for (std::string& key : other.deleted_keys) deleted_keys.push_back(std::move(key));
  if (other.known && (!known || other.known->sequence_number < known->sequence_number)) known = other.known;
}

Result<std::string> EncodeWrittenFiles(const TableMetadata& metadata, const WrittenFiles& files) {
  std::map<std::pair<int32_t, ManifestContent>, std::vector<ManifestEntry>> groups;
  auto add = [&](const DataFile& file, ManifestContent content) {
    ManifestEntry entry;
    entry.file = file;
    groups[{file.spec_id, content}].push_back(std::move(entry));
  };
  for (const DataFile& file : files.data_files) add(file, ManifestContent::kData);
  for (const DataFile& file : files.delete_files) add(file, ManifestContent::kDeletes);
  std::string out;
  base::AppendUnsignedVarint(&out, groups.size());
  for (const auto& [key, entries] : groups) {
    const PartitionSpec* spec = metadata.FindSpec(key.first);
    if (spec == nullptr) return Error(ErrorCode::kInvalidMetadata, fmt::format("files were written with partition spec {}, which the table has not", key.first));
    // Version 2 whatever the table's is: it holds all that version 1 does.
    const ManifestEncoding encoding{2, metadata.SchemaForSpec(*spec), *spec, key.second, 0, std::string(formats::kAvroSyncBytes, 'w')};
    FIRN_TRY(std::string manifest, EncodeManifest(encoding, entries));
    base::AppendVarint(&out, key.first);
    base::AppendVarint(&out, static_cast<int64_t>(key.second));
    AppendBytes(&out, manifest);
  }
  base::AppendUnsignedVarint(&out, !files.known ? 0 : files.known->snapshot_id ? 2 : 1);
  if (files.known) base::AppendVarint(&out, files.known->sequence_number);
  if (files.known && files.known->snapshot_id) base::AppendVarint(&out, *files.known->snapshot_id);
  base::AppendUnsignedVarint(&out, files.deleted_keys.size());
  for (const std::string& key : files.deleted_keys) AppendBytes(&out, key);
  return out;
}

Result<WrittenFiles> DecodeWrittenFiles(const TableMetadata& metadata, std::string_view bytes) {
  WrittenFiles files;
  uint64_t groups = 0;
  if (!base::ReadUnsignedVarint(&bytes, &groups)) return Broken();
  for (uint64_t i = 0; i < groups; ++i) FIRN_RETURN_IF_ERROR(DecodeGroup(metadata, &bytes, &files));
  FIRN_TRY(files.known, TakeVersion(&bytes));
  uint64_t keys = 0;
  if (!base::ReadUnsignedVarint(&bytes, &keys)) return Broken();
  for (uint64_t i = 0; i < keys; ++i) {
    FIRN_TRY(std::string_view key, TakeBytes(&bytes));
    files.deleted_keys.emplace_back(key);
  }
  if (!bytes.empty()) return Broken();
  return files;
}

}  // namespace firn::iceberg
