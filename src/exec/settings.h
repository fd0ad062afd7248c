// SPDX-License-Identifier: Apache-2.0
// Reading a job's settings (SET 'key' = 'value').
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"

namespace firn::exec {

using Settings = std::map<std::string, std::string>;

/// Flink's durations: "200", "200 ms", "5s", "10 min", "1 h", "2 d"; a bare number is milliseconds. kInvalidOption names key and value.
Result<int64_t> DurationSettingMs(const Settings& settings, const std::string& key, int64_t otherwise);
Result<int64_t> IntegerSetting(const Settings& settings, const std::string& key, int64_t otherwise);
Result<double> NumberSetting(const Settings& settings, const std::string& key, double otherwise);
/// true/false in any case.
Result<bool> BooleanSetting(const Settings& settings, const std::string& key, bool otherwise);
/// Refuses settings under which no job could start.
Status CheckSettings(const Settings& settings);
std::string TextSetting(const Settings& settings, const std::string& key, const std::string& otherwise);

}  // namespace firn::exec
