# SPDX-License-Identifier: Apache-2.0
"""The contract of the command line for scripts: node.json, ports, exit codes, what goes to which output, formats, signals."""
import json
import os
import pathlib
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from cases import NodeCase  # noqa: E402
from checks import wait_until  # noqa: E402
from command import firn, start  # noqa: E402
from firn import BINARY, Node  # noqa: E402

from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402
from kafka.partitioner.default import murmur2  # noqa: E402

ENDLESS = "CREATE TEMPORARY TABLE g (id BIGINT) WITH ('connector'='datagen', 'rows-per-second'='50')"


def get(address, path, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(f"http://{address}{path}", method=method), timeout=20) as answer:
        return answer.read().decode()


class Up(unittest.TestCase):
    def test_node_json_is_there_exactly_while_the_node_is_ready(self):
        for stop in (signal.SIGINT, signal.SIGTERM):
            with tempfile.TemporaryDirectory() as folder:
                data = pathlib.Path(folder) / "new" / "lake"
                process = start("up", "--data", data, "--port-kafka", "0", "--port-sql", "0", "--port-jobs", "0")
                described = json.loads(wait_until(lambda: (data / "node.json").exists() and (data / "node.json").read_text(), "node.json"))
                self.assertEqual(described["pid"], process.pid)
                self.assertEqual(sorted(described["ports"]), ["jobs", "kafka", "sql"])
                for port in described["ports"].values():
                    socket.create_connection(("127.0.0.1", port), timeout=5).close()
                process.send_signal(stop)
                out, err = process.communicate(timeout=20)
                self.assertEqual((process.returncode, out), (0, ""))
                self.assertRegex(err, r"firn \S+ is ready in \d+\.\d\d s\n  kafka 127\.0\.0\.1:\d+   sql 127\.0\.0\.1:\d+   jobs http://127\.0\.0\.1:\d+   data ")
                self.assertFalse((data / "node.json").exists())

    def test_a_second_node_on_the_directory_is_refused(self):
        with Node() as node:
            for command in (("up", "--port-kafka", "0", "--port-sql", "0", "--port-jobs", "0"), ("sql", "-e", "SHOW TABLES")):
                ran = firn(*command, "--data", node.data)
                self.assertEqual((ran.code, ran.out), (1, ""))
                self.assertIn("error[E1010]", ran.err)
            self.assertTrue((node.data / "node.json").exists())

    def test_a_port_in_use_is_named(self):
        with Node() as node, tempfile.TemporaryDirectory() as folder:
            for port in ("kafka", "sql", "jobs"):
                ports = {"kafka": 0, "sql": 0, "jobs": 0, port: node.ports[port]}
                ran = firn("up", "--data", folder, *[f"--port-{name}={number}" for name, number in ports.items()])
                self.assertEqual(ran.code, 1)
                self.assertIn("error[E1011]", ran.err)
                self.assertIn(str(node.ports[port]), ran.err)
                self.assertIn(f"help: --port-{port} N takes another one", ran.err)
                self.assertFalse((pathlib.Path(folder) / "node.json").exists())


class Usage(unittest.TestCase):
    def test_wrong_usage_is_2_and_says_what_may_have_been_meant(self):
        for arguments, near in ((("tpoic",), "topic"), (("topic", "lst"), "list"), (("up", "--prot-sql", "0"), "--port-sql"), (("sql", "--format", "jsno"), "json")):
            ran = firn(*arguments)
            self.assertEqual((ran.code, ran.out), (2, ""), arguments)
            self.assertIn("error[E7002]: ", ran.err)
            self.assertIn(f"near: `{near}`", ran.err)

    def test_wrong_usage_is_told_as_every_error(self):
        ran = firn()  # somebody who looks around
        self.assertEqual((ran.code, ran.out, ran.err), (2, "", firn("--help").out))
        for arguments, words in ((("topic",), "`firn topic` needs a command: list, create, "), (("topic", "create"), "`firn topic create` needs a TOPIC"),
                                 (("topic", "create", "t", "--partitions", "x"), "--partitions takes a number, not 'x'"), (("up", "--port-sql", "99999"), "99999 is out of the range of --port-sql"),
                                 (("up", "here"), "`firn up` takes no 'here'"), (("sql", "-e"), "--execute needs a value"), (("topic", "list", "-v"), "`firn topic list` has no option -v"),
                                 (("up", "--data", ""), "--data: needs the name of a folder"), (("sql", "--data", "", "-e", "SELECT 1"), "--data: needs the name of a folder"),
                                 (("demo", "--seconds", "2"), "--seconds: Value 2 not in range 5 to 3600")):
            ran = firn(*arguments)
            self.assertEqual((ran.code, ran.out), (2, ""), arguments)
            self.assertIn(f"error[E7002]: {words}", ran.err)
            self.assertRegex(ran.err, r"   = help: firn( [a-z]+)* --help shows how it is used\n")

    def test_a_server_is_a_host_and_a_port(self):
        for arguments in (("sql", "-e", "SHOW TABLES", "--server"), ("job", "list", "--server"), ("job", "cancel", "1", "--server"), ("topic", "list", "--bootstrap-server"), ("group", "list", "--bootstrap-server")):
            for server in ("here", "here:", "here:x", "here:70000", ":8083", "here:0", "ftp://here:21", "here:1/path", "here:9092,there", ""):
                ran = firn(*arguments, server)
                self.assertEqual((ran.code, ran.out), (2, ""), (arguments, server))
                self.assertIn(f"error[E7002]: {arguments[-1]}: '{server}' is no HOST:PORT", ran.err)
                self.assertRegex(ran.err, r"   = help: firn( [a-z]+)* --help shows how it is used\n")

    def test_servers_as_people_copy_them(self):
        with Node() as node:
            for arguments in (("sql", "--server", f"http://127.0.0.1:{node.ports['sql']}/", "-e", "SHOW JOBS"), ("job", "list", "--server", f"http://127.0.0.1:{node.ports['jobs']}"),
                              ("topic", "list", "--bootstrap-server", f"127.0.0.1:1,127.0.0.1:{node.ports['kafka']}")):
                ran = firn(*arguments)
                self.assertEqual(ran.code, 0, (arguments, ran.err))

    def test_help_and_version_are_results(self):
        for arguments in (("--help",), ("help",), ("--version",), ("version",), ("topic", "consume", "--help")):
            ran = firn(*arguments)
            self.assertEqual((ran.code, ran.err), (0, ""))
            self.assertTrue(ran.out)
        for asked, page in ((("help", "topic"), ("topic", "--help")), (("topic", "help"), ("topic", "--help")), (("help", "topic", "consume"), ("topic", "consume", "--help")), (("sql", "help"), ("sql", "--help"))):
            ran = firn(*asked)
            self.assertEqual((ran.code, ran.out, ran.err), (0, firn(*page).out, ""), asked)

    def test_a_port_of_another_kind_is_told(self):
        with Node() as node:
            for arguments, port in ((("topic", "list", "--bootstrap-server"), "sql"), (("sql", "-e", "SHOW JOBS", "--server"), "kafka"), (("sql", "-e", "SHOW JOBS", "--server"), "jobs"),
                                    (("job", "list", "--server"), "sql"), (("job", "cancel", "1", "--server"), "sql")):
                ran = firn(*arguments, f"127.0.0.1:{node.ports[port]}")
                self.assertEqual((ran.code, ran.out), (1, ""), arguments)
                self.assertRegex(ran.err, r"(?s)^error\[E.*   = help: .*`firn up` prints its own.*DIR/node\.json has them", arguments)

    def test_what_cannot_be_listened_on(self):
        with tempfile.TemporaryDirectory() as folder:
            for host in ("nonsense", "192.0.2.1"):
                ran = firn("up", "--data", folder, "--host", host, "--port-kafka", "0", "--port-sql", "0", "--port-jobs", "0")
                self.assertEqual((ran.code, ran.out), (1, ""))
                self.assertIn(host, ran.err)
                self.assertIn("   = help: --host takes an address of this machine", ran.err)

    def test_explain(self):
        self.assertTrue(firn("explain", "E2107").out.startswith("E2107 "))
        self.assertEqual(firn("explain", "E0000").code, 2)

    def test_no_server(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{unused.getsockname()[1]}"
            for arguments in (("sql", "-e", "SHOW TABLES", "--server", address), ("job", "list", "--server", address), ("topic", "list", "--bootstrap-server", address)):
                ran = firn(*arguments)
                self.assertEqual((ran.code, ran.out), (1, ""))
                self.assertIn("error[E7003]", ran.err)
                self.assertIn(address, ran.err)


class OtherBroker(unittest.TestCase):
    """A broker that answers as firn's own does not."""

    def test_versions_of_long_ago_are_told(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"127.0.0.1:{server.getsockname()[1]}"
            process = start("topic", "list", "--bootstrap-server", address)
            connection, _ = server.accept()
            with connection:
                correlation = connection.recv(4096)[8:12]
                body = correlation + struct.pack(">hihhh", 0, 1, 18, 0, 0)
                connection.sendall(struct.pack(">i", len(body)) + body)
                out, err = process.communicate(timeout=30)
            self.assertEqual((process.returncode, out), (1, ""), err)
            self.assertEqual(err, f"error[E4002]: the broker at {address} does not serve Metadata in a version from 0 on\n   = more: firn explain E4002\n")

    def test_a_topic_without_partitions_takes_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            process = subprocess.Popen([str(BINARY), "topic", "produce", "t", "--bootstrap-server", f"127.0.0.1:{port}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            connection, _ = server.accept()
            with connection:
                for body in (struct.pack(">hihhhhhh", 0, 2, 18, 0, 0, 3, 0, 1),  # ApiVersions 0, Metadata 0 and 1
                             struct.pack(">iih9sihii", 1, 1, 9, b"127.0.0.1", port, -1, 1, 1) + struct.pack(">hh1sbi", 0, 1, b"t", 0, 0)):
                    answer = connection.recv(4096)[8:12] + body
                    connection.sendall(struct.pack(">i", len(answer)) + answer)
                out, err = process.communicate("a line\n", timeout=30)
            self.assertEqual((process.returncode, out), (1, ""), err)
            self.assertTrue(err.startswith("error[E4004]: topic 't' has no partition to write to\n"), err)


class HangingServer(unittest.TestCase):
    """A server that takes connections and never says a word: Ctrl-C ends the command long before its own patience of 30 s and more."""

    def test_a_signal_ends_the_wait(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"127.0.0.1:{server.getsockname()[1]}"
            for arguments in (("sql", "-e", "SHOW TABLES", "--server", address), ("topic", "consume", "t", "--bootstrap-server", address)):
                process = start(*arguments)
                connection, _ = server.accept()  # by now the signals are held
                with connection:
                    self.assertTrue(connection.recv(1))
                    process.send_signal(signal.SIGINT)
                    out, err = process.communicate(timeout=15)
                self.assertEqual((process.returncode, out), (130, ""), err)
                self.assertIn("error[E1007]: told to stop while ", err)
                self.assertIn(address, err)


class Sql(NodeCase):
    def sql(self, *statements, **options):
        arguments = [part for statement in statements for part in ("-e", statement)]
        return firn("sql", "--server", self.node.sql, *arguments, *options.pop("more", ()), **options)

    def test_formats(self):
        query = "SELECT n, s, t FROM (VALUES (1, 'a,\"b', TIMESTAMP '2024-01-02 03:04:05'), (CAST(NULL AS INT), '', TIMESTAMP '2024-01-02 03:04:05.120')) AS v(n, s, t)"
        batch = "SET 'execution.runtime-mode'='batch'"
        self.assertEqual(self.sql(batch, query, more=("--format", "json")).rows(),
                         [{"n": 1, "s": "a,\"b", "t": "2024-01-02 03:04:05.000"}, {"n": None, "s": "", "t": "2024-01-02 03:04:05.120"}])
        self.assertEqual(self.sql(query, more=("--format", "json")).rows()[0], {"op": "+I", "row": {"n": 1, "s": "a,\"b", "t": "2024-01-02 03:04:05.000"}})
        self.assertEqual(self.sql(batch, query, more=("--format", "csv")).out,
                         'n,s,t\n1,"a,""b",2024-01-02 03:04:05.000\n,"",2024-01-02 03:04:05.120\n')
        table = self.sql(batch, query).out.splitlines()
        self.assertEqual((table[0][0], table[-2][0], table[-1]), ("┌", "└", "2 rows"))

    def test_nested_values_are_json_in_json(self):
        query = ("SELECT ARRAY[1, 2] AS a, MAP['k', TIMESTAMP '2024-01-02 03:04:05'] AS m, CAST(ROW('x\"y', 1.50) AS ROW<s STRING, d DECIMAL(4, 2)>) AS r, "
                 "CAST(NULL AS ARRAY<INT>) AS n, ARRAY[ROW(TRUE, CAST(NULL AS STRING))] AS deep")
        ran = self.sql("SET 'execution.runtime-mode'='batch'", query, more=("--format", "json"))
        self.assertEqual(ran.rows(), [{"a": [1, 2], "m": {"k": "2024-01-02 03:04:05"}, "r": {"s": "x\"y", "d": 1.5}, "n": None, "deep": [{"EXPR$0": True, "EXPR$1": None}]}])
        self.assertIn('"d":1.50', ran.out)
        self.assertIn("│ [1, 2] ", self.sql("SET 'execution.runtime-mode'='batch'", "SELECT ARRAY[1, 2] AS a").out)

    def test_results_alone_are_on_standard_output(self):
        ran = self.sql("SET 'a.b'='c'", "CREATE TEMPORARY VIEW v AS SELECT 1 AS one", "SELECT one FROM v", more=("--format", "json"))
        self.assertEqual((ran.code, ran.out, ran.err), (0, '{"op":"+I","row":{"one":1}}\n', ""))

    def test_a_failure_behind_other_operators_of_a_chain_is_not_lost(self):
        # The rows go through a projection into the aggregate that refuses the second one.
        for mode in ("batch", "streaming"):
            ran = self.sql(f"SET 'execution.runtime-mode'='{mode}'", "SELECT (SELECT k + 1 FROM (VALUES (1), (2)) AS t (k)) AS x")
            self.assertEqual(ran.code, 1, ran.out)
            self.assertIn("a scalar sub-query gave more than one row", ran.err)

    def test_a_failed_statement_ends_the_script(self):
        ran = self.sql("SELECT 1 AS one", "SELECT prise FROM (VALUES (1)) AS t(price)", "SELECT 2 AS two", more=("--format", "json"))
        self.assertEqual((ran.code, ran.out), (1, '{"op":"+I","row":{"one":1}}\n'))
        self.assertEqual(ran.err, "error[E2102]: column not found: `prise`\n  --> query:1:8\n   |\n 1 | SELECT prise FROM (VALUES (1)) AS t(price)\n"
                                  "   |        ^^^^^ no column of that name here\n   = near: `price`\n   = more: firn explain E2102\n")

    def test_scripts_come_from_files_and_from_standard_input(self):
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write("-- a comment; no end\nSELECT 1 AS one;\nSELECT ';' AS semicolon")
            script.flush()
            expected = [{"op": "+I", "row": {"one": 1}}, {"op": "+I", "row": {"semicolon": ";"}}]
            self.assertEqual(self.sql(more=("-f", script.name, "--format", "json")).rows(), expected)
            text = pathlib.Path(script.name).read_text()
            self.assertEqual(self.sql(more=("-f", "-", "--format", "json"), stdin=text).rows(), expected)
            self.assertEqual(self.sql(more=("--format", "json"), stdin=text).rows(), expected)
        self.assertEqual(self.sql(more=("-f", "/no/such/file.sql")).code, 1)

    def test_a_statement_set_without_its_end_is_told_of(self):
        begin = "BEGIN STATEMENT SET"
        self.sql("CREATE TABLE set_hole (x INT) WITH ('connector'='blackhole')")
        ran = self.sql(begin, "INSERT INTO set_hole SELECT 1")
        self.assertEqual((ran.code, ran.out), (1, ""))
        self.assertIn("error[E2002]: the statement set has no END: its INSERTs were not submitted\n", ran.err)
        self.assertEqual(self.sql(begin, "INSERT INTO set_hole SELECT 1", "END").code, 0)
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(f"SELECT 1;\n\n{begin};\nINSERT INTO set_hole SELECT 1;\n")
            script.flush()
            ran = self.sql(more=("-f", script.name))
            self.assertEqual(ran.code, 1)
            self.assertIn(f"the statement at line 3 of {script.name}\n", ran.err)
        self.sql("DROP TABLE set_hole")

    def test_a_failed_statement_of_a_file_has_a_line(self):
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write("SELECT 1;\n\nSELECT 2;\n\nSELECT 3; SELECT\n  prise;\n")
            script.flush()
            ran = self.sql(more=("-f", script.name))
            self.assertEqual(ran.code, 1)
            self.assertIn(f"\n  --> {script.name}:6:3\n   |\n 6 |   prise\n   |   ^^^^^ ", ran.err)
            script.seek(0)
            script.write("SELECT 1;\n\nSELECT 'ä'; SELECT prise;          \n")
            script.truncate()
            script.flush()
            self.assertIn(f"\n  --> {script.name}:3:20\n   |\n 3 | SELECT prise\n", self.sql(more=("-f", script.name)).err)

    def test_a_signal_cancels_the_query_that_runs(self):
        for stop in (signal.SIGINT, signal.SIGTERM):
            process = start("sql", "--server", self.node.sql, "--format", "json", "-e", ENDLESS, "-e", "SELECT id IS NULL AS n FROM g")
            self.assertEqual(json.loads(process.stdout.readline()), {"op": "+I", "row": {"n": False}})
            process.send_signal(stop)
            process.communicate(timeout=20)
            self.assertEqual(process.returncode, 130)
        wait_until(lambda: all(job["state"] != "RUNNING" for job in self.jobs() if job["name"] == "collect"), "the query's job ends")

    def test_a_query_ends_with_its_reader(self):
        for statement in ("SELECT id IS NULL AS n FROM g", "SELECT id IS NULL AS n FROM g WHERE id = 1"):  # the second has nothing to write, ever
            process = start("sql", "--server", self.node.sql, "--format", "csv", "-e", ENDLESS, "-e", "SELECT 1 AS o", "-e", statement)
            self.assertEqual(process.stdout.readline(), "op,o\n")
            process.stdout.close()
            self.assertEqual(process.wait(timeout=30), 0, process.stderr.read())
            process.stderr.close()
        wait_until(lambda: all(job["state"] != "RUNNING" for job in self.jobs() if job["name"] == "collect"), "the queries' jobs end")

    def test_results_that_cannot_be_written_are_a_failure(self):
        for command in (("sql", "--server", self.node.sql, "-e", "SELECT 1 AS one"), ("topic", "list", "--bootstrap-server", self.node.kafka), ("job", "list", "--server", self.node.jobs),
                        ("explain", "E2102")):
            with open("/dev/full", "w", encoding="utf-8") as full:
                ran = subprocess.run([str(BINARY), *command], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
            self.assertEqual(ran.returncode, 1, command)
            self.assertIn("error[E1001]: writing to standard output: No space left on device", ran.stderr)

    def test_consuming_ends_with_its_reader(self):
        self.assertEqual(firn("topic", "create", "quiet", "--bootstrap-server", self.node.kafka).code, 0)
        self.assertEqual(firn("topic", "produce", "quiet", "--bootstrap-server", self.node.kafka, stdin="one\ntwo\n").code, 0)
        process = start("topic", "consume", "quiet", "--bootstrap-server", self.node.kafka)
        self.assertEqual(process.stdout.readline(), "one\n")
        process.stdout.close()
        self.assertEqual(process.wait(timeout=30), 0, process.stderr.read())
        process.stderr.close()

    def test_a_synchronous_insert_waits_for_its_job(self):
        sink = "CREATE TEMPORARY TABLE b (v INT) WITH ('connector'='blackhole')"
        source = "CREATE TEMPORARY TABLE s (v STRING) WITH ('connector'='datagen', 'number-of-rows'='20', 'rows-per-second'='40')"
        sync = "SET 'table.dml-sync'='true'"
        ran = self.sql(sync, sink, source, "INSERT INTO b SELECT CHAR_LENGTH(v) FROM s", more=("--format", "json"))
        self.assertEqual(ran.code, 0, ran.err)
        self.assertEqual({job["jid"]: job["state"] for job in self.jobs()}[ran.rows()[0]["job id"]], "FINISHED")
        failed = self.sql(sync, sink, source, "INSERT INTO b SELECT CAST(CONCAT('x', v) AS INT) FROM s")
        self.assertEqual(failed.code, 1)
        self.assertIn("error[E3", failed.err)

    def test_a_signal_cancels_the_job_that_a_synchronous_insert_waits_for(self):
        process = start("sql", "--server", self.node.sql, "-e", "SET 'table.dml-sync'='true'", "-e", "SET 'pipeline.name'='waited'", "-e", ENDLESS, "-e",
                        "CREATE TEMPORARY TABLE b (id BIGINT) WITH ('connector'='blackhole')", "-e", "INSERT INTO b SELECT id FROM g")
        waited = lambda: [job["state"] for job in self.jobs() if job["name"] == "waited"]
        wait_until(lambda: waited() == ["RUNNING"], "the job runs")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)
        wait_until(lambda: waited() == ["CANCELED"], "the job is cancelled")

    def jobs(self):
        return json.loads(get(self.node.jobs, "/jobs/overview"))["jobs"]


class Embedded(unittest.TestCase):
    def test_a_bounded_insert_has_ended_when_the_command_returns(self):
        with tempfile.TemporaryDirectory() as data:
            warehouse = f"CREATE CATALOG c WITH ('type'='iceberg', 'catalog-type'='hadoop', 'warehouse'='file://{data}/warehouse')"
            ran = firn("sql", "--data", data, "-e", warehouse, "-e", "CREATE DATABASE c.db", "-e", "CREATE TABLE c.db.t (v INT)", "-e", "INSERT INTO c.db.t VALUES (1), (2)")
            self.assertEqual(ran.code, 0, ran.err)
            self.assertFalse((pathlib.Path(data) / "node.json").exists())
            ran = firn("sql", "--data", data, "--format", "json", "-e", "SET 'execution.runtime-mode'='batch'", "-e", "SELECT SUM(v) AS total FROM c.db.t")
            self.assertEqual((ran.code, ran.rows()), (0, [{"total": 3}]), ran.err)

    def test_tables_name_their_files_from_the_root(self):
        """Others read them, and a later node may be started from another folder."""
        with tempfile.TemporaryDirectory() as folder:
            insert = ("CREATE CATALOG {0} WITH ({1})", "CREATE DATABASE {0}.db", "CREATE TABLE {0}.db.t (v INT)", "INSERT INTO {0}.db.t VALUES (1)")
            for catalog, options in (("own", "'type'='iceberg'"), ("files", "'type'='iceberg', 'catalog-type'='hadoop', 'warehouse'='warehouse'")):
                ran = firn("sql", "--data", "lake", *(part for text in insert for part in ("-e", text.format(catalog, options))), cwd=folder)
                self.assertEqual(ran.code, 0, ran.err)
                ran = firn("sql", "--data", pathlib.Path(folder) / "lake", "--format", "json", "-e", "SET 'execution.runtime-mode'='batch'",
                           "-e", f"SELECT v FROM {catalog}.db.t", "-e", f"SELECT file_path FROM {catalog}.db.`t$files`", cwd="/")
                self.assertEqual(ran.code, 0, ran.err)
                rows = ran.rows()
                self.assertEqual(rows[0], {"v": 1})
                self.assertTrue(rows[1]["file_path"].startswith(folder), rows)

    def test_the_failure_of_an_awaited_insert_is_told_once(self):
        with tempfile.TemporaryDirectory() as folder:
            ran = firn("sql", "--data", folder, "-e", "CREATE TABLE t (a INT NOT NULL) WITH ('connector'='blackhole')", "-e", "INSERT INTO t SELECT CAST(NULL AS INT)")
        self.assertEqual((ran.code, ran.err.count("rows have NULL in it")), (1, 1), ran.err)
        self.assertTrue(ran.err.startswith("error[E3006]: "), ran.err)

    def test_an_unknown_catalog_is_told_with_its_place(self):
        with tempfile.TemporaryDirectory() as folder:
            ran = firn("sql", "--data", folder, "-e", "SELECT id FROM lakes.db.plain")
        self.assertEqual((ran.code, ran.out), (1, ""))
        self.assertEqual(ran.err, "error[E2109]: there is no catalog `lakes`\n  --> query:1:16\n   |\n 1 | SELECT id FROM lakes.db.plain\n   |                ^^^^^^^^^^^^^^\n"
                                  "   = help: SHOW CATALOGS lists all\n   = more: firn explain E2109\n")

    def test_a_row_without_a_time_ends_the_statement_if_it_is_told_to(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "rows.json").write_text('{"id":1,"t":"2024-01-01 00:00:00"}\n{"id":2}\n')
            table = f"""CREATE TABLE r (id INT, t TIMESTAMP(3), WATERMARK FOR t AS t) WITH ('connector'='filesystem', 'path'='{folder}/rows.json', 'format'='json')"""
            arguments = ("sql", "--data", f"{folder}/lake", "--format", "csv")
            ran = firn(*arguments, "-e", table, "-e", "SELECT id FROM r")
            self.assertEqual((ran.code, ran.out), (0, "op,id\n+I,1\n"), ran.err)
            self.assertIn("rows whose `t` is NULL are dropped", ran.err)
            ran = firn(*arguments, "-e", "SET 'table.exec.source.null-rowtime' = 'fail'", "-e", "SELECT id FROM r")
            self.assertEqual(ran.code, 1)
            self.assertIn("error[E3004]: default_catalog.default_database.r: `t` is NULL in 1 of 2 rows", ran.err)

    def test_bytes_look_the_same_wherever_they_are(self):
        with tempfile.TemporaryDirectory() as folder:
            ran = firn("sql", "--data", folder, "--format", "json", "-e", "SET 'execution.runtime-mode' = 'batch'", "-e", "SELECT x'0102' AS b, ARRAY[x'0102'] AS a, MAP['k', x'0a'] AS m, MAP[x'0b', 1] AS k, ROW(x'ff', 1) AS r")
        self.assertEqual(ran.rows(), [{"b": "x'0102'", "a": ["x'0102'"], "m": {"k": "x'0a'"}, "k": {"x'0b'": 1}, "r": {"EXPR$0": "x'ff'", "EXPR$1": 1}}], ran.err)

    def test_an_unknown_format_of_files_is_told_with_those_that_there_are(self):
        with tempfile.TemporaryDirectory() as folder:
            ran = firn("sql", "--data", folder, "-e", "CREATE TABLE t (a INT) WITH ('connector'='filesystem', 'path'='/tmp/none', 'format'='parqet')", "-e", "SELECT * FROM t")
        self.assertEqual(ran.code, 1)
        self.assertIn("   = help: there are json, csv, raw, debezium-json, parquet\n   = near: `parquet`\n", ran.err)

    def test_a_group_of_a_kafka_table_is_named(self):
        for option in ("'scan.startup.mode'='group-offsets'", "'properties.auto.offset.reset'='none'"):
            with tempfile.TemporaryDirectory() as folder:
                table = f"CREATE TABLE k (a INT) WITH ('connector'='kafka', 'topic'='k', 'properties.bootstrap.servers'='localhost:9092', 'format'='json', {option})"
                ran = firn("sql", "--data", folder, "-e", table, "-e", "SELECT * FROM k")
            self.assertEqual(ran.code, 1)
            self.assertIn("error[E2112]: 'scan.startup.mode'='group-offsets' needs 'properties.group.id' (table default_catalog.default_database.k)\n", ran.err)
            self.assertIn("   = help: name the group whose committed offsets to begin at, or set 'scan.startup.mode'='earliest-offset'\n", ran.err)

    # A batch query has no watermarks: only windows go by times there, and only they leave such a row out.
    def test_a_row_without_a_time_is_a_row_in_batch_mode(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "rows.json").write_text('{"id":1,"t":"2024-01-01 00:00:00"}\n{"id":2}\n{"id":3,"t":"2024-01-01 00:00:05"}\n')
            table = f"""CREATE TABLE r (id INT, t TIMESTAMP(3), WATERMARK FOR t AS t) WITH ('connector'='filesystem', 'path'='{folder}/rows.json', 'format'='json')"""
            copies = f"""CREATE TABLE copies (id INT, t TIMESTAMP(3)) WITH ('connector'='filesystem', 'path'='{folder}/copies', 'format'='csv')"""
            batch = ("sql", "--data", f"{folder}/lake", "--format", "csv", "-e", "SET 'execution.runtime-mode' = 'batch'")
            ran = firn(*batch, "-e", table, "-e", copies, "-e", "SELECT COUNT(*) AS n, COUNT(t) AS timed FROM r")
            self.assertEqual((ran.code, ran.out, ran.err), (0, "n,timed\n3,2\n", ""))
            ran = firn(*batch, "-e", "SET 'table.exec.source.null-rowtime' = 'fail'", "-e", "SELECT * FROM r ORDER BY t, id")
            self.assertEqual((ran.code, ran.out, ran.err), (0, "id,t\n2,\n1,2024-01-01 00:00:00.000\n3,2024-01-01 00:00:05.000\n", ""))
            ran = firn(*batch, "-e", "INSERT INTO copies SELECT * FROM r", "-e", "SELECT COUNT(*) AS n FROM copies")
            self.assertEqual((ran.code, ran.out.splitlines()[-1]), (0, "3"), ran.err)
            window = "FROM TABLE(TUMBLE(TABLE r, DESCRIPTOR(t), INTERVAL '10' SECOND))"
            ran = firn(*batch, "-e", f"SELECT window_start, COUNT(*) AS n {window} GROUP BY window_start, window_end")
            self.assertEqual((ran.code, ran.out), (0, "window_start,n\n2024-01-01 00:00:00.000,2\n"), ran.err)
            ran = firn(*batch, "-e", f"SELECT id, window_end {window} ORDER BY id")
            self.assertEqual((ran.code, ran.out), (0, "id,window_end\n1,2024-01-01 00:00:10.000\n3,2024-01-01 00:00:10.000\n"), ran.err)
            self.assertIn("rows whose `t` is NULL are in no window", ran.err)


class Topics(NodeCase):
    def topic(self, *arguments, **options):
        return firn("topic", *arguments, "--bootstrap-server", self.node.kafka, **options)

    def test_create_list_describe_delete(self):
        created = self.topic("create", "a", "b", "--partitions", 3, "--config", "retention.ms=60000")
        self.assertEqual((created.code, created.out, created.err), (0, "", "created topic a with 3 partitions\ncreated topic b with 3 partitions\n"))
        self.assertEqual(self.topic("create", "a").code, 1)
        self.assertEqual(self.topic("create", "a", "--if-not-exists").code, 0)
        self.assertIn({"topic": "a", "partitions": 3, "records": 0}, self.topic("list", "--format", "json").rows())
        self.assertEqual(self.topic("describe", "a", "--format", "csv").out, "partition,leader,epoch,start_offset,end_offset\n" + "".join(f"{p},1,0,0,0\n" for p in range(3)))
        self.assertIn({"config": "retention.ms", "value": "60000", "source": "topic"}, self.topic("describe", "a", "--configs", "--format", "json").rows())
        self.assertEqual(self.topic("delete", "a", "b").code, 0)
        self.assertIn("error[E4004]", self.topic("delete", "a").err)
        self.assertEqual(self.topic("delete", "a", "--if-exists").code, 0)
        self.assertEqual(self.topic("create", "no/slash").code, 1)

    def test_lines_go_in_and_come_out(self):
        self.topic("create", "lines", "--partitions", 1)
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            self.assertEqual(self.topic("produce", "lines", "--codec", codec, stdin=f"{codec} 1\n{codec} 2").code, 0)
        ran = self.topic("consume", "lines", "--until-end")
        self.assertEqual(ran.out.split("\n")[:3], ["none 1", "none 2", "gzip 1"])
        self.assertEqual(len(ran.out.splitlines()), 10)
        self.assertEqual(self.topic("consume", "lines", "--from", "-1", "--until-end").out, "zstd 2\n")
        self.assertEqual(self.topic("consume", "lines", "--from", "+2", "--count", 1).out, "gzip 1\n")
        self.assertEqual([row["offset"] for row in self.topic("consume", "lines", "--from", 4, "--count", 2, "--format", "json").rows()], [4, 5])
        self.assertEqual(self.topic("consume", "lines", "--from", 11, "--until-end").code, 1)
        self.assertEqual(self.topic("consume", "lines", "--from", "somewhere", "--until-end").code, 2)
        self.assertIn("near: `lines`", self.topic("consume", "linse", "--until-end").err)
        for place in ("earliest", "beginning"):
            self.assertEqual(self.topic("consume", "lines", "--from", place, "--count", 1).out, "none 1\n")
        self.assertEqual(self.topic("consume", "lines", "--from", "latest", "--until-end").out, "")
        refused = self.topic("create", "lines", "more")
        self.assertEqual(refused.code, 1)
        self.assertTrue(refused.err.startswith("created topic more with 1 partition\nerror[E2110]: creating topic lines: "), refused.err)

    def test_values_that_are_no_text(self):
        self.topic("create", "bytes", "--partitions", 1)
        producer = Producer({"bootstrap.servers": self.node.kafka})
        producer.produce("bytes", b"\xff\x00\x1b[2J")
        producer.produce("bytes", "ü".encode())
        producer.flush(20)
        self.assertEqual([row["value"] for row in self.topic("consume", "bytes", "--until-end", "--format", "json").rows()], ["\ufffd\0\x1b[2J", "ü"])
        shown = self.topic("consume", "bytes", "--until-end", "--format", "table").out.splitlines()
        self.assertIn(r" \xff\x00\x1b[2J │", shown[4])
        self.assertEqual({len(line) for line in shown[:-1]}, {len(shown[0])})

    def test_keys_meet_those_of_other_clients(self):
        self.topic("create", "keyed", "--partitions", 5)
        ran = self.topic("produce", "keyed", "--key-separator", ":", stdin="".join(f"key-{i}:{i}\n" for i in range(20)))
        self.assertEqual(ran.err, "produced 20 records to keyed\n")
        consumer = Consumer({"bootstrap.servers": self.node.kafka, "group.id": "reader", "auto.offset.reset": "earliest", "enable.auto.commit": False})
        consumer.assign([TopicPartition("keyed", p, 0) for p in range(5)])
        read = {}
        wait_until(lambda: [read.update({m.key().decode(): m.partition()}) for m in consumer.consume(20, 0.5)] is not None and len(read) == 20, "20 records")
        consumer.commit(offsets=[TopicPartition("keyed", 0, 1)], asynchronous=False)
        consumer.unassign()
        consumer.subscribe(["keyed"])
        wait_until(lambda: consumer.poll(0.1) or consumer.assignment(), "an assignment")
        refused = firn("group", "delete", "reader", "--bootstrap-server", self.node.kafka)
        self.assertEqual((refused.code, refused.err), (1, "error[E4007]: deleting group reader: NON_EMPTY_GROUP (68)\n"
                                                          "   = help: firn group describe shows who reads; the members must leave first\n   = more: firn explain E4007\n"))
        consumer.close()
        ours = {row["key"]: row["partition"] for row in self.topic("consume", "keyed", "--until-end", "--format", "json").rows()}
        self.assertEqual(ours, read)
        self.assertEqual(ours, {key: (murmur2(key.encode()) & 0x7fffffff) % 5 for key in ours})
        self.assert_group(ours)

    def assert_group(self, ours):
        group = ("--bootstrap-server", self.node.kafka)
        self.assertIn("reader", [row["group"] for row in firn("group", "list", "--format", "json", *group).rows()])
        described = firn("group", "describe", "reader", "--format", "json", *group).rows()
        end = sum(partition == 0 for partition in ours.values())
        self.assertEqual(described, [{"topic": "keyed", "partition": 0, "offset": 1, "end_offset": end, "lag": end - 1, "member": None, "host": None}])
        self.assertEqual(firn("group", "delete", "reader", *group).code, 0)
        for verb in ("describe", "delete"):
            self.assertIn("error[E4006]: there is no group 'reader'", firn("group", verb, "reader", *group).err)

    def test_consume_follows_until_it_is_stopped(self):
        self.topic("create", "live")
        process = start("topic", "consume", "live", "--from", "end", "--bootstrap-server", self.node.kafka)
        while not select.select([process.stdout], [], [], 0.2)[0]:  # what comes before it has found the end is not for it
            self.topic("produce", "live", stdin="hello\n")
        self.assertEqual(process.stdout.readline(), "hello\n")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 0)


class RunningJob(NodeCase):
    """What is seen of a job from outside, while it runs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        kafka = ("--bootstrap-server", cls.node.kafka)
        firn("topic", "create", "events", "--partitions", "2", *kafka)
        lines = [json.dumps({"k": "a", "ts": 1_700_000_000_000 + i * 1000}) for i in range(200)] + ["no json", json.dumps({"k": "late", "ts": 1_600_000_000_000})]
        firn("topic", "produce", "events", "--partition", "0", *kafka, stdin="\n".join(lines))
        ran = firn("sql", "--server", cls.node.sql, "--format", "json", stdin="""
            CREATE TABLE events (k STRING, ts BIGINT, t AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR t AS t - INTERVAL '5' SECOND) WITH ('connector'='kafka', 'topic'='events',
              'properties.bootstrap.servers'='localhost:9092', 'scan.startup.mode'='earliest-offset', 'format'='json', 'json.ignore-parse-errors'='true');
            CREATE TABLE out (w TIMESTAMP(3), n BIGINT) WITH ('connector'='blackhole');
            SET 'execution.checkpointing.interval' = '200ms';
            SET 'pipeline.name' = 'windows';
            INSERT INTO out SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(t), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end""")
        assert ran.code == 0, ran.err
        cls.job = ran.rows()[0]["job id"]
        wait_until(lambda: json.loads(get(cls.node.jobs, f"/jobs/{cls.job}/checkpoints"))["counts"]["completed"] >= 2, "two checkpoints")
        wait_until(lambda: 'partition="events-0"} 202' in get(cls.node.jobs, "/metrics").split("firn_source_offset", 1)[-1] and 'partition="events-1"' in get(cls.node.jobs, "/metrics"),
                   "both partitions are read")

    def rows(self, query):
        ran = firn("sql", "--server", self.node.sql, "--format", "json", "-e", "SET 'execution.runtime-mode'='batch'", "-e", query)
        self.assertEqual(ran.code, 0, ran.err)
        return ran.rows()

    def test_system_tables(self):
        self.assertEqual(self.rows(f"SELECT name, state, failure FROM sys.jobs WHERE job_id = '{self.job}'"), [{"name": "windows", "state": "RUNNING", "failure": None}])
        partitions = self.rows(f"SELECT partition_name, `offset`, end_offset, lag, idle, decode_errors, late_rows FROM sys.source_partitions WHERE job_id = '{self.job}' ORDER BY partition_name")
        # Partition 1 has given no row, so there is no watermark yet that a row could be late against.
        self.assertEqual(partitions, [{"partition_name": "events-0", "offset": 202, "end_offset": 202, "lag": 0, "idle": False, "decode_errors": 1, "late_rows": 0},
                                      {"partition_name": "events-1", "offset": 0, "end_offset": 0, "lag": 0, "idle": False, "decode_errors": 0, "late_rows": 0}])
        errors = self.rows(f"SELECT decode_error FROM sys.source_partitions WHERE job_id = '{self.job}' ORDER BY partition_name")
        self.assertEqual(errors[0], {"decode_error": "not a JSON object: no json"})
        self.assertEqual(errors[1], {"decode_error": None})
        operators = self.rows(f"SELECT name, rows_in, watermark FROM sys.operators WHERE job_id = '{self.job}'")
        self.assertIn({"name": "Source: events", "rows_in": 201, "watermark": None}, operators)
        checkpoints = self.rows(f"SELECT state FROM sys.checkpoints WHERE job_id = '{self.job}'")
        self.assertIn({"state": "COMPLETED"}, checkpoints)
        windows = self.rows(f"SELECT window_start, held_by, waits_for FROM sys.windows WHERE job_id = '{self.job}' ORDER BY window_start")
        self.assertEqual(windows[1]["window_start"], "2023-11-14 22:13:00.000")
        self.assertEqual(windows[1]["held_by"], "events-1")
        self.assertIn("a first watermark from events-1", windows[1]["waits_for"])

    def test_show_jobs(self):
        listed = [row for row in self.rows("SHOW JOBS") if row["job id"] == self.job]
        self.assertEqual((listed[0]["job name"], listed[0]["status"]), ("windows", "RUNNING"))
        self.assertRegex(listed[0]["start time"], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$")

    def test_job_commands(self):
        jobs = ("--server", self.node.jobs)
        self.assertIn(("windows", "RUNNING"), [(row["name"], row["state"]) for row in firn("job", "list", "--format", "json", *jobs).rows()])
        shown = firn("job", "show", self.job, "--format", "json", *jobs)
        self.assertRegex(shown.err, r"windows: RUNNING, [\d.]+ s, \d+ checkpoints?\n")
        self.assertEqual(firn("job", "show", self.job[:31], "--format", "json", *jobs).rows()[0]["operator"], shown.rows()[0]["operator"])  # how it begins is enough
        self.assertEqual(shown.rows()[0]["operator"], "Source: events")
        self.assertEqual(firn("job", "show", "nothing", *jobs).code, 1)

    def test_metrics_are_well_formed(self):
        text = get(self.node.jobs, "/metrics")
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="([^"\\\n]|\\.)*",?)*\})? -?[0-9.e+-]+)$')
        self.assertEqual(re.search(r'firn_source_decode_errors_total\{[^}]*partition="events-0"\} (\d+)', text)[1], "1")
        self.assertIn('\nfirn_topic_end_offset{topic="events",partition="0"} 202\n', text)
        self.assertEqual(get(self.node.jobs, "/healthz"), "ok\n")
        self.assertEqual(get(self.node.jobs, "/readyz"), "ok\n")

    def test_cancel(self):
        ran = firn("sql", "--server", self.node.sql, "--format", "json", "-e", ENDLESS, "-e", "CREATE TEMPORARY TABLE o (id BIGINT) WITH ('connector'='blackhole')", "-e",
                   "INSERT INTO o SELECT id FROM g")
        job = ran.rows()[0]["job id"]
        self.assertEqual(firn("job", "cancel", job, "--server", self.node.jobs).code, 0)
        wait_until(lambda: json.loads(get(self.node.jobs, f"/jobs/{job}"))["state"] == "CANCELED", "the job is cancelled")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            get(self.node.jobs, f"/jobs/{job}?mode=cancel", "PATCH")
        self.assertEqual(refused.exception.code, 409)
        refused.exception.close()
        for statement in (f"STOP JOB '{job}'", f"STOP JOB '{job}' WITH DRAIN"):
            ran = firn("sql", "--server", self.node.sql, "-e", statement)
            self.assertEqual((ran.code, ran.err), (1, f"error[E1012]: job {job} has already ended: it is CANCELED\n   = help: SHOW JOBS says which run\n   = more: firn explain E1012\n"))

    def test_stop_gives_no_savepoint(self):
        for drain in ("", " WITH DRAIN"):
            ran = firn("sql", "--server", self.node.sql, "-e", f"STOP JOB '{self.job}' WITH SAVEPOINT{drain}")
            self.assertEqual((ran.code, ran.err), (1, "error[E2003]: STOP JOB ... WITH SAVEPOINT: there are no savepoints, from which another job could begin\n"
                                                   f"   = help: STOP JOB '{self.job}'{drain} ends it after a last checkpoint, with all that it has written committed\n   = more: firn explain E2003\n"))
        self.assertEqual(json.loads(get(self.node.jobs, f"/jobs/{self.job}"))["state"], "RUNNING")


class Demo(unittest.TestCase):
    def test_shows_windows_and_tables_and_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            process = start("demo", "--seconds", "6", env={**os.environ, "TMPDIR": folder})
            out = ""
            while not re.search(r"^  \d\d:\d\d   BTC ", out, flags=re.M):
                line = process.stdout.readline()
                self.assertTrue(line, out)
                out += line
            self.assertLess(time.monotonic() - began, 10)
            rest, err = process.communicate(timeout=40)
            self.assertEqual((process.returncode, err), (0, ""))
            self.assertNotIn("\x1b", out + rest)
            self.assertIn("agg_1m$snapshots", rest)
            self.assertIn("firn up --data ./lake", rest)
            wide = [line for line in (out + rest).splitlines() if len(line) > 80 and "checkpoint" not in line]  # the status line takes what the terminal has
            self.assertEqual(wide, [])
            self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    unittest.main()
