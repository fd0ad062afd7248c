# SPDX-License-Identifier: Apache-2.0
"""The SQL gateway as Flink's own clients speak it: paths, shapes, states, and what it says to requests that make no sense."""
import concurrent.futures
import http.client
import json
import pathlib
import random
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from cases import NodeCase  # noqa: E402
from checks import wait_until  # noqa: E402
from command import firn  # noqa: E402

UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


class Gateway(NodeCase):
    def setUp(self):
        self.session = "/v2/sessions/" + self.ok("POST", "/v2/sessions", {"properties": {"a.b": "c"}})["sessionHandle"]

    def send(self, method, path, body=None, port="sql"):
        connection = http.client.HTTPConnection("127.0.0.1", self.node.ports[port], timeout=20)
        try:
            connection.request(method, path, body if isinstance(body, (str, bytes)) else json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def ok(self, method, path, body=None):
        status, text = self.send(method, path, body)
        self.assertEqual(status, 200, text)
        return json.loads(text)

    def submit(self, statement):
        handle = self.ok("POST", self.session + "/statements", {"statement": statement})["operationHandle"]
        self.assertRegex(handle, UUID)
        return f"{self.session}/operations/{handle}"

    def ready(self, uri):
        while True:
            page = self.ok("GET", uri)
            if page["resultType"] != "NOT_READY":
                return page
            self.assertEqual(sorted(page), ["nextResultUri", "resultType"])

    def test_versions_and_info(self):
        self.assertEqual(self.ok("GET", "/api_versions"), {"versions": ["V1", "V2"]})
        self.assertEqual(self.ok("GET", "/v2/info")["productName"], "firn")

    def test_a_session_has_properties_until_it_is_closed(self):
        self.assertEqual(self.ok("GET", self.session)["properties"]["a.b"], "c")
        self.assertEqual(self.ok("POST", self.session + "/heartbeat", {}), {})
        self.assertEqual(self.ok("POST", self.session + "/configure-session", {"statement": "SET 'k' = 'v'"}), {})
        self.assertEqual(self.ok("GET", self.session)["properties"]["k"], "v")
        self.assertEqual(self.ok("DELETE", self.session), {"status": "CLOSED"})
        status, text = self.send("GET", self.session)
        self.assertEqual(status, 404)
        self.assertTrue(json.loads(text)["errors"][0].startswith("error[E7001]: there is no session "), text)

    def test_reset_leaves_what_a_shell_has_opened_its_session_with(self):
        self.session = "/v2/sessions/" + self.ok("POST", "/v2/sessions", {"properties": {"a.b": "c", "firn.wait-for-bounded-jobs": "true"}})["sessionHandle"]
        for statements in (["RESET"], ["SET 'firn.wait-for-bounded-jobs' = 'false'", "RESET 'firn.wait-for-bounded-jobs'", "SET 'k' = 'v'", "RESET 'k'"]):
            self.configure(*statements)
            self.assertEqual(self.ok("GET", self.session)["properties"], {"firn.wait-for-bounded-jobs": "true"}, statements)

    def test_a_session_is_configured_by_nothing_that_has_rows(self):
        for statement in ("SELECT 1", "SHOW TABLES", "DESCRIBE t", "EXPLAIN SELECT 1", "INSERT INTO t SELECT 1", "BEGIN STATEMENT SET", "STOP JOB 'x'"):
            status, text = self.send("POST", self.session + "/configure-session", {"statement": statement})
            self.assertEqual((status, "this statement cannot configure a session" in text), (500, True), f"{statement}: {text}")
        self.assertEqual(self.ok("POST", self.session + "/configure-session", {"statement": "USE CATALOG default_catalog"}), {})

    def test_a_query_in_flinks_shape(self):
        operation = self.submit("SELECT CAST(1.5 AS DECIMAL(4, 2)) AS d, 'x' AS s, TIMESTAMP '2024-01-02 03:04:05.678' AS t, CAST(NULL AS INT) AS n")
        page = self.ready(operation + "/result/0?rowFormat=JSON")
        self.assertEqual((page["resultType"], page["isQueryResult"], page["resultKind"]), ("PAYLOAD", True, "SUCCESS_WITH_CONTENT"))
        self.assertRegex(page["jobID"], "^[0-9a-f]{32}$")
        self.assertEqual(page["nextResultUri"], operation + "/result/1?rowFormat=JSON")
        columns = page["results"]["columns"]
        self.assertEqual(columns[0], {"name": "d", "logicalType": {"type": "DECIMAL", "nullable": False, "precision": 4, "scale": 2}, "comment": None})
        self.assertEqual(columns[1]["logicalType"], {"type": "CHAR", "nullable": False, "length": 1})
        self.assertEqual(columns[2]["logicalType"], {"type": "TIMESTAMP_WITHOUT_TIME_ZONE", "nullable": False, "precision": 3})
        rows = list(page["results"]["data"])
        while "nextResultUri" in page:
            page = self.ready(page["nextResultUri"])
            rows += page["results"]["data"]
        self.assertEqual(page["resultType"], "EOS")
        self.assertEqual(rows, [{"kind": "INSERT", "fields": [1.5, "x", "2024-01-02T03:04:05.678", None]}])
        self.assertEqual(self.ok("GET", operation + "/status"), {"status": "FINISHED"})
        self.assertEqual(self.ok("DELETE", operation + "/close"), {"status": "CLOSED"})
        status, text = self.send("GET", operation + "/status")
        self.assertEqual(status, 404)
        self.assertTrue(json.loads(text)["errors"][0].startswith("error[E7004]: there is no operation "), text)

    def test_plain_text_is_as_sql_prints_it(self):
        page = self.ready(self.submit("SELECT TIMESTAMP '2024-01-02 03:04:05' AS t, TRUE AS b, CAST(2 AS DOUBLE) AS d") + "/result/0?rowFormat=PLAIN_TEXT")
        while not page["results"]["data"]:
            page = self.ready(page["nextResultUri"])
        self.assertEqual(page["results"]["data"][0]["fields"], ["2024-01-02 03:04:05", "TRUE", "2.0"])

    def test_ddl_says_ok(self):
        page = self.ready(self.submit("CREATE TEMPORARY VIEW v AS SELECT 1 AS one") + "/result/0?rowFormat=JSON")
        self.assertEqual((page["resultKind"], page["isQueryResult"], page["results"]["data"]), ("SUCCESS", False, [{"kind": "INSERT", "fields": ["OK"]}]))

    def test_a_page_can_be_asked_for_again(self):
        operation = self.submit("SELECT 7 AS seven")
        first = self.ready(operation + "/result/0?rowFormat=JSON")
        self.assertEqual(self.ok("GET", operation + "/result/0?rowFormat=JSON"), first)
        self.ready(operation + "/result/1?rowFormat=JSON")
        self.assertEqual(self.send("GET", operation + "/result/0?rowFormat=JSON")[0], 400)

    def test_rows_that_cannot_be_shown_are_kept(self):
        self.session = "/v2/sessions/" + self.ok("POST", "/v2/sessions", {"properties": {"table.local-time-zone": "Nowhere/Land"}})["sessionHandle"]
        other = "/v2/sessions/" + self.ok("POST", "/v2/sessions", {})["sessionHandle"]
        for statement in ("CREATE TEMPORARY TABLE g (id BIGINT) WITH ('connector'='datagen', 'rows-per-second'='1')", "CREATE TEMPORARY TABLE b (id BIGINT) WITH ('connector'='blackhole')",
                          "INSERT INTO b SELECT id FROM g"):
            self.ok("POST", other + "/statements", {"statement": statement})
        operation = self.submit("SHOW CATALOGS")
        self.assertEqual(len(self.ready(operation + "/result/0?rowFormat=PLAIN_TEXT")["results"]["data"]), 1)
        operation = self.submit("SHOW JOBS")
        for _ in range(2):
            status, text = self.send("GET", operation + "/result/0?rowFormat=PLAIN_TEXT")
            self.assertEqual(status, 500)
            self.assertRegex(json.loads(text)["errors"][0], r"^error\[E\d+\]: .*Nowhere/Land")
        self.ok("POST", self.session + "/configure-session", {"statement": "SET 'table.local-time-zone' = 'UTC'"})
        page = self.ready(operation + "/result/0?rowFormat=PLAIN_TEXT")
        rows = list(page["results"]["data"])
        self.assertTrue(rows)

    def test_keys_of_a_map_are_texts_in_json(self):
        for text, key in (("CAST('NaN' AS DOUBLE)", "NaN"), ("1", "1"), ("CAST(1.50 AS DECIMAL(5, 2))", "1.50"), ("TRUE", "true"), ("'a\"b'", 'a"b'), ("DATE '2024-01-02'", "2024-01-02"), ("x'ff'", "/w=="), ("ARRAY[1, 2]", "[1,2]")):
            operation = self.submit(f"SELECT MAP[{text}, 7] AS m")
            page = self.ready(operation + "/result/0?rowFormat=JSON")
            rows = list(page["results"]["data"])
            while "nextResultUri" in page:
                page = self.ready(page["nextResultUri"])
                rows += page["results"]["data"]
            self.assertEqual(rows, [{"kind": "INSERT", "fields": [{key: 7}]}], text)

    def test_a_float_has_its_own_digits_in_json(self):
        page = self.ready(self.submit("SELECT CAST(0.1 AS FLOAT) AS f, CAST(0.1 AS DOUBLE) AS d, CAST(16777216 AS FLOAT) AS w") + "/result/0?rowFormat=JSON")
        rows = list(page["results"]["data"])
        while "nextResultUri" in page:
            page = self.ready(page["nextResultUri"])
            rows += page["results"]["data"]
        self.assertEqual(rows[0]["fields"], [0.1, 0.1, 16777216.0])

    def test_head_has_no_body(self):
        for port, path in (("jobs", "/healthz"), ("sql", "/v2/info")):
            connection = http.client.HTTPConnection("127.0.0.1", self.node.ports[port], timeout=20)
            for _ in range(2):  # on one connection
                connection.request("HEAD", path)
                answer = connection.getresponse()
                self.assertEqual((answer.status, answer.read()), (200, b""))
            connection.close()

    def test_cancel(self):
        self.ready(self.submit("CREATE TEMPORARY TABLE g (v INT) WITH ('connector'='datagen', 'rows-per-second'='10')") + "/result/0")
        operation = self.submit("SELECT * FROM g")
        job = self.ready(operation + "/result/0?rowFormat=JSON")["jobID"]
        self.assertEqual(self.ok("GET", operation + "/status"), {"status": "RUNNING"})
        self.assertEqual(self.ok("POST", operation + "/cancel", {}), {"status": "CANCELED"})
        self.assertEqual(self.ok("GET", operation + "/status"), {"status": "CANCELED"})
        wait_until(lambda: json.loads(self.send("GET", f"/jobs/{job}", port="jobs")[1])["state"] == "CANCELED", "the job is cancelled")

    def test_errors_are_rendered_first(self):
        operation = self.submit("SELECT nothing FROM (VALUES (1)) AS t(a)")
        status, text = self.send("GET", operation + "/result/0?rowFormat=JSON")
        self.assertEqual(status, 500)
        self.assertTrue(json.loads(text)["errors"][0].startswith("error[E2102]: "), text)
        self.assertEqual(self.ok("GET", operation + "/status"), {"status": "ERROR"})
        incomplete = self.send("GET", self.submit("SELECT 1 FROM") + "/result/0")[1]
        self.assertIn('Encountered \\"<EOF>\\"', incomplete)  # by which Flink's client knows to ask for more

    def failure(self, statement):
        status, text = self.send("GET", self.submit(statement) + "/result/0")
        self.assertEqual(status, 500, text)
        return json.loads(text)["errors"][0]

    def run_all(self, *statements):
        for statement in statements:
            self.ready(self.submit(statement) + "/result/0?rowFormat=JSON")

    def configure(self, *statements):
        for statement in statements:
            self.ok("POST", self.session + "/configure-session", {"statement": statement})

    def test_errors_of_what_a_statement_is_made_into_point_into_it(self):
        self.table("few", 1_000_000, 10)
        text = self.failure("CREATE TEMPORARY TABLE counts WITH ('connector'='filesystem', 'path'='/nowhere', 'format'='json') AS\nSELECT id, COUNT(*) AS n FROM few GROUP BY id")
        self.assertIn("error[E2115]", text)
        self.assertIn("--> query:2:1\n", text)
        self.assertIn("= while: filling default_catalog.default_database.counts, which is there now\n", text)
        self.run_all("BEGIN STATEMENT SET", "INSERT INTO counts SELECT id, id FROM few")
        self.assertIn("--> query:1:27\n", self.failure("INSERT INTO counts SELECT idd,\n id FROM few"))  # at once, not at END

    def test_what_has_gone_since_it_was_put_into_a_set_is_named(self):
        """END's own text is one word: its error says which statement and which words of it."""
        self.run_all("CREATE TABLE hole (id BIGINT) WITH ('connector'='blackhole')", "CREATE TABLE many (id BIGINT) WITH ('connector'='datagen', 'number-of-rows'='9')")
        self.run_all("BEGIN STATEMENT SET", "INSERT INTO hole SELECT id FROM many", "INSERT INTO hole SELECT\n id + 1 FROM many")
        first, self.session = self.session, "/v2/sessions/" + self.ok("POST", "/v2/sessions", {})["sessionHandle"]
        self.run_all("ALTER TABLE many RENAME id TO number")
        self.session = first
        self.assertIn("= while: planning `id` of statement 1 of the set: INSERT INTO hole SELECT id FROM many\n", self.failure("END"))
        self.run_all("DROP TABLE hole", "DROP TABLE many")

    def test_names_that_statements_do_not_find_are_marked(self):
        for statement in ("DESCRIBE nothing", "DROP TABLE nothing", "ALTER TABLE nothing SET ('a'='b')", "SHOW CREATE TABLE nothing", "USE nothing", "USE CATALOG nothing", "DROP DATABASE nothing"):
            text = self.failure(statement)
            self.assertRegex(text, r"\n +\| +\^{7}\n", statement)
        self.assertIn("near: `default_database`", self.failure("USE default_databas"))

    def test_a_job_is_described(self):
        self.table("endless", 10)
        self.configure("CREATE TEMPORARY TABLE hole (id BIGINT) WITH ('connector'='blackhole')")
        job = self.ready(self.submit("INSERT INTO hole SELECT id FROM endless") + "/result/0")["jobID"]
        page = self.ready(self.submit(f"DESCRIBE JOB '{job}'") + "/result/0")
        self.assertEqual([column["name"] for column in page["results"]["columns"]], ["job id", "job name", "status", "start time"])
        self.assertEqual([row["fields"][:3] for row in page["results"]["data"]], [[job, "insert-into_default_catalog.default_database.hole", "RUNNING"]])
        self.assertIn(f"near: `{job}`", self.failure(f"DESCRIBE JOB '{job[:-1]}x'"))
        self.send("PATCH", f"/jobs/{job}?mode=cancel", port="jobs")

    def test_a_topic_without_a_table_is_told_of(self):
        firn("topic", "create", "orders", "--bootstrap-server", f"127.0.0.1:{self.node.ports['kafka']}")
        text = self.failure("SELECT * FROM orders")
        self.assertIn("there is no table or view default_catalog.default_database.orders", text)
        self.configure(re.search(r"topic 'orders' is there.*(CREATE TABLE orders .*'format'='raw'\));", text).group(1))
        page = self.ready(self.submit("DESCRIBE orders") + "/result/0")
        self.assertEqual([row["fields"][:2] for row in page["results"]["data"]], [["line", "STRING"]])

    def test_complete_statement(self):
        self.assertEqual(self.ok("GET", self.session + "/complete-statement", {"statement": "SELECT * FROM sys.ch", "position": 20}), {"candidates": ["checkpoints"]})
        for body in ({"statement": "SELECT"}, {"statement": "SELECT", "position": -1}, {"statement": "SELECT", "position": "1"}, {"position": 1}, "no json"):
            self.assertEqual(self.send("GET", self.session + "/complete-statement", body)[0], 400, body)
        self.ok("GET", self.session + "/complete-statement", {"statement": "SELECT", "position": 2 ** 62})

    def test_a_session_that_is_full_runs_nothing_more(self):
        operations = [self.submit("SET 'k' = 'v'") for _ in range(1000)]
        status, text = self.send("POST", self.session + "/statements", {"statement": "CREATE DATABASE too_much"})
        self.assertEqual(status, 503)
        self.assertIn("1000 operations of this session are open", text)
        self.assertEqual(self.ok("DELETE", operations[0] + "/close"), {"status": "CLOSED"})
        page = self.ready(self.submit("SHOW DATABASES LIKE 'too_much'") + "/result/0?rowFormat=JSON")
        self.assertEqual(page["results"]["data"], [])

    def test_settings_of_one_statement(self):
        body = {"statement": "SELECT COUNT(*) FROM (VALUES (1), (2)) AS t(a)", "executionConfig": {"execution.runtime-mode": "batch", "parallelism.default": 2}}
        operation = f"{self.session}/operations/" + self.ok("POST", self.session + "/statements", body)["operationHandle"]
        page = self.ready(operation + "/result/0")
        rows = list(page["results"]["data"])
        while "nextResultUri" in page:
            page = self.ready(page["nextResultUri"])
            rows += page["results"]["data"]
        self.assertEqual(rows, [{"kind": "INSERT", "fields": [2]}])
        self.assertNotIn("execution.runtime-mode", self.ok("GET", self.session)["properties"])
        body["executionConfig"] = {"a": ["b"]}
        self.assertEqual(self.send("POST", self.session + "/statements", body)[0], 400)
        session = "/v2/sessions/" + self.ok("POST", "/v2/sessions", {"properties": {"parallelism.default": 3, "table.dml-sync": True}})["sessionHandle"]
        self.assertEqual(self.ok("GET", session)["properties"], {"parallelism.default": "3", "table.dml-sync": "true"})
        for properties in ([], "x", {"a": None}, {"a": {}}):
            self.assertEqual(self.send("POST", "/v2/sessions", {"properties": properties})[0], 400, properties)

    def table(self, name, rows_per_second, rows=None):
        options = {"connector": "datagen", "rows-per-second": rows_per_second, "fields.id.kind": "sequence", "fields.id.start": 0, "fields.id.end": (rows or 10 ** 9) - 1}
        text = ", ".join(f"'{key}'='{value}'" for key, value in options.items())
        self.ok("POST", self.session + "/configure-session", {"statement": f"CREATE TEMPORARY TABLE {name} (id BIGINT) WITH ({text})"})

    def job_states(self):
        return {job["id"]: job["status"] for job in json.loads(self.send("GET", "/jobs", port="jobs")[1])["jobs"]}

    def fetch_all(self, operation, pages):
        """Page after page, whoever else does; what each page was goes to `pages`. Returns what ended it."""
        token = 0
        while True:
            status, text = self.send("GET", f"{operation}/result/{token}?rowFormat=JSON")
            if status == 400:
                token = int(re.search(r"and (\d+) is next", text).group(1))  # others were faster
                continue
            if status != 200:
                return status, json.loads(text)["errors"][0]
            page = json.loads(text)
            pages.setdefault(token, set()).add(text)
            if page["resultType"] == "EOS":
                return status, "EOS"
            self.assertEqual(page["nextResultUri"], f"{operation}/result/{token + 1}?rowFormat=JSON")
            token += 1

    def test_clients_that_fetch_at_once_see_the_same_pages(self):
        self.table("s", 1_000_000, 300_000)
        operation = self.submit("SELECT id FROM s")
        pages = {}
        with concurrent.futures.ThreadPoolExecutor(6) as threads:
            ends = [each.result(60) for each in [threads.submit(self.fetch_all, operation, pages) for _ in range(6)]]
        self.assertEqual(set(ends), {(200, "EOS")})
        for token, texts in pages.items():
            self.assertEqual(len(texts), 1, f"page {token}")
        rows = [row["fields"][0] for token in sorted(pages) for row in json.loads(next(iter(pages[token])))["results"]["data"]]
        self.assertEqual(rows, list(range(300_000)))
        self.assertEqual(self.ok("GET", operation + "/status"), {"status": "FINISHED"})
        self.assertEqual(self.ok("POST", operation + "/cancel", {}), {"status": "FINISHED"})  # there is nothing left to cancel

    def ended_by(self, request):
        """What clients that wait for rows are told when `request` is sent; the job that ran and its operation."""
        self.table("slow", 1)
        operation = self.submit("SELECT id FROM slow WHERE id < 0")
        job = self.ready(operation + "/result/0?rowFormat=JSON")["jobID"]
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            fetches = [threads.submit(self.fetch_all, operation, {}) for _ in range(4)]
            time.sleep(0.3)
            request(operation)
            ends = [fetch.result(20) for fetch in fetches]
        wait_until(lambda: self.job_states()[job] == "CANCELED", "the job is cancelled")
        return ends, operation

    def test_cancelling_ends_fetches_that_wait(self):
        ends, operation = self.ended_by(lambda operation: self.assertEqual(self.ok("POST", operation + "/cancel", {}), {"status": "CANCELED"}))
        self.assertEqual({status for status, _ in ends}, {500})
        for _, text in ends:
            self.assertRegex(text, r"^error\[E\d+\]: the statement was cancelled")
        self.assertEqual(self.ok("GET", operation + "/status"), {"status": "CANCELED"})
        self.assertEqual(self.ok("POST", operation + "/cancel", {}), {"status": "CANCELED"})
        self.assertEqual(self.ok("DELETE", operation + "/close"), {"status": "CLOSED"})

    def test_closing_ends_fetches_that_wait(self):
        ends, operation = self.ended_by(lambda operation: self.assertEqual(self.ok("DELETE", operation + "/close"), {"status": "CLOSED"}))
        for status, text in ends:
            self.assertRegex(f"{status} {text}", r"^(500 error\[E1007\]: the statement was closed|404 error\[E7004\]: there is no operation )")
        self.assertEqual(self.send("DELETE", operation + "/close")[0], 404)

    def test_closing_a_session_ends_what_runs_in_it(self):
        ends, _ = self.ended_by(lambda _: self.assertEqual(self.ok("DELETE", self.session), {"status": "CLOSED"}))
        for status, text in ends:
            self.assertRegex(f"{status} {text}", r"^(500 error\[E1007\]: the statement was closed|404 error\[E7001\]: there is no session)")

    def test_the_state_of_a_synchronous_insert_is_told_without_fetching(self):
        self.table("few", 1_000_000, 10)
        for statement in ("CREATE TEMPORARY TABLE hole (id BIGINT) WITH ('connector'='blackhole')", "SET 'table.dml-sync' = 'true'"):
            self.ok("POST", self.session + "/configure-session", {"statement": statement})
        operation = self.submit("INSERT INTO hole SELECT id FROM few")
        wait_until(lambda: self.ok("GET", operation + "/status") == {"status": "FINISHED"}, "the insert has ended")
        self.table("endless", 10)
        operation = self.submit("INSERT INTO hole SELECT id FROM endless")
        self.assertEqual(self.ok("GET", operation + "/status"), {"status": "RUNNING"})
        job = list(self.job_states())[-1]
        self.assertEqual(self.send("PATCH", f"/jobs/{job}?mode=cancel", port="jobs")[0], 202)  # by somebody else
        wait_until(lambda: self.ok("GET", operation + "/status") == {"status": "ERROR"}, "it is known that the job is gone")
        self.assertIn("cancel", self.send("GET", operation + "/result/0")[1].lower())

    def storm(self, seed, until, sessions, known):
        dice = random.Random(seed)
        while time.monotonic() < until:
            session = dice.choice(sessions)
            operation = dice.choice(known) if known else session + "/operations/none"
            method, path, body = dice.choice([
                ("POST", session + "/statements", {"statement": dice.choice(["SELECT id FROM (VALUES (1), (2)) AS t(id)", "SHOW JOBS", "SELECT 1 / 0", "SELECT nothing", "SET 'a' = 'b'", "SELECT * FROM sys.jobs"])}),
                ("GET", operation + f"/result/{dice.randrange(4)}?rowFormat=PLAIN_TEXT", None), ("GET", operation + f"/result/{dice.randrange(4)}", None), ("GET", operation + "/status", None),
                ("POST", operation + "/cancel", {}), ("DELETE", operation + "/close", None), ("DELETE", session, None), ("GET", session, None), ("POST", session + "/heartbeat", {})])
            if method == "DELETE" and path == session and dice.random() < 0.8:
                continue
            status, text = self.send(method, path, body)
            answer = json.loads(text)
            self.assertIn(status, (200, 400, 404, 500), text)
            if status != 200:
                self.assertNotIn("internal", answer["errors"][0].lower())
            if "operationHandle" in answer:
                known.append(f"{session}/operations/{answer['operationHandle']}")
            if method == "DELETE" and path == session:
                sessions[sessions.index(session)] = "/v2/sessions/" + self.ok("POST", "/v2/sessions", {})["sessionHandle"]

    def test_nothing_breaks_when_everything_happens_at_once(self):
        sessions = ["/v2/sessions/" + self.ok("POST", "/v2/sessions", {})["sessionHandle"] for _ in range(10)]
        known = []
        until = time.monotonic() + 4
        with concurrent.futures.ThreadPoolExecutor(8) as threads:  # each has a session of its own, and two that all share
            storms = [threads.submit(self.storm, seed, until, sessions[:2] + [sessions[2 + seed]], known) for seed in range(8)]
            for each in storms:
                each.result(60)
        self.assertGreater(len(known), 50)
        for session in sessions:
            self.send("DELETE", session)
        self.assertEqual(self.ok("GET", self.session)["properties"]["a.b"], "c")

    def listings(self):
        """The ids that each door lists."""
        over_rest = [{job.get("id", job.get("jid")) for job in json.loads(self.send("GET", name, port="jobs")[1])["jobs"]} for name in ("/jobs", "/jobs/overview")]
        shown = {row["fields"][0] for row in self.ready(self.submit("SHOW JOBS") + "/result/0")["results"]["data"]}
        return over_rest + [shown]

    def all_rows(self, statement):
        operation = self.submit(statement)
        page = self.ready(operation + "/result/0")
        rows = list(page["results"]["data"])
        while "nextResultUri" in page:
            page = self.ready(page["nextResultUri"])
            rows += page["results"]["data"]
        self.ok("DELETE", operation + "/close")
        return page["jobID"], [row["fields"] for row in rows]

    def test_small_queries_push_out_each_other_only(self):
        others = self.job_states()  # that tests before this one have left running
        self.table("few", 1_000_000, 10)
        for statement in ("CREATE TEMPORARY TABLE hole (id BIGINT) WITH ('connector'='blackhole')", "SET 'execution.runtime-mode' = 'batch'"):
            self.ok("POST", self.session + "/configure-session", {"statement": statement})
        insert = self.ready(self.submit("INSERT INTO hole SELECT id FROM few") + "/result/0")["results"]["data"][0]["fields"][0]
        with self.assertRaises(AssertionError):
            self.all_rows("SELECT 1 / (id - 3) FROM few")
        wait_until(lambda: "FAILED" in self.job_states().values(), "the query that divides by zero has failed")
        failed = {job for job, state in self.job_states().items() if state == "FAILED"}
        queries = [self.all_rows("SELECT COUNT(*) FROM few")[0] for _ in range(30)]
        ended = lambda: all(job in others or state not in ("RUNNING", "CANCELLING") for job, state in self.job_states().items())
        wait_until(ended, "all have ended")
        first, second, shown = self.listings()
        self.assertEqual(first, second)
        self.assertEqual(first, shown)
        self.assertLess(failed | {insert, queries[-1]}, shown)
        self.assertLessEqual(len(shown & set(queries)), 20)
        self.assertNotIn(queries[0], shown)
        for table in ("jobs", "operators"):
            wait_until(ended, "all have ended")
            shown = self.listings()[0]
            mine, rows = self.all_rows(f"SELECT DISTINCT job_id FROM sys.{table}")
            self.assertEqual({row[0] for row in rows} - {mine}, shown)

    def test_requests_without_sense_are_refused_and_cost_nothing(self):
        operation = self.submit("SELECT 1")
        refused = [("POST", "/v2/sessions", "{"), ("POST", "/v2/sessions", "[]"), ("POST", self.session + "/statements", "null"), ("POST", self.session + "/statements", {"statement": 1}),
                   ("POST", self.session + "/statements", {"statement": "SELECT 1", "executionTimeout": 500}),
                   ("POST", self.session + "/statements", "[" * 100_000), ("POST", self.session + "/statements", b"\xff\xfe"), ("GET", "/v2/sessions", None), ("GET", "/", None), ("GET", "/v9", None),
                   ("GET", operation, None), ("GET", operation + "/result", None), ("GET", operation + "/result/x", None), ("GET", operation + "/result/-1", None),
                   ("GET", operation + "/result/" + "9" * 30, None), ("GET", operation + "/cancel", None), ("POST", operation + "/close", None), ("GET", "/v2/sessions/none/heartbeat", None),
                   ("GET", "/v9/info", None), ("POST", "/v3/sessions", "{}"), ("POST", "/v2/info", "{}"), ("DELETE", "/api_versions", None)]
        for method, path, body in refused:
            status, text = self.send(method, path, body)
            self.assertIn(status, (400, 404, 405), (method, path, body))
            self.assertTrue(json.loads(text)["errors"][0], (method, path, body))
        self.assertRegex(json.loads(self.send("POST", self.session + "/statements", b'{"statement": "\xff"}')[1])["errors"][0], "^the body is no JSON: ")
        try:
            self.assertEqual(self.send("POST", self.session + "/statements", "x" * (17 << 20))[0], 413)
        except (ConnectionResetError, BrokenPipeError):
            pass  # the server has answered and closed while the body was still on its way
        self.assertEqual(self.ready(operation + "/result/0?rowFormat=JSON")["resultType"], "PAYLOAD")


if __name__ == "__main__":
    unittest.main()
