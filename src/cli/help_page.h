// SPDX-License-Identifier: Apache-2.0
// What --help prints of a command: what it does, examples first, then its words and options with what they are without being given.
#pragma once

#include <memory>
#include <string>

namespace CLI {
class App;
class FormatterBase;
}

namespace firn::cli {

/// "firn topic create": the words that lead to a command.
std::string CommandPath(const CLI::App& command);

/// For CLI::App::formatter, before commands are added: they inherit it. A command's description is a line, an empty one, and examples.
std::shared_ptr<CLI::FormatterBase> MakeHelpPages();

}  // namespace firn::cli
