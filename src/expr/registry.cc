// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <memory>

#include "base/ascii.h"
#include "expr/function_groups_internal.h"
#include "expr/scalar_function.h"

namespace firn::expr {

namespace {

class BuiltInRegistry : public FunctionRegistry {
 public:
  BuiltInRegistry() {
    for (auto* group : {&AddressFunctions, &ArithmeticFunctions, &ArrayFunctions, &CalendarFunctions, &CastFunctions, &CollectionFunctions, &ComparisonFunctions, &ConditionalFunctions, &EncodingFunctions, &FormatFunctions, &JsonFunctions, &LogicalFunctions, &MathFunctions,
                        &RandomFunctions, &RegexpFunctions, &RoundingFunctions, &SessionFunctions, &StringFunctions, &TemporalFunctions, &TimeTextFunctions}) {
      for (ScalarFunction& function : (*group)()) storage_.push_back(std::make_unique<ScalarFunction>(std::move(function)));
    }
    for (const auto& function : storage_) all_.push_back(function.get());
  }

 private:
  std::vector<std::unique_ptr<ScalarFunction>> storage_;
};

// By name; made once from the built-in functions.
const std::map<std::string, const ScalarFunction*, std::less<>>& ByName() {
  static const auto* const index = [] {
    auto* names = new std::map<std::string, const ScalarFunction*, std::less<>>();
    for (const ScalarFunction* function : FunctionRegistry::BuiltIn().all()) {
      for (std::string_view name : function->names) {
        FIRN_ASSERT(names->emplace(name, function).second, "two functions are called {}", name);
      }
    }
    return names;
  }();
  return *index;
}

}  // namespace

const FunctionRegistry& FunctionRegistry::BuiltIn() {
  static const FunctionRegistry* const registry = new BuiltInRegistry();
  return *registry;
}

const ScalarFunction* FunctionRegistry::Find(std::string_view name) const {
  auto found = ByName().find(base::AsciiUpper(name));
  return found == ByName().end() ? nullptr : found->second;
}

std::vector<std::string> FunctionRegistry::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, function] : ByName()) {
    const bool is_word = name[0] >= 'A' && name[0] <= 'Z' && name.find(' ') == std::string::npos;
    if (is_word) names.push_back(name);
  }
  for (std::string_view name : RespelledNames()) names.emplace_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace firn::expr
