// SPDX-License-Identifier: Apache-2.0
// A number as one of another type, as Java converts it.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace firn::expr {

/// Floating numbers saturate at INT or BIGINT, NaN is 0; integers keep their low bits, also TINYINT and SMALLINT of a floating one.
template <typename To, typename From>
To NarrowNumber(From value) {
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    using Wide = std::conditional_t<sizeof(To) == 8, int64_t, int32_t>;
    if (std::isnan(value)) return 0;
    if (value >= static_cast<From>(std::numeric_limits<Wide>::max())) return static_cast<To>(std::numeric_limits<Wide>::max());
    if (value <= static_cast<From>(std::numeric_limits<Wide>::min())) return static_cast<To>(std::numeric_limits<Wide>::min());
    return static_cast<To>(static_cast<Wide>(value));
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace firn::expr
