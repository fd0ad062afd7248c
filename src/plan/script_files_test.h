// SPDX-License-Identifier: Apache-2.0
// Tests that are files: a parameter a script.
#pragma once

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace firn::plan {

inline std::string ReadText(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The names of the NAME.sql of a folder, ascending; none when the test runs elsewhere than in the checkout.
inline std::vector<std::string> ScriptNames(const std::filesystem::path& folder) {
  std::set<std::string> names;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
    if (entry.path().extension() == ".sql") names.insert(entry.path().stem().string());
  }
  return {names.begin(), names.end()};
}

}  // namespace firn::plan
