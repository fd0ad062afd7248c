// SPDX-License-Identifier: Apache-2.0
#include "catalog/journal_wait.h"

#include <memory>

#include "base/assert.h"

namespace firn::catalog {

namespace {

struct Outcome {
  std::unique_ptr<io::Event> arrived;
  Status status = Error(ErrorCode::kUnavailable, "the node stops before the change is durable");
};

}  // namespace

Status AppendAndWait(io::Executor& executor, log::Journal& journal, std::vector<log::Operation> operations) {
  auto outcome = std::make_shared<Outcome>();  // shared: a simulated process can die in the wait, with the entry under way
  outcome->arrived = executor.NewEvent();
  FIRN_ASSERT(!operations.empty(), "an entry of nothing is waited for");
  journal.Append(std::move(operations), [outcome](Result<log::Committed> committed) {
    outcome->status = committed.ok() ? Ok() : Status(std::move(committed).error());
    outcome->arrived->Set();
  });
  outcome->arrived->Wait();
  return outcome->status;
}

}  // namespace firn::catalog
