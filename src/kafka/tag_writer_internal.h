// SPDX-License-Identifier: Apache-2.0
// Writes the tagged-field section that ends a flexible struct: count, then tag, size and bytes of each, ascending.
#pragma once

#include <cstdint>
#include <string>

#include "kafka/encoder.h"

namespace firn::kafka {

class TagWriter {
 public:
  explicit TagWriter(Encoder& out) : out_(out) {}

  /// `write(encoder)` writes the field's value. Tags must ascend.
  template <typename Write>
  void Add(uint64_t tag, const Write& write) {
    Encoder value;
    write(value);
    const std::string bytes = value.TakeString();
    fields_.UnsignedVarint(tag);
    fields_.UnsignedVarint(bytes.size());
    fields_.Raw(bytes);
    ++count_;
  }
  void Finish() {
    out_.UnsignedVarint(count_);
    if (count_ > 0) out_.Raw(fields_.TakeString());
  }

 private:
  Encoder& out_;
  Encoder fields_;
  uint64_t count_ = 0;
};

}  // namespace firn::kafka
