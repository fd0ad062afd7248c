#!/usr/bin/env python3
"""Streaming queries and what they answer, each run in up to six ways that must not be told apart.

  run_goldens.py [--only SUBSTRING] [--update] [--seed S] [--verbose]

A case is NAME.sql: tables whose options are ${input}, a last SELECT, and directives:
  -- input: trades = trades.jsonl        ${trades} in the script; one JSON record a line, in order of arrival; or: generated COUNT
  -- partitions: trades = 3              of its topic (1); records go to the partitions in turn
  -- key: a, b                           columns that identify a result row; without: the result is only appended to
  -- delay: 5                            seconds by which records may be late on their watermark: how far `shuffled` may move them
  -- event time: ts                      the field that says a record's time: epoch milliseconds
  -- changelog                           the golden holds the changes of the plain way, too
  -- without: shuffled, batch: WHY       ways in which the answer may differ, with the reason
NAME.golden holds the columns and the rows. The ways, over topics of the node's own log:
  plain      one lane, all records there at once
  parallel   four lanes
  single     one record a produce request, each followed by a commit of the log: batches of one row
  shuffled   in another order of arrival that the watermark's delay allows
  batch      execution.runtime-mode = batch
  restored   INSERT into an Iceberg table by two lanes while records arrive; checkpoint, more records, kill -9, restart at three lanes, the rest, STOP WITH DRAIN
"""
import argparse
import collections
import json
import pathlib
import random
import re
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
import checks  # noqa: E402
import confluent_kafka  # noqa: E402
import firn  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

WAYS = ["plain", "parallel", "single", "shuffled", "batch", "restored"]
KINDS = {"INSERT": "+I", "UPDATE_BEFORE": "-U", "UPDATE_AFTER": "+U", "DELETE": "-D"}
SETTINGS = {"pipeline.auto-watermark-interval": "0", "table.local-time-zone": "UTC"}
LANES = {"parallel": 4}
NODE_LANES = {"before": "2", "after": "3"}  # of jobs that say nothing, which are those of `restored`, and the crash that they survive
WAIT_SECONDS = 60  # for what sixty jobs with a checkpoint each 50 ms do on a disk that others write to


def directive(text, name):
    return [match.strip() for match in re.findall(rf"^-- {name}:(.*)$", text, flags=re.M)]


def generate(count):
    """Trades, some seconds out of order: more than a batch holds."""
    numbers, records, now = random.Random(count), [], 1_704_067_200_000
    for i in range(count):
        now += numbers.randrange(100)
        records.append({"id": i, "symbol": f"S{numbers.randrange(40)}", "price": numbers.randrange(100, 1000), "qty": numbers.randrange(1, 9), "side": "buy",
                        "ts": now - numbers.randrange(4000)})
    return records


class Case:
    def __init__(self, path):
        self.path, self.name, text = path, path.stem, path.read_text()
        self.inputs = {}
        for line in directive(text, "input"):
            name, file = (part.strip() for part in line.split("="))
            generated = re.match(r"generated (\d+)$", file)
            self.inputs[name] = generate(int(generated[1])) if generated else [json.loads(record) for record in (HERE / file).read_text().splitlines()]
        self.partitions = {name.strip(): int(count) for name, count in (line.split("=") for line in directive(text, "partitions"))}
        self.key = [column.strip() for line in directive(text, "key") for column in line.split(",")]
        self.delay_ms = int(float((directive(text, "delay") or ["0"])[0]) * 1000)
        self.time = (directive(text, "event time") or ["ts"])[0]
        self.wants_changelog = re.search(r"^-- changelog$", text, flags=re.M) is not None
        without = " ".join(line.partition(":")[0] for line in directive(text, "without"))
        self.ways = [way for way in WAYS if way not in without]
        *self.tables, self.query = firn.split_statements(text)

    def statements(self, way):
        """DDL with the topics of this way."""
        for statement in self.tables:
            for name in self.inputs:
                options = {"connector": "kafka", "topic": self.topic(way, name), "properties.bootstrap.servers": "localhost:9092",
                           "scan.startup.mode": "earliest-offset", "format": "json"}
                if way != "restored":
                    options["scan.bounded.mode"] = "latest-offset"
                statement = statement.replace("${%s}" % name, ", ".join(f"'{key}'='{value}'" for key, value in options.items()))
            yield statement

    def topic(self, way, name):
        kind = way if way in ("shuffled", "restored") else "single" if way == "single" else "whole"
        return f"{self.name}.{name}.{kind}"

    def shuffled(self, records, random_numbers):
        """No record comes behind the watermark of those before it: each is put off by less than the delay."""
        if self.delay_ms == 0:
            return records
        return sorted(records, key=lambda record: record[self.time] + random_numbers.uniform(0, self.delay_ms))


class Result:
    def __init__(self, columns, changes, key):
        self.columns, self.changes = columns, changes
        self.rows = self.fold(key)

    def fold(self, key):
        if key:
            rows, places = {}, [[name for name, _ in self.columns].index(column) for column in key]
            for kind, *cells in self.changes:
                name = tuple(cells[place] for place in places)
                if kind in ("+I", "+U"):
                    rows[name] = cells
                elif rows.get(name) == cells:  # a -U whose +U a condition held back takes the row away, too
                    del rows[name]
            return sorted("\t".join(cells) for cells in rows.values())
        counts = collections.Counter()
        for kind, *cells in self.changes:
            counts[tuple(cells)] += 1 if kind in ("+I", "+U") else -1
        negative = [cells for cells, count in counts.items() if count < 0]
        if negative:
            raise AssertionError(f"rows taken back that were never given: {negative[:3]}")
        return sorted("\t".join(cells) for cells in counts.elements())


def cell(text):
    if text is None:
        return "\\N"
    # Iceberg keeps microseconds: a fraction's zeros say nothing.
    return re.sub(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.?(\d*?)0*$", lambda m: m[1] + ("." + m[2] if m[2] else ""), text)


def run_query(session, statement, key):
    answer = session.execute(statement, seconds=WAIT_SECONDS)
    columns = [(column["name"], firn.type_text(column["logicalType"])) for column in answer.columns]
    return Result(columns, [[KINDS[kind]] + [cell(text) for text in cells] for kind, cells in answer.rows], key)


class Runner:
    def __init__(self, node, folder, seed):
        self.node, self.folder, self.seed = node, folder, seed
        self.jobs = {}  # case name -> job id
        self.connect()

    def connect(self):
        self.producer = confluent_kafka.Producer({"bootstrap.servers": self.node.kafka, "acks": "all", "linger.ms": 0, "log_level": 0})

    def make_topics(self, cases):
        admin = AdminClient({"bootstrap.servers": self.node.kafka, "log_level": 0})
        names = {(case.topic(way, name), case.partitions.get(name, 1)) for case in cases for way in case.ways for name in case.inputs}
        for future in admin.create_topics([NewTopic(name, partitions) for name, partitions in sorted(names)]).values():
            future.result(WAIT_SECONDS)

    def produce(self, case, way, begin=0.0, end=1.0):
        """The records of each input from a share of it to another."""
        for name, records in case.inputs.items():
            if way == "shuffled":
                records = case.shuffled(records, random.Random(f"{self.seed} {case.name} {name}"))
            count = len(records)
            for i in range(round(count * begin), round(count * end)):
                self.producer.produce(case.topic(way, name), json.dumps(records[i]), partition=i % case.partitions.get(name, 1))
                if way == "single":
                    self.flush()
        self.flush()

    def flush(self):
        if self.producer.flush(20):
            raise AssertionError("records were not acknowledged")

    def open(self, case, way):
        settings = {**SETTINGS, "execution.runtime-mode": "batch" if way == "batch" else "streaming"}
        if way != "restored":
            settings["parallelism.default"] = str(LANES.get(way, 1))
        session = firn.Session(self.node.sql, settings)
        database = f"{case.name}_{way}"
        session.execute(f"CREATE DATABASE IF NOT EXISTS `{database}`")
        session.execute(f"USE `{database}`")
        for statement in case.statements(way):
            session.execute(statement)
        return session

    def answer(self, case, way):
        session = self.open(case, way)
        try:
            return run_query(session, case.query, case.key)
        finally:
            session.close()

    def start_job(self, case, columns):
        session = self.open(case, "restored")
        session.execute(f"CREATE CATALOG IF NOT EXISTS lake WITH ('type'='iceberg', 'catalog-type'='hadoop', 'warehouse'='file://{self.folder}/warehouse')")
        session.execute("CREATE DATABASE IF NOT EXISTS lake.db")
        fields = ", ".join(f"`{name}` {kind}" for name, kind in columns)
        key = f", PRIMARY KEY ({', '.join(case.key)}) NOT ENFORCED" if case.key else ""
        upsert = ", 'write.upsert.enabled'='true'" if case.key else ""
        session.execute(f"CREATE TABLE lake.db.`{case.name}` ({fields}{key}) WITH ('format-version'='2'{upsert})")
        session.execute("SET 'execution.checkpointing.interval' = '50ms'")
        self.jobs[case.name] = session.execute(f"INSERT INTO lake.db.`{case.name}` {case.query}").texts()[0][0]
        session.close()

    def job(self, name, path=""):
        with urllib.request.urlopen(f"http://{self.node.jobs}/jobs/{self.jobs[name]}{path}", timeout=20) as answer:
            return json.load(answer)

    def lanes(self, names):
        return max(vertex["parallelism"] for name in names for vertex in self.job(name)["vertices"])

    def wait_for_checkpoint(self, names):
        """Two more completed ones: the second began after this call."""
        before = {name: self.job(name, "/checkpoints")["counts"]["completed"] for name in names}
        checks.wait_until(lambda: all(self.job(name, "/checkpoints")["counts"]["completed"] >= before[name] + 2 for name in names), "two more checkpoints of all jobs", seconds=WAIT_SECONDS)

    def restored(self, cases, columns):
        """All jobs die in the same crash. Gives each case's rows, or why its job was refused."""
        results = {}
        for case in list(cases):
            try:
                self.start_job(case, columns[case.name])
            except firn.SqlError as refused:
                results[case.name] = refused
        cases = [case for case in cases if case.name not in results]
        names = [case.name for case in cases]
        for case in cases:
            self.produce(case, "restored", 0.0, 0.5)
        self.wait_for_checkpoint(names)
        for case in cases:
            self.produce(case, "restored", 0.5, 0.7)
        lanes = self.lanes(names)
        self.node.kill()
        self.node.arguments = ["--parallelism", NODE_LANES["after"]]
        self.node.start()
        self.connect()
        for case in cases:
            self.produce(case, "restored", 0.7, 1.0)
        self.wait_for_checkpoint(names)
        if lanes > 1 and (lanes, self.lanes(names)) != (2, 3):  # cases without keys have one lane, however many the others have
            raise AssertionError(f"jobs had up to {lanes} lanes before the crash and {self.lanes(names)} after it")
        session = firn.Session(self.node.sql, {"execution.runtime-mode": "batch", **SETTINGS})
        for case in cases:
            session.execute(f"STOP JOB '{self.jobs[case.name]}' WITH DRAIN")
            checks.wait_until(lambda: self.job(case.name)["state"] in ("FINISHED", "FAILED"), f"the end of {case.name}", seconds=WAIT_SECONDS)
            results[case.name] = run_query(session, f"SELECT * FROM lake.db.`{case.name}`", case.key)
        session.close()
        return results


def check_idle_partition(node):
    """A partition without records holds windows back until it counts as idle; those that close then are there while the job runs."""
    session = firn.Session(node.sql, {**SETTINGS, "execution.runtime-mode": "streaming"})
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka, "acks": "all", "log_level": 0})
    admin = AdminClient({"bootstrap.servers": node.kafka, "log_level": 0})
    admin.create_topics([NewTopic("idle", 2)])["idle"].result(20)
    for second in (1, 4, 12, 31):
        producer.produce("idle", json.dumps({"ts": 1_704_067_200_000 + second * 1000}), partition=0)
    if producer.flush(20):
        raise AssertionError("records were not acknowledged")
    session.execute("""CREATE TABLE idle (ts BIGINT, event_time AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND)
        WITH ('connector'='kafka', 'topic'='idle', 'properties.bootstrap.servers'='localhost:9092', 'scan.startup.mode'='earliest-offset', 'format'='json')""")
    query = "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE idle, DESCRIPTOR(event_time), INTERVAL '10' SECOND)) GROUP BY window_start, window_end"
    try:
        session.execute(query, seconds=0.5, limit=1)
        return "a partition that may still bring older records did not hold the windows back"
    except firn.SqlError:
        pass
    session.execute("SET 'table.exec.source.idle-timeout' = '100 ms'")
    rows = session.execute(query, seconds=WAIT_SECONDS, limit=2).texts()
    session.close()
    wanted = [["2024-01-01 00:00:00.000", "2"], ["2024-01-01 00:00:10.000", "1"]]
    return None if rows == wanted else f"got {rows}, wanted {wanted}"


def given(result):
    if isinstance(result, Exception):
        raise result
    return result


def golden_text(case, result):
    lines = ["columns"] + [f"  {name} {kind}" for name, kind in result.columns] + ["rows"] + [f"  {row}" for row in result.rows]
    if case.wants_changelog:
        lines += ["changes"] + ["  " + "\t".join(change) for change in result.changes]
    return "\n".join(lines) + "\n"


def difference(wanted, given):
    missing, extra = collections.Counter(wanted) - collections.Counter(given), collections.Counter(given) - collections.Counter(wanted)
    return "".join(f"\n    - {row}" for row in list(missing.elements())[:8]) + "".join(f"\n    + {row}" for row in list(extra.elements())[:8])


def check_plain(case, result, update):
    """The failure's text, or None."""
    golden, text = case.path.with_suffix(".golden"), golden_text(case, result)
    if update:
        golden.write_text(text)
        return None
    if not golden.exists():
        return "there is no golden; --update writes it"
    wanted = golden.read_text()
    return None if wanted == text else "not the golden's answer" + difference(wanted.splitlines(), text.splitlines())


def run(node, folder, cases, arguments):
    runner, failures, runs, plain = Runner(node, folder, arguments.seed), [], 0, {}
    runner.make_topics(cases)

    def check(case, way, get):
        nonlocal runs
        runs += 1
        try:
            result = get()
            if way == "plain":
                plain[case.name] = result
                failure = check_plain(case, result, arguments.update)
            else:
                failure = difference(plain[case.name].rows, result.rows) or None
        except (firn.SqlError, AssertionError, OSError) as problem:
            failure = str(problem)
        if failure:
            failures.append((case.name, way, failure))
        if failure or arguments.verbose:
            print(f"{'FAIL' if failure else 'ok  '} {case.name} {way} {failure or ''}", flush=True)

    for case in cases:
        for kind in ("plain", "single", "shuffled"):
            if kind in case.ways:
                runner.produce(case, kind)
        check(case, "plain", lambda: runner.answer(case, "plain"))
        for way in ("parallel", "single", "shuffled", "batch"):
            if way in case.ways and case.name in plain:
                check(case, way, lambda: runner.answer(case, way))
    stored = [case for case in cases if "restored" in case.ways and case.name in plain]
    try:
        results = runner.restored(stored, {name: result.columns for name, result in plain.items()}) if stored else {}
    except (firn.SqlError, AssertionError, OSError) as problem:
        failures.append(("all", "restored", str(problem)))
        print(f"FAIL all restored {problem}\n{node.log_tail()}")
        results = {}
    for case in stored:
        if case.name in results:
            check(case, "restored", lambda: given(results[case.name]))
    if "idle".startswith(arguments.only):
        runs += 1
        try:
            failure = check_idle_partition(node)
        except (firn.SqlError, AssertionError, OSError) as problem:
            failure = str(problem)
        if failure:
            failures.append(("idle partition", "live", failure))
            print(f"FAIL idle partition {failure}")
    return failures, runs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    arguments = parser.parse_args()
    cases = [Case(path) for path in sorted(HERE.glob("*.sql")) if arguments.only in path.stem]
    if not cases:
        sys.exit(f"no case is named like {arguments.only}")
    with tempfile.TemporaryDirectory(prefix="firn-stream-") as folder, firn.Node(pathlib.Path(folder) / "lake", ["--parallelism", NODE_LANES["before"]]) as node:
        failures, runs = run(node, folder, cases, arguments)
    print(f"stream goldens: {len(cases)} cases in {runs} runs, {len(failures)} failed, --seed {arguments.seed}")
    sys.exit(1 if failures else 0)


main()
