// SPDX-License-Identifier: Apache-2.0
// Every message by name: for tests, fuzzers and traces, which treat all alike.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kafka/api.h"
#include "kafka/decoder.h"
#include "kafka/encoder.h"

namespace firn::kafka {

struct MessageCodec {
  std::string_view name;  // "ProduceRequest"
  ApiKey key;
  bool is_request;
  /// Decodes a body of this version, gives it as text and encodes it again. The decoder's status says whether it was well-formed.
  void (*pass_through)(Decoder& in, int version, std::string* text, Encoder* out);
};

/// Generated from messages/*.msg.
const std::vector<MessageCodec>& AllMessages();

template <typename Message>
void PassThrough(Decoder& in, int version, std::string* text, Encoder* out) {
  Message message;
  message.Decode(in, version);
  message.AppendText(text, version);
  message.Encode(*out, version);
}

}  // namespace firn::kafka
