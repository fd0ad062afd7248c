// SPDX-License-Identifier: Apache-2.0
// LIKE, SIMILAR TO and the REGEXP functions. Patterns are compiled once a batch where they are constant. Regular expressions are RE2's: what Java has
// besides (look-around, back-references, possessive quantifiers) is refused, since taking time exponential in the text is not an option here. A
// pattern that is none gives NULL, and to REGEXP FALSE, as in Flink.
#include <fmt/format.h>
#include <re2/re2.h>

#include <memory>

#include "base/utf8.h"
#include "expr/function_groups_internal.h"
#include "expr/java_regexp.h"
#include "expr/like_pattern.h"
#include "expr/list_view_internal.h"
#include "expr/signatures_internal.h"
#include "expr/utf8_internal.h"

namespace firn::expr {

namespace {

using types::DataType;

// Compiles the pattern of a row, unless it is the last row's. `compile` gives a Result.
template <typename Pattern, typename Compile>
class LastPattern {
 public:
  explicit LastPattern(Compile compile) : compile_(std::move(compile)) {}
  Result<Pattern*> Get(std::string_view text) {
    if (!pattern_ || text != text_) {
      FIRN_TRY(Pattern pattern, compile_(text));
      pattern_.emplace(std::move(pattern));
      text_ = text;
    }
    return &*pattern_;
  }

 private:
  Compile compile_;
  std::optional<Pattern> pattern_;
  std::string text_;
};
template <typename Pattern, typename Compile>
LastPattern<Pattern, Compile> MakeLastPattern(Compile compile) {
  return LastPattern<Pattern, Compile>(std::move(compile));
}

// Null: the text is no regular expression.
using Regexp = std::unique_ptr<JavaRegexp>;

auto RegexpCache() {
  return MakeLastPattern<Regexp>([](std::string_view text) { return JavaRegexp::Compile(text, text); });
}

// --- LIKE, SIMILAR TO ---

// A pattern and its escape character are one key, in which the end of the pattern can be told: 'a' ESCAPE 'b' is not 'ab' ESCAPE ''.
void SetKey(std::string_view pattern, std::string_view escape, std::string* keyed) {
  keyed->assign(pattern).append(escape).push_back(static_cast<char>(std::min<size_t>(escape.size(), 127)));  // one that is longer than a character is refused
}
std::string_view PatternOf(std::string_view keyed, std::string_view escape) {
  FIRN_ASSERT(keyed.size() > escape.size() && keyed.substr(keyed.size() - escape.size() - 1, escape.size()) == escape, "'{}' is no key of a pattern with the escape character '{}'", keyed, escape);
  return keyed.substr(0, keyed.size() - escape.size() - 1);
}

template <size_t kRequired>
Result<Signature> BindLike(const CallSite& call) {
  return BindTo<BooleanType, kRequired, Want::kText, Want::kText, Want::kText>(call);
}

Result<Column> Like(const KernelInput& input) {
  if (input.arguments.size() == 2) {
    auto patterns = MakeLastPattern<LikePattern>([](std::string_view text) { return LikePattern::Parse(text, ""); });
    return Map<bool, std::string_view, std::string_view>(input, [&](std::string_view text, std::string_view pattern) -> Result<bool> {
      FIRN_TRY(const LikePattern* like, patterns.Get(pattern));
      return like->Matches(text);
    });
  }
  std::string escape;
  auto patterns = MakeLastPattern<LikePattern>([&](std::string_view keyed) { return LikePattern::Parse(PatternOf(keyed, escape), escape); });
  std::string keyed;
  return Map<bool, std::string_view, std::string_view, std::string_view>(input, [&](std::string_view text, std::string_view pattern, std::string_view given) -> Result<bool> {
    escape = given;
    SetKey(pattern, given, &keyed);
    FIRN_TRY(const LikePattern* like, patterns.Get(keyed));
    return like->Matches(text);
  });
}

Result<Column> SimilarTo(const KernelInput& input) {
  std::string escape;
  auto patterns = MakeLastPattern<Regexp>([&](std::string_view keyed) -> Result<Regexp> {
    const std::string_view text = PatternOf(keyed, escape);
    FIRN_TRY(std::string translated, SimilarToRegexp(text, escape));
    FIRN_TRY(Regexp regexp, JavaRegexp::Compile(translated, text));
    if (regexp == nullptr) return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no pattern of SIMILAR TO", base::Excerpt(text))).Hint("% and _ stand for any text and any character; a special one is escaped by the character that ESCAPE names");
    return regexp;
  });
  std::string keyed;
  const auto match = [&](std::string_view text, std::string_view pattern, std::string_view given) -> Result<bool> {
    escape = given;
    SetKey(pattern, given, &keyed);
    FIRN_TRY(const Regexp* regexp, patterns.Get(keyed));
    return (*regexp)->MatchesWhole(text);
  };
  if (input.arguments.size() == 2) {
    return Map<bool, std::string_view, std::string_view>(input, [&](std::string_view text, std::string_view pattern) { return match(text, pattern, ""); });
  }
  return Map<bool, std::string_view, std::string_view, std::string_view>(input, match);
}

// --- REGEXP... ---

Result<Column> Matches(const KernelInput& input) {
  auto patterns = RegexpCache();
  return Map<bool, std::string_view, std::string_view>(input, [&](std::string_view text, std::string_view pattern) -> Result<bool> {
    if (pattern.empty()) return false;
    FIRN_TRY(const Regexp* regexp, patterns.Get(pattern));
    return *regexp != nullptr && (*regexp)->Match(text, 0, RE2::UNANCHORED, {});
  });
}

// Group `index` of the first match; nothing without one.
Result<std::optional<std::string>> Extracted(const Regexp& regexp, std::string_view text, int64_t index) {
  std::optional<std::string> result;
  if (regexp == nullptr || index < 0 || index > regexp->group_count()) return result;
  std::vector<re2::StringPiece> groups(static_cast<size_t>(index) + 1);
  if (!regexp->Match(text, 0, RE2::UNANCHORED, groups)) return result;
  if (groups.back().data() != nullptr) result.emplace(groups.back().data(), groups.back().size());
  return result;
}

Result<Column> RegexpExtract(const KernelInput& input) {
  auto patterns = RegexpCache();
  const auto extract = [&](std::string_view text, std::string_view pattern, int64_t index) -> Result<std::optional<std::string>> {
    FIRN_TRY(const Regexp* regexp, patterns.Get(pattern));
    return Extracted(*regexp, text, index);
  };
  if (input.arguments.size() == 2) {
    return Map<std::string, std::string_view, std::string_view>(input, [&](std::string_view text, std::string_view pattern) { return extract(text, pattern, 0); });
  }
  return Map<std::string, std::string_view, std::string_view, int64_t>(input, extract);
}

// Calls `visit` with each match's start and length in bytes, the leftmost first, none overlapping; stops when it gives false.
template <typename Visit>
void ForEachMatch(JavaRegexp& regexp, std::string_view text, const Visit& visit) {
  re2::StringPiece match;
  for (size_t at = 0; at <= text.size() && regexp.Match(text, at, RE2::UNANCHORED, {&match, 1});) {
    const auto begin = static_cast<size_t>(match.data() - text.data());
    if (!visit(begin, match.size())) return;
    at = begin + match.size();
    if (!match.empty()) continue;
    for (++at; at < text.size() && !StartsCodePoint(text[at]);) ++at;
  }
}

// The replacement is taken as it stands: $1 is no group.
Result<Column> RegexpReplace(const KernelInput& input) {
  const Limits& limits = input.context.limits;
  auto patterns = RegexpCache();
  return Map<std::string, std::string_view, std::string_view, std::string_view>(
      input, [&](std::string_view text, std::string_view pattern, std::string_view by) -> Result<std::optional<std::string>> {
        FIRN_TRY(const Regexp* regexp, patterns.Get(pattern));
        if (*regexp == nullptr) return std::optional<std::string>();
        std::string out;
        size_t copied = 0;
        ForEachMatch(**regexp, text, [&](size_t begin, size_t size) {
          out.append(text.substr(copied, begin - copied)).append(by);
          copied = begin + size;
          return static_cast<int64_t>(out.size()) <= limits.text_bytes;
        });
        if (static_cast<int64_t>(out.size()) > limits.text_bytes) return TextTooLong("REGEXP_REPLACE", limits);
        return std::optional<std::string>(out.append(text.substr(copied)));
      });
}

Result<Column> Count(const KernelInput& input) {
  auto patterns = RegexpCache();
  return Map<int32_t, std::string_view, std::string_view>(input, [&](std::string_view text, std::string_view pattern) -> Result<std::optional<int32_t>> {
    FIRN_TRY(const Regexp* regexp, patterns.Get(pattern));
    if (*regexp == nullptr) return std::optional<int32_t>();
    int32_t count = 0;
    ForEachMatch(**regexp, text, [&](size_t, size_t) { return ++count > 0; });
    return std::optional<int32_t>(count);
  });
}

Result<Column> RegexpInstr(const KernelInput& input) {
  auto patterns = RegexpCache();
  return Map<int32_t, std::string_view, std::string_view>(input, [&](std::string_view text, std::string_view pattern) -> Result<std::optional<int32_t>> {
    FIRN_TRY(const Regexp* regexp, patterns.Get(pattern));
    if (*regexp == nullptr) return std::optional<int32_t>();
    int32_t place = 0;
    ForEachMatch(**regexp, text, [&](size_t begin, size_t) {
      place = static_cast<int32_t>(CodePointCount(text.substr(0, begin))) + 1;
      return false;
    });
    return std::optional<int32_t>(place);
  });
}

Result<Column> Substr(const KernelInput& input) {
  auto patterns = RegexpCache();
  return Map<std::string, std::string_view, std::string_view>(input, [&](std::string_view text, std::string_view pattern) -> Result<std::optional<std::string>> {
    FIRN_TRY(const Regexp* regexp, patterns.Get(pattern));
    return Extracted(*regexp, text, 0);
  });
}

Result<Signature> BindExtractAll(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kText, Want::kText, Want::kBigInt}, 2, "REGEXP_EXTRACT_ALL(string, regexp[, group])"));
  return Signature{std::move(types), DataType::Array(DataType::String())};
}

// Group 1 of every match, or another.
Result<Column> ExtractAll(const KernelInput& input) {
  auto patterns = RegexpCache();
  const StringView texts(input.arguments[0]);
  const StringView regexps(input.arguments[1]);
  ListMaker lists(input.context.limits);
  TextElements values(input.context.limits);
  for (int64_t row = 0; row < input.row_count && !values.is_full(); ++row) {
    int64_t index = 1;
    bool is_null = !texts.IsValid(row) || !regexps.IsValid(row);
    if (input.arguments.size() == 3) {
      const FixedView<int64_t> indices(input.arguments[2]);
      is_null |= !indices.IsValid(row);
      if (!is_null) index = indices[row];
    }
    JavaRegexp* regexp = nullptr;
    if (!is_null) {
      FIRN_TRY(const Regexp* compiled, patterns.Get(regexps[row]));
      regexp = compiled->get();
    }
    if (regexp == nullptr || index < 0 || index > regexp->group_count()) {
      lists.EndNull();
      continue;
    }
    const std::string_view text = texts[row];
    std::vector<re2::StringPiece> groups(static_cast<size_t>(index) + 1);
    ForEachMatch(*regexp, text, [&](size_t begin, size_t) {
      regexp->Match(text, begin, RE2::ANCHOR_START, groups);
      const re2::StringPiece& group = groups.back();
      lists.Add(values.count());
      group.data() == nullptr ? values.AppendNull() : values.Append({group.data(), group.size()});
      return !values.is_full();
    });
    lists.EndRow();
  }
  FIRN_TRY(const types::ArrayPtr array, values.Finish());
  return lists.FinishList(input.result_type, array);
}

}  // namespace

std::vector<ScalarFunction> RegexpFunctions() {
  constexpr Want kText = Want::kText;
  constexpr Want kBigInt = Want::kBigInt;
  std::vector<ScalarFunction> functions = {
      {{"LIKE"}, "comparison", "string LIKE pattern [ESCAPE character]", "Whether the text is like the pattern: % is any text, _ any character.", {{"'abc' LIKE 'a%'", "TRUE"}}, BindLike<2>, Like},
      {{"SIMILAR TO"}, "comparison", "string SIMILAR TO pattern [ESCAPE character]", "Whether the whole text matches SQL's regular expression.", {{"'abc' SIMILAR TO '[a-c]+'", "TRUE"}}, BindLike<2>, SimilarTo},
      {{"REGEXP"}, "string", "REGEXP(string, regexp)", "Whether some part of the text matches.", {{"REGEXP('abc123', '[0-9]+')", "TRUE"}}, BindTo<BooleanType, 2, kText, kText>, Matches},
      {{"REGEXP_EXTRACT"}, "string", "REGEXP_EXTRACT(string, regexp[, group])", "A group of the first match, 0 is all of it; NULL without a match.", {{"REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', 2)", "bar"}}, BindNullable<StringType, 2, kText, kText, kBigInt>, RegexpExtract},
      {{"REGEXP_EXTRACT_ALL"}, "string", "REGEXP_EXTRACT_ALL(string, regexp[, group])", "Group 1, or another, of every match.", {{"REGEXP_EXTRACT_ALL('a1b22', '([0-9]+)')", "[1, 22]"}}, BindExtractAll, ExtractAll},
      {{"REGEXP_REPLACE"}, "string", "REGEXP_REPLACE(string, regexp, replacement)", "Every match replaced.", {{"REGEXP_REPLACE('foobar', 'oo|ar', '')", "fb"}}, BindTo<StringType, 3, kText, kText, kText>, RegexpReplace},
      {{"REGEXP_COUNT"}, "string", "REGEXP_COUNT(string, regexp)", "How many parts match.", {{"REGEXP_COUNT('aaaa', 'aa')", "2"}}, BindNullable<IntType, 2, kText, kText>, Count},
      {{"REGEXP_INSTR"}, "string", "REGEXP_INSTR(string, regexp)", "Where the first match begins, from 1; 0 without one.", {{"REGEXP_INSTR('hello', 'l+')", "3"}}, BindNullable<IntType, 2, kText, kText>, RegexpInstr},
      {{"REGEXP_SUBSTR"}, "string", "REGEXP_SUBSTR(string, regexp)", "The first match; NULL without one.", {{"REGEXP_SUBSTR('hello', 'l+')", "ll"}}, BindNullable<StringType, 2, kText, kText>, Substr},
  };
  for (ScalarFunction& function : functions) function.can_fail = true;
  return functions;
}

}  // namespace firn::expr
