# SPDX-License-Identifier: Apache-2.0
"""Flink's own SQL client, JDBC driver, command line and REST classes against a firn node. Not in the suite: it needs Java 17 or later and Maven, and
fetches some 60 MB once.

    .deps/clients/bin/python test/judges/flink_clients_test.py
"""
import pathlib
import re
import tempfile
import unittest

from java import HERE, Jars
from command import firn  # found by java
from firn import Node

TABLES = """
CREATE TABLE numbers (id INT, v DOUBLE) WITH ('connector'='datagen','number-of-rows'='3','fields.id.kind'='sequence','fields.id.start'='1','fields.id.end'='3');
CREATE TABLE endless (a INT) WITH ('connector'='datagen','rows-per-second'='10');
CREATE TABLE nowhere (a INT) WITH ('connector'='blackhole');
"""
EVERY_TYPE = """SELECT id, UPPER('a') AS letter, ARRAY[1,2] AS items, MAP['k', id] AS pairs, ROW(id, 'x') AS nested, DATE '2024-01-02' AS day_,
 TIMESTAMP '2024-01-02 03:04:05.678' AS instant, CAST(1.5 AS DECIMAL(10,2)) AS amount, CAST(NULL AS STRING) AS nothing, X'0A0B' AS bytes_,
 TIME '12:34:56' AS clock_, TRUE AS flag FROM numbers;"""


class FlinkClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.jars = Jars("flink_clients")
        cls.node = Node().start()
        cls.sql = f"127.0.0.1:{cls.node.ports['sql']}"
        cls.jobs = f"127.0.0.1:{cls.node.ports['jobs']}"
        cls.scratch = tempfile.TemporaryDirectory(prefix="firn-test-")
        created = firn("sql", "--server", cls.sql, "-e", TABLES)
        assert created.code == 0, created.err

    @classmethod
    def tearDownClass(cls):
        cls.node.__exit__(None, None, None)
        cls.scratch.cleanup()

    def run_sql_client(self, script):
        path = pathlib.Path(self.scratch.name)
        (path / "config.yaml").write_text("rest.address: 127.0.0.1\n")
        (path / "script.sql").write_text(script)
        return self.jars.run("org.apache.flink.table.client.SqlClient", "gateway", "-e", self.sql, "-f", path / "script.sql", "-hist", path / "history",
                    environment={"FLINK_CONF_DIR": str(path), "FLINK_OPT_DIR": str(path), "PATH": "/usr/bin:/bin", "HOME": str(path)})

    def cells(self, text):
        """The rows of the printed tables."""
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]

    def test_sql_client_prints_every_type(self):
        rows = self.cells(self.run_sql_client("SET 'sql-client.execution.result-mode' = 'tableau';\n" + EVERY_TYPE))
        self.assertEqual(rows[1:], [["+I", str(i), "A", "[1, 2]", "{k=%d}" % i, "(%d, x)" % i, "2024-01-02", "2024-01-02 03:04:05.678", "1.50", "<NULL>", "x'0a0b'",
                                     "12:34:56", "TRUE"] for i in (1, 2, 3)])

    def test_sql_client_folds_a_batch_result_and_shows_errors(self):
        text = self.run_sql_client("SET 'sql-client.execution.result-mode'='tableau';\nSET 'execution.runtime-mode'='batch';\nSELECT COUNT(*) AS c, SUM(id) AS s FROM numbers;\n"
                                   "SHOW TABLES;\nDESCRIBE numbers;\nSELECT nope FROM numbers;")
        rows = self.cells(text)
        self.assertIn(["3", "6"], rows)
        self.assertIn(["endless"], rows)
        self.assertIn(["id", "INT", "TRUE", "", "", ""], rows)
        self.assertIn("E2102", text)

    def test_jdbc(self):
        statements = ["CREATE TABLE IF NOT EXISTS made (a INT) WITH ('connector'='blackhole')", "SELECT id FROM numbers", "SET 'execution.runtime-mode'='batch'",
                      "SELECT COUNT(*) AS c, CAST(SUM(id) AS DECIMAL(10,2)) AS s, DATE '2024-01-02' AS d, TIMESTAMP '2024-01-02 03:04:05.678' AS t FROM numbers", "SHOW CATALOGS"]
        answer = self.jars.run(HERE / "flink_clients/JdbcProbe.java", self.sql, stdin="\n".join(statements))
        self.assertEqual(answer.strip().splitlines(), ["id INT", "1", "2", "3", "c BIGINT NOT NULL | s DECIMAL(10, 2) | d DATE NOT NULL | t TIMESTAMP(3) NOT NULL",
                                                       "3 | 6.00 | 2024-01-02 | 2024-01-02 03:04:05.678", "catalog name STRING", "default_catalog",
                                                       "in default_catalog.default_database"])

    def submit(self):
        submitted = firn("sql", "--server", self.sql, "--format", "json", "-e", "SET 'execution.checkpointing.interval'='100ms'; INSERT INTO nowhere SELECT a FROM endless")
        self.assertEqual(submitted.code, 0, submitted.err)
        return re.search(r"[0-9a-f]{32}", submitted.out)[0]

    def test_job_answers_have_flinks_shapes(self):
        self.assertEqual(self.jars.run(HERE / "flink_clients/JobShapes.java", self.jobs, self.submit()).strip(), "all shapes read")

    def test_command_line_lists_and_cancels(self):
        path = pathlib.Path(self.scratch.name)
        (path / "config.yaml").write_text(f"rest.address: 127.0.0.1\nrest.port: {self.node.ports['jobs']}\n")
        environment = {"FLINK_CONF_DIR": str(path), "PATH": "/usr/bin:/bin", "HOME": str(path)}
        job = self.submit()
        self.assertRegex(self.jars.run("org.apache.flink.client.cli.CliFrontend", "list", environment=environment), job + r" : insert-into_default_catalog.default_database.nowhere \(RUNNING\)")
        self.assertIn(f"Cancelled job {job}.", self.jars.run("org.apache.flink.client.cli.CliFrontend", "cancel", job, environment=environment))
        self.assertRegex(self.jars.run("org.apache.flink.client.cli.CliFrontend", "list", "-a", environment=environment), job + r" : .* \(CANCELED\)")


if __name__ == "__main__":
    unittest.main()
