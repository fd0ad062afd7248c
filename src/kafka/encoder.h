// SPDX-License-Identifier: Apache-2.0
// Writes the primitive types of the Kafka protocol. Records are not copied: the result is a list of parts to be sent one after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/endian.h"
#include "base/varint.h"
#include "kafka/api.h"

namespace firn::kafka {

/// Thread-compatible.
class Encoder {
 public:
  void Bool(bool value) { bytes_.push_back(value ? '\1' : '\0'); }
  void Int8(int8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void Int16(int16_t value) { Fixed(value); }
  void Int32(int32_t value) { Fixed(value); }
  void Int64(int64_t value) { Fixed(value); }
  void UnsignedVarint(uint64_t value) { base::AppendUnsignedVarint(&bytes_, value); }
  void Uuid(const kafka::Uuid& value) { bytes_.append(reinterpret_cast<const char*>(value.data()), value.size()); }
  void Raw(std::string_view bytes) { bytes_.append(bytes); }

  /// A string too long for a classic length (32,767 bytes) is cut there: it can only be one that came in through a flexible version.
  void String(bool flexible, std::string_view value);
  /// A missing value is written as null where that is allowed, else as empty.
  void String(bool flexible, const std::optional<std::string>& value, bool may_be_null) {
    if (value.has_value() || !may_be_null) return String(flexible, std::string_view(value.has_value() ? *value : std::string()));
    StringLength(flexible, -1);
  }
  void Bytes(bool flexible, const base::SharedBytes& value) {
    Length(flexible, static_cast<int64_t>(value.size()));
    bytes_.append(value.view());
  }
  void Records(bool flexible, const std::optional<kafka::Records>& value, bool may_be_null);

  template <typename T, typename WriteItem>
  void Array(bool flexible, const std::vector<T>& values, const WriteItem& write_item) {
    Length(flexible, static_cast<int64_t>(values.size()));
    for (const auto& value : values) write_item(value);
  }
  template <typename T, typename WriteItem>
  void Array(bool flexible, const std::optional<std::vector<T>>& values, bool may_be_null, const WriteItem& write_item) {
    if (values.has_value()) return Array(flexible, *values, write_item);
    Length(flexible, may_be_null ? -1 : 0);
  }

  size_t size() const { return parts_size_ + bytes_.size(); }
  /// All that was written, in order. The encoder is empty afterwards.
  std::vector<base::SharedBytes> TakeParts();
  /// The same as one string. Copies records.
  std::string TakeString();

 private:
  template <typename T>
  void Fixed(T value) {
    value = base::SwapBytes(value);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void StringLength(bool flexible, int64_t length);
  void Length(bool flexible, int64_t length) {
    if (flexible) return UnsignedVarint(static_cast<uint64_t>(length + 1));
    Int32(static_cast<int32_t>(length));
  }

  std::vector<base::SharedBytes> parts_;
  size_t parts_size_ = 0;
  std::string bytes_;  // behind the parts
};

}  // namespace firn::kafka
