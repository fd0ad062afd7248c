// SPDX-License-Identifier: Apache-2.0
// INSERT: the columns of the query are matched with those of the table, cast implicitly, and what must not be NULL is enforced.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/assert.h"
#include "plan/assignment.h"
#include "plan/binder_insert_internal.h"
#include "plan/join_condition.h"

namespace firn::plan {

using expr::ExpressionPtr;
using types::DataType;
using types::Field;

namespace {

/// A column that an INSERT writes.
struct TargetColumn {
  Field field;
  std::string metadata_key;  // "" for a physical column
};

std::string SchemaText(const std::vector<Field>& fields) {
  std::string text;
  for (const Field& field : fields) text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", field.name, field.type.ToString());
  return "[" + text + "]";
}

class InsertBinder {
 public:
  InsertBinder(QueryBinder& binder, const sql::InsertStatement& insert) : binder_(binder), insert_(insert) {}

  Result<LogicalNodePtr> Run() {
    FIRN_RETURN_IF_ERROR(FindTarget());
    FIRN_TRY(Relation query, binder_.BindQuery(*insert_.query, nullptr));
    query_ = std::move(query.node);
    FIRN_RETURN_IF_ERROR(BindPartition());
    FIRN_RETURN_IF_ERROR(MatchColumns());
    FIRN_TRY(LogicalNodePtr input, Projected());
    return MakeSink(std::move(input), MakeSpec(), binder_.Span(insert_.table.span));
  }

 private:
  Status FindTarget();
  Status BindPartition();
  Status MatchColumns();
  Result<std::vector<int>> WantedColumns();
  Result<int> FindColumn(const sql::Identifier& name) const;
  Result<LogicalNodePtr> Projected();
  SinkNode MakeSpec() const;
  Error CountMismatch(size_t wanted) const;

  QueryBinder& binder_;
  const sql::InsertStatement& insert_;
  TableDefinitionPtr table_;
  SinkTraits traits_;
  std::vector<TargetColumn> targets_;
  std::map<int, ExpressionPtr> static_values_;              // target column -> constant of PARTITION
  std::vector<std::optional<int>> sources_;                 // per target: column of the query
  LogicalNodePtr query_;
};

Status InsertBinder::FindTarget() {
  const base::SourceSpan span = binder_.Span(insert_.table.span);
  FIRN_TRY(table_, binder_.FindTable(insert_.table));
  if (table_->kind == TableKind::kView) {
    return Error(ErrorCode::kNotSupported, fmt::format("{} is a view and cannot be written", table_->path.ToString())).At(span).Hint("INSERT INTO the table behind it");
  }
  FIRN_TRY(table_, binder_.WithHints(std::move(table_), insert_.hints));
  auto traits = binder_.session().context.connectors.DescribeSink(*table_, binder_.is_batch());
  if (!traits.ok()) return Relocated(traits.error(), span, fmt::format("writing to {}", table_->path.ToString()));
  traits_ = std::move(traits).value();
  if (insert_.is_overwrite && !traits_.supports_overwrite) {
    return NotBuilt(fmt::format("INSERT OVERWRITE into {}", table_->path.ToString()), span, "INSERT INTO appends");
  }
  if (insert_.is_overwrite && !binder_.is_batch()) {
    return NotBuilt("INSERT OVERWRITE by a streaming query", span, "SET 'execution.runtime-mode' = 'batch'");
  }
  for (const TableColumn& column : table_->columns) {
    if (column.kind == ColumnKind::kComputed || (column.kind == ColumnKind::kMetadata && column.is_virtual)) continue;
    TargetColumn target{Field{column.name, column.type}, ""};
    if (column.kind == ColumnKind::kMetadata) {
      target.metadata_key = column.metadata_key.empty() ? column.name : column.metadata_key;
      const auto is_key = [&](const Field& field) { return field.name == target.metadata_key; };
      if (std::none_of(traits_.metadata.begin(), traits_.metadata.end(), is_key)) {
        return Error(ErrorCode::kInvalidDefinition, fmt::format("metadata '{}' of column `{}` cannot be written", target.metadata_key, column.name))
            .At(span)
            .Hint("declare the column METADATA VIRTUAL");
      }
    }
    targets_.push_back(std::move(target));
  }
  return Ok();
}

Result<int> InsertBinder::FindColumn(const sql::Identifier& name) const {
  std::vector<std::string> known;
  for (size_t i = 0; i < targets_.size(); ++i) {
    if (targets_[i].field.name == name.text) return static_cast<int>(i);
    known.push_back(targets_[i].field.name);
  }
  return Error(ErrorCode::kColumnNotFound, fmt::format("table {} has no column `{}` to write", table_->path.ToString(), name.text))
      .At(binder_.Span(name.span))
      .Candidates(base::NearNames(name.text, known));
}

Status InsertBinder::BindPartition() {
  for (const sql::PartitionAssignment& assignment : insert_.partition) {
    FIRN_TRY(const int column, FindColumn(assignment.column));
    const std::string& name = assignment.column.text;
    const bool is_partition = std::find(table_->partitioned_by.begin(), table_->partitioned_by.end(), name) != table_->partitioned_by.end();
    if (!is_partition) {
      return Error(ErrorCode::kInvalidDefinition, fmt::format("table {} is not partitioned by `{}`", table_->path.ToString(), name))
          .At(binder_.Span(assignment.column.span))
          .Hint(table_->partitioned_by.empty() ? "it has no partitions: leave PARTITION (...) out" : "it is partitioned by " + ListedNames(table_->partitioned_by));
    }
    if (assignment.value == nullptr) continue;
    if (static_values_.contains(column)) return Error(ErrorCode::kSchemaMismatch, fmt::format("column `{}` is given twice", name)).At(binder_.Span(assignment.column.span));
    FIRN_TRY(ExpressionPtr value, binder_.BindConstant(*assignment.value, "PARTITION"));
    static_values_[column] = std::move(value);
  }
  return Ok();
}

/// The targets that the query's columns are for, in its order.
Result<std::vector<int>> InsertBinder::WantedColumns() {
  std::vector<int> wanted;
  if (insert_.columns.empty()) {
    for (size_t i = 0; i < targets_.size(); ++i) {
      if (!static_values_.contains(static_cast<int>(i))) wanted.push_back(static_cast<int>(i));
    }
    return wanted;
  }
  for (const sql::Identifier& name : insert_.columns) {
    FIRN_TRY(const int column, FindColumn(name));
    const bool is_taken = static_values_.contains(column) || std::find(wanted.begin(), wanted.end(), column) != wanted.end();
    if (is_taken) return Error(ErrorCode::kSchemaMismatch, fmt::format("column `{}` is given twice", name.text)).At(binder_.Span(name.span));
    wanted.push_back(column);
  }
  return wanted;
}

Error InsertBinder::CountMismatch(size_t wanted) const {
  std::vector<Field> fields;
  for (const TargetColumn& target : targets_) fields.push_back(target.field);
  return Error(ErrorCode::kSchemaMismatch, fmt::format("the query has {} column{} for {} of table {}", query_->fields.size(), query_->fields.size() == 1 ? "" : "s",
                                                       wanted, table_->path.ToString()))
      .At(binder_.Span(insert_.query->span))
      .Why(fmt::format("query: {}; table: {}", SchemaText(query_->fields), SchemaText(fields)))
      .Hint("name the columns to write: INSERT INTO t (a, b) SELECT ...");
}

Status InsertBinder::MatchColumns() {
  FIRN_TRY(const std::vector<int> wanted, WantedColumns());
  if (wanted.size() != query_->fields.size()) return CountMismatch(wanted.size());
  sources_.resize(targets_.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    FIRN_ASSERT(wanted[i] >= 0 && wanted[i] < static_cast<int>(targets_.size()) && !sources_[wanted[i]], "column {} of {} is written by column {} of the query", wanted[i], targets_.size(), i);
    sources_[wanted[i]] = static_cast<int>(i);
  }
  return Ok();
}

Result<LogicalNodePtr> InsertBinder::Projected() {
  std::vector<ExpressionPtr> outputs;
  std::vector<std::string> names;
  for (size_t i = 0; i < targets_.size(); ++i) {
    const Field& target = targets_[i].field;
    ExpressionPtr value;
    if (sources_[i]) {
      value = ColumnOf(query_->fields, *sources_[i]);
    } else if (const auto constant = static_values_.find(static_cast<int>(i)); constant != static_values_.end()) {
      value = constant->second;
    } else if (target.type.nullable()) {
      value = expr::MakeNullLiteral(target.type);
    } else {
      return Error(ErrorCode::kSchemaMismatch, fmt::format("column `{}` of {} is NOT NULL and gets no value", target.name, table_->path.ToString()))
          .At(binder_.Span(insert_.table.span))
          .Hint("add it to the column list and to the query");
    }
    if (!IsAssignable(value->type, target.type)) {
      return Error(ErrorCode::kSchemaMismatch, fmt::format("column `{}` of {} is {}, the query gives {}", target.name, table_->path.ToString(), target.type.ToString(),
                                                           value->type.ToString()))
          .At(binder_.Span(insert_.query->span))
          .Why(fmt::format("there is no implicit conversion at position {}", i + 1))
          .Hint(fmt::format("CAST({} AS {})", sources_[i] ? query_->fields[*sources_[i]].name : "value", target.type.WithNullable(true).ToString()));
    }
    FIRN_TRY(value, Assigned(value, target.type, binder_.evaluation()));
    outputs.push_back(std::move(value));
    names.push_back(target.name);
  }
  LogicalNodePtr input = MakeProject(query_, std::move(outputs), names);
  if (binder_.session().config.not_null_enforcer != NotNullEnforcer::kDrop) return input;
  std::vector<ExpressionPtr> conjuncts;
  for (size_t i = 0; i < targets_.size(); ++i) {
    if (targets_[i].field.type.nullable() || !input->fields[i].type.nullable()) continue;
    FIRN_TRY(ExpressionPtr present, expr::BindCall("IS NOT NULL", {ColumnOf(input->fields, static_cast<int>(i))}, binder_.Span(insert_.table.span), binder_.evaluation()));
    conjuncts.push_back(std::move(present));
  }
  return MakeFilter(std::move(input), Conjunction(conjuncts));
}

SinkNode InsertBinder::MakeSpec() const {
  FIRN_ASSERT(sources_.size() == targets_.size(), "{} of {} columns have been matched", sources_.size(), targets_.size());
  SinkNode spec;
  spec.table = table_;
  spec.traits = traits_;
  spec.overwrite = insert_.is_overwrite;
  for (size_t i = 0; i < targets_.size(); ++i) {
    spec.columns.push_back(targets_[i].field.name);
    spec.metadata_keys.push_back(targets_[i].metadata_key);
    if (!targets_[i].field.type.nullable()) spec.not_null.push_back(static_cast<int>(i));
    const auto& key = table_->primary_key;
    if (std::find(key.begin(), key.end(), targets_[i].field.name) != key.end()) spec.upsert_key.push_back(static_cast<int>(i));
  }
  return spec;
}

}  // namespace

Result<LogicalNodePtr> BindInsert(QueryBinder& binder, const sql::InsertStatement& insert) { return InsertBinder(binder, insert).Run(); }

}  // namespace firn::plan
