// SPDX-License-Identifier: Apache-2.0
// Domain numbers as types, so that an offset is never passed where a partition is wanted.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <cstdint>
#include <functional>

namespace firn::base {

/// FIRN's named integer: explicit to make, ordered, hashable, printable; arithmetic only through value().
template <typename Tag, typename Number>
class StrongId {
 public:
  using value_type = Number;
  constexpr StrongId() = default;
  constexpr explicit StrongId(Number value) : value_(value) {}
  constexpr Number value() const { return value_; }
  constexpr auto operator<=>(const StrongId&) const = default;
  constexpr StrongId& operator++() {
    ++value_;
    return *this;
  }

 private:
  Number value_{};
};

}  // namespace firn::base

template <typename Tag, typename Number>
struct std::hash<firn::base::StrongId<Tag, Number>> {
  size_t operator()(const firn::base::StrongId<Tag, Number>& id) const noexcept { return std::hash<Number>()(id.value()); }
};

template <typename Tag, typename Number>
struct fmt::formatter<firn::base::StrongId<Tag, Number>> : fmt::formatter<Number> {
  template <typename Context>
  auto format(const firn::base::StrongId<Tag, Number>& id, Context& context) const {
    return fmt::formatter<Number>::format(id.value(), context);
  }
};
