// SPDX-License-Identifier: Apache-2.0
// Arrow's own results as ours. Include it from .cc files only: it pulls in Arrow's headers.
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <utility>

#include "base/result.h"

namespace firn::types {

/// Out of memory becomes kLimitExceeded, an I/O failure kIoError, a bad value kInvalidArgument, all else kDecodeError.
Error FromArrowError(const arrow::Status& status);

inline Status FromArrowStatus(const arrow::Status& status) {
  if (status.ok()) return Ok();
  return FromArrowError(status);
}

template <typename T>
Result<T> FromArrowResult(arrow::Result<T> result) {
  if (result.ok()) return std::move(result).ValueUnsafe();
  return FromArrowError(result.status());
}

}  // namespace firn::types
