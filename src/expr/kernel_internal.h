// SPDX-License-Identifier: Apache-2.0
// What kernels are written with: views of argument columns, one loop over the rows, and arrays made without builders.
#pragma once

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/decimal.h>

#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/assert.h"
#include "expr/scalar_function.h"
#include "types/arrow_result.h"

namespace firn::expr {

/// What holds of every column that a kernel looks at: it lies in memory as the kernel takes it to (`fits`), and a constant is one value.
inline void CheckView(const Column& column, bool fits) {
  FIRN_ASSERT(fits && (!column.is_constant || column.array->length() == 1), "{} values of type {}, constant: {}, are looked at as of another type", column.array->length(),
              column.array->type()->ToString(), column.is_constant);
}

/// A column that is no constant has a value for each row.
inline void CheckLength(const Column& column, int64_t rows) {
  FIRN_ASSERT(column.is_constant || column.array->length() == rows, "{} values of {} for {} rows", column.array->length(), column.array->type()->ToString(), rows);
}

/// Whether values of these types lie in memory the same way and mean the same: also decimals of one scale, times of one unit.
bool HaveOneForm(const arrow::DataType& left, const arrow::DataType& right);

/// An argument of a fixed width: value and validity by row; a constant repeats.
template <typename T>
class FixedView {
 public:
  explicit FixedView(const Column& column)
      : values_(column.array->data()->GetValues<T>(1)),
        validity_(column.array->null_count() > 0 ? column.array->null_bitmap_data() : nullptr),
        offset_(column.array->offset()),
        step_(column.is_constant ? 0 : 1) {
    CheckView(column, column.array->type()->byte_width() == static_cast<int>(sizeof(T)));
  }
  T operator[](int64_t row) const { return values_[row * step_]; }
  bool IsValid(int64_t row) const { return validity_ == nullptr || arrow::bit_util::GetBit(validity_, offset_ + row * step_); }
  bool has_nulls() const { return validity_ != nullptr; }

 private:
  const T* values_;
  const uint8_t* validity_;
  int64_t offset_;
  int64_t step_;
};

class BooleanView {
 public:
  explicit BooleanView(const Column& column)
      : bits_(column.array->data()->buffers[1] ? column.array->data()->buffers[1]->data() : nullptr),
        validity_(column.array->null_count() > 0 ? column.array->null_bitmap_data() : nullptr),
        offset_(column.array->offset()),
        step_(column.is_constant ? 0 : 1) {
    CheckView(column, column.array->type_id() == arrow::Type::BOOL);
  }
  bool operator[](int64_t row) const { return arrow::bit_util::GetBit(bits_, offset_ + row * step_); }
  bool IsValid(int64_t row) const { return validity_ == nullptr || arrow::bit_util::GetBit(validity_, offset_ + row * step_); }
  bool has_nulls() const { return validity_ != nullptr; }

 private:
  const uint8_t* bits_;
  const uint8_t* validity_;
  int64_t offset_;
  int64_t step_;
};

/// Text or bytes.
class StringView {
 public:
  explicit StringView(const Column& column)
      : array_(static_cast<const arrow::BinaryArray&>(*column.array)), step_(column.is_constant ? 0 : 1), has_nulls_(column.array->null_count() > 0) {
    CheckView(column, arrow::is_base_binary_like(column.array->type_id()));
  }
  std::string_view operator[](int64_t row) const { return array_.GetView(row * step_); }
  bool IsValid(int64_t row) const { return !has_nulls_ || !array_.IsNull(row * step_); }
  bool has_nulls() const { return has_nulls_; }

 private:
  const arrow::BinaryArray& array_;
  int64_t step_;
  bool has_nulls_;
};

class DecimalView {
 public:
  explicit DecimalView(const Column& column)
      : array_(static_cast<const arrow::Decimal128Array&>(*column.array)), step_(column.is_constant ? 0 : 1), has_nulls_(column.array->null_count() > 0) {
    CheckView(column, column.array->type_id() == arrow::Type::DECIMAL128);
  }
  arrow::Decimal128 operator[](int64_t row) const { return arrow::Decimal128(array_.GetValue(row * step_)); }
  bool IsValid(int64_t row) const { return !has_nulls_ || !array_.IsNull(row * step_); }
  bool has_nulls() const { return has_nulls_; }

 private:
  const arrow::Decimal128Array& array_;
  int64_t step_;
  bool has_nulls_;
};

/// The view for a C++ type.
template <typename T>
using ViewOf = std::conditional_t<std::is_same_v<T, bool>, BooleanView,
                                  std::conditional_t<std::is_same_v<T, std::string_view>, StringView,
                                                     std::conditional_t<std::is_same_v<T, arrow::Decimal128>, DecimalView, FixedView<T>>>>;

/// Bytes of 0 and 1 as bits, the first byte lowest.
std::shared_ptr<arrow::Buffer> PackBits(const std::vector<uint8_t>& bytes);

/// A column's validity from a byte a row, 0 for NULL; none where no row is NULL.
std::shared_ptr<arrow::Buffer> PackValidity(const std::vector<uint8_t>& valid, int64_t null_count);

/// Collects a result column of a C++ type: fixed widths into a plain vector, booleans as bytes, text through Arrow's builder.
template <typename T>
class ColumnMaker {
 public:
  ColumnMaker(const types::DataType& type, int64_t rows) : type_(type), values_(static_cast<size_t>(rows)) {}
  ColumnMaker(types::DataType&& type, int64_t rows) = delete;  // it keeps a reference
  void Set(int64_t row, T value) { values_[static_cast<size_t>(row)] = value; }
  void SetNull(int64_t row) {
    if (valid_.empty()) valid_.resize(values_.size(), 1);
    valid_[static_cast<size_t>(row)] = 0;
    ++null_count_;
  }
  Result<Column> Finish(bool is_constant) {
    const auto rows = static_cast<int64_t>(values_.size());
    auto data = arrow::ArrayData::Make(type_.ToArrow(), rows, {PackValidity(valid_, null_count_), arrow::Buffer::FromVector(std::move(values_))}, null_count_);
    return Column{arrow::MakeArray(std::move(data)), is_constant};
  }

 private:
  const types::DataType& type_;
  std::vector<T> values_;
  std::vector<uint8_t> valid_;  // empty: all
  int64_t null_count_ = 0;
};

/// Columns whose Arrow builder does the work: BOOLEAN, text, bytes, DECIMAL.
template <typename Builder>
class BuilderMaker {
 public:
  template <typename... Arguments>
  explicit BuilderMaker(int64_t rows, Arguments&&... arguments) : builder_(std::forward<Arguments>(arguments)...) {
    status_ = builder_.Reserve(rows);
  }
  template <typename V>
  void Set(int64_t, V&& value) {
    if (status_.ok()) status_ = builder_.Append(std::forward<V>(value));
  }
  void SetNull(int64_t) {
    if (status_.ok()) status_ = builder_.AppendNull();
  }
  Result<Column> Finish(bool is_constant) {
    FIRN_RETURN_IF_ERROR(types::FromArrowStatus(status_));
    FIRN_TRY(types::ArrayPtr array, types::FromArrowResult(builder_.Finish()));
    return Column{std::move(array), is_constant};
  }

 private:
  Builder builder_;
  arrow::Status status_;
};

/// Booleans are collected as bytes, a store each, and packed into bits at the end.
template <>
class ColumnMaker<bool> {
 public:
  ColumnMaker(const types::DataType&, int64_t rows) : values_(static_cast<size_t>(rows)) {}
  void Set(int64_t row, bool value) { values_[static_cast<size_t>(row)] = value ? 1 : 0; }
  void SetNull(int64_t row) {
    if (valid_.empty()) valid_.resize(values_.size(), 1);
    valid_[static_cast<size_t>(row)] = 0;
    ++null_count_;
  }
  Result<Column> Finish(bool is_constant) {
    const auto rows = static_cast<int64_t>(values_.size());
    auto data = arrow::ArrayData::Make(arrow::boolean(), rows, {PackValidity(valid_, null_count_), PackBits(values_)}, null_count_);
    return Column{arrow::MakeArray(std::move(data)), is_constant};
  }

 private:
  std::vector<uint8_t> values_;
  std::vector<uint8_t> valid_;  // empty: all
  int64_t null_count_ = 0;
};
template <>
class ColumnMaker<std::string> : public BuilderMaker<arrow::BinaryBuilder> {
 public:
  ColumnMaker(const types::DataType& type, int64_t rows, const Limits& limits = {}) : BuilderMaker(rows), type_(type), bytes_max_(limits.column_bytes) {}
  ColumnMaker(types::DataType&& type, int64_t rows, const Limits& limits = {}) = delete;  // it keeps a reference
  void Set(int64_t row, std::string_view value) {
    bytes_ += static_cast<int64_t>(value.size());
    if (!is_full()) BuilderMaker::Set(row, value);
  }
  /// Whether there is more than a column may hold: what comes now is not kept, and Finish fails.
  bool is_full() const { return bytes_ > bytes_max_; }
  Result<Column> Finish(bool is_constant) {
    if (is_full()) return ColumnTooLarge(bytes_max_);
    FIRN_TRY(Column column, BuilderMaker::Finish(is_constant));
    column.array->data()->type = type_.ToArrow();  // utf8 and binary have one layout
    column.array = arrow::MakeArray(column.array->data());
    return column;
  }

 private:
  const types::DataType& type_;
  const int64_t bytes_max_;
  int64_t bytes_ = 0;
};
template <>
class ColumnMaker<arrow::Decimal128> : public BuilderMaker<arrow::Decimal128Builder> {
 public:
  ColumnMaker(const types::DataType& type, int64_t rows) : BuilderMaker(rows, type.ToArrow()) {}
};

/// Of the results of a call.
template <typename T>
ColumnMaker<T> MakerOf(const KernelInput& input) {
  if constexpr (std::is_same_v<T, std::string>) return ColumnMaker<T>(input.result_type, input.row_count, input.context.limits);
  else return ColumnMaker<T>(input.result_type, input.row_count);
}

namespace kernel_internal {

template <typename Out, typename Value>
void Store(ColumnMaker<Out>& maker, int64_t row, Value&& value) {
  if constexpr (std::is_same_v<std::decay_t<Value>, std::optional<Out>>) {
    if (value) {
      maker.Set(row, *std::forward<Value>(value));
    } else {
      maker.SetNull(row);
    }
  } else {
    maker.Set(row, std::forward<Value>(value));
  }
}

template <typename Out, typename Function, typename... Views>
Result<Column> MapViews(const KernelInput& input, const Function& function, const Views&... views) {
  auto maker = MakerOf<Out>(input);
  using Value = decltype(function(views[0]...));
  const bool has_nulls = (views.has_nulls() || ...);
  for (int64_t row = 0; row < input.row_count; ++row) {
    if constexpr (requires { maker.is_full(); }) {
      if (maker.is_full()) break;
    }
    if (has_nulls && !(views.IsValid(row) && ...)) {
      maker.SetNull(row);
      continue;
    }
    if constexpr (requires(Value value) { value.error(); }) {
      FIRN_TRY(auto value, function(views[row]...));
      Store<Out>(maker, row, std::move(value));
    } else {
      Store<Out>(maker, row, function(views[row]...));
    }
  }
  return maker.Finish(false);
}

template <typename Out, typename... In, typename Function, size_t... Index>
Result<Column> MapIndexed(const KernelInput& input, const Function& function, std::index_sequence<Index...>) {
  FIRN_ASSERT(input.arguments.size() >= sizeof...(In), "{} arguments of {}", input.arguments.size(), sizeof...(In));
  ((CheckLength(input.arguments[Index], input.row_count)), ...);
  return MapViews<Out>(input, function, ViewOf<In>(input.arguments[Index])...);
}

}  // namespace kernel_internal

/// Maps rows whose arguments are all there; NULL otherwise. `function` gives Out, optional<Out> (NULL) or Result of either (fails the call).
/// Map<int32_t, std::string_view>(input, [](std::string_view text) { return ...; })
template <typename Out, typename... In, typename Function>
Result<Column> Map(const KernelInput& input, const Function& function) {
  return kernel_internal::MapIndexed<Out, In...>(input, function, std::index_sequence_for<In...>());
}

/// Calls `visit.template operator()<T>()` with the C++ type of an integer or floating type.
template <typename Visit>
Result<Column> VisitNumber(const types::DataType& type, const Visit& visit) {
  switch (type.kind()) {
    case types::TypeKind::kTinyInt: return visit.template operator()<int8_t>();
    case types::TypeKind::kSmallInt: return visit.template operator()<int16_t>();
    case types::TypeKind::kInt: return visit.template operator()<int32_t>();
    case types::TypeKind::kBigInt: return visit.template operator()<int64_t>();
    case types::TypeKind::kFloat: return visit.template operator()<float>();
    case types::TypeKind::kDouble: return visit.template operator()<double>();
    default: FIRN_UNREACHABLE("{} is no machine number", type.ToString());
  }
}

/// A column of NULLs.
Result<Column> NullColumn(const types::DataType& type);
/// One value a row, also of a constant. kLimitExceeded if a constant is too large for so many rows.
Result<types::ArrayPtr> ExpandColumn(const Column& column, int64_t rows, const Limits& limits);

// --- binding ---

/// Whether any argument may be NULL.
bool AnyNullable(const std::vector<types::DataType>& types);
/// The result type with the nullability that NULL-in, NULL-out gives it.
types::DataType Strict(types::DataType result, const CallSite& call);
/// kTypeMismatch: "cannot apply UPPER to (INT); it takes UPPER(string)".
Error ArgumentError(const CallSite& call, std::string_view expected);
/// Whether an untyped NULL stands among the arguments: most functions refuse it as Flink does.
bool HasUntypedNull(const CallSite& call);

/// What an argument must be; kOptional* may be missing from the end on.
enum class Want : uint8_t { kAny, kText, kBytes, kTextOrBytes, kInt, kBigInt, kDouble, kNumeric, kBoolean, kDate, kTimestamp, kTemporal, kArray, kMap };
/// Checks the count (`required` to wants.size()) and kinds; numbers are widened to kInt, kBigInt, kDouble. Gives the argument types to cast to.
Result<std::vector<types::DataType>> CheckArguments(const CallSite& call, std::initializer_list<Want> wants, size_t required, std::string_view syntax);

}  // namespace firn::expr
