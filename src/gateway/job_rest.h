// SPDX-License-Identifier: Apache-2.0
// The job port: Flink's job manager REST as far as tools ask for it, in Flink's shapes, and what probes and Prometheus ask for.
//
//   GET /config  /overview  /jobs  /jobs/overview  /jobs/ID  and under it  /status  /plan  /config  /exceptions  /checkpoints
//       /jobs/ID/vertices/VERTEX/watermarks  .../backpressure
//   PATCH /jobs/ID?mode=cancel, or POST /jobs/ID/cancel
//   GET /metrics  /healthz  /readyz
//
// What Flink has and firn has not is there with the value that says so (0, null, -1). A leading /v1 is accepted.
#pragma once

#include <functional>

#include "base/result.h"
#include "broker/kafka_server.h"
#include "broker/topics.h"
#include "exec/engine.h"
#include "gateway/metrics.h"
#include "io/clock.h"
#include "io/http.h"

namespace firn::gateway {

/// Everything referred to must outlive the requests.
struct JobRestServices {
  exec::Engine& engine;
  const io::Clock& clock;
  const broker::Topics* topics = nullptr;  // null: no metrics of them
  std::function<Status()> health;  // of the node's storage: why no write would be taken now
  std::function<int64_t()> failed_reads;  // of the node's storage; empty: no metrics of it
  const broker::KafkaServer* kafka = nullptr;  // null: no metrics of it
  std::function<HttpFaults()> http_faults;     // empty: no metrics of them
};

/// Thread-safe.
io::HttpResponse HandleJobRequest(const JobRestServices& services, const io::HttpRequest& request);

}  // namespace firn::gateway
