// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "sql/ast_expression.h"

namespace firn::plan {

/// `name` in back-ticks.
std::string QuotedIdentifier(std::string_view name);
/// 'text' as a SQL string.
std::string QuotedString(std::string_view text);

/// The text of a parsed expression as it is stored with a table: cut out of the statement, with all column names in back-ticks.
std::string StoredText(const sql::Expression& expression, std::string_view statement);

/// Whether the expression names the column, by its first name part.
bool NamesColumn(const sql::Expression& expression, std::string_view column);

}  // namespace firn::plan
