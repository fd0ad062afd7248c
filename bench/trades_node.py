"""The main job's SQL, and a node with its topic filled."""
import contextlib
import tempfile
import time

from measure import cpu_seconds, create_topic, firn, produce

TRADES = 4_000_000
RAW_COLUMNS = "(symbol STRING, price DOUBLE, qty DOUBLE, side STRING, event_time TIMESTAMP_LTZ(3))"
WINDOW_COLUMNS = """(window_start TIMESTAMP(3), window_end TIMESTAMP(3), symbol STRING, `open` DOUBLE, high DOUBLE, low DOUBLE, `close` DOUBLE,
  volume DOUBLE, trade_count BIGINT, PRIMARY KEY (symbol, window_start) NOT ENFORCED)"""
RAW_TABLE = f"CREATE TABLE lake.db.raw_trades {RAW_COLUMNS} WITH ('format-version'='2')"
WINDOW_TABLE = f"CREATE TABLE lake.db.agg_1m {WINDOW_COLUMNS} WITH ('format-version'='2', 'write.upsert.enabled'='true')"
RAW_SELECT = "SELECT symbol, price, qty, side, event_time FROM trades"
WINDOW_SELECT = """SELECT window_start, window_end, symbol, FIRST_VALUE(price), MAX(price), MIN(price), LAST_VALUE(price), SUM(qty), COUNT(*)
  FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '1' MINUTE)) GROUP BY symbol, window_start, window_end"""
RAW_INSERT = f"INSERT INTO lake.db.raw_trades {RAW_SELECT}"
WINDOW_INSERT = f"INSERT INTO lake.db.agg_1m {WINDOW_SELECT}"
MAIN_JOB = f"EXECUTE STATEMENT SET BEGIN {RAW_INSERT}; {WINDOW_INSERT}; END"


def trades_table(topic="trades", brokers="localhost:9092"):
    return f"""CREATE TABLE trades (symbol STRING, price DOUBLE, qty DOUBLE, ts BIGINT, side STRING, event_time AS TO_TIMESTAMP_LTZ(ts, 3),
  WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND)
  WITH ('connector'='kafka', 'topic'='{topic}', 'properties.bootstrap.servers'='{brokers}', 'scan.startup.mode'='earliest-offset',
        'scan.bounded.mode'='latest-offset', 'format'='json', 'json.ignore-parse-errors'='true')"""


def catalog(warehouse):
    """The statements that make the catalog `lake` and its database `db` in a folder."""
    return [f"CREATE CATALOG lake WITH ('type'='iceberg', 'catalog-type'='hadoop', 'warehouse'='file://{warehouse}')", "CREATE DATABASE IF NOT EXISTS lake.db"]


def produce_trades(broker, topic, records):
    """Fills a new topic of four partitions with trades of about 100 bytes, 200 us of event time apart. The same records every time."""
    create_topic(broker, topic, 4)
    produce(broker, topic, records, "--payload", "trades", "--event-step-us", 200)


class TradesNode:
    """A node with records in the topic `trades`, a catalog `lake` with the main job's tables, and a session for bounded jobs."""

    def __init__(self, records=TRADES):
        self.records = records

    def __enter__(self):
        with contextlib.ExitStack() as closing:
            self.folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="firn-bench-"))
            self.node = closing.enter_context(firn.Node())
            produce_trades(self.node, "trades", self.records)
            self.session = firn.Session(self.node.sql, {"table.dml-sync": "true", "execution.checkpointing.interval": "1s", "parallelism.default": "1"})
            for statement in (*catalog(f"{self.folder}/warehouse"), trades_table(), RAW_TABLE, WINDOW_TABLE):
                self.session.execute(statement)
            self.closing = closing.pop_all()
        return self

    def __exit__(self, *failure):
        return self.closing.__exit__(*failure)

    def timed(self, statement, limit=None):
        """Returns (result, wall seconds, the node's processor seconds)."""
        return timed(self.node, self.session, statement, limit)


def timed(node, session, statement, limit=None):
    before, begin = cpu_seconds(node.process.pid), time.monotonic()
    result = session.execute(statement, seconds=600, limit=limit)
    return result, time.monotonic() - begin, cpu_seconds(node.process.pid) - before
