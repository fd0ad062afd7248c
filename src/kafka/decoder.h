// SPDX-License-Identifier: Apache-2.0
// Reads the primitive types of the Kafka protocol from a frame. A fault (the frame ends early, an impossible length) is sticky: the
// decoder then gives zeros and empty values, and status() says what was wrong, so that decoding code has no branch per field.
//
// Hardened: nothing is allocated before the bytes that justify it are there. An array may hold at most one element a remaining byte and
// kArrayElementsMax; all decoded elements together may take kDecodedBytesMax of memory; a struct may have kTaggedFieldsMax tagged fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/endian.h"
#include "base/result.h"
#include "kafka/api.h"

namespace firn::kafka {

inline constexpr size_t kArrayElementsMax = 1'000'000;
inline constexpr size_t kTaggedFieldsMax = 10'000;
inline constexpr size_t kDecodedBytesMax = 128 << 20;

/// Thread-compatible. Values of type bytes and records share the frame's memory.
class Decoder {
 public:
  explicit Decoder(base::SharedBytes frame) : frame_(std::move(frame)), at_(frame_.data()), end_(at_ + frame_.size()) {}

  void Bool(bool* value) {
    uint8_t byte = 0;
    Fixed(&byte);
    *value = byte != 0;
  }
  void Int8(int8_t* value) { Fixed(value); }
  void Int16(int16_t* value) { Fixed(value); }
  void Int32(int32_t* value) { Fixed(value); }
  void Int64(int64_t* value) { Fixed(value); }
  void Uuid(kafka::Uuid* value);
  void String(bool flexible, std::string* value);
  void String(bool flexible, std::optional<std::string>* value, bool may_be_null);
  void Bytes(bool flexible, base::SharedBytes* value);
  void Records(bool flexible, std::optional<kafka::Records>* value, bool may_be_null);

  template <typename T, typename ReadItem>
  void Array(bool flexible, std::vector<T>* values, const ReadItem& read_item) {
    const int64_t count = ArrayCount(flexible);
    if (count < 0) return Fail("an array is null that must not be");
    Items(count, values, read_item);
  }
  template <typename T, typename ReadItem>
  void Array(bool flexible, std::optional<std::vector<T>>* values, bool may_be_null, const ReadItem& read_item) {
    const int64_t count = ArrayCount(flexible);
    if (count < 0) {
      values->reset();
      if (!may_be_null) Fail("an array is null that must not be");
      return;
    }
    values->emplace();
    Items(count, &**values, read_item);
  }

  /// Reads the tagged-field section that ends a struct: calls `read(tag)`, which may read the field's value or leave it.
  template <typename Read>
  void Tags(const Read& read) {
    const uint64_t count = TagCount();
    int64_t previous = -1;
    for (uint64_t i = 0; i < count && ok(); ++i) {
      uint64_t tag = 0;
      const char* const field_end = TagHeader(&tag, &previous);
      const char* const outer_end = end_;
      end_ = field_end;
      read(tag);
      end_ = outer_end;
      if (ok()) at_ = field_end;
    }
  }
  void SkipTags() {
    Tags([](uint64_t) {});
  }

  bool ok() const { return fault_ == nullptr; }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  /// kMalformedRequest with the reason and the place of the first fault.
  Status status() const;
  /// Marks the input as malformed; the first reason stays. `reason` must be a literal.
  void Fail(const char* reason);

 private:
  template <typename T>
  void Fixed(T* value) {
    if (remaining() < sizeof(T)) [[unlikely]] {
      *value = T{};
      return Fail("it ends early");
    }
    *value = base::LoadBig<T>(at_);
    at_ += sizeof(T);
  }
  template <typename T, typename ReadItem>
  void Items(int64_t count, std::vector<T>* values, const ReadItem& read_item) {
    values->clear();
    for (int64_t i = 0; i < count && ok(); ++i) {
      if (!Charge(sizeof(T))) return;
      read_item(values->emplace_back());
    }
  }
  uint64_t UnsignedVarint();
  int64_t ArrayCount(bool flexible);              // -1: null
  int64_t Length(bool flexible, bool is_string);  // -1: null; else at most remaining()
  uint64_t TagCount();
  const char* TagHeader(uint64_t* tag, int64_t* previous);
  bool Charge(size_t bytes);
  std::string_view Take(int64_t size) {
    const std::string_view view(at_, static_cast<size_t>(size));
    at_ += size;
    return view;
  }

  base::SharedBytes frame_;
  const char* at_;
  const char* end_;
  const char* fault_ = nullptr;
  size_t fault_position_ = 0;
  size_t charged_bytes_ = 0;
};

}  // namespace firn::kafka
