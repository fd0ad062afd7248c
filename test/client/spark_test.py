#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Iceberg tables between firn and Apache Spark: each side reads what the other wrote, and both write one table in turn. Run by `script/test --spark`, which
installs Spark into .deps/spark; arguments are those of Python's unittest."""
import collections
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import firn  # noqa: E402
import spark  # noqa: E402


class World:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="firn-spark-")
        warehouse = pathlib.Path(self.folder.name) / "warehouse"
        self.node = firn.Node().start()
        self.batch = firn.Session(self.node.sql, {"execution.runtime-mode": "batch", "table.dml-sync": "true", "table.local-time-zone": "UTC"})
        self.streaming = firn.Session(self.node.sql, {"table.dml-sync": "true", "table.local-time-zone": "UTC"})
        for session in (self.batch, self.streaming):
            session.execute(f"CREATE CATALOG IF NOT EXISTS lake WITH ('type'='iceberg', 'catalog-type'='hadoop', 'warehouse'='file://{warehouse}')")
            session.execute("CREATE DATABASE IF NOT EXISTS lake.db")
        self.spark = spark.session(warehouse)

    def close(self):
        self.spark.stop()
        code = self.node.stop()
        self.folder.cleanup()
        assert code == 0, f"the node ended with {code}"


def setUpModule():
    global world
    world = World()


def tearDownModule():
    world.close()


class Both(unittest.TestCase):
    """One warehouse, one node, one Spark for all."""

    def firn(self, *statements):
        for statement in statements:
            result = world.batch.execute(statement)
        return result

    def sparks(self, *statements):
        for statement in statements:
            frame = world.spark.sql(statement)
        return frame

    def equal(self, table, count=None, firn_version="", spark_version=""):
        """Both read the same columns and rows; returns them."""
        frame = self.sparks(f"SELECT * FROM lake.db.{table} {spark_version}")
        expected = spark.rows(frame)
        found = self.firn(f"SELECT * FROM lake.db.{table} {firn_version}")
        self.assertEqual([column["name"] for column in found.columns], frame.columns)
        self.assertEqual(sorted(([sorted_map(value) for value in row] for row in found.texts()), key=str), expected)
        if count is not None:
            self.assertEqual(len(expected), count)
        return expected

    def every_snapshot(self, table):
        for row in self.sparks(f"SELECT snapshot_id FROM lake.db.{table}.snapshots").collect():
            with self.subTest(f"{table} at {row.snapshot_id}"):
                self.equal(table, firn_version=f"VERSION AS OF {row.snapshot_id}", spark_version=f"VERSION AS OF {row.snapshot_id}")


def sorted_map(value):
    """A map's entries have no order; Spark's are printed sorted. One of rows has a single entry in these tests."""
    return "{" + ", ".join(sorted(value[1:-1].split(", "))) + "}" if value and value.startswith("{") and "(" not in value else value


KINDS = """b BOOLEAN, i INT, l BIGINT, f FLOAT, d DOUBLE, amount DECIMAL(12, 3), big DECIMAL(38, 10), s STRING, raw {bytes}, day DATE, ts {timestamp}, ltz {instant},
           tags ARRAY<STRING>, attributes MAP<STRING, BIGINT>, nested {nested}"""
FIRN_KINDS = KINDS.format(bytes="BYTES", timestamp="TIMESTAMP(6)", instant="TIMESTAMP_LTZ(6)", nested="ROW<x INT, y ROW<z STRING, w ARRAY<INT>>>")
SPARK_KINDS = KINDS.format(bytes="BINARY", timestamp="TIMESTAMP_NTZ", instant="TIMESTAMP", nested="STRUCT<x: INT, y: STRUCT<z: STRING, w: ARRAY<INT>>>")
TRANSFORMS = ["b", "i", "bucket(4, l)", "truncate(3, s)", "day", "{d}(ts)", "{h}(ltz)", "bucket(2, amount)", "truncate(10, i)", "{m}(day)", "{y}(ltz)"]


class FirnWrites(Both):
    def insert_kinds(self, table):
        self.firn(f"""INSERT INTO lake.db.{table}
            SELECT TRUE, 1, 10000000000, CAST(1.5 AS FLOAT), 2.5E0, 123456789.125, CAST('1234567890123456789012345678.0123456789' AS DECIMAL(38, 10)), 'eins é', x'00ff', DATE '2024-02-29',
                   TIMESTAMP '2024-02-29 23:59:59.999999', CAST(TIMESTAMP '2024-02-29 12:00:00.000001' AS TIMESTAMP_LTZ(6)), ARRAY['a', 'b'], MAP['k', CAST(1 AS BIGINT), 'j', CAST(2 AS BIGINT)],
                   CAST(ROW(1, ROW('q', ARRAY[1, 2])) AS ROW<x INT, y ROW<z STRING, w ARRAY<INT>>>)
            UNION ALL SELECT FALSE, -7, -1, CAST(-0.0 AS FLOAT), -1E0, -0.001, CAST(-1 AS DECIMAL(38, 10)), '', x'', DATE '1969-12-31', TIMESTAMP '1969-12-31 23:59:59.999999',
                   CAST(TIMESTAMP '1960-01-01 00:00:00' AS TIMESTAMP_LTZ(6)), ARRAY[''], MAP['', CAST(0 AS BIGINT)], CAST(ROW(0, ROW('', ARRAY[0])) AS ROW<x INT, y ROW<z STRING, w ARRAY<INT>>>)""")
        self.firn(f"INSERT INTO lake.db.{table} (b) VALUES (CAST(NULL AS BOOLEAN)), (TRUE)")

    def test_every_type(self):
        self.firn(f"CREATE TABLE lake.db.kinds ({FIRN_KINDS})")
        self.insert_kinds("kinds")
        self.equal("kinds", 4)
        for condition in ("i = 1", "l < 0", "amount < 0", "day < DATE'1970-01-01'", "ts > TIMESTAMP_NTZ'2024-01-01 00:00:00'", "s = 'eins é'", "big < 0", "i IS NULL", "f = 0", "d > 2"):
            with self.subTest(condition):
                self.assertGreater(self.sparks(f"SELECT * FROM lake.db.kinds WHERE {condition}").count(), 0)  # not skipped by wrong statistics

    def test_every_transform(self):
        for i, transform in enumerate(TRANSFORMS):
            with self.subTest(transform):
                table = f"by_{i}"
                self.firn(f"CREATE TABLE lake.db.{table} ({FIRN_KINDS}) PARTITIONED BY ({transform.format(d='day', h='hour', m='month', y='year')})")
                self.insert_kinds(table)
                rows = self.equal(table, 4)
                for row in rows:
                    if row[1] is not None:
                        ltz, ts = row[11], row[10]
                        condition = f"i = {row[1]} AND l = {row[2]} AND s = '{row[7]}' AND day = DATE'{row[9]}' AND ts = TIMESTAMP_NTZ'{ts}' AND ltz = TIMESTAMP'{ltz}' AND amount = {row[5]} AND b = {row[0]}"
                        self.assertEqual(spark.rows(self.sparks(f"SELECT * FROM lake.db.{table} WHERE {condition}")), [row])
                partitions = self.sparks(f"SELECT partition, record_count FROM lake.db.{table}.partitions").collect()
                self.assertEqual(sum(row.record_count for row in partitions), 4)
                spark_made = f"spark_by_{i}"
                self.sparks(f"CREATE TABLE lake.db.{spark_made} ({SPARK_KINDS}) USING iceberg PARTITIONED BY ({transform.format(d='days', h='hours', m='months', y='years')})",
                            f"INSERT INTO lake.db.{spark_made} SELECT * FROM lake.db.{table}")
                theirs = self.sparks(f"SELECT partition, record_count FROM lake.db.{spark_made}.partitions").collect()
                self.assertEqual(collections.Counter((tuple(row.partition), row.record_count) for row in partitions), collections.Counter((tuple(row.partition), row.record_count) for row in theirs))

    def test_upserts_leave_position_deletes(self):
        for table, partitioning in (("upserted", ""), ("upserted_by_key", "PARTITIONED BY (bucket(3, k))")):
            with self.subTest(table):
                self.firn(f"CREATE TABLE lake.db.{table} (k BIGINT, v STRING, n DOUBLE, PRIMARY KEY (k) NOT ENFORCED) {partitioning} WITH ('format-version'='2', 'write.upsert.enabled'='true')")
                for first in (0, 5, 8):
                    world.streaming.execute(f"INSERT INTO lake.db.{table} VALUES " + ", ".join(f"({k}, 'from {first}', {k}.5)" for k in range(first, first + 7)))
                rows = self.equal(table, 15)
                self.assertEqual({row[0]: row[1] for row in rows}, {str(k): f"from {max(first for first in (0, 5, 8) if first <= k < first + 7)}" for k in range(15)})
                self.assertGreater(self.sparks(f"SELECT * FROM lake.db.{table}.delete_files").count(), 0)
                self.every_snapshot(table)

    def test_evolution(self):
        self.firn("CREATE TABLE lake.db.evolved (k INT, v STRING, gone DOUBLE, f FLOAT, d DECIMAL(9, 2))", "INSERT INTO lake.db.evolved VALUES (1, 'a', 0.5, CAST(1.5 AS FLOAT), 1.25)")
        for change in ("DROP gone", "RENAME v TO word", "ADD (fresh BIGINT)", "ADD (gone STRING)", "MODIFY k BIGINT", "MODIFY f DOUBLE", "MODIFY d DECIMAL(20, 2)"):
            self.firn(f"ALTER TABLE lake.db.evolved {change}")
        self.firn("INSERT INTO lake.db.evolved VALUES (5000000000, 'b', 2.5, 123456789012.25, 7, 'new')")
        self.equal("evolved", 2)
        self.every_snapshot("evolved")

    def test_overwriting(self):
        self.firn("CREATE TABLE lake.db.overwritten (k INT, v STRING) PARTITIONED BY (k)", "INSERT INTO lake.db.overwritten VALUES (1, 'a'), (2, 'b')", "INSERT OVERWRITE lake.db.overwritten VALUES (2, 'c')")
        self.equal("overwritten", 2)
        self.every_snapshot("overwritten")

    def test_metadata_tables(self):
        self.firn("CREATE TABLE lake.db.described (k INT, v STRING) PARTITIONED BY (k)", "INSERT INTO lake.db.described VALUES (1, 'a'), (2, 'b')", "INSERT INTO lake.db.described VALUES (2, 'c')")
        for table, columns in (("snapshots", "committed_at, snapshot_id, parent_id, operation, manifest_list"), ("history", "*"), ("refs", "*"), ("files", "content, file_path, record_count, file_size_in_bytes"),
                               ("manifests", "path, length, added_data_files_count"), ("metadata_log_entries", "`timestamp`, latest_snapshot_id, latest_schema_id, latest_sequence_number"), ("partitions", "record_count, file_count, total_data_file_size_in_bytes")):
            with self.subTest(table):
                theirs = spark.rows(self.sparks(f"SELECT {columns} FROM lake.db.described.{table}"))
                self.assertEqual(sorted(self.firn(f"SELECT {columns} FROM lake.db.described${table}").texts(), key=str), theirs)


class SparkWrites(Both):
    PROPERTIES = "'format-version'='{version}', 'write.delete.mode'='merge-on-read', 'write.update.mode'='merge-on-read', 'write.merge.mode'='merge-on-read'"

    def create(self, table, version=2, columns="id BIGINT, name STRING, n INT", partitioning="", more=""):
        self.sparks(f"CREATE TABLE lake.db.{table} ({columns}) USING iceberg {partitioning} TBLPROPERTIES ({self.PROPERTIES.format(version=version)}{more})")

    def test_every_type_and_codec(self):
        for version, codec in ((1, "zstd"), (2, "gzip"), (2, "snappy"), (2, "lz4_raw"), (3, "zstd"), (2, "uncompressed")):
            with self.subTest(f"v{version} {codec}"):
                table = f"spark_kinds_{version}_{codec}"
                self.sparks(f"CREATE TABLE lake.db.{table} ({SPARK_KINDS}) USING iceberg TBLPROPERTIES ('format-version'='{version}', 'write.parquet.compression-codec'='{codec}')",
                            f"""INSERT INTO lake.db.{table} SELECT true, 1, 2L, 1.5F, 2.5D, 1.125BD, 1.5BD, 'x', X'00ff', DATE'2024-01-01', TIMESTAMP_NTZ'1969-12-31 23:59:59.999999',
                                TIMESTAMP'2024-01-01 00:00:00.000001', array('a', NULL), map('k', 1L, 'n', NULL), named_struct('x', 1, 'y', named_struct('z', 'q', 'w', array(1, NULL)))
                                UNION ALL SELECT NULL, NULL, NULL, FLOAT('NaN'), DOUBLE('-Infinity'), NULL, NULL, NULL, NULL, NULL, NULL, NULL, array(), map(), named_struct('x', NULL, 'y', NULL)
                                UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL""")
                self.equal(table, 3)

    def test_deletes_of_each_version(self):
        for version in (2, 3):
            for name, partitioning in (("plain", ""), ("parted", "PARTITIONED BY (bucket(3, id))")):
                with self.subTest(f"v{version} {name}"):
                    table = f"deleted_{version}_{name}"
                    self.create(table, version, partitioning=partitioning)
                    self.sparks(f"INSERT INTO lake.db.{table} SELECT id, concat('n', id), int(id % 7) FROM range(0, 500)", f"DELETE FROM lake.db.{table} WHERE n = 3",
                                f"INSERT INTO lake.db.{table} SELECT id, concat('m', id), int(id % 7) FROM range(500, 600)", f"UPDATE lake.db.{table} SET name = 'u' WHERE id % 50 = 1", f"DELETE FROM lake.db.{table} WHERE n = 4 OR id < 20",
                                f"""MERGE INTO lake.db.{table} t USING (SELECT id FROM range(590, 620)) s ON t.id = s.id WHEN MATCHED AND t.n = 2 THEN DELETE
                                    WHEN MATCHED THEN UPDATE SET name = 'merged' WHEN NOT MATCHED THEN INSERT (id, name, n) VALUES (s.id, 'fresh', 0)""")
                    self.equal(table)
                    self.every_snapshot(table)

    def test_schema_evolution(self):
        for version in (1, 2, 3):
            with self.subTest(version):
                table = f"spark_evolved_{version}"
                self.create(table, version, "id INT, name STRING, f FLOAT, amount DECIMAL(9, 2), s STRUCT<a: INT, b: STRING>, list ARRAY<STRUCT<p: INT, q: STRING>>, m MAP<STRING, STRUCT<x: INT>>, gone DATE")
                self.sparks(f"INSERT INTO lake.db.{table} SELECT 1, 'a', 1.5F, 2.25BD, named_struct('a', 1, 'b', 'bb'), array(named_struct('p', 1, 'q', 'qq')), map('k', named_struct('x', 1)), DATE'2024-01-01'")
                for change in ("ALTER COLUMN id TYPE BIGINT", "ALTER COLUMN f TYPE DOUBLE", "ALTER COLUMN amount TYPE DECIMAL(20, 2)", "RENAME COLUMN name TO title", "DROP COLUMN gone", "ADD COLUMN gone STRING FIRST",
                               "ADD COLUMN extra BIGINT AFTER title", "ADD COLUMN s.c DOUBLE FIRST", "RENAME COLUMN s.b TO beta", "DROP COLUMN s.a", "ADD COLUMN list.element.r BOOLEAN", "RENAME COLUMN list.element.q TO queue",
                               "ADD COLUMN m.value.y STRING", "ALTER COLUMN m.value.x TYPE BIGINT", "ALTER COLUMN title FIRST", "ALTER COLUMN s AFTER id"):
                    self.sparks(f"ALTER TABLE lake.db.{table} {change}")
                    self.equal(table, 1)
                names = self.sparks(f"SELECT * FROM lake.db.{table}").columns
                values = {"id": "5000000000L", "title": "'t'", "f": "0.1D", "amount": "123456789012345.25BD", "s": "named_struct('c', 1.5D, 'beta', 'b')",
                          "list": "array(named_struct('p', 2, 'queue', 'q', 'r', true), NULL)", "m": "map('k', named_struct('x', 3L, 'y', 'y'))", "gone": "'g'", "extra": "7L"}
                self.sparks(f"INSERT INTO lake.db.{table} SELECT " + ", ".join(values[name] for name in names))
                self.equal(table, 2)
                self.every_snapshot(table)

    def test_partition_evolution(self):
        for version in (1, 2, 3):
            with self.subTest(version):
                table = f"spark_parted_{version}"
                self.create(table, version, "id BIGINT, name STRING, ts TIMESTAMP_NTZ", "PARTITIONED BY (days(ts))")
                rows = "SELECT id, concat('n', id), TIMESTAMP_NTZ'2024-01-01 00:00:00' + make_dt_interval(0, int(id)) FROM range({}, {})"
                self.sparks(f"INSERT INTO lake.db.{table} " + rows.format(0, 60), f"ALTER TABLE lake.db.{table} REPLACE PARTITION FIELD ts_day WITH hours(ts)", f"INSERT INTO lake.db.{table} " + rows.format(60, 80),
                            f"ALTER TABLE lake.db.{table} ADD PARTITION FIELD bucket(4, id)", f"INSERT INTO lake.db.{table} " + rows.format(80, 90), f"ALTER TABLE lake.db.{table} DROP PARTITION FIELD ts_hour",
                            f"INSERT INTO lake.db.{table} " + rows.format(90, 99))
                if version > 1:
                    self.sparks(f"DELETE FROM lake.db.{table} WHERE id % 10 = 5")
                self.equal(table, 89 if version > 1 else 99)
                self.every_snapshot(table)
                for condition in ("ts < TIMESTAMP '2024-01-02 00:00:00'", "id = 62", "id = 91 OR id = 3", "name = 'n85'", "ts >= TIMESTAMP '2024-01-04 12:00:00' AND id < 95"):
                    found = sorted(self.firn(f"SELECT * FROM lake.db.{table} WHERE {condition}").texts(), key=str)
                    self.assertEqual(found, spark.rows(self.sparks(f"SELECT * FROM lake.db.{table} WHERE {condition.replace('TIMESTAMP ', 'TIMESTAMP_NTZ ')}")), condition)

    def test_defaults_and_branches(self):
        self.create("spark_branched", 2)
        self.sparks("INSERT INTO lake.db.spark_branched VALUES (1, 'a', 1)", "ALTER TABLE lake.db.spark_branched CREATE TAG one", "ALTER TABLE lake.db.spark_branched CREATE BRANCH side",
                    "INSERT INTO lake.db.spark_branched VALUES (2, 'b', 2)", "INSERT INTO lake.db.spark_branched.branch_side VALUES (3, 'c', 3)")
        self.equal("spark_branched", 2)
        for ref in ("one", "side"):
            self.equal("spark_branched", firn_version=f"VERSION AS OF '{ref}'", spark_version=f"VERSION AS OF '{ref}'")

    def test_compressed_metadata(self):
        self.create("spark_zipped", 2, more=", 'write.metadata.compression-codec'='gzip'")
        self.sparks("INSERT INTO lake.db.spark_zipped VALUES (1, 'a', 1)", "INSERT INTO lake.db.spark_zipped VALUES (2, 'b', 2)")
        self.equal("spark_zipped", 2)
        self.firn("INSERT INTO lake.db.spark_zipped VALUES (3, 'c', 3)")
        self.equal("spark_zipped", 3)


class InTurn(Both):
    """One table, written by both: Hadoop's checksum files beside it, each one's manifests and statistics in the other's hands."""

    def test_appends(self):
        for maker in ("firn", "spark"):
            with self.subTest(maker):
                table = f"turns_{maker}"
                if maker == "firn":
                    self.firn(f"CREATE TABLE lake.db.{table} (k BIGINT, v STRING) PARTITIONED BY (bucket(2, k))")
                else:
                    self.sparks(f"CREATE TABLE lake.db.{table} (k BIGINT, v STRING) USING iceberg PARTITIONED BY (bucket(2, k))")
                for turn in range(3):
                    self.firn(f"INSERT INTO lake.db.{table} VALUES ({turn}, 'firn'), ({turn + 10}, 'firn')")
                    self.equal(table, turn * 4 + 2)
                    self.sparks(f"INSERT INTO lake.db.{table} VALUES ({turn}, 'spark'), ({turn + 20}, 'spark')")
                    self.equal(table, turn * 4 + 4)
                self.sparks(f"DELETE FROM lake.db.{table} WHERE k = 1", f"ALTER TABLE lake.db.{table} ADD COLUMN more INT")
                self.firn(f"INSERT INTO lake.db.{table} VALUES (99, 'firn', 1)")
                self.equal(table, 11)
                self.every_snapshot(table)

    def test_upserts_over_sparks_deletes(self):
        self.firn("CREATE TABLE lake.db.turned (k BIGINT NOT NULL, v STRING, PRIMARY KEY (k) NOT ENFORCED) WITH ('format-version'='2', 'write.upsert.enabled'='true')")
        self.sparks("ALTER TABLE lake.db.turned SET TBLPROPERTIES ('write.delete.mode'='merge-on-read', 'write.update.mode'='merge-on-read')")
        world.streaming.execute("INSERT INTO lake.db.turned VALUES (1, 'a'), (2, 'a'), (3, 'a')")
        self.sparks("DELETE FROM lake.db.turned WHERE k = 2", "UPDATE lake.db.turned SET v = 'spark' WHERE k = 3", "INSERT INTO lake.db.turned VALUES (4, 'spark')")
        self.equal("turned", 3)
        world.streaming.execute("INSERT INTO lake.db.turned VALUES (2, 'b'), (3, 'b'), (4, 'b'), (5, 'b')")
        self.assertEqual(self.equal("turned", 5), [["1", "a"], ["2", "b"], ["3", "b"], ["4", "b"], ["5", "b"]])

    def test_maintenance_by_spark(self):
        self.firn("CREATE TABLE lake.db.kept (k BIGINT NOT NULL, v STRING, PRIMARY KEY (k) NOT ENFORCED) WITH ('format-version'='2', 'write.upsert.enabled'='true')")
        for turn in range(3):
            world.streaming.execute(f"INSERT INTO lake.db.kept VALUES (1, 'a{turn}'), (2, 'a{turn}'), ({10 + turn}, 'a')")
        self.sparks("CALL lake.system.rewrite_data_files(table => 'db.kept', options => map('rewrite-all', 'true'))", "CALL lake.system.rewrite_position_delete_files(table => 'db.kept', options => map('rewrite-all', 'true'))",
                    "CALL lake.system.rewrite_manifests('db.kept')")
        self.equal("kept", 5)
        world.streaming.execute("INSERT INTO lake.db.kept VALUES (1, 'z')")
        self.assertIn(["1", "z"], self.equal("kept", 5))


if __name__ == "__main__":
    unittest.main(verbosity=2)
