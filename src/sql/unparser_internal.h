// SPDX-License-Identifier: Apache-2.0
// Builds one text. Each method appends what its node is as SQL; levels are those of the parser's precedence climbing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sql/unparser.h"

namespace firn::sql {

class Unparser {
 public:
  explicit Unparser(const UnparseOptions& options) : options_(options) {}

  void Write(const Statement& statement);
  void Write(const Query& query);
  /// In parentheses if it binds less tightly than `level`.
  void Write(const Expression& expression, int level = 0);
  std::string Take() { return std::move(text_); }

 private:
  // --- texts: unparser_expression.cc ---
  void Text(std::string_view text) { text_ += text; }
  void Quoted(std::string_view text);  // 'text'
  void Name(const Identifier& name);
  void Names(const std::vector<Identifier>& names);  // (a, b)
  template <typename Items, typename Function>
  void List(const Items& items, Function&& write) {
    bool is_first = true;
    for (const auto& item : items) {
      if (!is_first) Text(", ");
      is_first = false;
      write(item);
    }
  }

  // --- unparser_expression.cc ---
  void WriteBare(const Expression& expression);
  void WriteOperator(const Expression& expression);
  void WriteLiteral(const Expression& expression);
  void WriteCase(const Expression& expression);
  void WriteIn(const Expression& expression);
  void WriteNested(const Query& query);  // (query)
  void WritePostfixOperand(const Expression& expression);
  void WriteAll(const std::vector<ExpressionPtr>& expressions);

  // --- unparser_call.cc ---
  void WriteCall(const Expression& call);
  bool WriteSpecialCall(const Expression& call);
  void WriteJsonCall(const Expression& call);
  void WriteJsonBehavior(JsonBehavior behavior, const ExpressionPtr& value, std::string_view when);
  void WriteArguments(const Expression& call);
  void WriteCallTail(const Expression& call);
  void WriteTableArgument(const Expression& argument);
  void WriteWindow(const WindowSpecification& window);
  void WriteFrameBound(const FrameBound& bound);
  void WriteSortItems(const std::vector<SortItem>& items);

  // --- unparser_query.cc ---
  void WriteBody(const Query& query);
  void WriteSetOperation(const Query& query);
  void WriteSelect(const Select& select);
  void WriteGrouping(const GroupingElement& element);
  void WriteTable(const TableExpression& table);
  void WriteJoin(const TableExpression& join);
  void WriteNamedTable(const TableExpression& table);
  void WriteTableName(const ObjectName& name);
  void WriteHints(const std::vector<Hint>& hints);

  // --- unparser_statement.cc ---
  void WriteBody(const QueryStatement& statement);
  void WriteBody(const InsertStatement& statement);
  void WriteBody(const StatementSet& statement);
  void WriteBody(const BeginStatementSet&) { Text("BEGIN STATEMENT SET"); }
  void WriteBody(const EndStatementSet&) { Text("END"); }
  void WriteBody(const CreateCatalogStatement& statement);
  void WriteBody(const DropCatalogStatement& statement);
  void WriteBody(const CreateDatabaseStatement& statement);
  void WriteBody(const DropDatabaseStatement& statement);
  void WriteBody(const CreateTableStatement& statement);
  void WriteBody(const CreateViewStatement& statement);
  void WriteBody(const DropTableStatement& statement);
  void WriteBody(const AlterTableStatement& statement);
  void WriteBody(const AlterViewAsStatement& statement);
  void WriteBody(const UseStatement& statement);
  void WriteBody(const SetStatement& statement);
  void WriteBody(const ResetStatement& statement);
  void WriteBody(const ShowStatement& statement);
  void WriteBody(const DescribeStatement& statement);
  void WriteBody(const ExplainStatement& statement);
  void WriteBody(const StopJobStatement& statement);
  void WriteAction(const AlterTableRename& action);
  void WriteAction(const AlterTableRenameColumn& action);
  void WriteAction(const AlterTableSet& action);
  void WriteAction(const AlterTableReset& action);
  void WriteAction(const AlterTableAdd& action);
  void WriteAction(const AlterTableDrop& action);
  void WriteBlock(const StatementSet& set);  // BEGIN ... END
  void WriteColumn(const ColumnDefinition& column);
  void WriteWatermark(const WatermarkClause& watermark);
  void WritePrimaryKey(const PrimaryKeyClause& key);
  void WriteLike(const LikeClause& like);
  void WriteOptions(const std::vector<Option>& options);
  void WriteComment(const std::string& comment);

  const UnparseOptions& options_;
  std::string text_;
  std::vector<std::string> defined_;  // names of the WITH clauses around
};

}  // namespace firn::sql
