// SPDX-License-Identifier: Apache-2.0
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/initialize.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "types/batch.h"

namespace firn::types {
namespace {

TEST(DataType, PrintsAsFlinkDoes) {
  EXPECT_EQ(DataType::String().ToString(), "STRING");
  EXPECT_EQ(DataType::Varchar(5).NotNull().ToString(), "VARCHAR(5) NOT NULL");
  EXPECT_EQ(DataType::Decimal(10, 2).ToString(), "DECIMAL(10, 2)");
  EXPECT_EQ(DataType::Array(DataType::Int().NotNull()).ToString(), "ARRAY<INT NOT NULL>");
  EXPECT_EQ(DataType::Row({{"a", DataType::Int()}, {"b", DataType::Bytes()}}).ToString(), "ROW<`a` INT, `b` BYTES>");
  EXPECT_EQ(DataType::TimestampLtz(3).WithTimeAttribute(TimeAttribute::kRowtime).ToStringWithAttribute(),
            "TIMESTAMP_LTZ(3) *ROWTIME*");
}

TEST(DataType, ComparesWithAndWithoutNullability) {
  EXPECT_FALSE(DataType::Int() == DataType::Int().NotNull());
  EXPECT_TRUE(DataType::Array(DataType::Int()).EqualsIgnoringNullability(DataType::Array(DataType::Int().NotNull())));
  EXPECT_FALSE(DataType::Decimal(10, 2) == DataType::Decimal(10, 3));
}

TEST(DataType, SurvivesArrow) {
  const DataType type = DataType::Row({{"ts", DataType::TimestampLtz(6)},
                                       {"m", DataType::Map(DataType::String().NotNull(), DataType::Decimal(9, 3))},
                                       {"l", DataType::Array(DataType::Date())}});
  auto back = FromArrow(*type.ToArrow());
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(back->EqualsIgnoringNullability(type)) << back->ToString();
}

Batch Numbers(std::vector<int64_t> values) {
  arrow::Int64Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return Batch{MakeSchema({{"n", DataType::BigInt()}}), {*builder.Finish()}, static_cast<int64_t>(values.size()), nullptr, nullptr};
}

TEST(Batch, ConcatenationKeepsKindsOfTheOneThatHasThem) {
  Batch inserts = Numbers({1, 2});
  Batch deletes = Numbers({3});
  arrow::Int8Builder kinds;
  ASSERT_TRUE(kinds.Append(static_cast<int8_t>(RowKind::kDelete)).ok());
  deletes.kinds = *kinds.Finish();
  auto both = ConcatenateBatches({inserts, deletes});
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(both->row_count, 3);
  EXPECT_EQ(both->kind(1), RowKind::kInsert);
  EXPECT_EQ(both->kind(2), RowKind::kDelete);
}

TEST(Batch, FilterTreatsNullAsFalse) {
  ASSERT_TRUE(arrow::compute::Initialize().ok());
  arrow::BooleanBuilder mask;
  ASSERT_TRUE(mask.Append(true).ok());
  ASSERT_TRUE(mask.AppendNull().ok());
  ASSERT_TRUE(mask.Append(false).ok());
  auto kept = FilterRows(Numbers({7, 8, 9}), *mask.Finish());
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->row_count, 1);
  EXPECT_EQ(static_cast<const arrow::Int64Array&>(*kept->columns[0]).Value(0), 7);
}

}  // namespace
}  // namespace firn::types
