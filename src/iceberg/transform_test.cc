// SPDX-License-Identifier: Apache-2.0
#include "iceberg/transform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "iceberg/partition_spec.h"

namespace firn::iceberg {
namespace {

int64_t Micros(int64_t days, int hour, int minute, int second, int64_t micros = 0) {
  return ((days * 24 + hour) * 60 + minute) * 60'000'000 + second * 1'000'000LL + micros;
}

// Specification, appendix B.
TEST(Transform, HashesOfTheSpecification) {
  const int64_t day = DaysFromCivil(2017, 11, 16);
  EXPECT_EQ(BucketHash(Type::Of(TypeId::kInt), Literal(int32_t{34})), 2017239379);
  EXPECT_EQ(BucketHash(Type::Of(TypeId::kLong), Literal(int64_t{34})), 2017239379);
  EXPECT_EQ(BucketHash(Type::Decimal(9, 2), Literal(Int128{1420})), -500754589);
  EXPECT_EQ(BucketHash(Type::Of(TypeId::kDate), Literal(static_cast<int32_t>(day))), -653330422);
  EXPECT_EQ(BucketHash(Type::Of(TypeId::kTime), Literal(Micros(0, 22, 31, 8))), -662762989);
  EXPECT_EQ(BucketHash(Type::Of(TypeId::kTimestamp), Literal(Micros(day, 22, 31, 8))), -2047944441);
  EXPECT_EQ(BucketHash(Type::Of(TypeId::kTimestampTz), Literal(Micros(day, 22, 31, 8, 1))), -1207196810);
  EXPECT_EQ(BucketHash(Type::Of(TypeId::kTimestampNs), Literal(Micros(day, 22, 31, 8, 1) * 1000 + 1)), -1207196810);
  EXPECT_EQ(BucketHash(Type::Of(TypeId::kString), Literal(std::string("iceberg"))), 1210000089);
  EXPECT_EQ(BucketHash(Type::Fixed(4), Literal(std::string("\0\1\2\3", 4))), -188683207);
  EXPECT_EQ(BucketHash(Type::Of(TypeId::kBoolean), Literal(true)), 1392991556);
  EXPECT_EQ(BucketHash(Type::Of(TypeId::kFloat), Literal(1.0f)), -142385009);
  EXPECT_EQ(BucketHash(Type::Of(TypeId::kDouble), Literal(-0.0)), 1669671676);
  auto uuid = ParseLiteralJson(Type::Of(TypeId::kUuid), "\"f79c3e09-677c-4bbd-a479-3f349cb785e7\"");
  ASSERT_TRUE(uuid.ok());
  EXPECT_EQ(BucketHash(Type::Of(TypeId::kUuid), *uuid), 1488055340);
}

TEST(Transform, TruncatesDownwardsAndByCodePoints) {
  auto truncate = [](const Type& type, int32_t width, const Literal& value) { return ApplyTransform(Transform::Truncate(width), type, value); };
  EXPECT_EQ(truncate(Type::Of(TypeId::kInt), 10, Literal(int32_t{1})), Literal(int32_t{0}));
  EXPECT_EQ(truncate(Type::Of(TypeId::kInt), 10, Literal(int32_t{-1})), Literal(int32_t{-10}));
  EXPECT_EQ(truncate(Type::Decimal(9, 2), 50, Literal(Int128{1065})), Literal(Int128{1050}));
  EXPECT_EQ(truncate(Type::Of(TypeId::kString), 3, Literal(std::string("ice\xC3\xA9"))), Literal(std::string("ice")));
  EXPECT_EQ(truncate(Type::Of(TypeId::kString), 1, Literal(std::string("\xF0\x9F\x98\x80z"))), Literal(std::string("\xF0\x9F\x98\x80")));
  EXPECT_EQ(truncate(Type::Of(TypeId::kBinary), 2, Literal(std::string("\1\2\3"))), Literal(std::string("\1\2")));
}

TEST(Transform, TimeUnitsFloorBeforeTheEpoch) {
  const Type type = Type::Of(TypeId::kTimestamp);
  auto apply = [&](TransformKind kind, int64_t value) { return *ApplyTransform(Transform::Of(kind), type, Literal(value)).get_if<int32_t>(); };
  EXPECT_EQ(apply(TransformKind::kHour, -1), -1);
  EXPECT_EQ(apply(TransformKind::kDay, -1), -1);
  EXPECT_EQ(apply(TransformKind::kMonth, -1), -1);
  EXPECT_EQ(apply(TransformKind::kYear, -1), -1);
  const int64_t value = Micros(DaysFromCivil(2017, 11, 16), 22, 31, 8);
  EXPECT_EQ(apply(TransformKind::kYear, value), 47);
  EXPECT_EQ(apply(TransformKind::kMonth, value), 47 * 12 + 10);
  EXPECT_EQ(apply(TransformKind::kDay, value), 17486);
  EXPECT_EQ(apply(TransformKind::kHour, value), 17486 * 24 + 22);
  EXPECT_EQ(TransformValueText(Transform::Of(TransformKind::kHour), type, Literal(int32_t{17486 * 24 + 22})), "2017-11-16-22");
  EXPECT_EQ(TransformValueText(Transform::Of(TransformKind::kMonth), type, Literal(int32_t{-1})), "1969-12");
}

TEST(Transform, CivilDatesGoBothWays) {
  for (int64_t days = -200'000; days < 200'000; days += 7) {
    const CivilDate date = CivilFromDays(days);
    EXPECT_EQ(DaysFromCivil(date.year, date.month, date.day), days);
  }
}

TEST(Transform, ParsesAndRefuses) {
  EXPECT_EQ(ParseTransform("bucket[16]")->ToString(), "bucket[16]");
  EXPECT_EQ(ParseTransform("void")->kind, TransformKind::kVoid);
  EXPECT_EQ(ParseTransform("zorder[2]")->kind, TransformKind::kUnknown);
  EXPECT_FALSE(ParseTransform("bucket[0]").ok());
  EXPECT_FALSE(TransformResultType(Transform::Of(TransformKind::kDay), Type::Of(TypeId::kString)).ok());
}

TEST(PartitionSpec, ParsesSqlItemsAndNamesFieldsAsIcebergDoes) {
  Schema schema{0, {{1, "id", Type::Of(TypeId::kLong)}, {2, "ts", Type::Of(TypeId::kTimestampTz)}, {3, "na`me", Type::Of(TypeId::kString)}}, {}};
  std::vector<PartitionFieldDefinition> items;
  for (const char* sql : {"days(ts)", "bucket(16, id)", "truncate(`na``me`, 4)", "id"}) {
    auto item = ParsePartitionItem(sql);
    ASSERT_TRUE(item.ok()) << item.error().ToString();
    items.push_back(*item);
  }
  int32_t last = kFirstPartitionFieldId - 1;
  auto spec = MakePartitionSpec(schema, items, &last);
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
  EXPECT_EQ(last, 1003);
  EXPECT_EQ(spec->fields[0].name, "ts_day");
  EXPECT_EQ(spec->fields[1].name, "id_bucket_16");
  EXPECT_EQ(spec->fields[2].name, "na`me_trunc_4");
  const PartitionValues values = {Literal(int32_t{19723}), Literal(int32_t{3}), Literal(std::string("a/b")), Literal()};
  EXPECT_EQ(PartitionPath(*spec, schema, values), "ts_day=2024-01-01/id_bucket_16=3/na%60me_trunc_4=a%2Fb/id=null");
  for (const char* sql : {"bucket(id)", "bucket(0, id)", "foo(id)", "days(", ""}) EXPECT_FALSE(ParsePartitionItem(sql).ok()) << sql;
  last = 999;
  auto missing = MakePartitionSpec(schema, {{"tx", Transform::Of(TransformKind::kDay), ""}}, &last);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kColumnNotFound);
}

TEST(Literal, BoundsDecimalsAndPromotions) {
  for (Int128 value : {Int128{0}, Int128{-1}, Int128{127}, Int128{128}, Int128{-129}, Int128{1} << 100, -(Int128{1} << 120)}) {
    EXPECT_TRUE(*DecodeDecimal(EncodeDecimal(value)) == value);
  }
  EXPECT_EQ(EncodeDecimal(Int128{128}).size(), 2u);
  EXPECT_EQ(DecimalText(Int128{-5}, 2), "-0.05");
  EXPECT_TRUE(*ParseDecimal("-0.05", 2) == Int128{-5});
  EXPECT_FALSE(ParseDecimal("1.234", 2).ok());
  EXPECT_EQ(*DecodeBound(Type::Of(TypeId::kLong), EncodeBound(Type::Of(TypeId::kInt), Literal(int32_t{-7}))), Literal(int64_t{-7}));
  EXPECT_EQ(*DecodeBound(Type::Of(TypeId::kDouble), EncodeBound(Type::Of(TypeId::kFloat), Literal(1.5f))), Literal(1.5));
  EXPECT_FALSE(DecodeBound(Type::Of(TypeId::kInt), "abc").ok());
  const auto day = [](int32_t days) { return EncodeBound(Type::Of(TypeId::kDate), Literal(days)); };  // of a date that became a timestamp
  EXPECT_EQ(*DecodeBound(Type::Of(TypeId::kTimestampNs), day(-2)), Literal(int64_t{-172'800'000'000'000}));
  EXPECT_TRUE(DecodeBound(Type::Of(TypeId::kTimestampNs), day(200'000))->is_null()) << "nanoseconds end in 2262";
  EXPECT_FALSE(ParseLiteralJson(Type::Of(TypeId::kTimestampNs), "\"2500-01-01T00:00:00\"").ok());
  EXPECT_LT(CompareLiterals(Literal(-0.0), Literal(0.0)), 0);
  EXPECT_GT(CompareLiterals(Literal(std::string("\xff")), Literal(std::string("a"))), 0);
}

}  // namespace
}  // namespace firn::iceberg
