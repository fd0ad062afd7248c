"""A firn node as a test drives it: the real binary, its real ports, real signals."""
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import weakref

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("FIRN_BINARY", ROOT / "build/release/bin/firn"))
# How many times slower than a release build the binary may be (a sanitizer's build: script/sanitize): multiplies every wait.
PATIENCE = float(os.environ.get("FIRN_TEST_PATIENCE", "1"))
READY_SECONDS = 30 * PATIENCE
MEMORY = float(os.environ.get("FIRN_TEST_MEMORY", "1"))  # and how many times larger
KEPT_LOGS = os.environ.get("FIRN_TEST_LOGS")  # a folder for what nodes say; without one it goes with the test


def free_port():
    """For a node that is to come back on the same port: below those that the kernel gives to connections, one of which could take it while the node is away."""
    while True:
        port = random.SystemRandom().randrange(15000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class Node:
    """`firn up` on free ports. Use as a context manager; kill() is SIGKILL, stop() SIGINT."""

    def __init__(self, data=None, arguments=(), log=None, kafka_port=0):
        self.temporary = None
        if data is None:
            self.temporary = tempfile.TemporaryDirectory(prefix="firn-test-")
            data = pathlib.Path(self.temporary.name) / "lake"
        self.data = pathlib.Path(data)
        self.arguments = list(arguments)
        self.kafka_port = kafka_port
        self.log_path = log
        if log is None:
            opened, path = tempfile.mkstemp(prefix="firn-test-", suffix=".log", dir=KEPT_LOGS)
            os.close(opened)
            self.log_path = pathlib.Path(path)
            if KEPT_LOGS is None:
                weakref.finalize(self, self.log_path.unlink, missing_ok=True)  # at the program's end at the latest
        self.process = None
        self.ports = {}

    def start(self):
        ready = self.data / "node.json"
        ready.unlink(missing_ok=True)  # what a killed node left behind
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(BINARY), "up", "--data", str(self.data), "--port-kafka", str(self.kafka_port), "--port-sql", "0", "--port-jobs", "0", *self.arguments],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"firn up ended with {self.process.returncode}: {self.log_tail()}")
            try:
                described = json.loads(ready.read_text())
                if described["pid"] == self.process.pid:
                    self.ports = described["ports"]
                    return self
            except (FileNotFoundError, json.JSONDecodeError):
                pass
            time.sleep(0.005)
        self.kill()
        raise RuntimeError(f"firn up was not ready within {READY_SECONDS} s: {self.log_tail()}")

    def log_text(self):
        """All that the node has said, over all its starts."""
        return pathlib.Path(self.log_path).read_text(errors="replace")

    def log_tail(self):
        return self.log_text()[-2000:]

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def stop(self, seconds=30):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(seconds * PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
                raise RuntimeError(f"firn up did not stop within {seconds} s: {self.log_tail()}") from None
        return self.process.returncode

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self.stop()
            else:
                self.kill()
        finally:
            if self.temporary:
                self.temporary.cleanup()

    def metric(self, name, **labels):
        """The sum of a metric of /metrics over all samples that have these labels; None if there is none."""
        with urllib.request.urlopen(f"http://{self.jobs}/metrics", timeout=20 * PATIENCE) as answer:
            text = answer.read().decode()
        found = [float(value) for shown, value in re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", text, flags=re.M)
                 if all(f'{label}="{wanted}"' in shown for label, wanted in labels.items())]
        return sum(found) if found else None

    def peak_bytes(self):
        """The most memory that the process has had resident."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024

    @property
    def kafka(self):
        return f"127.0.0.1:{self.ports['kafka']}"

    @property
    def sql(self):
        return f"127.0.0.1:{self.ports['sql']}"

    @property
    def jobs(self):
        return f"127.0.0.1:{self.ports['jobs']}"


class SqlError(Exception):
    """A statement failed; the text is what firn says to a user."""


class Session:
    """A session of the SQL gateway, spoken to as Flink's own clients do."""

    def __init__(self, address, properties=None):
        self.base = f"http://{address}/v2"
        self.handle = self.call("POST", "/sessions", {"properties": properties or {}})["sessionHandle"]

    def call(self, method, path, body=None, timeout=120 * PATIENCE):
        request = urllib.request.Request(self.base + path, method=method, data=json.dumps(body).encode() if body is not None else None,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as failure:
            text = failure.read().decode(errors="replace")
            try:
                raise SqlError("\n".join(json.loads(text)["errors"])) from None
            except (json.JSONDecodeError, KeyError):
                raise SqlError(f"HTTP {failure.code}: {text}") from None

    def execute(self, statement, seconds=60, limit=None):
        """Runs one statement to the end of its results (or `limit` rows). Returns a Result."""
        operation = self.call("POST", f"/sessions/{self.handle}/statements", {"statement": statement})["operationHandle"]
        path = f"/sessions/{self.handle}/operations/{operation}"
        uri = f"{path}/result/0?rowFormat=PLAIN_TEXT"
        result = Result()
        deadline = time.monotonic() + seconds * PATIENCE
        try:
            while uri:
                page = self.call("GET", uri)
                if page["resultType"] == "NOT_READY" or not page.get("results", {}).get("data"):
                    if time.monotonic() > deadline:
                        raise SqlError(f"no end within {seconds} s: {statement}")
                    if page["resultType"] != "EOS":
                        time.sleep(0.003)
                if page["resultType"] != "NOT_READY":
                    result.add(page)
                    if limit is not None and len(result.rows) >= limit:
                        break
                following = page.get("nextResultUri")
                uri = re.sub(r"^/v\d+", "", following) if following else None
        finally:
            self.call("DELETE", f"{path}/close")
        return result

    def close(self):
        self.call("DELETE", f"/sessions/{self.handle}")


class Result:
    def __init__(self):
        self.columns = None
        self.rows = []   # (kind, [text or None, ...])
        self.job_id = None
        self.is_query = False

    def add(self, page):
        self.columns = self.columns or page["results"]["columns"]
        self.job_id = page.get("jobID") or self.job_id
        self.is_query = page.get("isQueryResult", False)
        for row in page["results"]["data"]:
            self.rows.append((row["kind"], row["fields"]))

    def texts(self):
        return [fields for _, fields in self.rows]


def type_text(column_type):
    """A logical type of the gateway as Flink's SQL text: "DECIMAL(10, 2) NOT NULL"."""
    names = {"INTEGER": "INT", "TIME_WITHOUT_TIME_ZONE": "TIME", "TIMESTAMP_WITHOUT_TIME_ZONE": "TIMESTAMP",
             "TIMESTAMP_WITH_LOCAL_TIME_ZONE": "TIMESTAMP_LTZ", "INTERVAL_YEAR_MONTH": "INTERVAL YEAR TO MONTH",
             "INTERVAL_DAY_TIME": "INTERVAL DAY TO SECOND"}
    kind = column_type["type"]
    text = names.get(kind, kind)
    if kind in ("CHAR", "VARCHAR", "BINARY", "VARBINARY"):
        unlimited = {"VARCHAR": "STRING", "VARBINARY": "BYTES"}.get(kind)
        text = unlimited if unlimited and column_type["length"] == 2147483647 else f"{text}({column_type['length']})"
    elif kind == "DECIMAL":
        text += f"({column_type['precision']}, {column_type['scale']})"
    elif kind in ("TIME_WITHOUT_TIME_ZONE", "TIMESTAMP_WITHOUT_TIME_ZONE", "TIMESTAMP_WITH_LOCAL_TIME_ZONE"):
        text += f"({column_type['precision']})"
    elif kind == "ARRAY":
        text = f"ARRAY<{type_text(column_type['elementType'])}>"
    elif kind == "MAP":
        text = f"MAP<{type_text(column_type['keyType'])}, {type_text(column_type['valueType'])}>"
    elif kind == "ROW":
        text = "ROW<" + ", ".join(f"`{f['name']}` {type_text(f['fieldType'])}" for f in column_type["fields"]) + ">"
    return text + ("" if column_type.get("nullable", True) else " NOT NULL")


def split_statements(text):
    """Statements of a script, without comments; a BEGIN ... END statement set stays whole."""
    statements, current, depth, i = [], "", 0, 0
    while i < len(text):
        if text.startswith("--", i):
            i = text.find("\n", i)
            if i < 0:
                break
            continue
        if text.startswith("/*", i) and not text.startswith("/*+", i):
            i = text.index("*/", i) + 2
            continue
        c = text[i]
        if c in "'`\"":
            end = text.index(c, i + 1)
            current += text[i:end + 1]
            i = end + 1
            continue
        if c == ";":
            if re.search(r"\bBEGIN\s*$|\bBEGIN\b(?!.*\bEND\s*$)", current, flags=re.S | re.I) and re.match(
                    r"\s*(EXECUTE\s+STATEMENT\s+SET|BEGIN\s+STATEMENT\s+SET)", current, flags=re.I):
                current += c
            else:
                if current.strip():
                    statements.append(current.strip())
                current = ""
            i += 1
            continue
        current += c
        i += 1
    if current.strip():
        statements.append(current.strip())
    return statements
