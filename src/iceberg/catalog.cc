// SPDX-License-Identifier: Apache-2.0
#include "iceberg/catalog.h"

#include <fmt/format.h>

namespace firn::iceberg {

namespace {

constexpr int kPublishAttemptsMax = 10;

Result<int> TakeFormatVersion(std::map<std::string, std::string>* properties) {
  auto found = properties->find("format-version");
  if (found == properties->end()) return kDefaultFormatVersion;
  const std::string text = found->second;
  properties->erase(found);
  if (text == "1") return 1;
  if (text == "2") return 2;
  if (text == "3") {
    return Error(ErrorCode::kNotSupported, "tables of format version 3 are read, not written").Hint("Use 'format-version'='2'.");
  }
  return Error(ErrorCode::kInvalidOption, fmt::format("'format-version' is '{}'", text)).Hint("Use '1' or '2'.");
}

}  // namespace

Result<CommitResult> Catalog::CommitTable(const TableIdentifier& identifier, const TableChange& change) {
  CommitResult result;
  for (int attempt = 0; attempt < kPublishAttemptsMax; ++attempt) {
    FIRN_TRY(Table base, LoadTable(identifier));
    Result<PreparedCommit> prepared = PrepareCommit(base, change);
    if (!prepared.ok()) {
      if (prepared.error().code() != ErrorCode::kCommitConflict) return std::move(prepared).error();
      return CommitResult{CommitOutcome::kConflict, prepared.error().message(), std::move(base)};
    }
    FIRN_TRY(result, PublishCommit(*prepared));
    if (result.outcome != CommitOutcome::kConflict) return result;
    AbandonCommit(*prepared);
  }
  return result;
}

Result<TableMetadata> NewTableMetadata(const CreateTableRequest& request, const std::string& location, const std::string& uuid, int64_t now_ms) {
  TableMetadata metadata;
  metadata.properties = request.properties;
  FIRN_TRY(metadata.format_version, TakeFormatVersion(&metadata.properties));
  metadata.properties.erase("location");
  metadata.table_uuid = uuid;
  metadata.location = location;
  metadata.last_updated_ms = now_ms;
  FIRN_RETURN_IF_ERROR(ValidateSchema(request.schema));
  metadata.schemas = {AssignFreshIds(request.schema, &metadata.last_column_id)};
  metadata.schemas[0].schema_id = 0;
  FIRN_TRY(PartitionSpec spec, MakePartitionSpec(metadata.schemas[0], request.partitioning, &metadata.last_partition_id));
  metadata.partition_specs = {std::move(spec)};
  metadata.sort_orders = {SortOrder()};
  return metadata;
}

}  // namespace firn::iceberg
