// SPDX-License-Identifier: Apache-2.0
// What the system has refused for want of room, as errors that say what to allow more of.
#pragma once

#include <string>
#include <system_error>

#include "base/result.h"

namespace firn::io {

/// kUnavailable: the system has refused a thread. `purpose`: "for the network".
Error NoThreadError(const std::string& purpose, const std::error_code& reason);

/// kUnavailable: the system has refused a file descriptor. `purpose`: "for the network".
Error NoDescriptorError(const std::string& purpose, const std::error_code& reason);

/// The error with the next step if the reason, an errno, is that no more files may be open, or none so large.
Error HintAtFileLimit(Error error, int reason);

}  // namespace firn::io
