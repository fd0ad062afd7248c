// SPDX-License-Identifier: Apache-2.0
// For tests: the statements and expressions of test/flink, as they are written there.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "sql/parser.h"

namespace firn::sql {

/// visit(the case's name, text of one statement), in the order of names.
template <typename Visit>
void ForEachCorpusStatement(Visit visit) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator("test/flink/cases")) {
    if (entry.path().extension() == ".sql") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    for (const StatementText& statement : SplitStatements(text.str())) visit(path.stem().string(), statement.text);
  }
}

/// visit(the expression, what Flink said of it)
template <typename Visit>
void ForEachCorpusExpression(Visit visit) {
  for (const auto& entry : std::filesystem::directory_iterator("test/flink/exprs")) {
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("#") || line.starts_with("@") || line.empty()) continue;
      const size_t end = line.find('\t');
      visit(line.substr(0, end), end == std::string::npos ? std::string() : line.substr(end));
    }
  }
}

}  // namespace firn::sql
