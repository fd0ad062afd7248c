// SPDX-License-Identifier: Apache-2.0
#include "iceberg/scan_predicate.h"

#include <fmt/format.h>

#include "base/assert.h"

namespace firn::iceberg {

namespace {

PredicateOp Negated(PredicateOp op) {
  switch (op) {
    case PredicateOp::kTrue: return PredicateOp::kFalse;
    case PredicateOp::kFalse: return PredicateOp::kTrue;
    case PredicateOp::kIsNull: return PredicateOp::kIsNotNull;
    case PredicateOp::kIsNotNull: return PredicateOp::kIsNull;
    case PredicateOp::kEqual: return PredicateOp::kNotEqual;
    case PredicateOp::kNotEqual: return PredicateOp::kEqual;
    case PredicateOp::kLess: return PredicateOp::kGreaterOrEqual;
    case PredicateOp::kLessOrEqual: return PredicateOp::kGreater;
    case PredicateOp::kGreater: return PredicateOp::kLessOrEqual;
    case PredicateOp::kGreaterOrEqual: return PredicateOp::kLess;
    default: return PredicateOp::kTrue;
  }
}

ScanPredicate Rewrite(const ScanPredicate& predicate, bool is_negated) {
  switch (predicate.op) {
    case PredicateOp::kNot:
      FIRN_ASSERT(predicate.children.size() == 1, "NOT of {} predicates", predicate.children.size());
      return Rewrite(predicate.children[0], !is_negated);
    case PredicateOp::kAnd:
    case PredicateOp::kOr: {
      ScanPredicate result{predicate.op, 0, {}, {}};
      if (is_negated) result.op = predicate.op == PredicateOp::kAnd ? PredicateOp::kOr : PredicateOp::kAnd;
      for (const ScanPredicate& child : predicate.children) result.children.push_back(Rewrite(child, is_negated));
      return result;
    }
    // kTrue stands for "cannot be said" too: its negation is no more certain.
    case PredicateOp::kTrue: return predicate;
    default: break;
  }
  const bool is_comparison = predicate.op >= PredicateOp::kEqual && predicate.op != PredicateOp::kIn;
  FIRN_ASSERT(!is_comparison || predicate.values.size() == 1, "a comparison of column {} with {} values", predicate.column_id, predicate.values.size());
  ScanPredicate result = predicate;
  if (!is_negated) return result;
  // NaN is not greater than a number, nor is it less or equal.
  const bool is_greater = predicate.op == PredicateOp::kGreater || predicate.op == PredicateOp::kGreaterOrEqual;
  const bool is_floating = is_greater && (predicate.values[0].get_if<float>() != nullptr || predicate.values[0].get_if<double>() != nullptr);
  if (is_floating) return ScanPredicate::IsNotNull(predicate.column_id);
  result.op = Negated(predicate.op);
  return result;
}

const char* OpText(PredicateOp op) {
  switch (op) {
    case PredicateOp::kEqual: return "=";
    case PredicateOp::kNotEqual: return "<>";
    case PredicateOp::kLess: return "<";
    case PredicateOp::kLessOrEqual: return "<=";
    case PredicateOp::kGreater: return ">";
    case PredicateOp::kGreaterOrEqual: return ">=";
    case PredicateOp::kStartsWith: return "STARTS WITH";
    default: return "?";
  }
}

std::string ValueText(const Type& type, const Literal& value) {
  if (!LiteralFits(type, value)) return "?";
  const std::string text = LiteralText(type, value);
  const bool is_plain = type.id <= TypeId::kDecimal;
  return is_plain ? text : "'" + text + "'";
}

}  // namespace

std::string ScanPredicate::ToString(const Schema& schema) const {
  const NestedField* field = schema.FindById(column_id);
  const std::string name = field == nullptr ? fmt::format("#{}", column_id) : schema.NameOf(column_id);
  const Type type = field == nullptr ? Type() : field->type;
  switch (op) {
    case PredicateOp::kTrue: return "TRUE";
    case PredicateOp::kFalse: return "FALSE";
    case PredicateOp::kIsNull: return name + " IS NULL";
    case PredicateOp::kIsNotNull: return name + " IS NOT NULL";
    case PredicateOp::kNot: return "NOT " + children[0].ToString(schema);
    case PredicateOp::kAnd:
    case PredicateOp::kOr: {
      std::string text = "(";
      for (const ScanPredicate& child : children) {
        if (text.size() > 1) text += op == PredicateOp::kAnd ? " AND " : " OR ";
        text += child.ToString(schema);
      }
      return text + ")";
    }
    case PredicateOp::kIn: {
      std::string text = name + " IN (";
      for (size_t i = 0; i < values.size(); ++i) text += (i == 0 ? "" : ", ") + ValueText(type, values[i]);
      return text + ")";
    }
    default: return fmt::format("{} {} {}", name, OpText(op), values.empty() ? "?" : ValueText(type, values[0]));
  }
}

ScanPredicate WithoutNot(const ScanPredicate& predicate) { return Rewrite(predicate, false); }

}  // namespace firn::iceberg
