#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Large batches under kill -9: large_batches.py [--rounds N] [--seed S]

librdkafka produces batches of up to 1 MB, which are written from where they were received, with space before them, into journal and segments. The node is killed with SIGKILL
at a random moment and started again; then everything is read, with checksums: each offset once, every record that was acknowledged once and in order.
"""
import argparse
import pathlib
import random
import struct
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import confluent_kafka  # noqa: E402
import firn  # noqa: E402
from command import firn as run_firn  # noqa: E402

PARTITIONS = [("one", 0), ("three", 0), ("three", 1), ("three", 2)]
READ_SECONDS = 60


class Partition:
    def __init__(self):
        self.next = 0       # number of the next record, never used before
        self.acked = []

    def note(self, number):
        def delivered(error, _):
            if error is None:
                self.acked.append(number)
        return delivered

    def check(self, numbers):
        assert len(numbers) == len(set(numbers)), "a record is there twice"
        known = set(self.acked)
        assert [number for number in numbers if number in known] == sorted(known), "acknowledged records are missing or out of order"
        self.next = max([self.next, *(number + 1 for number in numbers)])


def produce(node, partitions, choose):
    size = choose.choice([100, 1000, 10_000, 200_000])
    producer = confluent_kafka.Producer({"bootstrap.servers": node.kafka, "acks": "all", "enable.idempotence": True, "batch.size": 900_000, "linger.ms": 20, "log_level": 0})
    stop = time.monotonic() + choose.uniform(0.3, 1.5)
    while time.monotonic() < stop:
        topic, index = choose.choice(PARTITIONS)
        partition = partitions[topic, index]
        try:
            producer.produce(topic, struct.pack("<q", partition.next) + choose.randbytes(8) * (size // 8), partition=index, on_delivery=partition.note(partition.next))
            partition.next += 1
            producer.poll(0)
        except BufferError:
            producer.poll(0.01)
    node.kill()
    producer.purge()
    producer.flush(5)


def numbers_of(node, topic, index, choose):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": node.kafka, "group.id": "reader", "enable.auto.commit": False, "check.crcs": True, "enable.partition.eof": True,
                                         "fetch.message.max.bytes": choose.choice([100_000, 1_000_000, 20_000_000])})
    consumer.assign([confluent_kafka.TopicPartition(topic, index, 0)])
    numbers = []
    deadline = time.monotonic() + READ_SECONDS * firn.PATIENCE
    at_end = False
    while not at_end:
        assert time.monotonic() < deadline, f"{topic}-{index} has no end within {READ_SECONDS} s, {len(numbers)} records are read"
        for message in consumer.consume(10_000, 1.0):
            if message.error() is not None:
                assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
                at_end = True
                continue
            assert message.offset() == len(numbers), f"{topic}-{index}: offset {message.offset()} follows {len(numbers) - 1}"
            numbers.append(struct.unpack("<q", message.value()[:8])[0])
    consumer.close()
    return numbers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    choose = random.Random(arguments.seed)
    partitions = {place: Partition() for place in PARTITIONS}
    with tempfile.TemporaryDirectory(prefix="firn-large-") as folder:
        for round_number in range(arguments.rounds + 1):
            with firn.Node(pathlib.Path(folder) / "lake") as node:
                if round_number == 0:
                    for topic, count in (("one", 1), ("three", 3)):
                        assert run_firn("topic", "create", topic, "--partitions", count, "--bootstrap-server", node.kafka).code == 0
                for (topic, index), partition in partitions.items():
                    partition.check(numbers_of(node, topic, index, choose))
                if round_number < arguments.rounds:
                    produce(node, partitions, choose)
    counts = {f"{topic}-{index}": len(partition.acked) for (topic, index), partition in partitions.items()}
    print(f"{arguments.rounds} kills, acknowledged and read: {counts}")


if __name__ == "__main__":
    main()
