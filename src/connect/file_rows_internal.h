// SPDX-License-Identifier: Apache-2.0
// The rows of one file at a time, whatever its format.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "formats/record_format.h"
#include "io/file_system.h"

namespace firn::connect {

/// Thread-compatible.
class FileRows {
 public:
  virtual ~FileRows() = default;
  /// At a place that position() gave, or 0.
  virtual Status Open(const std::string& path, int64_t position) = 0;
  /// Nothing at the end of the file.
  virtual Result<std::optional<formats::DecodedRecords>> Next(int64_t max_rows) = 0;
  /// Behind all that Next has given.
  virtual int64_t position() const = 0;
};

/// Lines, each one record. `schema`: the wanted columns.
Result<std::unique_ptr<FileRows>> MakeTextFileRows(io::FileSystem& files, const formats::FormatSpec& format, const types::SchemaPtr& schema);
/// Columns by name, as Flink matches them; one that a file lacks is NULL.
Result<std::unique_ptr<FileRows>> MakeParquetFileRows(io::FileSystem& files, const types::SchemaPtr& schema);

}  // namespace firn::connect
