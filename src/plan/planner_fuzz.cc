// SPDX-License-Identifier: Apache-2.0
// Any text as a statement over a few tables: a plan or an error, never a crash, a sanitizer's report or memory without bound. Mutations work on
// tokens, so that much of what comes out parses.
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "plan/plan_check_internal.h"
#include "plan/test_catalog_internal.h"
#include "sql/unparser.h"

namespace {

constexpr const char* kTables =
    "CREATE TABLE l (id INT, k STRING, x INT, d DECIMAL(10, 2), ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector'='kafka', 'format'='json');"
    "CREATE TABLE r (rid INT, k STRING, y BIGINT NOT NULL, a ARRAY<INT>, o ROW<p INT, q STRING>, e TIMESTAMP_LTZ(3), pt AS PROCTIME(), WATERMARK FOR e AS e) WITH ('connector'='kafka', 'format'='json');"
    "CREATE TABLE dim (k STRING, name STRING, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector'='upsert-kafka', 'format'='json');"
    "CREATE TABLE b (id INT, k STRING, v INT) WITH ('connector'='filesystem', 'format'='json');"
    "CREATE TABLE sink (k STRING, c BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector'='upsert-kafka', 'format'='json');"
    "CREATE TABLE lake.db.s (k STRING, c BIGINT) PARTITIONED BY (k) WITH ('format-version'='2');"
    "CREATE VIEW w AS SELECT id, k AS kk, ts AS t2 FROM l WHERE x > 1;";

/// Words that statements are made of, so that a mutation may bring in what no seed has at that place.
constexpr const char* kWords[] = {
    "SELECT", "FROM", "WHERE", "GROUP", "BY", "HAVING", "ORDER", "LIMIT", "OFFSET", "JOIN", "LEFT", "RIGHT", "FULL", "ON", "USING", "NATURAL", "UNION", "ALL", "INTERSECT", "EXCEPT",
    "DISTINCT", "IN", "NOT", "EXISTS", "(", ")", ",", "*", "=", "<>", "+", "-", "/", "AND", "OR", "NULL", "1", "0", "'a'", "1.5", "2e3", "k", "id", "x", "y", "l", "r", "dim", "b", "w",
    "l.k", "r.k", "ts", "e", "pt", "t2", "o.p", "a", "[", "]", "COUNT", "SUM", "MAX", "FIRST_VALUE", "AVG", "CASE", "WHEN", "THEN", "ELSE", "END", "CAST", "AS", "INT", "STRING", "DECIMAL(5,1)",
    "TABLE", "TUMBLE", "HOP", "CUMULATE", "SESSION", "DESCRIPTOR", "INTERVAL '1' MINUTE", "INTERVAL '10' SECOND", "window_start", "window_end", "window_time", "PARTITION", "ROLLUP", "CUBE",
    "GROUPING SETS", "GROUPING", "TUMBLE_START", "VALUES", "WITH", "INSERT INTO", "sink", "lake.db.s", "FILTER", "BETWEEN", "LIKE", "IS", "DESC", "COALESCE", "PROCTIME()", "CREATE TABLE t", "CREATE VIEW v AS",
    "WATERMARK FOR", "PRIMARY KEY", "NOT ENFORCED", "LIKE l", "ALTER TABLE l", "ADD", "DROP", "MODIFY", "RENAME", "TO", "SET 'execution.runtime-mode' = 'batch';", ";"};

std::vector<std::string> Tokens(std::string_view text) {
  std::vector<std::string> tokens;
  for (size_t at = 0; at < text.size();) {
    size_t end = at + 1;
    const auto is_word = [&](size_t i) { return std::isalnum(static_cast<unsigned char>(text[i])) || text[i] == '_' || text[i] == '.'; };
    if (text[at] == '\'') {
      while (end < text.size() && text[end] != '\'') ++end;
      if (end < text.size()) ++end;
    } else if (is_word(at)) {
      while (end < text.size() && is_word(end)) ++end;
    }
    if (!std::isspace(static_cast<unsigned char>(text[at]))) tokens.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return tokens;
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  std::minstd_rand random(seed);
  std::vector<std::string> tokens = Tokens({reinterpret_cast<const char*>(data), size});
  const auto below = [&](size_t bound) { return static_cast<size_t>(random()) % bound; };
  for (size_t round = 0, rounds = 1 + below(4); round < rounds; ++round) {
    const size_t at = below(tokens.size() + 1);
    const auto place = tokens.begin() + static_cast<ptrdiff_t>(at);
    switch (below(5)) {
      case 0:
        if (place != tokens.end()) tokens.erase(place);
        break;
      case 1: tokens.insert(place, kWords[below(std::size(kWords))]); break;
      case 2:
        if (place != tokens.end()) *place = kWords[below(std::size(kWords))];
        break;
      case 3: {
        if (tokens.empty()) break;
        const size_t from = below(tokens.size());
        const size_t count = std::min<size_t>(1 + below(12), tokens.size() - from);
        const std::vector<std::string> piece(tokens.begin() + static_cast<ptrdiff_t>(from), tokens.begin() + static_cast<ptrdiff_t>(from + count));
        tokens.insert(tokens.begin() + static_cast<ptrdiff_t>(at), piece.begin(), piece.end());
        break;
      }
      default:
        if (!tokens.empty()) std::swap(tokens[below(tokens.size())], tokens[below(tokens.size())]);
    }
  }
  std::string text;
  for (const std::string& token : tokens) text += token + " ";
  const size_t length = std::min(text.size(), max_size);
  std::memcpy(data, text.data(), length);
  return length;
}

// What is parsed can be written, and is then parsed to what is written the same.
static void CheckUnparser(std::string_view script) {
  for (const firn::sql::StatementText& part : firn::sql::SplitStatements(script)) {
    const auto parsed = firn::sql::ParseStatement(part.text);
    if (!parsed.ok()) continue;
    const std::string once = firn::sql::Unparse(*parsed);
    const auto again = firn::sql::ParseStatement(once);
    if (!again.ok() && again.error().code() == firn::ErrorCode::kLimitExceeded) continue;  // a form that nests deeper
    FIRN_ASSERT(again.ok(), "{}: {}", again.error().ToString(), once);
    const std::string twice = firn::sql::Unparse(*again);
    FIRN_ASSERT(twice == once, "{} became {}", once, twice);
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  CheckUnparser({reinterpret_cast<const char*>(data), size});
  firn::plan::TestSession session;
  auto tables = session.Run(kTables);
  FIRN_ASSERT(tables.ok(), "{}", tables.error().ToString());
  auto outcome = session.Run({reinterpret_cast<const char*>(data), size});
  if (!outcome.ok()) return 0;
  const std::string problems = firn::plan::PlanChecker().Check(outcome->plan);
  FIRN_ASSERT(problems.empty(), "{}", problems);
  (void)firn::plan::ExplainPlan(outcome->plan, firn::plan::ExplainDetail::kChangelogMode);
  return 0;
}
