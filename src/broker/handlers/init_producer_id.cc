// SPDX-License-Identifier: Apache-2.0
// InitProducerId: a new id for every idempotent producer that asks. Ids are taken from the journal in blocks, so that none is given out twice, whatever crashes.
#include "kafka/messages/init_producer_id.h"

#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"

namespace firn::broker {

using kafka::InitProducerIdResponse;
using kafka::KafkaCode;

namespace {

constexpr int64_t kBlockSize = 1'000;

void GiveNext(Core& core, Call& call) {
  InitProducerIdResponse response;
  response.producer_id = core.next_producer_id++;
  response.producer_epoch = 0;
  call.Respond(response);
}

void Refuse(Call& call, KafkaCode code) {
  InitProducerIdResponse response;
  response.error_code = static_cast<int16_t>(code);
  call.Respond(response);
}

}  // namespace

void HandleInitProducerId(Core& core, CallPtr call, kafka::InitProducerIdRequest request) {
  if (request.transactional_id.has_value()) return Refuse(*call, KafkaCode::kTransactionalIdAuthorizationFailed);  // transactions come later; see FindCoordinator
  if (core.next_producer_id < core.producer_ids_end) return GiveNext(core, *call);
  auto block = core.producers.NextIdBlock(kBlockSize);
  if (!block.ok()) return Refuse(*call, kafka::KafkaCodeOf(block.error()));
  std::vector<log::Operation> operations;
  operations.emplace_back(block->put);
  core.queue.Append(std::move(operations), [&core, call, first = block->first](Result<log::Committed> result) {
    if (!result.ok()) return Refuse(*call, kafka::KafkaCodeOf(result.error()));
    core.next_producer_id = first;
    core.producer_ids_end = first + kBlockSize;
    GiveNext(core, *call);
  });
}

}  // namespace firn::broker
