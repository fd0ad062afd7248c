// SPDX-License-Identifier: Apache-2.0
// FindCoordinator: this broker, for every group. Transactional ids have no coordinator until there are transactions: their producers are to fail at once, and to
// say why. librdkafka looks for a coordinator until its time is over, whatever the error, but for those of authorization, and asks with version 2 at most. Clients
// that ask with later ones take any error that is not retriable for final; Java's tells the message.
#include "kafka/messages/find_coordinator.h"

#include <fmt/format.h>

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"

namespace firn::broker {

using kafka::FindCoordinatorRequest;
using kafka::FindCoordinatorResponse;
using kafka::KafkaCode;

namespace {

constexpr int16_t kFirstVersionOfFinalErrors = 4;

FindCoordinatorResponse::Coordinator Locate(const Core& core, const Call& call, int8_t key_type, const std::string& key) {
  constexpr int8_t kGroup = 0;
  constexpr int8_t kTransaction = 1;
  FindCoordinatorResponse::Coordinator found;
  found.key = key;
  found.node_id = core.options.node_id;
  const io::Address address = core.AdvertisedTo(call);
  found.host = address.host;
  found.port = address.port;
  if (key_type == kGroup) return found;
  found.node_id = -1;
  found.host.clear();
  found.port = -1;
  const bool is_refused_as_unauthorized = key_type == kTransaction && call.version() < kFirstVersionOfFinalErrors;
  found.error_code = static_cast<int16_t>(is_refused_as_unauthorized ? KafkaCode::kTransactionalIdAuthorizationFailed : KafkaCode::kInvalidRequest);
  found.error_message = key_type == kTransaction ? fmt::format("transactional id '{}': transactions are not supported; an idempotent producer needs no transactional id", key)
                                                 : fmt::format("coordinator type {} is unknown; groups (0) have one", key_type);
  return found;
}

}  // namespace

void HandleFindCoordinator(Core& core, CallPtr call, FindCoordinatorRequest request) {
  FindCoordinatorResponse response;
  if (call->version() >= kFirstVersionOfFinalErrors) {
    for (const std::string& key : request.coordinator_keys) response.coordinators.push_back(Locate(core, *call, request.key_type, key));
    return call->Respond(response);
  }
  auto found = Locate(core, *call, request.key_type, request.key);
  response.error_code = found.error_code;
  response.error_message = found.error_message;
  response.node_id = found.node_id;
  response.host = found.host;
  response.port = found.port;
  call->Respond(response);
}

}  // namespace firn::broker
