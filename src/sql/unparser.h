// SPDX-License-Identifier: Apache-2.0
// AST to SQL text: parsing it again gives the same tree (spans apart). One line; keywords in upper case, parentheses where precedence asks for them, optional
// words as one form (INNER and ASC are left out, FETCH becomes LIMIT). Comments are not in a tree and so are gone.
#pragma once

#include <functional>
#include <string>

#include "sql/ast.h"

namespace firn::sql {

struct UnparseOptions {
  /// What to write for the name of a table in FROM, in TABLE t and as a window's argument. Not asked for names that a WITH around them has defined.
  /// Empty: as it was written.
  std::function<std::string(const ObjectName&)> table_name = {};
  /// What to write for a * of a select list; empty: as it was written.
  std::function<std::string(const Expression&)> star = {};
};

std::string Unparse(const Statement& statement, const UnparseOptions& options = {});
std::string Unparse(const Query& query, const UnparseOptions& options = {});
std::string Unparse(const Expression& expression, const UnparseOptions& options = {});

/// CHANGELOG_MODE, ...; empty for the plain one.
std::string_view ExplainModeText(ExplainMode mode);

}  // namespace firn::sql
