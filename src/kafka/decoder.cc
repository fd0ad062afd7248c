// SPDX-License-Identifier: Apache-2.0
#include "kafka/decoder.h"

#include <fmt/format.h>

#include <limits>

#include "base/utf8.h"
#include "base/varint.h"

namespace firn::kafka {

namespace {

// As in Kafka, whose strings are Java's: what is no UTF-8 is replaced. Names that one client gives are told to others, and librdkafka's Python client ends over such a one.
std::string Text(std::string_view bytes) { return base::FindInvalidUtf8(bytes).has_value() ? base::ValidUtf8(bytes) : std::string(bytes); }

}  // namespace

void Decoder::Fail(const char* reason) {
  if (fault_ != nullptr) return;
  fault_ = reason;
  fault_position_ = static_cast<size_t>(at_ - frame_.data());
  at_ = end_;
}

Status Decoder::status() const {
  if (ok()) return Ok();
  return Error(ErrorCode::kMalformedRequest,
               fmt::format("Kafka message of {} bytes is malformed at byte {}: {}", frame_.size(), fault_position_, fault_));
}

uint64_t Decoder::UnsignedVarint() {
  std::string_view in(at_, remaining());
  uint64_t value = 0;
  if (!base::ReadUnsignedVarint(&in, &value) || value > std::numeric_limits<uint32_t>::max()) {
    Fail("a variable-length integer ends early or is too large");
    return 0;
  }
  at_ = in.data();
  return value;
}

int64_t Decoder::Length(bool flexible, bool is_string) {
  int64_t length = 0;
  if (flexible) {
    length = static_cast<int64_t>(UnsignedVarint()) - 1;
  } else if (is_string) {
    int16_t short_length = 0;
    Fixed(&short_length);
    length = short_length;
  } else {
    int32_t long_length = 0;
    Fixed(&long_length);
    length = long_length;
  }
  if (!ok()) return 0;
  if (length < -1 || length > static_cast<int64_t>(remaining())) {
    Fail("a length is larger than what remains, or negative");
    return 0;
  }
  return length;
}

int64_t Decoder::ArrayCount(bool flexible) {
  const int64_t count = Length(flexible, /*is_string=*/false);
  if (count > static_cast<int64_t>(kArrayElementsMax)) {
    Fail("an array has more than 1000000 elements");
    return 0;
  }
  return count;
}

bool Decoder::Charge(size_t bytes) {
  charged_bytes_ += bytes;
  if (charged_bytes_ <= kDecodedBytesMax) return true;
  Fail("its arrays need more than 128 MiB of memory");
  return false;
}

void Decoder::Uuid(kafka::Uuid* value) {
  if (remaining() < value->size()) {
    value->fill(0);
    return Fail("it ends early");
  }
  std::memcpy(value->data(), at_, value->size());
  at_ += value->size();
}

void Decoder::String(bool flexible, std::string* value) {
  const int64_t length = Length(flexible, /*is_string=*/true);
  if (length < 0) return Fail("a string is null that must not be");
  *value = Text(Take(length));
}

void Decoder::String(bool flexible, std::optional<std::string>* value, bool may_be_null) {
  const int64_t length = Length(flexible, /*is_string=*/true);
  if (length >= 0) {
    *value = Text(Take(length));
    return;
  }
  value->reset();
  if (!may_be_null) Fail("a string is null that must not be");
}

void Decoder::Bytes(bool flexible, base::SharedBytes* value) {
  const int64_t length = Length(flexible, /*is_string=*/false);
  if (length < 0) return Fail("bytes are null that must not be");
  *value = base::SharedBytes(frame_.owner(), Take(length));
}

void Decoder::Records(bool flexible, std::optional<kafka::Records>* value, bool may_be_null) {
  const int64_t length = Length(flexible, /*is_string=*/false);
  if (length < 0) {
    value->reset();
    if (!may_be_null) Fail("records are null that must not be");
    return;
  }
  value->emplace();
  (*value)->emplace_back(frame_.owner(), Take(length));
}

uint64_t Decoder::TagCount() {
  const uint64_t count = UnsignedVarint();
  if (count <= kTaggedFieldsMax) return count;
  Fail("a struct has more than 10000 tagged fields");
  return 0;
}

const char* Decoder::TagHeader(uint64_t* tag, int64_t* previous) {
  *tag = UnsignedVarint();
  const uint64_t size = UnsignedVarint();
  if (ok() && static_cast<int64_t>(*tag) <= *previous) Fail("tags do not ascend");
  if (ok() && size > remaining()) Fail("a tagged field is larger than what remains");
  *previous = static_cast<int64_t>(*tag);
  return ok() ? at_ + size : at_;
}

}  // namespace firn::kafka
