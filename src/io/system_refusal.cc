// SPDX-License-Identifier: Apache-2.0
#include "io/system_refusal.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

namespace firn::io {

Error NoThreadError(const std::string& purpose, const std::error_code& reason) {
  return Error(ErrorCode::kUnavailable, fmt::format("no thread can be started {}: {}", purpose, reason.message()))
      .Hint("end jobs or connections, or allow more threads: ulimit -u, or the pids limit of the container");
}

Error NoDescriptorError(const std::string& purpose, const std::error_code& reason) {
  return HintAtFileLimit(Error(ErrorCode::kUnavailable, fmt::format("no file can be opened {}: {}", purpose, reason.message())), reason.value());
}

Error HintAtFileLimit(Error error, int reason) {
  if (reason == EFBIG) return std::move(error).Hint("allow the process larger files: ulimit -f, or LimitFSIZE of its service");
  if (reason != EMFILE && reason != ENFILE) return error;
  return std::move(error).Hint("allow the process more open files: ulimit -n, or LimitNOFILE of its service");
}

}  // namespace firn::io
