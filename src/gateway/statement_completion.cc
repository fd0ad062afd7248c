// SPDX-License-Identifier: Apache-2.0
#include "gateway/statement_completion.h"

#include <algorithm>
#include <map>

#include "sql/lexer.h"

namespace firn::gateway {

namespace {

using Words = std::vector<std::string>;

const Words kStarts = {"SELECT", "INSERT INTO", "CREATE TABLE", "CREATE VIEW", "CREATE CATALOG", "CREATE DATABASE", "DROP TABLE", "DROP VIEW", "ALTER TABLE", "SHOW", "DESCRIBE",
                       "EXPLAIN", "EXECUTE STATEMENT SET", "SET", "RESET", "USE", "STOP JOB", "WITH"};
const Words kShown = {"CATALOGS", "DATABASES", "TABLES", "VIEWS", "COLUMNS", "FUNCTIONS", "CREATE TABLE", "CREATE VIEW", "JOBS"};
const Words kExpressionWords = {"AND", "AS", "BETWEEN", "BY", "CASE", "CAST", "DESC", "ELSE", "END", "IN", "IS", "LIKE", "NOT", "NULL", "ON", "OR", "THEN", "WHEN"};

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}
char LowerLetter(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) { return LowerLetter(a) == LowerLetter(b); });
}

// `lake.db.ag|`: prefix "ag", path {"lake", "db"}, head all before "lake".
struct Cursor {
  std::string_view head;
  std::vector<std::string> path;
  std::string prefix;
};

Cursor CursorOf(std::string_view before) {
  Cursor cursor;
  size_t begin = before.size();
  while (begin > 0 && IsNameByte(before[begin - 1])) --begin;
  cursor.prefix = before.substr(begin);
  while (begin > 0 && before[begin - 1] == '.') {
    const size_t end = begin - 1;
    size_t start = end;
    while (start > 0 && IsNameByte(before[start - 1])) --start;
    if (start == end) break;
    cursor.path.insert(cursor.path.begin(), std::string(before.substr(start, end - start)));
    begin = start;
  }
  cursor.head = before.substr(0, begin);
  return cursor;
}

class Completion {
 public:
  Completion(const Cursor& cursor, const NameSource& names) : cursor_(cursor), names_(names) {}

  void Add(const Words& words, bool are_keywords = false) {
    const bool is_lower = are_keywords && !cursor_.prefix.empty() && std::none_of(cursor_.prefix.begin(), cursor_.prefix.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    Words sorted = words;
    std::sort(sorted.begin(), sorted.end());
    for (std::string& word : sorted) {
      if (!StartsWith(word, cursor_.prefix) || found_.size() >= kCandidatesMax) continue;
      if (is_lower) std::transform(word.begin(), word.end(), word.begin(), LowerLetter);
      if (std::find(found_.begin(), found_.end(), word) == found_.end()) found_.push_back(std::move(word));
    }
  }

  void AddTables() {
    if (cursor_.path.size() == 2) return Add(names_.tables(cursor_.path[0], cursor_.path[1]));
    if (cursor_.path.size() == 1) {
      Add(names_.tables(names_.catalog, cursor_.path[0]));
      return Add(names_.databases(cursor_.path[0]));
    }
    Add(names_.tables(names_.catalog, names_.database));
    Add(names_.databases(names_.catalog));
    Add(names_.catalogs());
  }

  // Tables that the statement names, by alias or last name.
  void AddColumns(const std::vector<sql::Token>& tokens) {
    for (size_t i = 0; i + 1 < tokens.size(); ++i) {
      const std::string& word = tokens[i].upper;
      if (word != "FROM" && word != "JOIN" && word != "INTO" && word != "TABLE") continue;
      std::vector<std::string> path;
      size_t at = i + 1;
      while (at < tokens.size() && (tokens[at].kind == sql::TokenKind::kWord || tokens[at].kind == sql::TokenKind::kQuotedIdentifier)) {
        path.push_back(tokens[at++].text);
        if (at >= tokens.size() || tokens[at].text != ".") break;
        ++at;
      }
      if (path.empty() || path.size() > 3) continue;
      if (at < tokens.size() && tokens[at].upper == "AS") ++at;
      const bool has_alias = at < tokens.size() && tokens[at].kind == sql::TokenKind::kWord && !sql::IsReserved(tokens[at].upper);
      const std::string alias = has_alias ? tokens[at].text : path.back();
      if (cursor_.path.empty() || (cursor_.path.size() == 1 && cursor_.path[0] == alias)) Add(names_.columns(path));
    }
  }

  void AddExpression(const std::vector<sql::Token>& tokens) {
    AddColumns(tokens);
    if (!cursor_.path.empty()) return;
    Words calls;
    for (const std::string& function : names_.functions()) calls.push_back(function + "(");
    Add(calls, true);
    Add(kExpressionWords, true);
    Add(sql::CommonKeywords(), true);
  }

  Words Take() { return std::move(found_); }

 private:
  const Cursor& cursor_;
  const NameSource& names_;
  Words found_;
};

bool TakesTable(const std::string& word) { return word == "FROM" || word == "JOIN" || word == "INTO" || word == "OVERWRITE" || word == "TABLE" || word == "DESCRIBE" || word == "DESC" || word == "VIEW"; }

}  // namespace

std::vector<std::string> CompleteStatement(std::string_view statement, size_t position, const NameSource& names) {
  const std::string_view before = statement.substr(0, std::min(position, statement.size()));
  const Cursor cursor = CursorOf(before);
  auto head = sql::Tokenize(cursor.head);
  if (!head.ok()) return {};  // inside of a string, a comment or a quoted name
  head->pop_back();           // the end
  Completion completion(cursor, names);
  const std::string last = head->empty() ? "" : head->back().upper;
  if (head->empty() || head->back().text == ";") {
    completion.Add(kStarts, true);
  } else if (TakesTable(last)) {
    completion.AddTables();
    if (last == "TABLE" || last == "VIEW") completion.Add({"IF EXISTS", "IF NOT EXISTS"}, true);
  } else if (last == "SHOW") {
    completion.Add(kShown, true);
  } else if (last == "CATALOG") {
    completion.Add(names.catalogs());
  } else if (last == "USE") {
    completion.Add(names.databases(cursor.path.empty() ? names.catalog : cursor.path[0]));
    if (cursor.path.empty()) completion.Add({"CATALOG"}, true);
  } else {
    auto all = sql::Tokenize(statement);
    completion.AddExpression(all.ok() ? *all : *head);
  }
  return completion.Take();
}

}  // namespace firn::gateway
