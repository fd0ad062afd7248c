// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plan/binder_internal.h"

namespace firn::plan {

/// INSERT as a logical plan that ends in its sink. kSchemaMismatch where query and table do not fit.
Result<LogicalNodePtr> BindInsert(QueryBinder& binder, const sql::InsertStatement& insert);

}  // namespace firn::plan
