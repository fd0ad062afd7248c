#!/usr/bin/env python3
"""What script/bench runs: every measurement in a node of its own, one JSON line each. `cpu_*` is the node's own processor time (/proc/PID/stat), which a
busy machine disturbs far less than wall time does."""
import argparse
import json
import mmap
import os
import pathlib
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from measure import BINARIES, GB, cpu_seconds, create_topic, emit, firn, produce, resident_mb, round3
from rivals import RivalError
from trades_node import MAIN_JOB, RAW_INSERT, RAW_TABLE, TRADES, WINDOW_INSERT, WINDOW_TABLE, TradesNode
from versus import bench_flink, bench_kafka

PRODUCED = {100: 4_000_000, 1024: 1_000_000}  # records by size: some seconds each


def touch_memory():
    """Writes to every page of half of the free memory once. A virtual machine gets each page from its host at the first touch, which takes ten times as long as to copy
    the page; whoever runs first would pay for that. Returns GB."""
    available = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemAvailable")) * 1024
    size = available // 2 // mmap.PAGESIZE * mmap.PAGESIZE
    with mmap.mmap(-1, size) as memory:
        memory[::mmap.PAGESIZE] = b"\1" * (size // mmap.PAGESIZE)
    return round(size / GB, 1)


def bench_machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    emit("machine", processor=model, cores=os.cpu_count(), load_1m=round(os.getloadavg()[0], 2), touched_gb=touch_memory(), kernel=platform.release(),
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


def bench_tables(_):
    for name, statement in (("topic_to_raw", RAW_INSERT), ("topic_to_windows", WINDOW_INSERT), ("main_job", MAIN_JOB)):
        with TradesNode() as trades:
            _, seconds, spent = trades.timed(statement)
            emit(name, records=TRADES, seconds=round3(seconds), rows_per_second=round(TRADES / seconds), rows_per_cpu_second=round(TRADES / spent),
                 peak_mb=resident_mb(trades.node.process.pid, peak=True))


CHECKPOINT_TRADES = 28_000_000  # a run lasts some ten seconds
CHECKPOINT_PAIRS = 5


def main_job(trades, number, interval):
    """Runs the main job into tables of its own; returns (wall seconds, processor seconds)."""
    session = trades.session
    session.execute(f"SET 'execution.checkpointing.interval' = '{interval}'")
    statement = MAIN_JOB
    for table, definition in (("raw_trades", RAW_TABLE), ("agg_1m", WINDOW_TABLE)):
        session.execute(definition.replace(table, f"{table}_{number}"))
        statement = statement.replace(f"lake.db.{table}", f"lake.db.{table}_{number}")
    os.sync()  # the run before has nothing left to write
    _, seconds, spent = trades.timed(statement)
    for table in ("raw_trades", "agg_1m"):
        session.execute(f"DROP TABLE lake.db.{table}_{number}")
        shutil.rmtree(f"{trades.folder}/warehouse/db/{table}_{number}", ignore_errors=True)
    return seconds, spent


def bench_checkpoint(_):
    with TradesNode(CHECKPOINT_TRADES) as trades:
        main_job(trades, 0, "60s")  # the topic is in the page cache and the node's memory warm
        lost_wall, lost_cpu, often_s, seldom_s = [], [], [], []
        for pair in range(CHECKPOINT_PAIRS):
            runs = {}
            for turn, interval in enumerate(("1s", "60s") if pair % 2 else ("60s", "1s")):
                runs[interval] = main_job(trades, 2 * pair + turn + 1, interval)
            (often, often_cpu), (seldom, seldom_cpu) = runs["1s"], runs["60s"]
            often_s.append(round3(often))
            seldom_s.append(round3(seldom))
            lost_wall.append(100 * (1 - seldom / often))
            lost_cpu.append(100 * (1 - seldom_cpu / often_cpu))
        emit("checkpoint", records=CHECKPOINT_TRADES, every_1s=often_s, every_60s=seldom_s, lost_percent=round3(statistics.median(lost_wall)),
             lost_percent_runs=[round(lost, 1) for lost in lost_wall], lost_cpu_percent=round3(statistics.median(lost_cpu)), lost_cpu_percent_runs=[round(lost, 1) for lost in lost_cpu])


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
        files = [str(path) for path in pathlib.Path(trades.folder).rglob("*.parquet")]
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


OWN = {"formats": bench_formats, "start": bench_start, "produce": bench_produce, "tables": bench_tables, "checkpoint": bench_checkpoint, "restart": bench_restart,
       "scan": bench_scan}
RIVALS = {"kafka": bench_kafka, "flink": bench_flink}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{' '.join(OWN)} (the default), {' '.join(RIVALS)}, or rivals for both of these")
    parser.add_argument("--full", action="store_true", help="also what takes minutes: restart over 10 GB")
    arguments = parser.parse_args()
    names = [name for given in arguments.names or OWN for name in (RIVALS if given == "rivals" else [given])]
    unknown = [name for name in names if name not in {**OWN, **RIVALS}]
    if unknown:
        parser.error(f"{unknown[0]} is not one of {' '.join([*OWN, *RIVALS])} rivals")
    if shutil.disk_usage(tempfile.gettempdir()).free < 30 * GB and arguments.full:
        parser.error("--full needs 30 GB in the temporary folder (TMPDIR)")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: stopped"))  # so that nodes end and folders go
    bench_machine()
    for name in names:
        try:
            {**OWN, **RIVALS}[name](arguments)
        except RivalError as failure:
            sys.exit(f"bench {name}: {failure}")


main()
