# SPDX-License-Identifier: Apache-2.0
"""Apache Spark with its Iceberg runtime as a judge and as another writer (script/test --spark installs it): one local session in this process and one JVM,
on loopback, with a Hadoop catalog named `lake`."""
import datetime
import decimal
import math
import os
import pathlib
import struct
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
JARS = ROOT / ".deps/spark/jars"


def session(warehouse):
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    from pyspark.sql import SparkSession
    settings = {
        "spark.jars": ",".join(str(jar) for jar in JARS.glob("*.jar")), "spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g", "spark.sql.session.timeZone": "UTC", "spark.sql.shuffle.partitions": "1", "spark.default.parallelism": "1",
        "spark.log.level": "ERROR", "spark.sql.warehouse.dir": str(pathlib.Path(warehouse) / "unused"),
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog", "spark.sql.catalog.lake.type": "hadoop", "spark.sql.catalog.lake.warehouse": f"file://{warehouse}",
        "spark.sql.catalog.lake.cache-enabled": "false", "spark.sql.defaultCatalog": "lake"}
    builder = SparkSession.builder.master("local[1]").appName("firn-test")
    for key, value in settings.items():
        builder = builder.config(key, value)
    os.environ["TZ"] = "UTC"  # naive datetimes of Spark's rows are local ones
    time.tzset()
    return builder.getOrCreate()


def text(value, nested=False):
    """A value of Spark's rows as firn's gateway prints it."""
    if value is None:
        return "NULL" if nested else None
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, (bytes, bytearray)):
        return f"x'{bytes(value).hex()}'"
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(f"{text(k, True)}={text(v, True)}" for k, v in value.items())) + "}"
    if isinstance(value, tuple):  # a Row is one
        return "(" + ", ".join(text(item, True) for item in value) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(text(item, True) for item in value) + "]"
    if isinstance(value, float) and (math.isnan(value) or math.isinf(value)):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    return str(value)


def single(value):
    """A FLOAT, which Spark's rows hold widened, by the shortest text that means it."""
    if value is None or math.isnan(value) or math.isinf(value):
        return value
    return float(next(short for digits in range(1, 10) if struct.pack("f", float(short := f"{value:.{digits}g}")) == struct.pack("f", value)))


def rows(frame):
    """The rows of a data frame as firn's gateway prints them, sorted."""
    singles = {i for i, (_, kind) in enumerate(frame.dtypes) if kind == "float"}
    return sorted(([text(single(value) if i in singles else value) for i, value in enumerate(row)] for row in frame.collect()), key=str)
