// SPDX-License-Identifier: Apache-2.0
// A leaf is tried against the column's own range and against each partition field made of the column, with the leaf's value transformed:
//   identity            the partition value is the column's value
//   year .. hour,       keep the order: x < v implies T(x) <= T(v), so the strict comparisons become the others
//   truncate
//   bucket              only equality says anything
#include "iceberg/pruning.h"

#include <algorithm>
#include <limits>

#include "iceberg/column_statistics.h"
#include "iceberg/transform.h"

namespace firn::iceberg {

namespace {

bool IsFloating(const Type& type) { return type.id == TypeId::kFloat || type.id == TypeId::kDouble; }

// Whether a range may hold a value for which `value op literal` holds.
bool RangeMayMatch(PredicateOp op, const std::vector<Literal>& values, const ValueRange& range) {
  if (op == PredicateOp::kIsNull) return range.may_have_null;
  if (op == PredicateOp::kIsNotNull) return range.may_have_value;
  if (!range.may_have_value) return false;
  if (values.empty()) return op != PredicateOp::kIn;
  auto below = [&](const Literal& value) { return range.upper && CompareLiterals(*range.upper, value) < 0; };     // all values < value
  auto above = [&](const Literal& value) { return range.lower && CompareLiterals(*range.lower, value) > 0; };     // all values > value
  const Literal& value = values[0];
  switch (op) {
    case PredicateOp::kEqual: return range.may_have_nan || (!below(value) && !above(value));
    case PredicateOp::kIn:
      return range.may_have_nan || std::any_of(values.begin(), values.end(), [&](const Literal& one) { return !below(one) && !above(one); });
    case PredicateOp::kLess: return !(range.lower && CompareLiterals(*range.lower, value) >= 0);
    case PredicateOp::kLessOrEqual: return !above(value);
    case PredicateOp::kGreater: return range.may_have_nan || !(range.upper && CompareLiterals(*range.upper, value) <= 0);
    case PredicateOp::kGreaterOrEqual: return range.may_have_nan || !below(value);
    case PredicateOp::kStartsWith: {
      const std::string& prefix = *value.get_if<std::string>();
      if (range.upper && range.upper->get_if<std::string>()->substr(0, prefix.size()) < prefix) return false;
      return !(range.lower && range.lower->get_if<std::string>()->substr(0, prefix.size()) > prefix);
    }
    default: return true;
  }
}

// -0.0 and 0.0 are equal to SQL but not in Iceberg's order: a bound or a value of zero is moved to the cautious side.
void WidenZeros(ValueRange* range) {
  if (range->lower && (*range->lower == Literal(0.0) || *range->lower == Literal(0.0f))) {
    range->lower = range->lower->get_if<double>() != nullptr ? Literal(-0.0) : Literal(-0.0f);
  }
  if (range->upper && (*range->upper == Literal(0.0) || *range->upper == Literal(0.0f))) {
    range->upper = range->upper->get_if<double>() != nullptr ? Literal(0.0) : Literal(0.0f);
  }
}

bool IsOrderPreserving(TransformKind kind) { return kind >= TransformKind::kTruncate && kind <= TransformKind::kHour; }

// Cutting the smallest numbers goes round to the largest ones, and so they are stored: a value among those may be of either end.
ValueRange WithWrapped(const PartitionField& field, ValueRange range) {
  if (field.transform.kind != TransformKind::kTruncate || !range.upper) return range;
  const int64_t width = field.transform.parameter;
  const auto is_near = [&](auto number) { return number > std::numeric_limits<decltype(number)>::max() - width; };
  const int32_t* integer = range.upper->get_if<int32_t>();
  const int64_t* number = range.upper->get_if<int64_t>();
  if ((integer != nullptr && is_near(*integer)) || (number != nullptr && is_near(*number))) range.lower.reset();
  return range;
}

bool PartitionMayMatch(const ScanPredicate& leaf, const PartitionField& field, const Type& source, const ValueRange& range) {
  if (field.transform.kind == TransformKind::kVoid || field.transform.kind == TransformKind::kUnknown) return true;
  if (leaf.op == PredicateOp::kIsNull || leaf.op == PredicateOp::kIsNotNull) return RangeMayMatch(leaf.op, {}, range);
  if (leaf.op == PredicateOp::kNotEqual) return range.may_have_value;
  if (field.transform.kind == TransformKind::kIdentity) return RangeMayMatch(leaf.op, leaf.values, range);
  PredicateOp op = leaf.op;
  if (op == PredicateOp::kLess) op = PredicateOp::kLessOrEqual;
  if (op == PredicateOp::kGreater) op = PredicateOp::kGreaterOrEqual;
  const bool is_equality = op == PredicateOp::kEqual || op == PredicateOp::kIn;
  if (!is_equality && (!IsOrderPreserving(field.transform.kind) || op == PredicateOp::kStartsWith)) return range.may_have_value;
  std::vector<Literal> values;
  for (const Literal& value : leaf.values) {
    values.push_back(ApplyTransform(field.transform, source, value));
    const bool is_wrapped = field.transform.kind == TransformKind::kTruncate && CompareLiterals(values.back(), value) > 0;
    if (is_wrapped && !is_equality) return range.may_have_value;
  }
  return RangeMayMatch(op, values, WithWrapped(field, range));
}

ValueRange FromLiteral(const Literal& value) {
  ValueRange range;
  range.may_have_null = value.is_null();
  range.may_have_value = !value.is_null();
  range.may_have_nan = IsNan(value);
  if (!value.is_null() && !IsNan(value)) range.lower = range.upper = value;
  return range;
}

// Partition values are read as the table's types of today; a snapshot may be asked in those of its time.
bool IsOf(const Type& type, const ValueRange& range) { return (!range.lower || LiteralFits(type, *range.lower)) && (!range.upper || LiteralFits(type, *range.upper)); }

// SQL's TIME has milliseconds: what is behind them is cut off before values are compared.
ValueRange AsRead(const Type& type, ValueRange range) {
  if (type.id != TypeId::kTime) return range;
  for (std::optional<Literal>* bound : {&range.lower, &range.upper}) {
    if (*bound) *bound = Literal(TruncateInteger(*(*bound)->get_if<int64_t>(), 1000));
  }
  return range;
}

std::optional<Literal> Bound(const Type& type, const std::string* bytes) {
  if (bytes == nullptr) return std::nullopt;
  Result<Literal> literal = DecodeBound(type, *bytes);
  if (!literal.ok() || literal->is_null() || IsNan(*literal)) return std::nullopt;
  return *std::move(literal);
}

ValueRange FileRange(const DataFile& file, const NestedField& column) {
  ValueRange range;
  range.lower = Bound(column.type, file.lower_bounds.Find(column.id));
  range.upper = Bound(column.type, file.upper_bounds.Find(column.id));
  const int64_t* nulls = file.null_value_counts.Find(column.id);
  const int64_t* values = file.value_counts.Find(column.id);
  const int64_t* nans = file.nan_value_counts.Find(column.id);
  range.may_have_null = nulls == nullptr || *nulls > 0;
  range.may_have_value = nulls == nullptr || values == nullptr || *nulls < *values;
  range.may_have_nan = IsFloating(column.type) && (nans == nullptr || *nans > 0);
  WidenZeros(&range);
  return range;
}

ValueRange GroupRange(const formats::ParquetRowGroupSummary& group, const NestedField& column) {
  ValueRange range;
  range.may_have_nan = IsFloating(column.type);  // Parquet's statistics do not tell
  for (const formats::ParquetColumnSummary& summary : group.columns) {
    if (summary.field_id != column.id || summary.is_repeated) continue;
    if (summary.min) range.lower = LiteralFromParquet(column.type, summary.physical_type, *summary.min);
    if (summary.max) range.upper = LiteralFromParquet(column.type, summary.physical_type, *summary.max);
    if (range.lower && IsNan(*range.lower)) range.lower.reset();
    if (range.upper && IsNan(*range.upper)) range.upper.reset();
    if (summary.null_count) {
      range.may_have_null = *summary.null_count > 0;
      range.may_have_value = *summary.null_count < summary.value_count;
    }
  }
  WidenZeros(&range);
  return range;
}

}  // namespace

Pruner::Pruner(const Schema& schema, const ScanPredicate& predicate) : schema_(schema), predicate_(WithoutNot(predicate)) {}

bool Pruner::Evaluate(const ScanPredicate& predicate, const ColumnRangeFunction& columns, const PartitionSpec* spec,
                      const std::vector<ValueRange>& partition) const {
  auto matches = [&](const ScanPredicate& child) { return Evaluate(child, columns, spec, partition); };
  switch (predicate.op) {
    case PredicateOp::kTrue: return true;
    case PredicateOp::kFalse: return false;
    case PredicateOp::kAnd: return std::all_of(predicate.children.begin(), predicate.children.end(), matches);
    case PredicateOp::kOr: return std::any_of(predicate.children.begin(), predicate.children.end(), matches);
    case PredicateOp::kNot: FIRN_UNREACHABLE("kNot was rewritten");
    default: break;
  }
  const NestedField* column = schema_.FindById(predicate.column_id);
  if (column == nullptr || !column->type.IsPrimitive()) return true;
  for (const Literal& value : predicate.values) {
    if (!LiteralFits(column->type, value) || IsNan(value)) return true;
  }
  if (columns && !RangeMayMatch(predicate.op, predicate.values, AsRead(column->type, columns(*column)))) return false;
  for (size_t i = 0; spec != nullptr && i < spec->fields.size() && i < partition.size(); ++i) {
    const PartitionField& field = spec->fields[i];
    if (field.source_ids.size() != 1 || field.source_id() != column->id) continue;
    const Result<Type> type = TransformResultType(field.transform, column->type);
    if (!type.ok() || !IsOf(*type, partition[i])) continue;
    if (column->type.id == TypeId::kTime && field.transform.kind == TransformKind::kBucket) continue;  // of the microseconds, which are cut off
    if (!PartitionMayMatch(predicate, field, column->type, AsRead(*type, partition[i]))) return false;
  }
  return true;
}

bool Pruner::MayMatch(const ColumnRangeFunction& columns, const PartitionSpec* spec, const std::vector<ValueRange>& partition) const {
  return Evaluate(predicate_, columns, spec, partition);
}

bool Pruner::MayMatchManifest(const ManifestFile& manifest, const PartitionSpec& spec) const {
  if (is_trivial() || manifest.partitions.size() != spec.fields.size()) return true;
  Result<Type> type = PartitionType(spec, schema_);
  if (!type.ok()) return true;
  std::vector<ValueRange> ranges;
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    const PartitionFieldSummary& summary = manifest.partitions[i];
    const Type& field_type = type->fields[i].type;
    ValueRange range;
    range.lower = summary.lower_bound ? Bound(field_type, &*summary.lower_bound) : std::nullopt;
    range.upper = summary.upper_bound ? Bound(field_type, &*summary.upper_bound) : std::nullopt;
    range.may_have_null = summary.contains_null;
    range.may_have_nan = IsFloating(field_type) && summary.contains_nan.value_or(true);
    // Without bounds there are only nulls (or NaNs).
    range.may_have_value = range.lower.has_value() || range.may_have_nan || !summary.contains_null;
    WidenZeros(&range);
    ranges.push_back(std::move(range));
  }
  return MayMatch(nullptr, &spec, ranges);
}

bool Pruner::MayMatchFile(const DataFile& file, const PartitionSpec& spec) const {
  if (is_trivial()) return true;
  std::vector<ValueRange> ranges;
  for (const Literal& value : file.partition) {
    ranges.push_back(FromLiteral(value));
    WidenZeros(&ranges.back());
  }
  return MayMatch([&](const NestedField& column) { return FileRange(file, column); }, &spec, ranges);
}

bool Pruner::MayMatchRowGroup(const formats::ParquetRowGroupSummary& group) const {
  if (is_trivial()) return true;
  return MayMatch([&](const NestedField& column) { return GroupRange(group, column); }, nullptr, {});
}

}  // namespace firn::iceberg
