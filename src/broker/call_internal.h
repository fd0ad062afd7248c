// SPDX-License-Identifier: Apache-2.0
// One request on its way through the broker: who asked, in which version, and the way back.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "broker/broker.h"
#include "kafka/frame.h"

namespace firn::broker {

class Call {
 public:
  Call(kafka::RequestHeader header, std::string_view frame, PieceSums sums, ClientContext client, ReplyCallback reply)
      : header_(std::move(header)), frame_(frame), sums_(std::move(sums)), client_(std::move(client)), reply_(std::move(reply)) {}

  int version() const { return header_.api_version; }
  std::string client_id() const { return header_.client_id.value_or(""); }
  const std::string& client_host() const { return client_.host; }
  const io::Address& reached() const { return client_.reached; }
  uint64_t connection() const { return client_.connection; }
  bool has_taken_all() const { return client_.has_taken_all; }
  /// Of the request, with all that is sliced out of it.
  size_t frame_bytes() const { return frame_.size(); }
  /// CRC-32C of a part of the request, of which nobody has let go and nobody has changed anything: while it is handed in.
  uint32_t Crc32c(std::string_view part) const {
    FIRN_ASSERT(part.data() >= frame_.data() && part.data() + part.size() <= frame_.data() + frame_.size(), "{} bytes are no part of a request of {}", part.size(), frame_.size());
    return sums_.Crc32c(frame_, static_cast<size_t>(part.data() - frame_.data()), part.size());
  }

  template <typename Response>
  void Respond(const Response& response) {
    Finish({.kind = Reply::Kind::kSend, .frame = kafka::EncodeResponse(version(), header_.correlation_id, response), .reason = {}});
  }
  /// For a client that is to slow down: as Kafka does, it is answered now, and its connection's next request waits so long (KIP-219).
  template <typename Response>
  void RespondThrottled(Response response, int32_t throttle_ms) {
    FIRN_ASSERT(throttle_ms > 0, "throttled for {} ms", throttle_ms);
    response.throttle_time_ms = throttle_ms;
    Finish({.kind = Reply::Kind::kSend, .frame = kafka::EncodeResponse(version(), header_.correlation_id, response), .reason = {}, .throttle_ms = throttle_ms});
  }
  /// An answer in another version than the one asked for (ApiVersions, KIP-511).
  template <typename Response>
  void RespondInVersion(int version, const Response& response) {
    Finish({.kind = Reply::Kind::kSend, .frame = kafka::EncodeResponse(version, header_.correlation_id, response), .reason = {}});
  }
  void RespondNothing() { Finish({.kind = Reply::Kind::kNothing, .frame = {}, .reason = {}}); }
  void Close(std::string reason) { Finish({.kind = Reply::Kind::kClose, .frame = {}, .reason = std::move(reason)}); }

 private:
  void Finish(Reply reply) {
    FIRN_ASSERT(reply_ != nullptr, "api {} answered twice", header_.api_key);
    std::exchange(reply_, nullptr)(std::move(reply));
  }

  kafka::RequestHeader header_;
  const std::string_view frame_;
  const PieceSums sums_;
  ClientContext client_;
  ReplyCallback reply_;
};

using CallPtr = std::shared_ptr<Call>;

}  // namespace firn::broker
