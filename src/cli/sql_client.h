// SPDX-License-Identifier: Apache-2.0
// The command line's side of the SQL gateway: the same protocol that Flink's own clients speak, whether the node runs elsewhere or is embedded in
// this process.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "cli/result_printer.h"
#include "io/http.h"

namespace firn::cli {

struct ResultHead {
  bool is_query = false;
  bool has_content = true;            // false: the one row says "OK" and nothing else
  std::string job_id;                 // empty: none
  std::vector<PrintedColumn> columns;
};

/// Called as pages arrive; returning false cancels the statement.
struct ResultReceiver {
  std::function<void(const ResultHead&)> begin;
  std::function<bool(const std::vector<PrintedRow>&)> rows;  // maybe empty: nothing new at this poll; then also before `begin`
};

/// How ARRAY, MAP and ROW are written: as Flink's shell prints them, or as JSON.
enum class NestedText { kFlink, kJson };

/// One session. Thread-compatible but for session(); blocks.
class SqlClient {
 public:
  /// kServerUnreachable if nobody answers there.
  static Result<std::unique_ptr<SqlClient>> Connect(const io::Address& server, const std::map<std::string, std::string>& properties);
  ~SqlClient();
  /// Its handle, another one after Reopen. Thread-safe.
  std::string session() const;
  /// Another session with the same properties, for a server that has forgotten this one (kSessionNotFound): settings made in it and its temporary tables are gone.
  Status Reopen();

  /// Runs one statement to the end of its rows. A failure carries the gateway's rendered text as its message.
  Status Execute(const std::string& statement, const ResultReceiver& receiver, NestedText nested = NestedText::kFlink);
  /// The value of a session setting, empty if unset.
  Result<std::string> Setting(const std::string& key);
  Result<std::vector<std::string>> Complete(const std::string& statement, int position);

 private:
  using Properties = std::map<std::string, std::string>;
  SqlClient(const io::Address& server, std::unique_ptr<io::HttpClient> http, Properties properties, std::string session);
  std::string SessionPath() const { return "/v2/sessions/" + session(); }
  Status Run(const std::string& statement, const ResultReceiver& receiver, NestedText nested);
  // Tells the server what it should know, without waiting long for one that hangs.
  void Tell(const std::string& method, const std::string& target);

  const io::Address server_;
  const std::unique_ptr<io::HttpClient> http_;
  const Properties properties_;
  mutable base::Mutex mutex_;
  std::string session_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::cli
