// SPDX-License-Identifier: Apache-2.0
#include "cli/help_page.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "base/ascii.h"

namespace firn::cli {

namespace {

struct Line {
  std::string name;
  std::string text;
};

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// What stands for an option's value; its type says too little.
std::string ValueName(const CLI::Option& option) {
  static const std::map<std::string, std::string, std::less<>> names = {
      {"--bootstrap-server", "HOST:PORT"}, {"--codec", "CODEC"}, {"--config", "KEY=VALUE"}, {"--data", "DIR"}, {"--execute", "SQL"}, {"--file", "FILE"},     {"--format", "FORMAT"},
      {"--from", "PLACE"},                 {"--host", "ADDRESS"}, {"--key", "KEY"},         {"--key-separator", "TEXT"}, {"--server", "HOST:PORT"}};
  const auto found = names.find(option.get_name(false, false));
  if (found != names.end()) return found->second;
  return option.get_type_name().find("INT") != std::string::npos ? "N" : "VALUE";
}

std::string PositionalName(const CLI::Option& option) {
  const bool is_list = option.get_expected_max() >= CLI::detail::expected_max_vector_size;
  return base::AsciiUpper(option.get_name(true, false)) + (is_list ? "..." : "");
}

Line LineOf(const CLI::Option& option) {
  if (option.get_positional()) return {PositionalName(option), option.get_description()};
  std::string name;
  for (const std::string& letter : option.get_snames()) name += "-" + letter + ", ";
  for (const std::string& word : option.get_lnames()) name += "--" + word;
  if (option.get_items_expected_max() > 0) name += " " + ValueName(option);  // a flag has none
  std::string text = option.get_description();
  if (const std::string otherwise = option.get_default_str(); !otherwise.empty() && otherwise != "-1") text += fmt::format(" ({})", otherwise);
  return {std::move(name), std::move(text)};
}

std::string Table(const std::vector<Line>& lines) {
  size_t width = 0;
  for (const Line& line : lines) width = std::max(width, line.name.size());
  std::string text;
  for (const Line& line : lines) text += fmt::format("  {:<{}}  {}\n", line.name, width, line.text);
  return text;
}

class HelpPage final : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    std::vector<Line> words, options, commands;
    std::string usage = CommandPath(*app);
    for (const CLI::Option* option : app->get_options([app](const CLI::Option* each) { return each != app->get_help_ptr(); })) {
      (option->get_positional() ? words : options).push_back(LineOf(*option));
    }
    options.push_back(LineOf(*app->get_help_ptr()));
    for (const CLI::App* command : app->get_subcommands({})) commands.push_back({command->get_name(), FirstLine(command->get_description())});
    if (!commands.empty()) usage += " COMMAND";
    for (const Line& word : words) usage += " " + word.name;
    std::string page = fmt::format("{}\n\nUsage: {} [OPTIONS]\n", app->get_description(), usage);
    if (!commands.empty()) page += "\nCommands:\n" + Table(commands);
    words.insert(words.end(), options.begin(), options.end());
    page += "\n" + std::string(commands.empty() ? "" : "Options:\n") + Table(words);
    if (!commands.empty()) page += fmt::format("\n{} COMMAND --help shows more of each.\n", CommandPath(*app));
    return page;
  }
};

}  // namespace

std::string CommandPath(const CLI::App& command) { return command.get_parent() == nullptr ? command.get_name() : CommandPath(*command.get_parent()) + " " + command.get_name(); }

std::shared_ptr<CLI::FormatterBase> MakeHelpPages() { return std::make_shared<HelpPage>(); }

}  // namespace firn::cli
