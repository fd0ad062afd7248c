// SPDX-License-Identifier: Apache-2.0
// ListGroups: groups with members, and those of which only offsets are known.
#include "kafka/messages/list_groups.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"

namespace firn::broker {

namespace {

bool EqualsIgnoringCase(const std::string& left, const std::string& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

}  // namespace

void HandleListGroups(Core& core, CallPtr call, kafka::ListGroupsRequest request) {
  std::map<std::string, const Group*> groups;
  for (const auto& [key, value] : core.store.meta().Scan(kGroupPrefix)) {
    if (auto id = GroupOfKey(key)) groups[*id] = nullptr;
  }
  for (const auto& [id, group] : core.groups.all()) groups[id] = &group;
  kafka::ListGroupsResponse response;
  for (const auto& [id, group] : groups) {
    const std::string state = GroupStateName(group == nullptr ? GroupState::kEmpty : group->state);
    const bool is_wanted = request.states_filter.empty() ||
                           std::any_of(request.states_filter.begin(), request.states_filter.end(),
                                       [&](const std::string& wanted) { return EqualsIgnoringCase(wanted, state); });
    if (is_wanted) response.groups.push_back({id, group == nullptr ? "" : group->protocol_type, state});
  }
  call->Respond(response);
}

}  // namespace firn::broker
