// SPDX-License-Identifier: Apache-2.0
#include "kafka/messages/join_group.h"

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"

namespace firn::broker {

void HandleJoinGroup(Core& core, CallPtr call, kafka::JoinGroupRequest request) {
  const JoiningClient client{.id = call->client_id(),
                             .host = "/" + call->client_host(),
                             .must_know_its_id = call->version() >= 4,
                             .can_skip_assignment = call->version() >= 9};
  core.groups.Join(request, client, [call](kafka::JoinGroupResponse response) {
    call->Respond(response);
  });
}

}  // namespace firn::broker
