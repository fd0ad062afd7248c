// SPDX-License-Identifier: Apache-2.0
// The columns that a name can mean at one place of a query.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/ast_expression.h"
#include "types/data_type.h"

namespace firn::plan {

/// From this number on, a column index in a bound expression does not name a column of the input yet: it stands for a column of an enclosing
/// query (kOuterColumns + its index there) or for something computed later (kPlaceholders + its number), see binder_internal.h.
inline constexpr int kOuterColumns = 1 << 20;
inline constexpr int kPlaceholders = 1 << 24;

struct ScopeColumn {
  std::vector<std::string> qualifier;  // of the relation: its alias, or catalog, database, table; empty: none
  std::string name;
  types::DataType type;
  int index = -1;                      // in the relation's node
  bool is_qualified_only = false;      // merged by USING or NATURAL: not meant by its bare name, not part of *
};

/// What a column reference turned out to mean.
struct ResolvedColumn {
  const ScopeColumn* column = nullptr;
  size_t parts_used = 0;  // parts of the name that lead to the column; the rest are fields of a ROW
};

/// "`a`, `b`, ..." for a hint: each name once, ten at most.
std::string ListedNames(const std::vector<std::string>& names);

struct Scope {
  std::vector<ScopeColumn> columns;

  /// kColumnNotFound with near names, kAmbiguousColumn. `span`: of the name.
  Result<ResolvedColumn> Resolve(const sql::ObjectName& name, base::SourceSpan span) const;
  /// Whether a relation here is called as the name begins.
  bool HasRelation(const sql::ObjectName& name) const;
  /// Whether the name means something here, or something ambiguous.
  bool Knows(const sql::ObjectName& name) const;
  /// The shortest name that means the column; nullopt: none does, it has a twin.
  std::optional<std::string> NameOf(const ScopeColumn& column) const;
  /// The columns of `qualifier.*`; those of `*` for an empty qualifier.
  Result<std::vector<const ScopeColumn*>> Expand(const sql::ObjectName& qualifier, base::SourceSpan span) const;
};

/// Their names as Flink makes them unique in a result: id, id0, id1.
std::vector<std::string> UniqueNames(const std::vector<types::Field>& fields);
/// The columns of `fields`, unqualified or all under one qualifier.
Scope MakeScope(const std::vector<types::Field>& fields, std::vector<std::string> qualifier);

}  // namespace firn::plan
