// SPDX-License-Identifier: Apache-2.0
#include "base/error_render.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/utf8.h"

namespace firn::base {

namespace {

constexpr size_t kMaxExcerptColumns = 120;  // a longer line is cut around the span

struct Place {
  size_t line = 1;
  size_t line_begin = 0;  // byte
  size_t line_end = 0;    // byte
};

Place FindLine(std::string_view source, size_t at) {
  Place place;
  for (size_t i = 0; i < at; ++i) {
    if (source[i] == '\n') {
      ++place.line;
      place.line_begin = i + 1;
    }
  }
  place.line_end = std::min(source.find('\n', place.line_begin), source.size());
  FIRN_ASSERT(place.line_begin <= at && at <= place.line_end, "byte {} is not in its line, from {} to {}", at, place.line_begin, place.line_end);
  return place;
}

bool IsContinuation(std::string_view text, size_t at) { return at < text.size() && (text[at] & 0xc0) == 0x80; }

std::string Excerpt(const Error& error, const RenderOptions& options) {
  const size_t begin = std::min<size_t>(error.span()->begin, options.source.size());
  const size_t end = std::clamp<size_t>(error.span()->end, begin, options.source.size());
  const Place place = FindLine(options.source, begin);
  size_t from = place.line_begin;
  size_t to = place.line_end;
  if (to - from > kMaxExcerptColumns) {
    from = begin > place.line_begin + kMaxExcerptColumns / 2 ? begin - kMaxExcerptColumns / 2 : place.line_begin;
    to = std::min(place.line_end, from + kMaxExcerptColumns);
    while (from > place.line_begin && IsContinuation(options.source, from)) --from;
    while (to < place.line_end && IsContinuation(options.source, to)) ++to;
  }
  FIRN_ASSERT(from <= begin && begin <= to && to <= options.source.size(), "bytes {} to {} of {} are shown of what stands at {}", from, to, options.source.size(), begin);
  std::string line(options.source.substr(from, to - from));
  std::replace(line.begin(), line.end(), '\t', ' ');
  if (!line.empty() && line.back() == '\r') line.pop_back();
  const std::string_view before = options.source.substr(from, begin - from);
  const std::string_view marked = options.source.substr(begin, std::min(end, to) - std::min(begin, to));
  const std::string number = std::to_string(place.line);
  const std::string gutter(number.size() + 1, ' ');
  const size_t column = CountCodePoints(options.source.substr(place.line_begin, begin - place.line_begin)) + 1;
  std::string text = fmt::format("{}--> {}:{}:{}\n", gutter, options.source_name, place.line, column);
  text += fmt::format("{} |\n {} | {}\n", gutter, number, line);
  text += fmt::format("{} | {}{}{}{}\n", gutter, std::string(CountCodePoints(before), ' '),
                      std::string(std::max<size_t>(1, CountCodePoints(marked)), '^'), error.label().empty() ? "" : " ",
                      error.label());
  return text;
}

// "did you mean `price`?" needs no second line with the same name.
bool IsSaidByHint(const Error& error) { return error.candidates().size() == 1 && error.hint().starts_with("did you mean ") && error.hint().find(error.candidates()[0]) != std::string::npos; }

}  // namespace

std::string RenderError(const Error& error, const RenderOptions& options) {
  const std::string code = ErrorCodeText(error.code());
  std::string text = fmt::format("error[{}]: {}\n", code, error.message());
  std::string gutter = "  ";
  if (error.span() && !options.source.empty()) {
    text += Excerpt(error, options);
    gutter = std::string(std::to_string(FindLine(options.source, std::min<size_t>(error.span()->begin, options.source.size())).line).size() + 1, ' ');
  }
  for (const std::string& line : error.context()) text += fmt::format("{} = while: {}\n", gutter, line);
  if (!error.why().empty()) text += fmt::format("{} = why:  {}\n", gutter, error.why());
  if (!error.hint().empty()) text += fmt::format("{} = help: {}\n", gutter, error.hint());
  if (!error.candidates().empty() && !IsSaidByHint(error)) {
    text += fmt::format("{} = near: ", gutter);
    for (size_t i = 0; i < error.candidates().size(); ++i) {
      text += fmt::format("{}`{}`", i == 0 ? "" : ", ", error.candidates()[i]);
    }
    text += '\n';
  }
  text += fmt::format("{} = more: firn explain {}\n", gutter, code);
  return text;
}

}  // namespace firn::base
