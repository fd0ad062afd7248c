// SPDX-License-Identifier: Apache-2.0
#include "expr/java_regexp.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/utf8.h"

namespace firn::expr {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";
// Members of a class; outside of one they stand in brackets.
constexpr std::string_view kHorizontal = " \\t\\x{A0}\\x{1680}\\x{180E}\\x{2000}-\\x{200A}\\x{202F}\\x{205F}\\x{3000}";
constexpr std::string_view kOneLineEnd = "[\\n\\r\\x{85}\\x{2028}\\x{2029}]";
constexpr std::string_view kSpace = " \\t\\n\\x0B\\f\\r";
constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kPosix = {{
    {"Lower", "lower"}, {"Upper", "upper"}, {"ASCII", "ascii"}, {"Alpha", "alpha"}, {"Digit", "digit"}, {"Alnum", "alnum"}, {"Punct", "punct"}, {"Graph", "graph"},
    {"Print", "print"}, {"Blank", "blank"}, {"Cntrl", "cntrl"}, {"XDigit", "xdigit"}, {"Space", "space"},
}};

bool IsLetterOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

class Translator {
 public:
  Translator(std::string_view pattern, LineEnd line_end) : pattern_(pattern), rest_(pattern), line_end_(line_end) {
    // With flags in the pattern a point may mean any character, and $ the end of any line.
    for (size_t at = pattern.find("(?"); at != std::string_view::npos; at = pattern.find("(?", at + 2)) {
      const std::string_view flags = pattern.substr(at + 2, pattern.find_first_of(":)", at + 2) - at - 2);
      has_flags_ |= !flags.empty() && IsLetterOrDigit(flags[0]);
      is_multiline_ |= !flags.empty() && IsLetterOrDigit(flags[0]) && flags.find('m') != std::string_view::npos;
    }
  }

  Result<TranslatedRegexp> Translate() {
    while (!rest_.empty()) {
      const char c = Take();
      if (c == '\\') {
        FIRN_RETURN_IF_ERROR(Escape());
      } else if (in_class_) {
        FIRN_RETURN_IF_ERROR(InClass(c));
      } else {
        FIRN_RETURN_IF_ERROR(Outside(c));
      }
    }
    return TranslatedRegexp{std::move(out_), std::move(groups_), std::move(line_ends_)};
  }

 private:
  Error Refused(std::string_view what) const {
    return Error(ErrorCode::kNotSupported, fmt::format("{} in the regular expression '{}' is not supported", what, base::Excerpt(pattern_)))
        .Hint("write it without look-around, back-references, possessive quantifiers and classes in classes");
  }
  char Take() {
    const char c = rest_[0];
    rest_.remove_prefix(1);
    return c;
  }
  bool TakeText(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  void AddLineEnd() {
    line_ends_.push_back(0);
    if (line_end_ == LineEnd::kTextEnd) {
      out_.append("\\z");
      return;
    }
    out_.append("(?:\\z|(").append(line_end_ == LineEnd::kBeforeCrLf ? "\\r\\n" : kOneLineEnd).append("\\z))");
    line_ends_.back() = ++group_count_;
  }
  void AddClass(std::string_view members) { out_.append(in_class_ ? "" : "[").append(members).append(in_class_ ? "" : "]"); }

  Status Outside(char c) {
    const bool follows_quantifier = std::exchange(is_quantified_, false);
    switch (c) {
      case '[':
        in_class_ = true;
        out_.push_back('[');
        if (TakeText("^")) out_.push_back('^');
        if (TakeText("]")) out_.append("\\]");
        return Ok();
      case '$':
        if (is_multiline_) break;
        AddLineEnd();
        return Ok();
      case '(':
        if (!rest_.starts_with("?")) {
          groups_.push_back(++group_count_);
          break;
        }
        if (rest_.starts_with("?P")) rest_ = {};  // of RE2 only: a group that is not closed is no pattern
        for (const char* look : {"?=", "?!", "?<=", "?<!", "?>"}) {
          if (rest_.starts_with(look)) return Refused("look-around");
        }
        if (TakeText("?<")) {
          const bool is_named = !rest_.empty() && ((rest_[0] | 0x20) >= 'a' && (rest_[0] | 0x20) <= 'z');
          out_.append(is_named ? "(?P<" : "(");
          groups_.push_back(++group_count_);
          if (!is_named) rest_ = {};  // a group that is not closed: no pattern
          return Ok();
        }
        break;
      case '.':
        out_.append(has_flags_ ? "." : "[^\\n\\r\\x{85}\\x{2028}\\x{2029}]");
        return Ok();
      case '{':
        if (!IsRepetition()) rest_ = {}, out_.push_back('(');  // a group that is not closed is no pattern
        break;
      case '+':
        if (follows_quantifier) return Refused("a possessive quantifier");
        is_quantified_ = true;
        break;
      case '*':
      case '?':
      case '}': is_quantified_ = !(c == '?' && follows_quantifier); break;  // x*? is reluctant
      default: break;
    }
    out_.push_back(c);
    return Ok();
  }

  Status InClass(char c) {
    if (c == '[') return Refused("a class in a class");
    if (c == '&' && rest_.starts_with("&")) return Refused("an intersection of classes");
    in_class_ = c != ']';
    out_.push_back(c);
    return Ok();
  }

  // Behind "{".
  bool IsRepetition() const {
    const std::string_view count = rest_.substr(0, rest_.find('}'));
    return count.size() < rest_.size() && !count.empty() && count[0] != ',' && count.find_first_not_of("0123456789,") == std::string_view::npos && std::count(count.begin(), count.end(), ',') <= 1;
  }

  // What stands behind a backslash.
  Status Escape() {
    is_quantified_ = false;
    if (rest_.empty()) {
      out_.push_back('\\');  // which is no pattern for RE2 either
      return Ok();
    }
    const char c = Take();
    switch (c) {
      case 'h': AddClass(kHorizontal); return Ok();
      case 's': AddClass(kSpace); return Ok();
      case 'S':
        if (in_class_) break;
        out_.append("[^").append(kSpace).append("]");
        return Ok();
      case 'R':
        if (in_class_) break;
        out_.append("(?:\\r\\n|[\\n\\x0B\\f\\r\\x{85}\\x{2028}\\x{2029}])");
        return Ok();
      case 'e': out_.append("\\x1B"); return Ok();
      case 'u': return Unicode();
      case 'x':
        out_.append("\\x");
        if (rest_.starts_with("{")) {
          const size_t end = std::min(rest_.find('}'), rest_.size() - 1) + 1;
          out_.append(rest_.substr(0, end));
          rest_.remove_prefix(end);
        }
        return Ok();
      case 'c':
        if (rest_.empty()) break;
        out_.append(fmt::format("\\x{:02X}", static_cast<unsigned>(static_cast<unsigned char>(Take()) ^ 64)));
        return Ok();
      case 'p':
      case 'P': return Property(c == 'P');
      case 'Q': return Quoted();
      case 'k': return Refused("a back-reference");
      case 'Z':
        if (in_class_) break;
        AddLineEnd();
        return Ok();
      case 'G': case 'H': case 'X': case 'N': return Refused(fmt::format("\\{}", c));
      default: break;
    }
    if (c >= '1' && c <= '9') return Refused("a back-reference");
    out_.push_back('\\');
    out_.push_back(c);
    return Ok();
  }

  Status Unicode() {
    const std::string_view digits = rest_.substr(0, 4);
    if (digits.size() < 4 || digits.find_first_not_of(kHexDigits) != std::string_view::npos) {
      out_.append("\\u");
      return Ok();
    }
    rest_.remove_prefix(4);
    if ((digits[0] | 0x20) == 'd' && std::string_view("89abcdefABCDEF").find(digits[1]) != std::string_view::npos) return Refused("half of a surrogate pair");
    out_.append("\\x{").append(digits).append("}");
    return Ok();
  }

  Status Property(bool is_negated) {
    if (!rest_.starts_with("{")) {
      out_.append(is_negated ? "\\P" : "\\p");
      return Ok();
    }
    const size_t end = rest_.find('}');
    if (end == std::string_view::npos) {
      out_.append("\\p");
      return Ok();
    }
    std::string_view name = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    for (const auto& [java, re2] : kPosix) {
      if (name != java) continue;
      AddClass(fmt::format("[:{}{}:]", is_negated ? "^" : "", re2));
      return Ok();
    }
    if (name.starts_with("java") || name.starts_with("In") || name.find('=') != std::string_view::npos) return Refused(fmt::format("\\p{{{}}}", name));
    if (name.starts_with("Is")) name.remove_prefix(2);
    out_.append(is_negated ? "\\P{" : "\\p{").append(name).append("}");
    return Ok();
  }

  // \Q...\E
  Status Quoted() {
    const size_t end = rest_.find("\\E");
    const std::string_view text = rest_.substr(0, end);
    for (const char c : text) {
      if (!IsLetterOrDigit(c) && (c & 0x80) == 0) out_.push_back('\\');
      out_.push_back(c);
    }
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 2);
    return Ok();
  }

  const std::string_view pattern_;
  std::string_view rest_;
  std::string out_;
  bool in_class_ = false;
  bool is_quantified_ = false;  // the last character is a quantifier
  bool has_flags_ = false;
  bool is_multiline_ = false;
  const LineEnd line_end_;
  int group_count_ = 0;            // of what comes out
  std::vector<int> groups_ = {0};
  std::vector<int> line_ends_;
};

// What Java does not take either: Flink gives NULL for it.
bool IsNoPattern(RE2::ErrorCode code) {
  switch (code) {
    case RE2::ErrorMissingParen:
    case RE2::ErrorUnexpectedParen:
    case RE2::ErrorMissingBracket:
    case RE2::ErrorTrailingBackslash:
    case RE2::ErrorRepeatArgument:
    case RE2::ErrorBadCharRange:
    case RE2::ErrorBadUTF8: return true;
    default: return false;
  }
}

// Of the line end that ends the text.
LineEnd LineEndOf(std::string_view text) {
  if (text.ends_with("\r\n")) return LineEnd::kBeforeCrLf;
  const bool has_one = text.ends_with('\n') || text.ends_with('\r') || text.ends_with("\u0085") || text.ends_with("\u2028") || text.ends_with("\u2029");
  return has_one ? LineEnd::kBeforeOne : LineEnd::kTextEnd;
}

}  // namespace

Result<TranslatedRegexp> RegexpOfJava(std::string_view pattern, LineEnd line_end) { return Translator(pattern, line_end).Translate(); }

Result<JavaRegexp::Compiled> JavaRegexp::CompileFor(std::string_view pattern, std::string_view written, LineEnd line_end) {
  FIRN_TRY(TranslatedRegexp translated, RegexpOfJava(pattern, line_end));
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(8 << 20);
  auto regexp = std::make_unique<RE2>(re2::StringPiece(translated.text.data(), translated.text.size()), options);
  if (!regexp->ok()) {
    if (IsNoPattern(regexp->error_code())) return Compiled{};
    return Error(ErrorCode::kNotSupported, fmt::format("the regular expression '{}' is not supported: {}", base::Excerpt(written), base::Excerpt(regexp->error())))
        .Hint("write it without look-around, back-references and possessive quantifiers");
  }
  const int expected = static_cast<int>(translated.groups.size()) - 1 + (line_end == LineEnd::kTextEnd ? 0 : static_cast<int>(translated.line_ends.size()));
  FIRN_ASSERT(regexp->NumberOfCapturingGroups() == expected, "{} groups, counted {}", regexp->NumberOfCapturingGroups(), expected);
  return Compiled{std::move(regexp), std::move(translated.groups), std::move(translated.line_ends)};
}

Result<std::unique_ptr<JavaRegexp>> JavaRegexp::Compile(std::string_view pattern, std::string_view written) {
  auto made = std::unique_ptr<JavaRegexp>(new JavaRegexp(pattern));
  FIRN_TRY(made->plain_, CompileFor(pattern, written, LineEnd::kTextEnd));
  if (made->plain_.regexp == nullptr) return std::unique_ptr<JavaRegexp>();
  made->has_line_end_ = !made->plain_.line_ends.empty();
  if (!made->has_line_end_) return made;
  for (const LineEnd line_end : {LineEnd::kBeforeOne, LineEnd::kBeforeCrLf}) {
    Compiled& before = made->before_[line_end == LineEnd::kBeforeOne ? 0 : 1];
    FIRN_TRY(before, CompileFor(pattern, written, line_end));
    if (before.regexp == nullptr) return std::unique_ptr<JavaRegexp>();
  }
  return made;
}

bool JavaRegexp::Match(std::string_view text, size_t at, RE2::Anchor anchor, std::span<re2::StringPiece> groups) {
  FIRN_ASSERT(static_cast<int>(groups.size()) <= group_count() + 1, "{} groups wanted of {}", groups.size(), group_count());
  const re2::StringPiece piece(text.data(), text.size());
  const LineEnd line_end = has_line_end_ ? LineEndOf(text) : LineEnd::kTextEnd;
  if (line_end == LineEnd::kTextEnd) return plain_.regexp->Match(piece, at, text.size(), anchor, groups.data(), static_cast<int>(groups.size()));
  const Compiled& before = before_[line_end == LineEnd::kBeforeOne ? 0 : 1];
  scratch_.resize(static_cast<size_t>(before.regexp->NumberOfCapturingGroups()) + 1);
  if (!before.regexp->Match(piece, at, text.size(), anchor, scratch_.data(), static_cast<int>(scratch_.size()))) return false;
  const char* end = text.data() + text.size();
  for (const int group : before.line_ends) {
    if (scratch_[static_cast<size_t>(group)].data() != nullptr) end = std::min(end, scratch_[static_cast<size_t>(group)].data());
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    groups[i] = scratch_[static_cast<size_t>(before.groups[i])];
    if (groups[i].data() == nullptr || groups[i].data() + groups[i].size() <= end) continue;
    const char* begin = std::min(groups[i].data(), end);
    groups[i] = re2::StringPiece(begin, static_cast<size_t>(end - begin));
  }
  return true;
}

}  // namespace firn::expr
