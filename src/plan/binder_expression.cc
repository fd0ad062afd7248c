// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "expr/evaluator.h"
#include "plan/binder_internal.h"
#include "plan/literal.h"
#include "plan/substitution.h"

namespace firn::plan {

using expr::ExpressionPtr;
using types::DataType;

namespace {

struct WindowFunctionName {
  std::string_view name;
  std::string_view window;
  WindowProperty property;
};

constexpr std::array<WindowFunctionName, 12> kWindowFunctions{{
    {"TUMBLE_START", "TUMBLE", WindowProperty::kStart},     {"TUMBLE_END", "TUMBLE", WindowProperty::kEnd},
    {"TUMBLE_ROWTIME", "TUMBLE", WindowProperty::kTime},    {"TUMBLE_PROCTIME", "TUMBLE", WindowProperty::kProctime},
    {"HOP_START", "HOP", WindowProperty::kStart},           {"HOP_END", "HOP", WindowProperty::kEnd},
    {"HOP_ROWTIME", "HOP", WindowProperty::kTime},          {"HOP_PROCTIME", "HOP", WindowProperty::kProctime},
    {"SESSION_START", "SESSION", WindowProperty::kStart},   {"SESSION_END", "SESSION", WindowProperty::kEnd},
    {"SESSION_ROWTIME", "SESSION", WindowProperty::kTime},  {"SESSION_PROCTIME", "SESSION", WindowProperty::kProctime},
}};

constexpr std::array<std::string_view, 9> kRankingFunctions{"ROW_NUMBER", "RANK", "DENSE_RANK", "LAG", "LEAD", "NTILE", "PERCENT_RANK", "CUME_DIST", "NTH_VALUE"};

struct MissingFunction {
  std::string_view name;  // or what it begins with, before a *
  const char* instead;
};

/// Functions of Flink that are not here.
constexpr std::array<MissingFunction, 11> kMissingFunctions{{
    {"COLLECT", "ARRAY_AGG keeps all values, repetitions too"},
    {"PERCENTILE", "ARRAY_SORT(ARRAY_AGG(x)) has the values in order"},
    {"APPROX_COUNT_DISTINCT", "COUNT(DISTINCT x) is exact"},
    {"JSON_ARRAYAGG", "'[' || LISTAGG(JSON_STRING(x)) || ']'"},
    {"JSON", "JSON_QUERY(text, '$')"},
    {"PARSE_JSON", "JSON_VALUE and JSON_QUERY read JSON in texts"},
    {"TRY_PARSE_JSON", "JSON_VALUE and JSON_QUERY read JSON in texts"},
    {"OBJECT_OF", "CAST(ROW(...) AS ROW<name type, ...>)"},
    {"OBJECT_UPDATE", "CAST(ROW(...) AS ROW<name type, ...>)"},
    {"SOURCE_WATERMARK", "WATERMARK FOR ts AS ts - INTERVAL '5' SECOND"},
    {"BITMAP_*", "COUNT(DISTINCT x), ARRAY_UNION, ARRAY_INTERSECT"},
}};

const MissingFunction* FindMissing(std::string_view name) {
  const auto is_meant = [&](const MissingFunction& missing) {
    return missing.name.ends_with('*') ? name.starts_with(missing.name.substr(0, missing.name.size() - 1)) : name == missing.name;
  };
  const auto found = std::find_if(kMissingFunctions.begin(), kMissingFunctions.end(), is_meant);
  return found == kMissingFunctions.end() ? nullptr : &*found;
}

/// The nearest form to a function over an OVER window that there is.
const char* InsteadOfOver(std::string_view name, bool is_ranking) {
  if (name == "ROW_NUMBER" || name == "RANK" || name == "DENSE_RANK") {
    return "the first n rows of all: ORDER BY ... LIMIT n; of each key one value: MAX, MIN, FIRST_VALUE or LAST_VALUE with GROUP BY key";
  }
  if (is_ranking) return "join the table with itself on the key and the neighbouring position";
  return "a value for each key and window: GROUP BY key, window_start, window_end over TABLE(TUMBLE(...)); beside each row: join that result to the rows";
}

bool IsGroupWindow(std::string_view name) { return name == "TUMBLE" || name == "HOP" || name == "SESSION" || name == "CUMULATE"; }

/// Whether the aggregate can be NULL over rows without NULLs. The others are NULL over no rows only, which a group never has.
bool IsNullOverRows(const expr::AggregateFunction& function) {
  constexpr std::array<std::string_view, 4> kNames{"SINGLE_VALUE", "STDDEV_SAMP", "VAR_SAMP", "COLLECT"};
  return std::find(kNames.begin(), kNames.end(), function.names.front()) != kNames.end();
}

/// `text` as a negative number literal, so that -2147483648 is an INT.
std::optional<sql::Expression> Negated(const sql::Expression& literal) {
  if (literal.kind != sql::ExpressionKind::kLiteral || literal.literal != sql::LiteralKind::kInteger) return std::nullopt;
  if (literal.text != "2147483648" && literal.text != "9223372036854775808") return std::nullopt;
  sql::Expression negated;
  negated.kind = sql::ExpressionKind::kLiteral;
  negated.literal = sql::LiteralKind::kInteger;
  negated.text = "-" + literal.text;
  return negated;
}

}  // namespace

Error NotBuilt(std::string what, base::SourceSpan span, std::string instead) {
  Error error(ErrorCode::kNotSupported, what + " is not supported");
  return std::move(error).At(span).Hint(std::move(instead));
}

ExpressionPtr Replaced(const ExpressionPtr& expression, const std::function<ExpressionPtr(const ExpressionPtr&)>& replace) {
  if (ExpressionPtr replaced = replace(expression)) return replaced;
  if (expression->kind != expr::ExpressionKind::kCall) return expression;
  std::vector<ExpressionPtr> arguments;
  bool changed = false;
  bool became_nullable = false;
  for (const ExpressionPtr& argument : expression->arguments) {
    arguments.push_back(Replaced(argument, replace));
    changed |= arguments.back() != argument;
    became_nullable |= arguments.back()->type.nullable() && !argument->type.nullable();
  }
  if (!changed) return expression;
  expr::Expression copy = *expression;
  copy.arguments = std::move(arguments);
  if (became_nullable && copy.function->is_strict) copy.type = copy.type.WithNullable(true);
  return std::make_shared<const expr::Expression>(std::move(copy));
}

Error Relocated(const Error& error, base::SourceSpan span, std::string context) {
  Error copy(error.code(), error.message());
  copy = std::move(copy).At(span, error.label());
  if (!error.why().empty()) copy = std::move(copy).Why(error.why());
  if (!error.hint().empty()) copy = std::move(copy).Hint(error.hint());
  if (!error.candidates().empty()) copy = std::move(copy).Candidates(error.candidates());
  for (const std::string& line : error.context()) copy = std::move(copy).Context(line);
  return std::move(copy).Context(std::move(context));
}

std::string OutputName(const sql::Expression& expression, size_t position) {
  if (expression.kind == sql::ExpressionKind::kColumn) return expression.name.parts.back().text;
  return fmt::format("EXPR${}", position);
}

Result<ExpressionPtr> CastTo(ExpressionPtr value, const DataType& type, QueryBinder& query) {
  const base::SourceSpan span = value->span;
  return expr::BindImplicitCast(std::move(value), type, span, query.evaluation());
}

base::SourceSpan ExpressionBinder::Span(base::SourceSpan written) const { return query_.Span(written); }

Result<ExpressionPtr> ExpressionBinder::Call(std::string_view name, std::vector<ExpressionPtr> arguments, base::SourceSpan span) {
  return expr::BindCall(name, std::move(arguments), span, query_.evaluation());
}

Result<std::vector<ExpressionPtr>> ExpressionBinder::BindAll(const std::vector<sql::ExpressionPtr>& expressions) {
  std::vector<ExpressionPtr> bound;
  for (const sql::ExpressionPtr& expression : expressions) {
    FIRN_TRY(ExpressionPtr one, Bind(*expression));
    bound.push_back(std::move(one));
  }
  return bound;
}

Result<ExpressionPtr> ExpressionBinder::BindCondition(const sql::Expression& expression) {
  FIRN_TRY(ExpressionPtr condition, Bind(expression));
  if (condition->type.kind() == types::TypeKind::kBoolean) return condition;
  if (condition->type.kind() == types::TypeKind::kNull) return CastTo(std::move(condition), DataType::Boolean(), query_);
  return Error(ErrorCode::kTypeMismatch, fmt::format("{} needs a BOOLEAN, this is {}", place_.clause, condition->type.ToString()))
      .At(condition->span)
      .Hint("compare it with something, e.g. `<> 0`");
}

Result<ExpressionPtr> ExpressionBinder::Bind(const sql::Expression& expression) {
  const base::SourceSpan span = Span(expression.span);
  switch (expression.kind) {
    case sql::ExpressionKind::kLiteral:
      return BindLiteral(expression, span);
    case sql::ExpressionKind::kColumn:
      return BindColumn(expression);
    case sql::ExpressionKind::kUnary:
      return BindUnary(expression);
    case sql::ExpressionKind::kBinary: {
      FIRN_TRY(auto arguments, BindAll(expression.arguments));
      return Call(expression.text, std::move(arguments), span);
    }
    case sql::ExpressionKind::kIs: {
      FIRN_TRY(auto arguments, BindAll(expression.arguments));
      return Call(fmt::format("IS {}{}", expression.negated ? "NOT " : "", expression.text), std::move(arguments), span);
    }
    case sql::ExpressionKind::kIsDistinctFrom: {
      FIRN_TRY(auto arguments, BindAll(expression.arguments));
      return Call(expression.negated ? "IS NOT DISTINCT FROM" : "IS DISTINCT FROM", std::move(arguments), span);
    }
    case sql::ExpressionKind::kBetween:
      return BindBetween(expression);
    case sql::ExpressionKind::kLike: {
      FIRN_TRY(auto arguments, BindAll(expression.arguments));
      FIRN_TRY(ExpressionPtr like, Call(expression.text, std::move(arguments), span));
      return expression.negated ? Call("NOT", {like}, span) : like;
    }
    case sql::ExpressionKind::kIn:
      return BindIn(expression);
    case sql::ExpressionKind::kCase:
      return BindCase(expression);
    case sql::ExpressionKind::kCast: {
      FIRN_TRY(ExpressionPtr value, Bind(*expression.arguments[0]));
      return expr::BindCast(std::move(value), expression.type, expression.is_try, span, query_.evaluation());
    }
    case sql::ExpressionKind::kCall:
      return BindCall(expression);
    case sql::ExpressionKind::kField: {
      FIRN_TRY(ExpressionPtr row, Bind(*expression.arguments[0]));
      return BindField(std::move(row), expression.text, span);
    }
    case sql::ExpressionKind::kSubquery:
      return BindSubquery(expression);
    case sql::ExpressionKind::kExists:
      return BindExists(expression);
    case sql::ExpressionKind::kStar:
      return Error(ErrorCode::kSyntaxError, "* is no value").At(span, "only the select list and COUNT(*) take a *");
    case sql::ExpressionKind::kDescriptor:
    case sql::ExpressionKind::kTableArgument:
      return Error(ErrorCode::kSyntaxError, "DESCRIPTOR and TABLE are arguments of window functions in FROM")
          .At(span)
          .Hint("FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE))");
  }
  FIRN_UNREACHABLE("expression kind {}", static_cast<int>(expression.kind));
}

Result<ExpressionPtr> ExpressionBinder::BindColumn(const sql::Expression& expression) {
  const base::SourceSpan span = Span(expression.span);
  const sql::ObjectName& name = expression.name;
  if (place_.outputs != nullptr && !is_in_aggregate_) {
    if (const auto output = place_.outputs->Find(expression)) return place_.outputs->items[*output];
  }
  auto resolved = scope_.Resolve(name, span);
  bool is_outer = false;
  const bool is_unknown = !resolved.ok() && resolved.error().code() == ErrorCode::kColumnNotFound && place_.outer != nullptr;
  const bool names_outer = is_unknown && name.parts.size() > 1 && !scope_.HasRelation(name) && place_.outer->HasRelation(name);
  if (is_unknown && (names_outer || place_.outer->Knows(name))) {
    is_outer = true;
    resolved = place_.outer->Resolve(name, span);
  }
  if (!resolved.ok()) return std::move(resolved).error();
  const ScopeColumn& column = *resolved->column;
  FIRN_ASSERT(column.index >= 0 && column.index < kOuterColumns, "`{}` is column {}", column.name, column.index);
  const int index = is_outer ? kOuterColumns + column.index : column.index;
  ExpressionPtr bound = expr::MakeColumn(index, column.name, column.type, span);
  for (size_t i = resolved->parts_used; i < name.parts.size(); ++i) {
    FIRN_TRY(bound, BindField(std::move(bound), name.parts[i].text, Span(name.parts[i].span)));
  }
  return bound;
}

Result<ExpressionPtr> ExpressionBinder::BindField(ExpressionPtr row, const std::string& name, base::SourceSpan span) {
  if (row->type.kind() != types::TypeKind::kRow) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("`{}` is asked of a value that has no fields: {}", name, row->type.ToString())).At(span);
  }
  std::vector<std::string> known;
  for (const types::Field& field : row->type.fields()) known.push_back(field.name);
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    return Error(ErrorCode::kColumnNotFound, fmt::format("no field `{}` in {}", name, row->type.ToString()))
        .At(span)
        .Candidates(base::NearNames(name, known));
  }
  return Call(".", {std::move(row), expr::MakeStringLiteral(name)}, span);
}

Result<ExpressionPtr> ExpressionBinder::BindUnary(const sql::Expression& expression) {
  const base::SourceSpan span = Span(expression.span);
  if (expression.text == "-") {
    if (const auto negated = Negated(*expression.arguments[0])) return BindLiteral(*negated, span);
  }
  FIRN_TRY(ExpressionPtr argument, Bind(*expression.arguments[0]));
  return Call(expression.text == "NOT" ? "NOT" : "UNARY " + expression.text, {std::move(argument)}, span);
}

Status ExpressionBinder::CountRepeated(const expr::Expression& value, size_t times) {
  size_t& nodes = query_.session().repeated_nodes;
  nodes += TreeSize(value, kMaxRepeatedNodes) * (times - 1);
  if (nodes <= kMaxRepeatedNodes) return Ok();
  return Error(ErrorCode::kLimitExceeded, fmt::format("BETWEEN and CASE repeat more than {} parts of the values that they compare", kMaxRepeatedNodes))
      .At(value.span)
      .Hint("compute the value in a sub-query: SELECT ... FROM (SELECT ... AS x FROM t) WHERE x BETWEEN 1 AND 2");
}

Result<ExpressionPtr> ExpressionBinder::BindBetween(const sql::Expression& expression) {
  const base::SourceSpan span = Span(expression.span);
  FIRN_TRY(auto arguments, BindAll(expression.arguments));
  const ExpressionPtr value = arguments[0];
  for (const ExpressionPtr& argument : arguments) FIRN_RETURN_IF_ERROR(CountRepeated(*argument, (argument == value ? 2 : 1) * (expression.symmetric ? 2 : 1)));
  const auto within = [&](const ExpressionPtr& low, const ExpressionPtr& high) -> Result<ExpressionPtr> {
    FIRN_TRY(ExpressionPtr above, Call(">=", {value, low}, span));
    FIRN_TRY(ExpressionPtr below, Call("<=", {value, high}, span));
    return Call("AND", {std::move(above), std::move(below)}, span);
  };
  FIRN_TRY(ExpressionPtr between, within(arguments[1], arguments[2]));
  if (expression.symmetric) {
    FIRN_TRY(ExpressionPtr swapped, within(arguments[2], arguments[1]));
    FIRN_TRY(between, Call("OR", {between, std::move(swapped)}, span));
  }
  return expression.negated ? Call("NOT", {between}, span) : between;
}

Result<ExpressionPtr> ExpressionBinder::BindIn(const sql::Expression& expression) {
  const base::SourceSpan span = Span(expression.span);
  if (expression.query != nullptr) {
    return NotBuilt("IN (sub-query) other than as a condition of WHERE joined by AND", span,
                    "move it to WHERE; for an OR of conditions, UNION two queries");
  }
  FIRN_TRY(auto arguments, BindAll(expression.arguments));
  FIRN_TRY(ExpressionPtr in, Call("IN", std::move(arguments), span));
  return expression.negated ? Call("NOT", {in}, span) : in;
}

Result<ExpressionPtr> ExpressionBinder::BindCase(const sql::Expression& expression) {
  const base::SourceSpan span = Span(expression.span);
  FIRN_TRY(auto parts, BindAll(expression.arguments));
  size_t next = 0;
  ExpressionPtr operand;
  if (expression.has_operand) {
    operand = parts[next++];
    FIRN_RETURN_IF_ERROR(CountRepeated(*operand, std::max<size_t>(1, parts.size() / 2)));
  }
  std::vector<ExpressionPtr> arguments;
  const size_t end = parts.size() - (expression.has_else ? 1 : 0);
  for (; next + 2 <= end; next += 2) {
    ExpressionPtr when = parts[next];
    if (operand != nullptr) {
      const base::SourceSpan when_span = when->span;
      FIRN_TRY(when, Call("=", {operand, when}, when_span));
    }
    arguments.push_back(std::move(when));
    arguments.push_back(parts[next + 1]);
  }
  arguments.push_back(expression.has_else ? parts.back() : expr::MakeNullLiteral(DataType::Null()));
  return Call("CASE", std::move(arguments), span);
}

Result<ExpressionPtr> ExpressionBinder::BindCall(const sql::Expression& expression) {
  const base::SourceSpan span = Span(expression.span);
  const std::string& name = expression.text;
  const auto ranking = std::find(kRankingFunctions.begin(), kRankingFunctions.end(), name);
  if (expression.over != nullptr || ranking != kRankingFunctions.end()) {
    return NotBuilt(fmt::format("{} OVER (...)", name), span, InsteadOfOver(name, ranking != kRankingFunctions.end()));
  }
  for (const WindowFunctionName& window : kWindowFunctions) {
    if (name == window.name) return BindWindowProperty(expression, window.window, window.property);
  }
  if (name == "GROUPING" || name == "GROUPING_ID" || name == "GROUP_ID") return BindGrouping(expression);
  if (const expr::AggregateFunction* aggregate = expr::FindAggregate(name)) return BindAggregate(expression, *aggregate);
  if (IsGroupWindow(name) && expr::FunctionRegistry::BuiltIn().Find(name) == nullptr) {
    return Error(ErrorCode::kInvalidAggregate, fmt::format("{} stands where no window can be", name))
        .At(span)
        .Hint(fmt::format("GROUP BY {}(ts, INTERVAL '1' MINUTE), or FROM TABLE({}(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE))", name, name));
  }
  if (const MissingFunction* missing = FindMissing(name)) return NotBuilt(name, span, missing->instead);
  const bool is_known = expr::FunctionRegistry::BuiltIn().Find(name) != nullptr;  // else BindCall says that there is none
  if (is_known && (expression.is_distinct || expression.filter != nullptr || !expression.within_group.empty() || expression.ignore_nulls.has_value())) {
    return Error(ErrorCode::kInvalidAggregate, fmt::format("{} is no aggregate function: it takes no DISTINCT, FILTER, ORDER BY or NULLS clause", name)).At(span);
  }
  for (const std::string& argument : expression.argument_names) {
    if (!argument.empty()) return NotBuilt(fmt::format("an argument by name ({} => ...) of {}", argument, name), span, "give the arguments in their order");
  }
  if (expression.json != nullptr) return BindJson(expression);
  FIRN_TRY(auto arguments, BindAll(expression.arguments));
  FIRN_TRY(ExpressionPtr call, Call(name, std::move(arguments), span));
  if (name != "PROCTIME") return call;
  expr::Expression marked = *call;
  marked.type = marked.type.WithTimeAttribute(types::TimeAttribute::kProctime);
  return std::make_shared<const expr::Expression>(std::move(marked));
}

namespace {

const char* BehaviorText(sql::JsonBehavior behavior, const char* otherwise) {
  switch (behavior) {
    case sql::JsonBehavior::kDefault: return otherwise;
    case sql::JsonBehavior::kNull: return "NULL";
    case sql::JsonBehavior::kError: return "ERROR";
    case sql::JsonBehavior::kDefaultValue: return "DEFAULT";
    case sql::JsonBehavior::kEmptyArray: return "EMPTY ARRAY";
    case sql::JsonBehavior::kEmptyObject: return "EMPTY OBJECT";
    case sql::JsonBehavior::kTrue: return "TRUE";
    case sql::JsonBehavior::kFalse: return "FALSE";
    case sql::JsonBehavior::kUnknown: return "UNKNOWN";
  }
  FIRN_UNREACHABLE("behavior of a JSON function");
}

const char* WrapperText(sql::JsonWrapper wrapper) {
  if (wrapper == sql::JsonWrapper::kConditional) return "CONDITIONAL";
  return wrapper == sql::JsonWrapper::kUnconditional ? "UNCONDITIONAL" : "WITHOUT";
}

bool MakesJson(const sql::Expression& expression) {
  return expression.kind == sql::ExpressionKind::kCall && (expression.text == "JSON_OBJECT" || expression.text == "JSON_ARRAY");
}

}  // namespace

// The clauses become literal arguments: see expr/json_functions.cc.
Result<ExpressionPtr> ExpressionBinder::BindJson(const sql::Expression& expression) {
  const sql::JsonClauses& json = *expression.json;
  const std::string& name = expression.text;
  const base::SourceSpan span = Span(expression.span);
  FIRN_TRY(auto arguments, BindAll(expression.arguments));
  const auto add = [&](std::string_view text) { arguments.push_back(expr::MakeStringLiteral(text)); };
  const auto add_default = [&](const sql::ExpressionPtr& value) -> Status {
    ExpressionPtr bound = expr::MakeNullLiteral(json.returning.value_or(DataType::String()).WithNullable(true));
    if (value != nullptr) {
      FIRN_TRY(bound, Bind(*value));
    }
    arguments.push_back(std::move(bound));
    return Ok();
  };
  if (name == "JSON_VALUE") {
    arguments.push_back(expr::MakeNullLiteral(json.returning.value_or(DataType::String()).WithNullable(true)));
    add(BehaviorText(json.on_empty, "NULL"));
    FIRN_RETURN_IF_ERROR(add_default(json.on_empty_default));
    add(BehaviorText(json.on_error, "NULL"));
    FIRN_RETURN_IF_ERROR(add_default(json.on_error_default));
  } else if (name == "JSON_QUERY") {
    const bool is_array = json.returning && json.returning->kind() == types::TypeKind::kArray && json.returning->element().IsCharacter();
    if (json.returning && !json.returning->IsCharacter() && !is_array) return NotBuilt(fmt::format("RETURNING {} of JSON_QUERY", json.returning->ToString()), span, "RETURNING STRING or ARRAY<STRING>");
    if (is_array && (json.on_empty == sql::JsonBehavior::kEmptyObject || json.on_error == sql::JsonBehavior::kEmptyObject)) {
      return Error(ErrorCode::kTypeMismatch, "EMPTY OBJECT is no ARRAY<STRING>").At(span).Hint("EMPTY ARRAY, NULL or ERROR, or leave RETURNING out");
    }
    add(WrapperText(json.wrapper));
    add(BehaviorText(json.on_empty, "NULL"));
    add(BehaviorText(json.on_error, "NULL"));
    if (is_array) arguments.push_back(expr::MakeNullLiteral(json.returning->WithNullable(true)));
  } else if (name == "JSON_EXISTS") {
    add(BehaviorText(json.on_error, "FALSE"));
  } else {
    const size_t step = name == "JSON_OBJECT" ? 2 : 1;
    std::string raw;
    for (size_t i = step - 1; i < expression.arguments.size(); i += step) raw += MakesJson(*expression.arguments[i]) ? '1' : '0';
    const sql::JsonNulls otherwise = step == 2 ? sql::JsonNulls::kNullOnNull : sql::JsonNulls::kAbsentOnNull;
    const bool is_absent = (json.nulls == sql::JsonNulls::kDefault ? otherwise : json.nulls) == sql::JsonNulls::kAbsentOnNull;
    arguments.insert(arguments.begin(), {expr::MakeStringLiteral(is_absent ? "ABSENT" : "NULL"), expr::MakeStringLiteral(raw)});
  }
  return Call(name, std::move(arguments), span);
}

ExpressionPtr ExpressionBinder::AddPlaceholder(PlaceholderKind kind, int index, std::string name, DataType type, base::SourceSpan span) {
  auto& placeholders = select_->placeholders;
  const auto is_same = [&](const Placeholder& placeholder) { return placeholder.kind == kind && placeholder.index == index; };
  auto found = std::find_if(placeholders.begin(), placeholders.end(), is_same);
  const int number = static_cast<int>(found - placeholders.begin());
  if (found == placeholders.end()) placeholders.push_back(Placeholder{kind, index});
  FIRN_ASSERT(index >= 0 && number >= 0, "placeholder {} of index {}", number, index);
  return expr::MakeColumn(kPlaceholders + number, std::move(name), std::move(type), span);
}

// Over no rows an aggregate without keys gives NULL in a stream, COUNT too, for the left join finds no row: as in Flink. In batch mode it has its row.
Result<ExpressionPtr> ExpressionBinder::BindSubquery(const sql::Expression& expression) {
  const base::SourceSpan span = Span(expression.span);
  if (select_ == nullptr) {
    return NotBuilt(fmt::format("a sub-query in {}", place_.clause), span, "join the query that computes it");
  }
  FIRN_TRY(ScalarQuery bound, query_.BindScalarQuery(*expression.query, scope_, span));
  return PlaceScalar(std::move(bound), span);
}

// As a condition of WHERE joined by AND it is a semi join (binder_subquery.cc); elsewhere a value, which is never NULL.
Result<ExpressionPtr> ExpressionBinder::BindExists(const sql::Expression& expression) {
  const base::SourceSpan span = Span(expression.span);
  if (select_ == nullptr) {
    return NotBuilt(fmt::format("EXISTS in {}", place_.clause), span, "select it in a sub-query in FROM, and use its column");
  }
  FIRN_TRY(ScalarQuery bound, query_.BindHasRow(*expression.query, scope_, span));
  FIRN_TRY(ExpressionPtr row, PlaceScalar(std::move(bound), span));
  return Call("IS NOT NULL", {std::move(row)}, span);
}

Result<ExpressionPtr> ExpressionBinder::PlaceScalar(ScalarQuery bound, base::SourceSpan span) {
  FIRN_ASSERT(select_ != nullptr && bound.node != nullptr && bound.ties.empty() == (bound.value == nullptr), "a sub-query with {} ties {} a value", bound.ties.size(),
              bound.value ? "and" : "without");
  if (!bound.ties.empty()) {
    if (!place_.attaches_subqueries && !is_in_aggregate_) select_->correlated = span;
    return query_.AttachCorrelated(select_->from, std::move(bound), span);
  }
  LogicalNodePtr query = std::move(bound.node);
  FIRN_ASSERT(query->fields.size() == 1, "a sub-query of {} columns as a value", query->fields.size());
  const DataType type = query->fields[0].type.WithNullable(true);
  if (place_.attaches_subqueries || is_in_aggregate_) {
    LogicalNodePtr& from = select_->from.node;
    const int index = static_cast<int>(from->fields.size());
    const std::string name = query->fields[0].name;
    from = MakeJoin(from, std::move(query), LogicalJoin{JoinKind::kLeft, nullptr}, span);
    return expr::MakeColumn(index, name, type, span);
  }
  const std::string name = query->fields[0].name;
  select_->subqueries.push_back(std::move(query));
  return AddPlaceholder(PlaceholderKind::kSubquery, static_cast<int>(select_->subqueries.size()) - 1, name, type, span);
}

// --- aggregates ---

Result<ExpressionPtr> ExpressionBinder::BindAggregate(const sql::Expression& expression, const expr::AggregateFunction& function) {
  const base::SourceSpan span = Span(expression.span);
  if (is_in_aggregate_) {
    return Error(ErrorCode::kInvalidAggregate, "aggregates cannot be nested")
        .At(span, fmt::format("{} stands inside another aggregate", expression.text))
        .Hint("aggregate in a sub-query first, then over its result");
  }
  if (!place_.allows_aggregates || select_ == nullptr) {
    const bool is_where = place_.clause == "WHERE";
    return Error(ErrorCode::kInvalidAggregate, fmt::format("aggregate {} is not allowed in {}", expression.text, place_.clause))
        .At(span)
        .Hint(is_where ? "filter groups with HAVING" : "compute it in a sub-query and refer to its column");
  }
  FIRN_TRY(PendingCall call, BindAggregateCall(expression, function));
  const DataType type = call.signature.result;
  auto& calls = select_->calls;
  const auto is_same = [&](const PendingCall& other) {
    if (other.hash != call.hash || other.function != call.function || other.arguments.size() != call.arguments.size()) return false;
    if (other.options.is_distinct != call.options.is_distinct || other.options.ignore_nulls != call.options.ignore_nulls) return false;
    if ((other.filter == nullptr) != (call.filter == nullptr)) return false;
    if (call.filter != nullptr && !expr::Equal(*call.filter, *other.filter)) return false;
    for (size_t i = 0; i < call.arguments.size(); ++i) {
      if (!expr::Equal(*call.arguments[i], *other.arguments[i])) return false;
    }
    return true;
  };
  const auto found = std::find_if(calls.begin(), calls.end(), is_same);
  const int index = static_cast<int>(found - calls.begin());
  if (found == calls.end()) calls.push_back(std::move(call));
  return AddPlaceholder(PlaceholderKind::kAggregate, index, expression.text, type, span);
}

Result<PendingCall> ExpressionBinder::BindAggregateCall(const sql::Expression& expression, const expr::AggregateFunction& function) {
  const base::SourceSpan span = Span(expression.span);
  if (!expression.within_group.empty()) {
    return NotBuilt(fmt::format("ORDER BY inside {}", expression.text), span, "order the result instead");
  }
  const bool keeps_nulls = function.names.front() == "ARRAY_AGG";
  if (expression.ignore_nulls.has_value() && !keeps_nulls) {
    return Error(ErrorCode::kInvalidAggregate, fmt::format("{} takes no IGNORE NULLS or RESPECT NULLS", expression.text)).At(span).Hint("only ARRAY_AGG has a choice; all others pass over NULLs");
  }
  PendingCall call;
  call.function = &function;
  is_in_aggregate_ = true;
  const bool is_star = expression.arguments.size() == 1 && expression.arguments[0]->kind == sql::ExpressionKind::kStar;
  auto arguments = is_star ? Result<std::vector<ExpressionPtr>>(std::vector<ExpressionPtr>{}) : BindAll(expression.arguments);
  auto filter = expression.filter == nullptr ? Result<ExpressionPtr>(ExpressionPtr()) : BindCondition(*expression.filter);
  is_in_aggregate_ = false;
  if (!arguments.ok()) return std::move(arguments).error();
  FIRN_TRY(call.filter, std::move(filter));
  expr::CallSite site;
  site.name = expression.text;
  site.span = span;
  site.context = &query_.evaluation();
  for (const ExpressionPtr& argument : *arguments) {
    site.types.push_back(argument->type);
    site.literals.push_back(argument->kind == expr::ExpressionKind::kLiteral ? argument->literal : nullptr);
  }
  if (is_star && function.names.front() != "COUNT") {
    return Error(ErrorCode::kTypeMismatch, fmt::format("{}(*)", expression.text)).At(span, "only COUNT takes a *");
  }
  if (arguments->empty() && (!is_star || expression.is_distinct)) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("{}({}{}) names no column", expression.text, expression.is_distinct ? "DISTINCT " : "", is_star ? "*" : ""))
        .At(span)
        .Hint(fmt::format("{}(column){}", expression.text, function.names.front() == "COUNT" ? ", or COUNT(*) for all rows" : ""));
  }
  FIRN_TRY(call.signature, function.bind(site));
  // COUNT is never NULL, not even where its arguments are.
  expr::CallSite nullable = site;
  for (DataType& type : nullable.types) type = type.WithNullable(true);
  FIRN_TRY(const expr::Signature with_nulls, function.bind(nullable));
  call.is_never_null = !with_nulls.result.nullable();
  const bool may_be_null = call.filter != nullptr || IsNullOverRows(function) ||
                           std::any_of(site.types.begin(), site.types.end(), [](const DataType& type) { return type.nullable(); });
  if (!call.is_never_null) call.signature.result = call.signature.result.WithNullable(may_be_null);
  FIRN_ASSERT(call.signature.arguments.size() == arguments->size(), "{} binds {} of {} arguments", expression.text,
              call.signature.arguments.size(), arguments->size());
  for (size_t i = 0; i < arguments->size(); ++i) {
    FIRN_TRY(ExpressionPtr cast, CastTo((*arguments)[i], call.signature.arguments[i], query_));
    call.hash = call.hash * 31 + expr::Hash(*cast);
    call.arguments.push_back(std::move(cast));
  }
  call.options.is_distinct = expression.is_distinct;
  call.options.ignore_nulls = expression.ignore_nulls.value_or(!keeps_nulls);
  return call;
}

// What is known of a group only once it is there cannot be an argument of what makes it.
Status ExpressionBinder::RefuseInAggregate(const sql::Expression& expression) const {
  if (!is_in_aggregate_) return Ok();
  return Error(ErrorCode::kInvalidAggregate, fmt::format("{} is not allowed inside an aggregate", expression.text))
      .At(Span(expression.span))
      .Hint("compute it in a sub-query with the GROUP BY, then aggregate over its result");
}

Result<ExpressionPtr> ExpressionBinder::BindGrouping(const sql::Expression& expression) {
  const base::SourceSpan span = Span(expression.span);
  if (!place_.allows_aggregates || select_ == nullptr) {
    return Error(ErrorCode::kInvalidAggregate, fmt::format("{} is not allowed in {}", expression.text, place_.clause)).At(span);
  }
  FIRN_RETURN_IF_ERROR(RefuseInAggregate(expression));
  GroupingCall call;
  call.is_group_id = expression.text == "GROUP_ID";
  FIRN_TRY(call.arguments, BindAll(expression.arguments));
  if (call.is_group_id != call.arguments.empty()) {
    return Error(ErrorCode::kTypeMismatch, fmt::format("{} takes {}", expression.text, call.is_group_id ? "no arguments" : "columns of GROUP BY")).At(span);
  }
  select_->groupings.push_back(std::move(call));
  return AddPlaceholder(PlaceholderKind::kGrouping, static_cast<int>(select_->groupings.size()) - 1, expression.text, DataType::BigInt().NotNull(), span);
}

Result<ExpressionPtr> ExpressionBinder::BindWindowProperty(const sql::Expression& expression, std::string_view window_function, WindowProperty property) {
  const base::SourceSpan span = Span(expression.span);
  const bool is_here = place_.allows_aggregates && select_ != nullptr && select_->window && select_->window_function == window_function;
  if (!is_here) {
    return Error(ErrorCode::kInvalidAggregate, fmt::format("{} without {} in GROUP BY", expression.text, window_function))
        .At(span)
        .Hint(fmt::format("GROUP BY {}(...) with the same arguments, or use the window function in FROM and its column window_start", window_function));
  }
  FIRN_RETURN_IF_ERROR(RefuseInAggregate(expression));
  FIRN_TRY(WindowSpec asked, query_.BindLegacyWindow(expression, select_->from));
  const WindowSpec& grouped = *select_->window;
  if (asked.time_column != grouped.time_column || asked.size_ms != grouped.size_ms || asked.slide_ms != grouped.slide_ms || asked.offset_ms != grouped.offset_ms) {
    return Error(ErrorCode::kInvalidAggregate, fmt::format("{} is of another window than the {} in GROUP BY", expression.text, window_function))
        .At(span)
        .Hint("give both the same arguments");
  }
  if (grouped.is_proctime && property == WindowProperty::kTime) {
    return Error(ErrorCode::kInvalidAggregate, fmt::format("{} of a processing-time window", expression.text)).At(span).Hint(fmt::format("use {}_PROCTIME", window_function));
  }
  auto& properties = select_->properties;
  auto found = std::find(properties.begin(), properties.end(), property);
  const int index = static_cast<int>(found - properties.begin());
  if (found == properties.end()) {
    properties.push_back(property);
    select_->property_names.push_back(expression.text);
  }
  DataType type = DataType::Timestamp(3).NotNull();
  if (property == WindowProperty::kTime) {
    type = (grouped.is_local_time ? DataType::TimestampLtz(3) : DataType::Timestamp(3)).WithTimeAttribute(types::TimeAttribute::kRowtime);
  }
  if (property == WindowProperty::kProctime) type = DataType::TimestampLtz(3).NotNull().WithTimeAttribute(types::TimeAttribute::kProctime);
  return AddPlaceholder(PlaceholderKind::kProperty, index, expression.text, std::move(type), span);
}

}  // namespace firn::plan
