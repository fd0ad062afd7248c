// SPDX-License-Identifier: Apache-2.0
// Any bytes as any Kafka message: a fault or a message that encodes to bytes which decode to the same text. Never a crash, never memory without bound.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "kafka/frame.h"
#include "kafka/message_table.h"

using namespace firn;

namespace {

void RoundTrip(const kafka::MessageCodec& codec, int version, std::string body) {
  kafka::Decoder in(base::SharedBytes::FromString(std::move(body)));
  std::string text, again_text;
  kafka::Encoder out, again;
  codec.pass_through(in, version, &text, &out);
  if (!in.ok()) return;
  kafka::Decoder back(base::SharedBytes::FromString(out.TakeString()));
  codec.pass_through(back, version, &again_text, &again);
  FIRN_ASSERT(back.ok() && back.remaining() == 0 && text == again_text, "{} version {}: {} became {}", codec.name, version, text, again_text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  kafka::Decoder header(base::SharedBytes::FromString(bytes));
  (void)kafka::DecodeRequestHeader(header).ok();
  const auto& messages = kafka::AllMessages();
  const auto& codec = messages[data[0] % messages.size()];
  const kafka::ApiInfo* api = kafka::FindApi(static_cast<int16_t>(codec.key));
  const int version = api->min_version + data[1] % (api->max_version - api->min_version + 1);
  RoundTrip(codec, version, bytes.substr(2));
  return 0;
}
