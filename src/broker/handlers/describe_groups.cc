// SPDX-License-Identifier: Apache-2.0
// DescribeGroups: state and members; a group that nobody knows is Dead, without an error.
#include "kafka/messages/describe_groups.h"

#include <set>

#include "broker/authorized_operations_internal.h"
#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"

namespace firn::broker {

using kafka::DescribeGroupsResponse;

namespace {

void DescribeMembers(const Group& group, DescribeGroupsResponse::Group& out) {
  out.group_state = GroupStateName(group.state);
  out.protocol_type = group.protocol_type;
  if (group.state == GroupState::kStable) out.protocol_data = group.protocol;
  for (const auto& [id, member] : group.members) {
    auto& described = out.members.emplace_back();
    described.member_id = id;
    described.group_instance_id = member.instance_id;
    described.client_id = member.client_id;
    described.client_host = member.client_host;
    if (group.state != GroupState::kStable) continue;
    described.member_metadata = base::SharedBytes::FromString(member.MetadataOf(group.protocol));
    described.member_assignment = base::SharedBytes::FromString(member.assignment);
  }
}

}  // namespace

void HandleDescribeGroups(Core& core, CallPtr call, kafka::DescribeGroupsRequest request) {
  DescribeGroupsResponse response;
  std::set<std::string> named;  // once each: a name costs less to ask for than a group to describe
  for (const std::string& id : request.groups) {
    if (!named.insert(id).second) continue;
    auto& described = response.groups.emplace_back();
    described.group_id = id;
    if (request.include_authorized_operations) described.authorized_operations = kGroupOperations;
    if (const Group* group = core.groups.Find(id)) {
      DescribeMembers(*group, described);
    } else {
      described.group_state = core.groups.IsStored(id) ? "Empty" : "Dead";
    }
  }
  call->Respond(response);
}

}  // namespace firn::broker
