// SPDX-License-Identifier: Apache-2.0
// Raw bytes: std::string owns them, std::string_view looks at them, SharedBytes shares a part of an immutable block between
// threads without copying.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace firn::base {

/// A slice of an immutable, reference-counted block. Copying it copies a pointer. Thread-compatible; the bytes are immutable.
class SharedBytes {
 public:
  SharedBytes() = default;
  /// Takes the string; no copy of its bytes.
  static SharedBytes FromString(std::string bytes) {
    auto owner = std::make_shared<const std::string>(std::move(bytes));
    std::string_view view = *owner;
    return SharedBytes(std::move(owner), view);
  }
  /// `view` must lie in memory that `owner` keeps alive and that nobody changes any more.
  SharedBytes(std::shared_ptr<const void> owner, std::string_view view) : owner_(std::move(owner)), view_(view) {}

  std::string_view view() const { return view_; }
  const char* data() const { return view_.data(); }
  size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  const std::shared_ptr<const void>& owner() const { return owner_; }
  SharedBytes Slice(size_t begin, size_t size) const { return SharedBytes(owner_, view_.substr(begin, size)); }

 private:
  std::shared_ptr<const void> owner_;
  std::string_view view_;
};

}  // namespace firn::base
