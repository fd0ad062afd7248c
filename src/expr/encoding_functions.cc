// SPDX-License-Identifier: Apache-2.0
// Bytes and numbers as text: hash values, base 64, hexadecimal, character sets, and the parts and escapes of URLs.
#include <fmt/format.h>
#include <openssl/evp.h>

#include <bit>
#include <memory>

#include "base/ascii.h"
#include "expr/function_groups_internal.h"
#include "expr/signatures_internal.h"
#include "expr/url_internal.h"
#include "expr/utf8_internal.h"

namespace firn::expr {

namespace {

using types::DataType;
using types::TypeKind;

std::string HexText(std::string_view bytes, const char* digits) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char c : bytes) {
    out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

// --- hash values ---

struct DigestClose {
  void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
};

Result<std::string> HashText(EVP_MD_CTX* digest, const EVP_MD* kind, std::string_view text) {
  unsigned char value[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!EVP_DigestInit_ex(digest, kind, nullptr) || !EVP_DigestUpdate(digest, text.data(), text.size()) || !EVP_DigestFinal_ex(digest, value, &size)) {
    return Error(ErrorCode::kEvaluationError, "the hash function is not available on this machine");
  }
  return HexText({reinterpret_cast<const char*>(value), size}, "0123456789abcdef");
}

template <const EVP_MD* (*kKind)(), int kBits>
Result<Signature> BindHash(const CallSite& call) {
  FIRN_TRY(std::vector<DataType> types, CheckArguments(call, {Want::kText}, 1, "a string"));
  return Signature{std::move(types), Strict(DataType::Char(kBits / 4), call)};
}

template <const EVP_MD* (*kKind)()>
Result<Column> Hash(const KernelInput& input) {
  const std::unique_ptr<EVP_MD_CTX, DigestClose> digest(EVP_MD_CTX_new());
  return Map<std::string, std::string_view>(input, [&](std::string_view text) { return HashText(digest.get(), kKind(), text); });
}

Result<Signature> BindSha2(const CallSite& call) { return BindNullable<StringType, 2, Want::kText, Want::kBigInt>(call); }

Result<Column> Sha2(const KernelInput& input) {
  const std::unique_ptr<EVP_MD_CTX, DigestClose> digest(EVP_MD_CTX_new());
  return Map<std::string, std::string_view, int64_t>(input, [&](std::string_view text, int64_t bits) -> Result<std::string> {
    switch (bits) {
      case 224: return HashText(digest.get(), EVP_sha224(), text);
      case 256: return HashText(digest.get(), EVP_sha256(), text);
      case 384: return HashText(digest.get(), EVP_sha384(), text);
      case 512: return HashText(digest.get(), EVP_sha512(), text);
      default: return Error(ErrorCode::kInvalidArgument, fmt::format("SHA2 of {} bits does not exist", bits)).Hint("224, 256, 384 or 512");
    }
  });
}

// --- base 64 ---

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string ToBase64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t word = 0;
    for (size_t i = 0; i < 3; ++i) word = word << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0);
    for (size_t i = 0; i < 4; ++i) out.push_back(at + i > bytes.size() ? '=' : kBase64[word >> (18 - 6 * i) & 63]);
  }
  return out;
}

std::optional<std::string> FromBase64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  uint32_t word = 0;
  int bits = 0;
  for (char c : text) {
    const char* place = c == 0 ? nullptr : std::char_traits<char>::find(kBase64, 64, c);
    if (place == nullptr) return std::nullopt;
    word = word << 6 | static_cast<uint32_t>(place - kBase64);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<char>(word >> bits & 0xFF));
  }
  return bits == 6 ? std::nullopt : std::optional(ValidUtf8(out));
}

// --- hexadecimal, binary ---

Result<Signature> BindHex(const CallSite& call) {
  if (call.types.size() != 1 || !(call.types[0].IsInteger() || call.types[0].IsCharacter())) return ArgumentError(call, "an integer or a string");
  return Signature{{call.types[0].IsInteger() ? DataType::BigInt().WithNullable(call.types[0].nullable()) : call.types[0]}, Strict(DataType::String(), call)};
}

Result<Column> Hex(const KernelInput& input) {
  if (input.argument_types[0].kind() == TypeKind::kBigInt) return Map<std::string, int64_t>(input, [](int64_t value) { return fmt::format("{:X}", static_cast<uint64_t>(value)); });
  return Map<std::string, std::string_view>(input, [](std::string_view text) { return HexText(text, "0123456789ABCDEF"); });
}

Result<Column> Unhex(const KernelInput& input) {
  return Map<std::string, std::string_view>(input, [](std::string_view text) -> std::optional<std::string> {
    std::string out;
    size_t at = 0;
    if (text.size() % 2 == 1) {  // a missing digit in front is 0
      if (base::HexDigit(text[0]) < 0) return std::nullopt;
      out.push_back(static_cast<char>(base::HexDigit(text[at++])));
    }
    for (; at < text.size(); at += 2) {
      const int high = base::HexDigit(text[at]);
      const int low = base::HexDigit(text[at + 1]);
      if (high < 0 || low < 0) return std::nullopt;
      out.push_back(static_cast<char>(high << 4 | low));
    }
    return out;
  });
}

Result<Column> Bin(const KernelInput& input) {
  return Map<std::string, int64_t>(input, [](int64_t value) { return fmt::format("{:b}", static_cast<uint64_t>(value)); });
}

// --- character sets ---

enum class Charset { kUtf8, kAscii, kLatin1, kUtf16, kUtf16Big, kUtf16Little };

Result<Charset> FindCharset(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  if (upper == "UTF-8" || upper == "UTF8") return Charset::kUtf8;
  if (upper == "US-ASCII" || upper == "ASCII") return Charset::kAscii;
  if (upper == "ISO-8859-1" || upper == "LATIN1") return Charset::kLatin1;
  if (upper == "UTF-16") return Charset::kUtf16;
  if (upper == "UTF-16BE") return Charset::kUtf16Big;
  if (upper == "UTF-16LE") return Charset::kUtf16Little;
  return Error(ErrorCode::kInvalidArgument, fmt::format("there is no character set '{}'", name)).Hint("US-ASCII, ISO-8859-1, UTF-8, UTF-16, UTF-16BE or UTF-16LE");
}

void AppendUtf16(uint32_t unit, bool is_little, std::string* out) {
  const char high = static_cast<char>(unit >> 8);
  const char low = static_cast<char>(unit & 0xFF);
  out->push_back(is_little ? low : high);
  out->push_back(is_little ? high : low);
}

std::string Encoded(std::string_view text, Charset charset) {
  if (charset == Charset::kUtf8) return std::string(text);
  std::string out;
  const bool is_little = charset == Charset::kUtf16Little;
  if (charset == Charset::kUtf16 && !text.empty()) AppendUtf16(0xFEFF, false, &out);
  while (!text.empty()) {
    const uint32_t code = TakeCodePoint(&text);
    if (charset == Charset::kAscii || charset == Charset::kLatin1) {
      out.push_back(code < (charset == Charset::kAscii ? 0x80u : 0x100u) ? static_cast<char>(code) : '?');
    } else if (code < 0x10000) {
      AppendUtf16(code, is_little, &out);
    } else {
      AppendUtf16(0xD800 + ((code - 0x10000) >> 10), is_little, &out);
      AppendUtf16(0xDC00 + ((code - 0x10000) & 0x3FF), is_little, &out);
    }
  }
  return out;
}

std::string DecodedUtf16(std::string_view bytes, bool is_little) {
  std::string out;
  const auto unit_at = [&](size_t at) {
    const auto first = static_cast<unsigned char>(bytes[at]);
    const auto second = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<uint32_t>(is_little ? second << 8 | first : first << 8 | second);
  };
  const auto is_high = [](uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; };
  const auto is_low = [](uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; };
  // What is no character is U+FFFD, as in Java: a first half together with what stands in the place of the second one, and what is cut off at the end.
  for (size_t at = 0; at < bytes.size(); at += 2) {
    const size_t left = bytes.size() - at;
    const uint32_t first = left >= 2 ? unit_at(at) : 0xFFFD;
    if (!is_high(first)) {
      AppendUtf8(is_low(first) ? 0xFFFD : first, &out);
      continue;
    }
    const uint32_t second = left >= 4 ? unit_at(at + 2) : 0;
    AppendUtf8(is_low(second) ? 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00) : 0xFFFD, &out);
    at += 2;
  }
  return out;
}

std::string Decoded(std::string_view bytes, Charset charset) {
  if (charset == Charset::kUtf16) {
    const bool is_little = bytes.starts_with("\xFF\xFE");
    if (is_little || bytes.starts_with("\xFE\xFF")) bytes.remove_prefix(2);
    return DecodedUtf16(bytes, is_little);
  }
  if (charset == Charset::kUtf16Big || charset == Charset::kUtf16Little) return DecodedUtf16(bytes, charset == Charset::kUtf16Little);
  if (charset == Charset::kUtf8) return ValidUtf8(bytes);
  std::string out;
  for (char c : bytes) {
    const auto code = static_cast<unsigned char>(c);
    AppendUtf8(charset == Charset::kAscii && code >= 0x80 ? 0xFFFD : code, &out);
  }
  return out;
}

template <std::string (*kConvert)(std::string_view, Charset)>
Result<Column> Convert(const KernelInput& input) {
  return Map<std::string, std::string_view, std::string_view>(input, [](std::string_view value, std::string_view name) -> Result<std::string> {
    FIRN_TRY(const Charset charset, FindCharset(name));
    return kConvert(value, charset);
  });
}

Result<Column> Utf8Check(const KernelInput& input) { return Map<bool, std::string_view>(input, IsValidUtf8); }

// --- URLs ---

Result<Column> ParseUrl(const KernelInput& input) {
  if (input.arguments.size() == 2) {
    return Map<std::string, std::string_view, std::string_view>(input, [](std::string_view url, std::string_view part) { return UrlPart(url, part); });
  }
  return Map<std::string, std::string_view, std::string_view, std::string_view>(input, [](std::string_view url, std::string_view part, std::string_view key) {
    return part == "QUERY" ? UrlParameter(url, key) : std::nullopt;
  });
}

template <auto kFunction>
Result<Column> OfText(const KernelInput& input) {
  return Map<std::string, std::string_view>(input, kFunction);
}

}  // namespace

std::vector<ScalarFunction> EncodingFunctions() {
  constexpr Want kText = Want::kText;
  std::vector<ScalarFunction> functions = {
      {{"MD5"}, "hash", "MD5(string)", "The MD5 hash, as 32 hexadecimal digits.", {{"MD5('a')", "0cc175b9c0f1b6a831c399e269772661"}}, BindHash<EVP_md5, 128>, Hash<EVP_md5>},
      {{"SHA1"}, "hash", "SHA1(string)", "The SHA-1 hash, as 40 hexadecimal digits.", {{"SHA1('a')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"}}, BindHash<EVP_sha1, 160>, Hash<EVP_sha1>},
      {{"SHA224"}, "hash", "SHA224(string)", "The SHA-224 hash, as 56 hexadecimal digits.", {{"SHA224('a')", "abd37534c7d9a2efb9465de931cd7055ffdb8879563ae98078d6d6d5"}}, BindHash<EVP_sha224, 224>, Hash<EVP_sha224>},
      {{"SHA256"}, "hash", "SHA256(string)", "The SHA-256 hash, as 64 hexadecimal digits.", {{"SHA256('a')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"}}, BindHash<EVP_sha256, 256>, Hash<EVP_sha256>},
      {{"SHA384"}, "hash", "SHA384(string)", "The SHA-384 hash, as 96 hexadecimal digits.", {{"SHA384('a')", "54a59b9f22b0b80880d8427e548b7c23abd873486e1f035dce9cd697e85175033caa88e6d57bc35efae0b5afd3145f31"}}, BindHash<EVP_sha384, 384>, Hash<EVP_sha384>},
      {{"SHA512"}, "hash", "SHA512(string)", "The SHA-512 hash, as 128 hexadecimal digits.", {{"SHA512('a')", "1f40fc92da241694750979ee6cf582f2d5d7d28e18335de05abc54d0560e0f5302860c652bf08d560252aa5e74210546f369fbbbce8c12cfc7957b2652fe9a75"}}, BindHash<EVP_sha512, 512>, Hash<EVP_sha512>},
      {{"SHA2"}, "hash", "SHA2(string, bits)", "The SHA-2 hash of 224, 256, 384 or 512 bits.", {{"SHA2('a', 256) = SHA256('a')", "TRUE"}}, BindSha2, Sha2},
      {{"TO_BASE64"}, "string", "TO_BASE64(string)", "In base 64.", {{"TO_BASE64('hello')", "aGVsbG8="}}, BindTo<StringType, 1, Want::kTextOrBytes>, OfText<ToBase64>},
      {{"FROM_BASE64"}, "string", "FROM_BASE64(string)", "From base 64; NULL for what is none.", {{"FROM_BASE64('aGVsbG8=')", "hello"}}, BindNullable<StringType, 1, kText>, OfText<FromBase64>},
      {{"HEX"}, "arithmetic", "HEX(integer or string)", "In hexadecimal digits.", {{"HEX(255)", "FF"}}, BindHex, Hex},
      {{"UNHEX"}, "arithmetic", "UNHEX(string)", "The bytes that hexadecimal digits stand for.", {{"UNHEX('466C')", "x'466c'"}}, BindNullable<BytesType, 1, kText>, Unhex},
      {{"BIN"}, "arithmetic", "BIN(integer)", "In binary digits.", {{"BIN(10)", "1010"}}, BindTo<StringType, 1, Want::kBigInt>, Bin},
      {{"ENCODE"}, "string", "ENCODE(string, charset)", "The bytes of a text in a character set.", {{"ENCODE('a', 'UTF-8')", "x'61'"}}, BindTo<BytesType, 2, kText, kText>, Convert<Encoded>},
      {{"DECODE"}, "string", "DECODE(bytes, charset)", "The text that bytes are in a character set.", {{"DECODE(ENCODE('a', 'UTF-16'), 'UTF-16')", "a"}}, BindTo<StringType, 2, Want::kBytes, kText>, Convert<Decoded>},
      {{"IS_VALID_UTF8"}, "string", "IS_VALID_UTF8(bytes)", "Whether bytes are UTF-8.", {{"IS_VALID_UTF8(X'61FF')", "FALSE"}}, BindTo<BooleanType, 1, Want::kBytes>, Utf8Check},
      {{"MAKE_VALID_UTF8"}, "string", "MAKE_VALID_UTF8(bytes)", "The text of bytes in UTF-8, with U+FFFD for what is none.", {{"CHAR_LENGTH(MAKE_VALID_UTF8(X'61E282FF62'))", "4"}}, BindTo<StringType, 1, Want::kBytes>, OfText<ValidUtf8>},
      {{"PARSE_URL"}, "string", "PARSE_URL(url, part[, key])", "HOST, PATH, QUERY, REF, PROTOCOL, AUTHORITY, FILE or USERINFO of a URL, or a parameter of its query.", {{"PARSE_URL('http://a.org/p?q=1', 'HOST')", "a.org"}}, BindNullable<StringType, 2, kText, kText, kText>, ParseUrl},
      {{"URL_ENCODE"}, "string", "URL_ENCODE(string)", "Escaped for a URL's query.", {{"URL_ENCODE('a b&c')", "a+b%26c"}}, BindNullable<StringType, 1, kText>, OfText<UrlEncoded>},
      {{"URL_DECODE"}, "string", "URL_DECODE(string)", "Escapes of a URL undone; NULL where they are broken.", {{"URL_DECODE('a+b%26c')", "a b&c"}}, BindNullable<StringType, 1, kText>, OfText<UrlDecoded>},
  };
  for (ScalarFunction& function : functions) function.can_fail = function.names[0] == "SHA2" || function.names[0] == "ENCODE" || function.names[0] == "DECODE";
  return functions;
}

}  // namespace firn::expr
