// SPDX-License-Identifier: Apache-2.0
// What the handlers share: the parts of one broker.
#pragma once

#include <memory>
#include <string>

#include "broker/blocking_calls.h"
#include "broker/broker.h"
#include "broker/broker_queue.h"
#include "broker/call_internal.h"
#include "broker/group_coordinator.h"
#include "broker/options.h"
#include "broker/parked_fetches.h"
#include "broker/produce_lanes.h"
#include "broker/producer_table.h"
#include "broker/response_budget.h"
#include "broker/topic_table.h"
#include "io/clock.h"
#include "io/environment.h"
#include "io/random.h"
#include "log/store.h"

namespace firn::broker {

/// Lives on the broker's queue.
struct Core {
  Core(const io::Environment& environment_, log::Store& store_, io::TaskQueue& task_queue, const BrokerOptions& options_)
      : environment(environment_), store(store_), options(options_), queue(task_queue, environment_.clock, store_.journal()),
        topics(queue, store_, environment_.random, options), producers(store_, options),
        groups(queue, store_, environment_.random, options), responses(queue, options.response_bytes_max), parked_fetches(options.parked_fetch_bytes_max),
        calls(queue, environment_.executor, options.blocking_calls_max), large_calls(queue, environment_.executor, 1) {}

  /// Where this client is told to connect.
  io::Address AdvertisedTo(const Call& call) const {
    return {options.advertised_host.empty() ? call.reached().host : options.advertised_host, options.advertised_port == 0 ? call.reached().port : options.advertised_port};
  }

  io::Environment environment;
  log::Store& store;
  BrokerOptions options;
  BrokerQueue queue;
  TopicTable topics;
  ProducerTable producers;
  GroupCoordinator groups;
  ResponseBudget responses;
  ParkedFetches parked_fetches;  // after responses, which they give back to
  std::string cluster_id;       // as clients see it
  int64_t next_producer_id = 0;
  int64_t producer_ids_end = 0;  // of the block that is durable
  std::unique_ptr<Topics> node_topics;
  ProduceLanes produce_lanes;
  std::string scratch;           // of a small batch
  BlockingCalls calls;           // last, with the next: what they run ends before the rest goes
  BlockingCalls large_calls;     // what takes much memory, one at a time
};

}  // namespace firn::broker
