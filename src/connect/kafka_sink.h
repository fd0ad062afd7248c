// SPDX-License-Identifier: Apache-2.0
// Writes rows to a topic of this node's broker. What a lane gathers between two barriers becomes record batches in the checkpoint's journal
// entry: consumers see it together with everything else the checkpoint commits, or not at all.
#pragma once

#include "broker/topics.h"
#include "connect/kafka_table.h"
#include "exec/sink.h"
#include "io/clock.h"

namespace firn::connect {

Result<exec::Sink> MakeKafkaSink(broker::Topics& topics, const io::Clock& clock, KafkaTable table, const plan::SinkNode& sink,
                                 const types::SchemaPtr& input, int lanes);

}  // namespace firn::connect
