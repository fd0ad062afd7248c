// SPDX-License-Identifier: Apache-2.0
// What is said about the options of a kafka table that do not go together: the thing, its value, and what to do.
#include "connect/kafka_table.h"

#include <gtest/gtest.h>

namespace firn::connect {
namespace {

using Options = std::map<std::string, std::string>;

Error Refused(const Options& with) {
  plan::TableDefinition table;
  table.path = {"c", "d", "t"};
  table.connector = "kafka";
  table.columns.push_back({.name = "k", .type = types::DataType::String()});
  table.columns.push_back({.name = "v", .type = types::DataType::String()});
  for (const auto& [key, value] : Options{{"connector", "kafka"}, {"topic", "trades"}, {"properties.bootstrap.servers", "localhost:9092"}, {"format", "json"}}) table.options[key] = value;
  for (const auto& [key, value] : with) table.options[key] = value;
  auto parsed = ParseKafkaTable(table, "UTC");
  EXPECT_FALSE(parsed.ok());
  return parsed.ok() ? Error(ErrorCode::kNotSupported, "it was taken") : std::move(parsed).error();
}

TEST(KafkaTable, WhatDoesNotGoTogetherIsNamedWithItsValue) {
  const std::tuple<Options, const char*, const char*> cases[] = {
      {{{"topic-pattern", "a.*"}}, "'topic-pattern' is 'a.*': topics are not found by a pattern (table c.d.t)", "'topic' takes several topics, separated by ';'"},
      {{{"topic", ";"}}, "'topic' is ';', which names none (table c.d.t)", "'topic' takes one topic or several, separated by ';'"},
      {{{"key.format", "json"}}, "'key.format' is 'json', and 'key.fields' is missing (table c.d.t)", "they go together: which columns the key holds, and how"},
      {{{"key.fields", "k"}}, "'key.fields' is 'k', and 'key.format' is missing (table c.d.t)", "they go together: which columns the key holds, and how"},
      {{{"key.format", "json"}, {"key.fields", "x"}}, "'key.fields' names `x`, which is no physical column", "there are k, v"},
      {{{"key.format", "json"}, {"key.fields", "k"}, {"key.fields-prefix", "p_"}}, "'key.fields-prefix' is 'p_', which needs 'value.fields-include'='EXCEPT_KEY' (table c.d.t)",
       "or leave the prefix out: the value's fields have the columns' names"},
      {{{"key.format", "json"}, {"key.fields", "k"}, {"key.fields-prefix", "p_"}, {"value.fields-include", "EXCEPT_KEY"}}, "the key's column `k` does not begin with 'key.fields-prefix' 'p_'",
       "name it `p_k`"},
      {{{"scan.startup.mode", "timestamp"}}, "'scan.startup.mode'='timestamp' needs 'scan.startup.timestamp-millis' (table c.d.t)", "milliseconds since 1970, for example '1700000000000'"},
      {{{"scan.startup.mode", "specific-offsets"}}, "'scan.startup.mode'='specific-offsets' needs 'scan.startup.specific-offsets' (table c.d.t)",
       "for example 'partition:0,offset:42;partition:1,offset:300'"},
      {{{"properties.auto.offset.reset", "earlest"}}, "'properties.auto.offset.reset' is 'earlest' (table c.d.t)", "it takes earliest, latest or none: where a group begins that has committed no offset"},
  };
  for (const auto& [options, message, hint] : cases) {
    const Error error = Refused(options);
    EXPECT_EQ(error.message(), message);
    EXPECT_EQ(error.hint(), hint);
  }
}

TEST(KafkaTable, AResetThatThereIsNotHasNearNames) { EXPECT_EQ(Refused({{"properties.auto.offset.reset", "earlest"}}).candidates(), std::vector<std::string>{"earliest"}); }

}  // namespace
}  // namespace firn::connect
