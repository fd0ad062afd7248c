// SPDX-License-Identifier: Apache-2.0
// Reads topics of this node's broker, in process: slices of the log's memory go straight into the format's decoder.
#pragma once

#include <memory>

#include "broker/topics.h"
#include "connect/kafka_table.h"
#include "exec/source.h"

namespace firn::connect {

/// kUnknownTopic if a topic does not exist.
Result<std::unique_ptr<exec::Source>> MakeKafkaSource(broker::Topics& topics, KafkaTable table, const plan::ScanNode& scan);

}  // namespace firn::connect
