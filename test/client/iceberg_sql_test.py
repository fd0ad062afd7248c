#!/usr/bin/env python3
"""Iceberg tables through SQL: metadata tables, transforms, overwriting, evolution, time travel, skipping, deletes of other writers, broken files.

    iceberg_sql_test.py build/release/bin/firn_iceberg_tables

Where a table changes, PyIceberg reads it too.
"""
import concurrent.futures
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from cases import SqlCase  # noqa: E402
import firn  # noqa: E402
import judges  # noqa: E402

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else "build/release/bin/firn_iceberg_tables"


class IcebergThroughSql(SqlCase):
    PROPERTIES = {"execution.runtime-mode": "batch", "table.dml-sync": "true"}

    @classmethod
    def setUpClass(cls):
        cls.warehouse = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="firn-iceberg-sql-"))) / "warehouse"
        subprocess.run([PROGRAM, "write", f"file://{cls.warehouse}"], check=True, capture_output=True)
        super().setUpClass()
        cls.run_sql(f"CREATE CATALOG lake WITH ('type'='iceberg', 'catalog-type'='hadoop', 'warehouse'='file://{cls.warehouse}')")
        cls.run_sql("USE CATALOG lake")
        cls.run_sql("USE db")

    def arrow(self, table):
        return judges.pyiceberg_table(self.warehouse / "db" / table).scan().to_arrow()

    def test_metadata_tables_by_every_spelling(self):
        self.run_sql("CREATE TABLE meta (id BIGINT, s STRING) PARTITIONED BY (bucket(2, id))")
        self.run_sql("INSERT INTO meta VALUES (1, 'a'), (2, 'b')")
        self.run_sql("INSERT INTO meta VALUES (3, 'c')")
        judge = judges.pyiceberg_table(self.warehouse / "db/meta")
        snapshots = [[str(s.snapshot_id), s.summary.operation.value] for s in judge.snapshots()]
        for name in ("meta$snapshots", "`meta$snapshots`", "lake.db.meta$snapshots", "meta.snapshots", "db.meta.snapshots", "lake.db.meta.snapshots"):
            self.assertEqual(self.rows(f"SELECT snapshot_id, operation FROM {name}"), sorted(snapshots), name)
        self.assertEqual(len(self.rows("SELECT * FROM meta$history WHERE is_current_ancestor")), 2)
        self.assertEqual(self.rows("SELECT name, type, snapshot_id FROM meta$refs"), [["main", "BRANCH", snapshots[-1][0]]])
        files = judge.inspect.files().to_pylist()
        self.assertEqual(self.rows("SELECT file_path, record_count FROM meta$files"), sorted([f["file_path"], str(f["record_count"])] for f in files))
        self.assertEqual(self.rows("SELECT path, added_data_files_count FROM meta$manifests"),
                         sorted([m["path"], str(m["added_data_files_count"])] for m in judge.inspect.manifests().to_pylist()))
        self.assertEqual(self.rows("SELECT SUM(record_count), SUM(file_count) FROM meta$partitions"), [["3", str(len(files))]])
        first = f"SELECT SUM(record_count) FROM meta$files /*+ OPTIONS('snapshot-id'='{snapshots[0][0]}') */"
        self.assertEqual(self.rows(first), [["2"]])
        self.refused("SELECT * FROM meta$nothing", "meta$nothing")
        self.refused("INSERT INTO meta$refs SELECT * FROM meta$refs", "cannot be written")

    def test_transforms_partition_and_skip(self):
        self.run_sql("""CREATE TABLE parts (id BIGINT, s STRING, ts TIMESTAMP(6), d DATE, n INT)
                        PARTITIONED BY (day(ts), bucket(4, id), truncate(2, s), year(d), n)""")
        self.run_sql("""INSERT INTO parts VALUES (1, 'alpha', TIMESTAMP '2024-01-01 10:00:00', DATE '2023-05-01', 1), (2, 'beta', TIMESTAMP '2024-01-02 10:00:00', DATE '2024-05-01', 1),
                        (3, 'alto', TIMESTAMP '2024-01-03 10:00:00', DATE '2025-05-01', 2), (4, CAST(NULL AS STRING), CAST(NULL AS TIMESTAMP(6)), DATE '2025-05-01', 2)""")
        self.run_sql("INSERT INTO parts VALUES (5, 'gamma', TIMESTAMP '2024-02-01 10:00:00', DATE '2023-05-01', 3)")
        for condition, files, ids in (
                ("id = 5", 1, ["5"]), ("5 = id", 1, ["5"]), ("ts >= TIMESTAMP '2024-01-03 00:00:00'", 2, ["3", "5"]), ("n IN (2, 3)", 3, ["3", "4", "5"]),
                ("s IS NULL", 1, ["4"]), ("d < DATE '2024-01-01' AND n = 1", 1, ["1"]), ("s = 'alto' OR ts < TIMESTAMP '2024-01-02 00:00:00'", 2, ["1", "3"]),
                ("NOT (n < 3)", 1, ["5"]), ("s >= 'b' AND s < 'c'", 1, ["2"]), ("n > 100", 0, []), ("s LIKE 'al%'", 2, ["1", "3"]), ("s LIKE 'b_ta'", 1, ["2"]), ("s LIKE '%a'", None, ["1", "2", "5"]),
                ("s NOT LIKE 'al%'", None, ["2", "5"]), ("s LIKE 'al!%' ESCAPE '!'", None, []), ("s LIKE 'gamma'", 1, ["5"]), ("CAST(n AS BIGINT) = 3000000000", None, [])):
            plan = self.run_sql(f"EXPLAIN SELECT * FROM parts WHERE {condition}").texts()[0][0]
            reading = re.search(r"reading=\[(\d+) of (\d+) files", plan)
            self.assertIsNotNone(reading, plan)
            if files is not None:
                self.assertEqual(int(reading.group(1)), files, f"{condition}: {plan}")
            self.assertEqual([row[0] for row in self.rows(f"SELECT id FROM parts WHERE {condition}")], ids, condition)
        self.assertIn("manifests skipped: 1 of 2", self.run_sql("EXPLAIN SELECT * FROM parts WHERE n = 3").texts()[0][0])
        self.assertEqual(self.arrow("parts").num_rows, 5)

    def test_row_groups_are_skipped_and_zeros_and_nans_are_not_lost(self):
        self.run_sql("CREATE TABLE groups (id BIGINT, x DOUBLE) WITH ('write.parquet.row-group-size-bytes'='65536')")
        self.run_sql("CREATE TEMPORARY TABLE many (id BIGINT) WITH ('connector'='datagen', 'number-of-rows'='200000', 'fields.id.kind'='sequence', 'fields.id.start'='0', 'fields.id.end'='199999')")
        self.run_sql("INSERT INTO groups SELECT id, CAST(id AS DOUBLE) FROM many")
        plan = self.run_sql("EXPLAIN SELECT * FROM groups WHERE id = 150000").texts()[0][0]
        skipped, total = map(int, re.search(r"row groups skipped: (\d+) of (\d+)", plan).groups())
        self.assertGreater(skipped, 0, plan)
        self.assertLess(skipped, total, plan)
        self.assertEqual(self.rows("SELECT id, x FROM groups WHERE id BETWEEN 149999 AND 150000"), [["149999", "149999.0"], ["150000", "150000.0"]])
        self.run_sql("CREATE TABLE zeros (x DOUBLE)")
        self.run_sql("INSERT INTO zeros VALUES (CAST('-0.0' AS DOUBLE))")
        self.run_sql("INSERT INTO zeros VALUES (0.0)")
        for condition, count in (("x = 0", 2), ("x >= 0", 2), ("x <= 0", 2), ("x > 0", 0), ("x < 0", 0), ("x <> 0", 0)):
            self.assertEqual(self.rows(f"SELECT COUNT(*) FROM zeros WHERE {condition}"), [[str(count)]], condition)

    def test_overwriting_and_tables_out_of_queries(self):
        self.run_sql("CREATE TABLE overs (k INT, v STRING) PARTITIONED BY (k)")
        self.run_sql("INSERT INTO overs VALUES (1, 'a'), (1, 'b'), (2, 'c')")
        self.run_sql("INSERT OVERWRITE overs VALUES (1, 'z')")
        self.assertEqual(self.rows("SELECT * FROM overs"), [["1", "z"], ["2", "c"]])
        self.run_sql("INSERT OVERWRITE overs PARTITION (k = 2) SELECT 'q'")
        self.assertEqual(self.rows("SELECT * FROM overs"), [["1", "z"], ["2", "q"]])
        self.run_sql("CREATE TABLE copied WITH ('format-version'='2') AS SELECT k + 1 AS k, v FROM overs")
        self.run_sql("INSERT OVERWRITE copied SELECT 9, 'only'")
        self.assertEqual(self.rows("SELECT * FROM copied"), [["9", "only"]])
        self.assertEqual(self.arrow("copied").to_pylist(), [{"k": 9, "v": "only"}])
        operations = [row[1] for row in self.run_sql("SELECT committed_at, operation FROM overs$snapshots ORDER BY committed_at").texts()]
        self.assertEqual(operations, ["append", "overwrite", "overwrite"])

    def test_hints_that_are_not_heard_are_refused(self):
        self.run_sql("CREATE TABLE hinted (id INT)")
        self.run_sql("INSERT INTO hinted VALUES (1)")
        snapshot = self.rows("SELECT snapshot_id FROM hinted$snapshots")[0][0]
        self.assertEqual(self.rows(f"SELECT id FROM hinted /*+ OPTIONS('snapshot-id'='{snapshot}', 'split-size'='1000', 'streaming'='false') */"), [["1"]])
        self.refused(f"SELECT id FROM hinted /*+ OPTIONS('snapshot_id'='{snapshot}') */", "no option 'snapshot_id'", "snapshot-id")
        for hint in ("start-snapshot-id", "end-snapshot-id", "start-tag", "limit"):
            self.refused(f"SELECT id FROM hinted /*+ OPTIONS('{hint}'='1') */", f"no option '{hint}'")
        self.refused(f"SELECT id FROM hinted /*+ OPTIONS('snapshot-id'='{snapshot}', 'limit'='1') */", "no option 'limit'")
        self.refused("SELECT id FROM hinted /*+ OPTIONS('snapshot-id'='newest') */", "whole number")
        self.refused("SELECT id FROM hinted /*+ OPTIONS('streaming'='true') */", "'streaming' is 'true': the Iceberg table", "hinted cannot be read as a stream", "leave it out")
        self.refused("INSERT INTO hinted /*+ OPTIONS('branch'='b') */ VALUES (2)", "no option 'branch'")
        self.refused("INSERT INTO hinted /*+ OPTIONS('overwrite-enabled'='true') */ VALUES (2)", "'overwrite-enabled' is 'true'")
        self.run_sql("INSERT INTO hinted /*+ OPTIONS('write-parallelism'='2', 'write-format'='parquet') */ VALUES (3)")
        self.run_sql("ALTER TABLE hinted SET ('somebody.elses.property'='x')")
        self.assertEqual(self.rows("SELECT id FROM hinted /*+ OPTIONS('case-sensitive'='true') */"), [["1"], ["3"]])

    def test_parts_that_are_not_null_of_rows_that_are(self):
        self.run_sql("CREATE TABLE parts_not_null (id INT, r ROW<a INT NOT NULL, b STRING>)")
        self.run_sql("INSERT INTO parts_not_null SELECT id, CASE WHEN id = 1 THEN ROW(id, 'x') END FROM (VALUES (1), (2)) AS v(id)")
        self.run_sql("INSERT INTO parts_not_null VALUES (3, CAST(NULL AS ROW<a INT NOT NULL, b STRING>))")
        self.assertEqual(self.rows("SELECT id, r.a, r.b, r IS NULL FROM parts_not_null"), [["1", "1", "x", "FALSE"], ["2", None, None, "TRUE"], ["3", None, None, "TRUE"]])
        self.assertEqual(sorted(self.arrow("parts_not_null").to_pylist(), key=str), [{"id": 1, "r": {"a": 1, "b": "x"}}, {"id": 2, "r": None}, {"id": 3, "r": None}])

    def test_a_table_that_is_made_anew_under_a_job(self):
        """Its rows were written for the old one: the job fails, and the new table has none of them."""
        self.run_sql("CREATE CATALOG anew_own WITH ('type'='iceberg')")
        self.run_sql("CREATE DATABASE IF NOT EXISTS anew_own.db")
        for catalog in ("lake.db", "anew_own.db"):
            with self.subTest(catalog):
                create = f"CREATE TABLE {catalog}.anew (id BIGINT)"
                self.run_sql(create)
                session = firn.Session(self.node.sql, {"execution.checkpointing.interval": "1h"})
                session.execute("CREATE TEMPORARY TABLE made (id BIGINT) WITH ('connector'='datagen', 'rows-per-second'='100', 'fields.id.kind'='sequence', 'fields.id.end'='1000000')")
                job = session.execute(f"INSERT INTO {catalog}.anew SELECT id FROM made").job_id
                state = lambda: self.rows(f"SELECT state, failure FROM sys.jobs WHERE job_id = '{job}'")[0]  # noqa: E731, B023
                while float(self.rows(f"SELECT SUM(rows_in) FROM sys.operators WHERE job_id = '{job}'")[0][0] or 0) < 10:
                    time.sleep(0.05)
                self.run_sql(f"DROP TABLE {catalog}.anew")
                self.run_sql(create)
                self.run_sql(f"INSERT INTO {catalog}.anew VALUES (-1)")  # a Hadoop table's folder is the same as before
                session.execute(f"STOP JOB '{job}'")
                deadline = time.monotonic() + 20
                while state()[0] not in ("FAILED", "FINISHED") and time.monotonic() < deadline:
                    time.sleep(0.05)
                self.assertEqual(state()[0], "FAILED")
                self.assertEqual(self.rows(f"SELECT * FROM {catalog}.anew"), [["-1"]])
                session.close()

    def test_a_type_that_changes_under_a_plan(self):
        """A job that fails and is tried again reads by its plan: its columns must still be what that says."""
        self.run_sql("CREATE TABLE promoted (n INT)")
        self.run_sql("INSERT INTO promoted VALUES (1)")
        session = firn.Session(self.node.sql, {"execution.runtime-mode": "batch"})
        session.execute("CREATE TEMPORARY TABLE blocked (n INT) WITH ('connector'='filesystem', 'path'='/dev/null/x', 'format'='json')")
        job = session.execute("INSERT INTO blocked SELECT n FROM lake.db.promoted").job_id
        jobs = lambda: self.rows(f"SELECT state, failure FROM sys.jobs WHERE job_id = '{job}'")[0]  # noqa: E731
        deadline = time.monotonic() + 30
        while not jobs()[1] and time.monotonic() < deadline:
            time.sleep(0.05)
        self.run_sql("ALTER TABLE promoted MODIFY n BIGINT")
        while jobs()[0] != "FAILED" and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertIn("is BIGINT now and was INT when the query was planned", jobs()[1])
        session.close()

    def test_evolution_by_field_id_and_time_travel(self):
        self.run_sql("CREATE TABLE evolving (k INT, v STRING, gone DOUBLE, f FLOAT)")
        self.run_sql("INSERT INTO evolving VALUES (1, 'a', 0.5, CAST(1.5 AS FLOAT))")
        first = self.rows("SELECT snapshot_id FROM evolving$snapshots")[0][0]
        time.sleep(0.01)
        moment = time.time()
        time.sleep(0.01)
        for change in ("DROP gone", "RENAME v TO word", "ADD (fresh BIGINT)", "ADD (gone STRING)", "MODIFY k BIGINT", "MODIFY f DOUBLE", "SET ('write.metadata.previous-versions-max'='3')"):
            self.run_sql(f"ALTER TABLE evolving {change}")
        self.run_sql("INSERT INTO evolving VALUES (5000000000, 'b', 2.5, 7, 'new')")
        self.assertEqual(self.rows("SELECT * FROM evolving"), [["1", "a", "1.5", None, None], ["5000000000", "b", "2.5", "7", "new"]])
        self.assertEqual(sorted(self.arrow("evolving").to_pylist(), key=str),
                         [{"k": 1, "word": "a", "f": 1.5, "fresh": None, "gone": None}, {"k": 5000000000, "word": "b", "f": 2.5, "fresh": 7, "gone": "new"}])
        then = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment)) + f".{int(moment * 1000) % 1000:03}"
        for as_of in (f"VERSION AS OF {first}", f"FOR SYSTEM_TIME AS OF TIMESTAMP '{then}'", f"/*+ OPTIONS('snapshot-id'='{first}') */", f"/*+ OPTIONS('as-of-timestamp'='{int(moment * 1000)}') */"):
            result = self.run_sql(f"SELECT * FROM evolving {as_of}")
            self.assertEqual([column["name"] for column in result.columns], ["k", "v", "gone", "f"], as_of)
            self.assertEqual(result.texts(), [["1", "a", "0.5", "1.5"]], as_of)
        self.assertEqual(self.rows(f"SELECT o.gone, n.gone FROM evolving VERSION AS OF {first} o JOIN evolving n ON o.k = n.k"), [["0.5", None]])
        self.assertLessEqual(len(self.rows("SELECT * FROM evolving$metadata_log_entries")), 4)
        self.run_sql("ALTER TABLE evolving RESET ('write.metadata.previous-versions-max')")
        self.assertNotIn("previous-versions", self.run_sql("SHOW CREATE TABLE evolving").texts()[0][0])
        self.refused("ALTER TABLE evolving MODIFY word INT", "`word` cannot become INT from STRING", "add a column")
        self.refused("ALTER TABLE evolving MODIFY k INT", "cannot become INT from BIGINT")
        self.refused("ALTER TABLE evolving MODIFY k BIGINT NOT NULL", "cannot become NOT NULL")
        self.refused("ALTER TABLE evolving ADD (n INT NOT NULL)", "added NOT NULL")
        self.refused("ALTER TABLE evolving ADD PRIMARY KEY (k) NOT ENFORCED", "primary key")
        self.refused("SELECT * FROM evolving VERSION AS OF 5", "no snapshot 5")
        self.refused("SELECT * FROM evolving VERSION AS OF 'mian'", "`mian`", "main")
        self.refused("SELECT * FROM evolving FOR SYSTEM_TIME AS OF TIMESTAMP '2001-01-01 00:00:00'", "evolving")

    def test_tables_of_all_kinds_read_as_pyiceberg_reads_them(self):
        for table in sorted(path.name for path in (self.warehouse / "db").iterdir()):
            if table == "foreign" or not (self.warehouse / "db" / table / "metadata").exists():  # foreign: its hint is broken
                continue
            self.assertEqual(self.rows(f"SELECT COUNT(*) FROM `{table}`"), [[str(self.arrow(table).num_rows)]], table)

    def test_broken_files_give_errors_and_the_node_goes_on(self):
        self.run_sql("CREATE TABLE broken (k INT, v STRING)")
        self.run_sql("INSERT INTO broken VALUES (1, 'a'), (2, 'b')")
        table = self.warehouse / "db/broken"
        data = next(table.rglob("*.parquet"))
        manifest = pathlib.Path(self.rows("SELECT path FROM broken$manifests")[0][0].removeprefix("file://"))
        metadata = judges.newest_metadata(table)
        for path, damage, word in (
                (data, lambda b: b[:len(b) // 2], data.name), (data, lambda b: b"", data.name), (data, lambda b: b[:-8] + b"\xff\xff\xff\x7fPAR1", data.name),
                (data, lambda b: b"not parquet at all, but of some length", data.name), (manifest, lambda b: b[:len(b) // 2], manifest.name), (manifest, lambda b: b"Obj\x01" + b"\xff" * 64, manifest.name),
                (metadata, lambda b: b[:len(b) // 2], metadata.name), (metadata, lambda b: b.replace(b'"format-version":2', b'"format-version":9').replace(b'"format-version": 2', b'"format-version": 9'), metadata.name)):
            whole = path.read_bytes()
            path.write_bytes(damage(whole))
            self.assertNotEqual(path.read_bytes(), whole)
            self.refused("SELECT * FROM broken", word)
            path.write_bytes(whole)
            self.assertEqual(self.rows("SELECT * FROM broken"), [["1", "a"], ["2", "b"]])
        manifest_list = pathlib.Path(self.rows("SELECT manifest_list FROM broken$snapshots")[0][0].removeprefix("file://"))
        for path in (data, manifest, manifest_list, metadata):
            os.rename(path, str(path) + ".away")
            self.refused("SELECT * FROM broken", path.name)
            os.rename(str(path) + ".away", path)
        for path in (metadata, manifest_list, manifest, data):  # of every length, and not of its kind at all
            whole = path.read_bytes()
            for damage in [whole[:length] for length in range(0, len(whole), max(1, len(whole) // 23))] + [b"\0" * len(whole), b"{}", b"[1, 2", b"\x1f\x8b\x08garbage", b"PAR1" + b"\xff" * 20 + b"PAR1"]:
                path.write_bytes(damage)
                self.refused("SELECT * FROM broken", path.name)
            path.write_bytes(whole)
            self.assertEqual(self.rows("SELECT * FROM broken"), [["1", "a"], ["2", "b"]])
        foreign = self.warehouse / "db/foreign"
        shutil.copytree(table, foreign)  # its metadata speaks of another place
        self.assertEqual(self.rows("SELECT * FROM foreign"), [["1", "a"], ["2", "b"]])
        (foreign / "metadata/version-hint.text").write_text("not a number")
        self.assertEqual(self.rows("SELECT * FROM foreign"), [["1", "a"], ["2", "b"]])
        zipped = judges.newest_metadata(self.warehouse / "db/zipped")
        whole = zipped.read_bytes()
        bomb = gzip.compress(b" " * (1 << 28), 1)
        for damage in (b"", whole[:len(whole) // 2], whole[:-4], whole[:-8] + b"\0" * 8, b"{}", gzip.compress(b"{}"), gzip.compress(gzip.decompress(whole)[:-10]), bytes(byte ^ 0x11 for byte in whole), bomb):
            zipped.write_bytes(damage)
            self.refused("SELECT * FROM zipped", zipped.name)
        zipped.write_bytes(whole)
        self.assertEqual(self.rows("SELECT COUNT(*) FROM zipped"), [["30"]])
        self.refused("INSERT INTO broken VALUES ('x', 'y')", "VALUES")
        self.refused("SELECT * FROM lake.db.nowhere", "nowhere")


class ManyWriters(SqlCase):
    """Jobs that commit to the same tables of the node's own catalog at the same time. They share threads: none may wait for another on one."""
    PROPERTIES = {"execution.runtime-mode": "batch", "table.dml-sync": "true"}
    WRITERS, ROUNDS = 8, 4

    def write(self, writer):
        session = firn.Session(self.node.sql, self.PROPERTIES)
        first, second = ("t", "u") if writer % 2 else ("u", "t")
        for turn in range(self.ROUNDS):
            number = writer * self.ROUNDS + turn
            session.execute(f"EXECUTE STATEMENT SET BEGIN INSERT INTO own.db.{first} VALUES ({number}, 'a'); INSERT INTO own.db.{second} VALUES ({number}, 'b'); "
                            f"INSERT INTO own.db.{first} VALUES ({number}, 'c'); END")
        session.close()

    def test_all_rows_of_all_sets_are_there(self):
        for statement in ("CREATE CATALOG own WITH ('type'='iceberg')", "CREATE DATABASE own.db", "CREATE TABLE own.db.t (n INT, s STRING)", "CREATE TABLE own.db.u (n INT, s STRING)"):
            self.run_sql(statement)
        with concurrent.futures.ThreadPoolExecutor(self.WRITERS) as pool:
            list(pool.map(self.write, range(self.WRITERS)))
        sets = self.WRITERS * self.ROUNDS
        both = "(SELECT n, s FROM own.db.t UNION ALL SELECT n, s FROM own.db.u)"
        self.assertEqual(self.rows(f"SELECT s, COUNT(*), COUNT(DISTINCT n) FROM {both} GROUP BY s"), [[s, str(sets), str(sets)] for s in "abc"])
        self.assertEqual(self.rows("SELECT COUNT(*), COUNT(DISTINCT snapshot_id) FROM own.db.t$snapshots"), [[str(sets * 3 // 2), str(sets * 3 // 2)]])
        self.run_sql("DROP TABLE own.db.t")


unittest.main(verbosity=1)
