// SPDX-License-Identifier: Apache-2.0
// What may stand where the cursor is in a statement that is being typed: words that begin a statement, names of catalogs, databases, tables and columns, functions,
// keywords. It looks at tokens, not at the grammar: a statement that is not finished seldom parses.
//
// 1. The word under the cursor and the names before its dots are split off; the rest is cut into tokens.
// 2. The last token says what may follow: a table behind FROM, a catalog behind USE CATALOG, else an expression.
// 3. In an expression the columns of all tables that the statement names stand first, since they are what is typed most.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace firn::gateway {

/// Names as a session sees them. What does not exist gives nothing.
struct NameSource {
  std::string catalog;    // current ones
  std::string database;
  std::function<std::vector<std::string>()> catalogs;
  std::function<std::vector<std::string>(const std::string& catalog)> databases;
  std::function<std::vector<std::string>(const std::string& catalog, const std::string& database)> tables;
  std::function<std::vector<std::string>(const std::vector<std::string>& path)> columns;  // of `t`, `db.t` or `catalog.db.t`
  std::function<std::vector<std::string>()> functions;
};

inline constexpr size_t kCandidatesMax = 200;

/// Words that may replace the one that ends at `position`, best first, each once, at most kCandidatesMax. Keywords follow the case of what is typed.
std::vector<std::string> CompleteStatement(std::string_view statement, size_t position, const NameSource& names);

}  // namespace firn::gateway
