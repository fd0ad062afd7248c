// SPDX-License-Identifier: Apache-2.0
#include "exec/settings.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "base/duration.h"
#include "exec/restart_policy.h"
#include "exec/scan_input.h"

namespace firn::exec {

namespace {

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

Error BadValue(const std::string& key, const std::string& value, const char* expected) {
  return Error(ErrorCode::kInvalidOption, fmt::format("'{}' is '{}'; it takes {}", key, value, expected));
}

}  // namespace

Result<int64_t> DurationSettingMs(const Settings& settings, const std::string& key, int64_t otherwise) {
  auto found = settings.find(key);
  if (found == settings.end()) return otherwise;
  const auto duration = base::ParseDurationMs(found->second);
  if (!duration) return BadValue(key, found->second, "a duration such as '200 ms', '5 s' or '10 min'");
  return *duration;
}

Result<int64_t> IntegerSetting(const Settings& settings, const std::string& key, int64_t otherwise) {
  auto found = settings.find(key);
  if (found == settings.end()) return otherwise;
  const std::string& text = found->second;
  int64_t number = 0;
  auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || rest != text.data() + text.size()) return BadValue(key, text, "a whole number");
  return number;
}

Result<double> NumberSetting(const Settings& settings, const std::string& key, double otherwise) {
  auto found = settings.find(key);
  if (found == settings.end()) return otherwise;
  const std::string& text = found->second;
  double number = 0;
  auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || rest != text.data() + text.size()) return BadValue(key, text, "a number");
  return number;
}

Result<bool> BooleanSetting(const Settings& settings, const std::string& key, bool otherwise) {
  auto found = settings.find(key);
  if (found == settings.end()) return otherwise;
  const std::string text = Lower(found->second);
  if (text != "true" && text != "false") return BadValue(key, found->second, "'true' or 'false'");
  return text == "true";
}

std::string TextSetting(const Settings& settings, const std::string& key, const std::string& otherwise) {
  auto found = settings.find(key);
  return found == settings.end() ? otherwise : found->second;
}

Status CheckSettings(const Settings& settings) {
  FIRN_RETURN_IF_ERROR(ScanOptionsOf(settings));
  FIRN_RETURN_IF_ERROR(RestartPolicy::Make(settings));
  for (const char* key : {"execution.checkpointing.interval", "execution.checkpointing.timeout"}) FIRN_RETURN_IF_ERROR(DurationSettingMs(settings, key, 0));
  FIRN_RETURN_IF_ERROR(BooleanSetting(settings, "table.exec.mini-batch.enabled", false));
  return Ok();
}

}  // namespace firn::exec
