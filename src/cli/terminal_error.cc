// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal_error.h"

#include <algorithm>
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

}  // namespace

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
