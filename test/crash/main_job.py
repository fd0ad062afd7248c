#!/usr/bin/env python3
"""The main job under kill -9.

  main_job.py [--rounds N] [--seed S] [--catalog hadoop|embedded]

A real Kafka client produces trades without pause while the node is killed with SIGKILL at random moments and started again. At the end, read with PyIceberg:
every record that was acknowledged is in the raw table exactly once and in order, and the one-minute windows equal an independent computation by DuckDB over it.
The tables' folders hold no file that no snapshot names.
"""
import argparse
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import checks  # noqa: E402
import duckdb  # noqa: E402
import firn  # noqa: E402
import trades  # noqa: E402
import warehouse  # noqa: E402
from pyiceberg.table import StaticTable  # noqa: E402

PIPELINE = """
CREATE CATALOG lake WITH ({catalog});
CREATE DATABASE IF NOT EXISTS lake.db;
CREATE TABLE trades (
  symbol STRING, price DOUBLE, qty DOUBLE, ts BIGINT, side STRING,
  event_time AS TO_TIMESTAMP_LTZ(ts, 3), proc_time AS PROCTIME(),
  WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND
) WITH ('connector'='kafka', 'topic'='trades', 'properties.bootstrap.servers'='localhost:9092',
        'properties.group.id'='lab', 'scan.startup.mode'='earliest-offset',
        'format'='json', 'json.ignore-parse-errors'='true');
CREATE TABLE lake.db.raw_trades (symbol STRING, price DOUBLE, qty DOUBLE, side STRING, event_time TIMESTAMP_LTZ(3))
  WITH ('format-version'='2');
CREATE TABLE lake.db.agg_1m (
  window_start TIMESTAMP(3), window_end TIMESTAMP(3), symbol STRING, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE,
  volume DOUBLE, trade_count BIGINT, PRIMARY KEY (symbol, window_start) NOT ENFORCED)
  WITH ('format-version'='2', 'write.upsert.enabled'='true');
SET 'execution.checkpointing.interval' = '200ms';
EXECUTE STATEMENT SET BEGIN
  INSERT INTO lake.db.raw_trades SELECT symbol, price, qty, side, event_time FROM trades;
  INSERT INTO lake.db.agg_1m
    SELECT window_start, window_end, symbol, FIRST_VALUE(price), MAX(price), MIN(price), LAST_VALUE(price), SUM(qty), COUNT(*)
    FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '1' MINUTE))
    GROUP BY symbol, window_start, window_end;
END;
"""


def newest_metadata(node, name):
    """The catalog's own pointer says where the table's metadata is."""
    session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
    newest = session.execute(f"SELECT file FROM lake.db.{name}$metadata_log_entries").texts()[-1][0]
    session.close()
    return newest


def read_table(node, name):
    return StaticTable.from_metadata(warehouse.local(newest_metadata(node, name))).scan().to_arrow()


def check_orphans(node):
    """Nothing is being written any more: what nobody names was left by a killed run."""
    return [f"{path} is named by nobody" for name in ("raw_trades", "agg_1m") for path in warehouse.unnamed_files(newest_metadata(node, name))]


def check(node, load):
    problems = list(load.failed)
    records = [load.acked[offset] for offset in sorted(load.acked)]
    if sorted(load.acked) != list(range(len(records))):
        problems.append("the acknowledged offsets are not dense")
    raw = read_table(node, "raw_trades")
    expected = [(r["symbol"], r["price"], r["qty"], r["side"], r["ts"]) for r in records]
    got = [(row["symbol"], row["price"], row["qty"], row["side"], round(row["event_time"].timestamp() * 1000)) for row in raw.to_pylist()]
    if sorted(got) != sorted(expected):
        problems.append(f"the raw table has {len(got)} rows for {len(expected)} acknowledged records, or other ones")
    source = {"symbol": [r[0] for r in expected], "price": [r[1] for r in expected], "qty": [r[2] for r in expected], "ts": [r[4] for r in expected], "n": list(range(len(expected)))}
    import pyarrow
    acknowledged = pyarrow.table(source)  # noqa: F841  read by DuckDB below
    oracle = duckdb.sql("""
        SELECT ts // 60000 * 60000 AS w, symbol, arg_min(price, n), max(price), min(price), arg_max(price, n), sum(qty), count(*)
        FROM acknowledged WHERE ts // 60000 * 60000 + 60000 - 1 <= (SELECT max(ts) - 5000 FROM acknowledged) GROUP BY w, symbol""").fetchall()
    windows = [(round((row["window_start"] - row["window_start"].__class__(1970, 1, 1)).total_seconds() * 1000), row["symbol"], row["open"], row["high"], row["low"], row["close"], row["volume"],
                row["trade_count"]) for row in read_table(node, "agg_1m").to_pylist()]
    if sorted(windows) != sorted(oracle):
        difference = sorted(set(windows) ^ set(oracle))
        problems.append(f"{len(windows)} windows for {len(oracle)} expected; first differences {difference[:4]}")
    return problems, len(expected), len(oracle)


def wait_for_rows(node, wanted):
    def count():
        session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
        rows = int(session.execute("SELECT COUNT(*) FROM lake.db.raw_trades").texts()[0][0])
        session.close()
        return rows

    def completed():
        return node.metric("firn_job_checkpoints_completed_total")

    checks.wait_until(lambda: count() >= wanted, f"{wanted} rows", seconds=60)
    # The windows' commit is that of the same or the next checkpoint: the second that ends from now on began after the rows were there.
    before = completed()
    checks.wait_until(lambda: completed() >= before + 2, "two more checkpoints", seconds=60)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--catalog", choices=["hadoop", "embedded"], default="hadoop")
    arguments = parser.parse_args()
    print(f"main job under kill -9: {arguments.rounds} rounds, --catalog {arguments.catalog} --seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="firn-crash-") as folder:
        hadoop = f"'type'='iceberg', 'catalog-type'='hadoop', 'warehouse'='file://{pathlib.Path(folder) / 'warehouse'}'"
        catalog = hadoop if arguments.catalog == "hadoop" else "'type'='iceberg'"
        port = firn.free_port()
        node = firn.Node(pathlib.Path(folder) / "lake", kafka_port=port).start()
        load = trades.run_under_kills(node, port, firn.split_statements(PIPELINE.format(catalog=catalog)), arguments.rounds, arguments.seed)
        wait_for_rows(node, len(load.acked))
        problems, records, windows = check(node, load)
        problems += check_orphans(node)
        trades.stop_and_report(node, problems, f"{records} acknowledged records, {windows} closed windows, {arguments.rounds} kills")


main()
