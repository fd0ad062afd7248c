// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648 section 4), with padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace firn::base {

std::string EncodeBase64(std::string_view bytes);
/// nullopt for a character outside the alphabet, wrong length or wrong padding.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace firn::base
