#!/usr/bin/env python3
"""Consumer groups against the real binary: kafka_groups_test.py [NAME ...]"""
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import checks  # noqa: E402
import confluent_kafka  # noqa: E402
import confluent_kafka.admin  # noqa: E402
import firn  # noqa: E402
import kafka  # noqa: E402
import kafka.admin  # noqa: E402
import kafka.errors  # noqa: E402

PARTITIONS = 4
BEGIN_MS = int(time.time() * 1000) - 3_600_000  # older than the retention time they would be deleted


def create_filled(node, topic, per_partition=25, partitions=PARTITIONS):
    """Values are "PARTITION-NUMBER", timestamps BEGIN_MS + NUMBER."""
    admin = kafka.KafkaAdminClient(bootstrap_servers=node.kafka)
    admin.create_topics([kafka.admin.NewTopic(topic, partitions, 1)])
    admin.close()
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka})
    for number in range(per_partition):
        for partition in range(partitions):
            producer.produce(topic, f"{partition}-{number}", partition=partition, timestamp=BEGIN_MS + number)
    assert producer.flush(10) == 0


class Member(threading.Thread):
    """A confluent-kafka consumer of a group in a thread of its own."""

    def __init__(self, node, group, topic, **options):
        super().__init__(daemon=True)
        self.consumer = confluent_kafka.Consumer({
            "bootstrap.servers": node.kafka, "group.id": group, "auto.offset.reset": "earliest", "session.timeout.ms": 6000, "heartbeat.interval.ms": 200,
            "enable.auto.commit": False, "log_level": 0, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100, **options})
        self.values = []
        self.assigned = None
        self.changes = []
        self.stopping = threading.Event()
        self.consumer.subscribe([topic], on_assign=self.on_assign, on_revoke=self.on_revoke)
        self.start()

    def on_assign(self, _, partitions):
        self.assigned = sorted(p.partition for p in partitions)
        self.changes.append(("assigned", self.assigned))

    def on_revoke(self, _, partitions):
        self.assigned = None
        self.changes.append(("revoked", sorted(p.partition for p in partitions)))

    def run(self):
        while not self.stopping.is_set():
            for message in self.consumer.consume(100, 0.05):
                if message.error() is None:
                    self.values.append(message.value().decode())

    def stop(self, commit=None):
        """`commit`: what Consumer.commit is to be called with before it leaves (once nobody consumes any more: librdkafka would wait for ever)."""
        self.stopping.set()
        self.join(10)
        if commit is not None:
            self.consumer.commit(asynchronous=False, **commit)
        self.consumer.close()


def all_values(per_partition=25, partitions=PARTITIONS):
    return sorted(f"{p}-{n}" for p in range(partitions) for n in range(per_partition))


def test_members_share_partitions_and_rebalance(node):
    create_filled(node, "shared")
    first = Member(node, "sharing", "shared")
    checks.wait_until(lambda: first.assigned == [0, 1, 2, 3], "the only member has all partitions")
    checks.wait_until(lambda: sorted(first.values) == all_values(), "it has read all")
    second = Member(node, "sharing", "shared")
    checks.wait_until(lambda: first.assigned and second.assigned and sorted(first.assigned + second.assigned) == [0, 1, 2, 3] and len(first.assigned) == 2,
                      "two members have two partitions each")
    first.stop()
    checks.wait_until(lambda: second.assigned == [0, 1, 2, 3], "the one that stays has all again")
    second.stop()


def test_cooperative_members_keep_what_they_have(node):
    create_filled(node, "cooperative")
    moved = []

    class Cooperative(Member):
        def on_assign(self, consumer, partitions):
            self.assigned = sorted((self.assigned or []) + [p.partition for p in partitions])
            consumer.incremental_assign(partitions)

        def on_revoke(self, consumer, partitions):
            moved.extend(p.partition for p in partitions)
            self.assigned = sorted(set(self.assigned or []) - {p.partition for p in partitions})
            consumer.incremental_unassign(partitions)

    options = {"partition.assignment.strategy": "cooperative-sticky"}
    first = Cooperative(node, "cooperating", "cooperative", **options)
    checks.wait_until(lambda: first.assigned == [0, 1, 2, 3], "the only member has all partitions")
    second = Cooperative(node, "cooperating", "cooperative", **options)
    checks.wait_until(lambda: second.assigned and len(second.assigned) == 2 and sorted(first.assigned + second.assigned) == [0, 1, 2, 3], "two each")
    assert len(moved) == 2, f"partitions {moved} were taken away; two had to be"
    first.stop()
    second.stop()


class PythonMember(threading.Thread, kafka.ConsumerRebalanceListener):
    """A kafka-python consumer of a group in a thread of its own. Its polls are long: one that ends while the answer to a SyncGroup is on its way leaves kafka-python outside of its group."""

    def __init__(self, node, group, topic):
        super().__init__(daemon=True)
        self.consumer = kafka.KafkaConsumer(bootstrap_servers=node.kafka, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False,
                                            session_timeout_ms=6000, heartbeat_interval_ms=300)
        self.values = []
        self.assigned = None
        self.committed = 0
        self.stopping = threading.Event()
        self.consumer.partitions_for_topic(topic)  # kafka-python may else join before it knows the partitions, and assigns none of them
        self.consumer.subscribe([topic], listener=self)
        self.start()

    def on_partitions_assigned(self, assigned):
        self.assigned = sorted(p.partition for p in assigned)

    def on_partitions_revoked(self, revoked):
        self.assigned = None

    def run(self):
        while not self.stopping.is_set():
            batches = self.consumer.poll(3000).values()
            self.values.extend(message.value.decode() for batch in batches for message in batch)
            if batches:
                self.commit()
        self.consumer.close()

    def commit(self):
        try:
            self.consumer.commit()
        except (kafka.errors.RebalanceInProgressError, kafka.errors.CommitFailedError):
            return  # it joins again when it learns of partitions: its positions begin anew
        self.committed = sum(self.consumer.committed(partition) or 0 for partition in self.consumer.assignment())


def test_kafka_python_members_rebalance(node):
    create_filled(node, "python-shared")
    first = PythonMember(node, "python-sharing", "python-shared")
    checks.wait_until(lambda: first.assigned == [0, 1, 2, 3] and sorted(set(first.values)) == all_values(), "the only member reads all")
    checks.wait_until(lambda: first.committed == len(all_values()), "all that was read is committed")
    first.values.clear()
    second = PythonMember(node, "python-sharing", "python-shared")
    checks.wait_until(lambda: first.assigned and second.assigned and len(first.assigned) == 2 and sorted(first.assigned + second.assigned) == [0, 1, 2, 3],
                      "two members have two partitions each")
    first.stopping.set()
    checks.wait_until(lambda: second.assigned == [0, 1, 2, 3], "the one that stays has all again")
    second.stopping.set()
    for member in (first, second):
        member.join(20)
        assert not member.is_alive(), "it has left"
    assert first.values + second.values == [], "records were read again though they were committed"


def test_kcat_balances_with_others(node):
    create_filled(node, "kcat-shared", 5)
    command = ["kcat", "-b", node.kafka, "-G", "kcat-group", "-X", "auto.offset.reset=earliest", "-q", "-e", "-f", "%s\n", "kcat-shared"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.split()
    assert sorted(found) == all_values(5), found
    assert subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout == "", "committed offsets were not kept"


def test_seek_and_times(node):
    create_filled(node, "sought", 50, 1)
    tp = confluent_kafka.TopicPartition

    consumer = confluent_kafka.Consumer({"bootstrap.servers": node.kafka, "group.id": "seeking", "enable.auto.commit": False})
    consumer.assign([tp("sought", 0, 10)])
    assert consumer.consume(1, 10)[0].offset() == 10
    for offset in (45, 3, 0, 49):
        consumer.seek(tp("sought", 0, offset))
        message = consumer.consume(1, 10)[0]
        assert (message.offset(), message.value()) == (offset, f"0-{offset}".encode())
    assert consumer.get_watermark_offsets(tp("sought", 0)) == (0, 50)
    times = {0: 0, 20: 20, 49: 49, 50: -1, -5: 0}
    for timestamp, offset in times.items():
        got = consumer.offsets_for_times([tp("sought", 0, BEGIN_MS + timestamp)], 10)[0]
        assert got.offset == offset and got.error is None, (timestamp, got)
    consumer.close()

    python = kafka.KafkaConsumer(bootstrap_servers=node.kafka)
    partition = kafka.TopicPartition("sought", 0)
    python.assign([partition])
    python.seek(partition, 33)
    assert next(python).offset == 33
    python.seek_to_beginning(partition)
    assert next(python).offset == 0
    assert python.end_offsets([partition]) == {partition: 50} and python.beginning_offsets([partition]) == {partition: 0}
    found = python.offsets_for_times({partition: BEGIN_MS + 30})[partition]
    assert (found.offset, found.timestamp) == (30, BEGIN_MS + 30), found
    python.close()


def test_an_offset_out_of_range_resets(node):
    create_filled(node, "ranged", 10, 1)
    for reset, expected in (("earliest", 0), ("latest", 10)):
        consumer = confluent_kafka.Consumer({"bootstrap.servers": node.kafka, "group.id": "ranging", "auto.offset.reset": reset, "enable.auto.commit": False, "log_level": 0})
        consumer.assign([confluent_kafka.TopicPartition("ranged", 0, 1000)])
        if reset == "latest":
            assert consumer.consume(1, 1) == []
            producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka})
            producer.produce("ranged", "new")
            assert producer.flush(10) == 0
        assert consumer.consume(1, 10)[0].offset() == expected
        consumer.close()


def test_commits_are_kept_with_metadata_and_across_kill(node):
    create_filled(node, "committed", 30)
    consumer = confluent_kafka.Consumer({"bootstrap.servers": node.kafka, "group.id": "committing", "enable.auto.commit": False, "log_level": 0})
    offsets = [confluent_kafka.TopicPartition("committed", p, 5 + p, f"metadata of {p}") for p in range(PARTITIONS)]
    consumer.commit(offsets=offsets, asynchronous=False)

    def read_back():
        return [(p.offset, p.metadata) for p in consumer.committed([confluent_kafka.TopicPartition("committed", p) for p in range(PARTITIONS)], 10)]
    expected = [(5 + p, f"metadata of {p}") for p in range(PARTITIONS)]
    assert read_back() == expected, read_back()
    node.kill()
    node.start()
    assert read_back() == expected, read_back()
    consumer.close()
    admin = kafka.KafkaAdminClient(bootstrap_servers=node.kafka)
    listed = admin.list_group_offsets("committing")
    listed = listed.get("committing", listed) if isinstance(listed, dict) else listed
    assert sorted((tp.partition, at.offset) for tp, at in listed.items()) == [(p, 5 + p) for p in range(PARTITIONS)], listed
    admin.close()


def test_membership_survives_kill(node):
    """The node is killed under two members: they keep their partitions, without a rebalance, and commit as before."""
    create_filled(node, "lasting")
    members = [Member(node, "lasting-group", "lasting", **{"session.timeout.ms": 60_000}) for _ in range(2)]  # longer than a slow start takes
    checks.wait_until(lambda: all(m.assigned and len(m.assigned) == 2 for m in members), "two members have two partitions each")

    def described():
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": node.kafka, "log_level": 0})
        group = admin.describe_consumer_groups(["lasting-group"], request_timeout=10)["lasting-group"].result()
        return str(group.state), sorted((m.member_id, tuple(sorted(p.partition for p in m.assignment.topic_partitions))) for m in group.members)
    before = described()
    changes = [list(m.changes) for m in members]
    for _ in range(2):
        node.kill()
        node.start()
        time.sleep(0.7)  # several heartbeats
    assert described() == before, f"{described()} after the kill, {before} before"
    assert [m.changes for m in members] == changes, f"the members were told of a rebalance: {[m.changes for m in members]}"
    checks.wait_until(lambda: sorted({value for m in members for value in m.values}) == all_values(), "all is read")
    for member in members:  # with its member id and generation from before the kills
        member.stop(commit={"offsets": [confluent_kafka.TopicPartition("lasting", number, 25) for number in member.assigned]})
    committed = confluent_kafka.Consumer({"bootstrap.servers": node.kafka, "group.id": "lasting-group"})
    got = committed.committed([confluent_kafka.TopicPartition("lasting", p) for p in range(PARTITIONS)], 10)
    assert [p.offset for p in got] == [25] * PARTITIONS, got
    committed.close()


def test_static_members_come_back_without_a_rebalance(node):
    create_filled(node, "static")
    stays = Member(node, "static-group", "static", **{"group.instance.id": "a"})
    leaves = Member(node, "static-group", "static", **{"group.instance.id": "b"})
    checks.wait_until(lambda: all(m.assigned and len(m.assigned) == 2 for m in (stays, leaves)), "two each")
    mine, changes = leaves.assigned, len(stays.changes)
    leaves.stop()
    back = Member(node, "static-group", "static", **{"group.instance.id": "b"})
    checks.wait_until(lambda: back.assigned == mine, f"the member with instance id b has {mine} again")
    assert len(stays.changes) == changes, "the other member was rebalanced"
    stays.stop()
    back.stop()


def test_groups_are_listed_described_and_deleted(node):
    create_filled(node, "listed", 3)
    member = Member(node, "listed-group", "listed")
    checks.wait_until(lambda: member.assigned, "an assignment")
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": node.kafka})
    assert "listed-group" in [g.group_id for g in admin.list_consumer_groups(request_timeout=10).result().valid]
    group = admin.describe_consumer_groups(["listed-group"])["listed-group"].result()
    assert group.state.name == "STABLE" and len(group.members) == 1 and group.members[0].host in ("/127.0.0.1", "127.0.0.1"), vars(group)
    try:
        admin.delete_consumer_groups(["listed-group"])["listed-group"].result()
        raise AssertionError("a group with a member was deleted")
    except confluent_kafka.KafkaException as problem:
        assert problem.args[0].code() == confluent_kafka.KafkaError.NON_EMPTY_GROUP, problem
    member.stop(commit={"offsets": [confluent_kafka.TopicPartition("listed", 0, 2)]})
    tp = confluent_kafka.TopicPartition
    request = confluent_kafka.ConsumerGroupTopicPartitions("listed-group", [tp("listed", 0, 1)])
    admin.alter_consumer_group_offsets([request])["listed-group"].result()
    got = admin.list_consumer_group_offsets([confluent_kafka.ConsumerGroupTopicPartitions("listed-group")])["listed-group"].result()
    assert [(p.partition, p.offset) for p in got.topic_partitions] == [(0, 1)], got.topic_partitions
    python = kafka.KafkaAdminClient(bootstrap_servers=node.kafka)
    described = python.describe_groups(["listed-group"])
    assert "listed-group" in str(described), described
    python.close()
    admin.delete_consumer_groups(["listed-group"])["listed-group"].result()
    assert "listed-group" not in [g.group_id for g in admin.list_consumer_groups().result().valid]
    assert "listed-group" not in subprocess.run([str(firn.BINARY), "group", "list", "--bootstrap-server", node.kafka], capture_output=True, text=True, timeout=10, check=True).stdout


if __name__ == "__main__":
    with firn.Node(kafka_port=firn.free_port()) as running:
        sys.exit(checks.run(sys.modules[__name__], running, sys.argv[1:]))
