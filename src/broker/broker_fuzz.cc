// SPDX-License-Identifier: Apache-2.0
// Any frames at a whole broker: replies or closed connections, never a crash or memory without bound. The input is cut into frames; time moves between them.
#include <cstddef>
#include <cstdint>

#include "broker/broker_test_rig.h"

using namespace firn;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static broker::Rig* rig = new broker::Rig();
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  while (bytes.size() > 4) {
    const size_t frame_size = std::min<size_t>(static_cast<uint8_t>(bytes[0]) * 16u + static_cast<uint8_t>(bytes[1]) % 16, bytes.size() - 4);
    std::string frame(bytes.substr(4, frame_size));
    // Mostly known APIs and versions, so that handlers are reached.
    if (frame.size() >= 4 && bytes[2] != 0) {
      const auto& apis = kafka::AllApis();
      const auto& api = apis[static_cast<uint8_t>(bytes[2]) % apis.size()];
      base::StoreBig(frame.data(), static_cast<int16_t>(api.key));
      base::StoreBig(frame.data() + 2, static_cast<int16_t>(api.min_version + static_cast<uint8_t>(bytes[3]) % (api.max_version - api.min_version + 1)));
    }
    rig->SendFrame(std::move(frame), std::make_shared<std::optional<broker::Reply>>());
    rig->queue.AdvanceMs(static_cast<uint8_t>(bytes[3]) * 10);
    bytes.remove_prefix(4 + frame_size);
  }
  return 0;
}
