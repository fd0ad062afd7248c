// SPDX-License-Identifier: Apache-2.0
#include "log/file_names.h"

#include <fmt/format.h>

#include <charconv>

namespace firn::log {

namespace {

template <typename Number>
std::optional<Number> ParseDigits(std::string_view digits) {
  Number number = 0;
  auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (fault != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string NumberedName(uint64_t number, std::string_view suffix) { return fmt::format("{:020}{}", number, suffix); }

std::optional<uint64_t> ParseNumberedName(std::string_view name, std::string_view suffix) {
  if (name.size() != 20 + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  return ParseDigits<uint64_t>(name.substr(0, 20));
}

std::optional<uint32_t> ParseFolderNumber(std::string_view name) {
  if (name.empty() || name.size() > 10 || (name[0] == '0' && name.size() > 1)) return std::nullopt;
  return ParseDigits<uint32_t>(name);
}

}  // namespace firn::log
