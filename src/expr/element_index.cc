// SPDX-License-Identifier: Apache-2.0
#include "expr/element_index_internal.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/assert.h"

namespace firn::expr {

namespace {

using types::DataType;
using types::TypeKind;

constexpr size_t kScannedElements = 16;  // up to so many are compared one by one: cheaper than an index, and without allocations

/// 0.0 equals -0.0 and every NaN every other, though their bytes differ.
bool HoldsFloats(const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kFloat:
    case TypeKind::kDouble: return true;
    case TypeKind::kArray: return HoldsFloats(type.element());
    case TypeKind::kMap: return HoldsFloats(type.key()) || HoldsFloats(type.value());
    case TypeKind::kRow: return std::any_of(type.fields().begin(), type.fields().end(), [](const types::Field& field) { return HoldsFloats(field.type); });
    default: return false;
  }
}

template <typename T>
std::shared_ptr<arrow::Buffer> CanonicalBuffer(const arrow::ArrayData& data) {
  const T* values = data.GetValues<T>(1);
  std::vector<T> canonical(static_cast<size_t>(data.offset + data.length));
  for (int64_t i = 0; i < data.length; ++i) {
    const T value = values[i];
    canonical[static_cast<size_t>(data.offset + i)] = std::isnan(value) ? std::numeric_limits<T>::quiet_NaN() : value == 0 ? T{0} : value;
  }
  return arrow::Buffer::FromVector(std::move(canonical));
}

/// The same values, of which equal ones have equal bytes.
std::shared_ptr<arrow::ArrayData> Canonical(const std::shared_ptr<arrow::ArrayData>& data) {
  auto copy = data->Copy();
  if (data->type->id() == arrow::Type::FLOAT) copy->buffers[1] = CanonicalBuffer<float>(*data);
  if (data->type->id() == arrow::Type::DOUBLE) copy->buffers[1] = CanonicalBuffer<double>(*data);
  for (auto& child : copy->child_data) child = Canonical(child);
  return copy;
}

}  // namespace

Result<ElementIndex> ElementIndex::Make(const DataType& type, const ElementPool& pool) {
  FIRN_ASSERT(HaveOneForm(*pool.all().type(), *type.ToArrow()), "elements of {} are compared as {}", pool.all().type()->ToString(), type.ToString());
  if (type.kind() == TypeKind::kNull) return ElementIndex(arrow::MakeArray(pool.all().data()), nullptr);
  FIRN_TRY(std::unique_ptr<CellCodec> codec, CellCodec::Make(type));
  return ElementIndex(arrow::MakeArray(HoldsFloats(type) ? Canonical(pool.all().data()) : pool.all().data()), std::move(codec));
}

bool ElementIndex::IsScanned() const { return codec_ == nullptr || elements_.size() < kScannedElements; }

size_t ElementIndex::Scan(int64_t element) {
  const auto options = arrow::EqualOptions::Defaults().nans_equal(true);
  const auto found = std::find_if(elements_.begin(), elements_.end(), [&](int64_t other) {
    ++compared_;
    return encoded_->RangeEquals(*encoded_, other, other + 1, element, options);
  });
  return static_cast<size_t>(found - elements_.begin());
}

void ElementIndex::Encode(int64_t element) {
  bytes_.clear();
  if (encoded_->IsNull(element)) return;
  bytes_.push_back(1);  // so that no value has the bytes of NULL
  codec_->Encode(*encoded_, element, &bytes_);
}

ElementIndex::Place ElementIndex::Insert(int64_t element) {
  FIRN_ASSERT(element >= 0 && element < encoded_->length(), "element {} of {}", element, encoded_->length());
  size_t at = elements_.size();
  if (IsScanned()) {
    at = Scan(element);
  } else {
    if (places_.empty()) {
      for (size_t place = 0; place < elements_.size(); ++place) {
        Encode(elements_[place]);
        places_.emplace(bytes_, place);
      }
    }
    Encode(element);
    at = places_.emplace(bytes_, at).first->second;
  }
  const bool is_new = at == elements_.size();
  if (is_new) elements_.push_back(element);
  return {at, is_new};
}

bool ElementIndex::Contains(int64_t element) {
  if (places_.empty()) return Scan(element) < elements_.size();
  Encode(element);
  return places_.contains(bytes_);
}

void ElementIndex::Clear() {
  FIRN_ASSERT(places_.empty() || places_.size() == elements_.size(), "{} of {} distinct elements are indexed", places_.size(), elements_.size());
  elements_.clear();
  places_.clear();
}

}  // namespace firn::expr
