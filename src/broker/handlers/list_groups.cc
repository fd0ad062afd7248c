// SPDX-License-Identifier: Apache-2.0
// ListGroups: groups with members, and those of which only offsets are known. However many offsets there are, a group costs one look; so many groups at once, then what else
// waits on the queue.
#include "kafka/messages/list_groups.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"
#include "broker/meta_walk.h"

namespace firn::broker {

namespace {

bool EqualsIgnoringCase(const std::string& left, const std::string& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

struct Listing {
  Core& core;
  CallPtr call;
  kafka::ListGroupsRequest request;
  std::map<std::string, const Group*> groups;
  std::string from;  // key in the meta store
};

void Answer(Listing& listing) {
  for (const auto& [id, group] : listing.core.groups.all()) listing.groups[id] = &group;
  kafka::ListGroupsResponse response;
  const auto& states = listing.request.states_filter;
  for (const auto& [id, group] : listing.groups) {
    const std::string state = GroupStateName(group == nullptr ? GroupState::kEmpty : group->state);
    const bool is_wanted = states.empty() || std::any_of(states.begin(), states.end(), [&](const std::string& wanted) { return EqualsIgnoringCase(wanted, state); });
    if (is_wanted) response.groups.push_back({id, group == nullptr ? "" : group->protocol_type, state});
  }
  listing.call->Respond(response);
}

void ListSome(const std::shared_ptr<Listing>& listing) {
  for (size_t i = 0; i < kSlicePairsMax; ++i) {
    std::optional<std::string> id;
    listing->core.store.meta().Visit(kGroupPrefix, listing->from, [&](std::string_view key, std::string_view) {
      id = GroupOfKey(key);
      return false;
    });
    if (!id.has_value()) return Answer(*listing);
    listing->from = KeyBehind(GroupKeyPrefix(*id));
    listing->groups[*std::move(id)] = nullptr;
  }
  listing->core.queue.Post([listing] { ListSome(listing); });
}

}  // namespace

void HandleListGroups(Core& core, CallPtr call, kafka::ListGroupsRequest request) {
  ListSome(std::make_shared<Listing>(Listing{core, std::move(call), std::move(request), {}, {}}));
}

}  // namespace firn::broker
