// SPDX-License-Identifier: Apache-2.0
// `firn group`: consumer groups over the Kafka protocol.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command_line.h"

namespace firn::cli {

struct GroupOptions {
  std::string bootstrap_server = kBootstrapServer;
  std::string format = "table";
  std::vector<std::string> names;
};

Status ListGroups(const GroupOptions& options);
/// A line a committed partition: offset, end, lag, and who reads it.
Status DescribeGroup(const GroupOptions& options);
Status DeleteGroups(const GroupOptions& options);

}  // namespace firn::cli
