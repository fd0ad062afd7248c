// SPDX-License-Identifier: Apache-2.0
// The trades of `firn demo`: made up, produced through the node's Kafka port by a client of its own, with an event time that runs faster than the clock.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/environment.h"
#include "io/executor.h"

namespace firn::cli {

/// Prices that walk at random. Every trade is a function of the one before it, so each run shows the same market. Thread-compatible.
class TradeMaker {
 public:
  struct Trade {
    std::string symbol;  // the record's key: a symbol's trades stay in their order
    std::string json;
  };
  /// The next trade, near `event_ms`: up to two seconds older, as if it had been on its way, but not before `first_ms`.
  Trade Next(int64_t event_ms, int64_t first_ms);

 private:
  uint64_t Draw(uint64_t bound);
  uint64_t state_ = 20240601;
  double prices_[4] = {68'000, 3'500, 165, 0.62};
};

/// Produces on a thread of its own from Start to Stop. Thread-safe.
class DemoTrades {
 public:
  struct Options {
    std::string bootstrap_server;
    std::string topic;
    int32_t partitions = 2;
    int64_t first_event_ms = 0;
    int64_t speed = 60;              // of event time against the clock
    int64_t trades_per_second = 4000;
  };
  DemoTrades(const io::Environment& environment, Options options);
  ~DemoTrades();

  /// Makes the topic, then begins.
  Status Start();
  void Stop();
  int64_t produced() const { return produced_; }

 private:
  struct Producer;
  void ProduceSome(io::TaskQueue& queue);

  const io::Environment environment_;
  const Options options_;
  std::unique_ptr<Producer> producer_;  // used on queue_
  std::atomic<int64_t> produced_{0};
  std::unique_ptr<io::TaskQueue> queue_;
};

}  // namespace firn::cli
