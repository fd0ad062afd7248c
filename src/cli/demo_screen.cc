// SPDX-License-Identifier: Apache-2.0
#include "cli/demo_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "base/assert.h"
#include "cli/result_printer.h"

namespace firn::cli {

namespace {

constexpr const char* kGreen = "\x1b[32m";
constexpr const char* kRed = "\x1b[31m";
constexpr const char* kDim = "\x1b[2m";
constexpr const char* kPlain = "\x1b[0m";
constexpr const char* kClearLine = "\r\x1b[K";
constexpr size_t kGap = 2;

double Number(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

DemoScreen::DemoScreen(const ScreenOptions& options, std::function<void(std::string_view)> write) : options_(options), write_(std::move(write)) {
  columns_ = {{"window", 6, 0, &ClosedWindow::start}, {"symbol", 6, 0, &ClosedWindow::symbol}, {"open", 9, 3, &ClosedWindow::open}, {"high", 9, 2, &ClosedWindow::high},
              {"low", 9, 2, &ClosedWindow::low},      {"close", 9, 1, &ClosedWindow::close},   {"volume", 9, 4, &ClosedWindow::volume}, {"trades", 6, 1, &ClosedWindow::trades}};
  const auto width = [this] {
    size_t sum = 0;
    for (const Column& column : columns_) sum += column.width + kGap;
    return sum;
  };
  while (options_.columns > 0 && width() > static_cast<size_t>(options_.columns)) {
    auto least = std::max_element(columns_.begin(), columns_.end(), [](const Column& a, const Column& b) { return a.rank < b.rank; });
    if (least->rank == 0) break;
    std::erase_if(columns_, [rank = least->rank](const Column& column) { return column.rank == rank; });
  }
  FIRN_ASSERT(columns_.size() >= 2 && columns_[0].rank == 0, "{} columns are left", columns_.size());
}

void DemoScreen::WriteHeader() {
  std::string names, rule;
  for (const Column& column : columns_) {
    names += column.value == &ClosedWindow::start || column.value == &ClosedWindow::symbol ? fmt::format("  {:<{}}", column.name, column.width) : fmt::format("  {:>{}}", column.name, column.width);
    rule += "  ";
    for (size_t i = 0; i < column.width; ++i) rule += "─";
  }
  write_(names + "\n" + rule + "\n");
  has_header_ = true;
}

std::string DemoScreen::Line(const ClosedWindow& window) const {
  std::string line;
  for (const Column& column : columns_) {
    const std::string& value = window.*column.value;
    if (column.value == &ClosedWindow::start) {
      line += fmt::format("  {:<{}}", value == last_start_ ? "" : value, column.width);
    } else if (column.value == &ClosedWindow::symbol) {
      line += fmt::format("  {:<{}}", value, column.width);
    } else if (column.value == &ClosedWindow::close && options_.has_status_line) {
      line += fmt::format("  {}{:>{}}{}", Number(window.close) >= Number(window.open) ? kGreen : kRed, value, column.width, kPlain);
    } else {
      line += fmt::format("  {:>{}}", value, column.width);
    }
  }
  return line + "\n";
}

void DemoScreen::Add(std::vector<ClosedWindow> windows) {
  if (windows.empty()) return;
  std::sort(windows.begin(), windows.end(), [](const ClosedWindow& a, const ClosedWindow& b) { return std::tie(a.start, a.symbol) < std::tie(b.start, b.symbol); });
  FIRN_ASSERT(status_.empty() || options_.has_status_line, "a status line where none is drawn");
  if (!status_.empty()) write_(kClearLine);
  if (!has_header_) WriteHeader();
  std::string lines;
  for (const ClosedWindow& window : windows) {
    lines += Line(window);
    last_start_ = window.start;
  }
  write_(lines + (status_.empty() ? "" : fmt::format("{}{}{}", kDim, status_, kPlain)));
}

void DemoScreen::SetStatus(const DemoStatus& status) {
  if (!options_.has_status_line) return;
  status_ = StatusText(status, options_.columns - 1);
  write_(fmt::format("{}{}{}{}", kClearLine, kDim, status_, kPlain));
}

void DemoScreen::Finish() {
  if (!status_.empty()) write_(kClearLine);
  status_.clear();
}

std::string PriceText(const std::string& price) { return fmt::format("{:#.6g}", Number(price)); }

std::string GroupDigits(int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

std::string StatusText(const DemoStatus& status, int columns) {
  std::vector<std::string> parts = {fmt::format("{:2} s", status.elapsed_ms / 1000), fmt::format("{} trades/s", GroupDigits(status.trades_per_second)),
                                    "watermark " + (status.watermark.empty() ? std::string("none yet") : status.watermark), fmt::format("{} commits", GroupDigits(status.checkpoints)),
                                    fmt::format("{} rows stored", GroupDigits(status.rows_stored)), fmt::format("checkpoint {} ms", status.checkpoint_ms)};
  std::string text;
  for (const std::string& part : parts) {
    const std::string longer = text + (text.empty() ? "  " : " │ ") + part;
    if (columns > 0 && DisplayWidth(longer) > columns) break;
    text = longer;
  }
  return text;
}

}  // namespace firn::cli
