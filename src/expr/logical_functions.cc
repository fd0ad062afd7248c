// SPDX-License-Identifier: Apache-2.0
#include "expr/function_groups_internal.h"
#include "expr/kernel_internal.h"

namespace firn::expr {

namespace {

using types::DataType;
using types::TypeKind;

Result<Signature> BindLogical(const CallSite& call) {
  if (call.types.empty() || HasUntypedNull(call)) return ArgumentError(call, "BOOLEAN operands");
  Signature signature;
  for (const DataType& type : call.types) {
    if (type.kind() != TypeKind::kBoolean) return ArgumentError(call, "BOOLEAN operands");
    signature.arguments.push_back(type);
  }
  signature.result = Strict(DataType::Boolean(), call);
  return signature;
}

Result<Signature> BindNot(const CallSite& call) {
  if (call.types.size() != 1 || call.types[0].kind() != TypeKind::kBoolean) return ArgumentError(call, "a BOOLEAN operand");
  return Signature{call.types, Strict(DataType::Boolean(), call)};
}

// IS TRUE and its kin never give NULL.
template <bool kWanted, bool kNegated>
Result<Column> IsTruth(const KernelInput& input) {
  const BooleanView view(input.arguments[0]);
  ColumnMaker<bool> maker(input.result_type, input.row_count);
  for (int64_t row = 0; row < input.row_count; ++row) maker.Set(row, (view.IsValid(row) && view[row] == kWanted) != kNegated);
  return maker.Finish(false);
}

template <bool kNegated>
Result<Column> IsNull(const KernelInput& input) {
  const Column& argument = input.arguments[0];
  ColumnMaker<bool> maker(input.result_type, input.row_count);
  for (int64_t row = 0; row < input.row_count; ++row) maker.Set(row, argument.array->IsNull(argument.is_constant ? 0 : row) != kNegated);
  return maker.Finish(false);
}

Result<Signature> BindIsNull(const CallSite& call) {
  if (call.types.size() != 1) return ArgumentError(call, "one operand");
  return Signature{call.types, DataType::Boolean().NotNull()};
}

Result<Signature> BindIsTruth(const CallSite& call) {
  if (call.types.size() != 1 || call.types[0].kind() != TypeKind::kBoolean) return ArgumentError(call, "a BOOLEAN operand");
  return Signature{call.types, DataType::Boolean().NotNull()};
}

}  // namespace

std::vector<ScalarFunction> LogicalFunctions() {
  std::vector<ScalarFunction> functions = {
      {{"AND"}, "logical", "boolean AND boolean", "TRUE if both are; NULL if that cannot be told.", {{"TRUE AND FALSE", "FALSE"}}, BindLogical},
      {{"OR"}, "logical", "boolean OR boolean", "TRUE if one is; NULL if that cannot be told.", {{"FALSE OR TRUE", "TRUE"}}, BindLogical},
      {{"NOT"}, "logical", "NOT boolean", "The opposite; NULL stays NULL.", {{"NOT TRUE", "FALSE"}}, BindNot,
       [](const KernelInput& input) { return Map<bool, bool>(input, [](bool value) { return !value; }); }},
      {{"IS NULL"}, "comparison", "value IS NULL", "Whether there is no value.", {{"1 IS NULL", "FALSE"}}, BindIsNull, IsNull<false>},
      {{"IS NOT NULL"}, "comparison", "value IS NOT NULL", "Whether there is a value.", {{"1 IS NOT NULL", "TRUE"}}, BindIsNull, IsNull<true>},
      {{"IS TRUE"}, "logical", "boolean IS TRUE", "TRUE for TRUE, else FALSE.", {{"(1 = 1) IS TRUE", "TRUE"}}, BindIsTruth, IsTruth<true, false>},
      {{"IS NOT TRUE"}, "logical", "boolean IS NOT TRUE", "FALSE for TRUE, else TRUE.", {{"(1 = 1) IS NOT TRUE", "FALSE"}}, BindIsTruth, IsTruth<true, true>},
      {{"IS FALSE"}, "logical", "boolean IS FALSE", "TRUE for FALSE, else FALSE.", {{"(1 = 1) IS FALSE", "FALSE"}}, BindIsTruth, IsTruth<false, false>},
      {{"IS NOT FALSE"}, "logical", "boolean IS NOT FALSE", "FALSE for FALSE, else TRUE.", {{"(1 = 1) IS NOT FALSE", "TRUE"}}, BindIsTruth, IsTruth<false, true>},
      {{"IS UNKNOWN"}, "logical", "boolean IS UNKNOWN", "Whether it is NULL.", {{"(1 = 1) IS UNKNOWN", "FALSE"}}, BindIsTruth, IsNull<false>},
      {{"IS NOT UNKNOWN"}, "logical", "boolean IS NOT UNKNOWN", "Whether it is not NULL.", {{"(1 = 1) IS NOT UNKNOWN", "TRUE"}}, BindIsTruth, IsNull<true>},
  };
  functions[0].is_lazy = functions[1].is_lazy = true;
  for (ScalarFunction& function : functions) function.is_strict = function.names[0] == "NOT";
  return functions;
}

}  // namespace firn::expr
