// SPDX-License-Identifier: Apache-2.0
#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace firn::base {

void FailAssertion(const char* file, int line, const char* condition, std::string_view message) {
  std::fprintf(stderr, "firn: assertion failed at %s:%d: %s%s%.*s\n", file, line, condition, message.empty() ? "" : ": ",
               static_cast<int>(message.size()), message.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace firn::base
