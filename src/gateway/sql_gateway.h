// SPDX-License-Identifier: Apache-2.0
// Flink's SQL gateway over HTTP, versions V1 and V2: what sql-client, the JDBC driver and firn's own shell speak.
#pragma once

#include <memory>

#include "gateway/session.h"
#include "io/executor.h"
#include "io/http.h"
#include "io/random.h"

namespace firn::gateway {

/// Thread-safe.
class SqlGateway {
 public:
  virtual ~SqlGateway() = default;
  /// Each minute a queue of `executor` closes the sessions that nobody has used for ten.
  static Result<std::unique_ptr<SqlGateway>> Make(NodeServices& services, io::Random& random, io::Executor& executor);
  virtual io::HttpResponse Handle(const io::HttpRequest& request) = 0;
};

}  // namespace firn::gateway
