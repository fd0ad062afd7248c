// SPDX-License-Identifier: Apache-2.0
#include "expr/like_pattern.h"

#include <fmt/format.h>

#include "base/ascii.h"
#include "base/assert.h"
#include "expr/utf8_internal.h"

namespace firn::expr {

namespace {

Error BadEscape(std::string_view pattern, std::string_view escape) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no pattern with the escape character '{}'", pattern, escape))
      .Hint("the escape character is one character; only %, _ and itself may follow it");
}

Status CheckEscape(std::string_view pattern, std::string_view escape) {
  if (!escape.empty() && CodePointCount(escape) != 1) return BadEscape(pattern, escape);
  return Ok();
}

}  // namespace

Result<LikePattern> LikePattern::Parse(std::string_view pattern, std::string_view escape) {
  FIRN_RETURN_IF_ERROR(CheckEscape(pattern, escape));
  LikePattern like;
  like.segments_.emplace_back();
  int skipped = 0;
  bool joins = false;  // the next text belongs to the last piece
  auto end_skips = [&] {
    if (skipped > 0) like.segments_.back().push_back({skipped, ""});
    skipped = 0;
    joins = false;
  };
  for (size_t at = 0; at < pattern.size();) {
    std::string_view c = CodePoints(pattern.substr(at, 4), 0, 1);
    at += c.size();
    const bool is_escaped = !escape.empty() && c == escape;
    if (is_escaped) {
      c = CodePoints(pattern.substr(at, 4), 0, 1);
      at += c.size();
      if (c != "%" && c != "_" && c != escape) return BadEscape(pattern, escape);
    } else if (c == "%") {
      end_skips();
      like.segments_.emplace_back();
      continue;
    } else if (c == "_") {
      joins = false;
      ++skipped;
      continue;
    }
    if (!joins) like.segments_.back().push_back({std::exchange(skipped, 0), ""});
    joins = true;
    like.segments_.back().back().text.append(c);
  }
  end_skips();
  FIRN_ASSERT(skipped == 0 && !like.segments_.empty(), "{} characters to skip belong to no part of '{}'", skipped, pattern);
  return like;
}

size_t LikePattern::MatchAt(const Segment& segment, std::string_view text, size_t at) {
  for (const Piece& piece : segment) {
    for (int i = 0; i < piece.skipped; ++i) {
      if (at >= text.size()) return std::string_view::npos;
      for (++at; at < text.size() && !StartsCodePoint(text[at]);) ++at;
    }
    if (text.compare(at, piece.text.size(), piece.text) != 0) return std::string_view::npos;
    at += piece.text.size();
  }
  return at;
}

size_t LikePattern::Length(const Segment& segment) {
  int64_t count = 0;
  for (const Piece& piece : segment) count += piece.skipped + CodePointCount(piece.text);
  return static_cast<size_t>(count);
}

bool LikePattern::Matches(std::string_view text) const {
  size_t at = MatchAt(segments_.front(), text, 0);
  if (at == std::string_view::npos) return false;
  if (segments_.size() == 1) return at == text.size();
  for (size_t i = 1; i + 1 < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    if (segment.empty()) continue;
    for (;; ++at) {
      if (segment.front().skipped == 0) {
        at = text.find(segment.front().text, at);
        if (at == std::string_view::npos) return false;
      } else if (at >= text.size()) {
        return false;
      }
      if (!StartsCodePoint(text[at])) continue;
      if (const size_t end = MatchAt(segment, text, at); end != std::string_view::npos) {
        at = end;
        break;
      }
    }
  }
  const Segment& last = segments_.back();
  if (last.empty()) return true;
  const auto length = static_cast<int64_t>(Length(last));
  const std::string_view rest = text.substr(at);
  const int64_t count = CodePointCount(rest);
  return count >= length && MatchAt(last, text, at + ByteOf(rest, count - length)) == text.size();
}

namespace {

constexpr std::string_view kSimilarSpecials = "[]()|^-+*_%?{}";
constexpr std::string_view kJavaSpecials = "[]()|^-+*?{}$\\.";
constexpr std::pair<std::string_view, std::string_view> kSimilarClasses[] = {
    {"[:alpha:]", "\\p{Alpha}"}, {"[:upper:]", "\\p{Upper}"}, {"[:lower:]", "\\p{Lower}"}, {"[:digit:]", "\\d"}, {"[:space:]", " "}, {"[:whitespace:]", "\\s"}, {"[:alnum:]", "\\p{Alnum}"},
};

/// A pattern of SIMILAR TO, taken from left to right into Java's words.
class SimilarTranslator {
 public:
  SimilarTranslator(std::string_view pattern, std::string_view escape) : pattern_(pattern), rest_(pattern), escape_(escape) {}

  Result<std::string> Translate() {
    while (!rest_.empty()) {
      const std::string_view c = Take();
      if (!escape_.empty() && c == escape_) {
        FIRN_RETURN_IF_ERROR(TakeEscaped());
      } else if (c == "[") {
        FIRN_RETURN_IF_ERROR(TakeClass());
      } else if (c == "]") {
        return NoPattern();
      } else if (c == "%") {
        regexp_ += "[\\s\\S]*";
      } else if (c == "_") {
        regexp_ += '.';
      } else {
        if (c == "$" || c == "\\") regexp_ += '\\';  // these two mean nothing here, the others what they mean to Java
        regexp_ += c;
      }
    }
    return std::move(regexp_);
  }

 private:
  Error NoPattern() const {
    return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no pattern of SIMILAR TO", pattern_)).Hint("in [ ] stand characters, ranges and [:alpha:]; a special one is escaped by the character that ESCAPE names");
  }
  std::string_view Take() {
    const std::string_view c = CodePoints(rest_.substr(0, 4), 0, 1);
    rest_.remove_prefix(c.size());
    return c;
  }
  static bool IsOneOf(std::string_view c, std::string_view set) { return c.size() == 1 && set.find(c[0]) != std::string_view::npos; }

  Status TakeEscaped() {
    const std::string_view c = rest_.empty() ? "" : Take();
    if (!IsOneOf(c, kSimilarSpecials) && c != escape_) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no pattern with the escape character '{}'", pattern_, escape_))
          .Hint(fmt::format("the escape character is one character; only one of {} and itself may follow it", kSimilarSpecials));
    }
    if (IsOneOf(c, kJavaSpecials)) regexp_ += '\\';
    regexp_ += c;
    return Ok();
  }

  // Behind "[", to "]".
  Status TakeClass() {
    regexp_ += '[';
    while (!rest_.empty()) {
      if (TakeNamedClass()) continue;
      const std::string_view c = Take();
      if (!escape_.empty() && c == escape_) {
        FIRN_RETURN_IF_ERROR(TakeEscaped());
        continue;
      }
      if (c != "]" && c != "-" && c != "^" && IsOneOf(c, kSimilarSpecials)) return NoPattern();
      regexp_ += c;
      if (c == "]") return Ok();
    }
    return NoPattern();
  }

  bool TakeNamedClass() {
    for (const auto& [name, java] : kSimilarClasses) {
      const std::string_view given = rest_.substr(0, name.size());
      if (given != name && given != base::AsciiUpper(name)) continue;
      regexp_ += java;
      rest_.remove_prefix(name.size());
      return true;
    }
    return false;
  }

  const std::string_view pattern_;
  std::string_view rest_;
  const std::string_view escape_;
  std::string regexp_;
};

}  // namespace

Result<std::string> SimilarToRegexp(std::string_view pattern, std::string_view escape) {
  FIRN_RETURN_IF_ERROR(CheckEscape(pattern, escape));
  return SimilarTranslator(pattern, escape).Translate();
}

}  // namespace firn::expr
