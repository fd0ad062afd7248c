// SPDX-License-Identifier: Apache-2.0
#include "catalog/journal_wait.h"

#include <future>

namespace firn::catalog {

Status AppendAndWait(log::Journal& journal, std::vector<log::Operation> operations) {
  std::promise<Status> done;
  journal.Append(std::move(operations), [&](Result<log::Committed> committed) {
    done.set_value(committed.ok() ? Ok() : Status(std::move(committed).error()));
  });
  return done.get_future().get();
}

}  // namespace firn::catalog
