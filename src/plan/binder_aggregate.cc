// SPDX-License-Identifier: Apache-2.0
// How GROUP BY is laid out:
//
//   FROM -> Project(keys, call arguments, filters)
//        -> [Expand: once per grouping set; keys outside the set are NULL; behind them a constant per GROUPING call and the set's number]
//        -> Aggregate(keys)
//
// Output expressions were bound over FROM; OverResult replaces sub-trees that equal a key by the key's column and placeholders by what they
// stand for. A FROM column that is left over is not grouped.
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "plan/select_aggregate_internal.h"

namespace firn::plan {

using expr::ExpressionPtr;
using types::DataType;
using types::Field;

namespace {

std::string KeyName(const sql::Expression& expression, size_t position) {
  if (expression.kind == sql::ExpressionKind::kColumn) return expression.name.parts.back().text;
  return fmt::format("$key{}", position);
}

bool IsLegacyWindow(const sql::Expression& expression) {
  if (expression.kind != sql::ExpressionKind::kCall || expression.over != nullptr) return false;
  return expression.text == "TUMBLE" || expression.text == "HOP" || expression.text == "SESSION";
}

void AddColumns(std::vector<int>& set, const std::vector<int>& columns) {
  for (int column : columns) {
    if (std::find(set.begin(), set.end(), column) == set.end()) set.push_back(column);
  }
}

}  // namespace

// --- GROUP BY elements ---

Result<std::vector<int>> GroupingBinder::BindKey(const sql::Expression& expression) {
  if (IsLegacyWindow(expression)) {
    if (state_.window) return NotBuilt("a second window in GROUP BY", binder_.Span(expression.span), "group by one window");
    FIRN_TRY(state_.window, binder_.BindLegacyWindow(expression, state_.from));
    state_.window_function = expression.text;
    return std::vector<int>{};
  }
  ExpressionBinder binder(binder_, state_.from.scope, &state_, ExpressionPlace{.clause = "GROUP BY", .attaches_subqueries = true});
  FIRN_TRY(ExpressionPtr bound, binder.Bind(expression));
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (expr::Equal(*keys_[i].expression, *bound)) return std::vector<int>{static_cast<int>(i)};
  }
  keys_.push_back(GroupKey{std::move(bound), KeyName(expression, keys_.size())});
  return std::vector<int>{static_cast<int>(keys_.size()) - 1};
}

Result<std::vector<int>> GroupingBinder::BindSet(const sql::GroupingElement& element) {
  std::vector<int> set;
  for (const sql::ExpressionPtr& expression : element.expressions) {
    FIRN_TRY(const std::vector<int> columns, BindKey(*expression));
    AddColumns(set, columns);
  }
  return set;
}

Result<std::vector<std::vector<int>>> GroupingBinder::Members(const sql::GroupingElement& element) {
  std::vector<std::vector<int>> members;
  for (const sql::GroupingElement& member : element.elements) {
    if (member.kind != sql::GroupingKind::kExpression) {
      return NotBuilt("GROUPING SETS inside ROLLUP or CUBE", binder_.Span(member.span), "name the sets in one GROUPING SETS (...)");
    }
    FIRN_TRY(std::vector<int> set, BindSet(member));
    members.push_back(std::move(set));
  }
  return members;
}

Result<GroupingBinder::Sets> GroupingBinder::SetsOf(const sql::GroupingElement& element) {
  Sets sets;
  switch (element.kind) {
    case sql::GroupingKind::kExpression: {
      FIRN_TRY(std::vector<int> set, BindSet(element));
      sets.push_back(std::move(set));
      return sets;
    }
    case sql::GroupingKind::kSets:
      for (const sql::GroupingElement& member : element.elements) {
        FIRN_TRY(Sets nested, SetsOf(member));
        sets.insert(sets.end(), nested.begin(), nested.end());
      }
      return sets;
    case sql::GroupingKind::kRollup: {
      FIRN_TRY(const auto members, Members(element));
      for (size_t length = members.size() + 1; length-- > 0;) {
        std::vector<int> set;
        for (size_t i = 0; i < length; ++i) AddColumns(set, members[i]);
        sets.push_back(std::move(set));
      }
      return sets;
    }
    case sql::GroupingKind::kCube: {
      FIRN_TRY(const auto members, Members(element));
      if (members.size() > 10) {
        return Error(ErrorCode::kLimitExceeded, fmt::format("CUBE of {} columns makes 2^{} groupings", members.size(), members.size())).At(binder_.Span(element.span));
      }
      for (size_t mask = size_t{1} << members.size(); mask-- > 0;) {
        std::vector<int> set;
        for (size_t i = 0; i < members.size(); ++i) {
          if (mask & (size_t{1} << (members.size() - 1 - i))) AddColumns(set, members[i]);
        }
        sets.push_back(std::move(set));
      }
      return sets;
    }
  }
  FIRN_UNREACHABLE("grouping kind {}", static_cast<int>(element.kind));
}

Status GroupingBinder::Bind(const std::vector<sql::GroupingElement>& elements) {
  FIRN_ASSERT(!elements.empty() && keys_.empty(), "{} elements of GROUP BY, {} keys before", elements.size(), keys_.size());
  sets_ = {{}};
  for (const sql::GroupingElement& element : elements) {
    FIRN_TRY(const Sets own, SetsOf(element));
    Sets product;
    for (const auto& left : sets_) {
      for (const auto& right : own) {
        std::vector<int> set = left;
        AddColumns(set, right);
        product.push_back(std::move(set));
      }
    }
    if (product.size() > kMaxGroupingSets) {
      return Error(ErrorCode::kLimitExceeded, fmt::format("GROUP BY makes {} grouping sets, at most {} are possible", product.size(), kMaxGroupingSets))
          .At(binder_.Span(element.span));
    }
    sets_ = std::move(product);
  }
  return Ok();
}

// --- the aggregate ---

AggregateBuilder::AggregateBuilder(const SessionConfig& config, SelectState& state, const std::vector<GroupKey>& keys,
                                   const std::vector<std::vector<int>>& sets, const std::map<std::string, int64_t>& state_ttl_ms, base::SourceSpan span)
    : state_(state), keys_(keys), sets_(sets), state_ttl_ms_(config.state_ttl_ms), span_(span) {
  for (const ScopeColumn& column : state.from.scope.columns) {
    if (column.qualifier.empty()) continue;
    const auto hinted = state_ttl_ms.find(column.qualifier.back());
    if (hinted != state_ttl_ms.end()) state_ttl_ms_ = hinted->second;
  }
  for (size_t i = 0; i < state.calls.size(); ++i) call_names_.push_back(fmt::format("$agg{}", i));
}

void AggregateBuilder::NameCalls(const std::vector<ExpressionPtr>& items, const std::vector<std::string>& names) {
  for (size_t i = 0; i < items.size(); ++i) {
    const expr::Expression& item = *items[i];
    if (item.kind != expr::ExpressionKind::kColumn || item.index < kPlaceholders) continue;
    FIRN_ASSERT(item.index - kPlaceholders < static_cast<int>(state_.placeholders.size()), "placeholder {} of {}", item.index - kPlaceholders, state_.placeholders.size());
    const Placeholder& placeholder = state_.placeholders[item.index - kPlaceholders];
    if (placeholder.kind == PlaceholderKind::kAggregate && call_names_[placeholder.index].starts_with('$')) call_names_[placeholder.index] = names[i];
    if (placeholder.kind == PlaceholderKind::kProperty) state_.property_names[placeholder.index] = names[i];
  }
}

int AggregateBuilder::InputColumn(const ExpressionPtr& expression, const std::string& name) {
  const uint64_t hash = expr::Hash(*expression);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (input_hashes_[i] == hash && expr::Equal(*inputs_[i], *expression)) return static_cast<int>(i);
  }
  inputs_.push_back(expression);
  input_hashes_.push_back(hash);
  const bool is_column = expression->kind == expr::ExpressionKind::kColumn;
  input_names_.push_back(is_column ? expression->name : name);
  return static_cast<int>(inputs_.size()) - 1;
}

/// The value of GROUPING(a, b) for one set: a bit an argument, set where the argument is not grouped by.
Result<int64_t> AggregateBuilder::GroupingValue(const GroupingCall& call, const std::vector<int>& set, int occurrence) const {
  if (call.is_group_id) return occurrence;
  int64_t value = 0;
  for (const ExpressionPtr& argument : call.arguments) {
    const auto is_key = [&](const GroupKey& key) { return expr::Equal(*key.expression, *argument); };
    const auto found = std::find_if(keys_.begin(), keys_.end(), is_key);
    if (found == keys_.end()) {
      return Error(ErrorCode::kInvalidAggregate, "an argument of GROUPING is not grouped by").At(argument->span).Hint("name expressions of GROUP BY");
    }
    const bool is_grouped = std::find(set.begin(), set.end(), static_cast<int>(found - keys_.begin())) != set.end();
    value = value * 2 + (is_grouped ? 0 : 1);
  }
  return value;
}

LogicalNodePtr AggregateBuilder::Expanded(LogicalNodePtr input, LogicalAggregate& aggregate) {
  // The input's columns stay for the calls; behind them the keys of the set, the constants of GROUPING, and the set's number.
  std::vector<Field> fields = input->fields;
  ExpandNode expand;
  expand.outputs.resize(sets_.size());
  for (size_t set = 0; set < sets_.size(); ++set) expand.outputs[set] = AllColumns(input->fields);
  for (size_t key = 0; key < keys_.size(); ++key) {
    const int column = aggregate.keys[key];
    const auto has_key = [&](const std::vector<int>& set) { return std::find(set.begin(), set.end(), static_cast<int>(key)) != set.end(); };
    if (std::all_of(sets_.begin(), sets_.end(), has_key)) continue;  // the input's own column will do
    for (size_t set = 0; set < sets_.size(); ++set) {
      const bool is_in = has_key(sets_[set]);
      expand.outputs[set].push_back(is_in ? ColumnOf(input->fields, column) : expr::MakeNullLiteral(input->fields[column].type.WithNullable(true)));
    }
    Field field = input->fields[column];
    field.type = field.type.WithNullable(true).WithTimeAttribute(types::TimeAttribute::kNone);
    aggregate.keys[key] = static_cast<int>(fields.size());
    fields.push_back(std::move(field));
  }
  FIRN_ASSERT(grouping_values_.size() == sets_.size(), "GROUPING of {} of {} sets", grouping_values_.size(), sets_.size());
  const size_t constants = state_.groupings.size() + 1;
  for (size_t constant = 0; constant < constants; ++constant) {
    for (size_t set = 0; set < sets_.size(); ++set) {
      const int64_t value = constant < state_.groupings.size() ? grouping_values_[set][constant] : static_cast<int64_t>(set);
      expand.outputs[set].push_back(expr::MakeBigIntLiteral(value));
    }
    aggregate.keys.push_back(static_cast<int>(fields.size()));
    fields.push_back(Field{constant < state_.groupings.size() ? fmt::format("$grouping{}", constant) : "$e", DataType::BigInt().NotNull()});
  }
  return MakeExpand(std::move(input), std::move(expand), std::move(fields));
}

Result<LogicalNodePtr> AggregateBuilder::BuildInput(LogicalAggregate& aggregate) {
  for (const GroupKey& key : keys_) aggregate.keys.push_back(InputColumn(key.expression, key.name));
  if (state_.window) {
    aggregate.window = state_.window;
    const int column = state_.window->time_column;
    aggregate.window->time_column = InputColumn(ColumnOf(state_.from.node->fields, column), "");
    aggregate.properties = state_.properties;
  }
  const bool is_global = keys_.empty() && !state_.window;
  for (size_t i = 0; i < state_.calls.size(); ++i) {
    const PendingCall& pending = state_.calls[i];
    expr::AggregateCall call;
    call.function = pending.function;
    call.signature = pending.signature;
    call.options = pending.options;
    call.name = call_names_[i];
    // Over no rows a global aggregate is NULL, whatever its arguments are.
    if (is_global && !pending.is_never_null) call.signature.result = call.signature.result.WithNullable(true);
    for (size_t a = 0; a < pending.arguments.size(); ++a) call.arguments.push_back(InputColumn(pending.arguments[a], fmt::format("$arg{}_{}", i, a)));
    if (pending.filter != nullptr) call.filter = InputColumn(pending.filter, fmt::format("$filter{}", i));
    aggregate.calls.push_back(std::move(call));
  }
  if (inputs_.empty()) return state_.from.node;  // COUNT(*) alone reads no column
  return MakeProject(state_.from.node, inputs_, input_names_);
}

Result<LogicalNodePtr> AggregateBuilder::Build() {
  LogicalAggregate aggregate;
  aggregate.state_ttl_ms = state_ttl_ms_;
  FIRN_TRY(LogicalNodePtr input, BuildInput(aggregate));
  grouping_first_ = keys_.size();
  if (sets_.empty() && !state_.groupings.empty()) {
    return Error(ErrorCode::kInvalidAggregate, "GROUPING without GROUP BY").At(span_).Hint("it tells the rows of ROLLUP, CUBE and GROUPING SETS apart");
  }
  if (HasExpansion()) {
    std::vector<std::vector<int>> seen;
    for (const std::vector<int>& set : sets_) {
      std::vector<int> sorted = set;
      std::sort(sorted.begin(), sorted.end());
      const int occurrence = static_cast<int>(std::count(seen.begin(), seen.end(), sorted));
      seen.push_back(std::move(sorted));
      std::vector<int64_t> values;
      for (const GroupingCall& call : state_.groupings) {
        FIRN_TRY(const int64_t value, GroupingValue(call, set, occurrence));
        values.push_back(value);
      }
      grouping_values_.push_back(std::move(values));
    }
    input = Expanded(std::move(input), aggregate);
  }
  key_count_ = aggregate.keys.size();
  FIRN_ASSERT(key_count_ >= keys_.size() && aggregate.calls.size() == state_.calls.size(), "{} keys of {}, {} calls of {}", key_count_, keys_.size(), aggregate.calls.size(), state_.calls.size());
  const std::vector<std::string> property_names = aggregate.window ? state_.property_names : std::vector<std::string>{};
  LogicalNodePtr node = MakeAggregate(std::move(input), std::move(aggregate), property_names, span_);
  result_ = node->fields;
  FIRN_ASSERT(result_.size() == key_count_ + state_.calls.size() + property_names.size(), "{} columns of {} keys, {} calls and {} properties", result_.size(), key_count_, state_.calls.size(),
              property_names.size());
  return node;
}

Result<ExpressionPtr> AggregateBuilder::OverResult(const ExpressionPtr& expression, const std::vector<int>& subquery_columns) const {
  std::optional<Error> failure;
  const auto column = [&](size_t index, const expr::Expression& original) {
    FIRN_ASSERT(index < result_.size(), "column {} of an aggregate's {}", index, result_.size());
    return expr::MakeColumn(static_cast<int>(index), result_[index].name, result_[index].type, original.span);
  };
  const auto replace = [&](const ExpressionPtr& node) -> ExpressionPtr {
    for (size_t i = 0; i < keys_.size(); ++i) {
      if (expr::Equal(*keys_[i].expression, *node)) return column(i, *node);
    }
    if (node->kind != expr::ExpressionKind::kColumn) return nullptr;
    if (node->index >= kPlaceholders) {
      const Placeholder& placeholder = state_.placeholders[node->index - kPlaceholders];
      switch (placeholder.kind) {
        case PlaceholderKind::kAggregate: return column(key_count_ + placeholder.index, *node);
        case PlaceholderKind::kGrouping: return column(grouping_first_ + placeholder.index, *node);
        case PlaceholderKind::kProperty: return column(key_count_ + state_.calls.size() + placeholder.index, *node);
        case PlaceholderKind::kSubquery: return expr::MakeColumn(subquery_columns[placeholder.index], node->name, node->type, node->span);
      }
    }
    if (!failure) {
      failure = Error(ErrorCode::kInvalidAggregate, fmt::format("column `{}` is neither grouped nor aggregated", node->name))
                    .At(node->span)
                    .Hint(fmt::format("add `{}` to GROUP BY, or aggregate it: MAX({}), FIRST_VALUE({})", node->name, node->name, node->name));
    }
    return node;
  };
  ExpressionPtr replaced = Replaced(expression, replace);
  if (failure) return *std::move(failure);
  return replaced;
}

}  // namespace firn::plan
