// SPDX-License-Identifier: Apache-2.0
// A statement that has been submitted, in Flink's terms an operation: what became of it, and its result page by page.
//
//   RUNNING -> FINISHED      the last page has been given; what gives no rows and starts no job is finished at once
//      |  \--> ERROR         the statement or its job failed
//      +-----> CANCELED      POST cancel, or the session is closed
//   any     -> CLOSED        it is no longer found; fetches that have found it before end
//
// Several clients may fetch at once: they take turns, and each gets the page that it asks for or is told why not. Cancelling and closing wait for
// no fetch: a fetch that waits for rows is ended by them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "exec/engine.h"
#include "gateway/result_json.h"
#include "gateway/statement_result.h"
#include "io/http.h"

namespace firn::gateway {

enum class OperationState { kRunning, kFinished, kFailed, kCanceled, kClosed };
/// As Flink's REST prints it: "RUNNING", "ERROR".
const char* OperationStateText(OperationState state);

/// Thread-safe.
class Operation {
 public:
  /// `outcome`: what executing `text` gave. The destructor stops a SELECT that still runs.
  Operation(exec::Engine& engine, std::string text, Result<StatementResult> outcome);

  OperationState state();
  /// Stops what runs; what has ended stays as it is. Returns the state then.
  OperationState Cancel();
  /// The same, and nothing is fetched any more.
  void Close();
  /// Its session is closed: a SELECT stops, an INSERT goes on.
  void Leave();

  struct PageRequest {
    std::string base_uri;  // the page's URI without its token
    std::string token;     // as the client wrote it
    RowFormat format = RowFormat::kJson;
    std::string time_zone;
  };
  /// The page of that number: the next one, or the last one again for a client that lost the answer. Waits a moment for rows.
  io::HttpResponse Fetch(const PageRequest& request);

 private:
  struct Page {
    std::vector<types::Batch> batches;
    bool is_last = false;  // of those with rows
  };
  void MoveTo(OperationState to);
  void Fail(Error failure);
  std::optional<io::HttpResponse> Refusal() const;
  bool HasArrived(int64_t wait_ms);
  Result<Page> TakePage() FIRN_REQUIRES(fetching_);
  io::HttpResponse Answer(const PageRequest& request, Page page) FIRN_REQUIRES(fetching_);

  exec::Engine& engine_;
  const std::string text_;
  StatementResult result_;  // constant after construction, but for its rows, which are in waiting_

  base::Mutex fetching_;  // held while a fetch waits for rows: nothing but fetches takes it
  int64_t next_token_ FIRN_GUARDED_BY(fetching_) = 0;
  std::string last_page_ FIRN_GUARDED_BY(fetching_);      // of next_token_ - 1
  std::optional<Page> waiting_ FIRN_GUARDED_BY(fetching_);  // what was known at once, or a page whose text could not be made

  mutable base::Mutex mutex_;
  OperationState state_ FIRN_GUARDED_BY(mutex_) = OperationState::kRunning;
  std::optional<Error> failure_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::gateway
