// SPDX-License-Identifier: Apache-2.0
#include "expr/element_index_internal.h"

#include <arrow/builder.h>
#include <gtest/gtest.h>

#include <limits>

namespace firn::expr {
namespace {

using types::DataType;

// Each of many numbers twice, and two zeros and two NaNs of different bytes.
template <typename Builder, typename Value>
types::ArrayPtr NumbersTwice(Value count) {
  Builder builder;
  for (int round = 0; round < 2; ++round) {
    for (Value number = 0; number < count; ++number) EXPECT_TRUE(builder.Append(round == 0 && number == 0 ? -number : number).ok());
    if constexpr (std::is_floating_point_v<Value>) {
      EXPECT_TRUE(builder.Append(round == 0 ? std::numeric_limits<Value>::quiet_NaN() : -std::numeric_limits<Value>::quiet_NaN()).ok());
    }
    EXPECT_TRUE(builder.AppendNull().ok());
  }
  return *builder.Finish();
}

// So many steps of looking for an element are the same however many there are: else arrays of many elements would take the square of them.
TEST(ElementIndex, ComparesFewElementsHoweverManyThereAre) {
  const std::pair<DataType, types::ArrayPtr> arrays[] = {{DataType::Int(), NumbersTwice<arrow::Int32Builder, int32_t>(3000)},
                                                         {DataType::Double(), NumbersTwice<arrow::DoubleBuilder, double>(3000)},
                                                         {DataType::Float(), NumbersTwice<arrow::FloatBuilder, float>(3000)}};
  for (const auto& [type, array] : arrays) {
    auto pool = ElementPool::Make({array}, Limits());
    ASSERT_TRUE(pool.ok());
    auto index = ElementIndex::Make(type, *pool);
    ASSERT_TRUE(index.ok());
    const int64_t half = array->length() / 2;
    for (int64_t element = 0; element < array->length(); ++element) {
      const ElementIndex::Place place = index->Insert(element);
      ASSERT_EQ(place.is_new, element < half) << type.ToString() << " " << element;
      ASSERT_EQ(place.at, static_cast<size_t>(element % half));
      ASSERT_TRUE(index->Contains(element));
    }
    EXPECT_EQ(index->size(), static_cast<size_t>(half));
    EXPECT_GT(index->compared(), 0);
    EXPECT_LE(index->compared(), 600) << type.ToString();
    index->Clear();
    EXPECT_FALSE(index->Contains(0));
  }
}

}  // namespace
}  // namespace firn::expr
