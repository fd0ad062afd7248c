// SPDX-License-Identifier: Apache-2.0
// What the binder needs to know of catalogs and connectors, owned here and implemented above: `catalog` implements CatalogView,
// `connect` implements ConnectorView.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "types/data_type.h"

namespace firn::plan {

struct ObjectPath {
  std::string catalog;
  std::string database;
  std::string name;
  std::string ToString() const;  // `catalog`.`database`.`name`, quoted where needed
  auto operator<=>(const ObjectPath&) const = default;
};

enum class ColumnKind { kPhysical, kMetadata, kComputed };

struct TableColumn {
  std::string name;
  types::DataType type;           // of a computed column: filled in when the table is created
  ColumnKind kind = ColumnKind::kPhysical;
  std::string metadata_key;       // kMetadata
  bool is_virtual = false;        // kMetadata: not written
  std::string expression;         // kComputed: SQL text
  std::string comment;
};

struct WatermarkDefinition {
  std::string column;
  std::string expression;  // SQL text
};

enum class TableKind { kTable, kView };

/// A table or view as declared. Immutable once shared.
struct TableDefinition {
  ObjectPath path;
  TableKind kind = TableKind::kTable;
  bool is_temporary = false;
  std::vector<TableColumn> columns;
  std::optional<WatermarkDefinition> watermark;
  std::vector<std::string> primary_key;       // NOT ENFORCED
  std::vector<std::string> partitioned_by;    // SQL text of each: "dt", "days(ts)", "bucket(16, id)"
  std::map<std::string, std::string> options; // WITH (...); hints are merged in by the binder
  std::set<std::string> hints;                // keys of the options that a hint gave
  std::string comment;
  std::string view_query;                     // kView: SQL text, its tables named with catalog and database
  std::vector<std::string> view_columns;      // kView: names, empty: the query's
  std::string connector;                      // "kafka", "iceberg", "filesystem", "datagen", "print", "blackhole", "system"
  std::string Option(const std::string& key, const std::string& otherwise = {}) const;
};
using TableDefinitionPtr = std::shared_ptr<const TableDefinition>;

struct ScanNode;

/// Thread-safe.
class CatalogView {
 public:
  virtual ~CatalogView() = default;
  /// kTableNotFound, kDatabaseNotFound or kCatalogNotFound with near names. A name such as "t$snapshots" finds a metadata table.
  virtual Result<TableDefinitionPtr> FindTable(const ObjectPath& path) const = 0;
  /// The table as options that came with its use (hints, AS OF) choose it: one that keeps its past has the columns that it had then.
  virtual Result<TableDefinitionPtr> AsChosen(TableDefinitionPtr table) const { return table; }
};

/// Which row kinds a relation carries.
struct ChangelogMode {
  bool has_updates = false;        // +U
  bool has_update_before = false;  // -U goes before each +U
  bool has_deletes = false;        // -D
  bool InsertOnly() const { return !has_updates && !has_deletes; }
  bool operator==(const ChangelogMode&) const = default;
};
inline constexpr ChangelogMode kInsertOnly{};
inline constexpr ChangelogMode kRetract{true, true, true};
inline constexpr ChangelogMode kUpsert{true, false, true};

struct SourceTraits {
  bool is_bounded = false;
  ChangelogMode changelog;
  std::vector<types::Field> metadata;      // key and type of what METADATA columns may name
  bool takes_projection = false;           // reads only the asked columns
  bool counts_rows = false;                // gives rows without a column where only their number is asked, and reads next to nothing for it
  bool takes_predicates = false;           // may use predicates to skip data; rows are filtered again
  std::optional<int64_t> row_count;        // an estimate, where one is cheap
};

struct SinkTraits {
  /// Whether +U, -U and -D can be taken; an append-only sink refuses a changelog at planning (kChangelogMismatch).
  ChangelogMode accepts;
  /// Takes upserts by its primary key: -U is dropped before it, rows are exchanged by key.
  bool is_upsert = false;
  bool supports_overwrite = false;
  std::vector<types::Field> metadata;      // writable metadata
  bool runs_in_one_lane = false;           // print
};

/// Thread-safe. Every call validates the table's options (kInvalidOption, kUnknownConnector, kUnknownFormat).
class ConnectorView {
 public:
  virtual ~ConnectorView() = default;
  virtual Result<SourceTraits> DescribeSource(const TableDefinition& table, bool is_batch) const = 0;
  virtual Result<SinkTraits> DescribeSink(const TableDefinition& table, bool is_batch) const = 0;
  /// What EXPLAIN says of how the connector would read now: what it skips. Empty: nothing to say.
  virtual Result<std::string> ExplainScan(const ScanNode&) const { return std::string(); }
};

}  // namespace firn::plan
