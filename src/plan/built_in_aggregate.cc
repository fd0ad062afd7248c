// SPDX-License-Identifier: Apache-2.0
#include "plan/built_in_aggregate.h"

#include "base/assert.h"

namespace firn::plan {

Result<expr::AggregateCall> BuiltInAggregate(std::string_view name, std::vector<types::DataType> types, base::SourceSpan span, const expr::EvaluationContext& evaluation) {
  expr::AggregateCall call;
  call.function = expr::FindAggregate(name);
  FIRN_ASSERT(call.function != nullptr, "{}", name);
  expr::CallSite site;
  site.literals.resize(types.size());
  site.types = std::move(types);
  site.name = name;
  site.span = span;
  site.context = &evaluation;
  FIRN_TRY(call.signature, call.function->bind(site));
  return call;
}

}  // namespace firn::plan
