// SPDX-License-Identifier: Apache-2.0
#include "formats/json_template_internal.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "base/assert.h"
#include "formats/record_format.h"

namespace firn::formats {

namespace {

constexpr size_t kLiteralMax = kRecordPadding - sizeof(uint64_t);
constexpr size_t kStepsMax = 256;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

const char* SkipPlain(const char* at) {
  const char* const begin = at;
  if (*at == '"') {
    for (++at; static_cast<int8_t>(*at) >= 0x20 && *at != '"' && *at != '\\'; ++at) {
      if (at - begin >= static_cast<std::ptrdiff_t>(kRecordPadding) - 2) return nullptr;
    }
    return *at == '"' ? at + 1 : nullptr;
  }
  for (const std::string_view word : {"true", "false", "null"}) {
    if (std::memcmp(at, word.data(), word.size()) == 0) return at + word.size();
  }
  if (*at == '-') ++at;
  const char* const digits = at;
  while (base::IsDigit(*at) && at - begin < static_cast<std::ptrdiff_t>(kRecordPadding) / 2) ++at;
  if (at == digits || (*digits == '0' && at - digits > 1)) return nullptr;
  if (*at == '.') {
    const char* const fraction = ++at;
    while (base::IsDigit(*at) && at - begin < static_cast<std::ptrdiff_t>(kRecordPadding) - 2) ++at;
    if (at == fraction) return nullptr;
  }
  return base::IsDigit(*at) || *at == 'e' || *at == 'E' ? nullptr : at;
}

JsonTemplate::Literal::Literal(std::string_view text) : size(static_cast<int64_t>(text.size())) {
  FIRN_ASSERT(text.size() <= kLiteralMax, "{} bytes would be read beyond a record, where {} may be", text.size(), kRecordPadding);
  for (size_t from = 0; from < text.size(); from += sizeof(uint64_t)) {
    Word word;
    const size_t count = std::min(sizeof(uint64_t), text.size() - from);
    std::memcpy(&word.bytes, text.data() + from, count);
    std::memset(&word.mask, 0xff, count);
    words.push_back(word);
  }
}

bool JsonTemplate::Literal::IsAt(const char* at) const {
  uint64_t difference = 0;
  for (const Word& word : words) {
    uint64_t bytes = 0;
    std::memcpy(&bytes, at, sizeof(bytes));
    difference |= (bytes ^ word.bytes) & word.mask;
    at += sizeof(bytes);
  }
  return difference == 0;
}

// The parser has found the record good, so that what is left to see is where names and values are.
void JsonTemplate::Learn(std::string_view record, const std::unordered_map<std::string, int>& columns, bool may_miss) {
  steps_.clear();
  missing_.clear();
  std::vector<Step> steps;
  std::vector<int> found;
  const char* const end = record.data() + record.size();
  const char* literal = record.data();
  const char* at = literal;
  while (true) {
    while (at < end && (IsBlank(*at) || *at == '{' || *at == ',')) ++at;
    if (at >= end || *at != '"') break;
    const char* const name = at + 1;
    at = SkipPlain(at);
    if (at == nullptr || at >= end) return;
    const auto known = columns.find(std::string(name, static_cast<size_t>(at - name) - 1));
    while (at < end && (IsBlank(*at) || *at == ':')) ++at;
    if (static_cast<size_t>(at - literal) > kLiteralMax || steps.size() == kStepsMax) return;
    const int column = known == columns.end() ? -1 : known->second;
    if (column >= 0 && std::find(found.begin(), found.end(), column) != found.end()) return;  // the last of a repeated name counts
    if (column >= 0) found.push_back(column);
    steps.push_back({Literal({literal, static_cast<size_t>(at - literal)}), column});
    literal = at = SkipPlain(at);
    if (at == nullptr || at > end) return;
  }
  if (at >= end || *at != '}' || static_cast<size_t>(end - literal) > kLiteralMax) return;
  for (const auto& [name, column] : columns) {
    if (std::find(found.begin(), found.end(), column) == found.end()) missing_.push_back(column);
  }
  if (!missing_.empty() && !may_miss) return;
  tail_ = Literal({literal, static_cast<size_t>(end - literal)});
  steps_ = std::move(steps);
}

bool JsonTemplate::Read(std::string_view record, const std::vector<std::unique_ptr<JsonReader>>& readers) const {
  const char* at = record.data();
  const char* const end = at + record.size();
  for (const Step& step : steps_) {
    if (at > end || !step.before.IsAt(at)) return false;
    at += step.before.size;
    if (at > end) return false;
    at = step.column < 0 ? SkipPlain(at) : readers[static_cast<size_t>(step.column)]->ReadPlain(at);
    if (at == nullptr) return false;
  }
  if (end - at != tail_.size || !tail_.IsAt(at)) return false;
  for (int column : missing_) readers[static_cast<size_t>(column)]->AppendNull();
  return true;
}

}  // namespace firn::formats
