"""firn against Apache Kafka and Apache Flink (rivals.py), turn by turn in one run on one machine, and a line with the ratios of every pair."""
import os
import statistics
import tempfile

from measure import GB, cpu_seconds, create_topic, delete_topic, emit, firn, produce, round3
from rivals import KafkaBroker, jars, run_flink, version
from trades_node import RAW_COLUMNS, RAW_SELECT, WINDOW_COLUMNS, WINDOW_SELECT, catalog, produce_trades, timed, trades_table

ROUNDS = 3  # of every produce measurement; the median counts
PRODUCED = {100: 4_000_000, 1024: 1_000_000}  # records by size: some seconds each
FSYNC_SHARE = 8  # Kafka that fsyncs is so much slower that it gets this part of the records
HALF_LOAD_SECONDS = 4
WARM_SECONDS = 15


def settle():
    """Nobody begins with another's dirty pages still to be written."""
    os.sync()


class Target:
    """A topic of a broker, with what was measured on it."""

    def __init__(self, name, broker, topic, partitions, record_bytes, **settings):
        self.name, self.broker, self.topic, self.bytes = name, broker, topic, record_bytes
        self.rates, self.cpu_s_per_gb, self.half_load = [], [], {}
        create_topic(broker, topic, partitions, **settings)
        self.run(1000)  # every leader is known

    def run(self, count, rate=0):
        settle()
        before = cpu_seconds(self.broker.process.pid)
        report = produce(self.broker, self.topic, count, "--bytes", self.bytes, "--rate", rate)
        report["cpu_s_per_gb"] = (cpu_seconds(self.broker.process.pid) - before) / (count * self.bytes / GB)
        return report

    def run_full(self, count):
        report = self.run(count)
        self.rates.append(report["records_per_second"])
        self.cpu_s_per_gb.append(report["cpu_s_per_gb"])

    def run_at(self, rate):
        self.half_load.setdefault(rate, []).append(self.run(rate * HALF_LOAD_SECONDS, rate))

    def rate(self):
        return statistics.median(self.rates)

    def half(self):
        return int(self.rate() / 2)

    def cpu(self):
        return statistics.median(self.cpu_s_per_gb)

    def at(self, rate, value):
        return statistics.median(report[value] for report in self.half_load[rate])

    def emit(self, shared, **values):
        own = self.half()
        same = {"same_load": shared, "same_p50_ms": self.at(shared, "p50_ms"), "same_p99_ms": self.at(shared, "p99_ms"), "same_p99_ms_runs": [report["p99_ms"] for report in self.half_load[shared]],
                "same_cpu_s_per_gb": round3(self.at(shared, "cpu_s_per_gb"))} if shared in self.half_load else {}
        emit(f"produce_{self.name}", **values, records_per_second=round(self.rate()), mb_per_second=round(self.rate() * self.bytes / 1e6, 1), cpu_s_per_gb=round3(self.cpu()),
             half_load=own, p50_ms=self.at(own, "p50_ms"), p99_ms=self.at(own, "p99_ms"), p99_ms_runs=[report["p99_ms"] for report in self.half_load[own]], **same)


def warm(broker):
    """The broker's hot code is compiled by the time it counts: WARM_SECONDS of full load over both ways of the bench."""
    begin = os.times().elapsed
    for number in range(100):
        if os.times().elapsed - begin > WARM_SECONDS:
            return
        topic = f"warm{number}"
        create_topic(broker, topic, 16 if number % 2 else 1)
        produce(broker, topic, 2_000_000, "--bytes", 100)
        produce(broker, topic, 300_000, "--bytes", 1024)
        delete_topic(broker, topic)


def measure_pair(node, broker, record_bytes, partitions):
    topic = f"bench-{record_bytes}-{partitions}"
    ours = Target("firn", node, topic, partitions, record_bytes)
    theirs = Target("kafka", broker, topic, partitions, record_bytes)
    synced = Target("kafka_fsync", broker, f"{topic}-fsync", partitions, record_bytes, **{"flush.messages": "1"})
    count = PRODUCED[record_bytes]
    for target in (ours, theirs, synced):
        target.run(count // 20)
    for _ in range(ROUNDS):
        ours.run_full(count)
        theirs.run_full(count)
    synced.run_full(count // FSYNC_SHARE)
    shared = min(ours.half(), theirs.half())
    for _ in range(ROUNDS):
        for target in (ours, theirs):
            for rate in {shared, target.half()}:
                target.run_at(rate)
    synced.run_at(synced.half())
    for target in (ours, theirs, synced):
        target.emit(shared, record_bytes=record_bytes, partitions=partitions)
        delete_topic(target.broker, target.topic)
    emit("firn_to_kafka", record_bytes=record_bytes, partitions=partitions, throughput=round3(ours.rate() / theirs.rate()), cpu_per_gb=round3(ours.cpu() / theirs.cpu()),
         same_load=shared, same_load_is_half_of="firn" if shared == ours.half() else "kafka", p50_same_load=round3(ours.at(shared, "p50_ms") / theirs.at(shared, "p50_ms")),
         p99_same_load=round3(ours.at(shared, "p99_ms") / theirs.at(shared, "p99_ms")),
         cpu_per_gb_same_load=round3(ours.at(shared, "cpu_s_per_gb") / theirs.at(shared, "cpu_s_per_gb")),
         p99_own_half_load=round3(ours.at(ours.half(), "p99_ms") / theirs.at(theirs.half(), "p99_ms")), throughput_to_kafka_fsync=round3(ours.rate() / synced.rate()))


def bench_kafka(_):
    with KafkaBroker() as broker, firn.Node() as node:
        emit("kafka", version=version("kafka", "kafka-clients"))
        for target in (broker, node):
            warm(target)
        for record_bytes in PRODUCED:
            for partitions in (1, 16):
                measure_pair(node, broker, record_bytes, partitions)


FLINK_ROWS = (2_000_000, 12_000_000)  # the difference counts, so that starting a JVM, planning and compiling hot code do not
FLINK_ROUNDS = 1
JOB_SETTINGS = {"parallelism.default": "1", "execution.checkpointing.interval": "1s", "table.local-time-zone": "UTC"}
# Object reuse spares Flink copies between operators; without it Iceberg's sink fails in Flink's copy of its data files.
FLINK_SETTINGS = {**JOB_SETTINGS, "pipeline.object-reuse": "true", "taskmanager.memory.managed.size": "512m", "restart-strategy.type": "none"}
FLINK_QUERIES = {"topic_to_raw": (RAW_COLUMNS, RAW_SELECT, "", "COUNT(*)"),
                 "topic_to_windows": (WINDOW_COLUMNS, WINDOW_SELECT, ", 'write.upsert.enabled'='true'", "SUM(trade_count)")}


def job(query, sink, topic, brokers, warehouse):
    """The statements of one job: the last is the INSERT."""
    columns, select, upsert, _ = FLINK_QUERIES[query]
    source = trades_table(topic, brokers)
    if sink == "blackhole":
        return [source, f"CREATE TABLE sink {columns} WITH ('connector'='blackhole')", f"INSERT INTO sink {select}"]
    return [source, *catalog(warehouse), f"CREATE TABLE lake.db.sink {columns} WITH ('format-version'='2'{upsert})", f"INSERT INTO lake.db.sink {select}"]


class FirnEngine:
    name = "firn"

    def __init__(self, node):
        self.node = node

    def run(self, query, sink, topic, warehouse):
        session = firn.Session(self.node.sql, {**JOB_SETTINGS, "table.dml-sync": "true"})
        *before, insert = job(query, sink, topic, self.node.kafka, warehouse)
        for statement in before:
            session.execute(statement)
        _, seconds, spent = timed(self.node, session, insert)
        for statement in ("DROP TABLE trades", "DROP TABLE sink" if sink == "blackhole" else "DROP CATALOG lake"):
            session.execute(statement)
        session.close()
        return seconds, spent


class FlinkEngine:
    name = "flink"

    def __init__(self, broker):
        self.broker = broker

    def run(self, query, sink, topic, warehouse):
        return run_flink(FLINK_SETTINGS, job(query, sink, topic, self.broker.kafka, warehouse))


def check_table(node, query, warehouse, records):
    """Every record is in the table that an engine wrote."""
    session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
    session.execute(catalog(warehouse)[0])
    found = session.execute(f"SELECT {FLINK_QUERIES[query][3]} FROM lake.db.sink").rows[0][1][0]
    session.execute("DROP CATALOG lake")
    session.close()
    assert int(found) == records, (query, found, records)


def measure_engines(node, engines, query, sink):
    """Rows per second and per processor second of each engine, from the difference of two sizes of input."""
    spent = {(engine.name, records): [0, 0] for engine in engines for records in FLINK_ROWS}
    for _ in range(FLINK_ROUNDS):
        for records in FLINK_ROWS:
            for engine in engines:
                with tempfile.TemporaryDirectory(prefix="firn-bench-") as folder:
                    settle()
                    for index, value in enumerate(engine.run(query, sink, f"trades{records}", f"{folder}/warehouse")):
                        spent[engine.name, records][index] += value / FLINK_ROUNDS
                    if sink == "iceberg":
                        check_table(node, query, f"{folder}/warehouse", records)
    small, large = FLINK_ROWS
    wall, cores = {}, {}
    for engine in engines:
        wall_s, cpu_s = (more - less for more, less in zip(spent[engine.name, large], spent[engine.name, small]))
        wall[engine.name], cores[engine.name] = (large - small) / wall_s, (large - small) / cpu_s
        emit(f"{engine.name}_{query}", sink=sink, rows=large - small, rows_per_second=round(wall[engine.name]), rows_per_cpu_second=round(cores[engine.name]),
             start_cpu_s=round3(spent[engine.name, small][1] - small / cores[engine.name]))
    emit("firn_to_flink", query=query, sink=sink, per_core=round3(cores["firn"] / cores["flink"]), per_second=round3(wall["firn"] / wall["flink"]))


def bench_flink(_):
    jars("flink")
    with KafkaBroker() as broker, firn.Node() as node:
        emit("flink", version=version("flink", "flink-core"), iceberg=version("flink", "iceberg-flink-runtime-2.1"), kafka=version("kafka", "kafka-clients"))
        for records in FLINK_ROWS:
            for target in (broker, node):
                produce_trades(target, f"trades{records}", records)
        for sink in ("blackhole", "iceberg"):
            for query in FLINK_QUERIES:
                measure_engines(node, (FirnEngine(node), FlinkEngine(broker)), query, sink)
