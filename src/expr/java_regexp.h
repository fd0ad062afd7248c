// SPDX-License-Identifier: Apache-2.0
// Java's regular expressions, matched by RE2.
#pragma once

#include <re2/re2.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace firn::expr {

/// What stands for Java's $, which also matches before a line end that ends the text.
enum class LineEnd { kTextEnd, kBeforeOne, kBeforeCrLf };

/// A pattern in RE2's words.
struct TranslatedRegexp {
  std::string text;
  std::vector<int> groups = {0};  // by number in Java: the number in `text`
  std::vector<int> line_ends;     // groups of `text` that hold the line end behind a $
};

/// What Java says otherwise is said as RE2 says it: named groups, \h \R \uXXXX \e \cX, \p{Alpha}, \p{IsLatin}; a point leaves out Java's line ends. What Java alone
/// has is refused (kNotSupported): look-around, back-references, possessive quantifiers, classes in classes. A pattern that is none comes out as one that is none.
Result<TranslatedRegexp> RegexpOfJava(std::string_view pattern, LineEnd line_end);

/// A compiled pattern. RE2 cannot look ahead: for texts that end with a line end, $ is compiled anew as "here, or before that line end", and what a match then holds
/// of the line end is cut off. Thread-compatible.
class JavaRegexp {
 public:
  /// Null: what Java does not take either. kNotSupported: what RE2 does not take. `written`: as the user has it, for messages.
  static Result<std::unique_ptr<JavaRegexp>> Compile(std::string_view pattern, std::string_view written);

  int group_count() const { return static_cast<int>(plain_.groups.size()) - 1; }
  bool MatchesWhole(std::string_view text) const { return RE2::FullMatch({text.data(), text.size()}, *plain_.regexp); }
  /// The leftmost match at or behind `at`, the match itself first, then its groups; those that took no part have no data.
  bool Match(std::string_view text, size_t at, RE2::Anchor anchor, std::span<re2::StringPiece> groups);

 private:
  struct Compiled {
    std::unique_ptr<RE2> regexp;
    std::vector<int> groups;
    std::vector<int> line_ends;
  };
  static Result<Compiled> CompileFor(std::string_view pattern, std::string_view written, LineEnd line_end);

  explicit JavaRegexp(std::string_view pattern) : pattern_(pattern) {}

  const std::string pattern_;
  bool has_line_end_ = false;
  Compiled plain_;
  std::array<Compiled, 2> before_;  // kBeforeOne, kBeforeCrLf; empty for a pattern without $
  std::vector<re2::StringPiece> scratch_;
};

}  // namespace firn::expr
