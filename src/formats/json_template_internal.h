// SPDX-License-Identifier: Apache-2.0
// Producers write records that look alike: the same names in the same order with the same blanks, only the values differ. A template is what one record had
// between its values. A record that has the same is read by comparing these bytes and taking the plainest form of each value, which costs a fraction of parsing it;
// any other record, and any value that is not plain (escapes, exponents, more than ASCII, anything nested), is left to the parser.
//
//   {"symbol": "A", "qty": 1}    ->    `{"symbol": ` symbol  `, "qty": ` qty  `}`
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/json_reader_internal.h"

namespace firn::formats {

/// Where a plain value of any type ends that nobody wants; nullptr: it is not plain. kRecordPadding bytes behind `at` may be read.
const char* SkipPlain(const char* at);

/// Thread-compatible.
class JsonTemplate {
 public:
  /// Takes the shape of a record, which the parser has read and found good. `columns`: the number of each column that is wanted. Records that have not all
  /// of them fit only if `may_miss`. Afterwards the template is unknown if the record has no shape of use.
  void Learn(std::string_view record, const std::unordered_map<std::string, int>& columns, bool may_miss);
  bool is_known() const { return !steps_.empty(); }
  void Forget() { steps_.clear(); }

  /// Appends one value to each reader. False: the record has another shape, and what has been appended is to be cut off. kRecordPadding bytes behind the record may
  /// be read.
  bool Read(std::string_view record, const std::vector<std::unique_ptr<JsonReader>>& readers) const;

 private:
  // Compared by words; the bytes behind the end do not count.
  struct Literal {
    struct Word {
      uint64_t bytes = 0;
      uint64_t mask = 0;
    };
    std::vector<Word> words;
    int64_t size = 0;

    explicit Literal(std::string_view text);
    bool IsAt(const char* at) const;
  };
  struct Step {
    Literal before;
    int column;  // -1: nobody wants it
  };

  std::vector<Step> steps_;
  std::vector<int> missing_;  // columns that records of this shape do not have
  Literal tail_{""};
};

}  // namespace firn::formats
