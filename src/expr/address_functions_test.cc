// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "expr/evaluator.h"
#include "expr/scalar_function.h"
#include "types/value_text.h"

namespace firn::expr {
namespace {

std::string Value(std::string_view name, ExpressionPtr argument) {
  EvaluationContext context;
  auto call = BindCall(name, {std::move(argument)}, {}, context);
  if (!call.ok()) return "!" + call.error().message();
  auto value = EvaluateConstant(**call, context);
  if (!value.ok()) return "!" + value.error().message();
  return *types::FormatCell(**value, 0, (*call)->type, "UTC");
}

TEST(AddressFunctions, ReadFullAndShortForms) {
  EXPECT_EQ(Value("INET_ATON", MakeStringLiteral("10.0.5.9")), "167773449");
  EXPECT_EQ(Value("INET_ATON", MakeStringLiteral("255.255.255.255")), "4294967295");
  EXPECT_EQ(Value("INET_ATON", MakeStringLiteral("127.1")), "2130706433");
  EXPECT_EQ(Value("INET_ATON", MakeStringLiteral("1.2.3")), "16908291");
  EXPECT_EQ(Value("INET_ATON", MakeStringLiteral("010.0.0.1")), "167772161");
}

TEST(AddressFunctions, GiveNullForWhatIsNoAddress) {
  for (const char* text : {"", ".", "1.", ".1", "1..2", "256.0.0.1", "1.2.3.4.5", "1.2.3.x", " 1.2.3.4", "-1.2.3.4", "99999999999999999999"}) {
    EXPECT_EQ(Value("INET_ATON", MakeStringLiteral(text)), "NULL") << text;
  }
  EXPECT_EQ(Value("INET_NTOA", MakeBigIntLiteral(4294967296)), "NULL");
  EXPECT_EQ(Value("INET_NTOA", MakeBigIntLiteral(4294967295)), "255.255.255.255");
}

}  // namespace
}  // namespace firn::expr
