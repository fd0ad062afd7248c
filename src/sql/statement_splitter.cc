// SPDX-License-Identifier: Apache-2.0
// Works on characters, not on tokens, so that a script with one broken statement can still be cut.
#include "base/assert.h"
#include "sql/parser.h"

namespace firn::sql {

namespace {

constexpr size_t kMaxHeadWords = 10;  // EXPLAIN CHANGELOG_MODE, PLAN_ADVICE STATEMENT SET BEGIN has six

class Splitter {
 public:
  explicit Splitter(std::string_view script) : script_(script) {}

  std::vector<StatementText> Run() {
    while (at_ < script_.size()) {
      const size_t before = at_;
      Step();
      FIRN_ASSERT(at_ > before && at_ <= script_.size(), "a step from byte {} to {} of {}", before, at_, script_.size());
    }
    Cut(false);
    return std::move(statements_);
  }

 private:
  void Step() {
    const std::string_view rest = script_.substr(at_);
    const char c = rest[0];
    if (rest.starts_with("--") || rest.starts_with("//")) return Skip(rest.find('\n'), false);
    if (rest.starts_with("/*") && !rest.starts_with("/*+")) {
      const size_t end = rest.find("*/", 2);
      const bool is_open = end == std::string_view::npos;  // content: it may take in what was to be run, and who types it has more lines to come
      return Skip(is_open ? end : end + 2, is_open);
    }
    if (c == '\'' || c == '`' || c == '"') {
      const size_t end = rest.find(c, 1);
      return Skip(end == std::string_view::npos ? end : end + 1, true);
    }
    if (IsWord(c)) return Word();
    if (c == ';' && !(is_set_ && !has_ended_)) {
      ++at_;
      return Cut(true);
    }
    if (c == ';') last_was_separator_ = true;
    Skip(1, static_cast<unsigned char>(c) > ' ');
  }

  static bool IsWord(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9'); }

  void Word() {
    size_t end = at_;
    std::string upper;
    for (; end < script_.size() && IsWord(script_[end]); ++end) {
      const char c = script_[end];
      upper.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    }
    if (is_set_ && upper == "END" && last_was_separator_) has_ended_ = true;
    last_was_separator_ = false;
    if (words_.size() < kMaxHeadWords) {
      words_.push_back(upper);
      BeginSet();
    }
    if (upper == "E" && end < script_.size() && script_[end] == '\'') end = EndOfEscapedString(end);
    Skip(end - at_, true);
  }

  // EXECUTE STATEMENT SET BEGIN ...; END; is one statement, and so are EXPLAIN and COMPILE of it. BEGIN STATEMENT SET; stands alone, as in Flink.
  void BeginSet() {
    const size_t count = words_.size();
    const bool may_hold_set = words_[0] == "EXECUTE" || words_[0] == "EXPLAIN" || words_[0] == "COMPILE";
    if (!may_hold_set || count < 4 || words_[count - 3] != "STATEMENT" || words_[count - 2] != "SET" || words_[count - 1] != "BEGIN") return;
    is_set_ = last_was_separator_ = true;
  }

  // E'it\'s': a backslash takes the next character with it.
  size_t EndOfEscapedString(size_t quote) const {
    for (size_t at = quote + 1; at < script_.size(); ++at) {
      if (script_[at] == '\\') {
        ++at;
      } else if (script_[at] == '\'') {
        return at + 1;
      }
    }
    return script_.size();
  }

  void Skip(size_t count, bool is_content) {
    if (is_content && begin_ == std::string_view::npos) begin_ = at_;
    at_ = count == std::string_view::npos ? script_.size() : at_ + count;
    if (is_content) end_ = at_;
  }

  void Cut(bool is_complete) {
    if (begin_ != std::string_view::npos) {
      FIRN_ASSERT(begin_ < end_ && end_ <= script_.size(), "a statement from byte {} to {} of {}", begin_, end_, script_.size());
      FIRN_ASSERT(statements_.empty() || statements_.back().begin + statements_.back().text.size() <= begin_, "the statement at byte {} begins within the one before it", begin_);
      const bool begins_set = words_ == std::vector<std::string>{"BEGIN", "STATEMENT", "SET"}, ends_set = words_ == std::vector<std::string>{"END"};
      statements_.push_back({std::string(script_.substr(begin_, end_ - begin_)), static_cast<uint32_t>(begin_), is_complete, begins_set, ends_set});
    }
    begin_ = std::string_view::npos;
    words_.clear();
    is_set_ = has_ended_ = last_was_separator_ = false;
  }

  std::string_view script_;
  std::vector<StatementText> statements_;
  size_t at_ = 0;
  size_t begin_ = std::string_view::npos;  // of the statement's first character that is not blank
  size_t end_ = 0;
  std::vector<std::string> words_;         // the statement's first
  bool is_set_ = false;
  bool has_ended_ = false;
  bool last_was_separator_ = false;
};

}  // namespace

std::vector<StatementText> SplitStatements(std::string_view script) { return Splitter(script).Run(); }

}  // namespace firn::sql
