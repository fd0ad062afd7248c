// SPDX-License-Identifier: Apache-2.0
// The blackhole connector: a sink that counts and forgets. For measuring what comes before it.
#pragma once

#include <memory>

#include "exec/connector.h"

namespace firn::connect {

std::unique_ptr<exec::Connector> MakeBlackholeConnector();

}  // namespace firn::connect
