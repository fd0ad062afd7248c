// SPDX-License-Identifier: Apache-2.0
#include "connect/system_tables.h"

#include <gmock/gmock.h>

#include "types/value_text.h"

namespace firn::connect {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

exec::JobStatus RunningJob() {
  exec::JobStatus job;
  job.id = "j1";
  job.definition.name = "insert-into_agg";
  job.definition.statement = "INSERT INTO agg SELECT ...";
  job.state = exec::JobState::kRunning;
  job.start_ms = 1'700'000'000'000;
  job.vertices = {{.node_id = 0, .name = "Source: trades", .rows_in = 10, .rows_out = 10, .watermark_ms = 1'700'000'005'000},
                  {.node_id = 1, .name = "WindowAggregate", .rows_in = 10, .late_rows = 2, .state_bytes = 99}};
  job.partitions = {{.node_id = 0, .table = "trades", .partition = {.name = "trades-0", .position = 7, .end_position = 9, .decode_errors = 1, .decode_error = "broken JSON: {"}, .watermark_ms = 1'700'000'005'000},
                    {.node_id = 0, .table = "trades", .partition = {.name = "trades-1", .position = 3, .end_position = 3}, .watermark_ms = 1'700'000'002'000, .late_rows = 4}};
  job.edges = {{0, 1}};
  job.windows = {{.node_id = 1, .start_ms = 1'699'999'980'000, .end_ms = 1'700'000'040'000, .keys = 3, .watermark_ms = 1'700'000'002'000}};
  job.checkpoints = {{.id = 5, .state = "COMPLETED", .triggered_ms = 1'700'000'001'000, .duration_ms = 12, .state_bytes = 10, .full_state_bytes = 20}};
  return job;
}

std::vector<std::string> RowTexts(const std::string& table, const std::vector<exec::JobStatus>& jobs, int64_t row = 0) {
  const auto rows = SystemRows(table, jobs);
  EXPECT_TRUE(rows.ok());
  std::vector<std::string> texts;
  for (size_t i = 0; i < rows->columns.size() && row < rows->row_count; ++i) {
    const auto text = types::FormatCell(*rows->columns[i], row, rows->schema->field(i).type, "UTC");
    texts.push_back(text.ok() ? *text : text.error().message());
  }
  return texts;
}

TEST(SystemTables, Jobs) {
  EXPECT_THAT(RowTexts("jobs", {RunningJob()}),
              ElementsAre("j1", "insert-into_agg", "RUNNING", "2023-11-14 22:13:20.000", "NULL", "0", "0", "0", "99", "NULL", "INSERT INTO agg SELECT ..."));
}

TEST(SystemTables, Operators) {
  EXPECT_THAT(RowTexts("operators", {RunningJob()}, 1), ElementsAre("j1", "1", "WindowAggregate", "1", "10", "0", "0", "2", "0", "99", "NULL", "0.0", "FALSE"));
}

TEST(SystemTables, SourcePartitionsHaveALag) {
  EXPECT_THAT(RowTexts("source_partitions", {RunningJob()}), ElementsAre("j1", "0", "trades", "trades-0", "7", "9", "2", "2023-11-14 22:13:25.000", "FALSE", "0", "1", "broken JSON: {"));
  EXPECT_THAT(RowTexts("source_partitions", {RunningJob()}, 1), ElementsAre("j1", "0", "trades", "trades-1", "3", "3", "0", "2023-11-14 22:13:22.000", "FALSE", "4", "0", "NULL"));
}

TEST(SystemTables, Checkpoints) {
  EXPECT_THAT(RowTexts("checkpoints", {RunningJob()}), ElementsAre("j1", "5", "COMPLETED", "2023-11-14 22:13:21.000", "12", "10", "20", "NULL"));
}

TEST(SystemTables, AWindowNamesThePartitionThatHoldsItBack) {
  const auto texts = RowTexts("windows", {RunningJob()});
  EXPECT_EQ(texts[7], "trades-1");
  EXPECT_THAT(texts[8], HasSubstr("a newer row in trades-1: it is read to its end (offset 3)"));
}

// A job of a statement set may have sources that have nothing to do with the window.
TEST(SystemTables, AWindowIsHeldBackByWhatItGetsRowsFrom) {
  exec::JobStatus job = RunningJob();
  job.vertices.push_back({.node_id = 2, .name = "Source: orders"});
  job.vertices.push_back({.node_id = 3, .name = "Calc"});
  job.edges = {{0, 3}, {3, 1}, {2, 4}};
  job.partitions.push_back({.node_id = 2, .table = "orders", .partition = {.name = "orders-0"}, .watermark_ms = 1'600'000'000'000});
  EXPECT_EQ(RowTexts("windows", {job})[7], "trades-1");
  job.edges.push_back({2, 3});
  EXPECT_EQ(RowTexts("windows", {job})[7], "orders-0");
}

TEST(SystemTables, AWindowSaysWhyNothingHoldsItBackAlone) {
  exec::JobStatus job = RunningJob();
  job.partitions[1].is_idle = true;
  EXPECT_THAT(RowTexts("windows", {job})[8], HasSubstr("the watermark of trades-0, which is the furthest behind"));
  job.partitions[0].is_idle = true;
  EXPECT_THAT(RowTexts("windows", {job})[8], HasSubstr("every source partition is idle"));
  job.partitions[0] = {.partition = {.name = "trades-0"}};
  EXPECT_THAT(RowTexts("windows", {job})[8], HasSubstr("no row with an event time has come from it"));
}

TEST(SystemTables, EndedJobsReadNothingAndWaitForNothing) {
  exec::JobStatus job = RunningJob();
  job.state = exec::JobState::kFinished;
  EXPECT_TRUE(RowTexts("source_partitions", {job}).empty());
  EXPECT_TRUE(RowTexts("windows", {job}).empty());
  EXPECT_FALSE(RowTexts("jobs", {job}).empty());
}

TEST(SystemTables, AnUnknownNameHasNearOnes) {
  const SystemTables tables;
  EXPECT_THAT(tables.Names(), ElementsAre("checkpoints", "jobs", "operators", "source_partitions", "windows"));
  const auto found = tables.Find("jbos");
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), ErrorCode::kTableNotFound);
  EXPECT_THAT(found.error().candidates(), ElementsAre("jobs"));
}

TEST(SystemTables, ScansBeforeTheEngineIsThereAreRefused) {
  const SystemTables tables;
  const auto connector = MakeSystemConnector(tables);
  plan::ScanNode scan;
  scan.table = *tables.Find("jobs");
  const auto source = connector->MakeSource(scan, {});
  ASSERT_FALSE(source.ok());
  EXPECT_EQ(source.error().code(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace firn::connect
