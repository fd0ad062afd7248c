// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

#include <array>
#include <cstdint>

#include "base/assert.h"

namespace firn::base {

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kInvalid = 0xff;

constexpr std::array<uint8_t, 256> MakeValues() {
  std::array<uint8_t, 256> values{};
  values.fill(kInvalid);
  for (size_t i = 0; i < kAlphabet.size(); ++i) values[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
  return values;
}
constexpr std::array<uint8_t, 256> kValues = MakeValues();

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t block = 0;
    for (size_t j = 0; j < 3; ++j) block = block << 8 | (j < count ? static_cast<uint8_t>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j) text.push_back(j <= count ? kAlphabet[block >> (18 - 6 * j) & 63] : '=');
  }
  FIRN_ASSERT(text.size() == (bytes.size() + 2) / 3 * 4, "{} characters of {} bytes", text.size(), bytes.size());
  return text;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  const size_t digits = text.size() - padding;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t block = 0;
  for (size_t i = 0; i < digits; ++i) {
    const uint8_t value = kValues[static_cast<uint8_t>(text[i])];
    if (value == kInvalid) return std::nullopt;
    block = block << 6 | value;
    if (i % 4 == 1) bytes.push_back(static_cast<char>(block >> 4));
    if (i % 4 == 2) bytes.push_back(static_cast<char>(block >> 2));
    if (i % 4 == 3) bytes.push_back(static_cast<char>(block));
  }
  FIRN_ASSERT(bytes.size() == digits * 3 / 4, "{} bytes of {} digits", bytes.size(), digits);
  return bytes;
}

}  // namespace firn::base
