// SPDX-License-Identifier: Apache-2.0
// Produces records with librdkafka and prints one JSON line: how many were acknowledged, how fast, and how long an acknowledgement took.
// It knows nothing of firn, so that the same program measures any broker that speaks the Kafka protocol.
//
//   firn_bench_produce --brokers HOST:PORT --topic T [--bytes 100] [--count 1000000] [--rate 0] [--payload random|trades] [--set k=v]...
//
// Steps: (1) the records are made before the clock starts (random) or from a table of prepared parts (trades), so that the client's own cost is
// that of librdkafka; (2) every record is handed over with the time it was handed over; (3) its delivery report adds the latency to a
// histogram; (4) the line is printed after the last report. With --rate the records are handed over evenly in slices of a millisecond.
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string brokers = "127.0.0.1:9092";
  std::string topic = "bench";
  std::string payload = "random";
  int64_t bytes = 100;
  int64_t count = 1'000'000;
  int64_t records_per_second = 0;  // 0: as fast as possible
  int64_t event_step_us = 100;     // trades: event time between two records
  std::vector<std::pair<std::string, std::string>> settings = {{"acks", "all"}, {"linger.ms", "5"}, {"queue.buffering.max.messages", "500000"},
                                                               {"queue.buffering.max.kbytes", "262144"}};
};

[[noreturn]] void Fail(std::string_view text) {
  fmt::print(stderr, "firn_bench_produce: {}\n", text);
  std::exit(2);
}

Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 == argc) Fail(fmt::format("{} needs a value", name));
    const std::string value = argv[i + 1];
    if (name == "--brokers") options.brokers = value;
    else if (name == "--topic") options.topic = value;
    else if (name == "--payload") options.payload = value;
    else if (name == "--bytes") options.bytes = std::stoll(value);
    else if (name == "--count") options.count = std::stoll(value);
    else if (name == "--rate") options.records_per_second = std::stoll(value);
    else if (name == "--event-step-us") options.event_step_us = std::stoll(value);
    else if (name == "--set" && value.find('=') != std::string::npos) options.settings.emplace_back(value.substr(0, value.find('=')), value.substr(value.find('=') + 1));
    else Fail(fmt::format("{} {} is not known", name, value));
  }
  if (options.payload != "random" && options.payload != "trades") Fail(fmt::format("--payload {} is not random or trades", options.payload));
  return options;
}

/// Latencies in buckets of 2 %: a percentile is exact to that.
class Histogram {
 public:
  void Add(int64_t microseconds) {
    const double value = std::max<double>(static_cast<double>(microseconds), 1.0);
    const auto bucket = static_cast<size_t>(std::log(value) / kLogStep);
    ++counts_[std::min(bucket, counts_.size() - 1)];
    ++total_;
  }
  double PercentileMs(double percent) const {
    auto rest = static_cast<int64_t>(static_cast<double>(total_) * percent / 100.0);
    for (size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      rest -= counts_[bucket];
      if (rest <= 0 && counts_[bucket] > 0) return std::exp((static_cast<double>(bucket) + 0.5) * kLogStep) / 1000.0;
    }
    return 0;
  }

 private:
  static constexpr double kLogStep = 0.0198;
  std::array<int64_t, 1024> counts_{};
  int64_t total_ = 0;
};

/// Written by librdkafka's callback, which runs inside rd_kafka_poll on the one thread of this program.
struct Delivery {
  Histogram latency;
  int64_t acknowledged = 0;
  int64_t failed = 0;
  std::string first_error;
};

int64_t NowUs() { return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count(); }

void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& delivery = *static_cast<Delivery*>(opaque);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (delivery.failed++ == 0) delivery.first_error = rd_kafka_err2str(message->err);
    return;
  }
  ++delivery.acknowledged;
  delivery.latency.Add(NowUs() - reinterpret_cast<intptr_t>(message->_private));
}

/// Records of one size with bytes that do not compress, or trades as the main job reads them (about 100 bytes of JSON).
class Payloads {
 public:
  explicit Payloads(const Options& options) : options_(options) {
    if (options.payload == "random") {
      for (auto& record : random_) {
        record.resize(static_cast<size_t>(options.bytes));
        for (char& byte : record) byte = static_cast<char>(random_bits_());
      }
    }
  }
  std::string_view Next(int64_t index) {
    if (options_.payload == "random") return random_[static_cast<size_t>(index) % random_.size()];
    const uint64_t bits = random_bits_();
    const int64_t time_ms = kFirstEventMs + index * options_.event_step_us / 1000;
    const auto end = fmt::format_to(trade_.begin(), R"({{"symbol":"SYM{:03}","price":{}.{:02},"qty":{}.{:03},"ts":{},"side":"{}"}})", bits % 100, 100 + (bits >> 8) % 900, (bits >> 20) % 100,
                                    (bits >> 28) % 10, (bits >> 36) % 1000, time_ms, (bits >> 60) % 2 == 0 ? "buy" : "sell");
    return {trade_.data(), static_cast<size_t>(end - trade_.begin())};
  }

 private:
  static constexpr int64_t kFirstEventMs = 1'700'000'000'000;
  const Options& options_;
  std::mt19937_64 random_bits_{42};
  std::array<std::string, 1024> random_;
  std::array<char, 256> trade_{};
};

rd_kafka_t* MakeProducer(const Options& options, Delivery& delivery) {
  char error[512];
  rd_kafka_conf_t* settings = rd_kafka_conf_new();
  auto set = [&](const std::string& name, const std::string& value) {
    if (rd_kafka_conf_set(settings, name.c_str(), value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) Fail(error);
  };
  set("bootstrap.servers", options.brokers);
  for (const auto& [name, value] : options.settings) set(name, value);
  rd_kafka_conf_set_dr_msg_cb(settings, OnDelivery);
  rd_kafka_conf_set_opaque(settings, &delivery);
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, settings, error, sizeof error);
  if (producer == nullptr) Fail(error);
  return producer;
}

void ProduceAll(rd_kafka_t* producer, rd_kafka_topic_t* topic, const Options& options) {
  Payloads payloads(options);
  const auto begin = Clock::now();
  for (int64_t index = 0; index < options.count;) {
    if (options.records_per_second > 0) {
      const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
      if (static_cast<double>(index) >= elapsed * static_cast<double>(options.records_per_second)) {
        rd_kafka_poll(producer, 0);
        std::this_thread::sleep_for(std::chrono::microseconds(500));
        continue;
      }
    }
    const std::string_view record = payloads.Next(index);
    if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, const_cast<char*>(record.data()), record.size(), nullptr, 0,
                         reinterpret_cast<void*>(static_cast<intptr_t>(NowUs()))) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) Fail(rd_kafka_err2str(rd_kafka_last_error()));
      rd_kafka_poll(producer, 1);
      continue;
    }
    if (++index % 256 == 0) rd_kafka_poll(producer, 0);
  }
  while (rd_kafka_outq_len(producer) > 0) rd_kafka_poll(producer, 10);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  Delivery delivery;
  rd_kafka_t* producer = MakeProducer(options, delivery);
  rd_kafka_topic_t* topic = rd_kafka_topic_new(producer, options.topic.c_str(), nullptr);
  const struct rd_kafka_metadata* metadata = nullptr;  // the connection is made before the clock starts
  if (rd_kafka_metadata(producer, 0, topic, &metadata, 10'000) != RD_KAFKA_RESP_ERR_NO_ERROR) Fail("no metadata of the topic within 10 s");
  rd_kafka_metadata_destroy(metadata);
  const auto begin = Clock::now();
  ProduceAll(producer, topic, options);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(producer);
  fmt::print(R"({{"records":{},"failed":{},"seconds":{:.3f},"records_per_second":{:.0f},"p50_ms":{:.2f},"p99_ms":{:.2f}}})" "\n", delivery.acknowledged, delivery.failed, seconds,
             static_cast<double>(delivery.acknowledged) / seconds, delivery.latency.PercentileMs(50), delivery.latency.PercentileMs(99));
  if (delivery.failed > 0) fmt::print(stderr, "firn_bench_produce: {} records failed, the first with {}\n", delivery.failed, delivery.first_error);
  return delivery.failed > 0 ? 1 : 0;
}
