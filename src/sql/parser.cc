// SPDX-License-Identifier: Apache-2.0
#include "sql/parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/utf8.h"
#include "sql/parser_internal.h"

namespace firn::sql {

namespace {

constexpr size_t kMaxQuotedBytes = 40;  // of an unexpected token in a message

// Words that begin a clause behind a list of expressions or tables.
bool IsClauseWord(std::string_view upper) {
  static constexpr std::string_view kWords[] = {"FROM", "WHERE", "GROUP", "HAVING", "WINDOW", "QUALIFY", "ORDER", "LIMIT", "OFFSET", "FETCH", "UNION",
                                                "EXCEPT", "INTERSECT", "MINUS", "ON", "USING", "AS", "THEN", "WHEN", "ELSE", "END", "AND", "OR"};
  return std::find(std::begin(kWords), std::end(kWords), upper) != std::end(kWords);
}

}  // namespace

Parser::Parser(std::string_view text, std::vector<Token> tokens) : text_(text), tokens_(std::move(tokens)) {
  FIRN_ASSERT(!tokens_.empty() && tokens_.back().kind == TokenKind::kEnd, "{} tokens", tokens_.size());
  FIRN_ASSERT(tokens_.back().span.end == text_.size(), "tokens up to byte {} of {}", tokens_.back().span.end, text_.size());
  closing_.assign(tokens_.size(), static_cast<uint32_t>(tokens_.size() - 1));
  std::vector<uint32_t> open;
  for (uint32_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i].kind != TokenKind::kSymbol) continue;
    if (tokens_[i].text == "(") open.push_back(i);
    if (tokens_[i].text == ")" && !open.empty()) {
      FIRN_ASSERT(open.back() < i, "the parenthesis at {} is closed at {}", open.back(), i);
      closing_[open.back()] = i;
      open.pop_back();
    }
  }
}

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
  const std::string found = base::Excerpt(text_.substr(token.span.begin, token.span.end - token.span.begin), kMaxQuotedBytes);
  Error error(ErrorCode::kSyntaxError, fmt::format("found {} where {} is expected", token.kind == TokenKind::kString ? found : "'" + found + "'", expected));
  return Advise(std::move(error).At(token.span));
}

// The next step after an unexpected token, as far as it can be guessed.
Error Parser::Advise(Error error) const {
  const Token& token = Current();
  if (token.kind == TokenKind::kSymbol) {
    if (token.text == "!=") return std::move(error).Hint("SQL's sign for \"not equal\" is <>");
    if (token.text == "==") return std::move(error).Hint("SQL's sign for \"equal\" is =");
  }
  const Token* previous = at_ > 0 ? &tokens_[at_ - 1] : nullptr;
  const bool closes_list = AtSymbol(")") || (token.kind == TokenKind::kWord && IsClauseWord(token.upper));
  if (previous != nullptr && previous->kind == TokenKind::kSymbol && previous->text == "," && closes_list) {
    return std::move(error).Hint(fmt::format("remove the comma before {}", token.text));
  }
  if (token.kind == TokenKind::kWord && IsReserved(token.upper)) {
    if (IsClauseWord(token.upper)) return error;
    return std::move(error).Hint(fmt::format("{} is a reserved word; as a name write it in back-ticks: `{}`", token.upper, token.text));
  }
  // A mistyped keyword is often taken for a name or an alias, and only what follows it is unexpected: SELECT a FORM t.
  for (const Token* word : {&token, previous}) {
    if (word == nullptr || word->kind != TokenKind::kWord || IsReserved(word->upper)) continue;
    auto near = base::NearNames(word->upper, CommonKeywords());
    if (near.empty() || near[0] == word->upper) continue;
    if (word == &token) return std::move(error).Hint(fmt::format("did you mean {}?", near[0])).Candidates(near);
    return std::move(error).Hint(fmt::format("did you mean {} instead of {}?", near[0], word->text));
  }
  return error;
}

Error Parser::Unsupported(SourceSpan span, std::string what, std::string hint) const {
  return Error(ErrorCode::kNotSupported, std::move(what)).At(span).Hint(std::move(hint));
}

Status Parser::Grow(int left_height) {
  FIRN_ASSERT(left_height >= 0 && height_ >= 0, "heights {} and {}", left_height, height_);
  height_ = std::max(left_height, height_) + 1;
  if (height_ <= kMaxChain) return Ok();
  return Error(ErrorCode::kLimitExceeded, fmt::format("more than {} operators stand in one row", kMaxChain))
      .At(Current().span)
      .Hint("IN (...) takes any number of values");
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

Result<ObjectName> Parser::ParseObjectName(std::string_view what, size_t parts_max) {
  ObjectName name;
  const uint32_t begin = Current().span.begin;
  FIRN_TRY(Identifier first, ParseIdentifier(what));
  name.parts.push_back(std::move(first));
  while (TakeSymbol(".")) {
    FIRN_TRY(Identifier part, ParseAnyName("a name"));
    name.parts.push_back(std::move(part));
  }
  name.span = SpanFrom(begin);
  FIRN_ASSERT(parts_max == kTableNameParts || parts_max == kDatabaseNameParts || parts_max == kAnyNameParts || parts_max == 1, "names of {} parts", parts_max);
  if (name.parts.size() > parts_max) {
    return Error(ErrorCode::kSyntaxError, fmt::format("`{}` has {} parts, {} has at most {}", name.ToString(), name.parts.size(), what, parts_max))
        .At(name.span)
        .Hint(parts_max == kTableNameParts ? "catalog.database.table" : parts_max == kDatabaseNameParts ? "catalog.database" : "its name alone: a catalog is in nothing else");
  }
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

// /*+ NAME, NAME('k' = 'v', ...), NAME(word, a.b, 'text') */
Result<std::vector<Hint>> Parser::ParseHints() {
  std::vector<Hint> hints;
  if (!TakeSymbol("/*+")) return hints;
  while (!TakeSymbol("*/")) {
    Hint hint;
    FIRN_TRY(Identifier name, ParseAnyName("a hint"));
    hint.span = name.span;
    for (char c : name.text) hint.name.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    if (TakeSymbol("(") && !TakeSymbol(")")) {
      do {
        FIRN_RETURN_IF_ERROR(ParseHintItem(&hint));
      } while (TakeSymbol(","));
      FIRN_RETURN_IF_ERROR(ExpectSymbol(")"));
    }
    hints.push_back(std::move(hint));
    TakeSymbol(",");
  }
  return hints;
}

Status Parser::ParseHintItem(Hint* hint) {
  auto is_value = [&] { return !AtEnd() && Current().kind != TokenKind::kSymbol; };
  if (!is_value()) return Unexpected("a hint's argument or 'key' = 'value'");
  std::string text = Current().text;
  Advance();
  while (AtSymbol(".")) {
    Advance();
    FIRN_TRY(Identifier part, ParseAnyName("a name"));
    text += "." + part.text;
  }
  if (!TakeSymbol("=")) {
    hint->arguments.push_back(std::move(text));
    return Ok();
  }
  if (!is_value()) return Unexpected("a value in quotes");
  hint->options.emplace_back(std::move(text), Current().text);
  Advance();
  return Ok();
}

Status Parser::ExpectEnd() {
  const bool is_closed = AtSymbol(";");
  while (TakeSymbol(";")) {
  }
  if (AtEnd()) return Ok();
  if (!is_closed) return Unexpected("the end of the statement");
  return Error(ErrorCode::kSyntaxError, "another statement begins where only one is expected").At(Current().span).Hint("send statements one at a time");
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

Result<std::vector<ParsedStatement>> ParseScript(std::string_view script) {
  std::vector<ParsedStatement> statements;
  for (StatementText& part : SplitStatements(script)) {
    auto parsed = ParseStatement(part.text);
    if (!parsed.ok()) {
      SourceSpan span = parsed.error().span().value_or(SourceSpan{0, static_cast<uint32_t>(part.text.size())});
      FIRN_ASSERT(span.end <= part.text.size() && part.begin + part.text.size() <= script.size(), "bytes {} to {} of a statement of {} at {}", span.begin, span.end, part.text.size(), part.begin);
      std::string label = parsed.error().label();
      return std::move(parsed).error().At({span.begin + part.begin, span.end + part.begin}, std::move(label));
    }
    statements.push_back({std::move(part), std::move(*parsed)});
  }
  return statements;
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
