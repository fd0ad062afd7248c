// SPDX-License-Identifier: Apache-2.0
// DeleteGroups: forgets groups without members, with their offsets, in journal entries of bounded size (GroupCoordinator::Delete).
#include "kafka/messages/delete_groups.h"

#include <map>
#include <string>

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"

namespace firn::broker {

using kafka::KafkaCode;

void HandleDeleteGroups(Core& core, CallPtr call, kafka::DeleteGroupsRequest request) {
  const auto everything = [](const std::string&, const GroupCoordinator::StoredPairs&) { return true; };
  core.groups.Delete(request.groups, everything, [call](const std::map<std::string, KafkaCode>& codes) {
    kafka::DeleteGroupsResponse response;
    for (const auto& [id, code] : codes) response.results.push_back({id, static_cast<int16_t>(code)});
    call->Respond(response);
  });
}

}  // namespace firn::broker
