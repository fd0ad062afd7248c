// SPDX-License-Identifier: Apache-2.0
#include "cli/usage_error.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "cli/help_page.h"
#include "io/network.h"

namespace firn::cli {

namespace {

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> OptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

Error Wrong(const CLI::App& command, std::string text) { return std::move(Error(ErrorCode::kUsageError, std::move(text)).Hint(fmt::format("{} --help shows how it is used", CommandPath(command)))); }

// "--data", "-e"; not "-10", a value.
bool IsOption(const std::string& word) { return word.size() > 1 && word[0] == '-' && !(word[1] >= '0' && word[1] <= '9'); }

// The command that the words name so far, and the first of them that names nothing.
struct Place {
  const CLI::App* command;
  std::optional<Error> unknown;
};

Place PlaceOf(const CLI::App& program, const std::vector<std::string>& words) {
  const CLI::App* command = &program;
  for (const std::string& word : words) {
    if (word == "--") break;
    if (IsOption(word)) {
      const std::string name = word.starts_with("--") ? word.substr(0, word.find('=')) : word.substr(0, 2);
      const std::vector<std::string> known = OptionNames(*command);
      if (std::find(known.begin(), known.end(), name) == known.end()) return {command, Wrong(*command, fmt::format("`{}` has no option {}", CommandPath(*command), name)).Candidates(name.size() > 2 ? base::NearNames(name, known) : std::vector<std::string>())};
    } else if (const std::vector<std::string> known = CommandNames(*command); !word.starts_with('-') && !known.empty()) {
      if (std::find(known.begin(), known.end(), word) == known.end()) return {command, Wrong(*command, fmt::format("`{}` has no command '{}'", CommandPath(*command), word)).Candidates(base::NearNames(word, known))};
      command = command->get_subcommand(word);
    }
  }
  return {command, std::nullopt};
}

std::string Joined(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

// What is missing: a command, or the first word that the command must be given.
Error Missing(const CLI::App& command, const CLI::ParseError& problem) {
  if (const std::vector<std::string> known = CommandNames(command); !known.empty()) return Wrong(command, fmt::format("`{}` needs a command: {}", CommandPath(command), Joined(known)));
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_required() || option->count() > 0) continue;
    const std::string name = base::AsciiUpper(option->get_name(true, false));
    return Wrong(command, fmt::format("`{}` needs {} {}", CommandPath(command), std::string_view("AEIO").find(name[0]) == std::string_view::npos ? "a" : "an", name));
  }
  return Wrong(command, problem.what());
}

// "Could not convert: --partitions = x" as "--partitions takes a number, not 'x'": no option but those of numbers is converted.
Error Unconverted(const CLI::App& command, const std::string& text) {
  constexpr std::string_view kBegin = "Could not convert: ";
  const size_t equals = text.find(" = ");
  if (!text.starts_with(kBegin) || equals == std::string::npos) return Wrong(command, text);
  const std::string option = text.substr(kBegin.size(), equals - kBegin.size());
  const std::string value = text.substr(equals + 3);
  if (value.find_first_not_of("-0123456789") == std::string::npos) return Wrong(command, fmt::format("{} is out of the range of {}", value, option));
  return Wrong(command, fmt::format("{} takes a number, not '{}'", option, value));
}

// A port to connect to is never 0, and a host is no path.
bool IsServer(const std::string& text) {
  const auto address = io::ParseAddress(text);
  return address.ok() && address->port != 0 && address->host.find_first_of("/, ") == std::string::npos;
}

std::string WithoutScheme(const std::string& text) {
  constexpr std::string_view kScheme = "http://";
  if (!text.starts_with(kScheme)) return text;
  return text.substr(kScheme.size(), text.size() - kScheme.size() - (text.ends_with('/') ? 1 : 0));
}

}  // namespace

void TakesServers(CLI::Option* option, Servers servers) {
  const auto check = [servers](std::string& text) -> std::string {
    const std::string address = WithoutScheme(text);
    for (size_t begin = 0; begin <= address.size();) {
      const size_t end = servers == Servers::kAddresses ? std::min(address.find(',', begin), address.size()) : address.size();
      if (!IsServer(address.substr(begin, end - begin))) return fmt::format("'{}' is no HOST:PORT", text);
      begin = end + 1;
    }
    text = address;
    return "";
  };
  option->transform(CLI::Validator(check, "", "server"));
}

Error UsageErrorOf(const CLI::App& program, const CLI::ParseError& problem, const std::vector<std::string>& words) {
  Place place = PlaceOf(program, words);
  if (place.unknown) return *std::move(place.unknown);
  const CLI::App& command = *place.command;
  const std::string text = problem.what();
  if (dynamic_cast<const CLI::RequiredError*>(&problem) != nullptr) return Missing(command, problem);
  if (dynamic_cast<const CLI::ConversionError*>(&problem) != nullptr) return Unconverted(command, text);
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&problem) != nullptr) return Wrong(command, text.substr(0, text.find(':')) + " needs a value");
  if (dynamic_cast<const CLI::ExtrasError*>(&problem) != nullptr) return Wrong(command, fmt::format("`{}` takes no '{}'", CommandPath(command), text.substr(text.rfind(": ") + 2)));
  return Wrong(command, text);
}

}  // namespace firn::cli
