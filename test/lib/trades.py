"""A real Kafka client that produces trades without pause, whatever happens to the node, and knows what was acknowledged."""
import json
import random
import sys
import threading
import time

import confluent_kafka
import firn


class Load(threading.Thread):
    """Produces until told to stop; keeps what was acknowledged, in order of the acknowledgements' offsets."""

    def __init__(self, port, seed):
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.producer = confluent_kafka.Producer({
            "bootstrap.servers": f"127.0.0.1:{port}", "enable.idempotence": True, "acks": "all", "linger.ms": 2, "message.timeout.ms": 120_000,
            "log_level": 0, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100, "retry.backoff.ms": 20})
        self.stopping = threading.Event()
        self.acked = {}   # offset -> record
        self.failed = []
        self.now_ms = 1_700_000_000_000

    def deliver(self, error, message):
        if error is not None:
            self.failed.append(str(error))
        elif message.offset() in self.acked:
            self.failed.append(f"offset {message.offset()} was acknowledged twice")
        else:
            self.acked[message.offset()] = json.loads(message.value())

    def send(self, timestamp_ms):
        record = {"symbol": self.random.choice(["BTC", "ETH", "SOL"]), "price": self.random.randint(10_000, 11_000) / 100, "qty": self.random.randint(1, 1000) / 8,
                  "ts": timestamp_ms, "side": self.random.choice(["buy", "sell"])}
        self.producer.produce("trades", json.dumps(record), partition=0, on_delivery=self.deliver)

    def run(self):
        while not self.stopping.is_set():
            for _ in range(20):
                self.now_ms += self.random.randint(1, 60)
                self.send(self.now_ms - self.random.randint(0, 3000))  # out of order within the watermark's delay
            self.producer.poll(0.01)

    def finish(self):
        self.stopping.set()
        self.join()
        self.send(self.now_ms + 600_000)  # closes every window before it
        left = self.producer.flush(60)
        if left:
            self.failed.append(f"{left} records were never acknowledged")


def run_under_kills(node, kafka_port, statements, rounds, seed):
    """Runs `statements` on a started node and produces into `trades`, while the node is killed with SIGKILL `rounds` times at random moments and started again.
    Returns the load: all of it is acknowledged, or in its `failed`."""
    choose = random.Random(seed)
    load = Load(kafka_port, seed)
    load.send(load.now_ms)  # makes the topic
    load.producer.flush(20)
    session = firn.Session(node.sql)
    for statement in statements:
        session.execute(statement)
    load.start()
    for _ in range(rounds):
        time.sleep(choose.uniform(0.02, 0.9))
        node.kill()
        node.start()
    load.finish()
    return load


def stop_and_report(node, problems, checked):
    """Stops the node, which must end well, says what is wrong or that `checked` is there exactly once, and ends the test."""
    if problems:
        print(node.log_tail())
    code = node.stop()
    if code != 0:
        problems.append(f"the clean stop ended with {code}")
    for problem in problems:
        print("FAIL", problem)
    print(f"{checked}: {'FAILED' if problems else 'exactly once'}")
    sys.exit(1 if problems else 0)
