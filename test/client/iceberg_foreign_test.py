#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Equality deletes and deletion vectors: tables that Spark and Iceberg's Java library wrote (test/iceberg), read by firn's SQL now and at every snapshot, beside
the rows that Spark read. And broken ones of their files: an error that names the file, and the node goes on."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import firn  # noqa: E402
import foreign_tables  # noqa: E402
import judges  # noqa: E402


class ForeignTables(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="firn-foreign-")
        cls.warehouse = foreign_tables.unpack(cls.folder.name)
        cls.node = firn.Node().start()
        cls.session = firn.Session(cls.node.sql, {"execution.runtime-mode": "batch", "table.dml-sync": "true", "table.local-time-zone": "UTC"})
        cls.session.execute(f"CREATE CATALOG lake WITH ('type'='iceberg', 'catalog-type'='hadoop', 'warehouse'='file://{cls.warehouse}')")
        cls.session.execute("USE CATALOG lake")
        cls.session.execute("USE db")

    @classmethod
    def tearDownClass(cls):
        code = cls.node.stop()
        cls.folder.cleanup()
        assert code == 0, f"the node ended with {code}"

    def read(self, query):
        result = self.session.execute(query)
        return [column["name"] for column in result.columns], sorted(result.texts(), key=str)

    def refused(self, statement, *words):
        with self.assertRaises(firn.SqlError) as caught:
            self.session.execute(statement)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_rows_are_those_that_spark_read(self):
        for table, recorded in foreign_tables.expected().items():
            for version, expected in recorded["reads"].items():
                with self.subTest(f"{table} {version}: {recorded['about']}"):
                    columns, rows = self.read(f"SELECT * FROM {table}" + ("" if version == "now" else f" VERSION AS OF {version}"))
                    self.assertEqual(columns, expected["columns"])
                    self.assertEqual(rows, expected["rows"])

    def test_counts_are_of_the_same_rows(self):
        """Which no data file is read for: deletes by position and by key, vectors, at every snapshot, of a whole table and of its partitions."""
        for table, recorded in foreign_tables.expected().items():
            for version, expected in recorded["reads"].items():
                source = table + ("" if version == "now" else f" VERSION AS OF {version}")
                with self.subTest(f"{table} {version}: {recorded['about']}"):
                    self.assertEqual(self.read(f"SELECT COUNT(*) FROM {source}")[1], [[str(len(expected["rows"]))]])
                    if "region" not in expected["columns"]:
                        continue
                    at = expected["columns"].index("region")
                    counts = {}
                    for row in expected["rows"]:
                        counts[row[at]] = counts.get(row[at], 0) + 1
                    self.assertEqual(self.read(f"SELECT region, COUNT(*) FROM {source} GROUP BY region")[1], sorted(([value, str(count)] for value, count in counts.items()), key=str))
                    for value in [*(value for value in counts if value is not None), "nowhere"]:
                        self.assertEqual(self.read(f"SELECT COUNT(*) FROM {source} WHERE region = '{value}'")[1], [[str(counts.get(value, 0))]])

    def test_columns_counts_and_conditions(self):
        """The key columns need not be among those of the query, and nothing is skipped that a delete or a row needs."""
        for table, recorded in foreign_tables.expected().items():
            columns, rows = recorded["reads"]["now"]["columns"], recorded["reads"]["now"]["rows"]
            with self.subTest(table):
                self.assertEqual(self.read(f"SELECT COUNT(*) FROM {table}")[1], [[str(len(rows))]])
                for i, column in enumerate(columns):
                    self.assertEqual(self.read(f"SELECT `{column}` FROM {table}")[1], sorted([row[i:i + 1] for row in rows], key=str))
                    self.assertEqual(self.read(f"SELECT COUNT(*) FROM {table} WHERE `{column}` IS NULL")[1], [[str(sum(row[i] is None for row in rows))]])
                at = columns.index("id")
                for value in sorted({row[at] for row in rows if row[at] is not None}):
                    self.assertEqual(self.read(f"SELECT * FROM {table} WHERE id = {value}")[1], [row for row in rows if row[at] == value])

    def test_firn_appends_to_a_table_with_deletes(self):
        with tempfile.TemporaryDirectory(prefix="firn-foreign-") as folder:
            self.session.execute(f"CREATE CATALOG other WITH ('type'='iceberg', 'catalog-type'='hadoop', 'warehouse'='file://{foreign_tables.unpack(folder)}')")
            for table, row in (("eq_partitioned", ["1", "eu", "100"]), ("dv_partitioned", ["2", "us"])):
                if table.startswith("dv_"):
                    self.refused(f"INSERT INTO other.db.{table} VALUES ({row[0]}, 'us')", "version 3")
                    continue
                self.session.execute(f"INSERT INTO other.db.{table} VALUES (1, 'eu', 100)")
                rows = foreign_tables.expected()[table]["reads"]["now"]["rows"]
                self.assertEqual(self.read(f"SELECT * FROM other.db.{table}")[1], sorted(rows + [row], key=str))

    def test_broken_delete_files_are_named(self):
        deletes = {table: [(row[0].removeprefix("file:"), row[1]) for row in self.read(f"SELECT file_path, content FROM {table}$delete_files")[1]] for table in ("eq_columns", "dv_replaced", "dv_upgraded")}
        for table, files in deletes.items():
            rows = foreign_tables.expected()[table]["reads"]["now"]["rows"]
            for path, _ in files:
                file = pathlib.Path(path)
                whole = file.read_bytes()
                middle = len(whole) // 2 if file.suffix == ".parquet" else 12  # of a Puffin file: in its first vector
                for damage in (b"", whole[:middle], whole[:middle - 4] + bytes(byte ^ 0x5a for byte in whole[middle - 4:middle + 4]) + whole[middle + 4:] if file.suffix == ".puffin" else whole[:-8] + b"\xff\xff\xff\x7fPAR1"):
                    with self.subTest(f"{table} {file.name} {len(damage)} of {len(whole)} bytes"):
                        file.write_bytes(damage)
                        self.refused(f"SELECT * FROM {table}", file.name)
                file.unlink()
                self.refused(f"SELECT * FROM {table}", file.name)
                file.write_bytes(whole)
                self.assertEqual(self.read(f"SELECT * FROM {table}")[1], rows)

    def test_pyiceberg_agrees_where_it_reads_the_deletes(self):
        for table in ("dv_replaced", "dv_partitioned"):
            with self.subTest(table):
                rows = judges.pyiceberg_table(self.warehouse / "db" / table).scan().to_arrow().to_pylist()
                self.assertEqual(sorted(([str(value) for value in row.values()] for row in rows), key=str), foreign_tables.expected()[table]["reads"]["now"]["rows"])


unittest.main(verbosity=1)
