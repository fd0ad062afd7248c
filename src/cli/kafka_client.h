// SPDX-License-Identifier: Apache-2.0
// A Kafka client for the command line: one request at a time, answered before the call returns. It speaks with the codecs that the broker is made of, so a
// command starts in milliseconds and needs no client library with threads and caches of its own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "io/environment.h"
#include "io/network.h"
#include "kafka/api.h"
#include "kafka/error_code.h"
#include "kafka/frame.h"
#include "kafka/messages/metadata.h"

namespace firn::cli {

/// One connection to one broker. Thread-compatible; blocks.
class KafkaLink {
 public:
  /// kServerUnreachable, or kTimeout after ten seconds.
  static Result<std::unique_ptr<KafkaLink>> Connect(io::Network& network, const io::Address& address);
  ~KafkaLink();

  /// Sends in the newest version that both sides know. kUnsupportedVersion if there is none; kServerUnreachable when the connection ends.
  template <typename Response, typename Request>
  Result<Response> Call(const Request& request) {
    FIRN_TRY(const int16_t version, VersionOf(Request::kKey));
    const int32_t correlation_id = ++last_correlation_id_;
    kafka::RequestHeader header{.api_version = version, .correlation_id = correlation_id, .client_id = "firn"};
    FIRN_TRY(base::SharedBytes frame, RoundTrip(kafka::EncodeRequest(header, request)));
    return kafka::DecodeResponse<Response>(std::move(frame), version, correlation_id);
  }
  const io::Address& address() const { return address_; }

 private:
  struct Mailbox;
  class Handler;
  KafkaLink(io::Network& network, io::Address address, std::shared_ptr<Mailbox> mailbox);
  Status LearnVersions();
  Result<int16_t> VersionOf(kafka::ApiKey key) const;
  Result<base::SharedBytes> RoundTrip(std::vector<base::SharedBytes> parts);

  io::Network& network_;
  const io::Address address_;
  const std::shared_ptr<Mailbox> mailbox_;
  std::map<int16_t, int16_t> max_versions_;  // of the broker, by API key
  int32_t last_correlation_id_ = 0;
};

/// A cluster, found through one of its brokers. Thread-compatible; blocks.
class KafkaClient {
 public:
  static Result<std::unique_ptr<KafkaClient>> Connect(const io::Environment& environment, const std::string& bootstrap_server);

  /// Any broker.
  KafkaLink& bootstrap() { return *bootstrap_; }
  /// The broker with this id; it must have been named by a Metadata answer.
  Result<KafkaLink*> Broker(int32_t node_id);
  /// All topics, or those named; never creates one. Remembers the brokers.
  Result<kafka::MetadataResponse> Metadata(const std::optional<std::vector<std::string>>& topics);
  /// One topic that exists; kUnknownTopic with near names otherwise.
  Result<kafka::MetadataResponse::Topic> Topic(const std::string& name);

 private:
  KafkaClient(io::Network& network, std::unique_ptr<KafkaLink> bootstrap) : network_(network), bootstrap_(std::move(bootstrap)) {}

  io::Network& network_;
  const std::unique_ptr<KafkaLink> bootstrap_;
  std::map<int32_t, io::Address> addresses_;
  std::map<int32_t, std::unique_ptr<KafkaLink>> links_;
};

/// Ok for kNone; else an error that says what was refused, with the broker's own message where it gave one.
Status CheckKafkaCode(int16_t code, const std::string& what, const std::optional<std::string>& message = std::nullopt);

}  // namespace firn::cli
