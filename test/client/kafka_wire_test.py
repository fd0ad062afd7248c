#!/usr/bin/env python3
"""What the broker says it serves, how it treats what it does not, and input that no client would send: kafka_wire_test.py [NAME ...]"""
import gzip
import pathlib
import select
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import checks  # noqa: E402
import firn  # noqa: E402
import kafka  # noqa: E402
import kafka.admin  # noqa: E402
import kafka_wire as wire  # noqa: E402

SERVED = {0: (0, 11), 1: (4, 12), 2: (1, 7), 3: (0, 12), 8: (2, 8), 9: (1, 8), 10: (0, 4), 11: (0, 9), 12: (0, 4), 13: (0, 5), 14: (0, 5), 15: (0, 5), 16: (0, 4),
          18: (0, 4), 19: (0, 7), 20: (0, 6), 21: (0, 2), 22: (0, 4), 32: (0, 4), 37: (0, 3), 42: (0, 2), 44: (0, 1), 60: (0, 1)}
API_VERSIONS, PRODUCE = 18, 0
MEMORY_MAX = (400 << 20) * firn.MEMORY  # of the node, whatever it is sent


def create(node, topic, **config):
    admin = kafka.KafkaAdminClient(bootstrap_servers=node.kafka)
    admin.create_topics([kafka.admin.NewTopic(topic, 1, 1, topic_configs={name.replace("_", "."): value for name, value in config.items()})])
    admin.close()


def ranges(answer):
    """The table of an ApiVersions 0 answer."""
    error, count = struct.unpack(">hi", answer[:6])
    return error, {key: (low, high) for key, low, high in (struct.unpack(">hhh", answer[6 + 6 * i:12 + 6 * i]) for i in range(count))}


def is_alive(node):
    assert node.process.poll() is None, f"the node ended with {node.process.returncode}: {node.log_tail()}"
    with wire.Connection(node.kafka) as connection:
        return ranges(connection.ask(wire.header(API_VERSIONS, 0)))[0] == 0


def test_exactly_these_versions_are_advertised(node):
    with wire.Connection(node.kafka) as connection:
        error, table = ranges(connection.ask(wire.header(API_VERSIONS, 0)))
    assert error == 0 and table == SERVED, {key: (table.get(key), SERVED.get(key)) for key in table.keys() | SERVED.keys() if table.get(key) != SERVED.get(key)}


def test_api_versions_of_the_future_and_odd_clients(node):
    with wire.Connection(node.kafka) as connection:
        error, table = ranges(connection.ask(wire.header(API_VERSIONS, 99)))
        assert (error, table) == (35, {18: SERVED[18]}), (error, table)
        for name, expected in (("good-name", 0), ("a space", 42)):
            answer = connection.ask(wire.header(API_VERSIONS, 3, is_flexible=True) + wire.compact(name) + wire.compact("1.0") + b"\0")
            assert struct.unpack(">h", answer[:2])[0] == expected, name


def advertised(address):
    """Where the broker of a Metadata 1 answer is to be found."""
    with wire.Connection(address) as connection:
        answer = connection.ask(wire.header(3, 1) + struct.pack(">i", 0))
    count, _, size = struct.unpack(">iih", answer[:10])
    assert count == 1
    return answer[10:10 + size].decode(), struct.unpack(">i", answer[10 + size:14 + size])[0]


def test_clients_are_told_the_address_that_they_have_reached(node):
    assert advertised(node.kafka) == ("127.0.0.1", node.ports["kafka"])
    with firn.Node(arguments=["--host", "localhost"]) as both:
        port = both.ports["kafka"]
        assert advertised(f"127.0.0.1:{port}") == ("127.0.0.1", port)
    with firn.Node(arguments=["--advertise", "broker.example"]) as named:
        assert advertised(named.kafka) == ("broker.example", named.ports["kafka"])
    with firn.Node(arguments=["--advertise", "[2001:db8::1]:1234"]) as mapped:
        assert advertised(mapped.kafka) == ("2001:db8::1", 1234)
    for wrong in ("0.0.0.0", "[::]:9092", "a:b", ":9092", "2001:db8::1"):
        with tempfile.TemporaryDirectory(prefix="firn-test-") as data:
            refused = subprocess.run([str(firn.BINARY), "up", "--data", data, "--advertise", wrong], capture_output=True, text=True, timeout=30)
        assert refused.returncode == 2 and "--advertise" in refused.stderr, f"{wrong}: {refused.returncode} {refused.stderr}"


def test_refused_requests_close_the_connection(node):
    """As Kafka: without an answer, and nothing else suffers."""
    frames = {"an unknown api key": wire.header(999, 0), "a negative api key": wire.header(-1, 0), "an api that is not served": wire.header(24, 0),
              "Produce 0, though it is advertised": wire.header(PRODUCE, 0), "a version below": wire.header(1, 3), "a version above": wire.header(1, 13),
              "half a header": b"\0\x12", "a body that ends early": wire.header(3, 4) + b"\0\0\0\7\0\x20", "an array of two billion": wire.header(3, 1) + b"\x7f\xff\xff\xff",
              "a string of a negative length": wire.header(10, 0) + b"\x80\0", "bytes behind the end of strings": wire.header(10, 0) + b"\x7f\xff" + b"x" * 10}
    for what, frame in frames.items():
        with wire.Connection(node.kafka) as connection:
            connection.send(frame)
            assert connection.is_closed(), what
    for size in (-1, -2147483648, 0, 100 * 1024 * 1024 + 1, 2147483647):
        with wire.Connection(node.kafka) as connection:
            connection.send_bytes(struct.pack(">i", size) + b"x" * 16)
            assert connection.is_closed(), f"a frame of {size} bytes"
    assert is_alive(node) and node.peak_bytes() < MEMORY_MAX


def test_what_came_before_a_bad_frame_is_answered(node):
    with wire.Connection(node.kafka) as connection:
        good = [wire.header(API_VERSIONS, 0, correlation=n) for n in range(1, 4)]
        connection.send_bytes(b"".join(struct.pack(">i", len(frame)) + frame for frame in good) + struct.pack(">i", -5) + b"rubbish" * 100)
        assert [connection.receive()[0] for _ in good] == [1, 2, 3]
        assert connection.is_closed()


def test_byte_by_byte_and_pipelined(node):
    with wire.Connection(node.kafka) as connection:
        frame = wire.header(API_VERSIONS, 0, correlation=7)
        for byte in struct.pack(">i", len(frame)) + frame:
            connection.send_bytes(bytes([byte]))
        assert connection.receive()[0] == 7
        for number in range(100):
            connection.send(wire.header(API_VERSIONS, 0, correlation=number))
        assert [connection.receive()[0] for _ in range(100)] == list(range(100))


def test_bad_batches_get_kafkas_codes(node):
    """The good batch after each bad one is stored: nothing else is lost, and no offset is used up."""
    create(node, "bad-batches")
    good = wire.batch(wire.record(0, b"good"), 1)
    body = wire.record(0, b"a") + wire.record(1, b"b")
    bad = {"a wrong checksum": (wire.batch(body, 2, crc=1), 2), "one record too few": (wire.batch(body, 3), 87), "one too many": (wire.batch(body, 1), 87),
           "a last offset delta that is not count - 1": (wire.batch(body, 2, last_delta=7), 87), "no records": (wire.batch(b"", 0), 87),
           "magic 1": (wire.batch(body, 2, magic=1), 87), "base offset 5": (wire.batch(body, 2, base_offset=5), 87), "two batches": (good + good, 87),
           "a length beyond the end": (wire.batch(body, 2, length=10_000), 2), "a length of 3": (wire.batch(body, 2, length=3), 2), "a negative length": (wire.batch(body, 2, length=-1), 2),
           "half a header": (good[:30], 2), "a flipped bit": (good[:-1] + bytes([good[-1] ^ 1]), 2), "two hours ahead": (wire.batch(body, 2, timestamp_ms=1 << 50), 32),
           "more than max.message.bytes": (wire.batch(wire.record(0, b"x" * 1_100_000), 1, crc=0), 10)}
    end = 0
    with wire.Connection(node.kafka) as connection:
        for what, (records, expected) in bad.items():
            code, offset = wire.produce(connection, "bad-batches", records)
            assert code == expected and offset == -1, f"{what}: error {code} offset {offset}, {expected} expected"
            assert wire.produce(connection, "bad-batches", good) == (0, end), what
            end += 1
        assert wire.produce(connection, "bad-batches", good, partition=9)[0] == 3
        assert wire.produce(connection, "bad-batches", good, acks=2)[0] == 21
        assert wire.produce(connection, "bad-batches", good, acks=0) is None
        assert wire.produce(connection, "bad-batches", good, correlation=5) == (0, end + 1), "the answer after acks=0 is the next request's"
    found, high_watermark = wire.fetch(node.kafka, "bad-batches", 0, 0)
    assert high_watermark == end + 2 and all(b.body == good[16:] for b in found)


def test_a_decompression_bomb_is_refused_in_bounded_memory(node):
    """A topic with a codec of its own makes the broker decompress: 1 GiB of zeros in 1 MB."""
    create(node, "bombed", compression_type="lz4")
    packed = b"".join(gzip.compress(b"\0" * (64 << 20), 9) for _ in range(16))
    assert len(packed) < 1_048_000, len(packed)
    before = node.peak_bytes()
    with wire.Connection(node.kafka, seconds=60) as connection:
        code, _ = wire.produce(connection, "bombed", wire.batch(packed, 1, codec=1))
        assert code == 10, f"error {code}"
        assert wire.produce(connection, "bombed", wire.batch(wire.record(0, b"good"), 1)) == (0, 0)
        for codec in (1, 2, 3, 4, 5, 6, 7):
            code, _ = wire.produce(connection, "bombed", wire.batch(b"this is not compressed at all", 1, codec=codec))
            assert code in (2, 87, 76), f"rubbish said to be of codec {codec}: error {code}"
    grown = node.peak_bytes() - before
    assert grown < (250 << 20) * firn.MEMORY, f"the node's memory grew by {grown >> 20} MB"
    assert is_alive(node)


def test_batches_that_no_consumer_could_read_are_refused(node):
    """Their headers and checksums are right. Stored, each would stop every consumer at its offset."""
    create(node, "unreadable")
    body = wire.record(0, b"a") + wire.record(1, b"b")
    bad = {"compressed noise": (gzip.compress(b"noise" * 100), 2), "a stream that ends early": (gzip.compress(body)[:-10], 2), "one record more than it says": (gzip.compress(body), 1),
           "one record fewer": (gzip.compress(body), 3), "offsets out of order": (gzip.compress(wire.record(1, b"b") + wire.record(0, b"a")), 2),
           "a bomb of 1 GiB": (b"".join(gzip.compress(b"\0" * (64 << 20), 9) for _ in range(16)), 1), "nothing": (b"", 1)}
    before = node.peak_bytes()
    with wire.Connection(node.kafka, seconds=60) as connection:
        for number, (what, (packed, count)) in enumerate(bad.items()):
            code, offset = wire.produce(connection, "unreadable", wire.batch(packed, count, codec=1))
            assert code in (2, 10, 87) and offset == -1, f"{what}: error {code} offset {offset}"
            assert wire.produce(connection, "unreadable", wire.batch(gzip.compress(wire.record(0, b"good")), 1, codec=1)) == (0, number), what
        for codec in (2, 3, 4):
            assert wire.produce(connection, "unreadable", wire.batch(b"this is not compressed at all", 1, codec=codec), version=7)[0] in (2, 10, 87), codec
    grown = node.peak_bytes() - before
    assert grown < (250 << 20) * firn.MEMORY, f"the node's memory grew by {grown >> 20} MB"
    consumer = kafka.KafkaConsumer("unreadable", bootstrap_servers=node.kafka, auto_offset_reset="earliest", consumer_timeout_ms=60_000, group_id=None)
    assert [next(consumer).value for _ in bad] == [b"good"] * len(bad)
    consumer.close()


def test_many_slow_readers_do_not_fill_the_memory(node):
    """Of records that are in files only, so that each answer is memory of its own. Unbounded it would be a gigabyte here."""
    count, readers = 64, 100
    with firn.Node() as slow:
        create(slow, "slow")
        batch = wire.batch(wire.record(0, b"x" * 1_000_000), 1)
        with wire.Connection(slow.kafka, seconds=60) as connection:
            for offset in range(count):
                assert wire.produce(connection, "slow", batch) == (0, offset)
        assert slow.stop() == 0
        slow.start()
        connections = [wire.Connection(slow.kafka, seconds=60) for _ in range(readers)]
        for connection in connections:
            connection.send(wire.fetch_request("slow", 0, 0))
        checks.wait_until(lambda: len(select.select([connection.socket for connection in connections], [], [], 0)[0]) >= 20, "many answers are on their way")
        assert is_alive(slow) and slow.peak_bytes() < MEMORY_MAX, f"{slow.peak_bytes() >> 20} MB"
        assert 32 << 20 < slow.metric("firn_kafka_response_bytes") < 160 << 20
        for connection in connections:
            connection.socket.close()
        checks.wait_until(lambda: slow.metric("firn_kafka_response_bytes") == 0, "nothing is left of the answers")
        offset = 0
        while offset < count:
            found, _ = wire.fetch(slow.kafka, "slow", 0, offset)
            assert all(one.body == batch[16:] for one in found)
            offset += len(found)
        assert slow.peak_bytes() < MEMORY_MAX, f"{slow.peak_bytes() >> 20} MB"


def test_faults_are_counted(node):
    def counted():
        return node.metric("firn_kafka_protocol_faults_total")
    before = counted()
    with wire.Connection(node.kafka) as connection:
        connection.send(wire.header(999, 0))
        assert connection.is_closed()
    checks.wait_until(lambda: counted() == before + 1, "the fault is counted")


if __name__ == "__main__":
    with firn.Node() as running:
        sys.exit(checks.run(sys.modules[__name__], running, sys.argv[1:]))
