// SPDX-License-Identifier: Apache-2.0
#include "plan/assignment.h"

namespace firn::plan {

using types::DataType;
using types::TypeKind;

namespace {

bool IsNumberAssignable(TypeKind from, TypeKind to) {
  if (to == TypeKind::kDecimal || to == TypeKind::kDouble) return true;
  if (to == TypeKind::kFloat) return from != TypeKind::kDouble;
  return from <= to;  // TINYINT, SMALLINT, INT, BIGINT
}

bool AreMembersAssignable(const DataType& from, const DataType& to) {
  if (from.fields().size() != to.fields().size()) return false;
  for (size_t i = 0; i < from.fields().size(); ++i) {
    if (!IsAssignable(from.fields()[i].type, to.fields()[i].type)) return false;
  }
  return true;
}

/// Text that needs no cutting or padding differs in its declared length only.
bool IsLengthOnly(const DataType& from, const DataType& to) {
  const bool is_text = from.IsCharacter() && to.kind() == TypeKind::kVarchar;
  const bool is_bytes = from.IsBytes() && to.kind() == TypeKind::kVarbinary;
  return (is_text || is_bytes) && from.length() <= to.length();
}

}  // namespace

bool IsAssignable(const DataType& from, const DataType& to) {
  if (from.kind() == TypeKind::kNull || from.EqualsIgnoringNullability(to)) return true;
  if (from.IsNumeric() && to.IsNumeric()) return IsNumberAssignable(from.kind(), to.kind());
  if (from.IsCharacter() && to.IsCharacter()) return true;
  if (from.IsBytes() && to.IsBytes()) return true;
  if (from.IsTimestamp()) return to.IsTimestamp() || to.kind() == TypeKind::kDate || to.kind() == TypeKind::kTime;
  if (from.kind() != to.kind()) return false;
  return !from.IsNested() || AreMembersAssignable(from, to);
}

Result<expr::ExpressionPtr> Assigned(const expr::ExpressionPtr& value, const DataType& to, const expr::EvaluationContext& evaluation) {
  const DataType target = to.WithNullable(value->type.nullable());
  if (value->type.EqualsIgnoringNullability(to)) return value;
  if (value->type.kind() == TypeKind::kNull || IsLengthOnly(value->type, to)) return expr::BindImplicitCast(value, target, value->span, evaluation);
  return expr::BindCast(value, target, false, value->span, evaluation);
}

}  // namespace firn::plan
