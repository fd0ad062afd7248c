// SPDX-License-Identifier: Apache-2.0
// PRINTF: java.util.Formatter's formats over texts, booleans and numbers. A format or an argument that does not fit is NULL, as in Flink.
//
// A format is cut into pieces once if it is constant: a literal text, then a conversion %[index$][flags][width][.precision]letter.
// Doubles are rounded half up from their shortest digits, as Java does: '%.2f' of 1.005 is 1.01. Widths count characters.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/utf8.h"
#include "expr/function_groups_internal.h"
#include "expr/kernel_internal.h"
#include "expr/signatures_internal.h"
#include "expr/utf8_internal.h"
#include "types/value_text.h"

namespace firn::expr {

namespace {

using types::DataType;
using types::TypeKind;

struct Conversion {
  std::string text;     // in front of it
  char letter = 0;      // 0: there is none, the format ends
  size_t argument = 0;  // from 0
  bool is_left = false, is_zero_padded = false, has_plus = false, has_blank = false, is_grouped = false, has_parentheses = false, is_alternate = false;
  int64_t width = -1;
  int64_t precision = -1;
};
// Nothing: no valid format.
using Format = std::optional<std::vector<Conversion>>;

class FormatParser {
 public:
  FormatParser(std::string_view format, size_t argument_count, const Limits& limits) : rest_(format), argument_count_(argument_count), width_max_(limits.text_bytes) {}

  Result<Format> Parse() {
    std::vector<Conversion> conversions;
    while (true) {
      Conversion& next = conversions.emplace_back();
      const size_t percent = rest_.find('%');
      next.text = rest_.substr(0, percent);
      if (percent == std::string_view::npos) return Format(std::move(conversions));
      rest_.remove_prefix(percent + 1);
      FIRN_TRY(bool is_valid, ParseConversion(next));
      if (!is_valid) return Format();
    }
  }

 private:
  // Digits from the front; -1 if there are none, the limit if there are too many.
  int64_t TakeNumber() {
    int64_t number = -1;
    while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') {
      number = std::min<int64_t>(std::max<int64_t>(number, 0) * 10 + (rest_[0] - '0'), width_max_ + 1);
      rest_.remove_prefix(1);
    }
    return number;
  }

  // False for a flag that stands twice.
  bool TakeFlags(Conversion& next) {
    for (; !rest_.empty(); rest_.remove_prefix(1)) {
      bool* flag = FlagOf(next, rest_[0]);
      if (flag == nullptr) return true;
      if (*flag) return false;
      *flag = true;
    }
    return true;
  }
  static bool* FlagOf(Conversion& next, char c) {
    switch (c) {
      case '-': return &next.is_left;
      case '0': return &next.is_zero_padded;
      case '+': return &next.has_plus;
      case ' ': return &next.has_blank;
      case ',': return &next.is_grouped;
      case '(': return &next.has_parentheses;
      case '#': return &next.is_alternate;
      default: return nullptr;
    }
  }

  // "2$", or "<" for the argument of the conversion before.
  bool TakeIndex(std::optional<size_t>& index) {
    if (!rest_.empty() && rest_[0] == '<') {
      rest_.remove_prefix(1);
      index = last_;
      return last_.has_value();
    }
    const std::string_view before = rest_;
    const int64_t number = TakeNumber();
    if (number >= 0 && before[0] != '0' && !rest_.empty() && rest_[0] == '$') {
      rest_.remove_prefix(1);
      index = static_cast<size_t>(number - 1);
    } else {
      rest_ = before;
    }
    return true;
  }

  Result<bool> ParseConversion(Conversion& next) {
    const char* const begin = rest_.data();
    std::optional<size_t> index;
    if (!TakeIndex(index) || !TakeFlags(next)) return false;
    next.width = TakeNumber();
    if (!rest_.empty() && rest_[0] == '.') {
      rest_.remove_prefix(1);
      next.precision = TakeNumber();
      if (next.precision < 0) return false;
    }
    if (rest_.empty()) return false;
    next.letter = rest_[0];
    rest_.remove_prefix(1);
    if (next.width > width_max_ || next.precision > width_max_) {
      return Error(ErrorCode::kEvaluationError, fmt::format("PRINTF of %{}{} asks for more than {} bytes, the limit of a text", base::Excerpt(std::string_view(begin, static_cast<size_t>(rest_.data() - begin) - 1)), next.letter, width_max_))
          .Hint("give it a smaller width or precision");
    }
    if (std::string_view("aAgGhHtTSC").find(next.letter) != std::string_view::npos) {
      return Error(ErrorCode::kEvaluationError, fmt::format("PRINTF has no conversion %{}", next.letter)).Hint("there are %s %b %B %c %d %x %X %o %f %e %E %% and %n");
    }
    if (!FlagsFit(next)) return false;
    if (next.letter == '%' || next.letter == 'n') return true;
    if (!index) index = next_++;
    last_ = index;
    next.argument = *index;
    return next.argument < argument_count_;
  }

  static bool FlagsFit(const Conversion& next) {
    const bool has_sign = next.has_plus || next.has_blank || next.has_parentheses;
    if ((next.is_left || next.is_zero_padded) && next.width < 0) return false;
    if ((next.is_left && next.is_zero_padded) || (next.has_plus && next.has_blank)) return false;
    switch (next.letter) {
      case 's': case 'b': case 'B': return !has_sign && !next.is_zero_padded && !next.is_grouped && !next.is_alternate;
      case 'c': case '%': return !has_sign && !next.is_zero_padded && !next.is_grouped && !next.is_alternate && next.precision < 0;
      case 'n': return !has_sign && !next.is_zero_padded && !next.is_grouped && !next.is_alternate && next.precision < 0 && next.width < 0;
      case 'd': return !next.is_alternate && next.precision < 0;
      case 'x': case 'X': case 'o': return !has_sign && !next.is_grouped && next.precision < 0;
      case 'f': return true;
      case 'e': case 'E': return !next.is_grouped;
      default: return false;
    }
  }

  std::string_view rest_;
  size_t argument_count_;
  const int64_t width_max_;
  size_t next_ = 0;
  std::optional<size_t> last_;
};

// --- numbers ---

// 0.d1d2d3... * 10^exponent, shortest, of a finite number that is not negative.
struct Digits {
  std::string digits;
  int exponent = 0;
};

Digits ShortestDigits(double value) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t e = text.find('e');
  Digits result;
  for (char c : text.substr(0, e)) {
    if (c != '.') result.digits.push_back(c);
  }
  const std::string_view exponent = text.substr(e + (text[e + 1] == '+' ? 2 : 1));
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), result.exponent);
  result.exponent = value == 0 ? 1 : result.exponent + 1;
  return result;
}

// Keeps `count` digits (may be none or negative), half up.
void RoundTo(Digits& number, int64_t count) {
  if (count >= static_cast<int64_t>(number.digits.size())) return;
  const bool is_up = count >= 0 && number.digits[static_cast<size_t>(count)] >= '5';
  number.digits.resize(static_cast<size_t>(std::max<int64_t>(count, 0)));
  if (!is_up) return;
  size_t at = number.digits.size();
  while (at > 0 && number.digits[at - 1] == '9') number.digits[--at] = '0';
  if (at > 0) {
    ++number.digits[at - 1];
  } else {
    number.digits.insert(number.digits.begin(), '1');
    ++number.exponent;
  }
}

std::string Fixed(double value, int64_t precision, bool has_point) {
  Digits number = ShortestDigits(value);
  RoundTo(number, number.exponent + precision);
  auto digit = [&](int64_t at) { return at >= 0 && at < static_cast<int64_t>(number.digits.size()) ? number.digits[static_cast<size_t>(at)] : '0'; };
  std::string text;
  for (int64_t at = 0; at < number.exponent; ++at) text.push_back(digit(at));
  if (text.empty()) text = "0";
  if (precision > 0 || has_point) text.push_back('.');
  for (int64_t at = number.exponent; at < number.exponent + precision; ++at) text.push_back(digit(at));
  return text;
}

std::string Scientific(double value, int64_t precision, bool has_point) {
  Digits number = ShortestDigits(value);
  RoundTo(number, precision + 1);
  std::string text = number.digits.substr(0, 1);
  if (precision > 0 || has_point) text.push_back('.');
  std::string fraction = number.digits.substr(1, static_cast<size_t>(precision));
  fraction.resize(static_cast<size_t>(precision), '0');
  const int exponent = number.exponent - 1;
  return text + fraction + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
}

void Group(std::string& magnitude) {
  size_t at = std::min(magnitude.find('.'), magnitude.size());
  while (at > 3) {
    at -= 3;
    magnitude.insert(at, 1, ',');
  }
}

std::string Signed(const Conversion& conversion, bool is_negative, std::string magnitude, bool may_pad) {
  const bool is_wrapped = is_negative && conversion.has_parentheses;
  std::string sign = is_wrapped ? "(" : is_negative ? "-" : conversion.has_plus ? "+" : conversion.has_blank ? " " : "";
  if (conversion.is_zero_padded && may_pad) {
    const int64_t missing = conversion.width - static_cast<int64_t>(sign.size() + magnitude.size() + (is_wrapped ? 1 : 0));
    if (missing > 0) magnitude.insert(0, static_cast<size_t>(missing), '0');
  }
  return sign + magnitude + (is_wrapped ? ")" : "");
}

std::string Radix(const Conversion& conversion, uint64_t bits) {
  const bool is_octal = conversion.letter == 'o';
  std::string prefix = !conversion.is_alternate ? "" : is_octal ? "0" : "0x";
  std::string digits = is_octal ? fmt::format("{:o}", bits) : fmt::format("{:x}", bits);
  const int64_t missing = conversion.width - static_cast<int64_t>(prefix.size() + digits.size());
  if (conversion.is_zero_padded && missing > 0) digits.insert(0, static_cast<size_t>(missing), '0');
  std::string text = prefix + digits;
  if (conversion.letter == 'X') {
    for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  }
  return text;
}

// --- arguments ---

/// One argument column.
class Argument {
 public:
  Argument(const Column& column, const DataType& type) : column_(column), type_(type) {}

  // Nothing: the conversion does not take such an argument.
  Result<std::optional<std::string>> Text(const Conversion& conversion, int64_t row) const {
    const bool is_null = column_.array->IsNull(At(row));
    switch (conversion.letter) {
      case 's': return is_null ? "null" : Cell(row);
      case 'b': return Boolean(row, is_null) ? "true" : "false";
      case 'B': return Boolean(row, is_null) ? "TRUE" : "FALSE";
      default: break;
    }
    if (is_null) return Null(conversion);
    if (type_.IsInteger()) return Integer(conversion, row);
    if (type_.kind() == TypeKind::kFloat || type_.kind() == TypeKind::kDouble) return Floating(conversion, row);
    return std::optional<std::string>();
  }

 private:
  int64_t At(int64_t row) const { return column_.is_constant ? 0 : row; }

  Result<std::optional<std::string>> Cell(int64_t row) const {
    if (type_.kind() == TypeKind::kBoolean) return std::optional<std::string>(Boolean(row, false) ? "true" : "false");
    if (type_.IsCharacter()) return std::optional<std::string>(std::string(static_cast<const arrow::BinaryArray&>(*column_.array).GetView(At(row))));
    FIRN_TRY(std::string text, types::FormatCell(*column_.array, At(row), type_, "UTC"));
    return std::optional<std::string>(std::move(text));
  }
  bool Boolean(int64_t row, bool is_null) const { return !is_null && (type_.kind() != TypeKind::kBoolean || BooleanView(column_)[row]); }
  static std::optional<std::string> Null(const Conversion& conversion) {
    const std::string_view text = conversion.letter == 'X' || conversion.letter == 'E' ? "NULL" : "null";
    return std::string(text.substr(0, conversion.precision < 0 ? text.size() : static_cast<size_t>(conversion.precision)));
  }

  int64_t Long(int64_t row) const {
    switch (type_.kind()) {
      case TypeKind::kTinyInt: return FixedView<int8_t>(column_)[row];
      case TypeKind::kSmallInt: return FixedView<int16_t>(column_)[row];
      case TypeKind::kInt: return FixedView<int32_t>(column_)[row];
      default: return FixedView<int64_t>(column_)[row];
    }
  }
  uint64_t Bits(int64_t value) const {
    switch (type_.kind()) {
      case TypeKind::kTinyInt: return static_cast<uint8_t>(value);
      case TypeKind::kSmallInt: return static_cast<uint16_t>(value);
      case TypeKind::kInt: return static_cast<uint32_t>(value);
      default: return static_cast<uint64_t>(value);
    }
  }

  std::optional<std::string> Integer(const Conversion& conversion, int64_t row) const {
    const int64_t value = Long(row);
    switch (conversion.letter) {
      case 'x': case 'X': case 'o': return Radix(conversion, Bits(value));
      case 'c': {
        if (type_.kind() == TypeKind::kBigInt || value < 0 || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return std::nullopt;
        std::string text;
        AppendUtf8(static_cast<uint32_t>(value), &text);
        return text;
      }
      case 'd': {
        std::string magnitude = fmt::format("{}", value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value));
        if (conversion.is_grouped) Group(magnitude);
        return Signed(conversion, value < 0, std::move(magnitude), true);
      }
      default: return std::nullopt;
    }
  }

  std::optional<std::string> Floating(const Conversion& conversion, int64_t row) const {
    if (conversion.letter != 'f' && conversion.letter != 'e' && conversion.letter != 'E') return std::nullopt;
    const double value = type_.kind() == TypeKind::kFloat ? static_cast<double>(FixedView<float>(column_)[row]) : FixedView<double>(column_)[row];
    if (std::isnan(value)) return conversion.letter == 'E' ? "NAN" : "NaN";
    if (std::isinf(value)) return Signed(conversion, value < 0, conversion.letter == 'E' ? "INFINITY" : "Infinity", false);
    const int64_t precision = conversion.precision < 0 ? 6 : conversion.precision;
    const double size = std::abs(value);
    std::string magnitude = conversion.letter == 'f' ? Fixed(size, precision, conversion.is_alternate) : Scientific(size, precision, conversion.is_alternate);
    if (conversion.letter == 'E') magnitude[magnitude.find('e')] = 'E';
    if (conversion.is_grouped) Group(magnitude);
    return Signed(conversion, std::signbit(value), std::move(magnitude), true);
  }

  const Column& column_;
  const DataType& type_;
};

void AppendPadded(const Conversion& conversion, std::string_view text, std::string* out) {
  const bool is_cut = conversion.precision >= 0 && std::string_view("sbB").find(conversion.letter) != std::string_view::npos;
  if (is_cut) text = CodePoints(text, 0, conversion.precision);
  const int64_t missing = conversion.width < 0 ? 0 : conversion.width - CodePointCount(text);
  if (missing > 0 && !conversion.is_left) out->append(static_cast<size_t>(missing), ' ');
  out->append(text);
  if (missing > 0 && conversion.is_left) out->append(static_cast<size_t>(missing), ' ');
}

// False: an argument does not fit its conversion.
Result<bool> FormatRow(const std::vector<Conversion>& format, const std::vector<Argument>& arguments, int64_t row, const Limits& limits, std::string* out) {
  for (const Conversion& conversion : format) {
    out->append(conversion.text);
    if (conversion.letter == 'n') {
      out->push_back('\n');
    } else if (conversion.letter == '%') {
      AppendPadded(conversion, "%", out);
    } else if (conversion.letter != 0) {
      FIRN_ASSERT(conversion.argument < arguments.size(), "%{} of argument {} of {}", conversion.letter, conversion.argument, arguments.size());
      FIRN_TRY(std::optional<std::string> text, arguments[conversion.argument].Text(conversion, row));
      if (!text) return false;
      AppendPadded(conversion, *text, out);
    }
    if (static_cast<int64_t>(out->size()) > limits.text_bytes) return TextTooLong("PRINTF", limits);
  }
  return true;
}

Result<Column> Printf(const KernelInput& input) {
  const StringView formats(input.arguments[0]);
  std::vector<Argument> arguments;
  for (size_t i = 1; i < input.arguments.size(); ++i) arguments.emplace_back(input.arguments[i], input.argument_types[i]);
  auto maker = MakerOf<std::string>(input);
  Format format;
  std::string text;
  for (int64_t row = 0; row < input.row_count && !maker.is_full(); ++row) {
    if (!formats.IsValid(row)) {
      maker.SetNull(row);
      continue;
    }
    if (row == 0 || !input.arguments[0].is_constant) {
      FIRN_TRY(format, FormatParser(formats[row], arguments.size(), input.context.limits).Parse());
    }
    text.clear();
    bool is_done = false;
    if (format) {
      FIRN_TRY(is_done, FormatRow(*format, arguments, row, input.context.limits, &text));
    }
    if (is_done) {
      maker.Set(row, text);
    } else {
      maker.SetNull(row);
    }
  }
  return maker.Finish(false);
}

Result<Signature> BindPrintf(const CallSite& call) {
  bool is_supported = !call.types.empty() && call.types[0].IsCharacter();
  for (const DataType& type : call.types) is_supported &= type.IsCharacter() || type.IsNumeric() || type.kind() == TypeKind::kBoolean;
  if (!is_supported) return ArgumentError(call, "PRINTF(format, value, ...) with texts, numbers and booleans; cast others to STRING");
  return Signature{call.types, DataType::String()};
}

}  // namespace

std::vector<ScalarFunction> FormatFunctions() {
  return {{.names = {"PRINTF"},
           .category = "string",
           .syntax = "PRINTF(format, value, ...)",
           .doc = "Values in a text by Java's format strings; NULL if the format is none or a value does not fit it.",
           .examples = {{"PRINTF('%s has %05.1f', 'a', 2.25e0)", "a has 002.3"}, {"PRINTF('%,d|%-5x|', 1234567, 255)", "1,234,567|ff   |"}, {"PRINTF('%d', 'x')", "NULL"}},
           .bind = BindPrintf,
           .kernel = Printf,
           .is_strict = false,
           .can_fail = true}};
}

}  // namespace firn::expr
