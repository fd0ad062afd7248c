"""What every measurement uses: lines of JSON, a process's processor time and memory, topics and records."""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test/lib"))
import firn  # noqa: E402, F401

BINARIES = ROOT / "build/release/bin"
GB = 1_000_000_000


def emit(bench, **values):
    print(json.dumps({"bench": bench, **values}), flush=True)


def round3(value):
    return round(value, 3)


def cpu_seconds(pid):
    """User and system time of the whole process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid, peak=False):
    name = "VmHWM" if peak else "VmRSS"
    line = next(line for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name))
    return round(int(line.split()[1]) / 1024, 1)


def produce(broker, topic, count, *arguments):
    """Runs bench/produce.cc against anything with an address in `kafka`; returns its report."""
    command = [BINARIES / "firn_bench_produce", "--brokers", broker.kafka, "--topic", topic, "--count", str(count), *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=600).stdout)


def admin(broker):
    from confluent_kafka.admin import AdminClient
    return AdminClient({"bootstrap.servers": broker.kafka, "log_level": 0})


def create_topic(broker, topic, partitions, **settings):
    from confluent_kafka.admin import NewTopic
    client = admin(broker)  # must outlive the answers
    for future in client.create_topics([NewTopic(topic, num_partitions=partitions, config=settings)]).values():
        future.result(10)


def delete_topic(broker, topic):
    client = admin(broker)
    for future in client.delete_topics([topic]).values():
        future.result(30)
