// SPDX-License-Identifier: Apache-2.0
#include "gateway/http_answer.h"

#include <algorithm>

#include "formats/json_value.h"

namespace firn::gateway {

io::HttpResponse Fail(const std::string& message, int status) {
  std::string body = "{\"errors\":[";
  formats::AppendJsonText(&body, message);
  return Reply(body + "]}", status);
}

std::vector<std::string> SplitPath(const std::string& path) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin < path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace firn::gateway
