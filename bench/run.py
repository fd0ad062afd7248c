#!/usr/bin/env python3
"""What script/bench runs: every measurement in a node of its own, one JSON line each. `cpu_*` is the node's own processor time (/proc/PID/stat), which a
busy machine disturbs far less than wall time does."""
import argparse
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test/lib"))
import firn  # noqa: E402

BINARIES = ROOT / "build/release/bin"
GB = 1_000_000_000
PRODUCED = {100: 4_000_000, 1024: 1_000_000}  # records by size: some seconds each
TRADES = 4_000_000
TRADE_TABLE = """CREATE TABLE trades (symbol STRING, price DOUBLE, qty DOUBLE, ts BIGINT, side STRING, event_time AS TO_TIMESTAMP_LTZ(ts, 3),
  WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND)
  WITH ('connector'='kafka', 'topic'='trades', 'properties.bootstrap.servers'='localhost:9092', 'scan.startup.mode'='earliest-offset',
        'scan.bounded.mode'='latest-offset', 'format'='json', 'json.ignore-parse-errors'='true')"""
RAW_TABLE = "CREATE TABLE lake.db.raw_trades (symbol STRING, price DOUBLE, qty DOUBLE, side STRING, event_time TIMESTAMP_LTZ(3)) WITH ('format-version'='2')"
WINDOW_TABLE = """CREATE TABLE lake.db.agg_1m (window_start TIMESTAMP(3), window_end TIMESTAMP(3), symbol STRING, `open` DOUBLE, high DOUBLE, low DOUBLE, `close` DOUBLE,
  volume DOUBLE, trade_count BIGINT, PRIMARY KEY (symbol, window_start) NOT ENFORCED) WITH ('format-version'='2', 'write.upsert.enabled'='true')"""
RAW_INSERT = "INSERT INTO lake.db.raw_trades SELECT symbol, price, qty, side, event_time FROM trades"
WINDOW_INSERT = """INSERT INTO lake.db.agg_1m SELECT window_start, window_end, symbol, FIRST_VALUE(price), MAX(price), MIN(price), LAST_VALUE(price), SUM(qty), COUNT(*)
  FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '1' MINUTE)) GROUP BY symbol, window_start, window_end"""


def emit(bench, **values):
    print(json.dumps({"bench": bench, **values}), flush=True)


def round3(value):
    return round(value, 3)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid, peak=False):
    name = "VmHWM" if peak else "VmRSS"
    line = next(line for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name))
    return round(int(line.split()[1]) / 1024, 1)


def produce(node, topic, count, *arguments):
    command = [BINARIES / "firn_bench_produce", "--brokers", node.kafka, "--topic", topic, "--count", str(count), *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=600).stdout)


def create_topic(node, topic, partitions):
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": node.kafka, "log_level": 0})
    for future in admin.create_topics([NewTopic(topic, num_partitions=partitions)]).values():
        future.result(10)


def bench_machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    emit("machine", processor=model, cores=os.cpu_count(), load_1m=round(os.getloadavg()[0], 2), kernel=platform.release(),
         version=subprocess.run([BINARIES / "firn", "--version"], stdout=subprocess.PIPE, text=True).stdout.strip())


def bench_formats(_):
    report = json.loads(subprocess.run([BINARIES / "firn_bench_formats", "--benchmark_format=json", "--benchmark_min_time=2"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
    for entry in report["benchmarks"]:
        emit(entry["name"], rows_per_second_core=round(entry["items_per_second"]))


def bench_start(_):
    from confluent_kafka import Producer
    ready, first = [], []
    for _ in range(7):
        begin = time.monotonic()
        with firn.Node() as node:
            ready.append(time.monotonic() - begin)
            producer = Producer({"bootstrap.servers": node.kafka, "acks": "all", "topic.metadata.refresh.fast.interval.ms": 10, "reconnect.backoff.ms": 1, "log_level": 0})
            producer.produce("t", b"x")
            producer.flush(10)
            first.append(time.monotonic() - begin)
            time.sleep(0.5)
            idle = resident_mb(node.process.pid)
            del producer
    emit("start", ready_s=round3(sorted(ready)[3]), first_ack_s=round3(sorted(first)[3]), idle_mb=idle)


def bench_produce(_):
    for size in (100, 1024):
        for partitions in (1, 16):
            with firn.Node() as node:
                create_topic(node, "bench", partitions)
                count = PRODUCED[size]
                produce(node, "bench", count // 20, "--bytes", size)  # warms the client's and the node's memory
                before = cpu_seconds(node.process.pid)
                full = produce(node, "bench", count, "--bytes", size)
                spent = cpu_seconds(node.process.pid) - before
                rate = int(full["records_per_second"] / 2)
                half = produce(node, "bench", min(count, rate * 5), "--bytes", size, "--rate", rate)
                emit("produce", record_bytes=size, partitions=partitions, acks="all", records=full["records"], records_per_second=round(full["records_per_second"]),
                     mb_per_second=round(full["records_per_second"] * size / 1e6, 1), cpu_s_per_gb=round3(spent / (count * size / GB)), p50_ms_half_load=half["p50_ms"],
                     p99_ms_half_load=half["p99_ms"], peak_mb=resident_mb(node.process.pid, peak=True))


class TradesNode:
    """A node with TRADES records of about 100 bytes in the topic `trades`, a catalog `lake` and a session for bounded jobs."""

    def __init__(self, parallelism=1):
        self.folder = tempfile.TemporaryDirectory(prefix="firn-bench-")
        self.parallelism = parallelism

    def __enter__(self):
        self.node = firn.Node().start()
        create_topic(self.node, "trades", 4)
        produce(self.node, "trades", TRADES, "--payload", "trades", "--event-step-us", 200)
        self.session = firn.Session(self.node.sql, {"table.dml-sync": "true", "execution.checkpointing.interval": "1s", "parallelism.default": str(self.parallelism)})
        for statement in (f"CREATE CATALOG lake WITH ('type'='iceberg', 'catalog-type'='hadoop', 'warehouse'='file://{self.folder.name}/warehouse')",
                          "CREATE DATABASE IF NOT EXISTS lake.db", TRADE_TABLE, RAW_TABLE, WINDOW_TABLE):
            self.session.execute(statement)
        return self

    def __exit__(self, *_):
        self.session.close()
        self.node.stop()
        self.node.temporary.cleanup()
        self.folder.cleanup()

    def timed(self, statement, limit=None):
        before, begin = cpu_seconds(self.node.process.pid), time.monotonic()
        result = self.session.execute(statement, seconds=600, limit=limit)
        return result, time.monotonic() - begin, cpu_seconds(self.node.process.pid) - before


def bench_tables(_):
    both = f"EXECUTE STATEMENT SET BEGIN {RAW_INSERT}; {WINDOW_INSERT}; END"
    for name, statement in (("topic_to_raw", RAW_INSERT), ("topic_to_windows", WINDOW_INSERT), ("main_job", both)):
        with TradesNode() as trades:
            _, seconds, spent = trades.timed(statement)
            emit(name, records=TRADES, seconds=round3(seconds), rows_per_second=round(TRADES / seconds), rows_per_cpu_second=round(TRADES / spent),
                 peak_mb=resident_mb(trades.node.process.pid, peak=True))


def bench_restart(arguments):
    for gigabytes in (1, 10) if arguments.full else (1,):
        with firn.Node() as node:
            create_topic(node, "bench", 4)
            produce(node, "bench", gigabytes * GB // 1024, "--bytes", 1024)
            node.kill()
            begin = time.monotonic()
            node.start()
            ready = time.monotonic() - begin
            produce(node, "bench", 1, "--bytes", 100)
            emit("restart", log_gb=gigabytes, ready_s=round3(ready), first_ack_s=round3(time.monotonic() - begin))


QUERIES = {
    "count": "SELECT COUNT(*) FROM {table}",
    "filter_sum": "SELECT SUM(qty) FROM {table} WHERE price > 500 AND side = 'buy'",
    "group_by_symbol": "SELECT symbol, COUNT(*), SUM(qty), MIN(price), MAX(price) FROM {table} GROUP BY symbol",
}


def bench_scan(_):
    import duckdb
    with TradesNode() as trades:
        trades.session.execute(RAW_INSERT, seconds=600)
        trades.session.execute("SET 'execution.runtime-mode' = 'batch'")
        files = [str(path) for path in pathlib.Path(trades.folder.name).rglob("*.parquet")]
        connection = duckdb.connect(config={"threads": 1})
        for name, query in QUERIES.items():
            ours, theirs, spent = [], [], []
            for _ in range(5):
                result, seconds, cpu = trades.timed(query.format(table="lake.db.raw_trades"))
                ours.append(seconds)
                spent.append(cpu)
                begin = time.monotonic()
                rows = connection.execute(query.format(table=f"read_parquet({files})")).fetchall()
                theirs.append(time.monotonic() - begin)
            assert len(rows) == len(result.rows), (name, rows[:3], result.rows[:3])
            emit("scan", query=name, rows=TRADES, firn_s=round3(min(ours)), firn_cpu_s=round3(min(spent)), duckdb_one_thread_s=round3(min(theirs)), ratio=round3(min(theirs) / min(ours)))


def main():
    benches = {name.removeprefix("bench_"): function for name, function in globals().items() if name.startswith("bench_") and name != "bench_machine"}
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(benches))
    parser.add_argument("--full", action="store_true", help="also what takes minutes: restart over 10 GB")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in benches]
    if unknown:
        parser.error(f"{unknown[0]} is not one of {' '.join(benches)}")
    if shutil.disk_usage(tempfile.gettempdir()).free < 30 * GB and arguments.full:
        parser.error("--full needs 30 GB in the temporary folder (TMPDIR)")
    bench_machine()
    for name in arguments.names or benches:
        benches[name](arguments)


main()
