// SPDX-License-Identifier: Apache-2.0
// What is wrong with a command line, in the one form of errors: CLI11 only says that something is missing, too much or of another kind.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
class Option;
class ParseError;
}

namespace firn::cli {

/// kUsageError for `words`, the command line without the program's name: names the command, the word and, where one is near, what may have been meant.
Error UsageErrorOf(const CLI::App& program, const CLI::ParseError& problem, const std::vector<std::string>& words);

/// The option's value must be HOST:PORT; also as other pages give it, "http://HOST:PORT/", and then only the address is kept. kAddresses: several, with commas between.
enum class Servers { kAddress, kAddresses };
void TakesServers(CLI::Option* option, Servers servers);

}  // namespace firn::cli
