// SPDX-License-Identifier: Apache-2.0
// The print connector: a sink that writes each row as a line, as Flink's does: "+I[a, 1]".
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "exec/connector.h"

namespace firn::connect {

/// `write` gets whole lines; called from workers, one at a time a lane.
std::unique_ptr<exec::Connector> MakePrintConnector(std::function<void(std::string_view)> write);

}  // namespace firn::connect
