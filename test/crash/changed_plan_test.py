#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs whose query is planned anew when their node starts again: changed_plan_test.py [NAME ...]

What a checkpoint holds and the new plan has no place for is never dropped silently: the job fails, says which, and keeps the checkpoint. With the old query it goes on where
it stood.
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
CREATE TABLE others (k STRING, n BIGINT) WITH ('connector'='kafka', 'topic'='others', 'properties.bootstrap.servers'='localhost:9092', 'scan.startup.mode'='earliest-offset', 'format'='json');
CREATE TABLE files (k STRING, n BIGINT) WITH ('connector'='filesystem', 'path'='FOLDER', 'format'='json');
CREATE TABLE nothing (k STRING, n BIGINT) WITH ('connector'='blackhole');
SET 'execution.checkpointing.interval' = '1h';
"""


class Lake:
    """A data directory whose job is `INSERT INTO SINK SELECT * FROM v`. Its checkpoints are one when it begins and those of nodes that stop."""
    def __init__(self, folder, sink, view, then=None):
        self.data = pathlib.Path(folder) / "lake"
        self.files = pathlib.Path(folder) / "files"
        self.files.mkdir()
        with firn.Node(self.data) as node:
            for topic in ("events", "others"):
                assert run_firn("topic", "create", topic, "--bootstrap-server", node.kafka).code == 0
            session = firn.Session(node.sql)
            for statement in firn.split_statements(TABLES.replace("FOLDER", str(self.files)) + f"CREATE VIEW v AS {view}; INSERT INTO {sink} SELECT * FROM v"):
                self.job = session.execute(statement).job_id
            session.close()
            checks.wait_until(lambda: self.query(node, "SELECT * FROM sys.checkpoints WHERE state = 'COMPLETED'"), "the first checkpoint, of nothing")
            for topic in ("events", "others"):
                self.produce(node, topic, 0)
            checks.wait_until(lambda: node.metric("firn_source_offset", job_id=self.job) >= 100, "the rows are read")
            if then:
                self.change(node, then)

    def produce(self, node, topic, begin):
        lines = "".join(json.dumps({"k": f"k{n % 7}", "n": n}) + "\n" for n in range(begin, begin + 100))
        assert run_firn("topic", "produce", topic, "--bootstrap-server", node.kafka, stdin=lines).code == 0

    def query(self, node, statement, mode="batch"):
        session = firn.Session(node.sql, {"execution.runtime-mode": mode})
        try:
            return session.execute(statement).texts()
        finally:
            session.close()

    def state(self, node):
        return dict(self.query(node, "SELECT job_id, state FROM sys.jobs"))[self.job]

    def change(self, node, view):
        """A job that runs keeps its plan."""
        self.query(node, "DROP VIEW v")
        self.query(node, f"CREATE VIEW v AS {view}", "streaming")

    def numbers(self):
        return sorted(json.loads(line)["n"] for file in self.files.iterdir() if not file.name.startswith(".") for line in file.read_text().splitlines())


def changed(sink, before, after, *words):
    with tempfile.TemporaryDirectory(prefix="firn-plan-") as folder:
        lake = Lake(folder, sink, before, after)
        with firn.Node(lake.data) as node:
            checks.wait_until(lambda: lake.state(node) == "FAILED", "the job is refused")
            failure = lake.query(node, f"SELECT failure FROM sys.jobs WHERE job_id = '{lake.job}'")[0][0]
            for word in ("E3005", *words):
                assert word in failure, failure
            assert "which is kept" in node.log_tail(), node.log_tail()
            lake.change(node, before)
        with firn.Node(lake.data) as node:
            checks.wait_until(lambda: lake.state(node) == "RUNNING", "with its old query the job goes on")
            lake.produce(node, "events", 100)
            checks.wait_until(lambda: node.metric("firn_source_offset", job_id=lake.job) >= 200, "the new rows are read")
        if sink == "files":
            assert lake.numbers() == list(range(200)), "each row is there once"


def test_state_that_nobody_takes(_):
    changed("nothing", "SELECT k, SUM(n) AS n FROM events GROUP BY k", "SELECT k, n FROM events", "holds state of the operator GroupAggregate")


def test_state_that_was_never_kept(_):
    changed("nothing", "SELECT k, n FROM events", "SELECT k, SUM(n) AS n FROM events GROUP BY k", "was taken without the operator GroupAggregate")


def test_an_aggregation_without_a_group_yet_is_not_new(_):
    """Its checkpoint has no state of it, and it is that of the query all the same."""
    with tempfile.TemporaryDirectory(prefix="firn-plan-") as folder:
        lake = Lake(folder, "nothing", "SELECT k, SUM(n) AS n FROM events WHERE n < 0 GROUP BY k")
        with firn.Node(lake.data) as node:
            checks.wait_until(lambda: lake.state(node) == "RUNNING", "the job goes on")


def test_a_source_that_is_gone(_):
    changed("nothing", "SELECT k, n FROM events UNION ALL SELECT k, n FROM others", "SELECT k, n FROM events", "holds a position of the source")


def test_rows_that_are_to_appear(_):
    """Behind a union it is another sink for the plan, and the old one has files that may not have their names yet."""
    changed("files", "SELECT k, n FROM events", "SELECT k, n FROM events UNION ALL SELECT k, n FROM events WHERE n < 0", "rows that may not have appeared yet for the sink")


if __name__ == "__main__":
    sys.exit(checks.run(sys.modules[__name__], None, sys.argv[1:]))
