// SPDX-License-Identifier: Apache-2.0
#include "sql/parser.h"

#include <fmt/format.h>

#include "sql/parser_internal.h"

namespace firn::sql {

bool Parser::AtWords(std::initializer_list<std::string_view> words) const {
  size_t ahead = 0;
  for (std::string_view word : words) {
    if (!AtWord(word, ahead++)) return false;
  }
  return true;
}

bool Parser::TakeWord(std::string_view upper) {
  if (!AtWord(upper)) return false;
  Advance();
  return true;
}

bool Parser::TakeWords(std::initializer_list<std::string_view> words) {
  if (!AtWords(words)) return false;
  for (size_t i = 0; i < words.size(); ++i) Advance();
  return true;
}

bool Parser::TakeSymbol(std::string_view symbol) {
  if (!AtSymbol(symbol)) return false;
  Advance();
  return true;
}

Status Parser::ExpectWord(std::string_view upper) {
  if (TakeWord(upper)) return Ok();
  return Unexpected(upper);
}

Status Parser::ExpectSymbol(std::string_view symbol) {
  if (TakeSymbol(symbol)) return Ok();
  return Unexpected(fmt::format("'{}'", symbol));
}

Error Parser::Unexpected(std::string_view expected) const {
  const Token& token = Current();
  if (token.kind == TokenKind::kEnd) {
    // Flink's own shell takes the words Encountered "<EOF>" as the sign to ask for more input.
    return Error(ErrorCode::kIncompleteStatement, fmt::format("the statement ends where {} is expected (Encountered \"<EOF>\")", expected)).At(token.span);
  }
  Error error(ErrorCode::kSyntaxError, fmt::format("found '{}' where {} is expected", text_.substr(token.span.begin, token.span.end - token.span.begin), expected));
  if (token.kind == TokenKind::kSymbol && (token.text == "!=" || token.text == "==")) {
    return std::move(error).At(token.span).Hint(token.text == "!=" ? "SQL's sign for \"not equal\" is <>" : "SQL's sign for \"equal\" is =");
  }
  if (token.kind == TokenKind::kWord) {
    if (IsReserved(token.upper)) {
      return std::move(error).At(token.span).Hint(fmt::format("{} is a reserved word; as a name write it in back-ticks: `{}`", token.upper, token.text));
    }
    auto near = base::NearNames(token.upper, CommonKeywords());
    if (!near.empty() && near[0] != token.upper) return std::move(error).At(token.span).Hint(fmt::format("did you mean {}?", near[0])).Candidates(near);
  }
  return std::move(error).At(token.span);
}

Error Parser::Unsupported(SourceSpan span, std::string what, std::string hint) const {
  return Error(ErrorCode::kNotSupported, std::move(what)).At(span).Hint(std::move(hint));
}

std::string Parser::TextFrom(uint32_t begin) const {
  const SourceSpan span = SpanFrom(begin);
  return std::string(text_.substr(span.begin, span.end - span.begin));
}

Status Parser::CheckNesting() const {
  if (depth_ <= kMaxNesting) return Ok();
  return Error(ErrorCode::kLimitExceeded, fmt::format("the statement is nested more than {} levels deep", kMaxNesting)).At(Current().span);
}

bool Parser::AtIdentifier(size_t ahead) const {
  const Token& token = Ahead(ahead);
  return token.kind == TokenKind::kQuotedIdentifier || (token.kind == TokenKind::kWord && !IsReserved(token.upper));
}

Result<Identifier> Parser::ParseIdentifier(std::string_view what) {
  if (!AtIdentifier()) return Unexpected(what);
  return ParseAnyName(what);
}

Result<Identifier> Parser::ParseAnyName(std::string_view what) {
  const Token& token = Current();
  if (token.kind != TokenKind::kQuotedIdentifier && token.kind != TokenKind::kWord) return Unexpected(what);
  Identifier name{token.text, token.span};
  Advance();
  return name;
}

Result<ObjectName> Parser::ParseObjectName(std::string_view what) {
  ObjectName name;
  const uint32_t begin = Current().span.begin;
  FIRN_TRY(Identifier first, ParseIdentifier(what));
  name.parts.push_back(std::move(first));
  while (TakeSymbol(".")) {
    FIRN_TRY(Identifier part, ParseAnyName("a name"));
    name.parts.push_back(std::move(part));
  }
  name.span = SpanFrom(begin);
  return name;
}

Result<std::vector<Identifier>> Parser::ParseIdentifierList(std::string_view what) {
  std::vector<Identifier> names;
  FIRN_RETURN_IF_ERROR(ExpectSymbol("("));
  do {
    FIRN_TRY(Identifier name, ParseIdentifier(what));
    names.push_back(std::move(name));
  } while (TakeSymbol(","));
  FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  return names;
}

Result<std::string> Parser::ParseString(std::string_view what) {
  if (Current().kind != TokenKind::kString) return Unexpected(what);
  std::string text = Current().text;
  Advance();
  return text;
}

Result<std::vector<Option>> Parser::ParseOptions() {
  std::vector<Option> options;
  FIRN_RETURN_IF_ERROR(ExpectSymbol("("));
  if (TakeSymbol(")")) return options;
  do {
    Option option;
    const uint32_t begin = Current().span.begin;
    FIRN_TRY(option.key, ParseString("an option's key in quotes"));
    FIRN_RETURN_IF_ERROR(ExpectSymbol("="));
    FIRN_TRY(option.value, ParseString("an option's value in quotes"));
    option.span = SpanFrom(begin);
    options.push_back(std::move(option));
  } while (TakeSymbol(","));
  FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
  return options;
}

Result<std::vector<Hint>> Parser::ParseHints() {
  std::vector<Hint> hints;
  if (Current().kind != TokenKind::kHint) return hints;
  const uint32_t begin = Current().span.begin + 3;
  FIRN_TRY(std::vector<Token> tokens, Tokenize(Current().text));
  Parser inner(Current().text, std::move(tokens));
  Advance();
  while (!inner.AtEnd()) {
    Hint hint;
    hint.span = {begin + inner.Current().span.begin, begin + inner.Current().span.end};
    hint.name = inner.Current().upper;
    auto name = inner.ParseAnyName("a hint");
    if (!name.ok()) return std::move(name).error().At(hint.span);
    if (inner.TakeSymbol("(")) {
      while (!inner.TakeSymbol(")")) {
        if (inner.AtEnd()) return Error(ErrorCode::kSyntaxError, fmt::format("the hint {} is not closed by ')'", hint.name)).At(hint.span);
        const Token token = inner.Current();
        inner.Advance();
        if (inner.TakeSymbol("=")) {
          hint.options.emplace_back(token.text, inner.Current().text);
          inner.Advance();
        } else if (token.kind != TokenKind::kSymbol) {
          hint.arguments.push_back(token.text);
        }
      }
    }
    hints.push_back(std::move(hint));
    inner.TakeSymbol(",");
  }
  return hints;
}

Status Parser::ExpectEnd() {
  while (TakeSymbol(";")) {
  }
  return AtEnd() ? Ok() : Status(Unexpected("the end of the statement"));
}

std::string ObjectName::ToString() const {
  std::string text;
  for (const Identifier& part : parts) {
    bool is_plain = !part.text.empty() && !(part.text[0] >= '0' && part.text[0] <= '9');
    std::string upper, quoted;
    for (char c : part.text) {
      is_plain &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
      upper.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
      quoted += c == '`' ? "``" : std::string(1, c);
    }
    text += (text.empty() ? "" : ".") + (is_plain && !IsReserved(upper) ? part.text : "`" + quoted + "`");
  }
  return text;
}

namespace {

Result<Parser> MakeParser(std::string_view text) {
  if (text.size() > kMaxStatementBytes) {
    return Error(ErrorCode::kLimitExceeded, fmt::format("the statement has {} bytes, the limit is {}", text.size(), kMaxStatementBytes));
  }
  FIRN_TRY(std::vector<Token> tokens, Tokenize(text));
  return Parser(text, std::move(tokens));
}

}  // namespace

Result<Statement> ParseStatement(std::string_view text) {
  FIRN_TRY(Parser parser, MakeParser(text));
  return parser.ParseWholeStatement();
}

Result<ExpressionPtr> ParseExpression(std::string_view text) {
  FIRN_TRY(Parser parser, MakeParser(text));
  FIRN_TRY(ExpressionPtr expression, parser.ParseValue());
  FIRN_RETURN_IF_ERROR(parser.ExpectEnd());
  return expression;
}

Result<std::unique_ptr<Query>> ParseQuery(std::string_view text) {
  FIRN_TRY(Parser parser, MakeParser(text));
  FIRN_TRY(std::unique_ptr<Query> query, parser.ParseQueryExpression());
  FIRN_RETURN_IF_ERROR(parser.ExpectEnd());
  return query;
}

Result<types::DataType> ParseType(std::string_view text) {
  FIRN_TRY(Parser parser, MakeParser(text));
  FIRN_TRY(types::DataType type, parser.ParseDataType());
  FIRN_RETURN_IF_ERROR(parser.ExpectEnd());
  return type;
}

}  // namespace firn::sql
