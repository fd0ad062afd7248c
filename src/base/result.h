// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error. Shaped like std::expected, which g++ 12 does not have in C++20. Exceptions never cross a
// module's border; a library that throws is wrapped where it is called.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "base/error.h"

namespace firn::base {

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design
  template <typename U>
    requires(std::is_convertible_v<U &&, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
             !std::is_same_v<std::remove_cvref_t<U>, Error> && !std::is_same_v<std::remove_cvref_t<U>, Result>)
  Result(U&& value) : content_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT: implicit by design

  bool has_value() const { return content_.index() == 0; }
  bool ok() const { return has_value(); }
  explicit operator bool() const { return has_value(); }

  T& value() & { return Checked(); }
  const T& value() const& { return const_cast<Result*>(this)->Checked(); }
  T&& value() && { return std::move(Checked()); }
  T& operator*() & { return Checked(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(Checked()); }
  T* operator->() { return &Checked(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return std::get<1>(content_); }
  Error& error() & { return std::get<1>(content_); }
  Error&& error() && { return std::get<1>(std::move(content_)); }

  T value_or(T other) && { return ok() ? std::move(Checked()) : std::move(other); }

 private:
  T& Checked() {
    FIRN_ASSERT(has_value(), "value() of a failed Result: {}", std::get<1>(content_).ToString());
    return std::get<0>(content_);
  }

  std::variant<T, Error> content_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit by design

  bool has_value() const { return !error_.has_value(); }
  bool ok() const { return has_value(); }
  explicit operator bool() const { return has_value(); }
  void value() const { FIRN_ASSERT(ok(), "value() of a failed Result: {}", error_->ToString()); }

  const Error& error() const& { return *error_; }
  Error& error() & { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

/// Success, or the error of something that has no value.
using Status = Result<void>;

/// Status Foo() { ...; return Ok(); }
inline Status Ok() { return {}; }

}  // namespace firn::base

namespace firn {
using base::Error;
using base::ErrorCode;
using base::Ok;
using base::Result;
using base::Status;
}  // namespace firn

#define FIRN_CONCAT_INNER(a, b) a##b
#define FIRN_CONCAT(a, b) FIRN_CONCAT_INNER(a, b)

/// FIRN_TRY(auto file, files.Open(path)): declares or assigns the value, or returns the error from this function.
#define FIRN_TRY(target, ...) FIRN_TRY_INNER(FIRN_CONCAT(firn_result_, __LINE__), target, __VA_ARGS__)
#define FIRN_TRY_INNER(result, target, ...)          \
  auto result = (__VA_ARGS__);                       \
  if (!result.ok()) return std::move(result).error(); \
  target = std::move(result).value()

#define FIRN_RETURN_IF_ERROR(...)                                                      \
  do {                                                                                 \
    if (auto firn_status = (__VA_ARGS__); !firn_status.ok()) return std::move(firn_status).error(); \
  } while (false)
