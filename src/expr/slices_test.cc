// SPDX-License-Identifier: Apache-2.0
// Every function gives for a row what it gives for it anywhere: among others or alone, in arrays that begin in the middle of their memory, at any depth, and as
// constants. So no kernel looks at rows that are not its own, forgets an offset, or takes a constant for a column.
#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/builder.h>
#include <arrow/compute/initialize.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "expr/evaluator.h"

namespace firn::expr {
namespace {

using types::ArrayPtr;
using types::DataType;

const EvaluationContext kContext{.is_batch = true, .time_zone = "Europe/Berlin"};
constexpr int64_t kRows = 12;

ArrayPtr Computed(const ExpressionPtr& expression, const types::Batch& batch) {
  auto program = Program::Compile({expression});
  EXPECT_TRUE(program.ok());
  auto values = (*program)->Run(batch, kContext);
  EXPECT_TRUE(values.ok()) << ToString(*expression) << ": " << values.error().ToString();
  return (*values)[0];
}

/// Columns of every type, of texts cast to it; NULL where they do not fit.
types::Batch MakeRows() {
  const char* texts[kRows] = {"1", "-5", "abc", "2024-02-29", "12:34:56", "", "2024-02-29 12:34:56.789", "true", "{\"a\": [1, 2]}", "$.a", "\xC3\xA4,b-\xF0\x9F\x98\x80", nullptr};
  arrow::StringBuilder builder;
  for (const char* text : texts) EXPECT_TRUE((text == nullptr ? builder.AppendNull() : builder.Append(text)).ok());
  types::Batch batch{types::MakeSchema({{"text", DataType::String()}}), {*builder.Finish()}, kRows, nullptr, nullptr};
  const ExpressionPtr text = MakeColumn(0, "text", DataType::String());
  std::vector<types::Field> fields = {{"text", DataType::String()}};
  const auto add = [&](const ExpressionPtr& expression) {
    batch.columns.push_back(Computed(expression, {batch.schema, {batch.columns[0]}, kRows, nullptr, nullptr}));
    fields.push_back({"c", expression->type});
  };
  const auto as = [&](const DataType& type) { return *BindCast(text, type, true, {}, kContext); };
  const auto call = [&](std::string_view name, std::vector<ExpressionPtr> arguments) { return *BindCall(name, std::move(arguments), {}, kContext); };
  for (const DataType& type : {DataType::Boolean(), DataType::TinyInt(), DataType::SmallInt(), DataType::Int(), DataType::BigInt(), DataType::Float(), DataType::Double(),
                               DataType::Decimal(10, 2), DataType::Decimal(38, 10), DataType::Varchar(3), DataType::Char(4), DataType::Bytes(), DataType::Date(), DataType::Time(0),
                               DataType::Timestamp(3), DataType::Timestamp(9), DataType::TimestampLtz(3)}) {
    add(as(type));
  }
  const ExpressionPtr number = as(DataType::Int());
  add(call("ARRAY", {number, MakeIntLiteral(3)}));
  add(call("SPLIT", {text, MakeStringLiteral("-")}));
  add(call("ARRAY", {call("ARRAY", {as(DataType::Double())})}));
  add(call("MAP", {call("COALESCE", {text, MakeStringLiteral("none")}), number}));
  add(call("STR_TO_MAP", {text, MakeStringLiteral(","), MakeStringLiteral("-")}));
  add(call("ROW", {number, text}));
  batch.schema = types::MakeSchema(std::move(fields));
  return batch;
}

/// The same values in memory that has others in front of them, and so with all that it is made of.
std::shared_ptr<arrow::ArrayData> Shifted(const std::shared_ptr<arrow::ArrayData>& data) {
  if (data->length == 0) return data;
  const ArrayPtr array = arrow::MakeArray(data);
  auto shifted = (*arrow::Concatenate({array->Slice(array->length() - 1), array}))->Slice(1)->data()->Copy();
  for (auto& child : shifted->child_data) child = Shifted(child);
  return shifted;
}

types::Batch Slice(const types::Batch& batch, int64_t from, int64_t count) {
  types::Batch part{batch.schema, {}, count, nullptr, nullptr};
  for (const ArrayPtr& column : batch.columns) part.columns.push_back(column->Slice(from, count));
  return part;
}

bool AreSame(const ArrayPtr& left, const ArrayPtr& right) { return left->Equals(*right, arrow::EqualOptions::Defaults().nans_equal(true)); }

/// A row's value, or why there is none.
struct Outcome {
  ArrayPtr value;
  std::string refusal;
};
Outcome Run(const ExpressionPtr& expression, const types::Batch& batch) {
  auto program = Program::Compile({expression});
  EXPECT_TRUE(program.ok());
  auto values = (*program)->Run(batch, kContext);
  if (!values.ok()) return {nullptr, std::move(values).error().message()};
  EXPECT_EQ((*values)[0]->length(), batch.row_count) << ToString(*expression);
  EXPECT_EQ((*values)[0]->type_id(), expression->type.ToArrow()->id()) << ToString(*expression);
  EXPECT_TRUE((*values)[0]->ValidateFull().ok()) << ToString(*expression) << ": " << (*values)[0]->ValidateFull().ToString();
  return {(*values)[0], ""};
}

void ExpectSame(const Outcome& given, const Outcome& wanted, const ExpressionPtr& expression, const char* what, int64_t row) {
  EXPECT_EQ(given.refusal, wanted.refusal) << what << ", row " << row << ": " << ToString(*expression);
  if (given.value == nullptr || wanted.value == nullptr) return;
  EXPECT_TRUE(AreSame(given.value, wanted.value)) << what << ", row " << row << ": " << ToString(*expression) << "\n" << given.value->ToString() << "\n" << wanted.value->ToString();
}

class Checker {
 public:
  Checker() {
    shifted_ = rows_;
    for (ArrayPtr& column : shifted_.columns) column = arrow::MakeArray(Shifted(column->data()));
    for (size_t i = 0; i < rows_.columns.size(); ++i) EXPECT_TRUE(AreSame(shifted_.columns[i], rows_.columns[i])) << "column " << i << " is not what it was";
  }

  void Check(const ExpressionPtr& expression) {
    const Outcome all = Run(expression, rows_);
    ExpectSame(Run(expression, shifted_), all, expression, "shifted", -1);
    if (all.value != nullptr) {
      EXPECT_EQ(Run(expression, Slice(shifted_, 3, 0)).refusal, "") << "no rows: " << ToString(*expression);
    }
    bool fails = false;
    for (int64_t row = 0; row < kRows; ++row) {
      const types::Batch one = Slice(rows_, row, 1);
      const Outcome alone = Run(expression, one);
      fails |= alone.value == nullptr;
      if (all.value != nullptr) ExpectSame({all.value->Slice(row, 1), ""}, alone, expression, "among others", row);
      ExpectSame(Run(expression, Slice(shifted_, row, 1)), alone, expression, "in the middle", row);
      std::vector<ExpressionPtr> literals;
      for (size_t i = 0; i < rows_.columns.size(); ++i) literals.push_back(MakeLiteral(one.columns[i], rows_.schema->field(i).type));
      ExpectSame(Run(SubstituteColumns(expression, literals), one), alone, expression, "constant", row);
    }
    EXPECT_EQ(fails, all.value == nullptr) << ToString(*expression);
  }

  ExpressionPtr Column(size_t index) const { return MakeColumn(static_cast<int>(index), "c" + std::to_string(index), rows_.schema->field(index).type); }
  size_t width() const { return rows_.columns.size(); }

 private:
  const types::Batch rows_ = MakeRows();
  types::Batch shifted_;
};

TEST(Slices, EveryFunctionGivesTheSameWhereverItsRowsLie) {
  ASSERT_TRUE(arrow::compute::Initialize().ok());
  Checker checker;
  std::mt19937 random(7);
  std::set<std::string_view> missed;
  for (const ScalarFunction* function : FunctionRegistry::BuiltIn().all()) {
    if (!function->is_deterministic || function->names[0] == "CAST" || function->names[0] == "TRY_CAST") continue;  // the casts: below
    int checked = 0;
    // Most choices of columns are refused by the binder; of those that are not, a few.
    for (int attempt = 0; attempt < 10000 && checked < 12; ++attempt) {
      std::vector<ExpressionPtr> arguments;
      for (uint32_t i = 0, count = static_cast<uint32_t>(attempt) % 5; i < count; ++i) {
        if (i > 0 && random() % 4 == 0) {  // many functions take two of one type
          arguments.push_back(arguments.back());
          continue;
        }
        const uint32_t choice = random() % 10;  // texts and numbers are what most functions take
        arguments.push_back(choice < 3 ? checker.Column(0) : choice < 5 ? checker.Column(4) : choice < 6 ? MakeStringLiteral("-") : checker.Column(random() % checker.width()));
      }
      auto bound = BindCall(function->names[0], std::move(arguments), {}, kContext);
      if (!bound.ok()) continue;
      ++checked;
      checker.Check(*bound);
      if (testing::Test::HasFailure()) return;
    }
    if (checked == 0) missed.insert(function->names[0]);
  }
  // Those that take literals of their own: names of units and fields, clauses.
  for (const std::string_view name : {".", "EXTRACT", "TIMESTAMPDIFF", "JSON_ARRAY", "JSON_OBJECT", "$SINGLE", "TRIM", "CAST", "TRY_CAST"}) missed.erase(name);
  EXPECT_EQ(missed, std::set<std::string_view>()) << "functions that no columns fit";
}

// Quoted, the name of any function can be written with any arguments: what the parser makes of special syntax is no promise to the binder.
TEST(Slices, SpecialFormsCalledAsFunctionsAreRefused) {
  ASSERT_TRUE(arrow::compute::Initialize().ok());
  const std::vector<std::vector<ExpressionPtr>> calls = {{},
                                                         {MakeIntLiteral(1)},
                                                         {MakeIntLiteral(1), MakeIntLiteral(2)},
                                                         {MakeStringLiteral("{}"), MakeStringLiteral("$"), MakeIntLiteral(1)},
                                                         {MakeStringLiteral("NULL"), MakeStringLiteral(""), MakeIntLiteral(1), MakeIntLiteral(1)},
                                                         {MakeStringLiteral("{}"), MakeStringLiteral("$"), MakeIntLiteral(1), MakeIntLiteral(1), MakeIntLiteral(1), MakeIntLiteral(1)},
                                                         std::vector<ExpressionPtr>(7, MakeStringLiteral("$")),
                                                         std::vector<ExpressionPtr>(7, MakeNullLiteral(DataType::String()))};
  for (const char* name : {"CAST", "TRY_CAST", ".", "JSON_VALUE", "JSON_QUERY", "JSON_EXISTS", "JSON_OBJECT", "JSON_ARRAY", "EXTRACT", "TRIM", "FLOOR", "TIMESTAMPDIFF", "CASE", "IN", "BETWEEN", "TIMESTAMPADD"}) {
    for (const std::vector<ExpressionPtr>& arguments : calls) {
      auto bound = BindCall(name, arguments, {}, kContext);
      if (bound.ok()) (void)EvaluateConstant(**bound, kContext);  // any answer, but one
    }
  }
  EXPECT_FALSE(BindCall("CAST", {MakeIntLiteral(1), MakeIntLiteral(2)}, {}, kContext).ok());
}

TEST(Slices, FunctionsOfUnitsAndCasts) {
  ASSERT_TRUE(arrow::compute::Initialize().ok());
  Checker checker;
  for (size_t column = 0; column < checker.width() && !testing::Test::HasFailure(); ++column) {
    for (const char* unit : {"SECOND", "DAY", "WEEK", "MONTH", "CENTURY"}) {
      for (const char* name : {"EXTRACT", "FLOOR", "CEIL"}) {
        const bool is_first = std::string_view(name) == "EXTRACT";
        auto bound = BindCall(name, is_first ? std::vector{MakeStringLiteral(unit), checker.Column(column)} : std::vector{checker.Column(column), MakeStringLiteral(unit)}, {}, kContext);
        if (bound.ok()) checker.Check(*bound);
      }
    }
    for (size_t other = 0; other < checker.width(); ++other) {
      const DataType target = checker.Column(other)->type;
      for (const bool is_try : {false, true}) {
        auto bound = BindCast(checker.Column(column), target, is_try, {}, kContext);
        if (bound.ok()) checker.Check(*bound);
      }
    }
  }
}

}  // namespace
}  // namespace firn::expr
