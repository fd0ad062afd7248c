#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that is really full: full_disk_test.py

The data directory is on a small file system of its own (a tmpfs in a private mount namespace: needs root, else the test is skipped and says so). Records are
produced, and a job writes them into an Iceberg table, until there is no space. The producer, /readyz, the metrics, the job and the log say so; nothing acknowledged is
lost, not by a kill while the disk is full either; when space returns, all of it goes on by itself, and the table has every record once.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import checks  # noqa: E402
import confluent_kafka  # noqa: E402
import firn  # noqa: E402
from command import firn as run_firn  # noqa: E402

SKIPPED = 77                    # CTest's SKIP_RETURN_CODE
DISK_MB, BALLAST_MB = 1160, 860 # two journal files take 256 of them; what is in them is to fit into segments and the table later
RECORD_BYTES = 400_000
STORAGE_ERROR = confluent_kafka.KafkaError.KAFKA_STORAGE_ERROR


class Producer:
    """One record a request, never sent again: each is acknowledged or refused by itself."""

    def __init__(self):
        self.acknowledged = {}  # offset -> id
        self.next_id = 0
        self.client = None
        self.code = None

    def connect(self, node):
        self.client = confluent_kafka.Producer({"bootstrap.servers": node.kafka, "acks": "all", "retries": 0, "linger.ms": 0, "log_level": 0})

    def send(self):
        """The error code, 0 if it was acknowledged."""
        value = json.dumps({"id": self.next_id, "pad": os.urandom(RECORD_BYTES // 2).hex()})

        def deliver(error, message):
            self.code = error.code() if error else 0
            if self.code == 0:
                assert message.offset() not in self.acknowledged, message.offset()
                self.acknowledged[message.offset()] = self.next_id
        self.client.produce("events", value, partition=0, on_delivery=deliver)
        assert self.client.flush(60 * firn.PATIENCE) == 0, "no answer"
        self.next_id += 1
        return self.code


def readiness(node):
    try:
        with urllib.request.urlopen(f"http://{node.jobs}/readyz", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def query(node, statement):
    session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
    try:
        return session.execute(statement).texts()
    finally:
        session.close()


def job_of(node):
    return query(node, "SELECT state, failure FROM sys.jobs")[0]


def fill(node, producer):
    """Until the disk is full for the broker."""
    for _ in range(3000):
        code = producer.send()
        if code != 0:
            assert code == STORAGE_ERROR, code
            return
    raise AssertionError("the disk does not become full")


def check_topic(node, producer):
    ran = run_firn("topic", "consume", "events", "--from", "start", "--until-end", "--bootstrap-server", node.kafka)
    assert ran.code == 0, ran.err
    found = [json.loads(line)["id"] for line in ran.out.splitlines()]
    assert found == [producer.acknowledged[offset] for offset in sorted(producer.acknowledged)], f"{len(found)} records for {len(producer.acknowledged)} acknowledged ones"


def check_table(node, producer):
    """Neither a kill nor a failed write leaves a data file that no snapshot names."""
    wanted = sorted(producer.acknowledged.values())
    count = len(wanted)
    checks.wait_until(lambda: int(query(node, "SELECT COUNT(*) FROM lake.db.t")[0][0]) >= count, f"{count} rows in the table", seconds=60)
    found = [int(row[0]) for row in query(node, "SELECT id FROM lake.db.t")]
    assert sorted(found) == wanted, f"{len(found)} rows, {len(set(found))} different, for {count} acknowledged records"
    files = {row[0].removeprefix("file://") for row in query(node, "SELECT file_path FROM lake.db.t$files")}
    left = {str(path) for path in (node.data / "warehouse").rglob("*.parquet")}
    assert left == files, f"{len(left - files)} data files that no snapshot names are left, {len(files - left)} are missing"


def start_on_full_disk(node, ballast):
    """Without a byte left (for node.json) it is refused with the next step; little is enough to serve what is there, unless the job is faster to take it."""
    for _ in range(10):
        try:
            return node.start()
        except RuntimeError:
            assert node.process.returncode == 1 and "error[E1004]" in node.log_tail() and "nothing acknowledged is lost: free space on the disk of" in node.log_tail(), node.log_tail()
            os.truncate(ballast, ballast.stat().st_size - (16 << 20))
    raise AssertionError(f"no start with 160 MB: {node.log_tail()}")


SETUP = """
CREATE CATALOG lake WITH ('type'='iceberg');
CREATE DATABASE lake.db;
CREATE TABLE events (id BIGINT, pad STRING) WITH ('connector'='kafka', 'topic'='events', 'properties.bootstrap.servers'='localhost:9092', 'scan.startup.mode'='earliest-offset', 'format'='json');
CREATE TABLE lake.db.t (id BIGINT, pad STRING);
SET 'execution.checkpointing.interval' = '200ms';
SET 'restart-strategy.exponential-delay.initial-backoff' = '200ms';
SET 'restart-strategy.exponential-delay.max-backoff' = '1s';
INSERT INTO lake.db.t SELECT id, pad FROM events
"""


def run(disk):
    data, ballast = disk / "lake", disk / "ballast"
    with open(ballast, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, BALLAST_MB << 20)
    producer = Producer()
    node = firn.Node(data).start()
    producer.connect(node)
    assert run_firn("topic", "create", "events", "--bootstrap-server", node.kafka).code == 0
    session = firn.Session(node.sql)
    for statement in firn.split_statements(SETUP):
        session.execute(statement)
    session.close()

    fill(node, producer)
    print(f"full after {len(producer.acknowledged)} records")
    checks.wait_until(lambda: readiness(node)[0] == 503 or producer.send() and False, "the node is not ready")  # on its edge it may have come back
    status, text = readiness(node)
    assert status == 503 and "E1004" in text and str(data) in text and "No space left on device" in text, (status, text)
    assert node.metric("firn_storage_ready") == 0
    assert "warning: E1004 disk full" in node.log_text() and "no writes are taken until there is space again" in node.log_text(), node.log_tail()
    assert urllib.request.urlopen(f"http://{node.jobs}/healthz", timeout=20).status == 200
    checks.wait_until(lambda: job_of(node)[1] and "E1004" in job_of(node)[1], "the job says that the disk is full")
    assert job_of(node)[0] in ("RESTARTING", "RUNNING", "FAILING"), job_of(node)
    assert "is started again from its last checkpoint: E1004 disk full" in node.log_text(), node.log_tail()
    check_topic(node, producer)
    print("full and said so")

    node.kill()
    start_on_full_disk(node, ballast)
    producer.connect(node)
    check_topic(node, producer)
    fill(node, producer)
    print("killed and started on the full disk")
    assert node.stop(seconds=60) in (0, 1)
    start_on_full_disk(node, ballast)
    producer.connect(node)
    check_topic(node, producer)
    print("stopped and started on the full disk")

    ballast.unlink()
    checks.wait_until(lambda: readiness(node)[0] == 200, "the node is ready again")
    checks.wait_until(lambda: producer.send() == 0, "records are taken again")
    assert node.metric("firn_storage_ready") == 1
    checks.wait_until(lambda: job_of(node)[0] == "RUNNING", "the job runs")
    check_topic(node, producer)
    check_table(node, producer)
    print(f"{len(producer.acknowledged)} acknowledged records are in the topic and once in the table")

    node.kill()
    node.start()
    producer.connect(node)
    check_topic(node, producer)
    check_table(node, producer)
    assert node.stop() == 0
    print("and after a kill")


def main():
    if "--inside" not in sys.argv:
        probe = subprocess.run(["unshare", "-m", "true"], capture_output=True, text=True, check=False) if shutil.which("unshare") else None
        if os.geteuid() != 0 or probe is None or probe.returncode != 0:
            print(f"SKIPPED: no file system of its own can be mounted: {'not root' if os.geteuid() != 0 else 'no unshare' if probe is None else probe.stderr.strip()}")
            sys.exit(SKIPPED)
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv, "--inside"])
    with tempfile.TemporaryDirectory(prefix="firn-disk-") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", folder], check=True)
        try:
            run(pathlib.Path(folder))
        except Exception:
            subprocess.run(["df", folder], check=False)
            raise
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


main()
