// SPDX-License-Identifier: Apache-2.0
// Where the session stands. Known when the query is planned.
#include "expr/function_groups_internal.h"
#include "expr/signatures_internal.h"

namespace firn::expr {

namespace {

Result<Signature> BindName(const CallSite& call) {
  if (!call.types.empty()) return ArgumentError(call, "no arguments");
  return Signature{{}, types::DataType::String().NotNull()};
}

template <std::string EvaluationContext::* kName>
Result<Column> Name(const KernelInput& input) {
  ColumnMaker<std::string> maker(input.result_type, 1);
  maker.Set(0, input.context.*kName);
  return maker.Finish(true);
}

}  // namespace

std::vector<ScalarFunction> SessionFunctions() {
  return {
      {{"CURRENT_DATABASE"}, "catalog", "CURRENT_DATABASE()", "The database that names without one are looked up in.", {}, BindName, Name<&EvaluationContext::current_database>},
      {{"CURRENT_CATALOG"}, "catalog", "CURRENT_CATALOG()", "The catalog that names without one are looked up in.", {}, BindName, Name<&EvaluationContext::current_catalog>},
  };
}

}  // namespace firn::expr
