// SPDX-License-Identifier: Apache-2.0
#include "plan/scope.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/assert.h"

namespace firn::plan {

namespace {

constexpr size_t kMaxListed = 10;  // names in a hint

/// Whether the first `count` parts of a name are the relation's qualifier or its last parts.
bool QualifierMatches(const std::vector<std::string>& qualifier, const sql::ObjectName& name, size_t count) {
  if (count > qualifier.size()) return false;
  const size_t skipped = qualifier.size() - count;
  for (size_t i = 0; i < count; ++i) {
    if (qualifier[skipped + i] != name.parts[i].text) return false;
  }
  return true;
}

std::vector<const ScopeColumn*> Matching(const Scope& scope, const sql::ObjectName& name, size_t qualifier_parts) {
  std::vector<const ScopeColumn*> found;
  for (const ScopeColumn& column : scope.columns) {
    if (column.name != name.parts[qualifier_parts].text) continue;
    if (qualifier_parts == 0 ? column.is_qualified_only : !QualifierMatches(column.qualifier, name, qualifier_parts)) continue;
    found.push_back(&column);
  }
  return found;
}

std::string Described(const ScopeColumn& column) {
  return column.qualifier.empty() ? fmt::format("`{}`", column.name) : fmt::format("`{}`.`{}`", column.qualifier.back(), column.name);
}

Error NotFound(const Scope& scope, const sql::ObjectName& name, base::SourceSpan span) {
  const std::string& last = name.parts.back().text;
  std::vector<std::string> known;
  std::set<std::string> relations;
  for (const ScopeColumn& column : scope.columns) {
    if (!column.is_qualified_only) known.push_back(column.name);
    if (!column.qualifier.empty()) relations.insert(column.qualifier.back());
  }
  if (name.parts.size() > 1 && !relations.contains(name.parts[0].text)) {
    Error error(ErrorCode::kColumnNotFound, fmt::format("no table or alias `{}` here that could have a column `{}`", name.parts[0].text, last));
    std::vector<std::string> near = base::NearNames(name.parts[0].text, {relations.begin(), relations.end()});
    if (near.empty() && relations.size() == 1) error = std::move(error).Hint(fmt::format("the only one is `{}`", *relations.begin()));
    return std::move(error).At(span).Candidates(std::move(near));
  }
  Error error(ErrorCode::kColumnNotFound, fmt::format("column not found: `{}`", last));
  std::vector<std::string> near = base::NearNames(last, known);
  std::string label = "no column of that name here";
  if (known.empty()) label = "there is no FROM that could have columns";
  if (near.empty() && !known.empty()) error = std::move(error).Hint("columns here: " + ListedNames(known));
  return std::move(error).At(span, label).Candidates(std::move(near));
}

}  // namespace

std::string ListedNames(const std::vector<std::string>& names) {
  std::vector<std::string> listed;
  for (const std::string& name : names) {
    if (std::find(listed.begin(), listed.end(), name) == listed.end()) listed.push_back(name);
    if (listed.size() > kMaxListed) break;
  }
  std::string text;
  for (size_t i = 0; i < listed.size() && i < kMaxListed; ++i) text += fmt::format("{}`{}`", i == 0 ? "" : ", ", listed[i]);
  return listed.size() > kMaxListed ? text + ", ..." : text;
}

Result<ResolvedColumn> Scope::Resolve(const sql::ObjectName& name, base::SourceSpan span) const {
  FIRN_ASSERT(!name.parts.empty());
  const size_t most = std::min<size_t>(name.parts.size() - 1, 3);
  for (size_t qualifier_parts = most + 1; qualifier_parts-- > 0;) {
    const std::vector<const ScopeColumn*> found = Matching(*this, name, qualifier_parts);
    FIRN_ASSERT(qualifier_parts < name.parts.size(), "{} parts of {} qualify", qualifier_parts, name.parts.size());
    if (found.size() == 1) return ResolvedColumn{found[0], qualifier_parts + 1};
    if (found.size() > 1) {
      Error error(ErrorCode::kAmbiguousColumn, fmt::format("column `{}` is ambiguous", name.parts[qualifier_parts].text));
      return std::move(error)
          .At(span, fmt::format("could be {} or {}", Described(*found[0]), Described(*found[1])))
          .Hint(found[0]->qualifier == found[1]->qualifier ? "give the columns different names where they are made"
                                                           : fmt::format("write {}", Described(*found[0])));
    }
  }
  return NotFound(*this, name, span);
}

bool Scope::HasRelation(const sql::ObjectName& name) const {
  FIRN_ASSERT(!name.parts.empty());
  return std::any_of(columns.begin(), columns.end(), [&](const ScopeColumn& column) { return !column.qualifier.empty() && column.qualifier.back() == name.parts[0].text; });
}

bool Scope::Knows(const sql::ObjectName& name) const {
  FIRN_ASSERT(!name.parts.empty());
  const size_t most = std::min<size_t>(name.parts.size() - 1, 3);
  for (size_t qualifier_parts = 0; qualifier_parts <= most; ++qualifier_parts) {
    if (!Matching(*this, name, qualifier_parts).empty()) return true;
  }
  return false;
}

std::optional<std::string> Scope::NameOf(const ScopeColumn& column) const {
  for (size_t parts = 0; parts <= column.qualifier.size(); ++parts) {
    sql::ObjectName name;
    for (size_t i = column.qualifier.size() - parts; i < column.qualifier.size(); ++i) name.parts.push_back({column.qualifier[i], {}});
    name.parts.push_back({column.name, {}});
    const auto meant = Resolve(name, {});
    if (meant.ok() && meant->column == &column && meant->parts_used == name.parts.size()) return name.ToString();
  }
  return std::nullopt;
}

Result<std::vector<const ScopeColumn*>> Scope::Expand(const sql::ObjectName& qualifier, base::SourceSpan span) const {
  std::vector<const ScopeColumn*> expanded;
  std::set<std::string> relations;
  for (const ScopeColumn& column : columns) {
    if (!column.qualifier.empty()) relations.insert(column.qualifier.back());
    const bool belongs = qualifier.parts.empty() ? !column.is_qualified_only
                                                 : !column.qualifier.empty() && QualifierMatches(column.qualifier, qualifier, qualifier.parts.size());
    if (belongs) expanded.push_back(&column);
  }
  if (expanded.empty()) {
    if (qualifier.parts.empty()) {
      return Error(ErrorCode::kColumnNotFound, "* without a FROM clause").At(span, "nothing to expand to").Hint("name a table: SELECT * FROM t");
    }
    return Error(ErrorCode::kColumnNotFound, fmt::format("no table or alias {} here", qualifier.ToString()))
        .At(span)
        .Candidates(base::NearNames(qualifier.parts.back().text, {relations.begin(), relations.end()}));
  }
  return expanded;
}

std::vector<std::string> UniqueNames(const std::vector<types::Field>& fields) {
  std::vector<std::string> names;
  std::unordered_set<std::string> used;
  std::unordered_map<std::string, int> next;  // number to try for a name that is taken; all before are taken
  for (const types::Field& field : fields) {
    std::string name = field.name;
    while (!used.insert(name).second) name = fmt::format("{}{}", field.name, next[field.name]++);
    names.push_back(std::move(name));
  }
  FIRN_ASSERT(used.size() == fields.size(), "{} names of {} columns", used.size(), fields.size());
  return names;
}

Scope MakeScope(const std::vector<types::Field>& fields, std::vector<std::string> qualifier) {
  Scope scope;
  for (size_t i = 0; i < fields.size(); ++i) {
    scope.columns.push_back(ScopeColumn{qualifier, fields[i].name, fields[i].type, static_cast<int>(i)});
  }
  return scope;
}

}  // namespace firn::plan
