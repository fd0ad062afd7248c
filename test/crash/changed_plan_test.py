#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs whose tables and views are not what they were when their node starts again: changed_plan_test.py [NAME ...]

A job keeps the plan that it was submitted with: what is altered, dropped or made anew counts for jobs that come after it. It goes on where it stood.
"""
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import checks  # noqa: E402
import firn  # noqa: E402
from command import firn as run_firn  # noqa: E402

TABLES = """
CREATE TABLE events (k STRING, n BIGINT) WITH ('connector'='kafka', 'topic'='events', 'properties.bootstrap.servers'='localhost:9092', 'scan.startup.mode'='earliest-offset', 'format'='json');
CREATE TABLE files (k STRING, n BIGINT) WITH ('connector'='filesystem', 'path'='FOLDER', 'format'='json');
CREATE TABLE nothing (k STRING, n BIGINT) WITH ('connector'='blackhole');
SET 'execution.checkpointing.interval' = '1h';
"""
PLAIN = "SELECT k, n FROM events"
SUMS = "SELECT k, SUM(n) AS n FROM events GROUP BY k"


class Lake:
    """A data directory whose job is `INSERT INTO SINK SELECT * FROM v`. Its checkpoints are one when it begins and those of nodes that stop."""
    def __init__(self, folder, sink, view, *changes):
        self.data = pathlib.Path(folder) / "lake"
        self.files = pathlib.Path(folder) / "files"
        self.files.mkdir()
        with firn.Node(self.data) as node:
            assert run_firn("topic", "create", "events", "--bootstrap-server", node.kafka).code == 0
            session = firn.Session(node.sql)
            for statement in firn.split_statements(TABLES.replace("FOLDER", str(self.files)) + f"CREATE VIEW v AS {view}; INSERT INTO {sink} SELECT * FROM v"):
                self.job = session.execute(statement).job_id
            checks.wait_until(lambda: self.query(node, "SELECT * FROM sys.checkpoints WHERE state = 'COMPLETED'"), "the first checkpoint, of nothing")
            self.produce(node, 0)
            for change in changes:
                session.execute(change)
            session.close()

    def produce(self, node, begin):
        lines = "".join(json.dumps({"k": f"k{n % 7}", "n": n}) + "\n" for n in range(begin, begin + 100))
        assert run_firn("topic", "produce", "events", "--bootstrap-server", node.kafka, stdin=lines).code == 0
        checks.wait_until(lambda: node.metric("firn_source_offset", job_id=self.job) >= begin + 100, f"rows from {begin} on are read")

    def query(self, node, statement):
        session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
        try:
            return session.execute(statement).texts()
        finally:
            session.close()

    def goes_on(self, node):
        checks.wait_until(lambda: dict(self.query(node, "SELECT job_id, state FROM sys.jobs"))[self.job] == "RUNNING", "the job goes on")

    def numbers(self):
        return sorted(json.loads(line)["n"] for file in self.files.iterdir() if not file.name.startswith(".") for line in file.read_text().splitlines())


def goes_on(sink, view, *changes):
    """Over two starts of its node: what the first one stores is what the second one goes by."""
    with tempfile.TemporaryDirectory(prefix="firn-plan-") as folder:
        lake = Lake(folder, sink, view, *changes)
        for begin in (100, 200):
            with firn.Node(lake.data) as node:
                lake.goes_on(node)
                lake.produce(node, begin)
        if sink == "files":
            assert lake.numbers() == list(range(300)), "each row is there once"


def test_a_view_that_has_another_query(_):
    goes_on("nothing", SUMS, "DROP VIEW v", f"CREATE VIEW v AS {PLAIN}")
    goes_on("files", PLAIN, "DROP VIEW v", f"CREATE VIEW v AS {PLAIN} UNION ALL {PLAIN}")


def test_tables_that_are_gone(_):
    goes_on("files", PLAIN, "DROP VIEW v", "DROP TABLE events", "DROP TABLE files")


def test_a_table_that_was_altered(_):
    goes_on("files", PLAIN, "ALTER TABLE events DROP n", "ALTER TABLE events SET ('topic'='others')", "ALTER TABLE files RENAME TO archive")


def test_an_iceberg_table_that_was_altered(_):
    """Its columns are known by their ids: what the job writes goes into the same ones, wherever they stand by now and whatever they are called."""
    with tempfile.TemporaryDirectory(prefix="firn-plan-") as folder:
        lake = Lake(folder, "nothing", PLAIN)
        with firn.Node(lake.data) as node:
            session = firn.Session(node.sql)
            for statement in ("CREATE CATALOG lake WITH ('type'='iceberg')", "CREATE DATABASE lake.db", "SET 'table.dml-sync' = 'true'", "CREATE TABLE lake.db.moved (k STRING, a BIGINT, b BIGINT)",
                              "CREATE TABLE lake.db.grown (a BIGINT, b BIGINT, k STRING NOT NULL, PRIMARY KEY (k) NOT ENFORCED) WITH ('write.upsert.enabled'='true')",
                              "CREATE TABLE lake.db.names (k STRING, initial STRING)", "INSERT INTO lake.db.names VALUES ('k1', 'one'), ('k2', 'two')", "SET 'table.dml-sync' = 'false'"):
                session.execute(statement)
            lake.job = session.execute("EXECUTE STATEMENT SET BEGIN INSERT INTO lake.db.moved SELECT k, n, -n FROM events; "
                                       "INSERT INTO lake.db.grown SELECT SUM(n), -SUM(n), events.k FROM events JOIN lake.db.names ON events.k = names.k GROUP BY events.k; END").job_id
            lake.produce(node, 100)
            for change in ("ALTER TABLE lake.db.moved MODIFY b BIGINT FIRST", "ALTER TABLE lake.db.grown ADD note BIGINT FIRST", "ALTER TABLE lake.db.grown RENAME b TO c",
                           "ALTER TABLE lake.db.names ADD note STRING FIRST", "ALTER TABLE lake.db.names RENAME k TO name"):
                session.execute(change)
        for begin in (200, 300):
            with firn.Node(lake.data) as node:
                lake.goes_on(node)
                lake.produce(node, begin)
        with firn.Node(lake.data) as node:
            assert lake.query(node, "SELECT COUNT(*), COUNT(DISTINCT a), MIN(a), MAX(a), MIN(a + b), MAX(a + b) FROM lake.db.moved") == [["400", "400", "0", "399", "0", "0"]]
            sums = {f"k{k}": sum(range(k, 400, 7)) for k in (1, 2)}
            rows = {k: (note, int(a), int(c)) for k, note, a, c in lake.query(node, "SELECT k, note, a, c FROM lake.db.grown")}
            assert rows == {k: (None, n, -n) for k, n in sums.items()}, rows


def test_an_iceberg_table_that_is_another_by_now(_):
    """Nothing is written into columns that the job does not know; it is kept, and can be cancelled."""
    with tempfile.TemporaryDirectory(prefix="firn-plan-") as folder:
        lake = Lake(folder, "nothing", PLAIN)
        with firn.Node(lake.data) as node:
            session = firn.Session(node.sql)
            for statement in ("CREATE CATALOG lake WITH ('type'='iceberg')", "CREATE DATABASE lake.db", "CREATE TABLE lake.db.t (k STRING, n BIGINT)"):
                session.execute(statement)
            lake.job = session.execute("INSERT INTO lake.db.t SELECT k, n FROM events").job_id
            lake.produce(node, 100)
        with firn.Node(lake.data) as node:
            session = firn.Session(node.sql)
            session.execute("DROP TABLE lake.db.t")
            session.execute("CREATE TABLE lake.db.t (k STRING, m DOUBLE)")
        with firn.Node(lake.data) as node:
            job = lambda: lake.query(node, f"SELECT state, failure FROM sys.jobs WHERE job_id = '{lake.job}'")[0]  # noqa: E731
            checks.wait_until(lambda: job()[0] == "FAILED", "the job cannot go on")
            for words in ("lake.db.t has never had the columns", "`k` STRING, `n` BIGINT", "submit the statement again for it"):
                assert words in job()[1], job()
            assert lake.query(node, "SELECT COUNT(*) FROM lake.db.t") == [["0"]]
            assert run_firn("job", "cancel", lake.job, "--server", node.jobs).code == 0
            checks.wait_until(lambda: job()[0] == "CANCELED", "it is dropped")


def test_temporary_tables_and_a_changed_setting(_):
    """The session that had them is gone with the first node."""
    with tempfile.TemporaryDirectory(prefix="firn-plan-") as folder:
        lake = Lake(folder, "nothing", PLAIN)
        with firn.Node(lake.data) as node:
            session = firn.Session(node.sql)
            session.execute(f"CREATE TEMPORARY TABLE files (k STRING, n BIGINT) WITH ('connector'='filesystem', 'path'='{lake.files}', 'format'='json')")
            session.execute("CREATE TEMPORARY VIEW v AS SELECT k, n + 1000 AS n FROM events")
            lake.job = session.execute("INSERT INTO files SELECT * FROM v").job_id
            lake.produce(node, 100)
        with firn.Node(lake.data) as node:
            lake.goes_on(node)
            lake.produce(node, 200)
        assert lake.numbers() == list(range(1000, 1300)), "each row is there once"


def test_an_aggregation_without_a_group_yet_is_not_new(_):
    """Its checkpoint has no state of it, and it is that of the query all the same."""
    with tempfile.TemporaryDirectory(prefix="firn-plan-") as folder:
        lake = Lake(folder, "nothing", "SELECT k, SUM(n) AS n FROM events WHERE n < 0 GROUP BY k")
        with firn.Node(lake.data) as node:
            lake.goes_on(node)


if __name__ == "__main__":
    sys.exit(checks.run(sys.modules[__name__], None, sys.argv[1:]))
