// SPDX-License-Identifier: Apache-2.0
#include "sql/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "base/ascii.h"
#include "base/assert.h"
#include "base/utf8.h"

namespace firn::sql {

namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80; }

// Bytes of the blank at the start of `text`, 0 if none: ASCII's, the no-break and the ideographic space, the byte order mark.
size_t BlankLength(std::string_view text) {
  if (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r')) return 1;
  if (text.starts_with("\xc2\xa0")) return 2;
  return text.starts_with("\xe3\x80\x80") || text.starts_with("\xef\xbb\xbf") ? 3 : 0;
}

// A code point; a low surrogate joins the high one that was appended before it, as \ud83d\ude00 in Java's strings.
void AppendUtf8(std::string* out, uint32_t point) {
  const size_t size = out->size();
  if (point >= 0xdc00 && point < 0xe000 && size >= 3 && (*out)[size - 3] == '\xed' && ((*out)[size - 2] & 0xf0) == 0xa0) {
    const uint32_t high = 0xd000u | static_cast<uint32_t>((*out)[size - 2] & 63) << 6 | static_cast<uint32_t>((*out)[size - 1] & 63);
    out->resize(size - 3);
    return AppendUtf8(out, 0x10000 + ((high - 0xd800) << 10) + (point - 0xdc00));
  }
  if (point > 0x10ffff) {
    out->push_back('\xff');  // CheckSurrogates finds it
  } else if (point < 0x80) {
    out->push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    out->push_back(static_cast<char>(0xc0 | point >> 6));
    out->push_back(static_cast<char>(0x80 | (point & 63)));
  } else if (point < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | point >> 12));
    out->push_back(static_cast<char>(0x80 | (point >> 6 & 63)));
    out->push_back(static_cast<char>(0x80 | (point & 63)));
  } else {
    out->push_back(static_cast<char>(0xf0 | point >> 18));
    out->push_back(static_cast<char>(0x80 | (point >> 12 & 63)));
    out->push_back(static_cast<char>(0x80 | (point >> 6 & 63)));
    out->push_back(static_cast<char>(0x80 | (point & 63)));
  }
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> Run() {
    std::vector<Token> tokens;
    FIRN_RETURN_IF_ERROR(CheckUtf8());
    while (true) {
      FIRN_RETURN_IF_ERROR(SkipBlanks());
      if (at_ >= text_.size()) break;
      Token token;
      token.span.begin = static_cast<uint32_t>(at_);
      FIRN_RETURN_IF_ERROR(Read(&token));
      token.span.end = static_cast<uint32_t>(at_);
      FIRN_ASSERT(token.span.begin < token.span.end && at_ <= text_.size(), "a token from {} to {}", token.span.begin, token.span.end);
      FIRN_ASSERT(tokens.empty() || tokens.back().span.end <= token.span.begin, "a token from {} behind one up to {}", token.span.begin, tokens.back().span.end);
      tokens.push_back(std::move(token));
    }
    if (hint_begin_) return Fail(*hint_begin_, "the hint that begins here is not closed");
    Token end;
    end.span = {static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(text_.size())};
    tokens.push_back(std::move(end));
    return tokens;
  }

 private:
  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  Error Fail(size_t begin, std::string message) const {
    FIRN_ASSERT(begin <= text_.size(), "byte {} of {}: {}", begin, text_.size(), message);
    return Error(ErrorCode::kSyntaxError, std::move(message)).At({static_cast<uint32_t>(begin), static_cast<uint32_t>(std::min(begin + 1, text_.size()))});
  }

  Status CheckUtf8() const {
    const std::optional<size_t> at = base::FindInvalidUtf8(text_);
    if (!at) return Ok();
    return Fail(*at, fmt::format("the byte 0x{:02x} is not UTF-8", static_cast<unsigned char>(text_[*at]))).Hint("save the text as UTF-8");
  }

  Status SkipBlanks() {
    while (at_ < text_.size()) {
      if (const size_t blank = BlankLength(text_.substr(at_)); blank > 0) {
        at_ += blank;
      } else if ((Peek() == '-' && Peek(1) == '-') || (Peek() == '/' && Peek(1) == '/')) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (Peek() == '/' && Peek(1) == '*' && Peek(2) != '+') {
        const size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return Fail(at_, "the comment that begins here is not closed");
        at_ = end + 2;
      } else {
        break;
      }
    }
    return Ok();
  }

  Status Read(Token* token) {
    const char c = Peek();
    if (c == '\'') return ReadString(token, false);
    if (c == '`') return ReadQuoted(token, c);
    if (c == '"') return Fail(at_, "double quotes have no meaning in Flink SQL").Hint("strings stand in single quotes: 'text'; names in back-ticks: `name`");
    if ((c == 'E' || c == 'e') && Peek(1) == '\'') return ++at_, ReadString(token, true);
    if ((c == 'U' || c == 'u') && Peek(1) == '&' && Peek(2) == '\'') return at_ += 2, ReadUnicode(token);
    if ((c == 'X' || c == 'x') && Peek(1) == '\'') return ++at_, ReadBinary(token);
    if ((c == 'N' || c == 'n' || c == '_') && Peek(1) == '\'') return ++at_, ReadString(token, false);
    if (c == '\xe2' && Peek(1) == '\x80') return Fail(at_, "this typographic character has no meaning in SQL").Hint("type it as ', ` or -");
    if (IsLetter(c)) return ReadWord(token);
    if (base::IsDigit(c) || (c == '.' && base::IsDigit(Peek(1)))) return ReadNumber(token);
    return ReadSymbol(token);
  }

  // At the opening quote. '' is a quote; with escapes, C's backslash sequences count (Flink 2.0's E'...').
  Status ReadString(Token* token, bool escapes) {
    const size_t begin = at_++;
    token->kind = TokenKind::kString;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '\'') {
        if (Peek() != '\'') return CheckSurrogates(begin, token->text);
        ++at_;
        token->text.push_back('\'');
      } else if (c == '\\' && escapes && at_ < text_.size()) {
        ReadEscape(&token->text);
      } else {
        token->text.push_back(c);
      }
    }
    return Fail(begin, "the string that begins here is not closed");
  }

  // Escapes may have left half a surrogate pair, or a number beyond Unicode.
  Status CheckSurrogates(size_t begin, std::string_view text) const {
    if (base::FindInvalidUtf8(text)) return Fail(begin, "an escape in this string is no Unicode character");
    return Ok();
  }

  void ReadEscape(std::string* out) {
    const char c = text_[at_++];
    static constexpr std::string_view kFrom = "bfnrt";
    static constexpr std::string_view kTo = "\b\f\n\r\t";
    if (const size_t found = kFrom.find(c); found != std::string_view::npos) return out->push_back(kTo[found]);
    const size_t digits = c == 'u' ? 4 : c == 'U' ? 8 : c == 'x' ? 2 : 0;
    if (digits > 0 || (c >= '0' && c <= '7')) {
      uint32_t point = digits > 0 ? 0 : static_cast<uint32_t>(c - '0');
      const int radix = digits > 0 ? 16 : 8;
      for (size_t i = 0; i < (digits > 0 ? digits : 2); ++i) {
        const int digit = base::HexDigit(Peek());
        if (digit < 0 || digit >= radix) break;
        point = point * static_cast<uint32_t>(radix) + static_cast<uint32_t>(digit);
        ++at_;
      }
      return AppendUtf8(out, point);
    }
    out->push_back(c);
  }

  // U&'...' [UESCAPE 'c']
  Status ReadUnicode(Token* token) {
    const size_t begin = at_;
    FIRN_RETURN_IF_ERROR(ReadString(token, false));
    const std::string raw = std::move(token->text);
    char escape = '\\';
    const size_t after = at_;
    FIRN_RETURN_IF_ERROR(SkipBlanks());
    if (text_.size() - at_ > 7 && base::AsciiUpper(text_.substr(at_, 7)) == "UESCAPE") {
      at_ += 7;
      FIRN_RETURN_IF_ERROR(SkipBlanks());
      Token character;
      if (Peek() != '\'') return Fail(at_, "UESCAPE takes one character in quotes");
      FIRN_RETURN_IF_ERROR(ReadString(&character, false));
      if (character.text.size() != 1) return Fail(begin, "UESCAPE takes one character");
      escape = character.text[0];
    } else {
      at_ = after;
    }
    token->text.clear();
    for (size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != escape) {
        token->text.push_back(raw[i]);
      } else if (i + 1 < raw.size() && raw[i + 1] == escape) {
        token->text.push_back(raw[++i]);
      } else {
        const bool is_long = i + 1 < raw.size() && raw[i + 1] == '+';
        const size_t digits = is_long ? 6 : 4;
        const size_t from = i + (is_long ? 2 : 1);
        uint32_t point = 0;
        for (size_t j = from; j < from + digits; ++j) {
          if (j >= raw.size() || base::HexDigit(raw[j]) < 0) return Fail(begin, "a Unicode escape in this string is not four (after + six) hexadecimal digits");
          point = point * 16 + static_cast<uint32_t>(base::HexDigit(raw[j]));
        }
        AppendUtf8(&token->text, point);
        i = from + digits - 1;
      }
    }
    return CheckSurrogates(begin, token->text);
  }

  Status ReadBinary(Token* token) {
    const size_t begin = at_;
    FIRN_RETURN_IF_ERROR(ReadString(token, false));
    token->kind = TokenKind::kBinary;
    std::string bytes;
    for (size_t i = 0; i < token->text.size(); i += 2) {
      const int high = base::HexDigit(token->text[i]);
      const int low = i + 1 < token->text.size() ? base::HexDigit(token->text[i + 1]) : -1;
      if (high < 0 || low < 0) return Fail(begin, "a binary literal holds pairs of hexadecimal digits");
      bytes.push_back(static_cast<char>(high * 16 + low));
    }
    token->text = std::move(bytes);
    return Ok();
  }

  Status ReadQuoted(Token* token, char quote) {
    const size_t begin = at_++;
    token->kind = TokenKind::kQuotedIdentifier;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == quote) {
        if (Peek() != quote) {
          return token->text.empty() ? Status(Fail(begin, "an identifier in quotes must not be empty")) : Ok();
        }
        ++at_;
      }
      token->text.push_back(c);
    }
    return Fail(begin, fmt::format("the identifier that begins here is not closed by {}", quote));
  }


  Status ReadWord(Token* token) {
    const size_t begin = at_;
    while ((IsLetter(Peek()) || base::IsDigit(Peek())) && BlankLength(text_.substr(at_)) == 0) ++at_;
    FIRN_ASSERT(at_ > begin, "a word at byte {} has no letter", begin);
    token->kind = TokenKind::kWord;
    token->text = std::string(text_.substr(begin, at_ - begin));
    token->upper = base::AsciiUpper(token->text);
    return Ok();
  }

  Status ReadNumber(Token* token) {
    const size_t begin = at_;
    token->kind = TokenKind::kInteger;
    while (base::IsDigit(Peek())) ++at_;
    if (Peek() == '.' && (base::IsDigit(Peek(1)) || begin != at_)) {
      token->kind = TokenKind::kDecimal;
      ++at_;
      while (base::IsDigit(Peek())) ++at_;
    }
    const bool has_sign = Peek(1) == '+' || Peek(1) == '-';
    if ((Peek() == 'e' || Peek() == 'E') && base::IsDigit(Peek(has_sign ? 2 : 1))) {
      token->kind = TokenKind::kDouble;
      at_ += has_sign ? 2 : 1;
      while (base::IsDigit(Peek())) ++at_;
    }
    token->text = std::string(text_.substr(begin, at_ - begin));
    if (IsLetter(Peek())) return Fail(at_, fmt::format("the number {} runs into a letter", token->text));
    return Ok();
  }

  Status ReadSymbol(Token* token) {
    static constexpr std::string_view kSymbols[] = {"/*+", "*/", "<=", ">=", "<>", "!=", "==", "||", "=>", "->", "(", ")", "[", "]", "{", "}", ",", ".", ";",
                                                    "+",  "-",  "*",  "/",  "%",  "=",  "<",  ">",  ":", "?"};
    token->kind = TokenKind::kSymbol;
    for (std::string_view symbol : kSymbols) {
      if (symbol == "*/" && !hint_begin_) continue;  // 2 */ 3 is a slip that the parser points at
      if (text_.substr(at_).starts_with(symbol)) {
        if (symbol == "/*+") hint_begin_ = at_;
        if (symbol == "*/") hint_begin_.reset();
        token->text = std::string(symbol);
        at_ += symbol.size();
        return Ok();
      }
    }
    const bool is_visible = Peek() > ' ' && Peek() < 127;
    return Fail(at_, is_visible ? fmt::format("the character '{}' has no meaning in SQL", Peek()) : fmt::format("the character 0x{:02x} has no meaning in SQL", Peek()));
  }

  std::string_view text_;
  size_t at_ = 0;
  std::optional<size_t> hint_begin_;  // inside of a hint: where it begins
};

}  // namespace

Result<std::vector<Token>> Tokenize(std::string_view text) { return Lexer(text).Run(); }

bool IsReserved(std::string_view upper) {
  // Calcite reserves far more; those that Flink users meet as column names (open, close, day, ...) are let through where the grammar allows it.
  static const auto* const words = new std::unordered_set<std::string_view>{
      "ALL", "ALTER", "AND", "ANY", "ARRAY", "AS", "ASYMMETRIC", "AT", "BEGIN", "BETWEEN", "BIGINT", "BINARY", "BOOLEAN", "BOTH", "BY", "CALL",
      "CASE", "CAST", "CHAR", "CHARACTER", "CHECK", "COLLATE", "COLUMN", "CONSTRAINT", "CREATE", "CROSS", "CUBE", "CURRENT", "CURRENT_DATE",
      "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURSOR", "CYCLE", "DATE", "DATETIME", "DECIMAL", "DECLARE", "DEFAULT", "DEFINE", "DELETE", "DESCRIBE", "DISTINCT",
      "DOUBLE", "DROP", "ELSE", "END", "ESCAPE", "EXCEPT", "EXECUTE", "EXISTS", "EXPLAIN", "EXTRACT", "FALSE", "FETCH", "FILTER", "FLOAT", "FOR",
      "FROM", "FULL", "FUNCTION", "GRANT", "GROUP", "GROUPING", "HAVING", "IN", "INNER", "INSERT", "INT", "INTEGER", "INTERSECT", "INTERVAL",
      "INTO", "IS", "JOIN", "LATERAL", "LEADING", "LEFT", "LIKE", "LIMIT", "LOCALTIME", "LOCALTIMESTAMP", "MATCH_RECOGNIZE", "MERGE", "MINUS",
      "MULTISET", "NATURAL", "NONE", "NOT", "NULL", "NUMERIC", "OF", "OFFSET", "ON", "ONLY", "OR", "ORDER", "OUTER", "OVER", "OVERLAPS",
      "PARTITION", "PRIMARY", "QUALIFY", "REAL", "REFERENCES", "RIGHT", "ROLLUP", "ROW", "ROWS", "SELECT", "SET", "SHOW", "SIMILAR", "SMALLINT",
      "SOME", "SYMMETRIC", "TABLE", "TABLESAMPLE", "THEN", "TIME", "TIMESTAMP", "TINYINT", "TO", "TRAILING", "TRUE", "UNION", "UNIQUE",
      "UNKNOWN", "UNNEST", "UPDATE", "USER", "USING", "VALUE", "VALUES", "VARBINARY", "VARCHAR", "WHEN", "WHERE", "WINDOW", "WITH", "WITHIN",
      "WITHOUT"};
  return words->contains(upper);
}

const std::vector<std::string>& CommonKeywords() {
  static const auto* const words = new std::vector<std::string>{
      "SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FETCH", "UNION", "EXCEPT", "INTERSECT", "JOIN", "INNER", "LEFT",
      "RIGHT", "FULL", "CROSS", "INSERT", "INTO", "OVERWRITE", "VALUES", "CREATE", "TABLE", "VIEW", "CATALOG", "DATABASE", "DROP", "ALTER", "USE",
      "SHOW", "DESCRIBE", "EXPLAIN", "SET", "RESET", "EXECUTE", "BEGIN", "END", "WITH", "WATERMARK", "PRIMARY", "PARTITIONED", "DISTINCT", "STOP",
      "TUMBLE", "INTERVAL", "TEMPORARY"};
  return *words;
}

}  // namespace firn::sql
