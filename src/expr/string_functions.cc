// SPDX-License-Identifier: Apache-2.0
// Functions over text. Positions and lengths count code points, from 1. Texts are UTF-8.
#include <fmt/format.h>
#include <unicode/ucasemap.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "expr/function_groups_internal.h"
#include "expr/kernel_internal.h"
#include "expr/signatures_internal.h"
#include "expr/utf8_internal.h"

namespace firn::expr {

namespace {

using types::DataType;
using types::TypeKind;

// --- case ---

struct CaseMapClose {
  void operator()(UCaseMap* map) const { ucasemap_close(map); }
};

template <auto kMap>
Result<std::string> MapCase(std::string_view text) {
  thread_local const std::unique_ptr<UCaseMap, CaseMapClose> map = [] {
    UErrorCode status = U_ZERO_ERROR;
    return std::unique_ptr<UCaseMap, CaseMapClose>(ucasemap_open("", 0, &status));
  }();
  UErrorCode status = U_ZERO_ERROR;
  std::string mapped(text.size() + 16, '\0');
  auto run = [&] {
    status = U_ZERO_ERROR;
    return kMap(map.get(), mapped.data(), static_cast<int32_t>(mapped.size()), text.data(), static_cast<int32_t>(text.size()), &status);
  };
  int32_t length = run();
  if (status == U_BUFFER_OVERFLOW_ERROR) {
    mapped.resize(static_cast<size_t>(length));
    length = run();
  }
  if (U_FAILURE(status)) return Error(ErrorCode::kEvaluationError, fmt::format("cannot change the case of '{}': {}", text, u_errorName(status)));
  mapped.resize(static_cast<size_t>(length));
  return mapped;
}

template <char kFirst, auto kMap>
Result<Column> CaseKernel(const KernelInput& input) {
  std::string ascii;
  return Map<std::string, std::string_view>(input, [&](std::string_view text) -> Result<std::string> {
    if (!IsAscii(text)) return MapCase<kMap>(text);
    ascii.assign(text);
    for (char& c : ascii) {
      if (c >= kFirst && c <= kFirst + 25) c ^= 0x20;
    }
    return ascii;
  });
}

Result<Column> InitCap(const KernelInput& input) {
  return Map<std::string, std::string_view>(input, [](std::string_view text) {
    std::string out(text);
    bool at_start = true;
    for (char& c : out) {
      const bool is_upper = c >= 'A' && c <= 'Z';
      const bool is_lower = c >= 'a' && c <= 'z';
      if ((at_start && is_lower) || (!at_start && is_upper)) c ^= 0x20;
      at_start = !is_upper && !is_lower && !(c >= '0' && c <= '9') && !(c & 0x80);
    }
    return out;
  });
}

// --- parts ---

// From `start` (1-based; 0 is 1; negative counts from the end) at most `count`.
std::optional<std::string_view> Substring(std::string_view text, int64_t start, int64_t count) {
  if (count < 0) return std::nullopt;
  const int64_t length = CodePointCount(text);
  const int64_t begin = start > 0 ? start - 1 : start == 0 ? 0 : length + start;
  if (begin < 0 || begin >= length) return std::string_view();
  const int64_t end = count > length - begin ? length : begin + count;
  return CodePoints(text, begin, end - begin);
}

std::optional<std::string> Owned(std::optional<std::string_view> text) {
  return text ? std::optional<std::string>(std::string(*text)) : std::nullopt;
}

Result<Column> SubstringKernel(const KernelInput& input) {
  if (input.arguments.size() == 2) {
    return Map<std::string, std::string_view, int64_t>(input, [](std::string_view text, int64_t start) {
      return Owned(Substring(text, start, std::numeric_limits<int32_t>::max()));
    });
  }
  return Map<std::string, std::string_view, int64_t, int64_t>(input, [](std::string_view text, int64_t start, int64_t count) { return Owned(Substring(text, start, count)); });
}

Result<Column> Left(const KernelInput& input) {
  return Map<std::string, std::string_view, int64_t>(input, [](std::string_view text, int64_t count) { return CodePoints(text, 0, std::max<int64_t>(count, 0)); });
}
Result<Column> Right(const KernelInput& input) {
  return Map<std::string, std::string_view, int64_t>(input, [](std::string_view text, int64_t count) {
    if (count <= 0) return std::string_view();
    return text.substr(ByteOf(text, std::max<int64_t>(CodePointCount(text) - count, 0)));
  });
}

// Without the code points of `set` at the ends that are asked for.
std::string_view Stripped(std::string_view text, std::string_view set, bool front, bool back) {
  auto has = [&](std::string_view c) { return set.find(c) != std::string_view::npos; };
  while (front && !text.empty()) {
    const std::string_view first = CodePoints(text, 0, 1);
    if (!has(first)) break;
    text.remove_prefix(first.size());
  }
  while (back && !text.empty()) {
    size_t at = text.size() - 1;
    while (at > 0 && !StartsCodePoint(text[at])) --at;
    if (!has(text.substr(at))) break;
    text = text.substr(0, at);
  }
  return text;
}

Result<Column> Trim(const KernelInput& input) {
  return Map<std::string, std::string_view, std::string_view, std::string_view>(input, [](std::string_view mode, std::string_view set, std::string_view text) {
    return Stripped(text, set, mode != "TRAILING", mode != "LEADING");
  });
}
template <bool kFront, bool kBack>
Result<Column> TrimEnds(const KernelInput& input) {
  if (input.arguments.size() == 1) {
    return Map<std::string, std::string_view>(input, [](std::string_view text) { return Stripped(text, " ", kFront, kBack); });
  }
  return Map<std::string, std::string_view, std::string_view>(input, [](std::string_view text, std::string_view set) { return Stripped(text, set, kFront, kBack); });
}

// --- joining ---

Result<Signature> BindConcatOperator(const CallSite& call) {
  const bool is_text = call.types.size() == 2 && call.types[0].IsCharacter() && call.types[1].IsCharacter();
  const bool is_bytes = call.types.size() == 2 && call.types[0].IsBytes() && call.types[1].IsBytes();
  if (!is_text && !is_bytes) return ArgumentError(call, "two strings, or two binaries; CAST(x AS STRING) makes one");
  const auto length = static_cast<int32_t>(std::min<int64_t>(int64_t{call.types[0].length()} + call.types[1].length(), types::kMaxLength));
  const bool is_fixed = call.types[0].kind() == call.types[1].kind() && (call.types[0].kind() == TypeKind::kChar || call.types[0].kind() == TypeKind::kBinary);
  DataType result = is_text ? (is_fixed ? DataType::Char(length) : DataType::Varchar(length)) : (is_fixed ? DataType::Binary(length) : DataType::Varbinary(length));
  return Signature{call.types, Strict(std::move(result), call)};
}

template <size_t kLeast>
Result<Signature> BindTexts(const CallSite& call) {
  bool fits = call.types.size() >= kLeast;
  for (const DataType& type : call.types) fits = fits && type.IsCharacter();
  if (!fits) return ArgumentError(call, "strings; CAST(x AS STRING) makes one");
  return Signature{call.types, Strict(DataType::String(), call)};
}

Result<Column> Concat(const KernelInput& input) {
  std::vector<StringView> views(input.arguments.begin(), input.arguments.end());
  const Limits& limits = input.context.limits;
  auto maker = MakerOf<std::string>(input);
  std::string text;
  for (int64_t row = 0; row < input.row_count && !maker.is_full(); ++row) {
    if (!std::all_of(views.begin(), views.end(), [row](const StringView& view) { return view.IsValid(row); })) {
      maker.SetNull(row);
      continue;
    }
    text.clear();
    for (const StringView& view : views) {
      text.append(view[row]);
      if (static_cast<int64_t>(text.size()) > limits.text_bytes) return TextTooLong("CONCAT", limits);
    }
    maker.Set(row, text);
  }
  return maker.Finish(false);
}

Result<Signature> BindConcatWs(const CallSite& call) {
  FIRN_TRY(Signature signature, BindTexts<2>(call));
  signature.result = Strict(DataType::String(), call);
  return signature;
}

Result<Column> ConcatWs(const KernelInput& input) {
  std::vector<StringView> views(input.arguments.begin(), input.arguments.end());
  const Limits& limits = input.context.limits;
  auto maker = MakerOf<std::string>(input);
  std::string text;
  for (int64_t row = 0; row < input.row_count && !maker.is_full(); ++row) {
    if (!views[0].IsValid(row)) {
      maker.SetNull(row);
      continue;
    }
    text.clear();
    bool is_first = true;
    for (size_t i = 1; i < views.size(); ++i) {
      if (!views[i].IsValid(row)) continue;
      if (!is_first) text.append(views[0][row]);
      text.append(views[i][row]);
      if (static_cast<int64_t>(text.size()) > limits.text_bytes) return TextTooLong("CONCAT_WS", limits);
      is_first = false;
    }
    maker.Set(row, text);
  }
  return maker.Finish(false);
}

Result<Column> Repeat(const KernelInput& input) {
  return Map<std::string, std::string_view, int64_t>(input, [&limits = input.context.limits](std::string_view text, int64_t count) -> Result<std::string> {
    std::string out;
    count = std::max<int64_t>(count, 0);
    if (text.empty()) return out;
    const auto size = static_cast<int64_t>(text.size());
    if (count > limits.text_bytes / size) return TextTooLong("REPEAT", limits);
    const auto total = static_cast<size_t>(count * size);
    out.reserve(total);
    out.append(text.substr(0, total));
    while (out.size() < total) out.append(out, 0, total - out.size());  // twice as much each time
    return out;
  });
}

template <bool kLeft>
Result<Column> Pad(const KernelInput& input) {
  return Map<std::string, std::string_view, int64_t, std::string_view>(input, [&limits = input.context.limits](std::string_view text, int64_t width, std::string_view pad) -> Result<std::optional<std::string>> {
    if (width < 0 || pad.empty()) return std::optional<std::string>();
    if (width > limits.text_bytes / 4) return TextTooLong(kLeft ? "LPAD" : "RPAD", limits);
    const int64_t length = CodePointCount(text);
    if (length >= width) return std::optional<std::string>(CodePoints(text, 0, width));
    std::string filling;
    const int64_t unit = CodePointCount(pad);
    int64_t missing = width - length;
    for (; missing >= unit; missing -= unit) filling.append(pad);
    filling.append(CodePoints(pad, 0, missing));
    return std::optional<std::string>(kLeft ? filling.append(text) : std::string(text).append(filling));
  });
}

// --- searching and replacing ---

// The 1-based place of the first `part` at or behind code point `from` (0-based); 0 if there is none.
int32_t Locate(std::string_view part, std::string_view text, int64_t from) {
  if (from < 0) return 0;
  const size_t found = text.find(part, ByteOf(text, from));
  return found == std::string_view::npos ? 0 : static_cast<int32_t>(CodePointCount(text.substr(0, found))) + 1;
}

Result<Column> Position(const KernelInput& input) {
  if (input.arguments.size() == 3) {
    return Map<int32_t, std::string_view, std::string_view, int64_t>(input, [](std::string_view part, std::string_view text, int64_t start) {
      return Locate(part, text, std::max<int64_t>(start, 1) - 1);
    });
  }
  return Map<int32_t, std::string_view, std::string_view>(input, [](std::string_view part, std::string_view text) { return Locate(part, text, 0); });
}

int32_t LocateNth(std::string_view text, std::string_view part, int64_t start, int64_t occurrence) {
  if (occurrence < 1 || start == 0 || part.empty()) return 0;
  if (start > 0) {
    int32_t found = Locate(part, text, start - 1);
    for (; occurrence > 1 && found > 0; --occurrence) found = Locate(part, text, found);
    return found;
  }
  const int64_t length = CodePointCount(text);
  size_t at = ByteOf(text, std::max<int64_t>(length + start, 0));  // backward from there
  for (;; --occurrence) {
    const size_t found = text.rfind(part, at);
    if (found == std::string_view::npos) return 0;
    if (occurrence == 1) return static_cast<int32_t>(CodePointCount(text.substr(0, found))) + 1;
    if (found == 0) return 0;
    at = found - 1;
  }
}

Result<Column> Instr(const KernelInput& input) {
  if (input.arguments.size() == 2) {
    return Map<int32_t, std::string_view, std::string_view>(input, [](std::string_view text, std::string_view part) { return Locate(part, text, 0); });
  }
  if (input.arguments.size() == 3) {
    return Map<int32_t, std::string_view, std::string_view, int64_t>(input, [](std::string_view text, std::string_view part, int64_t start) { return LocateNth(text, part, start, 1); });
  }
  return Map<int32_t, std::string_view, std::string_view, int64_t, int64_t>(
      input, [](std::string_view text, std::string_view part, int64_t start, int64_t occurrence) { return LocateNth(text, part, start, occurrence); });
}

// An empty `part` stands before every character and at the end, as in Java.
Result<std::string> Replaced(std::string_view text, std::string_view part, std::string_view by, const Limits& limits) {
  std::string out;
  size_t at = 0;  // what stands in front of it is done
  const auto add = [&](size_t from, size_t to) {
    out.append(text.substr(at, from - at)).append(by);
    at = to;
    return static_cast<int64_t>(out.size()) <= limits.text_bytes;
  };
  if (part.empty()) {
    for (size_t from = 0; from <= text.size(); ++from) {
      if ((from == text.size() || StartsCodePoint(text[from])) && !add(from, from)) return TextTooLong("REPLACE", limits);
    }
  } else {
    for (size_t found = text.find(part); found != std::string_view::npos; found = text.find(part, at)) {
      if (!add(found, found + part.size())) return TextTooLong("REPLACE", limits);
    }
  }
  return out.append(text.substr(at));
}

Result<Column> Replace(const KernelInput& input) {
  return Map<std::string, std::string_view, std::string_view, std::string_view>(input, [&](std::string_view text, std::string_view part, std::string_view by) { return Replaced(text, part, by, input.context.limits); });
}

Result<Column> Translate(const KernelInput& input) {
  return Map<std::string, std::string_view, std::string_view, std::string_view>(input, [](std::string_view text, std::string_view from, std::string_view to) {
    std::string out;
    while (!text.empty()) {
      const std::string_view c = CodePoints(text, 0, 1);
      const size_t found = from.find(c);
      if (found == std::string_view::npos) {
        out.append(c);
      } else {
        out.append(CodePoints(to, CodePointCount(from.substr(0, found)), 1));
      }
      text.remove_prefix(c.size());
    }
    return out;
  });
}

Result<std::string> Overlaid(std::string_view text, std::string_view with, int64_t start, int64_t count, const Limits& limits) {
  const int64_t length = CodePointCount(text);
  if (static_cast<int64_t>(text.size() + with.size()) > limits.text_bytes) return TextTooLong("OVERLAY", limits);
  if (start <= 0 || start > length) return std::string(text);
  std::string out(CodePoints(text, 0, start - 1));
  out.append(with);
  if (count < 0 || count > length - start) return out;
  return out.append(text.substr(ByteOf(text, start - 1 + count)));
}

Result<Signature> BindOverlay(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kText, Want::kText, Want::kBigInt, Want::kBigInt}, 3, "OVERLAY(string PLACING string FROM start [FOR length])"));
  DataType result = SizedText(int64_t{types[0].length()} + types[1].length());
  return Signature{std::move(types), Strict(std::move(result), call)};
}

Result<Column> Overlay(const KernelInput& input) {
  if (input.arguments.size() == 3) {
    return Map<std::string, std::string_view, std::string_view, int64_t>(
        input, [&](std::string_view text, std::string_view with, int64_t start) { return Overlaid(text, with, start, CodePointCount(with), input.context.limits); });
  }
  return Map<std::string, std::string_view, std::string_view, int64_t, int64_t>(
      input, [&](std::string_view text, std::string_view with, int64_t start, int64_t count) { return Overlaid(text, with, start, count, input.context.limits); });
}

template <bool kStart>
Result<Column> HasEnd(const KernelInput& input) {
  return Map<bool, std::string_view, std::string_view>(input, [](std::string_view text, std::string_view part) { return kStart ? text.starts_with(part) : text.ends_with(part); });
}

std::string ReversedText(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t end = text.size(); end > 0;) {
    size_t begin = end - 1;
    while (begin > 0 && !StartsCodePoint(text[begin])) --begin;
    out.append(text.substr(begin, end - begin));
    end = begin;
  }
  return out;
}
Result<Column> Reverse(const KernelInput& input) { return Map<std::string, std::string_view>(input, ReversedText); }

Result<Column> SplitIndex(const KernelInput& input) {
  return Map<std::string, std::string_view, std::string_view, int64_t>(input, [](std::string_view text, std::string_view separator, int64_t index) -> std::optional<std::string> {
    if (index < 0 || text.empty()) return std::nullopt;
    if (separator.empty()) return index == 0 ? std::optional<std::string>(text) : std::nullopt;
    size_t at = 0;
    for (;; --index) {
      const size_t end = text.find(separator, at);
      if (index == 0) return std::string(text.substr(at, end == std::string_view::npos ? end : end - at));
      if (end == std::string_view::npos) return std::nullopt;
      at = end + separator.size();
    }
  });
}

// --- numbers of characters ---

Result<Column> CharLength(const KernelInput& input) {
  return Map<int32_t, std::string_view>(input, [](std::string_view text) { return static_cast<int32_t>(CodePointCount(text)); });
}
Result<Column> Ascii(const KernelInput& input) {
  return Map<int32_t, std::string_view>(input, [](std::string_view text) { return text.empty() ? 0 : static_cast<int32_t>(static_cast<signed char>(text[0])); });
}
Result<Column> Chr(const KernelInput& input) {
  return Map<std::string, int64_t>(input, [](int64_t code) {
    std::string out;
    if (code < 0) return out;
    const auto low = static_cast<unsigned char>(code & 0xFF);
    if (low >= 0x80) {
      out.push_back(static_cast<char>(0xC0 | (low >> 6)));
      out.push_back(static_cast<char>(0x80 | (low & 0x3F)));
    } else {
      out.push_back(static_cast<char>(low));
    }
    return out;
  });
}

// ELT(index, text, text, ...)
Result<Signature> BindElt(const CallSite& call) {
  bool fits = call.types.size() >= 2 && call.types[0].IsInteger();
  for (size_t i = 1; i < call.types.size(); ++i) fits = fits && call.types[i].IsCharacter();
  if (!fits) return ArgumentError(call, "ELT(index, string, ...)");
  FIRN_TRY(DataType common, CommonType(std::span(call.types).subspan(1)));
  std::vector<DataType> types(call.types.size(), common);
  types[0] = DataType::BigInt();
  return Signature{std::move(types), common.WithNullable(true)};
}

Result<Column> Elt(const KernelInput& input) {
  const FixedView<int64_t> index(input.arguments[0]);
  std::vector<StringView> views(input.arguments.begin() + 1, input.arguments.end());
  auto maker = MakerOf<std::string>(input);
  for (int64_t row = 0; row < input.row_count; ++row) {
    const int64_t at = index.IsValid(row) ? index[row] : 0;
    if (at < 1 || at > static_cast<int64_t>(views.size()) || !views[static_cast<size_t>(at - 1)].IsValid(row)) {
      maker.SetNull(row);
    } else {
      maker.Set(row, views[static_cast<size_t>(at - 1)][row]);
    }
  }
  return maker.Finish(false);
}

std::vector<ScalarFunction> PartFunctions() {
  constexpr Want kText = Want::kText;
  constexpr Want kBigInt = Want::kBigInt;
  std::vector<ScalarFunction> functions = {
      {{"CHAR_LENGTH", "CHARACTER_LENGTH"}, "string", "CHAR_LENGTH(string)", "The number of characters.", {{"CHAR_LENGTH('abc')", "3"}}, BindTo<IntType, 1, kText>, CharLength},
      {{"UPPER"}, "string", "UPPER(string)", "In upper case.", {{"UPPER('abc')", "ABC"}}, BindSame<1, kText>, CaseKernel<'a', ucasemap_utf8ToUpper>},
      {{"LOWER"}, "string", "LOWER(string)", "In lower case.", {{"LOWER('ABC')", "abc"}}, BindSame<1, kText>, CaseKernel<'A', ucasemap_utf8ToLower>},
      {{"INITCAP"}, "string", "INITCAP(string)", "Each word with a capital first letter.", {{"INITCAP('hello world')", "Hello World"}}, BindSame<1, kText>, InitCap},
      {{"SUBSTRING", "SUBSTR"}, "string", "SUBSTRING(string, start[, length])", "A part; a negative start counts from the end.", {{"SUBSTRING('hello', 2, 3)", "ell"}}, BindWithin<0, true, 2, kText, kBigInt, kBigInt>, SubstringKernel},
      {{"LEFT"}, "string", "LEFT(string, length)", "The first characters.", {{"LEFT('hello', 2)", "he"}}, BindWithin<0, true, 2, kText, kBigInt>, Left},
      {{"RIGHT"}, "string", "RIGHT(string, length)", "The last characters.", {{"RIGHT('hello', 2)", "lo"}}, BindWithin<0, true, 2, kText, kBigInt>, Right},
      {{"TRIM"}, "string", "TRIM([BOTH|LEADING|TRAILING] [characters FROM] string)", "Without these characters at the ends.", {{"TRIM('  a ')", "a"}}, BindWithin<2, false, 3, kText, kText, kText>, Trim},
      {{"LTRIM"}, "string", "LTRIM(string[, characters])", "Without blanks, or these characters, in front.", {{"LTRIM('  a')", "a"}}, BindWithin<0, false, 1, kText, kText>, TrimEnds<true, false>},
      {{"RTRIM"}, "string", "RTRIM(string[, characters])", "Without blanks, or these characters, at the end.", {{"RTRIM('a  ')", "a"}}, BindWithin<0, false, 1, kText, kText>, TrimEnds<false, true>},
      {{"BTRIM"}, "string", "BTRIM(string[, characters])", "Without blanks, or these characters, at both ends.", {{"BTRIM(' a ')", "a"}}, BindTo<StringType, 1, kText, kText>, TrimEnds<true, true>},
      {{"SPLIT_INDEX"}, "string", "SPLIT_INDEX(string, separator, index)", "A field of separated text, counted from 0.", {{"SPLIT_INDEX('a,b,c', ',', 1)", "b"}}, BindNullable<StringType, 3, kText, kText, kBigInt>, SplitIndex},
      {{"REVERSE"}, "string", "REVERSE(string)", "The characters in reverse order.", {{"REVERSE('abc')", "cba"}}, BindNullable<StringType, 1, kText>, Reverse},
  };
  return functions;
}

std::vector<ScalarFunction> SearchFunctions() {
  constexpr Want kText = Want::kText;
  constexpr Want kBigInt = Want::kBigInt;
  std::vector<ScalarFunction> functions = {
      {{"||"}, "string", "string || string", "Both texts in a row.", {{"'a' || 'b'", "ab"}}, BindConcatOperator, Concat},
      {{"CONCAT"}, "string", "CONCAT(string, ...)", "All texts in a row; NULL if one is.", {{"CONCAT('a', 'b', 'c')", "abc"}}, BindTexts<1>, Concat},
      {{"CONCAT_WS"}, "string", "CONCAT_WS(separator, string, ...)", "The texts that are not NULL, with separators.", {{"CONCAT_WS('-', 'a', 'b')", "a-b"}}, BindConcatWs, ConcatWs},
      {{"REPEAT"}, "string", "REPEAT(string, count)", "The text several times.", {{"REPEAT('ab', 3)", "ababab"}}, BindTo<StringType, 2, kText, kBigInt>, Repeat},
      {{"LPAD"}, "string", "LPAD(string, length, pad)", "Padded in front to a length, or cut to it.", {{"LPAD('5', 3, '0')", "005"}}, BindNullable<StringType, 3, kText, kBigInt, kText>, Pad<true>},
      {{"RPAD"}, "string", "RPAD(string, length, pad)", "Padded behind to a length, or cut to it.", {{"RPAD('5', 3, '0')", "500"}}, BindNullable<StringType, 3, kText, kBigInt, kText>, Pad<false>},
      {{"POSITION", "LOCATE"}, "string", "POSITION(part IN string), LOCATE(part, string[, start])", "Where the part first stands, from 1; 0 if nowhere.", {{"POSITION('l' IN 'hello')", "3"}}, BindTo<IntType, 2, kText, kText, kBigInt>, Position},
      {{"INSTR"}, "string", "INSTR(string, part[, start[, occurrence]])", "Where the part stands, from 1; 0 if nowhere.", {{"INSTR('hello', 'l')", "3"}}, BindTo<IntType, 2, kText, kText, kBigInt, kBigInt>, Instr},
      {{"REPLACE"}, "string", "REPLACE(string, part, replacement)", "Every occurrence replaced.", {{"REPLACE('hello', 'l', 'L')", "heLLo"}}, BindTo<StringType, 3, kText, kText, kText>, Replace},
      {{"TRANSLATE"}, "string", "TRANSLATE(string, from, to)", "Characters of `from` become those of `to`, or go.", {{"TRANSLATE('hello', 'elo', 'i')", "hi"}}, BindTo<StringType, 3, kText, kText, kText>, Translate},
      {{"OVERLAY"}, "string", "OVERLAY(string PLACING string FROM start [FOR length])", "A part replaced by position.", {{"OVERLAY('abcdef' PLACING 'X' FROM 3)", "abXdef"}}, BindOverlay, Overlay},
      {{"STARTSWITH"}, "string", "STARTSWITH(string, prefix)", "Whether the text begins so.", {{"STARTSWITH('hello', 'he')", "TRUE"}}, BindTo<BooleanType, 2, kText, kText>, HasEnd<true>},
      {{"ENDSWITH"}, "string", "ENDSWITH(string, suffix)", "Whether the text ends so.", {{"ENDSWITH('hello', 'lo')", "TRUE"}}, BindTo<BooleanType, 2, kText, kText>, HasEnd<false>},
      {{"ASCII"}, "string", "ASCII(string)", "The number of the first byte; 0 for an empty text.", {{"ASCII('a')", "97"}}, BindTo<IntType, 1, kText>, Ascii},
      {{"CHR"}, "string", "CHR(number)", "The character of a number, modulo 256.", {{"CHR(97)", "a"}}, BindNullable<StringType, 1, kBigInt>, Chr},
      {{"ELT"}, "string", "ELT(index, string, ...)", "The index-th text, from 1; NULL beyond.", {{"ELT(2, 'a', 'b')", "b"}}, BindElt, Elt},
  };
  return functions;
}

}  // namespace

std::vector<ScalarFunction> StringFunctions() {
  std::vector<ScalarFunction> functions = PartFunctions();
  for (ScalarFunction& function : SearchFunctions()) functions.push_back(std::move(function));
  for (ScalarFunction& function : functions) {
    if (function.names[0] == "CONCAT_WS" || function.names[0] == "ELT") function.is_strict = false;
    for (const char* growing : {"||", "CONCAT", "CONCAT_WS", "REPEAT", "LPAD", "RPAD", "REPLACE", "OVERLAY"}) function.can_fail |= function.names[0] == growing;
  }
  return functions;
}

}  // namespace firn::expr
