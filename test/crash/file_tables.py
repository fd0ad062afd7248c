#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""File tables under kill -9.

  file_tables.py [--rounds N] [--seed S]

A real Kafka client produces trades without pause into a job that writes them as JSON, CSV and Parquet files and into partitions, while the node is killed with
SIGKILL at random moments and started again. At the end every record that was acknowledged is in the visible files of each table exactly once, in the partition of
its own values, firn reads the same, and no hidden file of a killed run is left.
"""
import argparse
import csv
import json
import pathlib
import random
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import firn  # noqa: E402
import pyarrow.parquet  # noqa: E402
import trades  # noqa: E402

COLUMNS = ["symbol", "price", "qty", "ts", "side"]
TABLES = {"t_json": ("json", ""), "t_csv": ("csv", ""), "t_parquet": ("parquet", ""), "t_parts": ("json", "PARTITIONED BY (side, symbol)"), "t_parquet_parts": ("parquet", "PARTITIONED BY (symbol)")}


def pipeline(folder):
    yield """CREATE TABLE trades (symbol STRING, price DOUBLE, qty DOUBLE, ts BIGINT, side STRING)
             WITH ('connector'='kafka', 'topic'='trades', 'properties.bootstrap.servers'='localhost:9092', 'properties.group.id'='lab', 'scan.startup.mode'='earliest-offset', 'format'='json')"""
    for name, (file_format, partitioning) in TABLES.items():
        yield f"""CREATE TABLE {name} (symbol STRING, price DOUBLE, qty DOUBLE, ts BIGINT, side STRING) {partitioning}
                  WITH ('connector'='filesystem', 'path'='{folder / name}', 'format'='{file_format}')"""
    yield "SET 'execution.checkpointing.interval' = '200ms'"
    yield "EXECUTE STATEMENT SET BEGIN " + " ".join(f"INSERT INTO {name} SELECT * FROM trades;" for name in TABLES) + " END"


def records_of(path, file_format):
    if file_format == "json":
        return [json.loads(line) for line in path.read_text().splitlines()]
    if file_format == "csv":
        with open(path, newline="") as lines:
            return [{"symbol": row[0], "price": float(row[1]), "qty": float(row[2]), "ts": int(row[3]), "side": row[4]} for row in csv.reader(lines)]
    return pyarrow.parquet.ParquetFile(path).read().to_pylist()


def read_files(folder, name):
    """The rows of a table as other programs find them: in files whose names do not begin with a dot, with the values that their folders name."""
    rows = []
    for path in sorted((folder / name).rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            values = dict(part.split("=") for part in path.relative_to(folder / name).parts[:-1])
            for record in records_of(path, TABLES[name][0]):
                assert not values.keys() & record.keys(), f"{path} holds its partition's columns"
                rows.append(tuple({**record, **values}[column] for column in COLUMNS))
    return sorted(rows)


def check(folder, load):
    problems = list(load.failed)
    expected = sorted(tuple(record[column] for column in COLUMNS) for record in load.acked.values())
    for name in TABLES:
        rows = read_files(folder, name)
        if rows != expected:
            problems.append(f"{name} has {len(rows)} rows for {len(expected)} acknowledged records, or other ones")
    return problems, len(expected)


def check_orphans(folder):
    """All is committed and visible: what is hidden was left by a killed run."""
    return [f"{path} is left" for name in TABLES for path in (folder / name).rglob(".*") if path.is_file()]


def check_by_firn(node, load):
    session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
    wanted = [str(len(load.acked)), str(sum(record["ts"] for record in load.acked.values())), str(sum(record["side"] == "buy" for record in load.acked.values()))]
    found = {name: session.execute(f"SELECT COUNT(*), SUM(ts), COUNT(*) FILTER (WHERE side = 'buy') FROM {name}").texts()[0] for name in TABLES}
    session.close()
    return [f"firn reads {row} of {name} for {wanted}" for name, row in found.items() if row != wanted]


def wait_for_rows(folder, wanted, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(len(read_files(folder, name)) < wanted for name in TABLES):
        time.sleep(0.3)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    arguments = parser.parse_args()
    print(f"file tables under kill -9: {arguments.rounds} rounds, --seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="firn-crash-") as name:
        folder = pathlib.Path(name)
        port = firn.free_port()
        node = firn.Node(folder / "lake", kafka_port=port).start()
        load = trades.run_under_kills(node, port, pipeline(folder), arguments.rounds, arguments.seed)
        wait_for_rows(folder, len(load.acked), 60)
        problems, records = check(folder, load)
        problems += check_by_firn(node, load)
        problems += check_orphans(folder)
        trades.stop_and_report(node, problems, f"{records} acknowledged records in {len(TABLES)} tables, {arguments.rounds} kills")


main()
