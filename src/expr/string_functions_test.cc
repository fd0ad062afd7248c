// SPDX-License-Identifier: Apache-2.0
#include <arrow/builder.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expr/calls_test_rig.h"
#include "expr/scalar_function.h"
#include "types/value_text.h"

namespace firn::expr {
namespace {

// The value of a call over literals, as Flink prints it; "!" and the message if it fails.
std::string Value(std::string_view name, std::vector<ExpressionPtr> arguments) {
  EvaluationContext context;
  auto call = BindCall(name, std::move(arguments), {}, context);
  if (!call.ok()) return "!" + call.error().message();
  auto value = EvaluateConstant(**call, context);
  if (!value.ok()) return "!" + value.error().message();
  return *types::FormatCell(**value, 0, (*call)->type, "UTC");
}

TEST(StringFunctions, CutByCodePointsAsFlink) {
  EXPECT_EQ(Value("SUBSTRING", {S("hello"), N(0), N(2)}), "he");
  EXPECT_EQ(Value("SUBSTRING", {S("hello"), N(-10), N(3)}), "");
  EXPECT_EQ(Value("SUBSTRING", {S("hello"), N(-3), N(2)}), "ll");
  EXPECT_EQ(Value("SUBSTRING", {S("hello"), N(2), N(-1)}), "NULL");
  EXPECT_EQ(Value("SUBSTRING", {S("h\u00e9llo"), N(2), N(1)}), "\u00e9");
  EXPECT_EQ(Value("LEFT", {S("hello"), N(-1)}), "");
  EXPECT_EQ(Value("RIGHT", {S("hello"), N(10)}), "hello");
  EXPECT_EQ(Value("REVERSE", {S("\u00e9ab")}), "ba\u00e9");
  EXPECT_EQ(Value("CHAR_LENGTH", {S("h\u00e9llo")}), "5");
  EXPECT_EQ(Value("UPPER", {S("stra\u00dfe")}), "STRASSE");
  EXPECT_EQ(Value("LOWER", {S("\u00c0\u00c9x")}), "\u00e0\u00e9x");
}

// Halves of pairs and of characters, as java.nio's decoders replace them.
TEST(StringFunctions, BytesThatAreNoUtf16) {
  const auto decoded = [](std::string_view hex) { return Value("DECODE", {Call("UNHEX", {S(hex)}), S("UTF-16BE")}); };
  EXPECT_EQ(decoded("D83DDE00"), "\U0001F600");
  EXPECT_EQ(decoded("D8000041"), "\uFFFD") << "a first half without a second, and what stands there instead";
  EXPECT_EQ(decoded("D80000410042"), "\uFFFDB");
  EXPECT_EQ(decoded("DBFFFFFF"), "\uFFFD") << "it came out as bytes that are no UTF-8";
  EXPECT_EQ(decoded("DC000041"), "\uFFFDA") << "a second half without a first";
  EXPECT_EQ(decoded("0041D83D"), "A\uFFFD");
  EXPECT_EQ(decoded("004100"), "A\uFFFD");
  EXPECT_EQ(decoded("0041D83D00"), "A\uFFFD");
  EXPECT_EQ(decoded("D800D8000041"), "\uFFFDA");
}

// Rows one behind the other whose pattern and escape character, put together, are the same text.
TEST(StringFunctions, APatternAndItsEscapeCharacterAreTwoThings) {
  arrow::StringBuilder patterns, escapes;
  ASSERT_TRUE(patterns.AppendValues({"a%%", "a%", "a%%"}).ok() && escapes.AppendValues({"", "%", ""}).ok());
  const types::Batch batch{types::MakeSchema({{"p", types::DataType::String()}, {"e", types::DataType::String()}}), {*patterns.Finish(), *escapes.Finish()}, 3, nullptr, nullptr};
  const ExpressionPtr pattern = MakeColumn(0, "p", types::DataType::String()), escape = MakeColumn(1, "e", types::DataType::String());
  auto program = Program::Compile({Call("LIKE", {S("abc"), pattern, escape})});
  ASSERT_TRUE(program.ok());
  auto values = (*program)->Run(batch, kStreaming);
  EXPECT_FALSE(values.ok()) << "'a%' ESCAPE '%' escapes nothing";
}

TEST(StringFunctions, SearchAndReplace) {
  EXPECT_EQ(Value("REPLACE", {S("hello"), S(""), S("L")}), "LhLeLlLlLoL");
  EXPECT_EQ(Value("TRANSLATE", {S("hello"), S("elo"), S("i")}), "hi");
  EXPECT_EQ(Value("OVERLAY", {S("This is an old string"), S(" new"), N(10), N(5)}), "This is a new string");
  EXPECT_EQ(Value("LOCATE", {S("l"), S("hello"), N(5)}), "0");
  EXPECT_EQ(Value("INSTR", {S("hello"), S("l"), N(1), N(2)}), "4");
  EXPECT_EQ(Value("INSTR", {S("hello"), S("l"), N(-1), N(2)}), "3");
  EXPECT_EQ(Value("SPLIT_INDEX", {S("a--b--c"), S("--"), N(1)}), "b");
  EXPECT_EQ(Value("SPLIT_INDEX", {S("a,b,c"), S(","), N(3)}), "NULL");
  EXPECT_EQ(Value("TRIM", {S("BOTH"), S(" "), S("  a ")}), "a");
  EXPECT_EQ(Value("RTRIM", {S("abcyx"), S("xy")}), "abc");
}

TEST(StringFunctions, PadAndRepeatWithinALimit) {
  EXPECT_EQ(Value("LPAD", {S("hi"), N(5), S("ab")}), "abahi");
  EXPECT_EQ(Value("RPAD", {S("hello"), N(2), S("x")}), "he");
  EXPECT_EQ(Value("LPAD", {S("hi"), N(5), S("")}), "NULL");
  EXPECT_THAT(Value("REPEAT", {S("ab"), N(2000000000)}), testing::StartsWith("!REPEAT would make"));
  EXPECT_EQ(Value("CONCAT_WS", {S("-"), S("a"), MakeNullLiteral(types::DataType::String()), S("b")}), "a-b");
  EXPECT_THAT(Value("CONCAT", {N(1), S("a")}), testing::StartsWith("!cannot apply CONCAT"));
}

}  // namespace
}  // namespace firn::expr
