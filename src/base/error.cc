// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <iterator>
#include <utility>

#include "base/assert.h"

namespace firn::base {

namespace {

// InfoOf searches by halves: the registry's file is in the order of its numbers, and no number is there twice.
constexpr int kNumbers[] = {
#define FIRN_ERROR(number, name, http, kafka, title, text) number,
#include "base/error_registry.def"
#undef FIRN_ERROR
};
static_assert(std::is_sorted(std::begin(kNumbers), std::end(kNumbers), std::less_equal<>()), "error_registry.def: numbers ascend");

}  // namespace

const std::vector<ErrorInfo>& AllErrors() {
  static const std::vector<ErrorInfo>* const all = new std::vector<ErrorInfo>{
#define FIRN_ERROR(number, name, http, kafka, title, text) {ErrorCode::k##name, #name, http, kafka, title, text},
#include "base/error_registry.def"
#undef FIRN_ERROR
  };
  return *all;
}

const ErrorInfo& InfoOf(ErrorCode code) {
  const auto& all = AllErrors();
  auto found = std::lower_bound(all.begin(), all.end(), code,
                                [](const ErrorInfo& info, ErrorCode wanted) { return info.code < wanted; });
  FIRN_ASSERT(found != all.end() && found->code == code, "error code {} is not in the registry", static_cast<int>(code));
  return *found;
}

const ErrorInfo* FindErrorInfo(std::string_view text) {
  if (text.starts_with('E') || text.starts_with('e')) text.remove_prefix(1);
  int number = 0;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || end != text.data() + text.size()) return nullptr;
  for (const ErrorInfo& info : AllErrors()) {
    if (static_cast<int>(info.code) == number) return &info;
  }
  return nullptr;
}

std::string ErrorCodeText(ErrorCode code) { return fmt::format("E{}", static_cast<int>(code)); }

struct Error::Data {
  ErrorCode code;
  std::string message;
  std::optional<SourceSpan> span;
  std::string label;
  std::string why;
  std::string hint;
  std::vector<std::string> candidates;
  std::vector<std::string> context;
};

namespace {

constexpr size_t kTextBytesMax = 4000;  // of a message or a line of context: they quote names and values, which may have any size

// Without its middle if it is too long.
std::string Shortened(std::string text) {
  if (text.size() <= kTextBytesMax) return text;
  const auto boundary = [&text](size_t at) {
    while (at > 0 && (text[at] & 0xc0) == 0x80) --at;
    return at;
  };
  const size_t begin = boundary(kTextBytesMax / 2);
  const size_t end = boundary(text.size() - kTextBytesMax / 2);
  FIRN_ASSERT(begin <= end && end < text.size(), "a text of {} bytes without those from {} to {}", text.size(), begin, end);
  return fmt::format("{} ... {} bytes ... {}", std::string_view(text).substr(0, begin), end - begin, std::string_view(text).substr(end));
}

}  // namespace

Error::Error(ErrorCode code, std::string message) : data_(new Data{code, Shortened(std::move(message)), {}, {}, {}, {}, {}, {}}) {}
Error::Error(const Error& other) : data_(other.data_ ? new Data(*other.data_) : nullptr) {}
Error& Error::operator=(const Error& other) {
  if (this != &other) data_.reset(other.data_ ? new Data(*other.data_) : nullptr);
  return *this;
}
Error::Error(Error&&) noexcept = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::~Error() = default;

// Everything is asked for by the code: an error that was moved from, or a Result that holds none, is found here.
ErrorCode Error::code() const {
  FIRN_ASSERT(data_ != nullptr, "an error was used after it was moved from");
  return data_->code;
}
const std::string& Error::message() const { return data_->message; }
const std::optional<SourceSpan>& Error::span() const { return data_->span; }
const std::string& Error::label() const { return data_->label; }
const std::string& Error::why() const { return data_->why; }
const std::string& Error::hint() const { return data_->hint; }
const std::vector<std::string>& Error::candidates() const { return data_->candidates; }
const std::vector<std::string>& Error::context() const { return data_->context; }

Error&& Error::At(SourceSpan span, std::string label) && {
  FIRN_ASSERT(data_ != nullptr && span.begin <= span.end, "an error at bytes {} to {}", span.begin, span.end);
  data_->span = span;
  data_->label = Shortened(std::move(label));
  return std::move(*this);
}
Error&& Error::Why(std::string text) && {
  data_->why = Shortened(std::move(text));
  return std::move(*this);
}
Error&& Error::Hint(std::string text) && {
  data_->hint = Shortened(std::move(text));
  return std::move(*this);
}
Error&& Error::Candidates(std::vector<std::string> names) && {
  FIRN_ASSERT(std::count(names.begin(), names.end(), "") == 0, "one of {} near names is empty", names.size());
  data_->candidates = std::move(names);
  return std::move(*this);
}
Error&& Error::Context(std::string text) && {
  FIRN_ASSERT(!text.empty(), "a line of context says nothing");
  data_->context.push_back(Shortened(std::move(text)));
  return std::move(*this);
}

std::string Error::ToString() const {
  std::string text = fmt::format("{} {}: {}", ErrorCodeText(code()), InfoOf(code()).title, message());
  for (const std::string& line : context()) text += fmt::format(" (while {})", line);
  if (!hint().empty()) text += fmt::format("; {}", hint());
  return text;
}

namespace {

// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours cost one each.
int EditDistance(std::string_view left, std::string_view right) {
  std::vector<int> before_last(right.size() + 1), last(right.size() + 1), current(right.size() + 1);
  for (size_t j = 0; j <= right.size(); ++j) last[j] = static_cast<int>(j);
  for (size_t i = 1; i <= left.size(); ++i) {
    current[0] = static_cast<int>(i);
    for (size_t j = 1; j <= right.size(); ++j) {
      int substitution = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      current[j] = std::min({last[j] + 1, current[j - 1] + 1, substitution});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1]) {
        current[j] = std::min(current[j], before_last[j - 2] + 1);
      }
    }
    std::swap(before_last, last);
    std::swap(last, current);
  }
  const int distance = last[right.size()];
  FIRN_ASSERT(distance >= 0 && distance <= static_cast<int>(std::max(left.size(), right.size())), "{} steps from '{}' to '{}'", distance, left, right);
  return distance;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace

std::vector<std::string> NearNames(std::string_view name, const std::vector<std::string>& known) {
  constexpr size_t kMaxCandidates = 3;
  constexpr size_t kMaxNameLength = 128;  // the distance is quadratic; longer names have no useful neighbours
  if (name.size() > kMaxNameLength) return {};
  const int limit = std::max<int>(1, static_cast<int>(name.size()) / 3);
  std::vector<std::pair<int, std::string>> near;
  for (const std::string& candidate : known) {
    if (candidate.size() > kMaxNameLength) continue;
    int distance = EditDistance(Lower(name), Lower(candidate));
    // Not where nothing of the name is left: every name of one letter is one step from every other.
    const int length = static_cast<int>(std::max(name.size(), candidate.size()));
    if (distance <= limit && distance < length) near.emplace_back(distance, candidate);
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> names;
  for (auto& [distance, candidate] : near) {
    if (names.size() == kMaxCandidates) break;
    if (names.empty() || names.back() != candidate) names.push_back(std::move(candidate));
  }
  FIRN_ASSERT(names.size() <= kMaxCandidates, "{} near names of '{}'", names.size(), name);
  return names;
}

}  // namespace firn::base
