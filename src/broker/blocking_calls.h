// SPDX-License-Identifier: Apache-2.0
// What a handler must not do on the broker's queue, because it blocks on a file or takes long: reading cold segments, decompressing batches.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "broker/broker_queue.h"
#include "io/blocking_pool.h"

namespace firn::broker {

/// Lives on the broker's queue. Its destructor waits for the calls under way.
class BlockingCalls {
 public:
  BlockingCalls(BrokerQueue& queue, io::Executor& executor, size_t parallel_max) : queue_(queue), pool_(executor, "broker-io", parallel_max) {}

  /// Runs `call` beside the queue, then `done(call's result)` on it, unless the broker is destroyed first. What `done` captures is destroyed on the queue too, or with the
  /// broker, or after it.
  template <typename Call, typename Done>
  void Run(Call call, Done done) {
    auto result = std::make_shared<std::optional<decltype(call())>>();
    io::Task deliver = queue_.Delivery([result, done = std::move(done)]() mutable { done(std::move(**result)); });
    pool_.Run([call = std::move(call), result, deliver = std::move(deliver)]() mutable {
      result->emplace(call());
      deliver();
    });
  }

 private:
  BrokerQueue& queue_;
  io::BlockingPool pool_;
};

}  // namespace firn::broker
