#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tables.tar.xz and expected.json beside this file, with Spark and Iceberg's own Java library (script/bootstrap --spark; see README.md):

    .deps/spark/bin/python test/iceberg/make_tables.py
"""
import io
import json
import pathlib
import shutil
import sys
import tarfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
import foreign_tables  # noqa: E402
import spark  # noqa: E402

WAREHOUSE = foreign_tables.RECORDED_WAREHOUSE
PROPERTIES = {"write.manifest.compression-codec": "uncompressed", "write.parquet.compression-codec": "uncompressed",  # so that paths can be replaced in place
              "write.delete.mode": "merge-on-read", "write.update.mode": "merge-on-read", "write.merge.mode": "merge-on-read", "write.distribution-mode": "none"}


class Maker:
    def __init__(self):
        self.spark = spark.session(WAREHOUSE)
        self.iceberg = self.spark._jvm.org.apache.iceberg
        self.sql("CREATE NAMESPACE IF NOT EXISTS lake.db")

    def sql(self, statement):
        return self.spark.sql(statement)

    def create(self, name, columns, version=2, partitioning=""):
        self.sql(f"DROP TABLE IF EXISTS lake.db.{name}")
        properties = ", ".join(f"'{key}'='{value}'" for key, value in {**PROPERTIES, "format-version": str(version)}.items())
        self.sql(f"CREATE TABLE lake.db.{name} ({columns}) USING iceberg {partitioning} TBLPROPERTIES ({properties})")

    def insert(self, name, values):
        self.sql(f"INSERT INTO lake.db.{name} SELECT /*+ COALESCE(1) */ * FROM VALUES {values}")

    def table(self, name):
        return self.iceberg.spark.Spark3Util.loadIcebergTable(self.spark._jsparkSession, f"lake.db.{name}")

    def partition(self, table, path):
        """The partition's value and spec, as a data file of it has them."""
        tasks = table.newScan().planFiles().iterator()
        while tasks.hasNext():
            file = tasks.next().file()
            spec = table.specs().get(file.specId())
            if spec.partitionToPath(file.partition()) == path:
                return spec, file.partition()
        raise KeyError(path)

    def records(self, query):
        """The rows of a query as Iceberg's records: through a table of their own, so that every value has its Java type."""
        self.sql("DROP TABLE IF EXISTS lake.db.scratch")
        self.sql(f"CREATE TABLE lake.db.scratch USING iceberg AS {query}")
        rows = self.iceberg.data.IcebergGenerics.read(self.table("scratch")).build().iterator()
        while rows.hasNext():
            yield rows.next()

    def change(self, name, deletes, rows=None):
        """One commit: equality deletes, each (columns, query of the keys, partition path or None for the table's first and unpartitioned spec), and rows of a query."""
        table = self.table(name)
        delta = table.newRowDelta()
        for columns, query, partition in deletes:
            spec, value = self.partition(table, partition) if partition else (table.specs().get(0), None)
            schema = table.schema().select(columns)
            ids = self.spark._sc._gateway.new_array(self.spark._jvm.int, len(columns))
            for i, column in enumerate(columns):
                ids[i] = schema.findField(column).fieldId()
            factory = self.iceberg.data.GenericFileWriterFactory.Builder(table).equalityFieldIds(ids).equalityDeleteRowSchema(schema).build()
            writer = factory.newEqualityDeleteWriter(self.new_file(table, spec, value), spec, value)
            self.write(writer, query)
            delta.addDeletes(writer.toDeleteFile())
        if rows:
            factory = self.iceberg.data.GenericFileWriterFactory.Builder(table).dataSchema(table.schema()).build()
            writer = factory.newDataWriter(self.new_file(table, table.spec(), None), table.spec(), None)
            self.write(writer, rows)
            delta.addRows(writer.toDataFile())
        delta.commit()

    def new_file(self, table, spec, value):
        self.files = getattr(self, "files", 0) + 1
        factory = self.iceberg.io.OutputFileFactory.builderFor(table, self.files, 0).defaultSpec(spec).build()
        return factory.newOutputFile(spec, value) if value else factory.newOutputFile()

    def write(self, writer, query):
        for record in self.records(query):
            writer.write(record)
        writer.close()

    def expected(self, name):
        """Rows as Spark reads them: now, and at every snapshot with that snapshot's schema."""
        result = {}
        snapshots = [row.snapshot_id for row in self.sql(f"SELECT snapshot_id FROM lake.db.{name}.snapshots ORDER BY committed_at, snapshot_id").collect()]
        for version in ["now", *snapshots]:
            found = self.sql(f"SELECT * FROM lake.db.{name}" + (f" VERSION AS OF {version}" if version != "now" else ""))
            result[str(version)] = {"columns": found.columns, "rows": spark.rows(found)}
        return result


def eq_nulls(make):
    """Keys with NULL; a key written again after its delete; rows of the delete's own commit, which it does not touch."""
    make.create("eq_nulls", "id BIGINT, name STRING, n INT")
    make.insert("eq_nulls", "(1L, 'a', 10), (2L, 'b', 20), (3L, NULL, 30), (4L, 'd', NULL), (5L, 'b', 50)")
    make.change("eq_nulls", [(["name"], "SELECT 'b' AS name", None)])
    make.insert("eq_nulls", "(6L, 'b', 60), (7L, NULL, 70)")
    make.change("eq_nulls", [(["name"], "SELECT CAST(NULL AS STRING) AS name UNION ALL SELECT 'd'", None)], "SELECT 8L AS id, 'd' AS name, 80 AS n")
    make.insert("eq_nulls", "(9L, NULL, 90)")


def eq_columns(make):
    """Keys of several columns, one of them NULL, and two delete files with different columns in one commit."""
    make.create("eq_columns", "id BIGINT, name STRING, n INT")
    make.insert("eq_columns", "(1L, 'a', 1), (1L, 'b', 1), (1L, NULL, 1), (2L, 'a', 1), (2L, 'b', 2), (NULL, 'a', 3), (NULL, NULL, 4), (3L, 'c', 5)")
    make.change("eq_columns", [(["id", "name"], "SELECT 1L AS id, 'b' AS name UNION ALL SELECT 1L, CAST(NULL AS STRING) UNION ALL SELECT CAST(NULL AS BIGINT), 'a'", None),
                               (["n"], "SELECT 5 AS n UNION ALL SELECT 77", None)])
    make.change("eq_columns", [(["n", "id"], "SELECT CAST(2L AS BIGINT) AS id, 2 AS n", None)])


def eq_partitioned(make):
    """A delete of one partition leaves the same key in another."""
    make.create("eq_partitioned", "id BIGINT, region STRING, n INT", partitioning="PARTITIONED BY (region)")
    make.insert("eq_partitioned", "(1L, 'eu', 1), (2L, 'eu', 2)")
    make.insert("eq_partitioned", "(1L, 'us', 3), (2L, 'us', 4)")
    make.insert("eq_partitioned", "(1L, NULL, 5), (3L, NULL, 6)")
    make.change("eq_partitioned", [(["id"], "SELECT 1L AS id", "region=eu")])
    make.change("eq_partitioned", [(["id"], "SELECT 3L AS id", "region=null"), (["id"], "SELECT 3L AS id UNION ALL SELECT 2L", "region=us")])


def eq_global(make):
    """A delete with the unpartitioned spec is one of every partition and of every spec."""
    make.create("eq_global", "id BIGINT, region STRING, n INT")
    make.insert("eq_global", "(1L, 'eu', 1), (2L, 'eu', 2)")
    make.sql("ALTER TABLE lake.db.eq_global ADD PARTITION FIELD region")
    make.insert("eq_global", "(1L, 'eu', 3), (3L, 'eu', 4)")
    make.sql("ALTER TABLE lake.db.eq_global ADD PARTITION FIELD truncate(10, id)")
    make.insert("eq_global", "(1L, 'us', 5)")
    make.insert("eq_global", "(2L, 'us', 6)")
    make.change("eq_global", [(["id"], "SELECT 1L AS id", None)])
    make.insert("eq_global", "(1L, 'eu', 7)")
    make.change("eq_global", [(["id"], "SELECT 2L AS id", "region=us/id_trunc_10=0")])


def eq_evolved(make):
    """Keys by field id: a key column that was widened or renamed, another column under a lost one's name; keys of many types."""
    make.create("eq_evolved", "id INT, old STRING, d DOUBLE, amount DECIMAL(9,2), day DATE, ts TIMESTAMP_NTZ, tz TIMESTAMP, raw BINARY, flag BOOLEAN, lost STRING")
    row = "('{0}', {1}D, {2}BD, DATE'2024-01-0{3}', TIMESTAMP_NTZ'2024-01-0{3} 00:00:00.00000{3}', TIMESTAMP'2024-01-0{3} 00:00:00', X'0{3}', {4}, 'l')"
    values = [row.format("x", "1.5", "1.25", 1, "true"), row.format("y", "-0.0", "2.25", 2, "false"), row.format("z", "0.0", "3.25", 3, "NULL"), row.format("z", "2.5", "4.25", 4, "true"),
              row.format("v", "6.5", "5.25", 5, "false"), row.format("w", "7.5", "6.25", 6, "false"), row.format("u", "8.5", "7.25", 7, "false"), row.format("t", "9.5", "8.25", 8, "true")]
    values = ["(" + str(i + 1) + ", " + value[1:] for i, value in enumerate(values)]
    values.append("(9, 'nan', DOUBLE('NaN'), NULL, NULL, NULL, NULL, NULL, NULL, NULL)")
    make.insert("eq_evolved", ", ".join(values))
    make.change("eq_evolved", [(["id"], "SELECT 1 AS id", None), (["old", "flag"], "SELECT 'z' AS old, CAST(NULL AS BOOLEAN) AS flag", None)])
    make.change("eq_evolved", [(["amount"], "SELECT 4.25BD AS amount", None), (["day", "raw"], "SELECT DATE'2024-01-05' AS day, X'05' AS raw", None),
                               (["ts"], "SELECT TIMESTAMP_NTZ'2024-01-06 00:00:00.000006' AS ts", None), (["tz"], "SELECT TIMESTAMP'2024-01-07 00:00:00' AS tz", None)])
    before = make.expected("eq_evolved")  # later Spark compares keys of the wide type with those of the snapshot's narrow one, and finds none
    make.sql("ALTER TABLE lake.db.eq_evolved ALTER COLUMN id TYPE BIGINT")
    make.sql("ALTER TABLE lake.db.eq_evolved RENAME COLUMN old TO title")
    make.sql("ALTER TABLE lake.db.eq_evolved DROP COLUMN lost")
    make.sql("ALTER TABLE lake.db.eq_evolved ADD COLUMN lost STRING FIRST")
    make.insert("eq_evolved", "('new', 1L, 'x', 1.5D, 1.25BD, NULL, NULL, NULL, NULL, NULL)")
    make.change("eq_evolved", [(["id"], "SELECT 8L AS id", None)])
    now = make.expected("eq_evolved")
    return {**now, **before, "now": now["now"]}


def eq_floats(make):
    """NaN is one key, and so are each of the two zeros."""
    make.create("eq_floats", "id BIGINT, d DOUBLE, f FLOAT")
    make.insert("eq_floats", "(1L, 0.0D, 1.5F), (2L, -0.0D, 2.5F), (3L, DOUBLE('NaN'), 3.5F), (4L, 1.5D, FLOAT('NaN')), (5L, 2.5D, FLOAT('-0.0')), (6L, NULL, 0.1F), (7L, DOUBLE('Infinity'), NULL)")
    make.change("eq_floats", [(["d"], "SELECT 0.0D AS d UNION ALL SELECT DOUBLE('NaN')", None)])
    make.change("eq_floats", [(["f"], "SELECT 0.0F AS f UNION ALL SELECT FLOAT('NaN') UNION ALL SELECT 0.1F", None)])


def eq_dropped(make):
    """A key column that is no more in the schema. Spark 4.1 with Iceberg 1.12 fails there, so the rows are what it read before the column was dropped, less the column."""
    make.create("eq_dropped", "id BIGINT, name STRING, k INT")
    make.insert("eq_dropped", "(1L, 'a', 10), (2L, 'b', 20), (3L, 'c', NULL)")
    make.change("eq_dropped", [(["k"], "SELECT 20 AS k", None), (["k", "name"], "SELECT 'c' AS name, CAST(NULL AS INT) AS k", None)])
    before = make.expected("eq_dropped")
    make.sql("ALTER TABLE lake.db.eq_dropped DROP COLUMN k")
    return {**before, "now": {"columns": ["id", "name"], "rows": [row[:2] for row in before["now"]["rows"]]}}


def dv_replaced(make):
    """Deletion vectors: a second delete in the same file replaces the vector by one of both; a file without rows left; updates."""
    make.create("dv_replaced", "id BIGINT, name STRING", version=3)
    make.sql("INSERT INTO lake.db.dv_replaced SELECT /*+ COALESCE(1) */ id, concat('n', id) FROM range(0, 40)")
    make.insert("dv_replaced", "(100L, 'p'), (101L, 'q')")
    make.sql("DELETE FROM lake.db.dv_replaced WHERE id IN (0, 3, 39, 100)")
    make.sql("DELETE FROM lake.db.dv_replaced WHERE id BETWEEN 10 AND 19 OR id = 101")
    make.sql("UPDATE lake.db.dv_replaced SET name = 'changed' WHERE id = 20")


def dv_partitioned(make):
    """Vectors of several files in one Puffin file, in a partitioned table."""
    make.create("dv_partitioned", "id BIGINT, region STRING", version=3, partitioning="PARTITIONED BY (region)")
    for region in ("eu", "us", "ap"):
        make.sql(f"INSERT INTO lake.db.dv_partitioned SELECT /*+ COALESCE(1) */ id, '{region}' FROM range(0, 8)")
    make.sql("DELETE FROM lake.db.dv_partitioned WHERE id % 2 = 0")
    make.sql("DELETE FROM lake.db.dv_partitioned WHERE region = 'us' AND id < 4")


def dv_upgraded(make):
    """Position deletes of version 2; after the upgrade one file's are merged into a vector, the other's stay. And equality deletes beside vectors."""
    make.create("dv_upgraded", "id BIGINT, name STRING")
    make.sql("INSERT INTO lake.db.dv_upgraded SELECT /*+ COALESCE(1) */ id, 'first' FROM range(0, 10)")
    make.sql("INSERT INTO lake.db.dv_upgraded SELECT /*+ COALESCE(1) */ id, 'second' FROM range(0, 10)")
    make.sql("DELETE FROM lake.db.dv_upgraded WHERE id IN (1, 2)")
    make.sql("ALTER TABLE lake.db.dv_upgraded SET TBLPROPERTIES ('format-version'='3')")
    make.sql("DELETE FROM lake.db.dv_upgraded WHERE id = 3 AND name = 'first'")
    make.change("dv_upgraded", [(["id"], "SELECT 5L AS id", None)], "SELECT 5L AS id, 'third' AS name")
    make.sql("DELETE FROM lake.db.dv_upgraded WHERE id = 5 OR (id = 9 AND name = 'second')")


TABLES = [eq_nulls, eq_columns, eq_partitioned, eq_global, eq_evolved, eq_floats, eq_dropped, dv_replaced, dv_partitioned, dv_upgraded]


def read_long(stream):
    """An Avro long."""
    value = shift = 0
    while True:
        byte = stream.read(1)[0]
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1)


def write_long(value):
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def uncompressed(avro):
    """A container file without compression: manifest lists are compressed whatever the table's properties say."""
    stream = io.BytesIO(avro)
    assert stream.read(4) == b"Obj\x01"
    header = {}
    while count := read_long(stream):
        assert count > 0
        for _ in range(count):
            key = stream.read(read_long(stream))
            header[key] = stream.read(read_long(stream))
    sync = stream.read(16)
    assert header[b"avro.codec"] in (b"deflate", b"null")
    is_deflated = header[b"avro.codec"] == b"deflate"
    header[b"avro.codec"] = b"null"
    out = b"Obj\x01" + write_long(len(header)) + b"".join(write_long(len(text)) + text for pair in header.items() for text in pair) + b"\0" + sync
    while stream.tell() < len(avro):
        count, block = read_long(stream), stream.read(read_long(stream))
        block = zlib.decompress(block, -15) if is_deflated else block
        out += write_long(count) + write_long(len(block)) + block + stream.read(16)
    return out


def pack(names):
    """Only what the newest metadata file names; no file of Hadoop's checksums."""
    with tarfile.open(HERE / "tables.tar.xz", "w:xz", preset=9) as archive:
        for name in names:
            table = WAREHOUSE / "db" / name
            newest = table / "metadata" / f"v{(table / 'metadata/version-hint.text').read_text()}.metadata.json"
            for path in sorted(table.rglob("*"), key=lambda path: (path.suffix, path)):
                if path.is_file() and path.suffix != ".crc" and (path == newest or not path.name.endswith(".metadata.json")):
                    member = tarfile.TarInfo(str(path.relative_to(WAREHOUSE)))
                    content = uncompressed(path.read_bytes()) if path.name.startswith("snap-") else path.read_bytes()
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))


def main():
    shutil.rmtree(WAREHOUSE, ignore_errors=True)
    make = Maker()
    expected = {}
    for table in TABLES:
        reads = table(make) or make.expected(table.__name__)
        expected[table.__name__] = {"about": table.__doc__, "reads": reads}
        print(table.__name__, {version: len(read["rows"]) for version, read in expected[table.__name__]["reads"].items()}, flush=True)
    pack(expected)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in expected.items())
    (HERE / "expected.json").write_text("{\n" + lines + "\n}\n")
    make.spark.stop()
    shutil.rmtree(WAREHOUSE)


main()
