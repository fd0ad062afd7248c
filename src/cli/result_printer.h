// SPDX-License-Identifier: Apache-2.0
// Results as people and scripts read them: a box with types under the names, JSON lines, or CSV.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace firn::cli {

enum class OutputFormat { kTable, kJson, kCsv };

/// "table", "json" or "csv"; kUsageError otherwise.
Result<OutputFormat> ParseOutputFormat(const std::string& text);

struct PrintedColumn {
  std::string name;
  std::string type;             // as SQL prints it: "DECIMAL(10, 2)"
  bool is_right_aligned = false;  // numbers
};

/// A row's texts, one for each column; nullopt: NULL.
using Cells = std::vector<std::optional<std::string>>;

/// A row as the gateway gave it.
struct PrintedRow {
  std::string op = "+I";          // +I, -U, +U, -D
  Cells texts;
  std::vector<std::string> json;  // the same as JSON values; filled for kJson only
};

struct PrinterOptions {
  OutputFormat format = OutputFormat::kTable;
  bool is_changelog = false;     // a streaming result: shows op, {"op":"+I","row":{...}}
  bool is_message = false;       // of a statement that is no query: one value of several lines is a text, not a table
  bool has_colours = false;      // of a table's ops
  int terminal_columns = 0;      // cuts wide tables to it; 0: no limit
};

/// Takes rows as they come; a table is drawn in blocks, so that a stream shows before it ends. Thread-compatible.
class ResultPrinter {
 public:
  virtual ~ResultPrinter() = default;
  /// `write` gets whole lines.
  static std::unique_ptr<ResultPrinter> Make(const PrinterOptions& options, std::vector<PrintedColumn> columns,
                                             std::function<void(std::string_view)> write);
  virtual void Add(const std::vector<PrintedRow>& rows) = 0;
  /// Shows what has been added so far: of a stream after each poll.
  virtual void Flush() = 0;
  /// The last lines: the frame's end and a count.
  virtual void Finish() = 0;
};

/// Whether a column of this SQL type holds numbers.
bool IsNumberType(const std::string& type);
/// The text of a cell as a JSON value: numbers and booleans bare, ARRAY, MAP and ROW as the JSON that they are, all else quoted.
std::string JsonCell(const std::optional<std::string>& text, const PrintedColumn& column);

/// A whole table at once, on standard output: what commands other than SQL show. Columns are given as {name, type}.
void PrintTable(OutputFormat format, const std::vector<std::pair<std::string, std::string>>& columns, const std::vector<std::vector<std::optional<std::string>>>& rows);

/// How many terminal cells UTF-8 text takes: East Asian wide characters two, combining marks none.
int DisplayWidth(std::string_view text);

}  // namespace firn::cli
