// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expr/calls_test_rig.h"
#include "expr/scalar_function.h"
#include "types/value_text.h"

namespace firn::expr {
namespace {

std::string Printf(std::string_view format, std::vector<ExpressionPtr> values) {
  EvaluationContext context;
  values.insert(values.begin(), MakeStringLiteral(format));
  auto call = BindCall("PRINTF", std::move(values), {}, context);
  if (!call.ok()) return "!" + call.error().message();
  auto value = EvaluateConstant(**call, context);
  if (!value.ok()) return "!" + value.error().message();
  return *types::FormatCell(**value, 0, (*call)->type, "UTC");
}
ExpressionPtr D(std::string_view text) { return *BindCast(S(text), types::DataType::Double(), false, {}, {}); }

TEST(Printf, WritesIntegersAsJava) {
  EXPECT_EQ(Printf("%d|%5d|%-5d|%05d|%+d|% d|%(d", {N(1), N(2), N(3), N(-4), N(5), N(6), N(-7)}), "1|    2|3    |-0004|+5| 6|(7)");
  EXPECT_EQ(Printf("%,d %,d", {N(-1234567), N(999)}), "-1,234,567 999");
  EXPECT_EQ(Printf("%x %X %o %#x %04x", {N(-1), N(255), N(8), N(255), N(10)}), "ffffffff FF 10 0xff 000a");
  EXPECT_EQ(Printf("%c%c", {N(65), N(233)}), "A\u00e9");
}

TEST(Printf, RoundsDoublesHalfUpFromTheirShortestDigits) {
  EXPECT_EQ(Printf("%.2f %.0f %.0f %f", {D("1.005"), D("0.5"), D("0.4"), D("3")}), "1.01 1 0 3.000000");
  EXPECT_EQ(Printf("%.1f %.2f %,.2f", {D("9.96"), D("0.004"), D("1234567.891")}), "10.0 0.00 1,234,567.89");
  EXPECT_EQ(Printf("%e %.1E", {D("12345.678"), D("0.000995")}), "1.234568e+04 1.0E-03");
  EXPECT_EQ(Printf("%08.3f|%06f|%+f", {D("-3.14159"), D("NaN"), D("Infinity")}), "-003.142|   NaN|+Infinity");
  EXPECT_EQ(Printf("%.20f", {D("1e-5")}), "0.00001000000000000000");
}

TEST(Printf, WritesTextsByIndexWidthAndPrecision) {
  EXPECT_EQ(Printf("%2$s %1$s %<s %s|%4s|%-4.1s|%%%n", {S("a"), S("b"), S("\u00e9")}), "b a a a|   b|\u00e9   |%\n");  // numbered ones are not counted
  EXPECT_EQ(Printf("%2$s %1$s %<s %s", {S("a"), S("b")}), "b a a a");
  EXPECT_EQ(Printf("%4s|%-4.1s|%%", {S("\u00e9"), S("xyz")}), "   \u00e9|x   |%");
  EXPECT_EQ(Printf("%s %b %b", {MakeNullLiteral(types::DataType::String()), MakeNullLiteral(types::DataType::String()), S("x")}), "null false true");
}

TEST(Printf, GivesNullForWhatDoesNotFitAndNamesWhatItHasNot) {
  for (const char* format : {"%d %d", "%", "%q", "%-d", "%.2d", "%+-5", "%f", "%--5d", "%+ d", "%99$d", "%<d"}) EXPECT_EQ(Printf(format, {N(1)}), "NULL") << format;
  EXPECT_EQ(Printf("%d", {S("x")}), "NULL");
  EXPECT_EQ(Printf("plain", {}), "plain");
  EXPECT_THAT(Printf("%tY", {N(1)}), testing::StartsWith("!PRINTF has no conversion %t"));
  EXPECT_THAT(Printf("%999999999999d", {N(1)}), testing::StartsWith("!PRINTF of %999999999999d asks for more than 67108864 bytes"));
  EXPECT_THAT(Printf("%.999999999999f", {D("1")}), testing::StartsWith("!PRINTF of %.999999999999f asks for more than 67108864 bytes"));
}

}  // namespace
}  // namespace firn::expr
