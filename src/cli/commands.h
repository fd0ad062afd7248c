// SPDX-License-Identifier: Apache-2.0
// The commands of the firn binary. Each returns the exit code: 0, 1 (it failed), 2 (wrong usage). Results go to standard output, all else to
// standard error.
#pragma once

#include <string>
#include <vector>

#include "cli/node.h"

namespace firn::cli {

/// `advertised`: HOST, HOST:PORT or empty, for NodeOptions::advertised.
int RunUp(NodeOptions options, const std::string& advertised);

struct SqlOptions {
  std::string server = "127.0.0.1:8083";
  std::string data;                     // an embedded node on this directory
  std::vector<std::string> statements;  // -e
  std::vector<std::string> files;       // -f; "-" is standard input
  std::string format = "table";
};
int RunSql(const SqlOptions& options);

int RunExplain(const std::string& code);

}  // namespace firn::cli
