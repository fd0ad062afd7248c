// SPDX-License-Identifier: Apache-2.0
// For tests: what must work, or the test stops there and prints the error.
#pragma once

#include <utility>

#include "base/assert.h"
#include "base/result.h"

namespace firn {

/// The value of a result that must be there.
template <typename T>
T Must(Result<T> result) {
  FIRN_ASSERT(result.ok(), "{}", result.error().ToString());
  return std::move(result).value();
}
inline void Must(Status status) { FIRN_ASSERT(status.ok(), "{}", status.error().ToString()); }

}  // namespace firn
