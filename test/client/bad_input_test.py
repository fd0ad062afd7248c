#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Input that no honest client would send, against the real binary: bad_input_test.py [NAME ...]

Whatever comes in: who sent it gets a precise error, what is skipped is counted, what was acknowledged before can be read, memory stays bounded and the node goes on.
Damaged files of the data directory and full disks are in test/crash.
"""
import gzip
import http.client
import json
import os
import pathlib
import random
import re
import socket
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import checks  # noqa: E402
import firn  # noqa: E402
import kafka_wire as wire  # noqa: E402
import pyarrow  # noqa: E402
import pyarrow.parquet  # noqa: E402
from command import firn as run_firn  # noqa: E402

METADATA, API_VERSIONS = 3, 18
MEMORY_MAX = (800 << 20) * firn.MEMORY  # of the node, whatever it is sent


class Kept:
    """Records that were acknowledged; they must be readable after anything."""

    def __init__(self, node):
        self.node = node
        self.count = 0
        run_firn("topic", "create", "kept", "--bootstrap-server", node.kafka)

    def produce(self):
        with wire.Connection(self.node.kafka) as connection:
            assert wire.produce(connection, "kept", wire.batch(wire.record(0, b"%d" % self.count), 1)) == (0, self.count)
        self.count += 1

    def check(self):
        ran = run_firn("topic", "consume", "kept", "--from", "start", "--until-end", "--bootstrap-server", self.node.kafka)
        assert ran.code == 0 and ran.out.split() == [str(n) for n in range(self.count)], ran


def still_fine(node, kept):
    assert node.process.poll() is None, f"the node ended with {node.process.returncode}: {node.log_tail()}"
    kept.produce()
    kept.check()
    assert node.peak_bytes() < MEMORY_MAX, f"{node.peak_bytes() >> 20} MB resident"


def faults(node):
    return node.metric("firn_kafka_protocol_faults_total")


def topic(node, name, *records, codec=0):
    """A topic of one partition with these values, each in a batch of its own."""
    assert run_firn("topic", "create", name, "--bootstrap-server", node.kafka).code == 0
    with wire.Connection(node.kafka) as connection:
        for number, value in enumerate(records):
            body = wire.record(0, value)
            assert wire.produce(connection, name, wire.batch(gzip.compress(body, 9) if codec == 1 else body, 1, codec=codec)) == (0, number)


def refused(session, statement, code, *words, seconds=60):
    """`code`: one, or several with | between."""
    try:
        session.execute(statement, seconds=seconds)
    except firn.SqlError as error:
        text = str(error)
        assert re.match(rf"error\[({code})\]: ", text), f"{statement[:100]!r}: {code} expected:\n{text[:1000]}"
        for word in words:
            assert word in text, f"{statement[:100]!r}: no {word!r} in\n{text[:2000]}"
        assert len(text) < 10_000, f"{statement[:100]!r}: an error of {len(text)} bytes"
        return text
    raise AssertionError(f"{statement[:200]!r} was not refused")


def test_malformed_frames_close_the_connection_and_are_counted(node):
    kept = node.kept
    kept.produce()
    frames = {"an unknown api": wire.header(999, 0), "an api of the future": wire.header(75, 0), "a version that is not served": wire.header(1, 13), "a body that ends early": wire.header(METADATA, 4) + b"\0\0\0\7\0\x20",
              "an array of two billion": wire.header(METADATA, 1) + b"\x7f\xff\xff\xff", "half a header": b"\0\x12", "a string of a negative length": wire.header(10, 0) + b"\x80\0",
              "a string beyond the end": wire.header(10, 0) + b"\x7f\xff" + b"x" * 10}
    for what, frame in frames.items():
        before = faults(node)
        with wire.Connection(node.kafka) as connection:
            connection.send(frame)
            assert connection.is_closed(), what
        assert faults(node) == before + 1, what
    for size in (-1, -2147483648, 0, (100 << 20) + 1, 2147483647):
        before = faults(node)
        with wire.Connection(node.kafka) as connection:
            connection.send_bytes(struct.pack(">i", size) + b"x" * 16)
            assert connection.is_closed(), f"a frame of {size} bytes"
        assert faults(node) == before + 1, f"a frame of {size} bytes"
    still_fine(node, kept)


def whole_requests():
    batch = wire.batch(wire.record(0, b"v" * 100), 1)
    produce = wire.string(None) + struct.pack(">hi", -1, 1000) + struct.pack(">i", 1) + wire.string("scratch") + struct.pack(">ii", 1, 0) + struct.pack(">i", len(batch)) + batch
    fetch = struct.pack(">iiiibii", -1, 10, 1, 1 << 20, 0, 0, -1) + struct.pack(">i", 1) + wire.string("scratch") + struct.pack(">iiiqqi", 1, 0, -1, 0, -1, 1 << 20) + struct.pack(">i", 0)
    create = struct.pack(">i", 1) + wire.string("scratch") + struct.pack(">ih", 1, 1) + struct.pack(">ii", 0, 0) + struct.pack(">i", 1000)
    join = wire.string("g") + struct.pack(">ii", 6000, 6000) + wire.string("") + wire.string("consumer") + struct.pack(">i", 1) + wire.string("range") + struct.pack(">i", 4) + b"meta"
    return [wire.header(0, 3) + produce, wire.header(1, 10) + fetch, wire.header(19, 1) + create + b"\0", wire.header(11, 1) + join,
            wire.header(METADATA, 4) + struct.pack(">i", 1) + wire.string("scratch") + b"\0", wire.header(API_VERSIONS, 3, is_flexible=True) + wire.compact("c") + wire.compact("1") + b"\0"]


def test_requests_with_flipped_bits_and_garbage(node):
    """Whatever the broker makes of it, it answers or closes, and nobody else notices."""
    kept = node.kept
    choose = random.Random(7)
    requests = whole_requests()
    before = faults(node)
    for number in range(300):
        frame = bytearray(choose.choice(requests))
        kind = number % 3
        if kind == 0:
            for _ in range(choose.randint(1, 8)):
                frame[choose.randrange(len(frame))] ^= 1 << choose.randrange(8)
        elif kind == 1:
            del frame[choose.randrange(len(frame)):]
        data = choose.randbytes(choose.randint(4, 400)) if kind == 2 else struct.pack(">i", len(frame)) + frame
        with wire.Connection(node.kafka) as connection:
            connection.send_bytes(data)
            connection.socket.shutdown(socket.SHUT_WR)
            try:
                while connection.socket.recv(1 << 16):
                    pass
            except ConnectionResetError:
                pass
        if number % 50 == 0:
            kept.produce()
    assert faults(node) >= before + 100, f"{faults(node) - before} of 300 were counted"
    still_fine(node, kept)


def bomb():
    """A record batch of 1 MB that would be 1 GiB."""
    packed = gzip.compress(b"\0" * (64 << 20), 9) * 16
    return wire.batch(packed, 1, codec=1)


def json_table(session, name, *options):
    more = "".join(f", {option}" for option in options)
    session.execute(f"CREATE TEMPORARY TABLE `{name}` (id INT, s STRING) WITH ('connector'='kafka', 'topic'='{name}', 'properties.bootstrap.servers'='localhost:9092', "
                    f"'scan.startup.mode'='earliest-offset', 'scan.bounded.mode'='latest-offset', 'format'='json'{more})")


IGNORE = "'json.ignore-parse-errors'='true'"


def stand_in(batch):
    """A plain batch that a broker takes, with as many bytes and records as this one."""
    count = struct.unpack(">i", batch[57:61])[0]
    for key in (None, b"", b"k"):  # a record's length may need one more byte than there is left
        size = len(batch)
        for _ in range(10):
            good = wire.batch(b"".join(wire.record(delta, b"x" * (size if delta == count - 1 else 0), key) for delta in range(count)), count)
            if len(good) == len(batch):
                return good
            size += len(batch) - len(good)
    raise AssertionError(f"no batch of {len(batch)} bytes")


def plant(node, planted):
    """Puts batches that the broker refuses into a stopped node's segment files, as an older version may have stored them. `planted`: each with the stand-in that was stored."""
    for path in pathlib.Path(node.data).glob("partitions/*/*.log"):
        data = path.read_bytes()
        for bad, good in planted:
            data = data.replace(good[16:], bad[16:])
        path.write_bytes(data)


def test_batches_that_cannot_be_read_fail_their_reader_or_are_skipped_and_counted(_):
    """The broker refuses them. Those that it took before it looked into them are still there."""
    bad = [bomb(), wire.batch(b"this is not compressed, whatever it says", 1, codec=1), wire.batch(gzip.compress(b"these are no records" + os.urandom(30)), 3, codec=1)]
    planted = [(batch, stand_in(batch)) for batch in bad]
    with firn.Node() as node:
        topic(node, "bombed", b'{"id": 1}')
        with wire.Connection(node.kafka, seconds=60) as connection:
            for batch in bad:
                assert wire.produce(connection, "bombed", batch)[0] in (2, 10, 87)
            assert [wire.produce(connection, "bombed", good) for _, good in planted] == [(0, 1), (0, 2), (0, 3)]
            assert wire.produce(connection, "bombed", wire.batch(wire.record(0, b'{"id": 2}'), 1)) == (0, 6)
        assert node.stop() == 0
        plant(node, planted)
        node.start()
        read_bombed(node)
        assert node.peak_bytes() < MEMORY_MAX, f"{node.peak_bytes() >> 20} MB resident"


def read_bombed(node):
    session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
    json_table(session, "bombed")
    refused(session, "SELECT COUNT(*) FROM bombed", "E1006", "reading bombed-0 at offset 1", "268435456")
    refused(session, "SELECT COUNT(*) FROM bombed /*+ OPTIONS('scan.startup.mode'='specific-offsets', 'scan.startup.specific-offsets'='partition:0,offset:2') */", "E1005", "reading bombed-0 at offset 2")
    refused(session, "SELECT COUNT(*) FROM bombed /*+ OPTIONS('scan.startup.mode'='specific-offsets', 'scan.startup.specific-offsets'='partition:0,offset:3') */", "E4003", "reading bombed-0 at offset 3")
    ran = run_firn("topic", "consume", "bombed", "--from", "start", "--until-end", "--bootstrap-server", node.kafka)
    assert ran.code == 1 and "error[E1006]" in ran.err and "bombed-0 at offset 1" in ran.err, ran.err
    session.execute("RESET 'execution.runtime-mode'")
    skipping = f"bombed /*+ OPTIONS({IGNORE}, 'scan.bounded.mode'='unbounded') */"
    session.execute("CREATE TEMPORARY TABLE nothing (id INT) WITH ('connector'='blackhole')")
    job = session.execute(f"INSERT INTO nothing SELECT id FROM {skipping}").job_id
    checks.wait_until(lambda: node.metric("firn_source_offset", job_id=job) == 7, "the job is behind the bomb")
    assert node.metric("firn_source_decode_errors_total", job_id=job) == 5, "of one, one and three records"
    assert session.execute("SET 'execution.runtime-mode'='batch'") and session.execute(f"SELECT id FROM bombed /*+ OPTIONS({IGNORE}) */").texts() == [["1"], ["2"]]
    assert session.execute(f"SELECT decode_errors FROM sys.source_partitions WHERE job_id = '{job}'").texts() == [["5"]]
    session.close()


def test_large_records_are_read_in_bounded_memory(node):
    """Each batch may be large when decompressed; that they all are at once is not allowed."""
    kept = node.kept
    topic(node, "large", *[b'{"id": %d}' % n + b" " * (60 << 20) for n in range(12)], codec=1)
    session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
    json_table(session, "large")
    assert session.execute("SELECT COUNT(*), SUM(id) FROM large").texts() == [["12", "66"]]
    session.close()
    still_fine(node, kept)


def test_records_of_the_wrong_type_and_broken_json(node):
    kept = node.kept
    broken = {b"{": "broken JSON", b"nonsense": "not a JSON object", b"[1, 2]": "not a JSON object", b"7": "not a JSON object", b'{"id": 1': "broken JSON", b'{"id" 1}': "broken JSON",
              b'{"id": 1, "s": "\xff\xfe"}': "broken JSON", b'{"id": 1, "s": "no end': "broken JSON", b"\0\0\0\0": "not a JSON object", b"[" * 100_000: "", b'{"id":' * 5000: "broken JSON"}
    wrong = {b'{"id": "x"}': "`id` is not a INT", b'{"id": 99999999999}': "`id` is not a INT", b'{"id": {"a": 1}}': "`id` is not a INT", b'{"id": 1e400}': "`id` is not a INT"}
    topic(node, "broken", *broken, *wrong, b'{"id": 5, "s": "good"}')
    count = len(broken) + len(wrong)
    session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
    json_table(session, "broken")
    for offset, (record, words) in enumerate({**broken, **wrong}.items()):
        if words:
            refused(session, f"SELECT * FROM broken /*+ OPTIONS('scan.startup.mode'='specific-offsets', 'scan.startup.specific-offsets'='partition:0,offset:{offset}') */", "E6001", words, f"broken-0 at offset {offset}",
                    "json.ignore-parse-errors")
    # Of the record itself, wherever the poll began.
    topic(node, "late", b'{"id": 1}', b'{"id": 2}', b'{"id": "x"}', b'{"id": 4}')
    json_table(session, "late")
    refused(session, "SELECT * FROM late", "E6001", "`id` is not a INT", "late-0 at offset 2")
    rows = session.execute(f"SELECT id, s FROM broken /*+ OPTIONS({IGNORE}) */").texts()
    assert rows[-1] == ["5", "good"] and rows[:-1] == [[None, None]] * (len(rows) - 1), rows
    session.execute("RESET 'execution.runtime-mode'")
    session.execute("CREATE TEMPORARY TABLE nowhere (id INT) WITH ('connector'='blackhole')")
    job = session.execute(f"INSERT INTO nowhere SELECT id FROM broken /*+ OPTIONS({IGNORE}, 'scan.bounded.mode'='unbounded') */").job_id
    checks.wait_until(lambda: node.metric("firn_source_offset", job_id=job) == count + 1, "the job is at the end")
    dropped = count + 1 - len(rows)
    assert node.metric("firn_source_decode_errors_total", job_id=job) == dropped + len(wrong), (dropped, len(wrong))
    session.close()
    still_fine(node, kept)


SQL = [
    # what, statement, code, words
    ("nothing", "", "E2002", ()),
    ("a comment alone", "/* nothing */ -- here", "E2002", ()),
    ("a comment without an end", "SELECT 1 /* and so on", "E2001", ("the comment that begins here is not closed",)),
    ("a string without an end", "SELECT 'and so on", "E2001", ("the string that begins here is not closed",)),
    ("a quoted name without an end", "SELECT `and so on", "E2001", ("the identifier that begins here is not closed",)),
    ("invalid UTF-8", None, "E2001", ()),
    ("a NUL byte", "SELECT \0 1", "E2001", ()),
    ("a lone surrogate's worth of control characters", "SELECT \x01\x02\x7f", "E2001", ()),
    ("a number beyond BIGINT", "SELECT 99999999999999999999999999999999999999999999", "E2111", ()),
    ("a number of a million digits", "SELECT " + "9" * 1_000_000, "E2111", ()),
    ("an exponent beyond DOUBLE", "SELECT 1e999999999", "E2111", ()),
    ("parentheses", "SELECT " + "(" * 100_000 + "1" + ")" * 100_000, "E1006", ("200",)),
    ("parentheses without an end", "SELECT " + "(" * 100_000, "E1006", ("200",)),
    ("sub-queries", "SELECT * FROM (" * 5_000 + "SELECT 1" + ")" * 5_000, "E1006", ()),
    ("a sum", "SELECT 1" + " + 1" * 100_000, "E1006", ("1000",)),
    ("NOT", "SELECT " + "NOT " * 100_000 + "TRUE", "E1006", ()),
    ("minus", "SELECT " + "- " * 100_000 + "1", "E1006", ()),
    ("CASE", "SELECT " + "CASE WHEN TRUE THEN " * 5_000 + "1" + " END" * 5_000, "E1006", ()),
    ("functions", "SELECT " + "ABS(" * 50_000 + "1" + ")" * 50_000, "E1006", ()),
    ("arrays", "SELECT " + "ARRAY[" * 50_000 + "1" + "]" * 50_000, "E1006", ()),
    ("types", "CREATE TEMPORARY TABLE t (a " + "ARRAY<" * 50_000 + "INT" + ">" * 50_000 + ") WITH ('connector'='blackhole')", "E1006", ()),
    ("UNION", "SELECT 1" + " UNION ALL SELECT 1" * 20_000, "E1006", ()),
    ("joins", "SELECT 1 FROM a" + " CROSS JOIN a" * 20_000, "E1006", ()),
    ("WITH", "WITH a AS (" * 5_000 + "SELECT 1" + ") SELECT * FROM a" * 5_000, "E1006", ()),
    ("10 MB", "SELECT '" + "x" * (10 << 20) + "'", "E1006", ("1048576",)),
    ("10 MB of nothing", " " * (10 << 20), "E1006", ("1048576",)),
    ("a name of a megabyte", "SELECT " + "n" * 1_000_000, "E2102", ()),
    ("a table of a megabyte", "SELECT * FROM " + "n" * 1_000_000, "E2101", ()),
    ("DECIMAL(2147483648, 1)", "SELECT CAST(1 AS DECIMAL(2147483648, 1))", "E2111", ()),
    ("VARCHAR of no length", "SELECT CAST(1 AS VARCHAR(99999999999999999999))", "E2111", ()),
    ("a text of 16 GB", "SELECT REPEAT(REPEAT('x', 1000000), 16000)", "E3001", ("REPEAT would make a text of over 67108864 bytes",)),
    ("a text of 4 GB by PAD", "SELECT LPAD('x', 2147483647, 'y')", "E3001", ("LPAD would make a text of over 67108864 bytes",)),
    ("a window of a microsecond over all time", "SELECT * FROM TABLE(TUMBLE(TABLE nothing_here, DESCRIPTOR(t), INTERVAL '0' SECOND))", "E2101", ()),
    ("an unclosed block", "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1;", "E2002", ()),
    ("a regular expression that backtracks", "SELECT REGEXP_REPLACE(REPEAT('a', 30), '(a+)+$b\\1', 'x')", "E2003", ()),
    ("keywords only", "SELECT SELECT SELECT FROM FROM WHERE", "E2001", ()),
]


def test_sql_of_every_kind(node):
    kept = node.kept
    session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
    wrong = []
    for what, statement, code, words in SQL:
        try:
            if statement is not None:
                refused(session, statement, code, *words)
        except Exception as problem:  # noqa: BLE001  all are told at once
            wrong.append(f"{what}: {type(problem).__name__} {str(problem)[:400]}")
        try:
            assert session.execute("SELECT 'still here'").texts() == [["still here"]], what
        except Exception as problem:  # noqa: BLE001
            wrong.append(f"after {what}: {problem}")
            break
    assert not wrong, "\n".join(wrong)
    # Bytes that are no UTF-8 cannot be in a JSON body: they come from a file.
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder) / "bad.sql"
        for text, code in ((b"SELECT '\xff\xfe';", "E2001"), (b"SELECT \xc3\x28;", "E2001"), (b"\xef\xbb\xbfSELECT 1;", None)):
            script.write_bytes(text)
            ran = run_firn("sql", "--server", node.sql, "--format", "csv", "-f", script)
            assert (ran.code == 0) if code is None else (ran.code == 1 and f"error[{code}]" in ran.err), (text, ran)
        ran = run_firn("sql", "--server", node.sql, "-f", folder)
        assert ran.code == 1 and "error[E1001]" in ran.err and folder in ran.err, ran
    session.close()
    still_fine(node, kept)


class Http:
    """One HTTP connection, byte by byte."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=20 * firn.PATIENCE)

    def send(self, data):
        """What the server answers until it closes."""
        answer = b""
        try:
            self.socket.sendall(data)
            self.socket.shutdown(socket.SHUT_WR)
            while part := self.socket.recv(1 << 16):
                answer += part
        except (ConnectionResetError, BrokenPipeError):
            pass
        finally:
            self.socket.close()
        return answer


def status_of(answer):
    found = re.match(rb"HTTP/1\.[01] (\d+) ", answer)
    return int(found[1]) if found else None


def test_malformed_http(node):
    kept = node.kept
    requests = {
        "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xee" * 500, 400),
        "a method of control characters": (b"G\x01T / HTTP/1.1\r\n\r\n", 400),
        "a version of the future": (b"GET / HTTP/9.9\r\n\r\n", 400),
        "a header of 100 KB": (b"GET /info HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", 431),
        "ten thousand headers": (b"GET /info HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(10_000)) + b"\r\n", 431),
        "a path of 100 KB": (b"GET /" + b"p" * 100_000 + b" HTTP/1.1\r\n\r\n", 431),
        "a body said to be of 10 GB": (b"POST /v2/sessions HTTP/1.1\r\nContent-Length: 10000000000\r\n\r\n{}", 413),
        "a body of 17 MB": (b"POST /v2/sessions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (17 << 20) + b" " * (17 << 20), 413),
        "a negative length": (b"POST /v2/sessions HTTP/1.1\r\nContent-Length: -1\r\n\r\n{}", 400),
        "two lengths": (b"POST /v2/sessions HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        "chunks that are none": (b"POST /v2/sessions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n{}\r\n", 400),
        "a chunk of 2^63 bytes": (b"POST /v2/sessions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n{}\r\n", 413),
        "a body that ends early": (b"POST /v2/sessions HTTP/1.1\r\nContent-Length: 100\r\n\r\n{}", 400),
    }
    wrong = []
    for port in (node.sql, node.jobs):
        for what, (request, expected) in requests.items():
            door = "sql" if port == node.sql else "jobs"
            before = node.metric("firn_http_faults_total", port=door)
            answer = Http(port).send(request)
            if status_of(answer) != expected or b'{"errors":["' not in answer:
                wrong.append(f"{door}: {what}: {expected} expected: {answer[:300]}")
            elif node.metric("firn_http_faults_total", port=door) != (before or 0) + 1:
                wrong.append(f"{door}: {what}: not counted")
    assert not wrong, "\n".join(wrong)
    still_fine(node, kept)


def ask(address, method, path, body=None):
    host, port = address.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=20 * firn.PATIENCE)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_requests_that_make_no_sense(node):
    """Well-formed HTTP with bodies and paths that are not: a status of 4xx and Flink's list of errors."""
    kept = node.kept
    handle = json.loads(ask(node.sql, "POST", "/v2/sessions", "{}")[1])["sessionHandle"]
    statements = f"/v2/sessions/{handle}/statements"
    bodies = [b"", b"{", b"[]", b"null", b'"text"', b'{"statement": 7}', b'{"statement": null}', b"{}", b"\xff\xfe", b'{"statement": "\xff"}', b"[" * 100_000, b'{"a":' * 100_000, b'{"statement": "\\ud800"}', b"\0" * 100]
    wrong = []
    for body in bodies:
        for method, path in (("POST", statements), ("POST", f"/v2/sessions/{handle}/configure-session"), ("GET", f"/v2/sessions/{handle}/complete-statement")):
            status, text = ask(node.sql, method, path, body)
            if status != 400 or "errors" not in json.loads(text):
                wrong.append(f"{path.rsplit('/', 1)[1]} {body[:40]!r}: {status} {text[:200]}")
    for body in (b"{", b"[]", b"7", b"[" * 100_000):
        status, text = ask(node.sql, "POST", "/v2/sessions", body)
        if status != 400:
            wrong.append(f"sessions {body[:40]!r}: {status} {text[:200]}")
    paths = ["/v2/sessions/none", "/v2/sessions/none/statements", "/v2/sessions//operations", "/v9", "/", "//", "/v2/sessions/" + "x" * 10_000, "/%00", "/%ff%fe", "/../../etc/passwd", "/v2/sessions/%2e%2e", f"/v2/sessions/{handle}/operations/none/result/0",
             f"/v2/sessions/{handle}/operations", f"/v2/sessions/{handle}/nothing"]
    for path in paths:
        status, text = ask(node.sql, "GET", path)
        if status not in (400, 404, 405) or "errors" not in json.loads(text):
            wrong.append(f"GET {path[:60]}: {status} {text[:200]}")
    for path in ("/jobs/none", "/jobs/" + "f" * 32, "/jobs/x/vertices/y/watermarks", "/nothing", "/%00", "/%ff", "/../metrics/../x", "/jobs/" + "x" * 10_000):
        status, text = ask(node.jobs, "GET", path)
        if status not in (400, 404) or "errors" not in json.loads(text):
            wrong.append(f"GET jobs {path[:60]}: {status} {text[:200]}")
    for method, path in (("DELETE", "/metrics"), ("POST", "/jobs"), ("PATCH", "/jobs/none"), ("BREW", "/overview")):
        status, text = ask(node.jobs, method, path)
        if status not in (400, 404, 405) or "errors" not in json.loads(text):
            wrong.append(f"{method} jobs {path}: {status} {text[:200]}")
    assert not wrong, "\n".join(wrong)
    still_fine(node, kept)


def file_table(session, name, path, file_format, *options):
    more = "".join(f", {option}" for option in options)
    session.execute(f"CREATE TEMPORARY TABLE `{name}` (id INT, s STRING) WITH ('connector'='filesystem', 'path'='{path}', 'format'='{file_format}'{more})")


def test_damaged_parquet_files(node):
    """Truncated anywhere, with flipped bits, or something else altogether: never a wrong answer to a truncated file, never a crash."""
    kept = node.kept
    session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
    choose = random.Random(11)
    with tempfile.TemporaryDirectory() as folder:
        whole = pathlib.Path(folder) / "whole.parquet"
        pyarrow.parquet.write_table(pyarrow.table({"id": pyarrow.array(range(5000), pyarrow.int32()), "s": [f"text {n}" for n in range(5000)]}), whole, row_group_size=1000)
        data = whole.read_bytes()
        file_table(session, "p_whole", whole, "parquet")
        assert session.execute("SELECT COUNT(*), SUM(CAST(id AS BIGINT)) FROM p_whole").texts() == [["5000", "12497500"]]
        damaged = pathlib.Path(folder) / "damaged.parquet"
        file_table(session, "p", damaged, "parquet")
        query = "SELECT COUNT(*), SUM(CAST(id AS BIGINT)), MAX(s) FROM p"
        for content in (b"", b"PAR1", b"PAR1PAR1", b"PAR1\0\0\0\0PAR1", b"PAR1\xff\xff\xff\x7fPAR1", b"PAR1\xff\xff\xff\xffPAR1", b"not a parquet file at all" * 100):
            damaged.write_bytes(content)
            refused(session, query, "E1005|E6001", str(damaged), "Parquet")
        for size in sorted(choose.sample(range(1, len(data)), 25)):
            damaged.write_bytes(data[:size])
            refused(session, query, "E1005|E6001", str(damaged), "Parquet")
        answered = 0
        footer = struct.unpack("<i", data[-8:-4])[0]
        for number in range(120):
            flipped = bytearray(data)
            place = choose.randrange(len(data) - footer - 8, len(data)) if number % 2 else choose.randrange(len(data))
            flipped[place] ^= 1 << choose.randrange(8)
            damaged.write_bytes(flipped)
            try:
                session.execute(query)
                answered += 1  # a bit of a value without a checksum, or of a statistic
            except firn.SqlError as error:
                assert re.search(r"error\[E\d{4}\]", str(error)) and str(damaged) in str(error), f"a flipped bit at byte {place}: {error}"
        assert answered < 120
    session.close()
    still_fine(node, kept)


def test_damaged_text_files(node):
    kept = node.kept
    session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "input"
        file_table(session, "c", path, "csv")
        file_table(session, "c_ignore", path, "csv", "'csv.ignore-parse-errors'='true'")
        file_table(session, "j", path, "json")
        file_table(session, "j_ignore", path, "json", "'json.ignore-parse-errors'='true'")

        path.write_bytes(b"1,a\n2,b\nx,c\n4,d\n")
        refused(session, "SELECT * FROM c", "E6001", str(path), "`id`", "csv.ignore-parse-errors")
        assert session.execute("SELECT COUNT(*), COUNT(id) FROM c_ignore").texts() == [["4", "3"]]
        # A quote without an end makes one record of all that follows; what came before it counts.
        path.write_bytes(b"1,a\n2,\"b\n" + b"3,c\n" * 500_000)
        refused(session, "SELECT COUNT(*) FROM c", "E6001", str(path), seconds=20)
        assert session.execute("SELECT COUNT(*) FROM c_ignore", seconds=20).texts() == [["1"]]
        path.write_bytes(random.Random(3).randbytes(1 << 20))
        refused(session, "SELECT COUNT(*) FROM c", "E6001", str(path))
        session.execute("SELECT COUNT(*) FROM c_ignore")
        refused(session, "SELECT COUNT(*) FROM j", "E6001", str(path), "json.ignore-parse-errors")
        assert session.execute("SELECT COUNT(*) FROM j_ignore").texts() == [["0"]]

        path.write_bytes(b'{"id": 1, "s": "a"}\n{"id": 2, "s": "b"\n{"id": 3, "s"')
        refused(session, "SELECT * FROM j", "E6001", f"{path} at byte 20")
        assert session.execute("SELECT id FROM j_ignore").texts() == [["1"]]
        path.write_bytes(b'{"id": 1, "s": "' + b"x" * (40 << 20) + b'"}\n{"id": 2}')
        assert session.execute("SELECT SUM(id) FROM j").texts() == [["3"]]
        path.write_bytes(b"\n" * (4 << 20) + b'{"id": 7}')
        assert session.execute("SELECT SUM(id) FROM j").texts() == [["7"]]

        file_table(session, "absent", pathlib.Path(folder) / "absent", "json")
        refused(session, "SELECT * FROM absent", "E1002", str(pathlib.Path(folder) / "absent"))
    session.close()
    still_fine(node, kept)


if __name__ == "__main__":
    with firn.Node() as running:
        running.kept = Kept(running)
        sys.exit(checks.run(sys.modules[__name__], running, sys.argv[1:]))
