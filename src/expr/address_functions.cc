// SPDX-License-Identifier: Apache-2.0
// IPv4 addresses as numbers. Short forms are those of MySQL: the last part is the last byte, missing ones before it are 0; parts are decimal.
#include <fmt/format.h>

#include <algorithm>

#include "expr/function_groups_internal.h"
#include "expr/kernel_internal.h"
#include "expr/signatures_internal.h"

namespace firn::expr {

namespace {

constexpr int kBytes = 4;

// Nothing: no address.
std::optional<int64_t> AddressNumber(std::string_view text) {
  int64_t number = 0;
  int64_t part = -1;  // no digit of it was seen yet
  int dots = 0;
  for (char c : text) {
    if (c == '.') {
      if (part < 0 || ++dots == kBytes) return std::nullopt;
      number = number * 256 + part;
      part = -1;
    } else if (c >= '0' && c <= '9') {
      part = std::max<int64_t>(part, 0) * 10 + (c - '0');
      if (part > 255) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  if (part < 0) return std::nullopt;
  if (dots > 0) number <<= 8 * (kBytes - 1 - dots);
  return number * 256 + part;
}

Result<Column> InetAton(const KernelInput& input) { return Map<int64_t, std::string_view>(input, AddressNumber); }

Result<Column> InetNtoa(const KernelInput& input) {
  return Map<std::string, int64_t>(input, [](int64_t number) -> std::optional<std::string> {
    if (number < 0 || number > 0xFFFFFFFF) return std::nullopt;
    return fmt::format("{}.{}.{}.{}", number >> 24, (number >> 16) & 255, (number >> 8) & 255, number & 255);
  });
}

}  // namespace

std::vector<ScalarFunction> AddressFunctions() {
  return {
      {{"INET_ATON"}, "string", "INET_ATON(string)", "The number of an IPv4 address; NULL for what is none.", {{"INET_ATON('127.0.0.1')", "2130706433"}, {"INET_ATON('127.1')", "2130706433"}}, BindNullable<BigIntType, 1, Want::kText>, InetAton},
      {{"INET_NTOA"}, "string", "INET_NTOA(integer)", "The IPv4 address of a number; NULL for what is none.", {{"INET_NTOA(2130706433)", "127.0.0.1"}, {"INET_NTOA(-1)", "NULL"}}, BindNullable<StringType, 1, Want::kBigInt>, InetNtoa},
  };
}

}  // namespace firn::expr
