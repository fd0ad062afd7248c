// SPDX-License-Identifier: Apache-2.0
#include "formats/csv_records.h"

#include <gtest/gtest.h>

#include <vector>

namespace firn::formats {
namespace {

std::vector<std::string> Records(const FormatSpec& spec, std::string_view text, size_t piece) {
  auto ends = CsvRecordEnds::Make(spec);
  EXPECT_TRUE(ends.ok()) << ends.error().ToString();
  std::vector<std::string> records;
  size_t begin = 0, from = 0;
  for (size_t size = 0; size < text.size();) {
    size = std::min(size + piece, text.size());  // the text grows, as a file that is read does
    for (size_t end = ends->Find(text.substr(0, size), &from); end != std::string_view::npos; end = ends->Find(text.substr(0, size), &from)) {
      records.emplace_back(text.substr(begin, end - begin));
      begin = from;
    }
  }
  if (begin < text.size()) records.emplace_back(text.substr(begin));
  return records;
}

using Lines = std::vector<std::string>;

TEST(CsvRecords, AQuoteOpensAFieldWhereOneBegins) {
  const FormatSpec csv{.name = "csv"};
  for (size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{1000}}) {
    EXPECT_EQ(Records(csv, "a,b\nc,d\n", piece), (Lines{"a,b", "c,d"}));
    EXPECT_EQ(Records(csv, "1,\"a\nb\"\n2,c", piece), (Lines{"1,\"a\nb\"", "2,c"}));
    EXPECT_EQ(Records(csv, "5\" pipe,1\n6\" pipe,2\n", piece), (Lines{"5\" pipe,1", "6\" pipe,2"}));
    EXPECT_EQ(Records(csv, "\"a \"\"quoted\n\"\" text\",1\nb\n", piece), (Lines{"\"a \"\"quoted\n\"\" text\",1", "b"}));
    EXPECT_EQ(Records(csv, "\"\",\"\"\"\"\n\"\n\"\n", piece), (Lines{"\"\",\"\"\"\"", "\"\n\""}));
    EXPECT_EQ(Records(csv, "\n\nx", piece), (Lines{"", "", "x"}));
    EXPECT_EQ(Records(csv, "a,b\r\n\r\n\"c\r\nd\"\re\r\rf\r\n", piece), (Lines{"a,b", "", "\"c\r\nd\"", "e", "", "f"}));
  }
}

TEST(CsvRecords, OptionsSayWhatAQuoteIs) {
  FormatSpec escaped{.name = "csv"};
  escaped.options["escape-character"] = "\\";
  FormatSpec without{.name = "csv"};
  without.options["disable-quote-character"] = "true";
  FormatSpec other{.name = "csv"};
  other.options["quote-character"] = "'";
  other.options["field-delimiter"] = ";";
  FormatSpec comments{.name = "csv"};
  comments.options["allow-comments"] = "true";
  for (size_t piece : {size_t{1}, size_t{1000}}) {
    EXPECT_EQ(Records(escaped, "\"a\\\"\nb\",1\nc\n", piece), (Lines{"\"a\\\"\nb\",1", "c"}));
    EXPECT_EQ(Records(escaped, "\"a\\\"b\",1\nc\n", piece), (Lines{"\"a\\\"b\",1", "c"}));
    EXPECT_EQ(Records(without, "\"a\nb\"\n", piece), (Lines{"\"a", "b\""}));
    EXPECT_EQ(Records(other, "a,'b;'c\nd'\n\"e\n", piece), (Lines{"a,'b;'c\nd'", "\"e"}));
    EXPECT_EQ(Records(comments, "# \"not a quote\n1,2\n", piece), (Lines{"# \"not a quote", "1,2"}));
    EXPECT_EQ(Records(comments, "  # \"not a quote\n \"1\n2\"\n", piece), (Lines{"  # \"not a quote", " \"1\n2\""}));
    EXPECT_EQ(Records({.name = "json"}, "\"a\nb\"\rc\n", piece), (Lines{"\"a", "b\"\rc"}));
  }
}

// Looking for the other kind of line end, to the end of the text and at each line, took minutes.
TEST(CsvRecords, ManyLinesThatEndInOneOfTheTwoKinds) {
  constexpr size_t kLines = 2'000'000;
  for (const char end : {'\r', '\n'}) {
    std::string text;
    for (size_t i = 0; i < kLines; ++i) (text += 'a') += end;
    EXPECT_EQ(Records({.name = "csv"}, text, text.size()).size(), kLines) << static_cast<int>(end);
  }
}

}  // namespace
}  // namespace firn::formats
