// SPDX-License-Identifier: Apache-2.0
#include "expr/url_internal.h"

#include <algorithm>
#include <cctype>

#include "base/ascii.h"
#include "expr/utf8_internal.h"

namespace firn::expr {

namespace {

struct Url {
  std::string_view protocol;
  std::optional<std::string_view> authority, query, ref;
  std::string_view path;
};

// Takes what stands behind the first `mark` off the end of `text`.
std::optional<std::string_view> TakeBehind(std::string_view* text, char mark) {
  const size_t at = text->find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view behind = text->substr(at + 1);
  *text = text->substr(0, at);
  return behind;
}

std::optional<Url> ParseUrl(std::string_view text) {
  static constexpr std::string_view kProtocols[] = {"http", "https", "ftp", "file", "jar", "mailto"};  // what Java knows
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  Url url{text.substr(0, colon), {}, {}, {}, {}};
  std::string lower(url.protocol);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (std::find(std::begin(kProtocols), std::end(kProtocols), lower) == std::end(kProtocols)) return std::nullopt;
  std::string_view rest = text.substr(colon + 1);
  url.ref = TakeBehind(&rest, '#');
  url.query = TakeBehind(&rest, '?');
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const size_t slash = std::min(rest.find('/'), rest.size());
    url.authority = rest.substr(0, slash);
    rest.remove_prefix(slash);
  }
  url.path = rest;
  return url;
}

std::string_view HostOf(std::string_view authority) {
  const size_t at = authority.rfind('@');
  if (at != std::string_view::npos) authority.remove_prefix(at + 1);
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.rfind(':'));
}

std::optional<std::string> OwnedPart(std::optional<std::string_view> text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

}  // namespace

std::optional<std::string> UrlPart(std::string_view text, std::string_view part) {
  const auto url = ParseUrl(text);
  if (!url) return std::nullopt;
  if (part == "PROTOCOL") return std::string(url->protocol);
  if (part == "AUTHORITY") return OwnedPart(url->authority);
  if (part == "PATH") return std::string(url->path);
  if (part == "QUERY") return OwnedPart(url->query);
  if (part == "REF") return OwnedPart(url->ref);
  if (part == "HOST" && url->authority) return std::string(HostOf(*url->authority));
  if (part == "FILE") return std::string(url->path) + (url->query ? "?" + std::string(*url->query) : "");
  if (part == "USERINFO" && url->authority) {
    const size_t at = url->authority->rfind('@');
    if (at != std::string_view::npos) return std::string(url->authority->substr(0, at));
  }
  return std::nullopt;
}

std::optional<std::string> UrlParameter(std::string_view text, std::string_view key) {
  const auto url = ParseUrl(text);
  if (!url || !url->query) return std::nullopt;
  std::string_view rest = *url->query;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == key) return std::string(pair.substr(equals + 1));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return std::nullopt;
}

std::string UrlEncoded(std::string_view text) {
  std::string out;
  for (char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (std::isalnum(code) && code < 0x80) {
      out.push_back(c);
    } else if (c == '.' || c == '-' || c == '*' || c == '_') {
      out.push_back(c);
    } else if (c == ' ') {
      out.push_back('+');
    } else {
      out.push_back('%');
      out.push_back("0123456789ABCDEF"[code >> 4]);
      out.push_back("0123456789ABCDEF"[code & 15]);
    }
  }
  return out;
}

std::optional<std::string> UrlDecoded(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+') {
      out.push_back(' ');
    } else if (text[at] != '%') {
      out.push_back(text[at]);
    } else {
      if (at + 2 >= text.size() || base::HexDigit(text[at + 1]) < 0 || base::HexDigit(text[at + 2]) < 0) return std::nullopt;
      out.push_back(static_cast<char>(base::HexDigit(text[at + 1]) << 4 | base::HexDigit(text[at + 2])));
      at += 2;
    }
  }
  return ValidUtf8(out);
}

}  // namespace firn::expr
