// SPDX-License-Identifier: Apache-2.0
// Task queues with a thread each.
#pragma once

#include <memory>

#include "io/executor.h"

namespace firn::io {

std::unique_ptr<Executor> MakeThreadExecutor();

}  // namespace firn::io
