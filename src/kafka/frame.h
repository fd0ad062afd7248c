// SPDX-License-Identifier: Apache-2.0
// Frames: a size (int32), a header, a message. Source: Kafka protocol guide, "Common Request and Response Structure"; KIP-482, KIP-511.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "kafka/api.h"
#include "kafka/decoder.h"
#include "kafka/encoder.h"

namespace firn::kafka {

inline constexpr size_t kFrameSizeBytes = 4;
inline constexpr int32_t kFrameBytesMax = 100 << 20;  // Kafka's socket.request.max.bytes

struct RequestHeader {
  int16_t api_key = 0;
  int16_t api_version = 0;
  int32_t correlation_id = 0;
  std::optional<std::string> client_id;
};

/// The header at the front of a request (the frame without its size). Of an API or version that firn does not know the client id is read as in
/// header version 1 and tagged fields are left: the caller answers UNSUPPORTED_VERSION or closes. kMalformedRequest if it ends early.
Result<RequestHeader> DecodeRequestHeader(Decoder& in);
/// Whether the header of a response carries tagged fields. ApiVersions' never does (KIP-511).
bool HasFlexibleResponseHeader(ApiKey key, int version);

void BeginRequest(Encoder& out, const RequestHeader& header);
void BeginResponse(Encoder& out, ApiKey key, int version, int32_t correlation_id);
/// Takes what was written and puts the frame's size in front.
std::vector<base::SharedBytes> FinishFrame(Encoder& out);

/// A whole frame. `header.api_version` decides the encoding; the key is the message's.
template <typename Request>
std::vector<base::SharedBytes> EncodeRequest(RequestHeader header, const Request& request) {
  Encoder out;
  header.api_key = static_cast<int16_t>(Request::kKey);
  BeginRequest(out, header);
  request.Encode(out, header.api_version);
  return FinishFrame(out);
}
template <typename Response>
std::vector<base::SharedBytes> EncodeResponse(int version, int32_t correlation_id, const Response& response) {
  Encoder out;
  BeginResponse(out, Response::kKey, version, correlation_id);
  response.Encode(out, version);
  return FinishFrame(out);
}

/// A message's body from where `in` stands. Bytes behind it are left.
template <typename Message>
Result<Message> DecodeBody(Decoder& in, int version) {
  Message message;
  message.Decode(in, version);
  FIRN_RETURN_IF_ERROR(in.status());
  return message;
}
/// A response (the frame without its size) to a request of this version; kMalformedRequest also if it answers another correlation id.
template <typename Response>
Result<Response> DecodeResponse(base::SharedBytes frame, int version, int32_t correlation_id) {
  Decoder in(std::move(frame));
  int32_t answered = 0;
  in.Int32(&answered);
  if (HasFlexibleResponseHeader(Response::kKey, version)) in.SkipTags();
  if (in.ok() && answered != correlation_id) in.Fail("it answers another request");
  return DecodeBody<Response>(in, version);
}

template <typename Message>
std::string MessageText(const Message& message, int version) {
  std::string text;
  message.AppendText(&text, version);
  return text;
}

}  // namespace firn::kafka
