// SPDX-License-Identifier: Apache-2.0
// Patterns of LIKE (matched without a regular expression) and of SIMILAR TO (translated into one).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace firn::expr {

/// % stands for any text, _ for one code point. Immutable; matching takes O(text * pattern) at worst and never backtracks further than the last %.
class LikePattern {
 public:
  /// `escape`: nothing, or one code point that makes the % or _ behind it stand for itself. kInvalidArgument names what is wrong.
  static Result<LikePattern> Parse(std::string_view pattern, std::string_view escape);
  bool Matches(std::string_view text) const;

 private:
  // A run between two %: texts, each after so many code points that may be anything.
  struct Piece {
    int skipped = 0;
    std::string text;
  };
  using Segment = std::vector<Piece>;
  /// Where the segment ends if it stands at `at`; npos if it does not.
  static size_t MatchAt(const Segment& segment, std::string_view text, size_t at);
  static size_t Length(const Segment& segment);

  std::vector<Segment> segments_;  // what stands between the %s; one: no % at all
};

/// In Java's words, to be matched against the whole text. As in Flink a point is any character but a line end, as _ is.
Result<std::string> SimilarToRegexp(std::string_view pattern, std::string_view escape);

}  // namespace firn::expr
