// SPDX-License-Identifier: Apache-2.0
// What is wrong has its place: statements of the Flink cases, cut short and with pieces taken out, are parsed or refused at a place inside the text.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "sql/corpus_test.h"
#include "sql/parser.h"

namespace firn::sql {
namespace {

std::vector<std::string> Corpus() {
  std::vector<std::string> statements;
  ForEachCorpusStatement([&](const std::string&, const std::string& text) { statements.push_back(text); });
  return statements;
}

// Returns whether the text was refused.
bool ExpectPlacedIfRefused(const std::string& text) {
  const auto parsed = ParseStatement(text);
  if (parsed.ok()) return false;
  EXPECT_FALSE(parsed.error().message().empty()) << text;
  const auto& span = parsed.error().span();
  EXPECT_TRUE(span) << text << "\n" << parsed.error().message();
  if (span) {
    EXPECT_TRUE(span->begin <= span->end && span->end <= text.size()) << text << "\n" << span->begin << ".." << span->end << " of " << text.size();
  }
  return true;
}

TEST(ParserSpans, OfStatementsCutShort) {
  int refused = 0;
  for (const std::string& statement : Corpus()) {
    for (size_t size = 0; size < statement.size(); size += 1 + statement.size() / 40) refused += ExpectPlacedIfRefused(statement.substr(0, size)) ? 1 : 0;
  }
  EXPECT_GT(refused, 5'000);
}

TEST(ParserSpans, OfStatementsWithAPieceTakenOutOrDoubled) {
  std::mt19937 random(3);
  int refused = 0;
  for (const std::string& statement : Corpus()) {
    for (int i = 0; i < 20; ++i) {
      const size_t at = random() % statement.size(), size = 1 + random() % 12;
      std::string changed = statement;
      if (i % 2 == 0) {
        changed.erase(at, size);
      } else {
        changed.insert(at, statement.substr(random() % statement.size(), size));
      }
      refused += ExpectPlacedIfRefused(changed) ? 1 : 0;
    }
  }
  EXPECT_GT(refused, 2'000);
}

}  // namespace
}  // namespace firn::sql
