// SPDX-License-Identifier: Apache-2.0
#include "formats/csv_records.h"

#include <algorithm>
#include <optional>

#include "base/assert.h"
#include "formats/csv_options_internal.h"

namespace firn::formats {

Result<CsvRecordEnds> CsvRecordEnds::Make(const FormatSpec& spec) {
  if (spec.name != "csv") {
    CsvRecordEnds lines('\0', '\0', '\0', false);
    lines.is_csv_ = false;
    return lines;
  }
  FIRN_TRY(const CsvOptions options, CsvOptionsOf(spec));
  return CsvRecordEnds(options.delimiter, options.quote, options.escape, options.allows_comments);
}

// Behind a character that is no line end, or one inside quotes.
CsvRecordEnds::State CsvRecordEnds::Next(State state, char c) const {
  switch (state) {
    case State::kRecordStart:
      if (allows_comments_ && c == '#') return State::kComment;
      if (allows_comments_ && c == ' ') return State::kRecordStart;  // as Jackson, which looks for comments behind blanks
      [[fallthrough]];
    case State::kFieldStart:
      if (c == quote_) return State::kQuoted;
      return c == delimiter_ ? State::kFieldStart : State::kPlain;
    case State::kPlain: return c == delimiter_ ? State::kFieldStart : State::kPlain;
    case State::kQuoted: return c == quote_ ? State::kClosed : escape_ != '\0' && c == escape_ ? State::kQuotedEscape : State::kQuoted;
    case State::kQuotedEscape: return State::kQuoted;
    case State::kClosed: return c == quote_ ? State::kQuoted : c == delimiter_ ? State::kFieldStart : State::kClosed;  // a doubled quote is none
    case State::kComment: return State::kComment;
  }
  FIRN_UNREACHABLE("state {}", static_cast<int>(state));
}

// By pieces: what ends its lines with one of the two only is not searched to its end for the other at each line.
size_t CsvRecordEnds::LineEnd(std::string_view text, size_t from) const {
  constexpr size_t kPiece = 512;
  for (; from < text.size(); from += kPiece) {
    const std::string_view piece = text.substr(from, kPiece);
    size_t end = piece.find('\n');
    if (is_csv_) end = std::min(end, piece.substr(0, end).find('\r'));
    if (end != std::string_view::npos) return from + end;
  }
  return text.size();
}

// Outside of quotes two searches, for the line end and for a quote in front of it, find most lines' ends.
size_t CsvRecordEnds::Find(std::string_view text, size_t* from) {
  FIRN_ASSERT(*from <= text.size(), "{} of {} bytes have been looked at", *from, text.size());
  std::optional<size_t> line_end;
  while (*from < text.size()) {
    if (state_ == State::kQuoted || state_ == State::kQuotedEscape) {
      state_ = Next(state_, text[(*from)++]);
      continue;
    }
    if (!line_end || *line_end < *from) line_end = LineEnd(text, *from);
    const size_t quote = quote_ == '\0' ? std::string_view::npos : text.substr(0, *line_end).find(quote_, *from);
    if (quote == std::string_view::npos && *line_end < text.size()) {
      const bool is_return = text[*line_end] == '\r';
      if (is_return && *line_end + 1 == text.size()) return std::string_view::npos;
      *from = *line_end + (is_return && text[*line_end + 1] == '\n' ? 2 : 1);
      state_ = State::kRecordStart;
      return *line_end;
    }
    for (const size_t end = std::min(quote, text.size() - 1); *from <= end; ++*from) state_ = Next(state_, text[*from]);
  }
  return std::string_view::npos;
}

}  // namespace firn::formats
