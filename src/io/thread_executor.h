// SPDX-License-Identifier: Apache-2.0
// Task queues with a thread each.
#pragma once

#include <memory>
#include <string>
#include <system_error>

#include "io/executor.h"

namespace firn::io {

std::unique_ptr<Executor> MakeThreadExecutor();

/// kUnavailable: the system has refused a thread. `purpose`: "for the network".
Error NoThreadError(const std::string& purpose, const std::error_code& reason);

}  // namespace firn::io
