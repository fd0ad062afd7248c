#!/usr/bin/env python3
"""Formats at the edges of the program: files of CSV, Parquet and JSON as pyarrow reads and writes them; csv, raw and debezium-json in topics as a Kafka client sees them.

A file appears when its checkpoint is committed, whole and once; a broken file or record gives a precise error, and the node goes on.
"""
import datetime
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import confluent_kafka  # noqa: E402
import firn  # noqa: E402
from cases import SqlCase  # noqa: E402
import pyarrow  # noqa: E402
import pyarrow.csv  # noqa: E402
import pyarrow.dataset  # noqa: E402
import pyarrow.parquet  # noqa: E402

COLUMNS = "id INT, s STRING, d DOUBLE, ts TIMESTAMP(6), b BOOLEAN, n DECIMAL(6, 2), day DATE"
VALUES = "(1, 'plain', 1.5, TIMESTAMP '2024-01-01 10:00:00.123456', TRUE, 12.34, DATE '2024-01-01'), (2, 'two \"words\", a comma', 1e10, TIMESTAMP '2024-01-01 10:00:00', FALSE, -0.5, DATE '2024-02-29')"
ROWS = [["1", "plain", "1.5", "2024-01-01 10:00:00.123456", "TRUE", "12.34", "2024-01-01"], ["2", 'two "words", a comma', "1.0E10", "2024-01-01 10:00:00.000000", "FALSE", "-0.50", "2024-02-29"]]


class Formats(SqlCase):
    @classmethod
    def setUpClass(cls):
        cls.path = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="firn-formats-")))
        super().setUpClass()

    def file_table(self, name, file_format):
        self.run_sql(f"CREATE TEMPORARY TABLE {name} ({COLUMNS}) WITH ('connector'='filesystem', 'path'='{self.path / name}', 'format'='{file_format}')")

    def test_files_of_every_format_come_back(self):
        for file_format in ("csv", "parquet", "json"):
            name = "files_" + file_format
            self.file_table(name, file_format)
            self.run_sql(f"INSERT INTO {name} VALUES {VALUES}")
            self.assertEqual(self.rows(f"SELECT * FROM {name}"), ROWS, file_format)
            self.assertEqual(self.rows(f"SELECT day, id FROM {name} WHERE id = 2"), [["2024-02-29", "2"]])
            self.run_sql(f"INSERT INTO {name} SELECT * FROM {name}")
            self.assertEqual(self.rows(f"SELECT COUNT(*), SUM(id) FROM {name}")[-1], ["4", "6"])
            self.assertEqual([path.name for path in (self.path / name).iterdir() if path.name.startswith(".")], [], "a staged file was left")
        table = pyarrow.parquet.read_table(self.path / "files_parquet")
        self.assertEqual(sorted(set(table["s"].to_pylist())), ["plain", 'two "words", a comma'])
        one = next((self.path / "files_csv").iterdir())
        read = pyarrow.csv.read_csv(one, read_options=pyarrow.csv.ReadOptions(column_names=["id", "s", "d", "ts", "b", "n", "day"]))
        self.assertIn('two "words", a comma', read["s"].to_pylist())

    def test_parquet_has_the_types_of_the_table(self):
        """Not what is known of one query's rows: a literal is never NULL, and the column may be."""
        self.run_sql(f"""CREATE TEMPORARY TABLE nullable (id INT NOT NULL, s STRING, l ARRAY<INT>, r ROW<a INT, b STRING NOT NULL>)
                         WITH ('connector'='filesystem', 'path'='{self.path / 'nullable'}', 'format'='parquet')""")
        self.run_sql("INSERT INTO nullable VALUES (1, 'a', ARRAY[1], ROW(1, 'b'))")
        self.run_sql("INSERT INTO nullable SELECT id + 1, CAST(NULL AS STRING), ARRAY[CAST(NULL AS INT)], ROW(CAST(NULL AS INT), 'c') FROM nullable")
        files = [pyarrow.parquet.read_schema(path) for path in (self.path / "nullable").iterdir()]
        self.assertEqual(len(files), 2)
        for schema in files:
            self.assertEqual([schema.field(name).nullable for name in ("id", "s", "l", "r")], [False, True, True, True], schema)
            self.assertEqual((schema.field("l").type.value_field.nullable, [field.nullable for field in schema.field("r").type]), (True, [True, False]), schema)
        self.assertEqual(self.rows("SELECT id, s, l[1], r.a, r.b FROM nullable"), [["1", "a", "1", "1", "b"], ["2", None, None, None, "c"]])

    def test_parquet_of_another_writer(self):
        (self.path / "foreigner").mkdir()
        table = pyarrow.table({"day": pyarrow.array([19000, None], pyarrow.date32()), "id": pyarrow.array([7, 8], pyarrow.int32()), "more": ["x", "y"], "s": pyarrow.array(["p", None]).dictionary_encode(),
                               "ts": pyarrow.array([1704103200123, None], pyarrow.timestamp("ms"))})
        pyarrow.parquet.write_table(table, self.path / "foreigner/a.parquet")
        self.file_table("foreigner", "parquet")
        self.assertEqual(self.rows("SELECT id, s, d, ts, day FROM foreigner"),
                         [["7", "p", None, "2024-01-01 10:00:00.123000", "2022-01-08"], ["8", None, None, None, None]])

    def test_small_numbers_in_parquet(self):
        """Parquet as Iceberg has it knows no whole numbers below 32 bits: also inside of other types they come back as they are declared."""
        self.run_sql(f"""CREATE TEMPORARY TABLE small (t TINYINT, s SMALLINT, r ROW<a TINYINT, b STRING>, l ARRAY<SMALLINT>, m MAP<STRING, TINYINT>)
                         WITH ('connector'='filesystem', 'path'='{self.path / 'small'}', 'format'='parquet')""")
        self.run_sql("""INSERT INTO small SELECT CAST(t AS TINYINT), CAST(s AS SMALLINT), ROW(CAST(t AS TINYINT), 'x'), ARRAY[CAST(s AS SMALLINT), CAST(NULL AS SMALLINT)], MAP['k', CAST(t AS TINYINT)]
                        FROM (VALUES (1, 300), (-128, -32768), (CAST(NULL AS INT), CAST(NULL AS INT)), (127, 32767)) AS v(t, s)""")
        self.assertEqual(self.rows("SELECT t, s, r.a, l[1], m['k'] FROM small"),
                         sorted([["1", "300", "1", "300", "1"], ["-128", "-32768", "-128", "-32768", "-128"], [None] * 5, ["127", "32767", "127", "32767", "127"]], key=str))
        self.assertEqual(self.rows("SELECT t, s FROM small WHERE t < 0 OR s > 32000"), [["-128", "-32768"], ["127", "32767"]])
        pyarrow.parquet.write_table(pyarrow.table({"t": pyarrow.array([7, 128], pyarrow.int64()), "s": pyarrow.array([1, 2], pyarrow.uint8())}), self.path / "small/other.parquet")
        self.assertEqual(self.rows("SELECT s FROM small WHERE s BETWEEN 0 AND 400"), [["1"], ["2"], ["300"]])
        self.refused("SELECT t FROM small", "other.parquet", "`t` holds what is no TINYINT", "128")

    def test_times_that_hive_and_spark_write(self):
        """INT96: as far as TIMESTAMPs reach."""
        (self.path / "int96").mkdir()
        times = [datetime.datetime(9999, 12, 31, 23, 59, 59, 999999), datetime.datetime(1, 1, 1), datetime.datetime(2024, 2, 29, 12, 30, 0, 123456), None]
        pyarrow.parquet.write_table(pyarrow.table({"ts": pyarrow.array(times, pyarrow.timestamp("us"))}), self.path / "int96/a.parquet", use_deprecated_int96_timestamps=True)
        self.run_sql(f"CREATE TEMPORARY TABLE int96 (ts TIMESTAMP(6)) WITH ('connector'='filesystem', 'path'='{self.path / 'int96'}', 'format'='parquet')")
        self.assertEqual(self.rows("SELECT ts FROM int96"), sorted([[time and time.strftime("%Y-%m-%d %H:%M:%S.%f").zfill(26)] for time in times], key=str))

    def test_times_finer_than_sqls(self):
        (self.path / "fine").mkdir()
        self.run_sql(f"CREATE TEMPORARY TABLE fine (id INT, t TIME(3)) WITH ('connector'='filesystem', 'path'='{self.path / 'fine'}', 'format'='parquet')")
        write = lambda micros: pyarrow.parquet.write_table(pyarrow.table({"id": pyarrow.array([1], pyarrow.int32()), "t": pyarrow.array([micros], pyarrow.time64("us"))}), self.path / "fine/a.parquet")  # noqa: E731
        write(43_200_123_000)
        self.assertEqual(self.rows("SELECT id, t FROM fine"), [["1", "12:00:00.123"]])
        write(43_200_123_456)
        self.refused("SELECT id, t FROM fine", "a.parquet", "`t`", "12:00:00.123456 is finer")
        self.assertEqual(self.rows("SELECT id FROM fine"), [["1"]])

    def test_empty_texts_as_raw_lines(self):
        self.run_sql(f"CREATE TEMPORARY TABLE lines (s STRING) WITH ('connector'='filesystem', 'path'='{self.path / 'lines'}', 'format'='raw')")
        self.run_sql("INSERT INTO lines VALUES (''), ('a'), (''), ('b'), ('')")
        self.assertEqual(self.rows("SELECT s FROM lines"), [[""], [""], [""], ["a"], ["b"]])
        self.assertEqual(self.rows("SELECT COUNT(*) FROM lines")[-1], ["5"])

    def test_a_partition_whose_folder_has_too_long_a_name(self):
        """It is refused at once: no try again makes it shorter."""
        self.run_sql(f"CREATE TEMPORARY TABLE long (a INT, b STRING) PARTITIONED BY (b) WITH ('connector'='filesystem', 'path'='{self.path / 'long'}', 'format'='json')")
        self.refused(f"INSERT INTO long VALUES (1, '{'x' * 300}')", "name too long")

    def test_broken_files_are_named_and_the_node_goes_on(self):
        self.file_table("broken_p", "parquet")
        self.run_sql(f"INSERT INTO broken_p VALUES {VALUES}")
        file = next((self.path / "broken_p").iterdir())
        whole = file.read_bytes()
        for damaged in (whole[:len(whole) // 2], b"", b"PAR1" + b"\xff" * 40 + b"PAR1", whole[:200] + b"\xff" * 100 + whole[300:]):
            file.write_bytes(damaged)
            self.refused("SELECT * FROM broken_p", file.name)
        file.write_bytes(whole)
        self.assertEqual(self.rows("SELECT * FROM broken_p"), ROWS)
        (self.path / "broken_c").write_text('1,a,1.5,2024-01-01 10:00:00,true,1.0,2024-01-01\n2,"open\n3,c\n')
        self.file_table("broken_c", "csv")
        self.refused("SELECT * FROM broken_c", "broken_c at byte 48", "quote that is not closed")
        self.run_sql("CREATE TEMPORARY TABLE wrong (id INT, s INT) WITH ('connector'='filesystem', 'path'='" + str(self.path / "wrong") + "', 'format'='csv')")
        (self.path / "wrong").write_text("1,2\n3,x\n")
        self.refused("SELECT * FROM wrong", "field `s` is not a INT", "3,x")
        self.run_sql("CREATE TEMPORARY TABLE nowhere (a INT) WITH ('connector'='filesystem', 'path'='/nowhere/at/all', 'format'='csv')")
        self.refused("SELECT * FROM nowhere", "/nowhere/at/all")
        self.run_sql("CREATE TEMPORARY TABLE spelled (a INT) WITH ('connector'='filesystem', 'path'='/tmp/x', 'format'='parket')")
        self.refused("SELECT * FROM spelled", "parket")

    def test_partitions_are_folders(self):
        values = """(1, 'a', 7, TRUE, DATE '2024-01-01', 0.5), (2, 'a', 7, TRUE, DATE '2024-01-01', 1.5), (3, 'b/c=d %', 7, FALSE, DATE '2024-01-02', 2.5),
                    (4, CAST(NULL AS STRING), CAST(NULL AS BIGINT), CAST(NULL AS BOOLEAN), CAST(NULL AS DATE), 3.5), (5, '', -9, TRUE, DATE '1969-12-31', 4.5)"""
        rows = [["1", "a", "7", "TRUE", "2024-01-01", "0.5"], ["2", "a", "7", "TRUE", "2024-01-01", "1.5"], ["3", "b/c=d %", "7", "FALSE", "2024-01-02", "2.5"],
                ["4", None, None, None, None, "3.5"], ["5", None, "-9", "TRUE", "1969-12-31", "4.5"]]  # an empty text has the folder of NULL, as in Flink
        for file_format in ("json", "csv", "parquet"):
            name = f"parts_{file_format}"
            self.run_sql(f"""CREATE TEMPORARY TABLE {name} (id INT, s STRING, n BIGINT, b BOOLEAN, d DATE, x DOUBLE) PARTITIONED BY (d, s, b, n)
                             WITH ('connector'='filesystem', 'path'='{self.path / name}', 'format'='{file_format}')""")
            self.run_sql(f"INSERT INTO {name} VALUES {values}")
            folders = sorted({str(path.parent.relative_to(self.path / name)) for path in (self.path / name).rglob("part-*")})
            self.assertEqual(folders, ["d=1969-12-31/s=__HIVE_DEFAULT_PARTITION__/b=true/n=-9", "d=2024-01-01/s=a/b=true/n=7", "d=2024-01-02/s=b%2Fc%3Dd %25/b=false/n=7",
                                       "d=__HIVE_DEFAULT_PARTITION__/s=__HIVE_DEFAULT_PARTITION__/b=__HIVE_DEFAULT_PARTITION__/n=__HIVE_DEFAULT_PARTITION__"])
            self.assertEqual(self.rows(f"SELECT * FROM {name}"), rows)
            self.assertEqual(self.rows(f"SELECT d, n FROM {name} WHERE s = 'a'"), [["2024-01-01", "7"]] * 2)
            self.assertEqual(self.rows(f"SELECT COUNT(*) AS c FROM {name} WHERE b")[-1], ["3"])
            self.assertEqual(self.rows(f"SELECT x, s FROM {name} WHERE id = 3"), [["2.5", "b/c=d %"]])
        dataset = pyarrow.dataset.dataset(self.path / "parts_parquet", partitioning=pyarrow.dataset.partitioning(flavor="hive"))
        self.assertEqual(sorted(dataset.to_table(columns=["id", "x", "b"]).to_pylist(), key=str),
                         [{"id": i, "x": x, "b": b} for i, x, b in ((1, 0.5, "true"), (2, 1.5, "true"), (3, 2.5, "false"), (4, 3.5, None), (5, 4.5, "true"))])
        self.assertEqual(json.loads(next((self.path / "parts_json/d=2024-01-02").rglob("part-*")).read_text()), {"id": 3, "x": 2.5})

    def test_partitions_that_others_wrote_and_overwriting(self):
        table = pyarrow.table({"id": [1, 2, 3], "day": ["2024-01-01", "2024-01-02", "2024-01-01"], "hour": [1, 2, 3]})
        pyarrow.parquet.write_to_dataset(table, self.path / "hive", partition_cols=["day", "hour"])
        (self.path / "hive/_SUCCESS").write_text("")
        (self.path / "hive/.staging").mkdir()
        self.run_sql(f"CREATE TEMPORARY TABLE hive (id BIGINT, `day` DATE, `hour` INT) PARTITIONED BY (`day`, `hour`) WITH ('connector'='filesystem', 'path'='{self.path / 'hive'}', 'format'='parquet')")
        self.assertEqual(self.rows("SELECT * FROM hive"), [["1", "2024-01-01", "1"], ["2", "2024-01-02", "2"], ["3", "2024-01-01", "3"]])
        batch = firn.Session(self.node.sql, {"table.dml-sync": "true", "execution.runtime-mode": "batch"})
        batch.execute(f"CREATE TEMPORARY TABLE hive (id BIGINT, `day` DATE, `hour` INT) PARTITIONED BY (`day`, `hour`) WITH ('connector'='filesystem', 'path'='{self.path / 'hive'}', 'format'='parquet')")
        batch.execute("INSERT OVERWRITE hive VALUES (9, DATE '2024-01-01', 1)")
        self.assertEqual(self.rows("SELECT * FROM hive"), [["2", "2024-01-02", "2"], ["3", "2024-01-01", "3"], ["9", "2024-01-01", "1"]])
        batch.execute("INSERT OVERWRITE hive PARTITION (`day`=DATE '2024-01-02', `hour`=2) SELECT 8")
        self.assertEqual(self.rows("SELECT * FROM hive"), [["3", "2024-01-01", "3"], ["8", "2024-01-02", "2"], ["9", "2024-01-01", "1"]])
        batch.close()
        (self.path / "hive/day=soon/hour=1").mkdir(parents=True)
        next((self.path / "hive").rglob("part-*")).rename(self.path / "hive/day=soon/hour=1/part-x")
        self.refused("SELECT * FROM hive", "day=soon/hour=1/part-x", "`day` is named 'soon', which is not a DATE")
        for columns, partitioning, words in (("a INT", "a", ["all of its columns"]), ("a INT, b TIMESTAMP(3)", "b", ["`b` of type TIMESTAMP(3)", "DATE_FORMAT"])):
            self.run_sql(f"CREATE TEMPORARY TABLE parts ({columns}) PARTITIONED BY ({partitioning}) WITH ('connector'='filesystem', 'path'='/tmp/x', 'format'='csv')")
            self.refused("SELECT * FROM parts", *words)
            self.run_sql("DROP TEMPORARY TABLE parts")

    def topic(self, name, columns, file_format, options=""):
        self.run_sql(f"""CREATE TEMPORARY TABLE {name} ({columns}) WITH ('connector'='kafka', 'topic'='{name}', 'properties.bootstrap.servers'='localhost:9092',
                         'scan.startup.mode'='earliest-offset', 'scan.bounded.mode'='latest-offset', 'format'='{file_format}'{options})""")

    def produce(self, name, values):
        failures = []
        producer = confluent_kafka.Producer({"bootstrap.servers": self.node.kafka})
        for value in values:
            producer.produce(name, value, on_delivery=lambda error, _: error and failures.append(error))
        producer.flush(20)
        self.assertEqual(failures, [])

    def consume(self, name, count):
        return [record.value() for record in self.records(name, count)]

    def records(self, name, count):
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.node.kafka, "group.id": "formats", "auto.offset.reset": "earliest"})
        consumer.subscribe([name])
        messages = []
        for _ in range(200):
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                messages.append(message)
            if len(messages) == count:
                break
        consumer.close()
        return messages

    def test_csv_and_raw_in_topics(self):
        self.produce("csv_in", [b"1;a b;2024-01-01 10:00:00", b"2;\"x;y\";", b"bad"])
        self.topic("csv_in", "id INT, s STRING, ts TIMESTAMP(3), `offset` BIGINT METADATA VIRTUAL", "csv", ", 'csv.field-delimiter'=';', 'csv.null-literal'='', 'csv.ignore-parse-errors'='true'")
        self.assertEqual(self.rows("SELECT `offset`, s, id FROM csv_in"), [["0", "a b", "1"], ["1", "x;y", "2"], ["2", None, None]])
        self.produce("raw_in", [b"any text", b"1,2"])
        self.topic("raw_in", "line STRING, `offset` BIGINT METADATA VIRTUAL", "raw")
        self.assertEqual(self.rows("SELECT line, `offset` FROM raw_in"), [["1,2", "1"], ["any text", "0"]])
        self.produce("csv_out", [b"9,first"])
        self.topic("csv_out", "id INT, s STRING", "csv")
        self.run_sql("INSERT INTO csv_out SELECT CAST(`offset` AS INT), line FROM raw_in")
        self.assertEqual(self.consume("csv_out", 3), [b"9,first", b'0,"any text"', b'1,"1,2"'])
        self.produce("raw_out", [b"first"])
        self.topic("raw_out", "line STRING", "raw")
        self.run_sql("INSERT INTO raw_out VALUES ('a'), (CAST(NULL AS STRING)), ('')")
        self.assertEqual(self.consume("raw_out", 4), [b"first", b"a", None, b""])  # NULL is a tombstone, as in Flink

    def test_headers_and_times_of_records_are_written(self):
        self.produce("headed", [b"first"])
        self.topic("headed", "line STRING, h MAP<STRING, BYTES> METADATA FROM 'headers', ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'", "raw")
        self.run_sql("INSERT INTO headed VALUES ('a', MAP['x', X'00ff', 'y', X''], TO_TIMESTAMP_LTZ(1000, 3)), ('b', CAST(NULL AS MAP<STRING, BYTES>), TO_TIMESTAMP_LTZ(2000, 3)), "
                     "('c', MAP['z', CAST(NULL AS BYTES)], CAST(NULL AS TIMESTAMP_LTZ(3)))")
        records = self.records("headed", 4)[1:]
        self.assertEqual([(record.value(), record.headers()) for record in records], [(b"a", [("x", b"\0\xff"), ("y", b"")]), (b"b", None), (b"c", None)])
        self.assertEqual([record.timestamp()[1] for record in records[:2]], [1000, 2000])
        self.topic("headed_wrong", "line STRING, h MAP<STRING, INT> METADATA FROM 'headers'", "raw")
        self.refused("INSERT INTO headed_wrong VALUES ('a', MAP['x', 1])", "MAP<STRING, BYTES>", "MAP<STRING, INT>")

    def test_a_topic_that_is_written_is_made_and_one_that_is_read_is_not(self):
        self.topic("not_there", "line STRING", "raw")
        self.refused("SELECT * FROM not_there", "E4004", "topic `not_there` does not exist")
        self.run_sql("EXPLAIN INSERT INTO not_there VALUES ('a')")
        self.refused("SELECT * FROM not_there", "E4004")
        self.run_sql("INSERT INTO not_there VALUES ('a'), ('b')")
        self.assertEqual(sorted(self.consume("not_there", 2)), [b"a", b"b"])
        self.run_sql("CREATE TEMPORARY TABLE ill_named (line STRING) WITH ('connector'='kafka', 'topic'='a b', 'properties.bootstrap.servers'='localhost:9092', 'format'='raw')")
        self.refused("INSERT INTO ill_named VALUES ('a')", "topic name `a b` is illegal")

    def test_changes_of_a_database_and_back_into_a_topic(self):
        events = [{"before": None, "after": {"id": 1, "v": 10}, "op": "c"}, {"before": None, "after": {"id": 2, "v": 5}, "op": "r"},
                  {"before": {"id": 1, "v": 10}, "after": {"id": 1, "v": 20}, "op": "u"}, {"before": {"id": 2, "v": 5}, "after": None, "op": "d"}]
        self.produce("cdc", [json.dumps(event).encode() for event in events] + [b""])
        self.topic("cdc", "id INT, v INT, PRIMARY KEY (id) NOT ENFORCED", "debezium-json")
        result = self.run_sql("SELECT id, v FROM cdc")
        kinds = [kind for kind, _ in result.rows]
        self.assertEqual(kinds, ["INSERT", "INSERT", "UPDATE_BEFORE", "UPDATE_AFTER", "DELETE"])
        self.produce("cdc_out", [b""])
        self.topic("cdc_out", "n BIGINT, total INT", "debezium-json")
        self.run_sql("INSERT INTO cdc_out SELECT COUNT(*), SUM(v) FROM cdc")
        changes = [json.loads(value) for value in self.consume("cdc_out", 2)[1:]]
        self.assertEqual(changes[-1]["op"], "c")
        self.run_sql("SET 'execution.runtime-mode'='batch'")
        self.refused("SELECT * FROM cdc", "changes", "streaming")
        self.run_sql("SET 'execution.runtime-mode'='streaming'")
        folded = self.run_sql("SELECT n, total FROM cdc_out").rows
        live = {}
        for kind, fields in folded:
            live[tuple(fields)] = live.get(tuple(fields), 0) + (1 if kind in ("INSERT", "UPDATE_AFTER") else -1)
        self.assertEqual([row for row, count in live.items() if count], [("1", "20")])


unittest.main(verbosity=1)
