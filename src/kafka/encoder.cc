// SPDX-License-Identifier: Apache-2.0
#include "kafka/encoder.h"

#include <limits>
#include <utility>

#include "base/assert.h"

namespace firn::kafka {

namespace {

constexpr size_t kCopiedBytesMax = 1024;  // smaller slices are cheaper to copy than to gather

}  // namespace

void Encoder::String(bool flexible, std::string_view value) {
  if (!flexible) value = value.substr(0, std::numeric_limits<int16_t>::max());
  StringLength(flexible, static_cast<int64_t>(value.size()));
  bytes_.append(value);
}

void Encoder::StringLength(bool flexible, int64_t length) {
  FIRN_ASSERT(length >= -1, "a string of {} bytes", length);
  if (flexible) return UnsignedVarint(static_cast<uint64_t>(length + 1));
  FIRN_ASSERT(length <= std::numeric_limits<int16_t>::max(), "a classic string of {} bytes", length);
  Int16(static_cast<int16_t>(length));
}

void Encoder::Records(bool flexible, const std::optional<kafka::Records>& value, bool may_be_null) {
  if (!value.has_value()) return Length(flexible, may_be_null ? -1 : 0);
  size_t total = 0;
  for (const auto& slice : *value) total += slice.size();
  FIRN_ASSERT(total <= static_cast<size_t>(std::numeric_limits<int32_t>::max()), "records of {} bytes", total);
  Length(flexible, static_cast<int64_t>(total));
  for (const auto& slice : *value) {
    if (slice.size() <= kCopiedBytesMax) {
      bytes_.append(slice.view());
      continue;
    }
    parts_size_ += bytes_.size() + slice.size();
    parts_.push_back(base::SharedBytes::FromString(std::exchange(bytes_, {})));
    parts_.push_back(slice);
  }
}

std::vector<base::SharedBytes> Encoder::TakeParts() {
  if (!bytes_.empty()) parts_.push_back(base::SharedBytes::FromString(std::exchange(bytes_, {})));
  parts_size_ = 0;
  return std::exchange(parts_, {});
}

std::string Encoder::TakeString() {
  if (parts_.empty()) return std::exchange(bytes_, {});
  std::string whole;
  whole.reserve(size());
  const size_t expected = size();
  for (const auto& part : TakeParts()) whole.append(part.view());
  FIRN_ASSERT(whole.size() == expected, "{} bytes were written, {} counted", whole.size(), expected);
  return whole;
}

}  // namespace firn::kafka
