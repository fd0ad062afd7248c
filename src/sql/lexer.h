// SPDX-License-Identifier: Apache-2.0
// SQL text to tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace firn::sql {

enum class TokenKind {
  kWord,              // identifier or keyword; upper: in upper case
  kQuotedIdentifier,  // `a`: text is unescaped
  kInteger,
  kDecimal,
  kDouble,
  kString,            // text is unescaped
  kBinary,            // x'0a': text is the bytes
  kSymbol,            // operators and punctuation, the longest that fits; "/*+" and, behind it, "*/" enclose hints
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  std::string upper;  // kWord only
  base::SourceSpan span;
};

/// All tokens, the last being kEnd. kSyntaxError for bytes that are not UTF-8, for unclosed quotes and comments and for stray characters.
Result<std::vector<Token>> Tokenize(std::string_view text);

/// Whether a bare word cannot be an identifier.
bool IsReserved(std::string_view upper);
/// Keywords that may begin a clause or statement: for "did you mean".
const std::vector<std::string>& CommonKeywords();

}  // namespace firn::sql
