// SPDX-License-Identifier: Apache-2.0
// The main job in small: a topic read once, its rows kept in one Iceberg table and counted by key in another, while processes die under it. Whenever
// the tables are looked at, no row is there twice, both tables stand at the same point, and nothing that was seen is gone; in the end every
// acknowledged record is in them. Then a bounded job adds up the topic once.
//
// Half of the seeds keep the tables in a hadoop catalog, outside the journal: there the tables may stand at different points while the job runs, and the
// outside fails now and then, before it has done what it was asked for or after it.
//
// In a third of them two more jobs replace each other's rows by key in one table, which never has a key twice.
#include <algorithm>
#include <map>
#include <set>

#include "job_node.h"
#include "kafka/record_batch.h"

namespace firn::sim {

namespace {

constexpr const char* kTopic = "numbers";
constexpr int32_t kPartitions = 2;
constexpr uint64_t kLivesMax = 4;
constexpr uint64_t kBatchesPerLifeMax = 16;
constexpr int kKeys = 5;
constexpr int64_t kPatienceUs = 600'000'000;  // of simulated time, for what must happen

constexpr const char* kEmbedded = "CREATE CATALOG IF NOT EXISTS lake WITH ('type'='iceberg')";
constexpr const char* kHadoop = "CREATE CATALOG IF NOT EXISTS lake WITH ('type'='iceberg', 'catalog-type'='hadoop', 'warehouse'='file:///warehouse')";
constexpr const char* kSetup[] = {
    "CREATE DATABASE IF NOT EXISTS lake.db",
    "CREATE TABLE IF NOT EXISTS numbers (id BIGINT, k STRING, v BIGINT) WITH ('connector'='kafka', 'topic'='numbers', 'properties.bootstrap.servers'='localhost:9092', "
    "'properties.group.id'='sim', 'scan.startup.mode'='earliest-offset', 'format'='json')",
    "CREATE TABLE IF NOT EXISTS lake.db.raw_numbers (id BIGINT, k STRING, v BIGINT) WITH ('format-version'='2')",
    "CREATE TABLE IF NOT EXISTS lake.db.sums (k STRING, n BIGINT, s BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('format-version'='2', 'write.upsert.enabled'='true')",
    "CREATE TABLE IF NOT EXISTS lake.db.totals (n BIGINT, s BIGINT) WITH ('format-version'='2')",
    "CREATE TABLE IF NOT EXISTS lake.db.latest (m BIGINT, id BIGINT, PRIMARY KEY (m) NOT ENFORCED) WITH ('format-version'='2', 'write.upsert.enabled'='true')",
    "SET 'execution.checkpointing.interval' = '100ms'",
};
constexpr const char* kJob =
    "EXECUTE STATEMENT SET BEGIN INSERT INTO lake.db.raw_numbers SELECT id, k, v FROM numbers; INSERT INTO lake.db.sums SELECT k, COUNT(*), SUM(v) FROM numbers GROUP BY k; END";
constexpr const char* kRivals[] = {"INSERT INTO lake.db.latest SELECT MOD(id, 7), id FROM numbers", "INSERT INTO lake.db.latest SELECT MOD(id, 5), -id FROM numbers"};
constexpr const char* kBatch = "SET 'execution.runtime-mode' = 'batch'";
constexpr const char* kNoRestarts = "SET 'restart-strategy.type' = 'none'";
constexpr const char* kBoundedJob = "INSERT INTO lake.db.totals SELECT COUNT(*), SUM(v) FROM numbers /*+ OPTIONS('scan.bounded.mode'='latest-offset') */";

struct Sum {
  int64_t count = 0;
  int64_t sum = 0;
  bool operator==(const Sum&) const = default;
};

class JobWorld final : public World {
 public:
  explicit JobWorld(const SeedOptions& options) : World(options) {}

  void Act() override {
    is_outside_ = OneIn(2);
    has_rivals_ = OneIn(3);
    const uint64_t lives = 1 + Choose(kLivesMax);
    for (uint64_t life = 0; life < lives; ++life) Live();
    StartNode();
    CatchUp();
    SIM_CHECK(!is_dead() && seen_.size() == LogIds().size(), "the job does not catch up: {} of {} records are in the table", seen_.size(), LogIds().size());
    AddUpOnce();
    node_.reset();
  }

 private:
  OutsideFault NextOutsideFault() {
    if (!OneIn(6)) return OutsideFault::kNone;
    return OneIn(2) ? OutsideFault::kNotDone : OutsideFault::kDoneAndNotTold;
  }

  void Live() {
    if (OneIn(4)) disk().CrashAfter(Choose(200));
    StartNode();
    if (OneIn(2)) disk().CrashAfter(Choose(600));
    if (OneIn(5)) disk().FailSyncAfter(Choose(100));
    const uint64_t batches = Choose(kBatchesPerLifeMax);
    for (uint64_t i = 0; i < batches && !is_dead(); ++i) {
      Produce();
      world_.executor().StepFor(static_cast<int64_t>(Choose(150'000)));
      if (!is_dead() && OneIn(8)) Look();
    }
    if (!is_dead() && OneIn(3)) CatchUp();
    EndProcess();
  }

  void EndProcess() {
    if (!is_dead()) disk().Crash();
    node_.reset();
    Restart();
  }

  // Until it succeeds: with everything that the job needs, and the job.
  void StartNode() {
    for (int tries = 0;; ++tries) {
      SIM_CHECK(tries < 20, "the node does not start after {} tries", tries);
      const Status status = TryStart();
      if (status.ok() && !is_dead()) {
        Look();
        return;
      }
      SIM_CHECK(is_dead() || disk().has_failed_sync(), "the node does not start: {}", status.ok() ? "" : status.error().ToString());
      EndProcess();
    }
  }

  Status TryStart() {
    FIRN_TRY(node_, JobNode::Start(world_, {.fault = options_.fault, .outside = [this] { return NextOutsideFault(); }}));
    FIRN_RETURN_IF_ERROR(node_->EnsureTopic(kTopic, kPartitions));
    FIRN_RETURN_IF_ERROR(node_->Execute(is_outside_ ? kHadoop : kEmbedded));
    for (const char* statement : kSetup) FIRN_RETURN_IF_ERROR(node_->Execute(statement));
    const auto job = FindJob(kJob);
    SIM_CHECK(!job || job->state != exec::JobState::kFailed, "the job has failed: {}", job->failure ? job->failure->ToString() : "");
    if (!job) FIRN_RETURN_IF_ERROR(node_->Execute(kJob));
    SIM_CHECK(is_dead() || FindJob(kJob), "the job is not there");
    for (const char* rival : kRivals) {
      if (has_rivals_ && !FindJob(rival)) FIRN_RETURN_IF_ERROR(node_->Execute(rival));
    }
    return Ok();
  }

  // Of the node's jobs the one with this statement; there are not two.
  std::optional<exec::JobStatus> FindJob(const char* statement) {
    std::optional<exec::JobStatus> found;
    for (const exec::JobStatus& job : node_->engine().Jobs()) {
      if (job.definition.statement != statement) continue;
      SIM_CHECK(!found, "two jobs run: {}", statement);
      found = job;
    }
    return found;
  }

  void Produce() {
    kafka::RecordBatchBuilder builder;
    std::vector<int64_t> ids;
    for (uint64_t count = 1 + Choose(20); count > 0; --count) {
      const int64_t id = ++last_id_;
      ids.push_back(id);
      builder.Append(world_.environment().clock.WallTimeMs(), std::nullopt, fmt::format(R"({{"id":{},"k":"{}","v":{}}})", id, KeyOf(id), ValueOf(id)));
    }
    auto topic = node_->topics().Find(kTopic);
    SIM_CHECK(topic.ok(), "the topic is gone");
    auto append = node_->topics().Append(*topic, static_cast<int32_t>(Choose(kPartitions)), builder.Build());
    SIM_CHECK(append.ok(), "{}", append.error().ToString());
    node_->store().journal().Append({std::move(*append)}, [this, ids](const Result<log::Committed>& committed) {
      if (committed.ok() && !is_dead()) acked_.insert(ids.begin(), ids.end());
    });
  }

  static std::string KeyOf(int64_t id) { return fmt::format("k{}", id * 7 % kKeys); }
  static int64_t ValueOf(int64_t id) { return id % 100; }

  std::set<int64_t> LogIds() {
    std::set<int64_t> ids;
    auto topic = node_->topics().Find(kTopic);
    for (log::TopicPartitionId id : topic->partitions) {
      const auto log = node_->topics().partition(id);
      for (log::Offset next = log->log_start(); next < log->high_watermark();) {
        auto read = log->Read(next, {});
        SIM_CHECK(read.ok(), "{}", read.error().ToString());
        for (const base::SharedBytes& bytes : read->batches) AddIds(bytes.view(), next, &ids);
        next = read->next;
      }
    }
    return ids;
  }

  static void AddIds(std::string_view bytes, log::Offset from, std::set<int64_t>* ids) {
    Status status = kafka::ForEachBatch(bytes, [&](const kafka::RecordBatchView& batch) {
      std::string scratch;
      kafka::RecordReader reader(&scratch);
      SIM_CHECK(reader.Open(batch).ok(), "a batch cannot be read");
      kafka::RecordView record;
      while (reader.Next(&record)) {
        if (record.offset < from.value()) continue;
        SIM_CHECK(ids->insert(std::atoll(record.value.data() + 6)).second, "a record is in the log twice");
      }
      return true;
    });
    SIM_CHECK(status.ok(), "{}", status.error().ToString());
  }

  // Reads both tables and holds them against each other, against the log and against what was seen before. Whether they stand at the same point.
  bool Look() {
    const std::set<int64_t> produced = LogIds();
    for (int64_t id : acked_) SIM_CHECK(produced.contains(id), "record {} was acknowledged and is not in the log", id);
    auto raw = node_->Rows("raw_numbers");
    auto sums = node_->Rows("sums");
    auto latest = node_->Rows("latest");
    if (is_dead()) return false;
    SIM_CHECK(latest.ok(), "a table cannot be read: {}", latest.error().ToString());
    std::set<std::string> keys;
    for (const std::vector<std::string>& row : *latest) SIM_CHECK(keys.insert(row[0]).second, "key {} of two writers is in the table twice", row[0]);
    SIM_CHECK(raw.ok() && sums.ok(), "a table cannot be read: {}", raw.ok() ? sums.error().ToString() : raw.error().ToString());
    std::set<int64_t> found;
    std::map<std::string, Sum> expected;
    for (const std::vector<std::string>& row : *raw) {
      const int64_t id = std::stoll(row[0]);
      SIM_CHECK(found.insert(id).second, "record {} is in the table twice", id);
      SIM_CHECK(produced.contains(id), "record {} is in the table and not in the log", id);
      SIM_CHECK(row[1] == KeyOf(id) && std::stoll(row[2]) == ValueOf(id), "record {} is in the table with other values", id);
      ++expected[row[1]].count;
      expected[row[1]].sum += ValueOf(id);
    }
    std::map<std::string, Sum> totals;
    for (const std::vector<std::string>& row : *sums) {
      SIM_CHECK(totals.try_emplace(row[0], Sum{std::stoll(row[1]), std::stoll(row[2])}).second, "key {} is in the table twice", row[0]);
    }
    SIM_CHECK(is_outside_ || totals == expected, "the two tables do not stand at the same point");
    SIM_CHECK(std::includes(found.begin(), found.end(), seen_.begin(), seen_.end()), "rows that were seen are gone");
    seen_ = std::move(found);
    return totals == expected;
  }

  // The job reads all there is, if nothing stops it.
  void CatchUp() {
    const int64_t deadline_us = world_.clock().MonotonicUs() + kPatienceUs;
    while (!is_dead() && !disk().has_failed_sync()) {
      world_.executor().StepFor(100'000);
      if (is_dead()) return;
      if (Look() && seen_.size() == LogIds().size()) return;
      const auto job = FindJob(kJob);
      SIM_CHECK(world_.clock().MonotonicUs() < deadline_us, "the job does not catch up: {} of {} records are in the table, it is {}: {}", seen_.size(), LogIds().size(),
                exec::JobStateText(job->state), job->failure ? job->failure->ToString() : "");
    }
  }

  // A job that ends: what it owes outside with its last checkpoint is done however often that fails, and by the next process if this job is not to be
  // restarted or the process dies; its one row is there once.
  void AddUpOnce() {
    for (int tries = 0;; ++tries) {
      SIM_CHECK(tries < 20, "the bounded job does not end in {} processes", tries);
      if (OneIn(2)) disk().CrashAfter(Choose(200));
      const Status submitted = is_dead() || FindJob(kBoundedJob) ? Ok() : SubmitBoundedJob();
      SIM_CHECK(submitted.ok() || is_dead(), "the bounded job is refused: {}", submitted.ok() ? "" : submitted.error().ToString());
      if (BoundedJobFinishes()) break;
      EndProcess();
      StartNode();
    }
    auto rows = node_->Rows("totals");
    SIM_CHECK(rows.ok(), "a table cannot be read: {}", rows.error().ToString());
    Sum all;
    for (int64_t id : seen_) all = {all.count + 1, all.sum + ValueOf(id)};
    SIM_CHECK(rows->size() == 1, "the bounded job has {} rows and should have 1", rows->size());
    SIM_CHECK(std::stoll((*rows)[0][0]) == all.count && (all.count == 0 || std::stoll((*rows)[0][1]) == all.sum), "the bounded job has counted {} of {} records", (*rows)[0][0], all.count);
  }

  bool BoundedJobFinishes() {
    const int64_t deadline_us = world_.clock().MonotonicUs() + kPatienceUs;
    while (!is_dead()) {
      const auto job = FindJob(kBoundedJob);
      SIM_CHECK(job, "the bounded job is not there");
      if (job->state == exec::JobState::kFinished || job->state == exec::JobState::kFailed) return job->state == exec::JobState::kFinished;
      SIM_CHECK(world_.clock().MonotonicUs() < deadline_us, "the bounded job does not end, it is {}", exec::JobStateText(job->state));
      world_.executor().StepFor(50'000);
    }
    return false;
  }

  Status SubmitBoundedJob() {
    if (OneIn(2)) FIRN_RETURN_IF_ERROR(node_->Execute(kNoRestarts));
    FIRN_RETURN_IF_ERROR(node_->Execute(kBatch));
    FIRN_RETURN_IF_ERROR(node_->Execute(kBoundedJob));
    return Ok();
  }

  bool is_outside_ = false;  // the tables are in a hadoop catalog
  bool has_rivals_ = false;
  std::unique_ptr<JobNode> node_;
  int64_t last_id_ = 0;
  std::set<int64_t> acked_;
  std::set<int64_t> seen_;  // ids in the raw table
};

}  // namespace

void RunJobSeed(const SeedOptions& options) { JobWorld(options).Run(); }

}  // namespace firn::sim
