// SPDX-License-Identifier: Apache-2.0
// `firn demo`: the main job in one command, in a folder of its own.
//
// 1. A node starts on free ports; a Kafka client writes trades to it, whose event time runs at 60 times the clock.
// 2. The pipeline is submitted as SQL text through the SQL gateway: raw rows and one-minute windows into two Iceberg tables.
// 3. A streaming SELECT of the same windows shows each the moment it closes.
// 4. The trades end, the last checkpoint is awaited, and the tables are queried as anybody would.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/assert.h"
#include "cli/command_line.h"
#include "cli/demo_screen.h"
#include "cli/demo_trades.h"
#include "cli/node.h"
#include "cli/result_printer.h"
#include "cli/sql_client.h"
#include "io/clock.h"
#include "io/file_system.h"
#include "io/process.h"
#include "io/random.h"
#include "io/real_environment.h"
#include "sql/parser.h"

namespace firn::cli {

namespace {

constexpr int64_t kSpeed = 60;
constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kStatusEveryUs = 200'000;
constexpr int64_t kQueriesMs = 2'000;            // of the time that is given, kept for the queries
constexpr int64_t kLastCommitWaitUs = 3'000'000;
constexpr size_t kMinuteBegin = 11, kMinuteEnd = 16;  // of "2024-01-02 03:04:05"

constexpr const char* kTables = R"(CREATE CATALOG lake WITH ('type'='iceberg', 'catalog-type'='hadoop', 'warehouse'='file://{0}/warehouse');
CREATE DATABASE IF NOT EXISTS lake.db;
CREATE TABLE trades (
  symbol STRING, price DOUBLE, qty DOUBLE, ts BIGINT, side STRING,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3),
  WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND
) WITH ('connector'='kafka', 'topic'='trades', 'properties.bootstrap.servers'='{1}', 'properties.group.id'='demo',
        'scan.startup.mode'='earliest-offset', 'format'='json', 'json.ignore-parse-errors'='true');
CREATE TABLE lake.db.raw_trades (symbol STRING, price DOUBLE, qty DOUBLE, side STRING, event_time TIMESTAMP_LTZ(3))
  WITH ('format-version'='2');
CREATE TABLE lake.db.agg_1m (
  window_start TIMESTAMP(3), window_end TIMESTAMP(3), symbol STRING, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE,
  volume DOUBLE, trade_count BIGINT, PRIMARY KEY (symbol, window_start) NOT ENFORCED)
  WITH ('format-version'='2', 'write.upsert.enabled'='true');
)";

constexpr const char* kPipeline = R"(SET 'execution.checkpointing.interval' = '1s';
EXECUTE STATEMENT SET BEGIN
  INSERT INTO lake.db.raw_trades
    SELECT symbol, price, qty, side, event_time FROM trades;
  INSERT INTO lake.db.agg_1m
    SELECT window_start, window_end, symbol, FIRST_VALUE(price), MAX(price),
           MIN(price), LAST_VALUE(price), SUM(qty), COUNT(*)
    FROM TABLE(
      TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '1' MINUTE))
    GROUP BY symbol, window_start, window_end;
END;
)";

constexpr const char* kLive = R"(SELECT window_start, symbol, FIRST_VALUE(price), MAX(price), MIN(price), LAST_VALUE(price), CAST(SUM(qty) AS DECIMAL(12, 2)), COUNT(*)
FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '1' MINUTE)) GROUP BY symbol, window_start, window_end)";

constexpr const char* kQueries[] = {
    "SELECT window_start, symbol, open, `close`, trade_count\n      FROM lake.db.agg_1m ORDER BY window_start DESC, symbol LIMIT 4",
    "SELECT symbol, COUNT(*) AS trades, MIN(price) AS low, MAX(price) AS high\n      FROM lake.db.raw_trades GROUP BY symbol ORDER BY symbol",
    "SELECT committed_at, snapshot_id, operation\n      FROM lake.db.`agg_1m$snapshots` ORDER BY committed_at DESC LIMIT 4",
    "SELECT partition_name, `offset`, end_offset, lag, watermark\n      FROM sys.source_partitions WHERE partition_name LIKE 'trades-%'\n      ORDER BY partition_name",
};

struct DemoOptions {
  int seconds = 20;
  bool keeps = false;
};

class Demo {
 public:
  Demo(const io::Environment& environment, const DemoOptions& options)
      : environment_(environment), options_(options), folder_(io::JoinPath(io::TemporaryFolder(), "firn-demo-" + environment.random.UuidText().substr(0, 8))) {}

  Status Run() {
    start_us_ = environment_.clock.MonotonicUs();
    FIRN_RETURN_IF_ERROR(environment_.files.CreateDirectories(folder_));
    FIRN_TRY(node_, Node::Start(environment_, {.data = io::JoinPath(folder_, "lake"), .kafka_port = 0, .sql_port = 0, .jobs_port = 0}));
    Say("A node is up after {} ms, in {}\n  kafka {}   sql {}   jobs http://{}\n", (environment_.clock.MonotonicUs() - start_us_) / 1000, folder_, node_->kafka().ToString(), node_->sql().ToString(),
        node_->jobs().ToString());
    const int64_t length_ms = static_cast<int64_t>(options_.seconds) * 1000 * kSpeed;
    const int64_t now_ms = environment_.clock.WallTimeMs();
    trades_ = std::make_unique<DemoTrades>(environment_, DemoTrades::Options{.bootstrap_server = node_->kafka().ToString(), .topic = "trades",
                                                                           .first_event_ms = (now_ms - length_ms) / kMinuteMs * kMinuteMs, .speed = kSpeed});
    FIRN_RETURN_IF_ERROR(trades_->Start());
    FIRN_TRY(session_, SqlClient::Connect(node_->sql(), {{"table.local-time-zone", "UTC"}}));
    FIRN_RETURN_IF_ERROR(RunScript(fmt::format(kTables, folder_, node_->kafka().ToString())));
    Say("\nTrades come in through the Kafka port, their event time at {} times the clock.\nThe pipeline:\n\n{}\n", kSpeed, kPipeline);
    FIRN_RETURN_IF_ERROR(RunScript(kPipeline));
    Say("Each one-minute window, the moment it closes:\n\n");
    FIRN_RETURN_IF_ERROR(ShowWindows());
    if (was_stopped_) return Ok();
    FIRN_RETURN_IF_ERROR(ShowTables());
    if (!options_.keeps) Say("\nThat is all: the node has stopped, its folder is gone. To go on:\n  firn demo --keep         the same, and it stays up to look around in\n  firn up --data ./lake    a node of your own\n");
    return Ok();
  }

  Status Close() {
    if (options_.keeps && node_ && !was_stopped_) {
      Say("\nThe node stays up and trades go on. Look around with\n  firn sql --server {}\n  firn topic consume trades --bootstrap-server {}\n  firn job list --server {}\nCtrl-C ends it.\n", node_->sql().ToString(),
          node_->kafka().ToString(), node_->jobs().ToString());
      io::WaitForStopSignal();
    }
    if (trades_) trades_->Stop();
    session_.reset();
    Status status = node_ ? node_->Stop() : Ok();
    node_.reset();
    FIRN_RETURN_IF_ERROR(environment_.files.RemoveAll(folder_));
    return status;
  }

 private:
  // Nobody reads any more: the demo ends.
  void Write(std::string_view text) { was_stopped_ |= !io::WriteOutput(text); }

  template <typename... Args>
  void Say(fmt::format_string<Args...> text, Args&&... args) {
    Write(fmt::format(text, std::forward<Args>(args)...));
  }

  Status RunScript(const std::string& script) {
    const ResultReceiver receiver{[this](const ResultHead& head) { job_ = head.job_id.empty() ? job_ : head.job_id; }, [](const std::vector<PrintedRow>&) { return true; }};
    for (const sql::StatementText& statement : sql::SplitStatements(script)) FIRN_RETURN_IF_ERROR(session_->Execute(statement.text, receiver));
    return Ok();
  }

  int64_t ElapsedMs() const { return (environment_.clock.MonotonicUs() - start_us_) / 1000; }

  Status ShowWindows() {
    const bool is_terminal = io::IsOutputTerminal();
    DemoScreen screen({.columns = is_terminal ? io::TerminalColumns() : 0, .has_status_line = is_terminal}, [this](std::string_view text) { Write(text); });
    int64_t next_status_us = 0;
    const auto on_rows = [&](const std::vector<PrintedRow>& rows) {
      std::vector<ClosedWindow> windows;
      for (const PrintedRow& row : rows) {
        const auto text = [&](size_t i) { return row.texts.at(i).value_or(""); };
        FIRN_ASSERT(row.texts.size() == 8 && text(0).size() >= kMinuteEnd, "a window of {} columns begins at '{}'", row.texts.size(), text(0));
        windows.push_back({text(0).substr(kMinuteBegin, kMinuteEnd - kMinuteBegin), text(1), PriceText(text(2)), PriceText(text(3)), PriceText(text(4)), PriceText(text(5)), text(6), text(7)});
      }
      screen.Add(std::move(windows));
      if (const int64_t now_us = environment_.clock.MonotonicUs(); now_us >= next_status_us) {
        screen.SetStatus(Look());
        next_status_us = now_us + kStatusEveryUs;
      }
      was_stopped_ |= io::TakeStopSignal();
      return !was_stopped_ && ElapsedMs() < options_.seconds * 1000 - kQueriesMs;
    };
    FIRN_RETURN_IF_ERROR(session_->Execute(kLive, {[](const ResultHead&) {}, on_rows}));
    const DemoStatus last = Look();
    screen.Finish();
    Say("\n{}\n", StatusText(last, is_terminal ? io::TerminalColumns() : 0));
    return Ok();
  }

  DemoStatus Look() {
    DemoStatus status{.elapsed_ms = ElapsedMs(), .trades_produced = trades_->produced()};
    status.trades_per_second = status.trades_produced * 1000 / std::max<int64_t>(status.elapsed_ms, 1);
    auto job = node_->engine().Job(job_);
    if (!job.ok()) return status;
    status.checkpoints = job->checkpoints_completed;
    for (const auto& checkpoint : job->checkpoints) {
      if (checkpoint.state == "COMPLETED") status.checkpoint_ms = checkpoint.duration_ms;
    }
    int64_t watermark_ms = types::kNoWatermark;
    for (const auto& vertex : job->vertices) {
      watermark_ms = std::max(watermark_ms, vertex.watermark_ms == types::kFinalWatermark ? types::kNoWatermark : vertex.watermark_ms);
      if (vertex.name.find("raw_trades") != std::string::npos) status.rows_stored += vertex.rows_in;
    }
    if (watermark_ms > 0) status.watermark = fmt::format("{:02}:{:02}:{:02}", watermark_ms / 3'600'000 % 24, watermark_ms / 60'000 % 60, watermark_ms / 1000 % 60);
    return status;
  }

  // What has been read is in the tables with the checkpoint that comes after it.
  void AwaitCheckpoint() {
    const int64_t before = Look().checkpoints;
    const int64_t deadline_us = environment_.clock.MonotonicUs() + kLastCommitWaitUs;
    while (Look().checkpoints <= before + 1 && environment_.clock.MonotonicUs() < deadline_us && !io::TakeStopSignal()) io::SleepMs(20);
  }

  Status ShowTables() {
    if (!options_.keeps) trades_->Stop();
    AwaitCheckpoint();
    Say("\nThe Iceberg tables, as firn, PyIceberg, DuckDB or Spark read them:\n");
    FIRN_RETURN_IF_ERROR(RunScript("SET 'execution.runtime-mode' = 'batch'"));
    for (const char* query : kQueries) {
      Say("\nfirn> {};\n", query);
      std::unique_ptr<ResultPrinter> printer;
      const PrinterOptions options{.terminal_columns = io::IsOutputTerminal() ? io::TerminalColumns() : 0};
      FIRN_RETURN_IF_ERROR(session_->Execute(query, {[&](const ResultHead& head) { printer = ResultPrinter::Make(options, head.columns, [this](std::string_view text) { Write(text); }); },
                                                     [&](const std::vector<PrintedRow>& rows) {
                                                       FIRN_ASSERT(printer != nullptr || rows.empty(), "{} rows before the columns", rows.size());
                                                       if (printer) printer->Add(rows);
                                                       return true;
                                                     }}));
      FIRN_ASSERT(printer != nullptr, "no columns of: {}", query);
      printer->Finish();
    }
    return Ok();
  }

  const io::Environment environment_;
  const DemoOptions options_;
  const std::string folder_;
  int64_t start_us_ = 0;
  std::unique_ptr<Node> node_;
  std::unique_ptr<DemoTrades> trades_;
  std::unique_ptr<SqlClient> session_;
  std::string job_;
  bool was_stopped_ = false;
};

Status RunDemo(const DemoOptions& options) {
  io::HoldStopSignals();
  FIRN_TRY(io::RealEnvironment real, io::RealEnvironment::Make());
  Demo demo(real.environment(), options);
  Status status = demo.Run();
  Status closed = demo.Close();
  return status.ok() ? std::move(closed) : std::move(status);
}

}  // namespace

void AddDemoCommand(CLI::App& app, Command* chosen) {
  auto options = std::make_shared<DemoOptions>();
  CLI::App* command = app.add_subcommand("demo", "the main job in a temporary folder: trades in, one-minute windows and Iceberg tables out\n\n  firn demo\n  firn demo --keep");
  command->add_option("--seconds", options->seconds, "how long it runs")->capture_default_str()->check(CLI::Range(5, 3600));
  command->add_flag("--keep", options->keeps, "stays up after the queries, until Ctrl-C");
  command->callback([=] { *chosen = [=] { return EndCommand(RunDemo(*options)); }; });
}

}  // namespace firn::cli
