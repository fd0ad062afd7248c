// SPDX-License-Identifier: Apache-2.0
// DeleteGroups: forgets groups without members, with their offsets, in one journal entry.
#include "kafka/messages/delete_groups.h"

#include <memory>

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"

namespace firn::broker {

using kafka::KafkaCode;

void HandleDeleteGroups(Core& core, CallPtr call, kafka::DeleteGroupsRequest request) {
  auto response = std::make_shared<kafka::DeleteGroupsResponse>();
  std::vector<log::Operation> operations;
  for (const std::string& id : request.groups) {
    const auto keys = core.store.meta().Scan(GroupKeyPrefix(id));
    KafkaCode code = id.empty() ? KafkaCode::kInvalidGroupId : KafkaCode::kNone;
    if (code == KafkaCode::kNone && keys.empty() && core.groups.Find(id) == nullptr) code = KafkaCode::kGroupIdNotFound;
    if (code == KafkaCode::kNone) code = core.groups.Forget(id);
    response->results.push_back({id, static_cast<int16_t>(code)});
    if (code != KafkaCode::kNone) continue;
    for (const auto& [key, value] : keys) operations.emplace_back(log::Delete{key});
  }
  if (operations.empty()) return call->Respond(*response);
  core.queue.Append(std::move(operations), [call, response](Result<log::Committed> result) {
    for (auto& one : response->results) {
      if (!result.ok() && one.error_code == 0) one.error_code = static_cast<int16_t>(kafka::KafkaCodeOf(result.error()));
    }
    call->Respond(*response);
  });
}

}  // namespace firn::broker
