// SPDX-License-Identifier: Apache-2.0
#include "kafka/messages/heartbeat.h"

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"

namespace firn::broker {

void HandleHeartbeat(Core& core, CallPtr call, kafka::HeartbeatRequest request) {
  kafka::HeartbeatResponse response;
  response.error_code = static_cast<int16_t>(core.groups.Heartbeat(request));
  call->Respond(response);
}

}  // namespace firn::broker
