// SPDX-License-Identifier: Apache-2.0
// SQL text to AST, in Flink's dialect. Errors: kSyntaxError (E2001) with the place, what was found and what was expected; kIncompleteStatement (E2002)
// when the text ends early; kNotSupported (E2003) for statements and clauses that are recognised and not built.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/ast.h"

namespace firn::sql {

inline constexpr size_t kMaxStatementBytes = 1 << 20;
inline constexpr int kMaxNesting = 200;  // parentheses, sub-queries, operators: keeps the parser's own stack bounded
inline constexpr int kMaxChain = 1000;   // a + b + c ..., JOINs, UNIONs, summed over all levels: keeps the stack of whoever walks the tree bounded

/// One statement, with or without a closing ';'.
Result<Statement> ParseStatement(std::string_view text);
/// A value expression alone: computed columns, watermarks.
Result<ExpressionPtr> ParseExpression(std::string_view text);
/// A query alone: views.
Result<std::unique_ptr<Query>> ParseQuery(std::string_view text);
/// "DECIMAL(10, 2) NOT NULL"
Result<types::DataType> ParseType(std::string_view text);

struct StatementText {
  std::string text;        // without the closing ';'
  uint32_t begin = 0;      // byte in the script
  bool is_complete = true; // false for what follows the last ';' (a shell asks for more)
  bool begins_set = false; // BEGIN STATEMENT SET, alone
  bool ends_set = false;   // END, alone
};
/// Cuts a script at ';' outside of strings, quoted names and comments; a statement set (... BEGIN ... END) is one statement. Empty statements
/// and those of comments alone are left out.
std::vector<StatementText> SplitStatements(std::string_view script);

struct ParsedStatement {
  StatementText text;
  Statement statement;     // its spans lie in text.text; add text.begin for the place in the script
};
/// All statements of a script, or the first error with its place in the script.
Result<std::vector<ParsedStatement>> ParseScript(std::string_view script);

}  // namespace firn::sql
