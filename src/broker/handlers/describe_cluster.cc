// SPDX-License-Identifier: Apache-2.0
// DescribeCluster: a cluster of one broker.
#include "kafka/messages/describe_cluster.h"

#include "broker/authorized_operations_internal.h"
#include "broker/core_internal.h"
#include "broker/handlers/handlers_internal.h"

namespace firn::broker {

void HandleDescribeCluster(Core& core, CallPtr call, kafka::DescribeClusterRequest request) {
  kafka::DescribeClusterResponse response;
  response.cluster_id = core.cluster_id;
  response.controller_id = core.options.node_id;
  response.endpoint_type = request.endpoint_type;
  if (request.endpoint_type != 1) {  // 2 would be the controllers, which have no port of their own here
    response.error_code = static_cast<int16_t>(kafka::KafkaCode::kInvalidRequest);
    response.error_message = "only brokers (endpoint type 1) can be described";
    return call->Respond(response);
  }
  const io::Address address = core.AdvertisedTo(*call);
  response.brokers.push_back({core.options.node_id, address.host, address.port, std::nullopt});
  if (request.include_cluster_authorized_operations) response.cluster_authorized_operations = kClusterOperations;
  call->Respond(response);
}

}  // namespace firn::broker
