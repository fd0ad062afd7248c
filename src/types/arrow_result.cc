// SPDX-License-Identifier: Apache-2.0
#include "types/arrow_result.h"

namespace firn::types {

Error FromArrowError(const arrow::Status& status) {
  ErrorCode code = ErrorCode::kDecodeError;
  if (status.IsOutOfMemory() || status.IsCapacityError()) code = ErrorCode::kLimitExceeded;
  if (status.IsIOError()) code = ErrorCode::kIoError;
  if (status.IsInvalid() || status.IsTypeError() || status.IsIndexError() || status.IsKeyError()) {
    code = ErrorCode::kInvalidArgument;
  }
  if (status.IsNotImplemented()) code = ErrorCode::kNotSupported;
  return Error(code, status.message());
}

}  // namespace firn::types
