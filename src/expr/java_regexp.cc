// SPDX-License-Identifier: Apache-2.0
#include "expr/java_regexp.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/utf8.h"

namespace firn::expr {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";
// Members of a class; outside of one they stand in brackets.
constexpr std::string_view kHorizontal = " \\t\\x{A0}\\x{1680}\\x{180E}\\x{2000}-\\x{200A}\\x{202F}\\x{205F}\\x{3000}";
constexpr std::string_view kSpace = " \\t\\n\\x0B\\f\\r";
constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kPosix = {{
    {"Lower", "lower"}, {"Upper", "upper"}, {"ASCII", "ascii"}, {"Alpha", "alpha"}, {"Digit", "digit"}, {"Alnum", "alnum"}, {"Punct", "punct"}, {"Graph", "graph"},
    {"Print", "print"}, {"Blank", "blank"}, {"Cntrl", "cntrl"}, {"XDigit", "xdigit"}, {"Space", "space"},
}};

bool IsLetterOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern), rest_(pattern) {
    // With flags in the pattern a point may mean any character.
    for (size_t at = pattern.find("(?"); at != std::string_view::npos; at = pattern.find("(?", at + 2)) has_flags_ |= at + 2 < pattern.size() && IsLetterOrDigit(pattern[at + 2]);
  }

  Result<std::string> Translate() {
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
    return std::move(out_);
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
      case '(':
        if (!rest_.starts_with("?")) break;
        for (const char* look : {"?=", "?!", "?<=", "?<!", "?>"}) {
          if (rest_.starts_with(look)) return Refused("look-around");
        }
        if (TakeText("?<")) {
          const bool is_named = !rest_.empty() && ((rest_[0] | 0x20) >= 'a' && (rest_[0] | 0x20) <= 'z');
          out_.append(is_named ? "(?P<" : "(");
          if (!is_named) rest_ = {};  // a group that is not closed: no pattern
          return Ok();
        }
        break;
      case '.':
        out_.append(has_flags_ ? "." : "[^\\n\\r\\x{85}\\x{2028}\\x{2029}]");
        return Ok();
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
      case 'c':
        if (rest_.empty()) break;
        out_.append(fmt::format("\\x{:02X}", static_cast<unsigned>(static_cast<unsigned char>(Take()) ^ 64)));
        return Ok();
      case 'p':
      case 'P': return Property(c == 'P');
      case 'Q': return Quoted();
      case 'k': return Refused("a back-reference");
      case 'Z': case 'G': case 'H': case 'X': case 'N': return Refused(fmt::format("\\{}", c));
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
};

}  // namespace

Result<std::string> RegexpOfJava(std::string_view pattern) { return Translator(pattern).Translate(); }

}  // namespace firn::expr
