// SPDX-License-Identifier: Apache-2.0
// How the parts of the command line come together: each file of commands adds its own below `app` and, when the user has typed one of them, leaves what is to be
// done in `chosen`.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"

namespace CLI {
class App;
}

namespace firn::cli {

/// Gives the exit code: 0, 1 (it failed), 2 (wrong usage).
using Command = std::function<int()>;

inline constexpr const char* kBootstrapServer = "127.0.0.1:9092";

void AddTopicCommands(CLI::App& app, Command* chosen);
void AddGroupCommands(CLI::App& app, Command* chosen);
void AddJobCommands(CLI::App& app, Command* chosen);
void AddDemoCommand(CLI::App& app, Command* chosen);

inline constexpr int kCancelledCode = 130;  // as a shell gives it for a program that Ctrl-C ended

/// Renders the error to standard error and gives its exit code: 2 for kUsageError, kCancelledCode for kCancelled, else 1.
int FailCommand(const Error& error);
/// 0, or as above.
int EndCommand(const Status& status);

}  // namespace firn::cli
