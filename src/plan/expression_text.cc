// SPDX-License-Identifier: Apache-2.0
#include "plan/expression_text.h"

#include <algorithm>
#include <map>

#include "base/assert.h"

namespace firn::plan {

namespace {

std::string Doubled(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (char c : text) quoted += c == quote ? std::string(2, quote) : std::string(1, c);
  return quoted + quote;
}

/// The identifiers of column references by where they begin.
void CollectNames(const sql::Expression& expression, std::map<uint32_t, const sql::Identifier*>& names) {
  if (expression.kind == sql::ExpressionKind::kColumn) {
    for (const sql::Identifier& part : expression.name.parts) names[part.span.begin] = &part;
  }
  for (const sql::ExpressionPtr& argument : expression.arguments) {
    if (argument != nullptr) CollectNames(*argument, names);
  }
}

}  // namespace

std::string QuotedIdentifier(std::string_view name) { return Doubled(name, '`'); }

std::string QuotedString(std::string_view text) { return Doubled(text, '\''); }

std::string StoredText(const sql::Expression& expression, std::string_view statement) {
  std::map<uint32_t, const sql::Identifier*> names;
  CollectNames(expression, names);
  std::string text;
  uint32_t at = expression.span.begin;
  FIRN_ASSERT(expression.span.end <= statement.size() && at <= expression.span.end, "span [{}, {}) of {} bytes", at, expression.span.end, statement.size());
  for (const auto& [begin, name] : names) {
    if (begin < at || name->span.end > expression.span.end) continue;
    text += statement.substr(at, begin - at);
    text += QuotedIdentifier(name->text);
    at = name->span.end;
  }
  return text.append(statement.substr(at, expression.span.end - at));
}

bool NamesColumn(const sql::Expression& expression, std::string_view column) {
  if (expression.kind == sql::ExpressionKind::kColumn && expression.name.parts[0].text == column) return true;
  return std::any_of(expression.arguments.begin(), expression.arguments.end(),
                     [&](const sql::ExpressionPtr& argument) { return argument != nullptr && NamesColumn(*argument, column); });
}

}  // namespace firn::plan
