// SPDX-License-Identifier: Apache-2.0
#include "iceberg/metadata_files.h"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "formats/block_codec.h"
#include "iceberg/table_metadata_json.h"
#include "iceberg/table_writer.h"
#include "io/file_system.h"

namespace firn::iceberg {

namespace {

bool IsGzip(const TableMetadata& metadata) { return metadata.Property("write.metadata.compression-codec", "none") == "gzip"; }

// 3 of ".../00003-<uuid>.metadata.json" and of ".../v3.metadata.json"; -1 if the name has no number.
int64_t VersionIn(const std::string& location) {
  std::string_view name = io::FileName(location);
  if (name.starts_with('v')) name.remove_prefix(1);
  int64_t version = -1;
  auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), version);
  return code == std::errc() ? version : -1;
}

}  // namespace

Result<TableMetadataPtr> ReadMetadataFile(objectstore::ObjectStore& store, const std::string& location) {
  FIRN_TRY(std::string bytes, store.Get(location, kMaxMetadataBytes));
  Result<TableMetadata> metadata = ParseTableMetadata(bytes);
  if (!metadata.ok()) return std::move(metadata).error().Context("reading " + location);
  return TableMetadataPtr(std::make_shared<const TableMetadata>(*std::move(metadata)));
}

Result<std::string> EncodeMetadataFile(const TableMetadata& metadata) {
  std::string text = TableMetadataJson(metadata);
  const std::string codec = metadata.Property("write.metadata.compression-codec", "none");
  if (codec == "gzip") return formats::CompressGzip(text);
  if (codec == "none") return text;
  return Error(ErrorCode::kInvalidOption, fmt::format("'write.metadata.compression-codec' is '{}'", codec)).Hint("Use 'none' or 'gzip'.");
}

std::string MetadataFileSuffix(const TableMetadata& metadata) { return IsGzip(metadata) ? ".gz.metadata.json" : ".metadata.json"; }

std::string NextMetadataLocation(const TableMetadata& metadata, const std::string& previous_location, const std::string& unique_name) {
  const int64_t version = previous_location.empty() ? 0 : VersionIn(previous_location) + 1;
  return objectstore::JoinLocation(MetadataLocation(metadata), fmt::format("{:05}-{}{}", version, unique_name, MetadataFileSuffix(metadata)));
}

Result<TableMetadata> ChangedMetadata(const Table& base, const TableChange& change, int64_t now_ms) {
  FIRN_RETURN_IF_ERROR(CheckRequirements(base.metadata.get(), change.requirements));
  FIRN_TRY(TableMetadata metadata, ApplyUpdates(*base.metadata, change.updates, now_ms));
  FIRN_TRY(int64_t keep, metadata.IntegerProperty("write.metadata.previous-versions-max", 100));
  metadata.metadata_log.push_back({base.metadata->last_updated_ms, base.metadata_location});
  const auto count = static_cast<int64_t>(metadata.metadata_log.size());
  if (count > std::max<int64_t>(keep, 1)) {
    metadata.metadata_log.erase(metadata.metadata_log.begin(), metadata.metadata_log.begin() + (count - std::max<int64_t>(keep, 1)));
  }
  return metadata;
}

bool OwnsItsFolders(const Table& table) { return IsInFoldersOf(*table.metadata, table.metadata_location); }

std::vector<std::string> ObsoleteMetadataFiles(const TableMetadata& previous, const TableMetadata& metadata) {
  std::vector<std::string> obsolete;
  if (metadata.Property("write.metadata.delete-after-commit.enabled", "false") != "true") return obsolete;
  std::set<std::string> kept;
  for (const MetadataLogEntry& entry : metadata.metadata_log) kept.insert(entry.metadata_file);
  for (const MetadataLogEntry& entry : previous.metadata_log) {
    if (!kept.contains(entry.metadata_file) && IsInFoldersOf(metadata, entry.metadata_file)) obsolete.push_back(entry.metadata_file);
  }
  return obsolete;
}

}  // namespace firn::iceberg
