// SPDX-License-Identifier: Apache-2.0
// Statements of a few words that ask for more memory than there is: each is refused with what it would have made, and nothing is made of it.
#include <arrow/array/array_primitive.h>
#include <arrow/builder.h>
#include <arrow/compute/initialize.h>
#include <gtest/gtest.h>

#include "expr/aggregate_function.h"
#include "expr/calls_test_rig.h"

namespace firn::expr {
namespace {

using types::ArrayPtr;
using types::DataType;

/// A thousandth and less of what is in force: what goes beyond it takes no gigabyte.
constexpr Limits kSmall = {.text_bytes = 65'536, .column_bytes = 1 << 20, .column_elements = 65'536};

EvaluationContext Within(const Limits& limits) {
  EvaluationContext context;
  context.limits = limits;
  return context;
}

ExpressionPtr Text(std::string_view text) { return MakeStringLiteral(text); }

/// As many rows as told, each with the number in column 0.
types::Batch Numbers(int32_t value, int64_t rows) {
  arrow::Int32Builder builder;
  for (int64_t row = 0; row < rows; ++row) EXPECT_TRUE(builder.Append(value).ok());
  return {types::MakeSchema({{"n", DataType::Int()}}), {*builder.Finish()}, rows, nullptr, nullptr};
}

/// What running it over such rows says.
Error Refusal(const ExpressionPtr& expression, int32_t value, int64_t rows, const EvaluationContext& context) {
  EXPECT_TRUE(arrow::compute::Initialize().ok());
  auto program = Program::Compile({expression});
  EXPECT_TRUE(program.ok());
  auto result = (*program)->Run(Numbers(value, rows), context);
  EXPECT_FALSE(result.ok()) << ToString(*expression);
  return result.ok() ? Error(ErrorCode::kNotSupported, "it was answered") : std::move(result).error();
}

const ExpressionPtr kNumber = MakeColumn(0, "n", DataType::Int());

ExpressionPtr Repeated(std::string_view text) { return Call("REPEAT", {Text(text), kNumber}); }

TEST(SmallLimits, NoTextIsLongerThanTheLimit) {
  const std::string big(1'000, 'x');
  const ExpressionPtr many = Repeated("a"), list = Call("SPLIT", {Repeated(","), Text(",")});
  const std::pair<const char*, ExpressionPtr> calls[] = {
      {"REPLACE", Call("REPLACE", {many, Text("a"), Text(big)})},
      {"REPLACE", Call("REPLACE", {many, Text(""), Text(big)})},
      {"REGEXP_REPLACE", Call("REGEXP_REPLACE", {many, Text("a"), Text(big)})},
      {"REGEXP_REPLACE", Call("REGEXP_REPLACE", {many, Text(""), Text(big)})},
      {"ARRAY_JOIN", Call("ARRAY_JOIN", {list, Text(big)})},
      {"CONCAT", Call("CONCAT", {Repeated(std::string(400, 'x')), Repeated(std::string(400, 'x'))})},
      {"CONCAT", Call("||", {Repeated(std::string(400, 'x')), Repeated(std::string(400, 'x'))})},
      {"CONCAT_WS", Call("CONCAT_WS", {Repeated(std::string(400, 'x')), Text("a"), Text("b"), Text("c")})},
      {"OVERLAY", Call("OVERLAY", {Repeated(std::string(400, 'x')), Repeated(std::string(400, 'x')), MakeIntLiteral(1)})},
      {"JSON_ARRAY", Call("JSON_ARRAY", {Text("NULL"), Text("0000"), Repeated(std::string(200, '"')), Repeated(std::string(200, '"')), Text("a"), Text("a")})},
      {"REPEAT", Repeated(big)},
      {"LPAD", Call("LPAD", {Text("a"), Call("*", {kNumber, MakeIntLiteral(1000)}), Text("x")})},
  };
  for (const auto& [name, call] : calls) {
    const Error error = Refusal(call, 100, 1, Within(kSmall));
    EXPECT_EQ(error.message(), std::string(name) + " would make a text of over 65536 bytes, the limit") << ToString(*call).substr(0, 60);
    EXPECT_EQ(error.code(), ErrorCode::kEvaluationError);
  }
}

TEST(SmallLimits, NoColumnIsLargerThanTheLimit) {
  const Error texts = Refusal(Repeated("abcd"), 15'000, 40, Within(kSmall));
  EXPECT_EQ(texts.message(), "a column of texts would take over 1048576 bytes in one batch of rows, the limit");
  EXPECT_EQ(texts.code(), ErrorCode::kLimitExceeded);
}

TEST(SmallLimits, NoColumnHasMoreElementsThanTheLimit) {
  const ExpressionPtr commas = *FoldConstants(Call("REPEAT", {Text(","), MakeIntLiteral(10'000)}), kStreaming);
  const Error error = Refusal(Call("SPLIT", {commas, Repeated(",")}), 1, 100, Within(kSmall));
  EXPECT_EQ(error.message(), "a column of arrays or maps would have over 65536 elements in one batch of rows, the limit");
  EXPECT_EQ(error.code(), ErrorCode::kLimitExceeded);
  EXPECT_LT(error.ToString().size(), 2000u) << "what is told of an expression has a limit too";
}

TEST(SmallLimits, ATextThatIsGatheredHasTheLimitToo) {
  AggregateCall call;
  call.function = FindAggregate("LISTAGG");
  CallSite site;
  site.name = "LISTAGG";
  site.types = {DataType::String()};
  site.literals = {nullptr};
  call.signature = *call.function->bind(site);
  call.options.limits = kSmall;
  auto accumulator = std::move(MakeAccumulator(call)).value();
  accumulator->Resize(1);
  arrow::StringBuilder builder;
  ASSERT_TRUE(builder.Append(std::string(40'000, 'x')).ok());
  const std::vector<ArrayPtr> text = {*builder.Finish()};
  const std::vector<uint32_t> one = {0};
  ASSERT_TRUE(accumulator->Update(one, text, nullptr, nullptr).ok());
  EXPECT_TRUE(accumulator->Finish(one).ok());
  ASSERT_TRUE(accumulator->Update(one, text, nullptr, nullptr).ok());
  auto result = accumulator->Finish(one);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message(), "LISTAGG would make a text of over 65536 bytes, the limit");
}

// With the limits in force: what is refused before it is made.
TEST(Limits, AreWhatIsSaid) {
  EXPECT_EQ(Refusal(Repeated("abcd"), 16'777'217, 1, kStreaming).message(), "REPEAT would make a text of over 67108864 bytes, the limit");
  const ExpressionPtr constant = *FoldConstants(Call("REPEAT", {Text("a"), MakeIntLiteral(200'000)}), kStreaming);
  const Error column = Refusal(constant, 1, 8192, kStreaming);
  EXPECT_EQ(column.message(), "a column of texts would take over 1073741824 bytes in one batch of rows, the limit");
  EXPECT_EQ(column.code(), ErrorCode::kLimitExceeded);
  EXPECT_EQ(Refusal(Call("ARRAY", {constant, Repeated("a")}), 1, 8192, kStreaming).code(), ErrorCode::kLimitExceeded);
}

// A limit that a branch would break says nothing where the branch is not taken.
TEST(Limits, WhatIsNotTakenIsNotMade) {
  ASSERT_TRUE(arrow::compute::Initialize().ok());
  for (const ExpressionPtr& call : {Repeated(std::string(1000, 'x')), Call("REPLACE", {Repeated("a"), Text("a"), Text(std::string(1000, 'x'))})}) {
    auto program = Program::Compile({Call("CASE", {Call("<", {kNumber, MakeIntLiteral(10)}), call, Text("many")})});
    ASSERT_TRUE(program.ok());
    auto result = (*program)->Run(Numbers(1'000'000, 2), kStreaming);
    ASSERT_TRUE(result.ok()) << result.error().ToString();
  }
}

}  // namespace
}  // namespace firn::expr
