// SPDX-License-Identifier: Apache-2.0
// What `firn demo` shows while it runs: closed windows as a table that grows, and on a terminal a status line that stays beneath it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exec/engine.h"

namespace firn::cli {

/// One closed window, each value as SQL prints it.
struct ClosedWindow {
  std::string start, symbol, open, high, low, close, volume, trades;
};

struct DemoStatus {
  int64_t elapsed_ms = 0;
  int64_t trades_produced = 0;
  int64_t trades_per_second = 0;
  std::string watermark;             // "11:52:31", empty: none yet
  int64_t rows_stored = 0;           // handed to the raw table's sink
  int64_t checkpoints = 0;
  int64_t checkpoint_ms = 0;         // of the last one
};

struct ScreenOptions {
  int columns = 80;                  // 0: no limit
  bool has_status_line = false;      // redraws and colours: a terminal
};

/// Columns are left out, least telling first, until a line fits. Thread-compatible.
class DemoScreen {
 public:
  DemoScreen(const ScreenOptions& options, std::function<void(std::string_view)> write);
  /// Shown by start and symbol.
  void Add(std::vector<ClosedWindow> windows);
  /// Draws the status line anew; without one this shows nothing.
  void SetStatus(const DemoStatus& status);
  /// Takes the status line away and ends the table.
  void Finish();

 private:
  struct Column {
    const char* name;
    size_t width;
    int rank;                        // the highest goes first
    std::string ClosedWindow::*value;
  };
  std::string Line(const ClosedWindow& window) const;
  void WriteHeader();

  const ScreenOptions options_;
  const std::function<void(std::string_view)> write_;
  std::vector<Column> columns_;
  std::string last_start_;
  std::string status_;
  bool has_header_ = false;
};

/// "trades 81,204 in, 4,012/s | watermark 11:52:31 | ...", the parts that fit into `columns`.
std::string StatusText(const DemoStatus& status, int columns);
/// "1,234,567".
std::string GroupDigits(int64_t number);
/// A price with six digits that count, so that those of one symbol stand under each other: "3521.2" as "3521.20".
std::string PriceText(const std::string& price);

}  // namespace firn::cli
