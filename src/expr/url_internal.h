// SPDX-License-Identifier: Apache-2.0
// URLs taken apart as java.net.URL does, and the escapes of application/x-www-form-urlencoded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace firn::expr {

/// `part`: HOST, PATH, QUERY, REF, PROTOCOL, AUTHORITY, FILE or USERINFO. nullopt if the URL has none, or is none.
std::optional<std::string> UrlPart(std::string_view url, std::string_view part);
/// The value of `key` in the query.
std::optional<std::string> UrlParameter(std::string_view url, std::string_view key);
std::string UrlEncoded(std::string_view text);
/// nullopt for a broken escape.
std::optional<std::string> UrlDecoded(std::string_view text);

}  // namespace firn::expr
