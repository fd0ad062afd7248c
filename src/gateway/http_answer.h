// SPDX-License-Identifier: Apache-2.0
// Answers as both HTTP doors give them: JSON, and Flink's {"errors": [...]}.
#pragma once

#include <string>
#include <vector>

#include "io/http.h"

namespace firn::gateway {

inline io::HttpResponse Reply(std::string body, int status = 200) { return {.status = status, .body = std::move(body)}; }
io::HttpResponse Fail(const std::string& message, int status);
/// "/a/b/" as {"a", "b"}.
std::vector<std::string> SplitPath(const std::string& path);

}  // namespace firn::gateway
