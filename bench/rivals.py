"""Apache Kafka and Apache Flink as processes that the bench measures beside firn. Their jars come from Maven by the committed poms of
bench/rivals/ into .deps/rivals; nothing is patched, and the settings are those of their own start scripts unless a comment says why not."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from measure import ROOT, admin, firn

RIVALS = ROOT / "bench/rivals"
JARS = ROOT / ".deps/rivals"
FETCH_SECONDS = 900
START_SECONDS = 60
STOP_SECONDS = 60


class RivalError(Exception):
    """A rival could not be fetched or run; the text says what to do."""


def jars(name):
    """The folder with the rival's jars, fetched if its pom changed since they were."""
    for program, package in (("java", "a JDK of Java 17 or later"), ("mvn", "Maven")):
        if shutil.which(program) is None:
            raise RivalError(f"{program} is not there: measuring against {name} needs {package}")
    pom, folder = RIVALS / name / "pom.xml", JARS / name
    stamp = folder / "pom.xml"
    if not stamp.exists() or stamp.read_text() != pom.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        fetched = subprocess.run(["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"],
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=FETCH_SECONDS)
        if fetched.returncode != 0:
            raise RivalError(f"Maven could not fetch what {pom.relative_to(ROOT)} names:\n{fetched.stdout[-2000:]}")
        shutil.copy(pom, stamp)
    return folder


def version(name, artifact):
    return next((JARS / name).glob(f"{artifact}-[0-9]*.jar")).stem.removeprefix(f"{artifact}-")


class KafkaBroker:
    """One Kafka node, broker and controller in one (KRaft), on free ports, its log under TMPDIR as firn's is. A context manager."""

    # What bin/kafka-server-start.sh and kafka-run-class.sh pass.
    JVM = ["-Xmx1G", "-Xms1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent",
           "-XX:MaxInlineLevel=15", "-Djava.awt.headless=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="firn-bench-kafka-")
        self.root = pathlib.Path(self.folder.name)
        self.process = None

    def settings(self, port, controller_port):
        # config/server.properties of the distribution, on one node and on loopback; a deleted topic's files go at once, so that the disk does not fill.
        return "\n".join([
            "process.roles=broker,controller", "node.id=1", f"controller.quorum.voters=1@127.0.0.1:{controller_port}",
            f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}", f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}",
            "controller.listener.names=CONTROLLER", "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "num.network.threads=3", "num.io.threads=8", "socket.send.buffer.bytes=102400", "socket.receive.buffer.bytes=102400", f"log.dirs={self.root}/log",
            "offsets.topic.replication.factor=1", "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1",
            "auto.create.topics.enable=false", "log.segment.delete.delay.ms=1000"])

    def __enter__(self):
        port, controller_port = firn.free_port(), firn.free_port()
        self.kafka = f"127.0.0.1:{port}"
        settings = self.root / "server.properties"
        settings.write_text(self.settings(port, controller_port))
        java = ["java", "-cp", f"{jars('kafka')}/*"]
        subprocess.run([*java, "kafka.tools.StorageTool", "format", "-t", "ZmlybmJlbmNoa2Fma2FhYQ", "-c", settings], check=True, cwd=self.root, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=START_SECONDS)
        with open(self.root / "server.log", "ab") as log:
            self.process = subprocess.Popen([*java, *self.JVM, "kafka.Kafka", settings], cwd=self.root, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if admin(self).list_topics(timeout=1).brokers:
                    return
            except Exception:  # not listening yet
                time.sleep(0.1)
        raise RivalError(f"Kafka was not ready within {START_SECONDS} s: {(self.root / 'server.log').read_text(errors='replace')[-2000:]}")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.folder.cleanup()


# The part of Flink's own env.java.opts.all that a SQL job needs on Java 17.
FLINK_OPENS = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.lang", "java.lang.invoke", "java.lang.reflect", "java.net", "java.io", "java.nio", "java.text", "java.time",
                                                                             "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks", "sun.nio.ch")]


def run_flink(settings, statements, seconds=300):
    """Runs SQL in a Flink MiniCluster in a process of its own. Returns (seconds of its jobs, processor seconds of the whole process)."""
    with tempfile.TemporaryDirectory(prefix="firn-bench-flink-") as folder, open(f"{folder}/out", "w+b") as out, open(f"{folder}/log", "w+b") as log:
        command = ["java", "-Xms2g", "-Xmx2g", *FLINK_OPENS, f"-Djava.io.tmpdir={folder}", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", f"{jars('flink')}/*",
                   RIVALS / "flink/SqlJob.java", *(f"{name}={value}" for name, value in settings.items()), *statements]
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        deadline = time.monotonic() + seconds
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                process.kill()
            time.sleep(0.01)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            log.seek(0)
            raise RivalError(f"Flink ended with {process.returncode}: {log.read().decode(errors='replace')[-4000:]}")
        out.seek(0)
        return json.loads(out.read())["job_seconds"], usage.ru_utime + usage.ru_stime
