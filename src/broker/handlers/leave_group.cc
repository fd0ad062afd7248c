// SPDX-License-Identifier: Apache-2.0
#include "kafka/messages/leave_group.h"

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"

namespace firn::broker {

void HandleLeaveGroup(Core& core, CallPtr call, kafka::LeaveGroupRequest request) {
  kafka::LeaveGroupResponse response;
  if (call->version() < 3) {
    response.error_code = static_cast<int16_t>(core.groups.Leave(request.group_id, request.member_id, std::nullopt));
    return call->Respond(response);
  }
  if (request.group_id.empty()) response.error_code = static_cast<int16_t>(kafka::KafkaCode::kInvalidGroupId);
  for (const auto& leaving : request.members) {
    auto& answered = response.members.emplace_back();
    answered.member_id = leaving.member_id;
    answered.group_instance_id = leaving.group_instance_id;
    answered.error_code = static_cast<int16_t>(core.groups.Leave(request.group_id, leaving.member_id, leaving.group_instance_id));
  }
  call->Respond(response);
}

}  // namespace firn::broker
