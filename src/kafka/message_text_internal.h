// SPDX-License-Identifier: Apache-2.0
// Messages as text for tests and traces: {acks=-1 topics=[{name="trades" ...}]}; only the fields of the version, in wire order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/bytes.h"
#include "kafka/api.h"

namespace firn::kafka {

class TextWriter {
 public:
  explicit TextWriter(std::string* out) : out_(out) { out_->push_back('{'); }

  template <typename T>
  void Field(std::string_view name, const T& value, int version) {
    if (out_->back() != '{') out_->push_back(' ');
    out_->append(name);
    out_->push_back('=');
    Value(value, version);
  }
  void Finish() { out_->push_back('}'); }

 private:
  template <typename T>
  void Value(const T& value, int version) {
    if constexpr (std::is_same_v<T, bool>) {
      out_->append(value ? "true" : "false");
    } else if constexpr (std::is_integral_v<T>) {
      out_->append(std::to_string(value));
    } else {
      value.AppendText(out_, version);
    }
  }
  template <typename T>
  void Value(const std::vector<T>& values, int version) {
    out_->push_back('[');
    for (size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out_->push_back(' ');
      Value(values[i], version);
    }
    out_->push_back(']');
  }
  template <typename T>
  void Value(const std::optional<T>& value, int version) {
    if (!value.has_value()) out_->append("null");
    else Value(*value, version);
  }
  void Value(const std::string& value, int) { Quoted(value); }
  void Value(const base::SharedBytes& value, int) { Hex(value.view()); }
  void Value(const Uuid& value, int) { Hex({reinterpret_cast<const char*>(value.data()), value.size()}); }

  void Quoted(std::string_view text);
  void Hex(std::string_view bytes);

  std::string* out_;
};

}  // namespace firn::kafka
