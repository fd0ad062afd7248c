// SPDX-License-Identifier: Apache-2.0
// The kafka connector: topics of this node's broker, in process.
#pragma once

#include <memory>

#include "broker/topics.h"
#include "exec/connector.h"
#include "io/clock.h"

namespace firn::connect {

std::unique_ptr<exec::Connector> MakeKafkaConnector(broker::Topics& topics, const io::Clock& clock);

}  // namespace firn::connect
