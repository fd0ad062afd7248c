// SPDX-License-Identifier: Apache-2.0
#include "cli/demo_trades.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "cli/kafka_client.h"
#include "cli/record_producer.h"
#include "io/clock.h"
#include "kafka/messages/create_topics.h"

namespace firn::cli {

namespace {

constexpr int64_t kTickUs = 25'000;
constexpr uint64_t kDelayMsMax = 2000;
constexpr const char* kSymbols[] = {"BTC", "ETH", "SOL", "XRP"};
constexpr int kDecimals[] = {1, 2, 3, 5};

}  // namespace

// xorshift64*: the same on every machine.
uint64_t TradeMaker::Draw(uint64_t bound) {
  FIRN_ASSERT(bound > 0 && state_ != 0, "a number below {} is drawn from state {}", bound, state_);
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  return (state_ * 2685821657736338717ULL >> 16) % bound;
}

TradeMaker::Trade TradeMaker::Next(int64_t event_ms, int64_t first_ms) {
  const size_t symbol = Draw(std::size(kSymbols));
  const double step = (static_cast<double>(Draw(2001)) - 1000) / 1000 * 0.0002;  // at most 0.02 %
  prices_[symbol] *= 1 + step;
  std::string json = fmt::format(R"({{"symbol":"{}","price":{:.{}f},"qty":{:.3f},"ts":{},"side":"{}"}})", kSymbols[symbol], prices_[symbol], kDecimals[symbol],
                     static_cast<double>(1 + Draw(2500)) / 1000, std::max(first_ms, event_ms - static_cast<int64_t>(Draw(kDelayMsMax))), Draw(2) == 0 ? "buy" : "sell");
  return {kSymbols[symbol], std::move(json)};
}

struct DemoTrades::Producer {
  std::unique_ptr<KafkaClient> client;
  std::unique_ptr<RecordProducer> records;
  TradeMaker trades;
  int64_t start_us = 0;
};

DemoTrades::DemoTrades(const io::Environment& environment, Options options) : environment_(environment), options_(std::move(options)) {}

DemoTrades::~DemoTrades() { Stop(); }

Status DemoTrades::Start() {
  FIRN_ASSERT(producer_ == nullptr && options_.trades_per_second > 0 && options_.speed > 0, "{} trades a second at {} times the clock", options_.trades_per_second, options_.speed);
  producer_ = std::make_unique<Producer>();
  FIRN_TRY(producer_->client, KafkaClient::Connect(environment_, options_.bootstrap_server));
  kafka::CreateTopicsRequest request;
  request.topics.push_back({.name = options_.topic, .num_partitions = options_.partitions, .replication_factor = -1});
  FIRN_TRY(const auto created, producer_->client->bootstrap().Call<kafka::CreateTopicsResponse>(request));
  for (const auto& topic : created.topics) FIRN_RETURN_IF_ERROR(CheckKafkaCode(topic.error_code, "creating topic " + topic.name, topic.error_message));
  FIRN_TRY(producer_->records, RecordProducer::Make(*producer_->client, environment_.clock, {.topic = options_.topic, .codec = kafka::Codec::kLz4}));
  producer_->start_us = environment_.clock.MonotonicUs();
  FIRN_TRY(queue_, environment_.executor.NewQueue("demo-trades"));
  queue_->Post([this, &queue = *queue_] { ProduceSome(queue); });
  return Ok();
}

void DemoTrades::Stop() { queue_.reset(); }

// As many as are due by the clock. A failure ends the stream: the node is going down. `queue` and not queue_: Stop has taken that away while it waits for a call that runs.
void DemoTrades::ProduceSome(io::TaskQueue& queue) {
  const int64_t elapsed_us = environment_.clock.MonotonicUs() - producer_->start_us;
  const int64_t due = elapsed_us * options_.trades_per_second / 1'000'000;
  FIRN_ASSERT(due >= produced_, "{} trades are due and {} were produced", due, produced_.load());
  for (int64_t i = produced_; i < due; ++i) {
    const int64_t event_ms = options_.first_event_ms + i * 1000 * options_.speed / options_.trades_per_second;
    const TradeMaker::Trade trade = producer_->trades.Next(event_ms, options_.first_event_ms);
    producer_->records->Add(trade.symbol, trade.json);
  }
  if (!producer_->records->Flush().ok()) return;
  produced_ = due;
  queue.PostAfter(kTickUs, [this, &queue] { ProduceSome(queue); });
}

}  // namespace firn::cli
