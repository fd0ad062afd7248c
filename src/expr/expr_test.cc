// SPDX-License-Identifier: Apache-2.0
#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/builder.h>
#include <arrow/compute/initialize.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "expr/aggregate_function.h"
#include "expr/calls_test_rig.h"
#include "types/value_text.h"

namespace firn::expr {
namespace {

using types::ArrayPtr;
using types::DataType;
using ::testing::HasSubstr;

ExpressionPtr Cast(ExpressionPtr value, const DataType& type, bool is_try = false) {
  auto bound = BindCast(std::move(value), type, is_try, {}, kStreaming);
  EXPECT_TRUE(bound.ok()) << bound.error().ToString();
  return *bound;
}
ExpressionPtr Decimal(const char* text, int precision, int scale) { return Cast(MakeStringLiteral(text), DataType::Decimal(precision, scale)); }

ExpressionPtr Millis(int64_t millis) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.Append(millis).ok());
  const DataType type = DataType::IntervalDayTime().NotNull();
  return MakeLiteral(*(*builder.Finish())->View(type.ToArrow()), type);
}

// "type value"
std::string ShowTyped(const ExpressionPtr& expression) {
  auto value = EvaluateConstant(*expression, kStreaming);
  return value.ok() ? expression->type.ToString() + " " + Show(expression) : value.error().message();
}

// The answers of real Flink 2.3 (flink cases 01, 02).
TEST(Arithmetic, TypesAndValuesAreFlinks) {
  EXPECT_EQ(ShowTyped(Call("+", {MakeIntLiteral(2147483647), MakeIntLiteral(1)})), "INT NOT NULL -2147483648");
  EXPECT_EQ(ShowTyped(Call("+", {MakeIntLiteral(1), Decimal("1.5", 2, 1)})), "DECIMAL(12, 1) NOT NULL 2.5");
  EXPECT_EQ(ShowTyped(Call("/", {MakeIntLiteral(5), Decimal("2.0", 2, 1)})), "DECIMAL(17, 6) NOT NULL 2.500000");
  EXPECT_EQ(ShowTyped(Call("/", {Decimal("1.0", 2, 1), MakeIntLiteral(3)})), "DECIMAL(13, 12) NOT NULL 0.333333333333");
  EXPECT_EQ(ShowTyped(Call("*", {Decimal("12.34", 10, 2), Decimal("5.678", 7, 3)})), "DECIMAL(18, 5) NOT NULL 70.06652");
  EXPECT_EQ(ShowTyped(Call("MOD", {MakeIntLiteral(-5), MakeIntLiteral(3)})), "INT NOT NULL -2");
  EXPECT_THAT(ShowTyped(Call("/", {MakeIntLiteral(1), MakeIntLiteral(0)})), HasSubstr("division by zero"));
}

// -2^63 / -1 has no result in a machine word: the processor stops at it.
TEST(Arithmetic, IntervalsWrap) {
  const ExpressionPtr smallest = Call("*", {Millis(1024), MakeBigIntLiteral(-9007199254740992)});
  EXPECT_EQ(ShowTyped(Call("/", {smallest, MakeIntLiteral(-1)})), ShowTyped(smallest));
  EXPECT_EQ(ShowTyped(Call("-", {Millis(0), smallest})), ShowTyped(smallest));
}

TEST(Cast, FollowsFlink) {
  EXPECT_EQ(ShowTyped(Cast(MakeStringLiteral("12.9"), DataType::Int())), "INT NOT NULL 12");
  EXPECT_EQ(ShowTyped(Cast(MakeStringLiteral("abc"), DataType::Int(), true)), "INT NULL");
  EXPECT_EQ(ShowTyped(Cast(MakeStringLiteral("1e3"), DataType::Int())), "'1e3' is no INT");
  EXPECT_EQ(ShowTyped(Cast(MakeIntLiteral(300), DataType::TinyInt())), "TINYINT NOT NULL 44");
  EXPECT_EQ(ShowTyped(Cast(Cast(MakeStringLiteral("1e10"), DataType::Double()), DataType::Int())), "INT NOT NULL 2147483647");
  EXPECT_EQ(ShowTyped(Cast(Cast(MakeStringLiteral("1e7"), DataType::Double()), DataType::String())), "STRING NOT NULL 1.0E7");
  EXPECT_EQ(ShowTyped(Cast(MakeStringLiteral("ab"), DataType::Char(5))), "CHAR(5) NOT NULL ab   ");
  EXPECT_EQ(ShowTyped(Cast(MakeStringLiteral("2024-1-5"), DataType::Date())), "DATE NOT NULL 2024-01-05");
  EXPECT_EQ(ShowTyped(Cast(MakeStringLiteral("2024-01-05 10:11:12.123456"), DataType::Timestamp(3))), "TIMESTAMP(3) NOT NULL 2024-01-05 10:11:12.123");
  EXPECT_EQ(ShowTyped(Cast(MakeStringLiteral("-12.345"), DataType::Decimal(5, 2))), "DECIMAL(5, 2) NOT NULL -12.35");
}

TEST(Evaluator, AnErrorInABranchNotTakenDoesNotFail) {
  ASSERT_TRUE(arrow::compute::Initialize().ok());
  arrow::Int32Builder builder;
  ASSERT_TRUE(builder.AppendValues({0, 2, 5}).ok());
  const types::Batch batch{types::MakeSchema({{"n", DataType::Int()}}), {*builder.Finish()}, 3, nullptr, nullptr};
  const ExpressionPtr n = MakeColumn(0, "n", DataType::Int());
  const ExpressionPtr zero = MakeIntLiteral(0);
  const ExpressionPtr quotient = Call("/", {MakeIntLiteral(10), n});
  auto program = Program::Compile({Call("CASE", {Call("=", {n, zero}), MakeIntLiteral(-1), quotient}), Call("AND", {Call("<>", {n, zero}), Call(">", {quotient, MakeIntLiteral(3)})})});
  ASSERT_TRUE(program.ok());
  auto values = (*program)->Run(batch, kStreaming);
  ASSERT_TRUE(values.ok()) << values.error().ToString();
  const auto& cases = static_cast<const arrow::Int32Array&>(*(*values)[0]);
  EXPECT_EQ(cases.Value(0), -1);
  EXPECT_EQ(cases.Value(1), 5);
  EXPECT_EQ(cases.Value(2), 2);
  const auto& ands = static_cast<const arrow::BooleanArray&>(*(*values)[1]);
  EXPECT_FALSE(ands.Value(0));
  EXPECT_TRUE(ands.Value(1));
  EXPECT_FALSE(ands.Value(2));
  auto fails = Program::Compile({quotient});
  EXPECT_FALSE((*fails)->Run(batch, kStreaming).ok());
}

// Not even where all arguments are the same for every row: there is none.
TEST(Evaluator, WithoutRowsNoBranchIsTaken) {
  ASSERT_TRUE(arrow::compute::Initialize().ok());
  const types::Batch none{types::MakeSchema({{"n", DataType::Int()}}), {(*arrow::MakeEmptyArray(arrow::int32()))}, 0, nullptr, nullptr};
  const ExpressionPtr failing = Call("/", {MakeIntLiteral(1), MakeIntLiteral(0)}), is_failing = Call("=", {failing, MakeIntLiteral(1)});
  for (const ExpressionPtr& expression : {Call("COALESCE", {MakeIntLiteral(1), MakeIntLiteral(2)}), Call("COALESCE", {MakeColumn(0, "n", DataType::Int()), failing}),
                                          Call("CASE", {is_failing, MakeIntLiteral(1), failing}), Call("AND", {is_failing, is_failing}), Call("OR", {is_failing, is_failing})}) {
    auto program = Program::Compile({expression});
    ASSERT_TRUE(program.ok());
    auto values = (*program)->Run(none, kStreaming);
    ASSERT_TRUE(values.ok()) << values.error().ToString();
    EXPECT_EQ((*values)[0]->length(), 0);
    EXPECT_EQ((*values)[0]->type_id(), expression->type.ToArrow()->id());
  }
}

TEST(Binding, UnknownFunctionsHaveCandidates) {
  auto bound = BindCall("TO_TIMESTAMP_LTC", {MakeIntLiteral(1)}, {}, kStreaming);
  ASSERT_FALSE(bound.ok());
  EXPECT_EQ(bound.error().code(), ErrorCode::kFunctionNotFound);
  EXPECT_EQ(bound.error().hint(), "did you mean TO_TIMESTAMP_LTZ?");
}

// Every function with every two arguments: what is refused is refused with a next step, which is one of the function's.
TEST(Binding, WhatIsRefusedHasANextStep) {
  const DataType types[] = {DataType::Int(), DataType::String(), DataType::Boolean(), DataType::Date(), DataType::Bytes(), DataType::Array(DataType::Int()), DataType::Map(DataType::String(), DataType::Int())};
  const ExpressionPtr one = MakeIntLiteral(-1), text = MakeStringLiteral("x");
  std::vector<std::vector<ExpressionPtr>> calls = {{}, {one}, {text}, {one, text}, {text, one}, {text, text}};
  for (const DataType& left : types) {
    calls.push_back({MakeColumn(0, "l", left)});
    for (const DataType& right : types) calls.push_back({MakeColumn(0, "l", left), MakeColumn(1, "r", right)});
  }
  int refused = 0;
  for (const std::string& name : FunctionRegistry::BuiltIn().Names()) {
    for (const auto& arguments : calls) {
      auto bound = BindCall(name, arguments, {}, kStreaming);
      if (bound.ok()) continue;
      ++refused;
      EXPECT_FALSE(bound.error().hint().empty()) << bound.error().ToString();
      EXPECT_EQ(bound.error().hint().find("other arguments"), std::string::npos) << bound.error().ToString();
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_EQ(BindCall("UPPER", {one}, {}, kStreaming).error().hint(), "it takes UPPER(string)");
}

AggregateCall MakeAggregate(const char* name, const DataType& type, AggregateOptions options = {}) {
  AggregateCall call;
  call.function = FindAggregate(name);
  CallSite site;
  site.name = name;
  site.types = {type};
  site.literals = {nullptr};
  auto signature = call.function->bind(site);
  EXPECT_TRUE(signature.ok());
  call.signature = *signature;
  call.options = options;
  return call;
}

ArrayPtr Doubles(const std::vector<int32_t>& values) {
  arrow::DoubleBuilder builder;
  EXPECT_TRUE(builder.AppendValues(std::vector<double>(values.begin(), values.end())).ok());
  return *builder.Finish();
}
ArrayPtr Ints(const std::vector<int32_t>& values) {
  arrow::Int32Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return *builder.Finish();
}

// Every aggregate over random inserts and deletes, in any split, saved and loaded in the middle, equals the same over the rows that remain.
TEST(Aggregates, RetractionAndRestoreEqualRecomputation) {
  std::mt19937 random(3);
  for (const char* name : {"COUNT", "SUM", "AVG", "VAR_POP", "STDDEV_SAMP", "MIN", "MAX", "FIRST_VALUE", "LAST_VALUE", "ARRAY_AGG"}) {
    for (bool is_distinct : {false, true}) {
      if (is_distinct && (std::string_view(name) == "FIRST_VALUE" || std::string_view(name) == "LAST_VALUE" || std::string_view(name) == "ARRAY_AGG")) continue;
      const bool is_real = std::string_view(name) == "VAR_POP" || std::string_view(name) == "STDDEV_SAMP";
      const AggregateCall call = MakeAggregate(name, is_real ? DataType::Double() : DataType::Int(), {.is_distinct = is_distinct, .is_retractable = true});
      auto accumulator = std::move(MakeAccumulator(call)).value();
      accumulator->Resize(3);
      std::vector<std::pair<uint32_t, int32_t>> rows;  // that remain, in arrival order
      for (int round = 0; round < 40; ++round) {
        std::vector<uint32_t> groups;
        std::vector<int32_t> values;
        arrow::Int8Builder kinds;
        for (int i = 0; i < 8; ++i) {
          const bool retracts = !rows.empty() && random() % 3 == 0;
          auto row = std::make_pair(static_cast<uint32_t>(random() % 3), static_cast<int32_t>(random() % 5));
          if (retracts) {
            row = rows[random() % rows.size()];
            rows.erase(std::find(rows.begin(), rows.end(), row));
          } else {
            rows.push_back(row);
          }
          groups.push_back(row.first);
          values.push_back(row.second);
          ASSERT_TRUE(kinds.Append(static_cast<int8_t>(retracts ? types::RowKind::kDelete : types::RowKind::kInsert)).ok());
        }
        const std::vector<ArrayPtr> arguments = {call.signature.arguments[0].kind() == types::TypeKind::kDouble ? Doubles(values) : Ints(values)};
        ASSERT_TRUE(accumulator->Update(groups, arguments, *kinds.Finish(), nullptr).ok());
        if (round == 20) {
          const std::vector<uint32_t> all = {0, 1, 2};
          auto state = accumulator->Save(all);
          ASSERT_TRUE(state.ok());
          ASSERT_EQ(state->size(), StateFields(call).size());
          accumulator = std::move(MakeAccumulator(call)).value();
          accumulator->Resize(3);
          ASSERT_TRUE(accumulator->Load(all, *state).ok());
        }
      }
      auto fresh = std::move(MakeAccumulator(call)).value();
      fresh->Resize(3);
      std::vector<uint32_t> groups;
      std::vector<int32_t> values;
      for (const auto& [group, value] : rows) {
        groups.push_back(group);
        values.push_back(value);
      }
      const std::vector<ArrayPtr> arguments = {call.signature.arguments[0].kind() == types::TypeKind::kDouble ? Doubles(values) : Ints(values)};
      ASSERT_TRUE(fresh->Update(groups, arguments, nullptr, nullptr).ok());
      const std::vector<uint32_t> all = {0, 1, 2};
      EXPECT_TRUE((*accumulator->Finish(all))->ApproxEquals(**fresh->Finish(all), arrow::EqualOptions::Defaults().atol(1e-6))) << name << (is_distinct ? " DISTINCT" : "");
    }
  }
}

// Four times 9 * 10^37 is beyond 128 bits, and comes out of them as a number that fits.
TEST(Aggregates, ADecimalSumThatOverflowsIsNull) {
  const DataType type = DataType::Decimal(38, 0);
  for (const char* name : {"SUM", "AVG"}) {
    const AggregateCall call = MakeAggregate(name, type, {.is_retractable = true});
    auto accumulator = std::move(MakeAccumulator(call)).value();
    accumulator->Resize(1);
    const std::vector<uint32_t> one = {0};
    const std::vector<ArrayPtr> large = {*EvaluateConstant(*Decimal("90000000000000000000000000000000000000", 38, 0), kStreaming)};
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(accumulator->Update(one, large, nullptr, nullptr).ok());
    EXPECT_TRUE((*accumulator->Finish(one))->IsNull(0)) << name;
    auto restored = std::move(MakeAccumulator(call)).value();
    restored->Resize(1);
    ASSERT_TRUE(restored->Load(one, *accumulator->Save(one)).ok());
    EXPECT_TRUE((*restored->Finish(one))->IsNull(0)) << name;
    arrow::Int8Builder kinds;
    ASSERT_TRUE(kinds.Append(static_cast<int8_t>(types::RowKind::kDelete)).ok());
    const ArrayPtr deletes = *kinds.Finish();
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(restored->Update(one, large, deletes, nullptr).ok());
    const std::vector<ArrayPtr> small = {*EvaluateConstant(*Decimal("7", 38, 0), kStreaming)};
    ASSERT_TRUE(restored->Update(one, small, nullptr, nullptr).ok());
    EXPECT_EQ(*types::FormatCell(**restored->Finish(one), 0, call.signature.result, "UTC"), name == std::string("SUM") ? "7" : "7.000000") << name << ": all that had overflown is gone";
  }
}

// The variance of the smallest and the largest INT is none: it stays at the largest, as Java converts it.
TEST(Aggregates, AStatisticOfIntegersSaturates) {
  const std::vector<uint32_t> two = {0, 0}, one = {0};
  for (const char* name : {"VAR_POP", "VAR_SAMP"}) {
    const AggregateCall call = MakeAggregate(name, DataType::Int());
    auto accumulator = std::move(MakeAccumulator(call)).value();
    accumulator->Resize(1);
    const std::vector<ArrayPtr> values = {Doubles({std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()})};
    ASSERT_TRUE(accumulator->Update(two, values, nullptr, nullptr).ok());
    EXPECT_EQ(static_cast<const arrow::Int32Array&>(**accumulator->Finish(one)).Value(0), std::numeric_limits<int32_t>::max()) << name;
  }
}

TEST(Aggregates, SlicesMergeInArrivalOrder) {
  for (const auto& [name, wanted] : std::vector<std::pair<const char*, int32_t>>{{"FIRST_VALUE", 4}, {"LAST_VALUE", 9}, {"MIN", 1}, {"MAX", 9}, {"SUM", 14}}) {
    const AggregateCall call = MakeAggregate(name, DataType::Int());
    auto early = std::move(MakeAccumulator(call)).value();
    auto late = std::move(MakeAccumulator(call)).value();
    early->Resize(1);
    late->Resize(1);
    const std::vector<uint32_t> two = {0, 0};
    const std::vector<uint32_t> one = {0};
    const std::vector<ArrayPtr> first = {Ints({4, 1})};
    const std::vector<ArrayPtr> second = {Ints({9})};
    ASSERT_TRUE(early->Update(two, first, nullptr, nullptr).ok());
    ASSERT_TRUE(late->Update(one, second, nullptr, nullptr).ok());
    ASSERT_TRUE(early->Merge(*late, one).ok());
    EXPECT_EQ(static_cast<const arrow::Int32Array&>(**early->Finish(one)).Value(0), wanted) << name;
  }
}

ArrayPtr Reals(const std::vector<double>& values) {
  arrow::DoubleBuilder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return *builder.Finish();
}

// Windows are merged slices: of values that several have, the first place counts, and the merged list does not depend on where they lie in memory.
TEST(Aggregates, DistinctValuesOfMergedSlicesStayInArrivalOrder) {
  const AggregateCall call = MakeAggregate("ARRAY_AGG", DataType::Int(), {.is_distinct = true});
  std::vector<int32_t> wanted;
  auto merged = std::move(MakeAccumulator(call)).value();
  merged->Resize(1);
  std::mt19937 random(9);
  const std::vector<uint32_t> one = {0};
  for (int slice = 0; slice < 4; ++slice) {
    std::vector<int32_t> values;
    for (int i = 0; i < 50; ++i) values.push_back(static_cast<int32_t>(random() % 200));
    auto part = std::move(MakeAccumulator(call)).value();
    part->Resize(1);
    const std::vector<ArrayPtr> arguments = {Ints(values)};
    ASSERT_TRUE(part->Update(std::vector<uint32_t>(values.size(), 0), arguments, nullptr, nullptr).ok());
    if (slice % 2 == 1) {  // as after a restart
      auto restored = std::move(MakeAccumulator(call)).value();
      restored->Resize(1);
      ASSERT_TRUE(restored->Load(one, *part->Save(one)).ok());
      part = std::move(restored);
    }
    ASSERT_TRUE(merged->Merge(*part, one).ok());
    for (int32_t value : values) {
      if (std::find(wanted.begin(), wanted.end(), value) == wanted.end()) wanted.push_back(value);
    }
  }
  const auto lists = *merged->Finish(one);
  EXPECT_TRUE(static_cast<const arrow::ListArray&>(*lists).values()->Equals(*Ints(wanted))) << lists->ToString();
}

// In Flink a NaN that is kept equals every NaN, whatever bits it was made with: 0.0 / 0.0 has the sign bit here.
TEST(Aggregates, EveryNaNIsOneValue) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<uint32_t> four(4, 0), one = {0};
  const AggregateCall count = MakeAggregate("COUNT", DataType::Double(), {.is_distinct = true});
  auto counted = std::move(MakeAccumulator(count)).value();
  counted->Resize(1);
  const std::vector<ArrayPtr> values = {Reals({nan, -nan, 0.0, -0.0})};
  ASSERT_TRUE(counted->Update(four, values, nullptr, nullptr).ok());
  EXPECT_EQ(static_cast<const arrow::Int64Array&>(**counted->Finish(one)).Value(0), 3) << "0.0 and -0.0 are two";
  for (const char* name : {"MIN", "MAX", "FIRST_VALUE", "LAST_VALUE"}) {
    const AggregateCall call = MakeAggregate(name, DataType::Double(), {.is_retractable = true});
    auto accumulator = std::move(MakeAccumulator(call)).value();
    accumulator->Resize(1);
    const std::vector<ArrayPtr> came = {Reals({-nan, 1})}, went = {Reals({nan})};
    ASSERT_TRUE(accumulator->Update(std::vector<uint32_t>(2, 0), came, nullptr, nullptr).ok());
    const bool is_nan = std::isnan(static_cast<const arrow::DoubleArray&>(**accumulator->Finish(one)).Value(0));
    EXPECT_EQ(is_nan, std::string_view(name) == "MAX" || std::string_view(name) == "FIRST_VALUE") << name << ": NaN is the largest, as Double.compareTo has it";
    arrow::Int8Builder kinds;
    ASSERT_TRUE(kinds.Append(static_cast<int8_t>(types::RowKind::kDelete)).ok());
    ASSERT_TRUE(accumulator->Update(one, went, *kinds.Finish(), nullptr).ok());
    EXPECT_EQ(static_cast<const arrow::DoubleArray&>(**accumulator->Finish(one)).Value(0), 1) << name;
  }
}

// As Flink's generated code has it for rows that only come: a value takes the place of the kept one if it is smaller (larger), which nothing is beside NaN.
TEST(Aggregates, ANaNThatCameFirstIsKept) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<uint32_t> three(3, 0), one = {0};
  for (const char* name : {"MIN", "MAX"}) {
    const AggregateCall call = MakeAggregate(name, DataType::Double());
    for (const bool nan_first : {true, false}) {
      auto accumulator = std::move(MakeAccumulator(call)).value();
      accumulator->Resize(1);
      const std::vector<ArrayPtr> values = {nan_first ? Reals({nan, 3, 3}) : Reals({3, nan, 3})};
      ASSERT_TRUE(accumulator->Update(three, values, nullptr, nullptr).ok());
      EXPECT_EQ(std::isnan(static_cast<const arrow::DoubleArray&>(**accumulator->Finish(one)).Value(0)), nan_first) << name;
    }
  }
}

TEST(Aggregates, FloatsAreAddedAsFloatsAndAveragedAsDoubles) {
  arrow::FloatBuilder builder;
  ASSERT_TRUE(builder.AppendValues(std::vector<float>{16777216, 1, 1}).ok());
  const std::vector<ArrayPtr> values = {*builder.Finish()};
  const std::vector<uint32_t> three(3, 0), one = {0};
  for (const auto& [name, wanted] : std::vector<std::pair<const char*, float>>{{"SUM", 16777216}, {"AVG", 5592406}}) {
    const AggregateCall call = MakeAggregate(name, DataType::Float());
    auto accumulator = std::move(MakeAccumulator(call)).value();
    accumulator->Resize(1);
    ASSERT_TRUE(accumulator->Update(three, values, nullptr, nullptr).ok());
    EXPECT_EQ(static_cast<const arrow::FloatArray&>(**accumulator->Finish(one)).Value(0), wanted) << name;
    auto restored = std::move(MakeAccumulator(call)).value();
    restored->Resize(1);
    const auto state = *accumulator->Save(one);
    EXPECT_EQ(state[0]->type_id(), arrow::Type::DOUBLE) << "as older checkpoints have it";
    ASSERT_TRUE(restored->Load(one, state).ok());
    EXPECT_EQ(static_cast<const arrow::FloatArray&>(**restored->Finish(one)).Value(0), wanted) << name;
  }
}

// A value that is taken back before it came is not there.
TEST(Aggregates, AnExtremeIsOfValuesThatAreThere) {
  const AggregateCall call = MakeAggregate("MIN", DataType::Int(), {.is_retractable = true});
  auto accumulator = std::move(MakeAccumulator(call)).value();
  accumulator->Resize(1);
  const std::vector<uint32_t> two = {0, 0}, one = {0};
  arrow::Int8Builder kinds;
  ASSERT_TRUE(kinds.AppendValues({static_cast<int8_t>(types::RowKind::kDelete), static_cast<int8_t>(types::RowKind::kInsert)}).ok());
  const std::vector<ArrayPtr> values = {Ints({1, 5})};
  ASSERT_TRUE(accumulator->Update(two, values, *kinds.Finish(), nullptr).ok());
  EXPECT_EQ(static_cast<const arrow::Int32Array&>(**accumulator->Finish(one)).Value(0), 5);
}

TEST(Aggregates, SingleValueRefusesTheSecondRowUnlessTheFirstIsTakenBack) {
  AggregateCall call = MakeAggregate("SINGLE_VALUE", DataType::Int());
  call.options.is_retractable = true;
  auto accumulator = std::move(MakeAccumulator(call)).value();
  accumulator->Resize(1);
  const std::vector<uint32_t> two = {0, 0};
  const std::vector<uint32_t> one = {0};
  const std::vector<ArrayPtr> values = {Ints({4, 9})};
  ASSERT_TRUE(accumulator->Update(two, values, nullptr, nullptr).ok());
  EXPECT_FALSE(accumulator->Finish(one).ok());
  arrow::Int8Builder kinds;
  ASSERT_TRUE(kinds.Append(static_cast<int8_t>(types::RowKind::kDelete)).ok());
  const std::vector<ArrayPtr> first = {Ints({4})};
  ASSERT_TRUE(accumulator->Update(one, first, *kinds.Finish(), nullptr).ok());
  EXPECT_EQ(static_cast<const arrow::Int32Array&>(**accumulator->Finish(one)).Value(0), 9);
}

TEST(Aggregates, NestedValuesAreKeptAndSurviveACheckpoint) {
  const ExpressionPtr list = Call("ARRAY", {MakeStringLiteral("a\\0b"), MakeNullLiteral(DataType::String())});
  const ExpressionPtr rows[] = {Call("ROW", {MakeIntLiteral(7), list, Call("MAP", {MakeStringLiteral("k"), Call("ROW", {list})})}),
                                Call("ROW", {MakeIntLiteral(-1), Call("ARRAY", {MakeStringLiteral(""), MakeNullLiteral(DataType::String())}), Call("MAP", {MakeStringLiteral("k"), Call("ROW", {list})})})};
  const AggregateCall call = MakeAggregate("ARRAY_AGG", rows[0]->type, {.is_retractable = true, .ignore_nulls = false});
  const DataType type = call.signature.result;
  const std::vector<uint32_t> one = {0};
  const auto shown = [&](const GroupedAccumulator& accumulator) { return *types::FormatCell(**accumulator.Finish(one), 0, type, "UTC"); };
  auto accumulator = std::move(MakeAccumulator(call)).value();
  accumulator->Resize(1);
  for (const ExpressionPtr& row : rows) {
    const std::vector<ArrayPtr> cell = {*EvaluateConstant(*row, kStreaming)};
    ASSERT_TRUE(accumulator->Update(one, cell, nullptr, nullptr).ok());
  }
  const std::string both = shown(*accumulator);
  auto restored = std::move(MakeAccumulator(call)).value();
  restored->Resize(1);
  ASSERT_TRUE(restored->Load(one, *accumulator->Save(one)).ok());
  EXPECT_EQ(shown(*restored), both);
  arrow::Int8Builder kinds;
  ASSERT_TRUE(kinds.Append(static_cast<int8_t>(types::RowKind::kDelete)).ok());
  const std::vector<ArrayPtr> first = {*EvaluateConstant(*rows[0], kStreaming)};
  ASSERT_TRUE(restored->Update(one, first, *kinds.Finish(), nullptr).ok());
  EXPECT_EQ(shown(*restored), "[(-1, [, NULL], {k=([a\\0b, NULL])})]");
}

TEST(Aggregates, TextThatIsReadBackIsCountedAmongTheBytes) {
  const AggregateCall call = MakeAggregate("MAX", DataType::String());
  const std::vector<uint32_t> one = {0};
  auto accumulator = std::move(MakeAccumulator(call)).value();
  accumulator->Resize(1);
  const std::vector<ArrayPtr> text = {*EvaluateConstant(*MakeStringLiteral(std::string(1000, 'x')), kStreaming)};
  ASSERT_TRUE(accumulator->Update(one, text, nullptr, nullptr).ok());
  auto restored = std::move(MakeAccumulator(call)).value();
  restored->Resize(1);
  ASSERT_TRUE(restored->Load(one, *accumulator->Save(one)).ok());
  EXPECT_EQ(restored->bytes(), accumulator->bytes());
  EXPECT_GE(restored->bytes(), 1000);
}

TEST(Aggregates, SingleValueCountsRowsOfNullToo) {
  AggregateCall call = MakeAggregate("SINGLE_VALUE", DataType::Int());
  const std::vector<uint32_t> one = {0};
  for (const bool is_retractable : {false, true}) {
    call.options.is_retractable = is_retractable;
    auto accumulator = std::move(MakeAccumulator(call)).value();
    accumulator->Resize(1);
    arrow::Int32Builder null;
    ASSERT_TRUE(null.AppendNull().ok());
    const std::vector<ArrayPtr> nothing = {*null.Finish()};
    ASSERT_TRUE(accumulator->Update(one, nothing, nullptr, nullptr).ok());
    EXPECT_TRUE((*accumulator->Finish(one))->IsNull(0)) << is_retractable;
    const std::vector<ArrayPtr> four = {Ints({4})};
    const Status second = accumulator->Update(one, four, nullptr, nullptr);
    EXPECT_FALSE(second.ok() && accumulator->Finish(one).ok()) << is_retractable;
  }
}

}  // namespace
}  // namespace firn::expr
