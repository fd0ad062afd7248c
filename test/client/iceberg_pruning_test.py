#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pruning loses no row: tables that PyIceberg wrote, of every type and partition transform, full of NULL, NaN, -0.0, the smallest and the largest values and long texts, are
asked random conditions twice, as they are and with each column behind a CASE that no pruning sees through. The answers must be equal.

    iceberg_pruning_test.py [SEED [QUERIES]]
"""
import datetime
import decimal
import math
import pathlib
import random
import shutil
import sys
import tempfile
import unittest

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform, DayTransform, HourTransform, IdentityTransform, MonthTransform, TruncateTransform, VoidTransform, YearTransform
from pyiceberg.types import (BinaryType, BooleanType, DateType, DecimalType, DoubleType, FixedType, FloatType, IntegerType, LongType, NestedField, StringType, TimestampType,
                             TimestamptzType, TimeType)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import firn  # noqa: E402

SEED, QUERIES = 11, 8  # of a table

EPOCH = datetime.datetime(1970, 1, 1)
TIMES = [EPOCH, EPOCH - datetime.timedelta(microseconds=1), datetime.datetime(2024, 2, 29, 23, 59, 59, 999999), datetime.datetime(2024, 3, 1), datetime.datetime(1969, 12, 31, 22, 30),
         datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999), datetime.datetime(2024, 3, 1, 0, 30)]
FLOATS = [0.0, -0.0, math.nan, math.inf, -math.inf, 1.5, -1.5, 16777216.0]
# Column: Iceberg's type, Arrow's, values, transforms.
COLUMNS = {
    "n": (IntegerType(), pa.int32(), [0, 1, -1, 5, 2**31 - 1, -2**31, 100, 101, 7], [IdentityTransform(), BucketTransform(3), TruncateTransform(10)]),
    "l": (LongType(), pa.int64(), [0, 2**63 - 1, -2**63, 12, -12, 2**31, 10**12], [IdentityTransform(), BucketTransform(5), TruncateTransform(7)]),
    "f": (FloatType(), pa.float32(), FLOATS, []),
    "d": (DoubleType(), pa.float64(), [*FLOATS, 1e300, -1e-300], []),
    "amount": (DecimalType(20, 2), pa.decimal128(20, 2), [decimal.Decimal(text) for text in ("0.00", "-0.01", "0.01", "99999999999999999.99", "-99999999999999999.99", "1.50", "128.00", "-128.00", "-1.28")],
               [IdentityTransform(), TruncateTransform(50), BucketTransform(4)]),
    "name": (StringType(), pa.string(), ["", "a", "ab", "prefix-longer-than-sixteen-1", "prefix-longer-than-sixteen-2", "prefix-longer-tz", "é", "日本", "\U0010ffff", "\U0010ffff" * 20, "z" * 20, "it's", "\x00x"],
             [IdentityTransform(), BucketTransform(4), TruncateTransform(1), TruncateTransform(3)]),
    "raw": (BinaryType(), pa.binary(), [b"", b"\x00", b"\xff" * 20, b"\xff", b"ab", b"\x80" * 17 + b"a", b"\x7f"], [BucketTransform(3), TruncateTransform(1)]),
    "fix": (FixedType(4), pa.binary(4), [b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"abcd", b"\x80\x00\x00\x01"], [BucketTransform(3), IdentityTransform()]),
    "day": (DateType(), pa.date32(), [datetime.date(1970, 1, 1), datetime.date(1969, 12, 31), datetime.date(1900, 2, 28), datetime.date(2024, 2, 29), datetime.date(2024, 3, 1), datetime.date(1, 1, 1), datetime.date(9999, 12, 31)],
            [IdentityTransform(), YearTransform(), MonthTransform(), DayTransform(), BucketTransform(2)]),
    "ts": (TimestampType(), pa.timestamp("us"), TIMES, [IdentityTransform(), YearTransform(), MonthTransform(), DayTransform(), HourTransform(), BucketTransform(3)]),
    "tz": (TimestamptzType(), pa.timestamp("us", "UTC"), [time.replace(tzinfo=datetime.timezone.utc) for time in TIMES], [IdentityTransform(), YearTransform(), DayTransform(), HourTransform()]),
    "t": (TimeType(), pa.time64("us"), [datetime.time(0, 0), datetime.time(23, 59, 59, 999000), datetime.time(12, 30), datetime.time(0, 0, 0, 2000), datetime.time(0, 0, 0, 1000)], [IdentityTransform()]),
    "flag": (BooleanType(), pa.bool_(), [True, False], [IdentityTransform()]),
    "none": (StringType(), pa.string(), [], [IdentityTransform(), VoidTransform()]),
}
SCHEMA = Schema(NestedField(1, "id", LongType()), *(NestedField(i + 2, name, COLUMNS[name][0]) for i, name in enumerate(COLUMNS)))
ARROW = pa.schema([("id", pa.int64()), *((name, column[1]) for name, column in COLUMNS.items())])


def literal(column, value):
    kind = COLUMNS[column][0]
    if isinstance(kind, (FloatType, DoubleType)):
        text = "NaN" if math.isnan(value) else repr(value).replace("inf", "Infinity")
        return f"CAST('{text}' AS {'FLOAT' if isinstance(kind, FloatType) else 'DOUBLE'})"
    if isinstance(kind, (IntegerType, LongType, DecimalType)):
        return f"CAST('{value}' AS {'INT' if isinstance(kind, IntegerType) else 'BIGINT' if isinstance(kind, LongType) else 'DECIMAL(20, 2)'})"
    if isinstance(kind, StringType):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(kind, (BinaryType, FixedType)):
        return f"x'{value.hex()}'"
    if isinstance(kind, DateType):
        return f"DATE '{value.isoformat()}'"
    if isinstance(kind, TimeType):
        return f"TIME '{value.strftime('%H:%M:%S.%f')[:-3]}'"
    if isinstance(kind, BooleanType):
        return str(value).upper()
    timestamp = f"TIMESTAMP '{value.year:04}-{value:%m-%d %H:%M:%S.%f}'"
    return timestamp if isinstance(kind, TimestampType) else f"CAST({timestamp} AS TIMESTAMP_LTZ(6))"


def condition(chance, depth=0):
    """With {column} for each column."""
    kind = chance.random()
    if depth < 2 and kind < 0.25:
        return f"({condition(chance, depth + 1)} {chance.choice(['AND', 'OR'])} {condition(chance, depth + 1)})"
    if depth < 2 and kind < 0.35:
        return f"NOT ({condition(chance, depth + 1)})"
    column = chance.choice(list(COLUMNS))
    values = COLUMNS[column][2]
    if not values or chance.random() < 0.12:
        return f"{{{column}}} IS {chance.choice(['', 'NOT '])}NULL"
    value = lambda: literal(column, chance.choice(values))
    kind = chance.random()
    if column == "flag" and kind < 0.5:
        return chance.choice(["{flag}", "NOT {flag}", "{flag} IS TRUE", "{flag} IS NOT FALSE"])
    if column == "name" and kind < 0.2:
        return f"{{name}} LIKE '{chance.choice(['a', 'prefix-longer-than-sixteen', 'z', chr(0x10ffff), 'é', ''])}%'"
    if kind < 0.15:
        return f"{{{column}}} {chance.choice(['', 'NOT '])}IN ({value()}, {value()}, {value()})"
    if kind < 0.25 and column != "flag":
        return f"{{{column}}} BETWEEN {value()} AND {value()}"
    return f"{{{column}}} {chance.choice(['=', '<>', '<', '<=', '>', '>='])} {value()}"


def rows(chance, first, count):
    nulls = chance.choice([0.0, 0.2, 0.9])
    pools = {name: chance.sample(values, min(len(values), 2)) if chance.random() < 0.5 else values for name, (_, _, values, _) in COLUMNS.items()}
    return [{"id": first + i, **{name: None if not pool or chance.random() < nulls else chance.choice(pool) for name, pool in pools.items()}} for i in range(count)]


class Pruning(unittest.TestCase):
    def setUp(self):
        self.chance = random.Random(SEED)
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="firn-pruning-"))
        self.session = firn.Session(self.enterContext(firn.Node()).sql, {"execution.runtime-mode": "batch", "table.local-time-zone": "UTC"})
        self.session.execute(f"CREATE CATALOG lake WITH ('type'='iceberg', 'catalog-type'='hadoop', 'warehouse'='file://{self.folder}/w')")
        self.catalog = SqlCatalog("c", uri=f"sqlite:///{self.folder}/c.db", warehouse=f"file://{self.folder}/w")
        self.catalog.create_namespace("db")

    def write(self, name, spec):
        """Four files or more, of small row groups; where a Hadoop catalog finds it. How many rows."""
        modes = ["none", "counts", "truncate(1)", "truncate(16)", "full"]
        properties = {"format-version": str(self.chance.choice([1, 2])), "write.metadata.metrics.default": self.chance.choice(modes), "write.parquet.row-group-limit": "7"}
        table = self.catalog.create_table(f"db.{name}", SCHEMA, partition_spec=spec, properties=properties)
        for i in range(4):
            table.append(pa.Table.from_pylist(rows(self.chance, 20 * i, 20), schema=ARROW))
        metadata = pathlib.Path(table.metadata_location.removeprefix("file://"))
        shutil.copy(metadata, metadata.parent / "v1.metadata.json")
        (metadata.parent / "version-hint.text").write_text("1")
        return 80

    def ids(self, table, where):
        return sorted(int(row[0]) for row in self.session.execute(f"SELECT id FROM lake.db.{table} WHERE {where}").texts())

    def test_what_is_pruned_would_not_have_matched(self):
        fields = [None] + [PartitionField(i + 2, 1000, transform, f"p_{name}") for i, (name, column) in enumerate(COLUMNS.items()) for transform in column[3]]
        for number, field in enumerate(fields):
            table = f"t{number}"
            count = self.write(table, PartitionSpec(field) if field else PartitionSpec())
            self.assertEqual(self.ids(table, "TRUE"), list(range(count)))
            for _ in range(QUERIES):
                asked = condition(self.chance)
                with self.subTest(f"seed {SEED}, by {field}: {asked}"):
                    plain = self.ids(table, asked.format(**{name: f"`{name}`" for name in COLUMNS}))
                    unseen = self.ids(table, asked.format(**{name: f"(CASE WHEN id >= 0 THEN `{name}` END)" for name in COLUMNS}))
                    self.assertEqual(plain, unseen)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        SEED = int(sys.argv.pop(1))
    if len(sys.argv) > 1:
        QUERIES = int(sys.argv.pop(1))
    unittest.main(verbosity=1)
