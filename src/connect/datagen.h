// SPDX-License-Identifier: Apache-2.0
// The datagen connector: rows made up by rule, as in Flink. A column is random (default) or a sequence; 'number-of-rows' bounds it,
// 'rows-per-second' paces it. Every row is a function of (seed, row number), so that a restored job goes on exactly where it was.
#pragma once

#include <memory>

#include "exec/connector.h"
#include "io/environment.h"

namespace firn::connect {

std::unique_ptr<exec::Connector> MakeDatagenConnector(const io::Environment& environment);

}  // namespace firn::connect
