#!/usr/bin/env python3
"""Producers against the real binary: kafka_produce_test.py [NAME ...]

kafka-python 3, confluent-kafka 2 (librdkafka) and kcat (librdkafka 2.0.2) write with every codec; each reads what the others wrote; the bytes in the
segment files are compressed as asked; keys go to the same partitions; idempotent producers live across kill -9.
"""
import pathlib
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import checks  # noqa: E402
import confluent_kafka  # noqa: E402
import confluent_kafka.admin  # noqa: E402
import firn  # noqa: E402
from firn import PATIENCE  # noqa: E402
import kafka  # noqa: E402
import kafka.admin  # noqa: E402
import kafka.errors  # noqa: E402
import kafka_wire as wire  # noqa: E402

CLIENTS = ("kafka-python", "confluent-kafka", "kcat")
COUNT = 200


def records(topic):
    """Compressible, and different in every topic."""
    return [(f"key-{i % 17}", f"{topic} record {i} " + "all work and no play makes a dull record " * 5) for i in range(COUNT)]


def produce_python(node, topic, pairs, codec="none", **options):
    producer = kafka.KafkaProducer(bootstrap_servers=node.kafka, compression_type=None if codec == "none" else codec, linger_ms=50, **options)
    futures = [producer.send(topic, key=key.encode(), value=value.encode()) for key, value in pairs]
    producer.flush(20)
    placed = [(future.get(10).partition, future.get(10).offset) for future in futures]
    producer.close()
    return placed


def produce_confluent(node, topic, pairs, codec="none", **options):
    placed = [None] * len(pairs)
    failures = []
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka, "compression.codec": codec, "linger.ms": 50, "acks": "all", **options})

    def note(index):
        def deliver(error, message):
            if error is not None:
                failures.append(str(error))
            else:
                placed[index] = (message.partition(), message.offset())
        return deliver

    for index, (key, value) in enumerate(pairs):
        producer.produce(topic, key=key, value=value, on_delivery=note(index))
    assert producer.flush(20) == 0 and not failures, failures
    return placed


def run_kcat(node, *arguments, text=None, seconds=20):
    return subprocess.run(["kcat", "-b", node.kafka, *arguments], input=text, text=True, capture_output=True, timeout=seconds, check=True).stdout


def produce_kcat(node, topic, pairs, codec="none", options=()):
    run_kcat(node, "-P", "-t", topic, "-K", "\t", "-z", codec, "-X", "acks=all", "-X", "linger.ms=50", *options, text="".join(f"{k}\t{v}\n" for k, v in pairs))


def consume_python(node, topic, count):
    consumer = kafka.KafkaConsumer(topic, bootstrap_servers=node.kafka, auto_offset_reset="earliest", consumer_timeout_ms=10_000, group_id=None)
    found = []
    for message in consumer:
        found.append((message.key.decode(), message.value.decode()))
        if len(found) == count:
            break
    consumer.close()
    return found


def consume_confluent(node, topic, count, partitions=(0,), seconds=15):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": node.kafka, "group.id": "unused", "enable.auto.commit": False})
    consumer.assign([confluent_kafka.TopicPartition(topic, partition, 0) for partition in partitions])
    found = []
    deadline = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < deadline:
        for message in consumer.consume(count - len(found), 0.5):
            assert message.error() is None, message.error()
            found.append(message)
    consumer.close()
    return found


def consume_kcat(node, topic):
    lines = run_kcat(node, "-C", "-q", "-t", topic, "-o", "beginning", "-e", "-f", "%k\t%s\n").splitlines()
    return [tuple(line.split("\t", 1)) for line in lines]


def create(node, topic, partitions=1, **config):
    admin = kafka.KafkaAdminClient(bootstrap_servers=node.kafka)
    admin.create_topics([kafka.admin.NewTopic(topic, partitions, 1, topic_configs={name.replace("_", "."): value for name, value in config.items()})])
    admin.close()


def test_every_client_with_every_codec(node):
    """At the end the node is stopped and the very bytes are looked for in the segment files."""
    produce = {"kafka-python": produce_python, "confluent-kafka": produce_confluent, "kcat": produce_kcat}
    stored = {}
    for client in CLIENTS:
        for codec in wire.CODECS:
            topic = f"{client}-{codec}"
            create(node, topic)
            pairs = records(topic)
            produce[client](node, topic, pairs, codec)
            batches, end = wire.fetch(node.kafka, topic, 0, 0)
            assert end == COUNT, f"{topic} ends at {end}"
            assert {batch.codec for batch in batches} == {wire.CODECS[codec]}, f"{topic} is stored with codecs {[batch.codec for batch in batches]}"
            size, plain = sum(len(batch.bytes) for batch in batches), sum(len(key) + len(value) for key, value in pairs)
            assert size > plain if codec == "none" else size < plain / 3, f"{topic}: {size} bytes stored for {plain}"
            stored[topic] = batches
            assert [(m.key().decode(), m.value().decode()) for m in consume_confluent(node, topic, COUNT)] == pairs, topic
            if client != "kcat" or codec == "zstd":
                assert consume_kcat(node, topic) == pairs, topic
            if client != "kafka-python":
                assert consume_python(node, topic, COUNT) == pairs, topic
    node.stop()
    files = wire.stored_bytes(node.data)
    for topic, batches in stored.items():
        for batch in batches:
            assert any(batch.bytes in content for content in files), f"{topic}: batch at {batch.base_offset} is in no segment file as it was fetched"
    node.start()
    for topic, batches in stored.items():  # and once more from the files
        assert [batch.bytes for batch in wire.fetch(node.kafka, topic, 0, 0)[0]] == [batch.bytes for batch in batches], topic


def test_keys_go_to_the_same_partitions(node):
    keys = [f"key-{i}" for i in range(100)] + ["", "ключ", "k" * 300]
    pairs = [(key, "v") for key in keys]
    for name in ("by-python", "by-confluent", "by-kcat", "by-firn"):
        create(node, name, 7)
    python = [partition for partition, _ in produce_python(node, "by-python", pairs)]
    confluent = [partition for partition, _ in produce_confluent(node, "by-confluent", pairs, partitioner="murmur2_random")]
    differing = [key for key, a, b in zip(keys, python, confluent) if a != b and key != ""]  # librdkafka takes an empty key for none
    assert not differing, f"kafka-python and confluent-kafka put {differing} apart"
    produce_kcat(node, "by-kcat", pairs, options=("-X", "topic.partitioner=murmur2_random"))
    subprocess.run([str(firn.BINARY), "topic", "produce", "by-firn", "--bootstrap-server", node.kafka, "--key-separator", "\t"],
                   input="".join(f"{k}\t{v}\n" for k, v in pairs), text=True, check=True, timeout=20, capture_output=True)
    expected = dict(zip(keys, python))
    for topic in ("by-kcat", "by-firn"):
        found = consume_confluent(node, topic, len(pairs), range(7))
        assert len(found) == len(pairs), f"{topic}: {len(found)} records"
        got = {(message.key() or b"").decode(): message.partition() for message in found}
        differing = {key: (got.get(key), expected[key]) for key in keys if key != "" and got.get(key) != expected[key]}
        assert not differing, f"{topic} against kafka-python: {differing}"


def test_what_a_record_carries_comes_back(node):
    create(node, "carried")
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka})
    sent = [(None, None, [], 1_600_000_000_000), (b"", b"", [("h", b"")], 1_600_000_000_001), (b"\0\xff", b"\0" * 1000, [("a", b"1"), ("a", None), ("", b"2")], 1_500_000_000_000)]
    for key, value, headers, timestamp in sent:
        producer.produce("carried", key=key, value=value, headers=headers, timestamp=timestamp)
    assert producer.flush(10) == 0
    got = [(m.key(), m.value(), m.headers() or [], m.timestamp()) for m in consume_confluent(node, "carried", len(sent))]
    assert got == [(key, value, headers, (confluent_kafka.TIMESTAMP_CREATE_TIME, timestamp)) for key, value, headers, timestamp in sent], got


def test_topics_with_their_own_time_and_codec(node):
    create(node, "own-time", message_timestamp_type="LogAppendTime")
    create(node, "own-codec", compression_type="lz4")
    before = int(time.time() * 1000)
    produce_confluent(node, "own-time", [("k", "v")])
    kind, timestamp = consume_confluent(node, "own-time", 1)[0].timestamp()
    assert kind == confluent_kafka.TIMESTAMP_LOG_APPEND_TIME and before - 1000 <= timestamp <= time.time() * 1000 + 1000, (kind, timestamp)
    pairs = records("own-codec")
    produce_python(node, "own-codec", pairs, "gzip")
    assert {batch.codec for batch in wire.fetch(node.kafka, "own-codec", 0, 0)[0]} == {wire.CODECS["lz4"]}
    assert consume_python(node, "own-codec", COUNT) == pairs


def test_too_large_is_refused_and_the_rest_goes_on(node):
    create(node, "small", max_message_bytes="2000")
    failures = []
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka, "linger.ms": 0})
    for size in (100, 5000, 100):
        producer.produce("small", b"x" * size, on_delivery=lambda error, message: failures.append(error.code() if error else None))
        producer.flush(10)
    assert failures == [None, confluent_kafka.KafkaError.MSG_SIZE_TOO_LARGE, None], failures
    python = kafka.KafkaProducer(bootstrap_servers=node.kafka)
    try:
        python.send("small", b"x" * 5000).get(10)
        raise AssertionError("5000 bytes were accepted")
    except kafka.errors.MessageSizeTooLargeError:
        pass
    python.close()


def test_acks_zero_and_one(node):
    create(node, "unacknowledged")
    for acks in (0, 1):
        producer = kafka.KafkaProducer(bootstrap_servers=node.kafka, acks=acks, enable_idempotence=False)
        for i in range(50):
            producer.send("unacknowledged", f"{acks}-{i}".encode())
        producer.flush(10)
        producer.close()
    checks.wait_until(lambda: wire.fetch(node.kafka, "unacknowledged", 0, 0)[1] == 100, "100 records")


def test_topics_are_made_by_producing(node):
    assert produce_confluent(node, "made-by-confluent", [("k", "v")]) == [(0, 0)]
    assert produce_python(node, "made-by-python", [("k", "v")]) == [(0, 0)]
    produce_kcat(node, "made-by-kcat", [("k", "v")])
    assert consume_kcat(node, "made-by-kcat") == [("k", "v")]


def test_transactional_producers_fail_at_once(node):
    """There are no transactions yet: who wants one is told so, and does not wait for his time to be over."""
    begin = time.monotonic()
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka, "transactional.id": "tx", "log_level": 0})
    try:
        producer.init_transactions(60)
        raise AssertionError("a transactional producer begins")
    except confluent_kafka.KafkaException as refused:
        assert refused.args[0].fatal() and "transactional id 'tx': transactions are not supported" in refused.args[0].str(), refused
    producer = kafka.KafkaProducer(bootstrap_servers=node.kafka, transactional_id="tx", transaction_timeout_ms=60_000)
    try:
        producer.init_transactions()
        raise AssertionError("a transactional producer begins")
    except kafka.errors.KafkaError as refused:
        assert "InvalidRequestError" in str(refused), repr(refused)
    producer.close(1)
    assert time.monotonic() - begin < 20 * PATIENCE, time.monotonic() - begin


def test_idempotent_producers_live_across_kill(node):
    """Both clients go on through three kills: each acknowledged record is there once, in order."""
    create(node, "killed-confluent")
    create(node, "killed-python")
    acked = {"killed-confluent": {}, "killed-python": {}}
    failures = []
    stopping = threading.Event()

    def with_confluent():
        producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka, "enable.idempotence": True, "linger.ms": 1, "log_level": 0,
                                             "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100, "retry.backoff.ms": 20})

        def deliver(error, message):
            if error is not None:
                failures.append(f"confluent: {error}")
            else:
                acked["killed-confluent"][message.offset()] = message.value()
        number = 0
        while not stopping.is_set():
            for _ in range(10):
                producer.produce("killed-confluent", str(number), on_delivery=deliver)
                number += 1
            producer.poll(0.01)
        if producer.flush(30):
            failures.append("confluent: records were never acknowledged")

    def with_python():
        producer = kafka.KafkaProducer(bootstrap_servers=node.kafka, linger_ms=1, reconnect_backoff_ms=20, reconnect_backoff_max_ms=100, retry_backoff_ms=20,
                                       delivery_timeout_ms=60_000, request_timeout_ms=5_000)
        futures = []
        while not stopping.is_set():
            for _ in range(5):
                futures.append(producer.send("killed-python", str(len(futures)).encode()))
            time.sleep(0.02)
        for number, future in enumerate(futures):
            acked["killed-python"][future.get(30).offset] = str(number).encode()
        producer.close()

    def guarded(work):
        try:
            work()
        except Exception as problem:  # noqa: BLE001
            failures.append(f"{work.__name__}: {problem!r}")

    threads = [threading.Thread(target=guarded, args=(work,)) for work in (with_confluent, with_python)]
    for thread in threads:
        thread.start()
    moments = random.Random(7)
    for _ in range(3):
        time.sleep(0.4 + moments.random() * 0.4)
        node.kill()
        node.start()
    time.sleep(0.5)
    stopping.set()
    for thread in threads:
        thread.join(60)
    assert not failures, failures
    for topic, by_offset in acked.items():
        values = [message.value() for message in consume_confluent(node, topic, len(by_offset))]
        expected = [str(i).encode() for i in range(len(by_offset))]
        first = next((i for i, (a, b) in enumerate(zip(values, expected)) if a != b), min(len(values), len(expected)))
        assert values == expected, f"{topic}: {len(values)} records for {len(by_offset)} acknowledged; from {first} on {values[first:first + 20]}, the same ones: {sorted(values) == sorted(expected)}"
        assert {offset: values[offset] for offset in by_offset} == by_offset, f"{topic}: acknowledged with other offsets"


if __name__ == "__main__":
    with firn.Node(kafka_port=firn.free_port()) as running:
        sys.exit(checks.run(sys.modules[__name__], running, sys.argv[1:]))
