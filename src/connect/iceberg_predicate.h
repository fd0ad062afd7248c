// SPDX-License-Identifier: Apache-2.0
// Conditions of a query as an Iceberg scan skips by them.
#pragma once

#include <vector>

#include "expr/expression.h"
#include "iceberg/scan_predicate.h"

namespace firn::connect {

/// The conjuncts of a scan: each over the columns `fields` (by position). Whatever has no form in a ScanPredicate becomes TRUE: rows are filtered
/// again above, so it may only skip less.
iceberg::ScanPredicate ScanPredicateOf(const std::vector<expr::ExpressionPtr>& conjuncts, const std::vector<const iceberg::NestedField*>& fields);

}  // namespace firn::connect
