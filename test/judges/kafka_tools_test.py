# SPDX-License-Identifier: Apache-2.0
"""Apache Kafka's own tools, over its Java clients, against a firn node. Not in the suite: it needs Java 17 or later and Maven, and fetches some 60 MB once.

    .deps/clients/bin/python test/judges/kafka_tools_test.py
"""
import json
import pathlib
import re
import tempfile
import unittest

from java import Jars
from firn import Node  # found by java

TOOLS = "org.apache.kafka.tools."
GROUPS = TOOLS + "consumer.group.ConsumerGroupCommand"


class KafkaTools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.jars = Jars("kafka_tools")
        cls.node = Node().start()

    @classmethod
    def tearDownClass(cls):
        cls.node.__exit__(None, None, None)

    def tool(self, name, *arguments, stdin=""):
        return self.jars.run(name, "--bootstrap-server", f"127.0.0.1:{self.node.ports['kafka']}", *arguments, stdin=stdin)

    def create(self, topic, partitions, *configs):
        settings = [argument for config in configs for argument in ("--config", config)]
        self.assertIn(f"Created topic {topic}.", self.tool(TOOLS + "TopicCommand", "--create", "--topic", topic, "--partitions", partitions, *settings))

    def test_topics(self):
        self.create("made", 2, "retention.ms=3600000")
        described = self.tool(TOOLS + "TopicCommand", "--describe", "--topic", "made")
        self.assertRegex(described, r"PartitionCount: 2\s+ReplicationFactor: 1\s+Configs: retention.ms=3600000")
        self.assertEqual(len(re.findall(r"Leader: 1\s+Replicas: 1\s+Isr: 1", described)), 2)
        self.tool(TOOLS + "TopicCommand", "--alter", "--topic", "made", "--partitions", 5)
        self.assertIn("PartitionCount: 5", self.tool(TOOLS + "TopicCommand", "--describe", "--topic", "made"))
        self.tool(TOOLS + "TopicCommand", "--delete", "--topic", "made")
        self.assertNotIn("made", self.tool(TOOLS + "TopicCommand", "--list").split())

    def test_configs(self):
        self.create("tuned", 1)
        topic = ("--entity-type", "topics", "--entity-name", "tuned")
        self.assertIn("Completed updating config", self.tool(TOOLS + "ConfigCommand", *topic, "--alter", "--add-config", "max.message.bytes=2000000"))
        self.assertIn("max.message.bytes=2000000", self.tool(TOOLS + "ConfigCommand", *topic, "--describe"))

    def test_producers_and_consumers(self):
        self.create("loaded", 3)
        server = f"bootstrap.servers=127.0.0.1:{self.node.ports['kafka']}"
        for settings in ((), ("compression.type=zstd",), ("compression.type=lz4", "batch.size=200000"), ("enable.idempotence=false", "acks=1", "compression.type=gzip")):
            report = self.jars.run(TOOLS + "ProducerPerformance", "--topic", "loaded", "--num-records", 50_000, "--record-size", 100, "--throughput", -1, "--command-property", server, *settings)
            self.assertIn("50000 records sent", report)
        ends = [int(line.rsplit(":", 1)[1]) for line in self.tool(TOOLS + "GetOffsetShell", "--topic", "loaded").splitlines() if line.startswith("loaded:")]
        self.assertEqual((len(ends), sum(ends)), (3, 200_000))
        consumed = self.tool(TOOLS + "ConsumerPerformance", "--topic", "loaded", "--num-records", 200_000, "--timeout", 30_000)
        self.assertEqual(consumed.splitlines()[-1].split(", ")[4], "200000")

    def test_groups(self):
        self.create("read", 1)
        self.tool(TOOLS + "ConsoleProducer", "--topic", "read", stdin="1\n2\n3\n4\n5\n")
        consumed = self.tool(TOOLS + "consumer.ConsoleConsumer", "--topic", "read", "--from-beginning", "--max-messages", 5, "--group", "readers", "--timeout-ms", 30_000)
        self.assertEqual([line for line in consumed.splitlines() if line.isdigit()], ["1", "2", "3", "4", "5"])
        self.assertRegex(self.tool(GROUPS, "--describe", "--group", "readers"), r"readers\s+read\s+0\s+5\s+5\s+0")
        self.assertRegex(self.tool(GROUPS, "--group", "readers", "--reset-offsets", "--to-offset", 2, "--topic", "read", "--execute"), r"readers\s+read\s+0\s+2")
        self.assertIn("readers", self.tool(GROUPS, "--list").split())
        self.assertIn("successful", self.tool(GROUPS, "--delete", "--group", "readers"))

    def test_deleted_records(self):
        self.create("cut", 1)
        self.tool(TOOLS + "ConsoleProducer", "--topic", "cut", stdin="a\nb\nc\n")
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "offsets.json"
            path.write_text(json.dumps({"version": 1, "partitions": [{"topic": "cut", "partition": 0, "offset": 2}]}))
            self.assertRegex(self.tool(TOOLS + "DeleteRecordsCommand", "--offset-json-file", path), r"cut-0\s+low_watermark: 2")
        consumed = self.tool(TOOLS + "consumer.ConsoleConsumer", "--topic", "cut", "--from-beginning", "--max-messages", 1, "--timeout-ms", 30_000)
        self.assertIn("c", consumed.splitlines())
        self.assertNotIn("a", consumed.splitlines())


if __name__ == "__main__":
    unittest.main()
