// SPDX-License-Identifier: Apache-2.0
// Where records of CSV end in a text: at a line end (\n, \r\n or \r) that is not inside quotes.
#pragma once

#include <cstddef>
#include <string_view>

#include "formats/record_format.h"

namespace firn::formats {

/// Goes through a text piece by piece. A quote opens a field where one begins and is a character elsewhere, as for the decoder. Thread-compatible.
class CsvRecordEnds {
 public:
  static Result<CsvRecordEnds> Make(const FormatSpec& spec);
  /// The next line end in text[*from, ...) that ends the record, *from is then where the next one begins; npos: it goes on behind the text, or a \r is the text's last
  /// byte and a \n may follow. *from moves behind what has been looked at.
  size_t Find(std::string_view text, size_t* from);
  /// The next text is the beginning of a record.
  void Reset() { state_ = State::kRecordStart; }
  /// '\0': quotes have no meaning.
  char quote() const { return quote_; }

 private:
  enum class State : unsigned char { kRecordStart, kFieldStart, kPlain, kQuoted, kQuotedEscape, kClosed, kComment };
  CsvRecordEnds(char delimiter, char quote, char escape, bool allows_comments) : delimiter_(delimiter), quote_(quote), escape_(escape), allows_comments_(allows_comments) {}
  State Next(State state, char c) const;
  size_t LineEnd(std::string_view text, size_t from) const;

  char delimiter_, quote_, escape_;
  bool allows_comments_;
  bool is_csv_ = true;   // false: lines, which end at \n only
  State state_ = State::kRecordStart;
};

}  // namespace firn::formats
