#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Damaged and foreign files in the data directory of the real binary: data_directory_test.py [NAME ...]

Damage that would lose acknowledged data is refused at the start, with the file, the place and the next step, exit code 1, and nothing changed: undone, all is there
again. Damage of one partition or one job is that one's error; everything else goes on.
"""
import contextlib
import json
import os
import pathlib
import resource
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import checks  # noqa: E402
import firn  # noqa: E402
import kafka_wire as wire  # noqa: E402
from command import firn as run_firn  # noqa: E402

JOURNAL_HEADER = 4096
JOURNAL_BLOCK = 4096
RECORDS = 40


@contextlib.contextmanager
def directory():
    with tempfile.TemporaryDirectory(prefix="firn-damage-") as folder:
        yield pathlib.Path(folder) / "lake"


def produce(node, topic, count, partition=0, begin=0, size=0):
    """One batch, one journal entry and one sync each."""
    with wire.Connection(node.kafka) as connection:
        for number in range(begin, begin + count):
            assert wire.produce(connection, topic, wire.batch(wire.record(0, b"%06d" % number + b"." * size), 1), partition)[0] == 0


def create(node, topic, partitions=1):
    ran = run_firn("topic", "create", topic, "--partitions", partitions, "--bootstrap-server", node.kafka)
    assert ran.code == 0, ran.err


def consume(node, topic, start="start", partition=0):
    return run_firn("topic", "consume", topic, "--from", start, "--until-end", "--partition", partition, "--bootstrap-server", node.kafka)


def values(node, topic, partition=0):
    ran = consume(node, topic, partition=partition)
    assert ran.code == 0, ran.err
    return [int(line.rstrip(".")) for line in ran.out.split()]


def killed_node(data, count=RECORDS):
    """A directory whose records are in the journal only."""
    node = firn.Node(data).start()
    create(node, "kept")
    produce(node, "kept", count)
    node.kill()
    shorten_journal(data)


def shorten_journal(data):
    """Journal files have 128 MB before they are written to; what is not written yet is not needed here: as if they had been made with less."""
    for path in (data / "journal").iterdir():
        size = max([JOURNAL_HEADER] + [at + size for at, size, _ in entries(path)]) + (1 << 20)
        os.truncate(path, size)
        with path.open("r+b") as file:
            header = file.read(56)
            header = header[:40] + struct.pack("<Q", size) + header[48:]
            file.seek(0)
            file.write(header + struct.pack("<I", wire.crc32c(header[8:])))


def stopped_node(data, topics=("kept",), partitions=1, count=RECORDS, size=0):
    """A directory whose records are in segments."""
    with firn.Node(data) as node:
        for topic in topics:
            create(node, topic, partitions)
            for partition in range(partitions):
                produce(node, topic, count, partition, size=size)
    shorten_journal(data)


def files(data):
    return {path: path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file() and path.name not in ("LOCK", "node.json")}


def refused(data, code, *words, **options):
    """`firn up` says what is wrong, ends with 1 and has changed nothing."""
    before = files(data) if data.is_dir() else None
    ran = run_firn("up", "--data", data, "--port-kafka", "0", "--port-sql", "0", "--port-jobs", "0", **options)
    assert (ran.code, ran.out) == (1, "") and f"error[{code}]" in ran.err, ran
    for word in words:
        assert word in ran.err, f"no {word!r} in\n{ran.err}"
    assert " = help: " in ran.err, ran.err
    assert before is None or files(data) == before, "the refusal has changed files"
    return ran.err


def all_there(data, count=RECORDS, topic="kept"):
    with firn.Node(data) as node:
        assert values(node, topic) == list(range(count))
        return node.log_tail()


@contextlib.contextmanager
def changed(path, new):
    """The file with other content, as long as the block runs. `new`: bytes, or a function of the old ones; None: no file."""
    old = path.read_bytes()
    content = new(old) if callable(new) else new
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(old)


def flip(*places):
    def change(data):
        data = bytearray(data)
        for place in places:
            data[place] ^= 0x10
        return bytes(data)
    return change


def entries(path):
    """(position, size, sequence) of the entries of a journal file."""
    data = path.read_bytes()
    found, at = [], JOURNAL_HEADER
    while True:
        if data[at:at + 4] != b"FRNJ":
            at = (at + JOURNAL_BLOCK - 1) // JOURNAL_BLOCK * JOURNAL_BLOCK  # the next group
        if data[at:at + 4] != b"FRNJ":
            return found
        payload, sequence = struct.unpack("<IQ", data[at + 12:at + 24])
        size = (40 + payload + 7) // 8 * 8
        found.append((at, size, sequence))
        at += size


def journal_of(data):
    return next(path for path in sorted((data / "journal").iterdir()) if entries(path))


def test_flipped_bits_in_the_last_entry_are_a_torn_write(_):
    for where in (lambda at, size: at + 20, lambda at, size: at + 41, lambda at, size: at + size // 2):
        with directory() as data:
            killed_node(data)
            journal = journal_of(data)
            at, size, _ = entries(journal)[-1]
            journal.write_bytes(flip(where(at, size))(journal.read_bytes()))
            with firn.Node(data) as node:
                assert values(node, "kept") == list(range(RECORDS - 1))
                produce(node, "kept", 1, begin=RECORDS - 1)
                assert "warning: the last write to the journal" in node.log_tail() and "is torn" in node.log_tail(), node.log_tail()
            assert "torn" not in all_there(data)[len(node.log_tail()):]


def test_a_journal_file_that_was_cut_is_refused(_):
    """Wherever it ends: as a torn write would, behind an entry, as a file that was never begun. What is gone can have been acknowledged."""
    with directory() as data:
        killed_node(data)
        journal = journal_of(data)
        at, size, _ = entries(journal)[-1]
        whole = journal.stat().st_size
        for length in (0, 4, JOURNAL_HEADER, at, at + size // 2, at + JOURNAL_BLOCK, whole - 1):
            with changed(journal, lambda old, length=length: old[:length]):
                refused(data, "E1005", f"{journal} has {length} bytes, " + (f"it was made with {whole}" if length >= JOURNAL_HEADER else "fewer than its header"), "restore the data directory from a backup")
        journal.write_bytes(journal.read_bytes() + b"\0" * 100)  # more than there was is no harm
        all_there(data)


def test_flipped_bits_in_the_middle_of_the_journal_are_refused(_):
    with directory() as data:
        killed_node(data)
        journal = journal_of(data)
        found = entries(journal)
        for index in (0, 3, len(found) // 2, len(found) - 2):
            at, size, sequence = found[index]
            for place in (at, at + 5, at + 13, at + 17, at + 33, at + 41, at + size - 9):
                with changed(journal, flip(place)):
                    refused(data, "E1005", f"entry {sequence} at byte {at} of {journal}", "was written after it had been acknowledged", "restore the data directory from a backup", "nothing was changed")
        with changed(journal, lambda old: old[:found[3][0]] + bytes(found[4][0] - found[3][0]) + old[found[4][0]:]):
            refused(data, "E1005", f"entry {found[3][2]} at byte {found[3][0]}")
        all_there(data)


def test_a_damaged_journal_header_is_refused(_):
    with directory() as data:
        killed_node(data)
        journal = journal_of(data)
        for place in (0, 5, 8, 12, 13, 16, 31, 32, 39, 40, 47, 48, 51, 56, 59):
            with changed(journal, flip(place)):
                refused(data, "E2003" if place == 8 else "E1005", str(journal))  # entries behind it: not a foreign file
        with changed(journal, None):
            refused(data, "E1005", str(journal), "missing")
        all_there(data)


def crc_at(data, at, begin, end=None):
    return data[:at] + struct.pack("<I", wire.crc32c(data[begin:end])) + data[at + 4:]


def test_data_of_a_newer_version_is_refused(_):
    with directory() as data:
        killed_node(data)
        journal = journal_of(data)
        with changed(journal, lambda old: old[:8] + struct.pack("<I", 6) + old[12:]):
            refused(data, "E2003", f"{journal} has format version 6", "version 5", "open the data directory with the firn version that wrote it")
        snapshot = next((data / "meta").iterdir())
        with changed(snapshot, lambda old: old[:8] + struct.pack("<I", 2) + old[12:]):
            refused(data, "E2003", "format version 2", str(snapshot), "open the data directory with the firn version that wrote it")
        all_there(data)


def test_a_damaged_meta_snapshot_is_refused(_):
    with directory() as data:
        stopped_node(data)
        snapshot = next((data / "meta").iterdir())
        size = snapshot.stat().st_size
        for place in (0, 12, 16, 33, 45, 59, *range(60, size, max(1, size // 20))):
            with changed(snapshot, flip(place)):
                refused(data, "E1005", str(snapshot), "damaged", "restore the data directory from a backup")
        for length in (0, 1, 59, 60, size // 2, size - 1):
            with changed(snapshot, lambda old, length=length: old[:length]):
                refused(data, "E1005", str(snapshot))
        with changed(snapshot, lambda old: old + b"\0"):
            refused(data, "E1005", str(snapshot))
        with changed(snapshot, None):
            refused(data, "E1005", str(data / "meta"), "no snapshot", "backup")
        all_there(data)


def test_foreign_files(_):
    with directory() as data:
        stopped_node(data)
        partition = partition_folder(data)
        for foreign in (data / "journal" / "notes.txt", data / "journal" / "123.journal", data / "meta" / ".hidden", data / "partitions" / "README", partition / "core", partition / "00000000000000000000.log.bak"):
            foreign.write_bytes(b"not ours")
            refused(data, "E1001", f"{foreign} does not belong into a data directory", "move it away")
            assert foreign.read_bytes() == b"not ours"
            foreign.unlink()
        for place in ("partitions/77", "journal/folder"):
            (data / place).mkdir()
            refused(data, "E1001", str(data / place), "move it away")
            (data / place).rmdir()
        # Where firn keeps nothing of its own by names alone, it does not mind; and leaves it there.
        places = [data / "notes.txt", data / "warehouse" / "notes.txt", data / "state" / "notes.txt"]
        for place in places:
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(b"mine")
        all_there(data)
        assert [place.read_bytes() for place in places] == [b"mine"] * 3
        # A journal file of another data directory.
        with tempfile.TemporaryDirectory() as other:
            stopped_node(pathlib.Path(other) / "lake")
            shutil.copy(sorted((pathlib.Path(other) / "lake" / "journal").iterdir())[-1], data / "journal" / "00000000000000000999.journal")
        refused(data, "E1001", "00000000000000000999.journal belongs to another data directory", "move")


def partition_folder(data, index=0):
    """Partitions in the order in which they were made."""
    return sorted((data / "partitions").iterdir(), key=lambda path: int(path.name))[index]


def segments(data, index=0):
    return sorted(partition_folder(data, index).glob("*.log"))


def test_missing_and_truncated_segments_are_refused(_):
    with directory() as data:
        stopped_node(data)
        segment = segments(data)[0]
        size = segment.stat().st_size
        for length in (0, 1, size // 2, size - 1):
            with changed(segment, lambda old, length=length: old[:length]):
                refused(data, "E1005", f"segment {segment} has {length} bytes, {size} were written", "restore the file from a backup")
        with changed(segment, None):
            refused(data, "E1005", str(segment), "restore the file from a backup")
        all_there(data)
        # Bytes behind the end are what an interrupted move leaves.
        segment.write_bytes(segment.read_bytes() + b"rubbish" * 100)
        all_there(data)


def test_damaged_indexes_are_read_around(_):
    with directory() as data:
        stopped_node(data, count=200, size=20_000)
        index = next(partition_folder(data).glob("*.index"))
        assert index.stat().st_size > 400
        for new in (b"", b"\xff" * 5000, lambda old: old[:len(old) // 2], flip(*range(0, index.stat().st_size, 7)), lambda old: old[200:], None, lambda old: old * 3):
            with changed(index, new):
                with firn.Node(data) as node:
                    assert values(node, "kept") == list(range(200))
                    assert [int(line.rstrip(".")) for line in consume(node, "kept", 150).out.split()] == list(range(150, 200))


def fetch_code(node, topic, partition, offset):
    try:
        wire.fetch(node.kafka, topic, partition, offset)
        return 0
    except AssertionError as error:
        return int(str(error).rsplit(" ", 1)[1])


def test_a_damaged_segment_fails_its_readers_only(_):
    with directory() as data:
        stopped_node(data, partitions=2)
        segment = segments(data)[0]
        size = segment.stat().st_size // RECORDS
        damaged = 20  # offset of the batch
        damage = flip(size * damaged + size - 3)
        segment.write_bytes(damage(segment.read_bytes()))
        with firn.Node(data) as node:
            assert node.metric("firn_storage_failed_reads_total") == 0
            assert fetch_code(node, "kept", 0, damaged) == 2, "CORRUPT_MESSAGE"
            found, end = wire.fetch(node.kafka, "kept", 0, 0)
            assert end == RECORDS and len(found) <= damaged
            found, _ = wire.fetch(node.kafka, "kept", 0, damaged + 1)
            assert [batch.base_offset for batch in found] == list(range(damaged + 1, RECORDS))
            assert values(node, "kept", partition=1) == list(range(RECORDS))
            ran = consume(node, "kept")
            assert ran.code == 1 and "error[E1005]" in ran.err and f"kept-0 at offset {damaged}" in ran.err and "CORRUPT_MESSAGE (2)" in ran.err, ran.err
            assert ran.out.split() == ["%06d" % n for n in range(damaged)], "what can be read is given"
            assert node.metric("firn_storage_failed_reads_total") >= 2
            assert f"warning: E1005 corrupt bytes: segment {segment} at byte {size * damaged}: " in node.log_tail(), node.log_tail()
            assert node.log_tail().count("warning: E1005") == 1, "once, not for each read"
            session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
            session.execute("CREATE TEMPORARY TABLE kept (v STRING) WITH ('connector'='kafka', 'topic'='kept', 'properties.bootstrap.servers'='localhost:9092', "
                            "'scan.startup.mode'='earliest-offset', 'scan.bounded.mode'='latest-offset', 'format'='raw')")
            try:
                raise AssertionError(session.execute("SELECT COUNT(*) FROM kept").texts())
            except firn.SqlError as error:
                for word in ("error[E1005]", str(segment), f"at byte {size * damaged}", "kept-0"):
                    assert word in str(error), error
            session.close()
            produce(node, "kept", 1, begin=RECORDS)  # the partition takes records all the same
        segment.write_bytes(damage(segment.read_bytes()))
        assert all_there(data, RECORDS + 1) is not None


WINDOWS = """
CREATE TABLE events (k STRING, ts BIGINT, t AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR t AS t) WITH ('connector'='kafka', 'topic'='events', 'properties.bootstrap.servers'='localhost:9092',
  'scan.startup.mode'='earliest-offset', 'format'='json');
CREATE TABLE counts (k STRING, n BIGINT) WITH ('connector'='kafka', 'topic'='counts', 'properties.bootstrap.servers'='localhost:9092', 'scan.startup.mode'='earliest-offset', 'format'='json');
SET 'execution.checkpointing.interval' = '100ms';
SET 'pipeline.name' = 'windows';
INSERT INTO counts SELECT k, COUNT(*) FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(t), INTERVAL '1' MINUTE)) GROUP BY k, window_start, window_end;
INSERT INTO counts SELECT k, 0 FROM events
"""


def query(node, statement):
    session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
    try:
        return session.execute(statement).texts()
    finally:
        session.close()


def job_states(node):
    """Of the jobs that write: the queries that ask are jobs too, and are listed once they have ended."""
    return dict(query(node, "SELECT job_id, state FROM sys.jobs WHERE name <> 'collect'"))


def test_a_damaged_state_file_fails_its_job_and_keeps_the_checkpoint(_):
    """Another job goes on; with the file restored, the job goes on where it stood."""
    with directory() as data:
        with firn.Node(data) as node:
            create(node, "events")
            create(node, "counts")
            lines = "".join(json.dumps({"k": f"k{n % 7}", "ts": n}) + "\n" for n in range(700))
            assert run_firn("topic", "produce", "events", "--bootstrap-server", node.kafka, stdin=lines).code == 0
            session = firn.Session(node.sql)
            ids = [result.job_id for result in map(session.execute, firn.split_statements(WINDOWS)) if result.job_id]
            assert len(ids) == 2, ids
            checks.wait_until(lambda: all(node.metric("firn_source_offset", job_id=job) == 700 for job in ids), "both jobs have read all")
            session.close()
        states = sorted((data / "state" / ids[0]).glob("*.state"))
        assert states, "the windows' state is in a file"
        for new in (lambda old: flip(*range(16, len(old), 64))(old), lambda old: old[:len(old) // 2], None):
            with contextlib.ExitStack() as damage:
                for state in states:
                    damage.enter_context(changed(state, new))
                with firn.Node(data) as node:
                    checks.wait_until(lambda node=node: job_states(node) == {ids[0]: "FAILED", ids[1]: "RUNNING"}, "the job with the damaged state has failed, the other runs")
                    failure = query(node, f"SELECT failure FROM sys.jobs WHERE job_id = '{ids[0]}'")[0][0]
                    assert any(str(state) in failure for state in states) and ("E1005" in failure or "E1002" in failure), failure
                    assert "which is kept" in node.log_tail() and ids[0] in node.log_tail(), node.log_tail()
                    assert len(values_of(node, "counts")) >= 700
        with firn.Node(data) as node:
            checks.wait_until(lambda: job_states(node) == {ids[0]: "RUNNING", ids[1]: "RUNNING"}, "both jobs run")
            assert run_firn("topic", "produce", "events", "--bootstrap-server", node.kafka, stdin=json.dumps({"k": "k0", "ts": 120_000}) + "\n").code == 0
            checks.wait_until(lambda: sum(n > 0 for n in values_of(node, "counts")) == 7, "the window is closed")
            assert [n for n in values_of(node, "counts") if n > 0] == [100] * 7, "from all rows, those before the damage too"
        for state in (data / "state" / ids[0]).glob("*.state"):
            state.write_bytes(b"rubbish")
        with firn.Node(data) as node:
            checks.wait_until(lambda: job_states(node)[ids[0]] == "FAILED", "the job cannot be brought back")
            ran = run_firn("job", "cancel", ids[0], "--server", node.jobs)
            assert ran.code == 0, ran.err
            checks.wait_until(lambda: job_states(node)[ids[0]] == "CANCELED", "who does not want it back can drop it")
            assert not list((data / "state" / ids[0]).glob("*.state"))
        with firn.Node(data) as node:
            checks.wait_until(lambda: job_states(node) == {ids[0]: "CANCELED", ids[1]: "RUNNING"}, "it stays dropped, the other goes on")


def values_of(node, topic):
    ran = run_firn("topic", "consume", topic, "--from", "start", "--until-end", "--bootstrap-server", node.kafka)
    assert ran.code == 0, ran.err
    return [json.loads(line)["n"] for line in ran.out.splitlines()]


def test_a_job_that_cannot_write_gives_up_after_its_restarts(_):
    with directory() as data, tempfile.TemporaryDirectory() as warehouse:
        with firn.Node(data) as node:
            session = firn.Session(node.sql)
            for statement in firn.split_statements(f"""
                CREATE CATALOG lake WITH ('type'='iceberg', 'catalog-type'='hadoop', 'warehouse'='file://{warehouse}');
                CREATE DATABASE lake.db;
                CREATE TABLE lake.db.t (id BIGINT);
                CREATE TABLE g (id BIGINT) WITH ('connector'='datagen', 'rows-per-second'='1000');
                SET 'execution.checkpointing.interval' = '50ms';
                SET 'restart-strategy.type' = 'fixed-delay';
                SET 'restart-strategy.fixed-delay.attempts' = '2';
                SET 'restart-strategy.fixed-delay.delay' = '20ms'"""):
                session.execute(statement)
            blocker = pathlib.Path(warehouse) / "db" / "t" / "data"
            blocker.write_text("a file where a folder should be")
            job = session.execute("INSERT INTO lake.db.t SELECT id FROM g").job_id

            def row():
                return query(node, f"SELECT state, restarts, failure FROM sys.jobs WHERE job_id = '{job}'")[0]
            checks.wait_until(lambda: row()[0] == "FAILED", "the job has given up")
            _, restarts, failure = row()
            assert restarts == "2" and "E1001" in failure and str(blocker) in failure and "writing to lake.db.t" in failure, (restarts, failure)
            assert f"job {job} (insert-into_lake.db.t) has failed: E1001" in node.log_text(), node.log_text()
            assert blocker.read_text() == "a file where a folder should be"


def test_closed_streams_are_no_files_of_the_node(_):
    """Started as `firn up 0<&- 1>&- 2>&-`: the next files to be opened have these numbers, and what the node says must not be written there."""
    with directory() as data:
        ports = ("--port-kafka", "0", "--port-sql", "0", "--port-jobs", "0")
        closed = subprocess.Popen(["sh", "-c", 'exec "$0" "$@" 0<&- 1>&- 2>&-', str(firn.BINARY), "up", "--data", str(data), *ports])
        try:
            checks.wait_until(lambda: (data / "node.json").exists(), "the node is ready")
            kafka = json.loads((data / "node.json").read_text())["ports"]["kafka"]
            assert run_firn("topic", "create", "kept", "--bootstrap-server", f"127.0.0.1:{kafka}").code == 0
            assert run_firn("topic", "produce", "kept", "--bootstrap-server", f"127.0.0.1:{kafka}", stdin="".join(f"{n}\n" for n in range(RECORDS))).code == 0
            with open(data / "LOCK", "rb") as lock:
                assert lock.read() == b"", "the node has written what it says into its lock"
        finally:
            closed.kill()
            closed.wait()
        all_there(data)


def test_few_file_descriptors(_):
    """Too few to run with: an error with the next step, and with more of them all is there."""
    if firn.MEMORY > 1:
        return  # a sanitizer looks at memory through a pipe, and takes what it cannot look at for none
    with directory() as data:
        stopped_node(data)
        for most in (8, 12, 16):  # one that is ready has 21
            ran = run_firn("up", "--data", data, "--port-kafka", "0", "--port-sql", "0", "--port-jobs", "0",
                           preexec_fn=lambda most=most: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)))
            assert (ran.code, ran.out) == (1, ""), (most, ran)
            for word in ("error[E100", "Too many open files", " = help: allow the process more open files: ulimit -n"):
                assert word in ran.err, f"with {most}: no {word!r} in\n{ran.err}"
        for most in (4, 5, 6, 7):
            ran = run_firn("sql", "-e", "SELECT 1", preexec_fn=lambda most=most: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)))
            assert (ran.code, ran.out) == (1, "") and "error[E" in ran.err, (most, ran)
        all_there(data)


def test_a_limit_of_file_size(_):
    """`ulimit -f`: as a full disk, not an end by a signal."""
    with directory() as data:
        for most in (100 << 10, 20 << 20):
            ran = run_firn("up", "--data", data, "--port-kafka", "0", "--port-sql", "0", "--port-jobs", "0",
                           preexec_fn=lambda most=most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)))
            assert (ran.code, ran.out) == (1, "") and "error[E1004]" in ran.err and " = help: allow the process larger files: ulimit -f" in ran.err, (most, ran)


def test_no_data_directory(_):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        file = path / "file"
        file.write_text("a file")
        refused(file, "E1012", f"{file} is a file; a data directory is a folder", "--data")
        refused(file / "below", "E1001", str(file))
        assert file.read_text() == "a file"
        new = path / "a" / "b" / "c"
        with firn.Node(new):
            assert (new / "node.json").exists()
            refused(new, "E1010", "is held by another firn process", "stop the other node")
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            for name in ("kafka", "sql", "jobs"):
                ports = {"kafka": 0, "sql": 0, "jobs": 0, name: port}
                ran = run_firn("up", "--data", new, *[f"--port-{key}={value}" for key, value in ports.items()])
                assert ran.code == 1 and "error[E1011]" in ran.err and f"127.0.0.1:{port} is in use" in ran.err and " = help: " in ran.err, ran
        with firn.Node(new):
            pass


def test_large_batches_are_read_from_segments(_):
    """Where they stand in a file depends on where they were received: before each is space, of any length."""
    with directory() as data:
        with firn.Node(data) as node:
            create(node, "large")
            for number in range(150):
                produce(node, "large", 1, begin=number, size=(256 << 10) + 613 * number)
        with firn.Node(data) as node:
            assert values(node, "large") == list(range(150))


def tree(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_copy_and_a_moved_directory_keep_to_their_own_tables(_):
    """Tables name their files by absolute paths. What a copy's statements and jobs write, replace and remove is the copy's."""
    with directory() as data:
        with firn.Node(data) as node:
            create(node, "events")
            session = firn.Session(node.sql, {"table.dml-sync": "true"})
            for statement in firn.split_statements("""
                CREATE CATALOG lake WITH ('type'='iceberg');
                CREATE DATABASE lake.db;
                CREATE TABLE lake.db.t (k INT PRIMARY KEY NOT ENFORCED, v INT) WITH ('write.upsert.enabled'='true');
                CREATE TABLE lake.db.gone (k INT);
                INSERT INTO lake.db.t VALUES (1, 10), (2, 20);
                INSERT INTO lake.db.gone VALUES (1);
                CREATE TABLE events (k INT, v INT) WITH ('connector'='kafka', 'topic'='events', 'properties.bootstrap.servers'='localhost:9092', 'scan.startup.mode'='earliest-offset', 'format'='json');
                SET 'table.dml-sync'='false'; SET 'execution.checkpointing.interval'='200ms';
                INSERT INTO lake.db.t SELECT k, v FROM events"""):
                session.execute(statement)
            session.close()

        def rows(node):
            return sorted(tuple(map(int, row)) for row in firn.Session(node.sql, {"execution.runtime-mode": "batch"}).execute("SELECT k, v FROM lake.db.t").texts())

        def produced(node, key, value):
            ran = run_firn("topic", "produce", "events", "--bootstrap-server", node.kafka, stdin=json.dumps({"k": key, "v": value}) + "\n")
            assert ran.code == 0, ran.err

        copy, moved = data.with_name("copy"), data.with_name("moved")
        shutil.copytree(data, copy)
        before = tree(data / "warehouse")
        with firn.Node(copy) as node:
            assert rows(node) == [(1, 10), (2, 20)]
            produced(node, 2, 21)
            checks.wait_until(lambda: rows(node) == [(1, 10), (2, 21)], "the copy's job goes on in the copy's table")
            firn.Session(node.sql).execute("DROP TABLE lake.db.gone")
        assert tree(data / "warehouse") == before, "the original is as it was"
        data.rename(moved)
        with firn.Node(copy) as node:
            assert rows(node) == [(1, 10), (2, 21)], "without the original"
        with firn.Node(moved) as node:
            assert rows(node) == [(1, 10), (2, 20)]
            produced(node, 1, 11)
            checks.wait_until(lambda: rows(node) == [(1, 11), (2, 20)], "the moved node's job goes on")
            session = firn.Session(node.sql, {"table.dml-sync": "true"})
            session.execute("CREATE TABLE lake.db.made (k INT)")
            session.execute("INSERT INTO lake.db.made VALUES (7)")
            session.close()
        assert not data.exists(), "nothing is written where the directory was"
        moved.rename(data)
        with firn.Node(data) as node:
            assert rows(node) == [(1, 11), (2, 20)]
            made = firn.Session(node.sql, {"execution.runtime-mode": "batch"}).execute("SELECT k FROM lake.db.made").texts()
            assert [list(map(int, row)) for row in made] == [[7]], made


def test_a_data_directory_without_the_right_to_write(_):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "lake"
        path.mkdir()
        path.chmod(0o555)
        pathlib.Path(folder).chmod(0o755)
        as_nobody = {"user": 65534, "group": 65534, "extra_groups": []} if pathlib.Path("/proc/self").owner() == "root" else {}
        if as_nobody and subprocess.run([str(firn.BINARY), "--version"], capture_output=True, check=False, **as_nobody).returncode != 0:
            print("SKIPPED: another user may not run the binary, and root may write everywhere")
            return
        refused(path, "E1001", str(path), "Permission denied", "--data", **as_nobody)
        refused(path / "new", "E1001", str(path / "new"), "Permission denied", **as_nobody)


if __name__ == "__main__":
    sys.exit(checks.run(sys.modules[__name__], None, sys.argv[1:]))
