// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <functional>

#include "cli/result_printer.h"

namespace firn::cli {

namespace {

constexpr int kMessageIndent = 2;
constexpr int kTextColumnsMin = 20;  // a narrower terminal breaks lines itself

std::string EachLine(const std::string& text, const std::function<std::string(const std::string& line, bool is_first)>& change) {
  std::string out;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    out += change(text.substr(begin, end - begin), begin == 0) + "\n";
    begin = end + 1;
  }
  return out;
}

// Where the word of a note stands: behind the gutter, which is as wide as the excerpt's line numbers, and "= "; npos for another line.
size_t NoteAt(const std::string& line) {
  const size_t sign = line.find_first_not_of(' ');
  return sign != std::string::npos && sign >= 3 && line.compare(sign, 2, "= ") == 0 ? sign + 2 : std::string::npos;
}

// Where the text of a note begins: behind its word, the colon and the spaces.
size_t TextOf(const std::string& note) { return std::min(note.find_first_not_of(' ', note.find(':') + 1), note.size()); }

std::string Wrap(const std::string& line, int columns, size_t indent) {
  std::string out;
  std::string rest = line;
  while (DisplayWidth(rest) > columns) {
    size_t cut = std::string::npos;
    const size_t first = out.empty() ? indent : indent + 1;  // a word at least in each line
    for (size_t space = rest.find(' ', first); space != std::string::npos && DisplayWidth(rest.substr(0, space)) <= columns; space = rest.find(' ', space + 1)) cut = space;
    if (cut == std::string::npos) cut = rest.find(' ', std::max<size_t>(first, 1));
    if (cut == std::string::npos) break;
    out += rest.substr(0, cut) + "\n";
    rest = std::string(indent, ' ') + rest.substr(cut + 1);
  }
  return out + rest;
}

struct LineAndColumn {
  uint32_t line = 0;
  uint32_t column = 0;
};

// What the line under the message says: "  --> query:2:4".
std::optional<LineAndColumn> PlaceOf(const std::string& line) {
  constexpr std::string_view kArrow = "--> query:";
  const size_t arrow = line.find_first_not_of(' ');
  if (arrow == std::string::npos || line.compare(arrow, kArrow.size(), kArrow) != 0) return std::nullopt;
  LineAndColumn place;
  const char* const end = line.data() + line.size();
  const auto [colon, line_error] = std::from_chars(line.data() + arrow + kArrow.size(), end, place.line);
  if (line_error != std::errc() || colon == end || *colon != ':') return std::nullopt;
  const auto [rest, column_error] = std::from_chars(colon + 1, end, place.column);
  if (column_error != std::errc() || rest != end || place.line == 0 || place.column == 0) return std::nullopt;
  return place;
}

}  // namespace

std::optional<std::string> PlaceInScript(const std::string& rendered, const ScriptPlace& statement) {
  const size_t message_end = rendered.find("\n  ");  // a message may have lines of its own, the place is the first that stands to the right
  if (message_end == std::string::npos) return std::nullopt;
  const size_t place_end = std::min(rendered.find('\n', message_end + 1), rendered.size());
  const auto place = PlaceOf(rendered.substr(message_end + 1, place_end - message_end - 1));
  if (!place) return std::nullopt;
  const size_t column = place->line == 1 ? statement.column + place->column - 1 : size_t{place->column};
  const std::string old_number = std::to_string(place->line);
  const std::string number = std::to_string(statement.line + place->line - 1);
  const std::string wider(number.size() - old_number.size(), ' ');  // a script's line is never before the statement's own
  const std::string gutter(old_number.size() + 1, ' ');
  std::string out = rendered.substr(0, message_end + 1) + fmt::format("{}{}--> {}:{}:{}\n", gutter, wider, statement.script, number, column);
  out += EachLine(rendered.substr(std::min(place_end + 1, rendered.size())), [&](const std::string& line, bool) {
    if (line.starts_with(" " + old_number + " | ")) return " " + number + line.substr(1 + old_number.size());
    return line.starts_with(gutter + " |") || line.starts_with(gutter + " = ") ? wider + line : line;
  });
  return out;
}

std::string WrapError(const std::string& rendered, int columns) {
  if (columns <= 0) return rendered;
  return EachLine(rendered, [columns](const std::string& line, bool is_first) {
    const bool is_note = NoteAt(line) != std::string::npos;
    if (!is_first && !is_note) return line;
    const size_t indent = is_note ? TextOf(line) : kMessageIndent;
    return columns - static_cast<int>(indent) < kTextColumnsMin ? line : Wrap(line, columns, indent);
  });
}

std::string ColourError(const std::string& rendered) {
  return EachLine(rendered, [](const std::string& line, bool is_first) {
    const size_t carets = line.find('^');
    const size_t note = NoteAt(line);
    if (is_first && line.starts_with("error[")) {
      const size_t colon = std::min(line.find(':'), line.size());
      return "\x1b[1;31m" + line.substr(0, colon) + "\x1b[0m\x1b[1m" + line.substr(colon) + "\x1b[0m";
    }
    if (line.starts_with("   ") && carets != std::string::npos && line.find_first_not_of(" |") == carets) return line.substr(0, carets) + "\x1b[31m" + line.substr(carets) + "\x1b[0m";
    if (note != std::string::npos) {
      const size_t colon = std::min(line.find(':'), line.size());
      return line.substr(0, note) + "\x1b[36m" + line.substr(note, colon - note) + "\x1b[0m" + line.substr(colon);
    }
    return line;
  });
}

}  // namespace firn::cli
