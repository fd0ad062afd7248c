// SPDX-License-Identifier: Apache-2.0
// TCP through Boost.Asio: one thread, the reactor, owns all sockets.
#pragma once

#include <memory>

#include "io/network.h"

namespace firn::io {

/// kUnavailable if the system has no thread for the reactor.
Result<std::unique_ptr<Network>> MakeAsioNetwork();

}  // namespace firn::io
