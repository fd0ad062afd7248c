// SPDX-License-Identifier: Apache-2.0
// Cells of ARRAY, MAP and ROW as bytes. A part is written as a mark (0: NULL), and if it is there its size and its bytes; an ARRAY or MAP has its
// count of parts in front. The bytes tell values apart but do not sort as they do: nested values have no order.
#include <arrow/array.h>
#include <arrow/builder.h>
#include <fmt/format.h>

#include <limits>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/endian.h"
#include "expr/cell_codec_internal.h"
#include "types/arrow_result.h"

namespace firn::expr {

namespace {

using types::FromArrowStatus;
using Codec = std::unique_ptr<CellCodec>;

Error Truncated() { return Error(ErrorCode::kCorruption, "a stored nested value ends early"); }

void AppendSize(size_t size, std::string* out) {
  FIRN_ASSERT(size <= std::numeric_limits<uint32_t>::max(), "a part of {} bytes or elements", size);
  char bytes[sizeof(uint32_t)];
  base::StoreLittle<uint32_t>(bytes, static_cast<uint32_t>(size));
  out->append(bytes, sizeof(bytes));
}

Result<size_t> TakeSize(std::string_view* bytes) {
  if (bytes->size() < sizeof(uint32_t)) return Truncated();
  const size_t size = base::LoadLittle<uint32_t>(bytes->data());
  bytes->remove_prefix(sizeof(uint32_t));
  return size;
}

void EncodePart(const CellCodec& codec, const arrow::Array& array, int64_t row, std::string* out) {
  const bool is_null = array.IsNull(row);
  out->push_back(is_null ? '\0' : '\1');
  if (is_null) return;
  const size_t at = out->size();
  AppendSize(0, out);
  codec.Encode(array, row, out);
  const size_t size = out->size() - at - sizeof(uint32_t);
  FIRN_ASSERT(size <= std::numeric_limits<uint32_t>::max(), "a part of {} bytes", size);
  base::StoreLittle<uint32_t>(out->data() + at, static_cast<uint32_t>(size));
}

Status DecodePart(const CellCodec& codec, std::string_view* bytes, arrow::ArrayBuilder* builder) {
  if (bytes->empty()) return Truncated();
  const bool is_null = bytes->front() == '\0';
  bytes->remove_prefix(1);
  if (is_null) return FromArrowStatus(builder->AppendNull());
  FIRN_TRY(const size_t size, TakeSize(bytes));
  if (bytes->size() < size) return Truncated();
  const std::string_view part = bytes->substr(0, size);
  bytes->remove_prefix(size);
  return codec.Decode(part, builder);
}

class RowCodec final : public CellCodec {
 public:
  explicit RowCodec(std::vector<Codec> fields) : fields_(std::move(fields)) {}
  void Encode(const arrow::Array& array, int64_t row, std::string* out) const override {
    const auto& rows = static_cast<const arrow::StructArray&>(array);
    FIRN_ASSERT(rows.num_fields() == static_cast<int>(fields_.size()), "a row of {} fields is written as one of {}", rows.num_fields(), fields_.size());
    for (size_t i = 0; i < fields_.size(); ++i) EncodePart(*fields_[i], *rows.field(static_cast<int>(i)), row, out);
  }
  Status Decode(std::string_view bytes, arrow::ArrayBuilder* builder) const override {
    auto* rows = static_cast<arrow::StructBuilder*>(builder);
    FIRN_RETURN_IF_ERROR(FromArrowStatus(rows->Append()));
    for (size_t i = 0; i < fields_.size(); ++i) FIRN_RETURN_IF_ERROR(DecodePart(*fields_[i], &bytes, rows->field_builder(static_cast<int>(i))));
    return Ok();
  }

 private:
  std::vector<Codec> fields_;
};

class ArrayCodec final : public CellCodec {
 public:
  explicit ArrayCodec(Codec element) : element_(std::move(element)) {}
  void Encode(const arrow::Array& array, int64_t row, std::string* out) const override {
    const auto& lists = static_cast<const arrow::ListArray&>(array);
    AppendSize(static_cast<size_t>(lists.value_length(row)), out);
    for (int64_t at = lists.value_offset(row); at < lists.value_offset(row + 1); ++at) EncodePart(*element_, *lists.values(), at, out);
  }
  Status Decode(std::string_view bytes, arrow::ArrayBuilder* builder) const override {
    auto* lists = static_cast<arrow::ListBuilder*>(builder);
    FIRN_RETURN_IF_ERROR(FromArrowStatus(lists->Append()));
    FIRN_TRY(const size_t count, TakeSize(&bytes));
    for (size_t i = 0; i < count; ++i) FIRN_RETURN_IF_ERROR(DecodePart(*element_, &bytes, lists->value_builder()));
    return Ok();
  }

 private:
  Codec element_;
};

class MapCodec final : public CellCodec {
 public:
  MapCodec(Codec key, Codec value) : key_(std::move(key)), value_(std::move(value)) {}
  void Encode(const arrow::Array& array, int64_t row, std::string* out) const override {
    const auto& maps = static_cast<const arrow::MapArray&>(array);
    const auto& entries = static_cast<const arrow::StructArray&>(*maps.values());
    AppendSize(static_cast<size_t>(maps.value_length(row)), out);
    for (int64_t at = maps.value_offset(row); at < maps.value_offset(row + 1); ++at) {
      EncodePart(*key_, *entries.field(0), at, out);
      EncodePart(*value_, *entries.field(1), at, out);
    }
  }
  Status Decode(std::string_view bytes, arrow::ArrayBuilder* builder) const override {
    auto* maps = static_cast<arrow::MapBuilder*>(builder);
    FIRN_RETURN_IF_ERROR(FromArrowStatus(maps->Append()));
    FIRN_TRY(const size_t count, TakeSize(&bytes));
    for (size_t i = 0; i < count; ++i) {
      FIRN_RETURN_IF_ERROR(DecodePart(*key_, &bytes, maps->key_builder()));
      FIRN_RETURN_IF_ERROR(DecodePart(*value_, &bytes, maps->item_builder()));
    }
    return Ok();
  }

 private:
  Codec key_;
  Codec value_;
};

}  // namespace

Result<std::unique_ptr<CellCodec>> CellCodec::MakeNested(const types::DataType& type) {
  if (type.kind() == types::TypeKind::kArray) {
    FIRN_TRY(Codec element, Make(type.element()));
    return Codec(std::make_unique<ArrayCodec>(std::move(element)));
  }
  if (type.kind() == types::TypeKind::kMap) {
    FIRN_TRY(Codec key, Make(type.key()));
    FIRN_TRY(Codec value, Make(type.value()));
    return Codec(std::make_unique<MapCodec>(std::move(key), std::move(value)));
  }
  std::vector<Codec> fields;
  for (const types::Field& field : type.fields()) {
    FIRN_TRY(Codec codec, Make(field.type));
    fields.push_back(std::move(codec));
  }
  return Codec(std::make_unique<RowCodec>(std::move(fields)));
}

}  // namespace firn::expr
