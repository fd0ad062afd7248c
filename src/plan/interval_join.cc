// SPDX-License-Identifier: Apache-2.0
#include "plan/interval_join.h"

#include <algorithm>
#include <string_view>

#include "plan/join_condition.h"
#include "plan/window_columns.h"

namespace firn::plan {

namespace {

/// Whether a row time of the inputs goes into the value as one; a CAST makes it an ordinary timestamp.
bool ReadsRowtime(const expr::Expression& value, const LogicalNode& left, const LogicalNode& right) {
  if (value.kind == expr::ExpressionKind::kColumn) {
    const int left_count = static_cast<int>(left.fields.size());
    const types::Field& field = value.index < left_count ? left.fields[value.index] : right.fields[value.index - left_count];
    return field.type.time_attribute() == types::TimeAttribute::kRowtime;
  }
  if (value.kind != expr::ExpressionKind::kCall || value.function->names.front() == "CAST") return false;
  return std::any_of(value.arguments.begin(), value.arguments.end(), [&](const expr::ExpressionPtr& argument) { return ReadsRowtime(*argument, left, right); });
}

/// a.ts >= b.ts - INTERVAL ...
bool IsBound(const expr::Expression& conjunct, const LogicalNode& left, const LogicalNode& right) {
  if (conjunct.kind != expr::ExpressionKind::kCall || conjunct.arguments.size() != 2) return false;
  const std::string_view name = conjunct.function->names.front();
  if (name != "<" && name != "<=" && name != ">" && name != ">=") return false;
  const expr::Expression& first = *conjunct.arguments[0];
  const expr::Expression& second = *conjunct.arguments[1];
  if (!ReadsRowtime(first, left, right) || !ReadsRowtime(second, left, right)) return false;
  const int left_count = static_cast<int>(left.fields.size());
  const int end = left_count + static_cast<int>(right.fields.size());
  const bool is_forward = ReadsOnly(first, 0, left_count) && ReadsOnly(second, left_count, end);
  const bool is_backward = ReadsOnly(second, 0, left_count) && ReadsOnly(first, left_count, end);
  return is_forward || is_backward;
}

Status Refuse(const LogicalNode& node, const LogicalJoin& join) {
  const LogicalNode& left = *node.inputs[0];
  const LogicalNode& right = *node.inputs[1];
  if (IsWindowJoin(join, left, right)) return Ok();
  for (const expr::ExpressionPtr& conjunct : ConjunctsOf(join.condition)) {
    if (!IsBound(*conjunct, left, right)) continue;
    return Error(ErrorCode::kNotSupported, "an interval join (row times of both sides within a range) is not supported")
        .At(conjunct->span)
        .Hint("window both sides and join on window_start and window_end, or CAST one row time to TIMESTAMP for an ordinary join");
  }
  return Ok();
}

}  // namespace

Status RefuseIntervalJoins(const LogicalNode& root) {
  if (const auto* join = std::get_if<LogicalJoin>(&root.spec)) FIRN_RETURN_IF_ERROR(Refuse(root, *join));
  for (const LogicalNodePtr& input : root.inputs) FIRN_RETURN_IF_ERROR(RefuseIntervalJoins(*input));
  return Ok();
}

}  // namespace firn::plan
