// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "plan/rewrite.h"

namespace firn::plan {

namespace {

/// `node` asked for no more than `rows`: through projections only, since a filter above a scan may drop rows.
LogicalNodePtr Limited(const LogicalNodePtr& node, int64_t rows) {
  if (std::holds_alternative<LogicalProject>(node->spec)) return WithInputs(*node, {Limited(node->inputs[0], rows)});
  if (const auto* scan = std::get_if<ScanNode>(&node->spec); scan != nullptr && scan->traits.changelog.InsertOnly()) {
    ScanNode limited = *scan;
    limited.limit = rows;
    return WithSpec(*node, std::move(limited));
  }
  return PushLimitsIntoScans(node);
}

}  // namespace

LogicalNodePtr PushLimitsIntoScans(const LogicalNodePtr& node) {
  if (const auto* limit = std::get_if<LimitNode>(&node->spec); limit != nullptr && limit->limit >= 0) {
    return WithInputs(*node, {Limited(node->inputs[0], limit->offset + limit->limit)});
  }
  return MapInputs(node, PushLimitsIntoScans);
}

}  // namespace firn::plan
