// SPDX-License-Identifier: Apache-2.0
#include "cli/result_printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>

#include "base/assert.h"
#include "base/utf8.h"
#include "formats/json_value.h"
#include "io/process.h"

namespace firn::cli {

namespace {

constexpr size_t kBlockRows = 1000;   // a table's column widths are settled by its first block
constexpr int kMinColumnWidth = 4;
constexpr int kReadableWidth = 10;       // columns are left out rather than cut below it
constexpr size_t kShownColumnsMin = 2;
constexpr int kGapWidth = 4;             // of the column that stands for those left out
constexpr int kMaxColumnWidth = 60;

// One code point off the front; invalid bytes count as one each.
uint32_t NextCodePoint(std::string_view* text) {
  FIRN_ASSERT(!text->empty(), "a code point of nothing");
  const auto lead = static_cast<uint8_t>((*text)[0]);
  const size_t size = std::max<size_t>(base::Utf8CharacterBytes(*text), 1);
  uint32_t point = size == 1 ? lead : lead & (0xff >> (size + 1));
  for (size_t i = 1; i < size; ++i) point = point << 6 | (static_cast<uint8_t>((*text)[i]) & 0x3f);
  text->remove_prefix(size);
  return point;
}

int PointWidth(uint32_t point) {
  if ((point >= 0x300 && point <= 0x36f) || (point >= 0x200b && point <= 0x200f) || (point >= 0xfe00 && point <= 0xfe0f)) return 0;
  const bool is_wide = (point >= 0x1100 && point <= 0x115f) || (point >= 0x2e80 && point <= 0xa4cf) || (point >= 0xac00 && point <= 0xd7a3) ||
                       (point >= 0xf900 && point <= 0xfaff) || (point >= 0xfe30 && point <= 0xfe6f) || (point >= 0xff00 && point <= 0xff60) ||
                       (point >= 0x1f300 && point <= 0x1faff) || (point >= 0x20000 && point <= 0x3fffd);
  return is_wide ? 2 : 1;
}

// Control characters would break the frame, and bytes that are no UTF-8 (of a record's value) have no width.
std::string OneLine(std::string_view text) {
  std::string line;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const size_t size = base::Utf8CharacterBytes(text.substr(i));
    if (size == 0) {
      line += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
      continue;
    }
    const bool is_c1 = c == '\xc2' && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (is_c1) {  // U+0080 to U+009F, which terminals obey too
      line += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(text[++i])));
    } else if (c == '\n') {
      line += "\\n";
    } else if (c == '\t') {
      line += "\\t";
    } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
      line += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      line += text.substr(i, size);
      i += size - 1;
    }
  }
  return line;
}

// Cut in the end to `width` cells, with an ellipsis.
std::string Cut(const std::string& text, int width) {
  if (DisplayWidth(text) <= width) return text;
  std::string_view rest = text;
  int used = 0;
  while (!rest.empty()) {
    std::string_view next = rest;
    used += PointWidth(NextCodePoint(&next));
    if (used > width - 1) break;
    rest = next;
  }
  std::string cut = text.substr(0, text.size() - rest.size()) + "…";
  FIRN_ASSERT(DisplayWidth(cut) <= width, "'{}' is wider than {}", cut, width);
  return cut;
}

std::string Pad(const std::string& text, int width, bool right) {
  const std::string spaces(static_cast<size_t>(std::max(0, width - DisplayWidth(text))), ' ');
  return right ? spaces + text : text + spaces;
}

class TablePrinter final : public ResultPrinter {
 public:
  TablePrinter(const PrinterOptions& options, std::vector<PrintedColumn> columns, std::function<void(std::string_view)> write)
      : options_(options), columns_(std::move(columns)), write_(std::move(write)) {
    if (options_.is_changelog) columns_.insert(columns_.begin(), PrintedColumn{"op", "", false});
  }

  void Add(const std::vector<PrintedRow>& rows) override {
    for (const PrintedRow& row : rows) {
      if (IsText(row)) {
        write_(*row.texts[0] + (row.texts[0]->ends_with('\n') ? "" : "\n"));
        is_text_ = true;
        continue;
      }
      std::vector<std::string> cells;
      if (options_.is_changelog) cells.push_back(row.op);
      for (const auto& text : row.texts) cells.push_back(text ? OneLine(*text) : "NULL");
      FIRN_ASSERT(cells.size() == columns_.size(), "{} cells of {} columns", cells.size(), columns_.size());
      pending_.push_back(std::move(cells));
      ++row_count_;
    }
    if (pending_.size() >= kBlockRows) Flush();
  }

  // Nothing before the first row: it helps to settle the widths.
  void Flush() override {
    if (pending_.empty()) return;
    if (widths_.empty()) Begin();
    std::string block;
    for (const auto& cells : pending_) {
      MakeRoom(cells);
      block += Line(cells);
    }
    pending_.clear();
    write_(block);
  }

  void Finish() override {
    if (is_text_) return;
    Flush();
    if (widths_.empty()) Begin();
    write_(Rule("└", "┴", "┘") + fmt::format("{} row{}{}\n", row_count_, row_count_ == 1 ? "" : "s", HiddenText()));
  }

 private:
  // One value of several lines, as EXPLAIN and SHOW CREATE TABLE give it: a text, not a table.
  bool IsText(const PrintedRow& row) const {
    return options_.is_message && row_count_ == 0 && row.texts.size() == 1 && row.texts[0] && row.texts[0]->find('\n') != std::string::npos;
  }

  void Begin() {
    for (const PrintedColumn& column : columns_) {
      widths_.push_back(std::max({DisplayWidth(column.name), DisplayWidth(column.type), kMinColumnWidth}));
      if (options_.is_changelog) widths_.back() = std::max(widths_.back(), LikelyWidth(column.type));
    }
    if (options_.is_changelog) widths_[0] = 2;
    const int widest = options_.terminal_columns > 0 ? kMaxColumnWidth : INT_MAX;
    for (const auto& cells : pending_) {
      for (size_t i = 0; i < cells.size(); ++i) widths_[i] = std::max(widths_[i], std::min(DisplayWidth(cells[i]), widest));
    }
    Fit();
    std::vector<std::string> names, kinds;
    for (const PrintedColumn& column : columns_) {
      names.push_back(column.name);
      kinds.push_back(column.type);
    }
    write_(Rule("┌", "┬", "┐") + Line(names) + Line(kinds) + Rule("├", "┼", "┤"));
  }

  // What rows to come may need, when the first ones settle the widths of a stream.
  static int LikelyWidth(const std::string& type) {
    FIRN_ASSERT(!type.starts_with("TIMESTAMP") || type.find("(") + 1 < type.size(), "{} says no precision", type);
    if (type.starts_with("TIMESTAMP")) return type.find("(0)") != std::string::npos ? 19 : 20 + type[type.find('(') + 1] - '0';
    if (type == "STRING" || type.starts_with("VARCHAR")) return 12;
    if (type == "BIGINT" || type == "DOUBLE") return 10;
    return 0;
  }

  // The widest columns give way first, as long as they can be read; then those in the middle are left out; two at least are there however narrow it is.
  void Fit() {
    for (size_t i = 0; i < columns_.size(); ++i) shown_.push_back(i);
    if (options_.terminal_columns <= 0) return;
    const std::vector<int> wanted = widths_;
    while (!Narrow(kReadableWidth) && shown_.size() > kShownColumnsMin) {
      widths_ = wanted;
      gap_ = shown_.size() / 2;
      shown_.erase(shown_.begin() + static_cast<std::ptrdiff_t>(gap_));
    }
    Narrow(kMinColumnWidth);
    FIRN_ASSERT(!shown_.empty() && std::is_sorted(shown_.begin(), shown_.end()) && gap_ <= shown_.size(), "{} of {} columns are shown, others are left out at {}", shown_.size(), columns_.size(), gap_);
  }

  // Whether what is shown fits when columns are cut to `least` at most; half a number can be read as another one, so numbers are cut only when all else is.
  bool Narrow(int least) {
    const auto width_to_give = [&](size_t column) { return columns_[column].is_right_aligned && least > kMinColumnWidth ? 0 : widths_[column]; };
    while (TotalWidth() > options_.terminal_columns) {
      const size_t widest = *std::max_element(shown_.begin(), shown_.end(), [&](size_t a, size_t b) { return width_to_give(a) < width_to_give(b); });
      if (width_to_give(widest) <= least) return false;
      --widths_[widest];
    }
    return true;
  }

  // A number that is wider than those before it gets its width from now on, where texts can give way.
  void MakeRoom(const std::vector<std::string>& cells) {
    if (options_.terminal_columns <= 0) return;
    for (size_t column : shown_) {
      if (!columns_[column].is_right_aligned || DisplayWidth(cells[column]) <= widths_[column]) continue;
      const std::vector<int> before = widths_;
      widths_[column] = DisplayWidth(cells[column]);
      if (!Narrow(kReadableWidth)) widths_ = before;
    }
  }

  int TotalWidth() const {
    int sum = 1 + (HasGap() ? kGapWidth : 0);
    for (size_t column : shown_) sum += widths_[column] + 3;
    return sum;
  }

  bool HasGap() const { return shown_.size() < columns_.size(); }

  std::string HiddenText() const {
    return HasGap() ? fmt::format(", {} of {} columns: a wider terminal or the format json shows all", shown_.size(), columns_.size()) : "";
  }

  std::string Line(const std::vector<std::string>& cells) const {
    FIRN_ASSERT(cells.size() == widths_.size(), "{} cells of {} columns", cells.size(), widths_.size());
    std::string line = "│";
    for (size_t place = 0; place < shown_.size(); ++place) {
      if (HasGap() && place == gap_) line += " … │";
      const size_t i = shown_[place];
      const std::string text = options_.terminal_columns > 0 ? Cut(cells[i], widths_[i]) : cells[i];
      std::string cell = Pad(text, widths_[i], columns_[i].is_right_aligned);
      const char* const colour = i == 0 && options_.is_changelog && options_.has_colours ? ColourOf(cells[i]) : "";
      if (*colour != '\0') cell = colour + cell + "\x1b[0m";
      line += " " + cell + " │";
    }
    return line + "\n";
  }

  // What goes away is red, what comes is green, what changes is yellow.
  static const char* ColourOf(const std::string& op) {
    if (op == "+I") return "\x1b[32m";
    if (op == "-D") return "\x1b[31m";
    return op == "-U" || op == "+U" ? "\x1b[33m" : "";
  }

  std::string Rule(const char* left, const char* middle, const char* right) const {
    std::string rule = left;
    for (size_t place = 0; place < shown_.size(); ++place) {
      if (place > 0) rule += middle;
      if (HasGap() && place == gap_) rule += std::string("───") + middle;
      for (int j = 0; j < widths_[shown_[place]] + 2; ++j) rule += "─";
    }
    return rule + right + "\n";
  }

  PrinterOptions options_;
  std::vector<PrintedColumn> columns_;
  std::function<void(std::string_view)> write_;
  std::vector<std::vector<std::string>> pending_;
  std::vector<int> widths_;
  std::vector<size_t> shown_;  // columns, ascending
  size_t gap_ = 0;             // the place in shown_ before which columns are left out
  int64_t row_count_ = 0;
  bool is_text_ = false;
};

class JsonPrinter final : public ResultPrinter {
 public:
  JsonPrinter(const PrinterOptions& options, std::vector<PrintedColumn> columns, std::function<void(std::string_view)> write)
      : options_(options), write_(std::move(write)) {
    for (const PrintedColumn& column : columns) {
      std::string name;
      formats::AppendJsonText(&name, column.name);
      names_.push_back(name + ":");
    }
  }
  void Add(const std::vector<PrintedRow>& rows) override {
    std::string lines;
    for (const PrintedRow& row : rows) {
      FIRN_ASSERT(row.json.size() == names_.size(), "{} values of {} columns", row.json.size(), names_.size());
      std::string object = "{";
      for (size_t i = 0; i < row.json.size(); ++i) object += (i > 0 ? "," : "") + names_[i] + row.json[i];
      object += "}";
      lines += options_.is_changelog ? fmt::format("{{\"op\":\"{}\",\"row\":{}}}\n", row.op, object) : object + "\n";
    }
    write_(lines);
  }
  void Flush() override {}
  void Finish() override {}

 private:
  PrinterOptions options_;
  std::function<void(std::string_view)> write_;
  std::vector<std::string> names_;
};

// RFC 4180; NULL is an empty field, empty text is "".
class CsvPrinter final : public ResultPrinter {
 public:
  CsvPrinter(const PrinterOptions& options, const std::vector<PrintedColumn>& columns, std::function<void(std::string_view)> write)
      : options_(options), write_(std::move(write)), column_count_(columns.size()) {
    std::string header = options_.is_changelog ? "op" : "";
    for (size_t i = 0; i < columns.size(); ++i) header += (i > 0 || options_.is_changelog ? "," : "") + Quote(columns[i].name);
    write_(header + "\n");
  }
  void Add(const std::vector<PrintedRow>& rows) override {
    std::string lines;
    for (const PrintedRow& row : rows) {
      FIRN_ASSERT(row.texts.size() == column_count_, "{} fields of {} columns", row.texts.size(), column_count_);
      if (options_.is_changelog) lines += row.op;
      for (size_t i = 0; i < row.texts.size(); ++i) {
        if (i > 0 || options_.is_changelog) lines += ',';
        if (row.texts[i]) lines += row.texts[i]->empty() ? "\"\"" : Quote(*row.texts[i]);
      }
      lines += '\n';
    }
    write_(lines);
  }
  void Flush() override {}
  void Finish() override {}

 private:
  static std::string Quote(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (char c : text) {
      if (c == '"') quoted += '"';
      quoted += c;
    }
    return quoted + "\"";
  }

  PrinterOptions options_;
  std::function<void(std::string_view)> write_;
  const size_t column_count_;
};

}  // namespace

bool IsNumberType(const std::string& type) {
  for (const char* name : {"TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL"}) {
    if (type == name || type.starts_with(std::string(name) + "(")) return true;
  }
  return false;
}

std::string JsonCell(const std::optional<std::string>& text, const PrintedColumn& column) {
  if (!text) return "null";
  const bool is_finite = text->find_first_of("NI") == std::string::npos;  // NaN, Infinity
  if (column.is_right_aligned && is_finite) return *text;
  if (column.type == "BOOLEAN") return *text == "TRUE" ? "true" : "false";
  if (column.type.starts_with("ARRAY<") || column.type.starts_with("MAP<") || column.type.starts_with("ROW<")) return *text;
  std::string quoted;
  formats::AppendJsonText(&quoted, base::FindInvalidUtf8(*text) ? base::ValidUtf8(*text) : *text);  // JSON is UTF-8; a record's value may be anything
  return quoted;
}

void PrintTable(OutputFormat format, const std::vector<std::pair<std::string, std::string>>& columns, const std::vector<std::vector<std::optional<std::string>>>& rows) {
  std::vector<PrintedColumn> printed;
  for (const auto& [name, type] : columns) printed.push_back({name, type, IsNumberType(type)});
  auto printer = ResultPrinter::Make({.format = format, .terminal_columns = io::IsOutputTerminal() ? io::TerminalColumns() : 0}, printed, [](std::string_view text) { io::WriteOutput(text); });
  for (const auto& texts : rows) {
    FIRN_ASSERT(texts.size() == printed.size(), "{} texts of {} columns", texts.size(), printed.size());
    PrintedRow row;
    row.texts = texts;
    for (size_t i = 0; i < texts.size(); ++i) row.json.push_back(JsonCell(texts[i], printed[i]));
    printer->Add({row});
  }
  printer->Finish();
}

int DisplayWidth(std::string_view text) {
  int width = 0;
  while (!text.empty()) width += PointWidth(NextCodePoint(&text));
  return width;
}

Result<OutputFormat> ParseOutputFormat(const std::string& text) {
  if (text == "table") return OutputFormat::kTable;
  if (text == "json") return OutputFormat::kJson;
  if (text == "csv") return OutputFormat::kCsv;
  return Error(ErrorCode::kUsageError, fmt::format("there is no output format '{}'", text))
      .Hint("--format takes table, json or csv")
      .Candidates(base::NearNames(text, {"table", "json", "csv"}));
}

std::unique_ptr<ResultPrinter> ResultPrinter::Make(const PrinterOptions& options, std::vector<PrintedColumn> columns,
                                                   std::function<void(std::string_view)> write) {
  switch (options.format) {
    case OutputFormat::kTable: return std::make_unique<TablePrinter>(options, std::move(columns), std::move(write));
    case OutputFormat::kJson: return std::make_unique<JsonPrinter>(options, std::move(columns), std::move(write));
    case OutputFormat::kCsv: return std::make_unique<CsvPrinter>(options, columns, std::move(write));
  }
  FIRN_UNREACHABLE("output format");
}

}  // namespace firn::cli
