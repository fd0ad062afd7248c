// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kafka/message_text_internal.h"

namespace firn::kafka {

void TextWriter::Quoted(std::string_view text) {
  out_->push_back('"');
  for (char c : text) {
    if (c == '"' || c == '\\' || static_cast<uint8_t>(c) < 0x20) {
      out_->append(fmt::format("\\x{:02x}", static_cast<uint8_t>(c)));
    } else {
      out_->push_back(c);
    }
  }
  out_->push_back('"');
}

void TextWriter::Hex(std::string_view bytes) {
  for (char c : bytes) out_->append(fmt::format("{:02x}", static_cast<uint8_t>(c)));
}

}  // namespace firn::kafka
