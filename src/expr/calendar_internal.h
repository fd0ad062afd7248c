// SPDX-License-Identifier: Apache-2.0
// Units of the calendar and the clock, for EXTRACT, FLOOR TO, CEIL TO, TIMESTAMPADD and TIMESTAMPDIFF.
#pragma once

#include <optional>
#include <string>

#include "expr/kernel_internal.h"

namespace firn::expr {

enum class TimeUnit : uint8_t {
  kMicrosecond, kMillisecond, kSecond, kMinute, kHour, kDay, kWeek, kMonth, kQuarter, kYear, kDecade, kCentury, kMillennium,
  // of EXTRACT only
  kNanosecond, kEpoch, kDayOfWeek, kIsoDayOfWeek, kDayOfYear, kIsoYear,
};

/// "HOUR", "SQL_TSI_HOUR"; nullopt for what is no unit.
std::optional<TimeUnit> ParseTimeUnit(std::string_view name);
/// The unit that a literal argument names; kInvalidArgument otherwise.
Result<TimeUnit> UnitArgument(const CallSite& call, size_t index);

/// FLOOR(time TO unit), CEIL(time TO unit): the arguments are the time and the unit's name.
Result<Signature> BindRoundTime(const CallSite& call);
Result<Column> RoundTime(const KernelInput& input, bool up);

/// The literal interval of one unit that TIMESTAMPADD multiplies.
struct UnitInterval {
  bool is_months = false;
  int64_t amount = 0;  // months, or milliseconds
};
/// nullopt for units below a millisecond and those of EXTRACT.
std::optional<UnitInterval> IntervalOf(TimeUnit unit);

}  // namespace firn::expr
