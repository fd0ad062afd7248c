// SPDX-License-Identifier: Apache-2.0
// The recursive-descent parser: a cursor over tokens, and one method a construct, spread over the parser_*.cc files by subject. Binary operators go
// by precedence climbing. Every method leaves the cursor behind what it took; on failure the parser is thrown away.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/result.h"
#include "sql/ast.h"
#include "sql/lexer.h"
#include "sql/parser.h"

namespace firn::sql {

class Parser {
 public:
  /// The tokens of `text`, which must outlive the parser.
  Parser(std::string_view text, std::vector<Token> tokens);

  // parser_statement.cc
  Result<Statement> ParseWholeStatement();
  // parser_query.cc
  Result<std::unique_ptr<Query>> ParseQueryExpression();
  // parser_expression.cc
  Result<ExpressionPtr> ParseValue();
  // parser_type.cc
  Result<types::DataType> ParseDataType();

  /// Nothing but ';' may follow.
  Status ExpectEnd();

 private:
  // --- the cursor: parser.cc ---
  const Token& Current() const { return tokens_[at_]; }
  const Token& Ahead(size_t count) const { return tokens_[std::min(at_ + count, tokens_.size() - 1)]; }
  /// Behind a token that was looked at: the end stands for what is missing and is never taken.
  void Advance() {
    FIRN_ASSERT(at_ + 1 < tokens_.size(), "the parser goes on behind the last of {} tokens", tokens_.size());
    ++at_;
  }
  bool AtWord(std::string_view upper, size_t ahead = 0) const { return Ahead(ahead).kind == TokenKind::kWord && Ahead(ahead).upper == upper; }
  bool AtWords(std::initializer_list<std::string_view> words) const;
  bool AtSymbol(std::string_view symbol, size_t ahead = 0) const { return Ahead(ahead).kind == TokenKind::kSymbol && Ahead(ahead).text == symbol; }
  bool AtEnd() const { return Current().kind == TokenKind::kEnd; }
  bool TakeWord(std::string_view upper);
  bool TakeWords(std::initializer_list<std::string_view> words);
  bool TakeSymbol(std::string_view symbol);
  Status ExpectWord(std::string_view upper);
  Status ExpectSymbol(std::string_view symbol);
  /// "found X, expected Y"; kIncompleteStatement at the end of the text.
  Error Unexpected(std::string_view expected) const;
  Error Advise(Error error) const;
  Error Unsupported(SourceSpan span, std::string what, std::string hint = {}) const;
  /// From where a token began, which has been taken, up to the last one that was.
  SourceSpan SpanFrom(uint32_t begin) const {
    FIRN_ASSERT(at_ > 0 && begin <= tokens_[at_ - 1].span.end, "nothing was taken from byte {} on", begin);
    return {begin, tokens_[at_ - 1].span.end};
  }

  bool AtIdentifier(size_t ahead = 0) const;
  Result<Identifier> ParseIdentifier(std::string_view what);
  /// Any word, reserved or not: option-like places and after a dot.
  Result<Identifier> ParseAnyName(std::string_view what);
  static constexpr size_t kTableNameParts = 3;     // catalog.database.table
  static constexpr size_t kAnyNameParts = 64;      // the binder knows how many: catalog.database.table.snapshots, a row's fields
  static constexpr size_t kDatabaseNameParts = 2;  // catalog.database
  Result<ObjectName> ParseObjectName(std::string_view what, size_t parts_max = kTableNameParts);
  Result<std::vector<Identifier>> ParseIdentifierList(std::string_view what);  // ( a, b )
  Result<std::string> ParseString(std::string_view what);
  Result<std::vector<Option>> ParseOptions();                                  // ( 'k' = 'v', ... )
  Result<std::vector<Hint>> ParseHints();
  Status ParseHintItem(Hint* hint);

  // --- parser_type.cc ---
  Result<types::DataType> ParseBareType(const Token& start);
  Result<types::DataType> ParseNestedType(const std::string& name);
  Result<types::DataType> ParseSimpleType(const Token& start);

  // --- parser_expression.cc ---
  Result<ExpressionPtr> ParseBinary(int min_precedence);
  Result<ExpressionPtr> ParseUnary();
  Result<ExpressionPtr> ParsePostfix();
  Result<ExpressionPtr> ParsePrimary();
  Result<ExpressionPtr> ParsePredicateTail(ExpressionPtr left, int min_precedence);
  Result<ExpressionPtr> ParseBetweenTail(ExpressionPtr left, bool negated);
  Result<ExpressionPtr> ParseLikeTail(ExpressionPtr left, bool negated);
  Result<ExpressionPtr> ParseIsTail(ExpressionPtr left);
  Result<ExpressionPtr> ParseInTail(ExpressionPtr left, bool negated);
  Result<ExpressionPtr> ParseParenthesized();
  Result<ExpressionPtr> ParseCase();
  Result<ExpressionPtr> ParseCast(bool is_try);
  Result<ExpressionPtr> ParseInterval();
  Result<ExpressionPtr> ParseColumn();
  Result<ExpressionPtr> ParseWordPrimary();
  Result<ExpressionPtr> ParseCollectionConstructor();
  Result<std::vector<ExpressionPtr>> ParseValueList(std::string_view close);
  Result<IntervalUnit> ParseIntervalUnit();
  /// TO unit, behind an interval's first unit; nullopt if there is none.
  Result<std::optional<IntervalUnit>> ParseIntervalEnd(IntervalUnit from);

  // --- parser_call.cc ---
  Result<ExpressionPtr> ParseCall();
  Result<ExpressionPtr> ParseSpecialCall(const std::string& name, bool* is_special);
  void OpenCall();
  Status ParseValueInto(std::vector<ExpressionPtr>* arguments);
  Status ParseTimeUnitInto(std::vector<ExpressionPtr>* arguments);
  Result<ExpressionPtr> CloseCall(std::string name, uint32_t begin, std::vector<ExpressionPtr> arguments);
  Result<ExpressionPtr> ParseExtract(uint32_t begin);
  Result<ExpressionPtr> ParseRounding(const std::string& name, uint32_t begin);
  Result<ExpressionPtr> ParseTrim(uint32_t begin);
  Result<ExpressionPtr> ParseSubstring(const std::string& name, uint32_t begin);
  Result<ExpressionPtr> ParseOverlay(uint32_t begin);
  Result<ExpressionPtr> ParsePosition(uint32_t begin);
  Result<ExpressionPtr> ParseTimestampArithmetic(const std::string& name, uint32_t begin);
  Result<ExpressionPtr> ParseJsonCall(const std::string& name, uint32_t begin);
  Status ParseJsonConstructorArguments(Expression* call);
  Status ParseJsonClauses(Expression* call);
  Result<JsonBehavior> ParseJsonBehavior(ExpressionPtr* value);
  Status ParseArguments(Expression* call);
  Status ParseArgument(Expression* call);
  Status ParseCallTail(Expression* call);
  Result<ExpressionPtr> ParseTableArgument();
  Result<std::unique_ptr<WindowSpecification>> ParseWindowSpecification();
  Result<WindowFrame> ParseWindowFrame();
  Result<FrameBound> ParseFrameBound();
  Result<std::vector<SortItem>> ParseSortItems();
  ExpressionPtr MakeCall(std::string name, uint32_t begin, std::vector<ExpressionPtr> arguments) const;
  ExpressionPtr MakeText(std::string text, SourceSpan span) const;

  // --- parser_query.cc ---
  Result<std::unique_ptr<Query>> ParseSetOperation(int min_precedence);
  Result<std::unique_ptr<Query>> ParseQueryPrimary();
  Result<std::unique_ptr<Select>> ParseSelect();
  Status ParseSelectItems(Select* select);
  Status ParseSelectClauses(Select* select);
  Status ParseOrderAndLimit(Query* query);
  Result<std::vector<std::vector<ExpressionPtr>>> ParseValuesRows();
  Result<TableExpressionPtr> ParseFrom();
  Result<TableExpressionPtr> ParseJoins(TableExpressionPtr left);
  Result<TableExpressionPtr> ParseJoinTail(TableExpressionPtr left, bool* has_join);
  Result<TableExpressionPtr> ParseTablePrimary();
  Result<TableExpressionPtr> ParseNamedTable();
  Status ParseTimeTravel(TableExpression* table);
  Status ParseAlias(TableExpression* table);
  Result<GroupingElement> ParseGroupingElement();
  bool AtGroupingSet() const;
  Result<CommonTable> ParseCommonTable();
  bool AtQuery(size_t ahead = 0) const;

  // --- parser_ddl.cc ---
  Result<StatementBody> ParseCreate();
  Result<StatementBody> ParseCreateTable(bool is_temporary, bool or_replace);
  Result<StatementBody> ParseCreateView(bool is_temporary, bool or_replace);
  Status ParseTableElements(CreateTableStatement* table);
  Status ParseTableElement(CreateTableStatement* table);
  Result<ColumnDefinition> ParseColumnDefinition();
  Result<WatermarkClause> ParseWatermark();
  Result<PrimaryKeyClause> ParsePrimaryKey();
  Result<LikeClause> ParseLike();
  Result<StatementBody> ParseDrop();
  Result<StatementBody> ParseAlter();
  Result<StatementBody> ParseAlterTable(bool is_view);
  Result<AlterTableAction> ParseAlterAction();
  Result<AlterTableAction> ParseAlterAdd(bool is_modify);
  Result<AlterTableAction> ParseAlterDrop();
  bool TakeIfNotExists();
  bool TakeIfExists();

  // --- parser_statement.cc ---
  Result<StatementBody> ParseBody();
  Result<InsertStatement> ParseInsert();
  Result<StatementBody> ParseStatementSet();
  Result<StatementSet> ParseStatementSetBlock();
  Result<StatementBody> ParseShow();
  Result<StatementBody> ParseDescribe();
  Result<StatementBody> ParseExplain();
  Result<StatementBody> ParseUse();
  Result<StatementBody> ParseSet();
  Result<StatementBody> ParseReset();
  Result<StatementBody> ParseStop();
  Status RefuseByName();

  // Guards recursion: kMaxNesting.
  struct Nesting {
    explicit Nesting(int* depth) : depth_(depth) { ++*depth_; }
    ~Nesting() { --*depth_; }
    int* depth_;
  };
  Status CheckNesting() const;
  /// One more node around what has just been parsed: kMaxChain. Loops that wrap their left side (a + b + c, joins, UNION) make trees tall
  /// where recursion does not see it. Before a side is parsed, height_ is set to 0; `left_height` is what the left side has left in it.
  Status Grow(int left_height);

  std::string_view text_;
  std::vector<Token> tokens_;
  std::vector<uint32_t> closing_;  // of an opening parenthesis: the token that closes it, else the last
  size_t at_ = 0;
  int depth_ = 0;
  int height_ = 0;                 // see Grow
};

}  // namespace firn::sql
