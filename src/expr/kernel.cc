// SPDX-License-Identifier: Apache-2.0
#include <arrow/array/util.h>
#include <arrow/scalar.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "expr/kernel_internal.h"

namespace firn::expr {

using types::DataType;
using types::TypeKind;

bool HaveOneForm(const arrow::DataType& left, const arrow::DataType& right) {
  if (left.id() != right.id()) return false;
  switch (left.id()) {
    case arrow::Type::DECIMAL128: return static_cast<const arrow::DecimalType&>(left).scale() == static_cast<const arrow::DecimalType&>(right).scale();
    case arrow::Type::TIMESTAMP: return static_cast<const arrow::TimestampType&>(left).unit() == static_cast<const arrow::TimestampType&>(right).unit();
    case arrow::Type::TIME32:
    case arrow::Type::TIME64: return static_cast<const arrow::TimeType&>(left).unit() == static_cast<const arrow::TimeType&>(right).unit();
    default: break;
  }
  if (left.num_fields() != right.num_fields()) return false;
  for (int i = 0; i < left.num_fields(); ++i) {
    if (!HaveOneForm(*left.field(i)->type(), *right.field(i)->type())) return false;
  }
  return true;
}

Result<Column> NullColumn(const DataType& type) {
  FIRN_TRY(types::ArrayPtr array, types::FromArrowResult(arrow::MakeArrayOfNull(type.ToArrow(), 1)));
  return Column{std::move(array), true};
}

Result<types::ArrayPtr> ExpandColumn(const Column& column, int64_t rows, const Limits& limits) {
  if (!column.is_constant) return column.array;
  FIRN_ASSERT(column.array->length() == 1, "a constant of {} rows", column.array->length());
  if (rows == 0) return column.array->Slice(0, 0);
  if (!arrow::is_fixed_width(column.array->type_id())) {
    FIRN_TRY(const int64_t bytes, types::FromArrowResult(arrow::util::ReferencedBufferSize(*column.array)));
    if (rows > 0 && bytes > limits.column_bytes / rows) return ColumnTooLarge(limits.column_bytes);
  }
  FIRN_TRY(auto scalar, types::FromArrowResult(column.array->GetScalar(0)));
  return types::FromArrowResult(arrow::MakeArrayFromScalar(*scalar, rows));
}

bool AnyNullable(const std::vector<DataType>& types) {
  for (const DataType& type : types) {
    if (type.nullable()) return true;
  }
  return false;
}

DataType Strict(DataType result, const CallSite& call) { return result.WithNullable(AnyNullable(call.types)); }

bool HasUntypedNull(const CallSite& call) {
  for (const DataType& type : call.types) {
    if (type.kind() == TypeKind::kNull) return true;
  }
  return false;
}

Error ArgumentError(const CallSite& call, std::string_view expected) {
  std::string given;
  for (const DataType& type : call.types) given += (given.empty() ? "" : ", ") + type.ToString();
  Error error(ErrorCode::kTypeMismatch, fmt::format("cannot apply {} to ({})", call.name, given));
  if (HasUntypedNull(call)) return std::move(error).At(call.span).Hint("a bare NULL has no type here: CAST(NULL AS ...)");
  error = std::move(error).At(call.span);
  if (expected.empty()) return error;
  return std::move(error).Hint(fmt::format("it takes {}", expected));
}

namespace {

// The type to cast an argument to, or nothing if it does not fit.
std::optional<DataType> Fit(const DataType& type, Want want) {
  auto same = [&](bool fits) { return fits ? std::optional<DataType>(type) : std::nullopt; };
  auto number = [&](DataType target, bool fits) { return fits ? std::optional<DataType>(target.WithNullable(type.nullable())) : std::nullopt; };
  switch (want) {
    case Want::kAny: return type;
    case Want::kText: return same(type.IsCharacter());
    case Want::kBytes: return same(type.IsBytes());
    case Want::kTextOrBytes: return same(type.IsCharacter() || type.IsBytes());
    case Want::kInt: return number(DataType::Int(), type.IsInteger());
    case Want::kBigInt: return number(DataType::BigInt(), type.IsInteger());
    case Want::kDouble: return number(DataType::Double(), type.IsNumeric());
    case Want::kNumeric: return same(type.IsNumeric());
    case Want::kBoolean: return same(type.kind() == TypeKind::kBoolean);
    case Want::kDate: return same(type.kind() == TypeKind::kDate);
    case Want::kTimestamp: return same(type.IsTimestamp());
    case Want::kTemporal: return same(type.IsTimestamp() || type.kind() == TypeKind::kDate || type.kind() == TypeKind::kTime);
    case Want::kArray: return same(type.kind() == TypeKind::kArray);
    case Want::kMap: return same(type.kind() == TypeKind::kMap);
  }
  FIRN_UNREACHABLE("argument kind");
}

}  // namespace

Result<std::vector<DataType>> CheckArguments(const CallSite& call, std::initializer_list<Want> wants, size_t required, std::string_view syntax) {
  FIRN_ASSERT(required <= wants.size() && call.literals.size() == call.types.size(), "{} of {} arguments are required of {}, of which {} may be literals", required, wants.size(), call.types.size(),
              call.literals.size());
  if (call.types.size() < required || call.types.size() > wants.size()) return ArgumentError(call, syntax);
  std::vector<DataType> types;
  const Want* want = wants.begin();
  for (const DataType& given : call.types) {
    auto fitted = Fit(given, *want++);
    if (!fitted) return ArgumentError(call, syntax);
    types.push_back(std::move(*fitted));
  }
  return types;
}

std::shared_ptr<arrow::Buffer> PackBits(const std::vector<uint8_t>& bytes) {
  std::vector<uint8_t> bits((bytes.size() + 7) / 8, 0);
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    uint64_t eight = 0;
    std::memcpy(&eight, bytes.data() + at, 8);
    bits[at / 8] = static_cast<uint8_t>((eight * 0x0102040810204080ULL) >> 56);  // gathers the lowest bit of each byte
  }
  for (; at < bytes.size(); ++at) bits[at / 8] |= static_cast<uint8_t>(bytes[at] << (at % 8));
  return arrow::Buffer::FromVector(std::move(bits));
}

std::shared_ptr<arrow::Buffer> PackValidity(const std::vector<uint8_t>& valid, int64_t null_count) {
  if (null_count == 0) return nullptr;
  const auto counted = std::count(valid.begin(), valid.end(), uint8_t{0});
  FIRN_ASSERT(counted == null_count, "{} rows are NULL, {} were made so: one of them twice", counted, null_count);
  return PackBits(valid);
}

}  // namespace firn::expr
