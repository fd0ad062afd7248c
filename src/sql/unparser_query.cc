// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "sql/unparser_internal.h"

namespace firn::sql {

namespace {

bool HasTail(const Query& query) { return !query.order_by.empty() || query.limit || query.offset; }

int LevelOf(SetOperator op) { return op == SetOperator::kIntersect ? 2 : 1; }

}  // namespace

void Unparser::Write(const Query& query) {
  const size_t outer = defined_.size();
  if (!query.with.empty()) {
    Text(query.is_recursive ? "WITH RECURSIVE " : "WITH ");
    List(query.with, [&](const CommonTable& table) {
      if (query.is_recursive) defined_.push_back(table.name.text);
      Name(table.name);
      if (!table.columns.empty()) Text(" ");
      if (!table.columns.empty()) Names(table.columns);
      Text(" AS ");
      WriteNested(*table.query);
      defined_.push_back(table.name.text);
    });
    Text(" ");
  }
  WriteBody(query);
  if (!query.order_by.empty()) {
    Text(" ORDER BY ");
    WriteSortItems(query.order_by);
  }
  if (query.limit) {
    Text(" LIMIT ");
    Write(*query.limit);
  }
  if (query.offset) {
    Text(" OFFSET ");
    Write(*query.offset);
  }
  FIRN_ASSERT(defined_.size() == outer + query.with.size() * (query.is_recursive ? 2 : 1), "{} names of common tables, {} before {}", defined_.size(), outer, query.with.size());
  defined_.resize(outer);
}

void Unparser::WriteBody(const Query& query) {
  switch (query.kind) {
    case QueryKind::kSelect: return WriteSelect(*query.select);
    case QueryKind::kValues:
      Text("VALUES ");
      return List(query.values, [&](const std::vector<ExpressionPtr>& row) {
        Text("(");
        WriteAll(row);
        Text(")");
      });
    case QueryKind::kSetOperation: return WriteSetOperation(query);
    case QueryKind::kNested:
      // (q) ORDER BY x: the parser puts a level of its own between the query in parentheses and what is behind them.
      if (HasTail(query) && query.nested->kind == QueryKind::kNested && !HasTail(*query.nested) && query.nested->with.empty()) return WriteBody(*query.nested);
      return WriteNested(*query.nested);
    case QueryKind::kTable: Text("TABLE "); return WriteTableName(query.table);
  }
  FIRN_UNREACHABLE("query kind");
}

void Unparser::WriteSetOperation(const Query& query) {
  const auto side = [&](const Query& operand, int level) {
    const bool is_enclosed = HasTail(operand) || !operand.with.empty() || (operand.kind == QueryKind::kSetOperation && LevelOf(operand.set_operator) < level);
    return is_enclosed ? WriteNested(operand) : WriteBody(operand);
  };
  static constexpr std::string_view kTexts[] = {" UNION ", " EXCEPT ", " INTERSECT "};
  const int level = LevelOf(query.set_operator);
  side(*query.left, level);
  Text(kTexts[static_cast<int>(query.set_operator)]);
  if (query.is_all) Text("ALL ");
  side(*query.right, level + 1);
}

void Unparser::WriteSelect(const Select& select) {
  Text("SELECT");
  WriteHints(select.hints);
  Text(select.is_distinct ? " DISTINCT " : " ");
  List(select.items, [&](const SelectItem& item) {
    const std::string expanded = item.expression->kind == ExpressionKind::kStar && options_.star ? options_.star(*item.expression) : "";
    if (!expanded.empty()) return Text(expanded);
    Write(*item.expression);
    if (!item.alias) return;
    Text(" AS ");
    Name(*item.alias);
  });
  const auto clause = [&](std::string_view word, const ExpressionPtr& condition) {
    if (!condition) return;
    Text(word);
    Write(*condition);
  };
  if (select.from) {
    Text(" FROM ");
    WriteTable(*select.from);
  }
  clause(" WHERE ", select.where);
  if (select.has_group_by) {
    Text(" GROUP BY ");
    List(select.group_by, [&](const GroupingElement& element) { WriteGrouping(element); });
  }
  clause(" HAVING ", select.having);
  if (!select.windows.empty()) {
    Text(" WINDOW ");
    List(select.windows, [&](const NamedWindow& window) {
      Name(window.name);
      Text(" AS ");
      WriteWindow(window.window);
    });
  }
  clause(" QUALIFY ", select.qualify);
}

void Unparser::WriteGrouping(const GroupingElement& element) {
  if (element.kind == GroupingKind::kExpression && element.expressions.size() == 1) return Write(*element.expressions[0]);
  static constexpr std::string_view kTexts[] = {"", "GROUPING SETS ", "ROLLUP ", "CUBE "};
  Text(kTexts[static_cast<int>(element.kind)]);
  Text("(");
  if (element.kind == GroupingKind::kExpression) {
    WriteAll(element.expressions);
  } else {
    List(element.elements, [&](const GroupingElement& member) { WriteGrouping(member); });
  }
  Text(")");
}

void Unparser::WriteTable(const TableExpression& table) {
  if (table.is_lateral) Text("LATERAL ");
  switch (table.kind) {
    case TableKind::kNamed: WriteNamedTable(table); break;
    case TableKind::kQuery: WriteNested(*table.query); break;
    case TableKind::kFunction:
      Text("TABLE(");
      Write(*table.function);
      Text(")");
      break;
    case TableKind::kUnnest:
      Text("UNNEST(");
      Write(*table.function);
      Text(table.with_ordinality ? ") WITH ORDINALITY" : ")");
      break;
    case TableKind::kJoin: {
      const bool is_enclosed = table.alias.has_value();
      if (is_enclosed) Text("(");
      WriteJoin(table);
      if (is_enclosed) Text(")");
      break;
    }
  }
  if (!table.alias) return;
  Text(" AS ");
  Name(*table.alias);
  if (table.column_aliases.empty()) return;
  Text(" ");
  Names(table.column_aliases);
}

void Unparser::WriteJoin(const TableExpression& join) {
  static constexpr std::string_view kTexts[] = {"JOIN ", "LEFT JOIN ", "RIGHT JOIN ", "FULL JOIN ", "CROSS JOIN "};
  FIRN_ASSERT(join.left && join.right && (!join.on || join.using_columns.empty()), "a join of one side, or with two conditions");
  WriteTable(*join.left);
  Text(join.is_natural ? " NATURAL " : " ");
  Text(kTexts[static_cast<int>(join.join)]);
  const bool is_enclosed = join.right->kind == TableKind::kJoin && !join.right->alias;
  if (is_enclosed) Text("(");
  WriteTable(*join.right);
  if (is_enclosed) Text(")");
  if (join.on) {
    Text(" ON ");
    Write(*join.on);
  }
  if (!join.using_columns.empty()) {
    Text(" USING ");
    Names(join.using_columns);
  }
}

void Unparser::WriteNamedTable(const TableExpression& table) {
  static constexpr std::string_view kTexts[] = {"", " FOR SYSTEM_TIME AS OF ", " FOR TIMESTAMP AS OF ", " FOR VERSION AS OF "};
  WriteTableName(table.name);
  WriteHints(table.hints);
  if (table.time_travel == TimeTravelKind::kNone) return;
  FIRN_ASSERT(table.time_travel_point != nullptr, "time travel {} to no time", static_cast<int>(table.time_travel));
  Text(kTexts[static_cast<int>(table.time_travel)]);
  Write(*table.time_travel_point);
}

void Unparser::WriteTableName(const ObjectName& name) {
  const bool is_defined = name.parts.size() == 1 && std::find(defined_.begin(), defined_.end(), name.parts[0].text) != defined_.end();
  Text(is_defined || !options_.table_name ? name.ToString() : options_.table_name(name));
}

void Unparser::WriteHints(const std::vector<Hint>& hints) {
  if (hints.empty()) return;
  Text(" /*+ ");
  List(hints, [&](const Hint& hint) {
    Text(hint.name);
    if (hint.options.empty() && hint.arguments.empty()) return;
    Text("(");
    List(hint.arguments, [&](const std::string& argument) { Quoted(argument); });
    if (!hint.options.empty() && !hint.arguments.empty()) Text(", ");
    List(hint.options, [&](const std::pair<std::string, std::string>& option) {
      Quoted(option.first);
      Text(" = ");
      Quoted(option.second);
    });
    Text(")");
  });
  Text(" */");
}

std::string Unparse(const Query& query, const UnparseOptions& options) {
  Unparser unparser(options);
  unparser.Write(query);
  return unparser.Take();
}

}  // namespace firn::sql
