// SPDX-License-Identifier: Apache-2.0
#include "kafka/messages/sync_group.h"

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"

namespace firn::broker {

void HandleSyncGroup(Core& core, CallPtr call, kafka::SyncGroupRequest request) {
  core.groups.Sync(request, [call](const kafka::SyncGroupResponse& response) { call->Respond(response); });
}

}  // namespace firn::broker
