#!/usr/bin/env python3
"""Administration against the real binary, by kafka-python, confluent-kafka and kcat: kafka_admin_test.py [NAME ...]"""
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import checks  # noqa: E402
import confluent_kafka  # noqa: E402
import confluent_kafka.admin as admin  # noqa: E402
import firn  # noqa: E402
import kafka  # noqa: E402
import kafka.admin  # noqa: E402
import kafka_wire as wire  # noqa: E402

Code = confluent_kafka.KafkaError
BEGIN_MS = int(time.time() * 1000) - 60_000


CLIENTS = {}  # by address: an AdminClient that nobody holds ends its requests


def client(node):
    if node.kafka not in CLIENTS:
        CLIENTS[node.kafka] = admin.AdminClient({"bootstrap.servers": node.kafka, "log_level": 0, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100})
    return CLIENTS[node.kafka]


def outcome(futures):
    """Name -> None or the error code."""
    found = {}
    for name, future in futures.items():
        try:
            future.result(10)
            found[name] = None
        except confluent_kafka.KafkaException as problem:
            found[name] = problem.args[0].code()
    return found


def test_topics_are_created_or_refused_each_for_itself(node):
    new = admin.NewTopic
    got = outcome(client(node).create_topics([
        new("plain", 3, 1), new("many-replicas", 1, 3), new("configured", 1, 1, config={"retention.ms": "60000", "cleanup.policy": "delete"}), new("by-default", -1, -1),
        new("no-partitions", 0, 1), new("bad name", 1, 1), new("..", 1, 1), new("n" * 250, 1, 1), new("bad-config", 1, 1, config={"retention.ms": "soon"}),
        new("unknown-config", 1, 1, config={"no.such.thing": "1"})], operation_timeout=10))
    assert {name: code for name, code in got.items() if code is None} == dict.fromkeys(["plain", "many-replicas", "configured", "by-default"]), got
    assert got["no-partitions"] == Code.INVALID_PARTITIONS and got["bad-config"] == got["unknown-config"] == Code.INVALID_CONFIG, got
    assert got["bad name"] == got[".."] == got["n" * 250] == Code.TOPIC_EXCEPTION, got
    assert outcome(client(node).create_topics([new("plain", 1, 1)])) == {"plain": Code.TOPIC_ALREADY_EXISTS}
    topics = client(node).list_topics(timeout=10).topics
    assert {"plain": 3, "many-replicas": 1, "configured": 1, "by-default": 1}.items() <= {name: len(t.partitions) for name, t in topics.items()}.items()
    assert all(list(p.replicas) == [1] and list(p.isrs) == [1] and p.leader == 1 for t in topics.values() for p in t.partitions.values())


def test_a_deleted_topic_is_gone_and_starts_anew(node):
    outcome(client(node).create_topics([admin.NewTopic("again", 1, 1)]))
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka})
    producer.produce("again", "old")
    assert producer.flush(10) == 0

    def topic_id():
        return str(client(node).describe_topics(confluent_kafka.TopicCollection(["again"]))["again"].result(10).topic_id)
    first = topic_id()
    assert outcome(client(node).delete_topics(["again", "never-there"])) == {"again": None, "never-there": Code.UNKNOWN_TOPIC_OR_PART}
    assert "again" not in client(node).list_topics(timeout=10).topics
    outcome(client(node).create_topics([admin.NewTopic("again", 1, 1)]))
    assert wire.fetch(node.kafka, "again", 0, 0) == ([], 0)
    assert topic_id() != first, "a topic that is made again must have another id"


def test_partitions_can_be_added_only(node):
    outcome(client(node).create_topics([admin.NewTopic("growing", 1, 1)]))
    assert outcome(client(node).create_partitions([admin.NewPartitions("growing", 4), admin.NewPartitions("nowhere", 4)])) == {
        "growing": None, "nowhere": Code.UNKNOWN_TOPIC_OR_PART}
    assert outcome(client(node).create_partitions([admin.NewPartitions("growing", 2)])) == {"growing": Code.INVALID_PARTITIONS}
    assert len(client(node).list_topics("growing", timeout=10).topics["growing"].partitions) == 4
    producer = kafka.KafkaProducer(bootstrap_servers=node.kafka)
    assert producer.send("growing", b"x", partition=3).get(10).offset == 0
    producer.close()


def configs(node, topic):
    resource = admin.ConfigResource(admin.ConfigResource.Type.TOPIC, topic)
    return {name: entry.value for name, entry in client(node).describe_configs([resource])[resource].result(10).items()}


def test_settings_are_described_and_altered(node):
    outcome(client(node).create_topics([admin.NewTopic("tuned", 1, 1, config={"segment.bytes": "1048576"})]))
    expected = {"max.message.bytes": "1048588", "retention.ms": "604800000", "segment.bytes": "1048576", "cleanup.policy": "delete", "compression.type": "producer",
                "message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": "3600000"}
    assert expected.items() <= configs(node, "tuned").items(), configs(node, "tuned")

    def alter(name, value, operation=admin.AlterConfigOpType.SET):
        resource = admin.ConfigResource(admin.ConfigResource.Type.TOPIC, "tuned", incremental_configs=[admin.ConfigEntry(name, value, incremental_operation=operation)])
        return list(outcome(client(node).incremental_alter_configs([resource])).values())[0]
    assert alter("retention.ms", "1234567") is None and configs(node, "tuned")["retention.ms"] == "1234567"
    assert alter("retention.ms", "never") == Code.INVALID_CONFIG and alter("no.such.thing", "1") == Code.INVALID_CONFIG
    node.kill()
    node.start()
    assert configs(node, "tuned")["retention.ms"] == "1234567", "a setting did not survive kill -9"
    assert alter("retention.ms", None, admin.AlterConfigOpType.DELETE) is None and configs(node, "tuned")["retention.ms"] == "604800000"
    broker = admin.ConfigResource(admin.ConfigResource.Type.BROKER, "1")
    assert client(node).describe_configs([broker])[broker].result(10), "the broker has no settings"


def test_records_are_deleted_up_to_an_offset(node):
    producer = kafka.KafkaProducer(bootstrap_servers=node.kafka)
    for number in range(10):
        producer.send("shortened", str(number).encode(), partition=0).get(10)
    producer.close()
    tp = confluent_kafka.TopicPartition
    got = client(node).delete_records([tp("shortened", 0, 4)])
    assert [future.result(10).low_watermark for future in got.values()] == [4]
    consumer = confluent_kafka.Consumer({"bootstrap.servers": node.kafka, "group.id": "unused", "auto.offset.reset": "earliest"})
    assert consumer.get_watermark_offsets(tp("shortened", 0), 10) == (4, 10)
    consumer.assign([tp("shortened", 0, 0)])
    assert consumer.consume(1, 10)[0].value() == b"4"
    consumer.close()
    assert outcome(client(node).delete_records([tp("shortened", 0, 11)])) == {tp("shortened", 0): Code.OFFSET_OUT_OF_RANGE}
    client(node).delete_records([tp("shortened", 0, confluent_kafka.OFFSET_END)])[tp("shortened", 0)].result(10)
    node.kill()
    node.start()
    assert wire.fetch(node.kafka, "shortened", 0, 10) == ([], 10)


def test_the_cluster_describes_itself(node):
    described = client(node).describe_cluster().result(10)
    assert [(b.id, f"{b.host}:{b.port}") for b in described.nodes] == [(1, node.kafka)] and described.controller.id == 1, vars(described)
    python = kafka.KafkaAdminClient(bootstrap_servers=node.kafka)
    cluster_id = python.describe_cluster()["cluster_id"]
    python.close()
    assert cluster_id == described.cluster_id and len(cluster_id) == 22, (cluster_id, described.cluster_id)
    node.kill()
    node.start()
    assert client(node).describe_cluster().result(10).cluster_id == cluster_id, "the cluster's id did not survive kill -9"


def test_offsets_by_specification(node):
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka})
    for number in range(5):
        producer.produce("specified", str(number), partition=0, timestamp=BEGIN_MS + (number if number != 2 else 100))
        assert producer.flush(10) == 0
    tp = confluent_kafka.TopicPartition("specified", 0)
    for specification, expected in ((admin.OffsetSpec.earliest(), 0), (admin.OffsetSpec.latest(), 5), (admin.OffsetSpec.max_timestamp(), 2), (admin.OffsetSpec.for_timestamp(BEGIN_MS + 3), 2)):
        assert client(node).list_offsets({tp: specification})[tp].result(10).offset == expected, specification


def test_kcat_lists(node):
    outcome(client(node).create_topics([admin.NewTopic("kcat-lists", 2, 1)]))
    listed = json.loads(subprocess.run(["kcat", "-b", node.kafka, "-L", "-J"], capture_output=True, text=True, timeout=10, check=True).stdout)
    assert [(b["id"], b["name"]) for b in listed["brokers"]] == [(1, node.kafka)]
    assert [len(t["partitions"]) for t in listed["topics"] if t["topic"] == "kcat-lists"] == [2]


if __name__ == "__main__":
    with firn.Node(kafka_port=firn.free_port()) as running:
        sys.exit(checks.run(sys.modules[__name__], running, sys.argv[1:]))
