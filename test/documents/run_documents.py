#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every command that the documents show, as a reader would type it, and compares what it prints with what the document says. README.md beside this file says how.

  run_documents.py [--list | --look] [DOCUMENT ...]     all documents of the checkout without names

--list: what would be run and what not. --look: nothing is run, only what documents name is looked up, and their form; a second's work, for every change.
"""
import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from firn import BINARY, ROOT, free_port  # noqa: E402

import compare  # noqa: E402
import markdown  # noqa: E402
import references  # noqa: E402

COMMAND_SECONDS = 90
READY_SECONDS = 30
MOMENT_SECONDS = 30  # for what the document says to come in a moment
PORTS = {"9092": "KAFKA", "8083": "SQL", "8081": "JOBS"}
# Stands before the binary on the PATH: the ports that a reader would use are these of the document's own node.
WRAPPER = """#!/bin/bash
# firn with the document's own ports where the command line names none.
case "$1" in
  up) set -- "$@" --port-kafka {KAFKA} --port-sql {SQL} --port-jobs {JOBS} ;;
  topic|group) [[ " $* " == *" --bootstrap-server "* || " $* " == *" --help "* || $# -lt 2 ]] || set -- "$@" --bootstrap-server 127.0.0.1:{KAFKA} ;;
  sql) [[ " $* " == *" --server "* || " $* " == *" --data "* ]] || set -- "$@" --server 127.0.0.1:{SQL} ;;
  job) [[ " $* " == *" --server "* || " $* " == *" --help "* || $# -lt 2 ]] || set -- "$@" --server 127.0.0.1:{JOBS} ;;
esac
exec {binary} "$@"
"""


class Lie(Exception):
    """A document says what is not so; the text begins with the line's number."""


class Background:
    """A command that stays: a node in the foreground of another terminal."""

    def __init__(self, arguments, **options):
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, **options)
        self.lines = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify()

    def first_lines(self, count):
        with self.changed:
            self.changed.wait_for(lambda: len(self.lines) >= count or self.process.poll() is not None, READY_SECONDS)
            return self.lines[:count]

    def end(self):
        """Ctrl-C. Returns what is wrong with how it ended, or None."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            code = self.process.wait(READY_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return f"did not end within {READY_SECONDS} s of Ctrl-C"
        self.reader.join(READY_SECONDS)
        self.process.stdout.close()
        return None if code == 0 else f"ended with {code}:\n" + "\n".join(self.lines[-10:])


class Reader:
    """One reader of one document: a folder of its own, ports of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = {name: free_port() for name in PORTS.values()}
        self.running = []
        self.given_files = {}  # name -> line of the block that gives it, until a command has used it
        binaries = folder / ".bin"
        binaries.mkdir()
        (binaries / "firn").write_text(WRAPPER.format(binary=BINARY, **self.ports))
        (binaries / "firn").chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "HOME": str(folder), "COLUMNS": "100"}

    def with_own_ports(self, text):
        for usual, name in PORTS.items():
            text = re.sub(rf"\b{usual}\b", str(self.ports[name]), text)
        return text

    def with_usual_ports(self, text):
        for usual, name in PORTS.items():
            text = re.sub(rf"\b{self.ports[name]}\b", usual, text)
        return text

    def run(self, block, command):
        for name in [name for name in self.given_files if name in command.text]:
            del self.given_files[name]
        is_of_checkout = re.match(r"(?:[A-Z_]+=\S+ )*(?:script|tools|test|build)/", command.text) is not None
        options = {"cwd": ROOT if is_of_checkout else self.folder, "env": self.environment}
        if re.match(r"firn up\b", command.text):
            return self.start(block, command, options)
        deadline = time.monotonic() + (MOMENT_SECONDS if "in a moment" in block.notes else 0)
        while True:
            try:
                return self.run_once(block, command, options)
            except Lie:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(0.2)

    def run_once(self, block, command, options):
        process = subprocess.Popen(["bash", "-c", self.with_own_ports(command.text)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   start_new_session=True, **options)
        try:
            printed, _ = process.communicate("\n".join(command.typed), timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise Lie(f"{command.line}: `{command.text}` does not end within {COMMAND_SECONDS} s") from None
        printed = self.with_usual_ports(printed)
        shows_error = any(line.startswith("error[") for line in command.expected)
        if (process.returncode != 0) != shows_error:
            raise Lie(f"{command.line}: `{command.text}` ends with {process.returncode}:\n{printed}")
        self.compare(block, command, printed.splitlines())

    def start(self, block, command, options):
        plain = re.sub(r"\s+#.*", "", command.text)
        self.running.append((command, Background(["bash", "-c", "exec " + plain], **options)))
        lines = self.running[-1][1].first_lines(max(len(command.expected), 1))
        self.compare(block, command, [self.with_usual_ports(line) for line in lines])

    @staticmethod
    def compare(block, command, printed):
        if not command.expected:
            return
        wrong = compare.difference(command.expected, printed, "numbers vary" in block.notes)
        if wrong:
            raise Lie(f"{command.line}: `{command.text}`: {wrong}")

    def statements(self, block):
        """A block of SQL goes to the document's node if there is one, else to a node for the length of the block."""
        where = [] if self.running else ["--data", "lake"]
        done = subprocess.run(["firn", "sql", *where, "-f", "-"], input=self.with_own_ports("\n".join(block.lines)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=COMMAND_SECONDS, cwd=self.folder, env=self.environment)
        if done.returncode != 0:
            raise Lie(f"{block.line}: these statements fail:\n{done.stdout}")

    def close(self):
        problems = []
        for command, background in reversed(self.running):
            wrong = background.end()
            if wrong:
                problems.append(f"{command.line}: `{command.text}` {wrong}")
        problems += [f"{line}: no command uses {name}" for name, line in self.given_files.items()]
        return problems


class Report:
    """What came of one document."""

    def __init__(self, path):
        self.path = path
        self.commands = 0
        self.statements = 0
        self.references = 0
        self.skipped = []  # (line, reason)
        self.problems = []


def run_block(report, reader, block):
    if "not run" in block.notes:
        if not block.notes["not run"]:
            raise Lie(f"{block.line}: a block that is not run says why")
        report.skipped.append((block.line, block.notes["not run"]))
    elif block.language == "console":
        for command in block.commands():
            reader.run(block, command)
            report.commands += 1
    elif block.language == "sql" and "file" in block.notes:
        (reader.folder / block.notes["file"]).write_text(reader.with_own_ports("\n".join(block.lines)) + "\n")
        reader.given_files[block.notes["file"]] = block.line
    elif block.language == "sql":
        reader.statements(block)
        report.statements += 1


def read(path, tree, runs=True):
    """One document from its beginning to its end; stops at the first block that lies, since the others stand on it."""
    report = Report(path)
    text = path.read_text()
    try:
        blocks, notes = markdown.blocks(text)
    except markdown.Malformed as malformed:
        report.problems.append(str(malformed))
        return report
    report.references, problems = references.check(tree, path, text, notes.get("made up", []))
    report.problems += [f"{line}: {problem}" for line, problem in problems]
    if not runs:
        return report
    with tempfile.TemporaryDirectory(prefix="firn-documents-") as folder:
        reader = Reader(pathlib.Path(folder))
        try:
            for block in blocks:
                run_block(report, reader, block)
        except (Lie, markdown.Malformed) as lie:
            report.problems.append(str(lie))
        report.problems += reader.close()
    return report


def documents():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in sorted(set(listed.stdout.splitlines())) if (ROOT / name).exists()]


def list_blocks(paths):
    for path in paths:
        for block in markdown.blocks(path.read_text())[0]:
            if block.language in markdown.RUN_LANGUAGES:
                how = f"not run: {block.notes['not run']}" if "not run" in block.notes else "run"
                print(f"{path.relative_to(ROOT)}:{block.line}: {block.language}: {how}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--look", action="store_true")
    parser.add_argument("documents", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    paths = [path.resolve() for path in arguments.documents] or documents()
    if arguments.list:
        return list_blocks(paths)
    begin = time.monotonic()
    tree = references.Tree(ROOT, BINARY)
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        reports = list(pool.map(lambda path: read(path, tree, not arguments.look), paths))
    for report in reports:
        for line, reason in report.skipped:
            print(f"{report.path.relative_to(ROOT)}:{line}: not run: {reason}")
    for report in reports:
        for problem in report.problems:
            print(f"{report.path.relative_to(ROOT)}:{problem}")
    wrong = sum(bool(report.problems) for report in reports)
    print(f"{len(reports)} documents, {wrong} wrong: {sum(r.commands for r in reports)} commands and {sum(r.statements for r in reports)} blocks of SQL run, "
          f"{sum(len(r.skipped) for r in reports)} blocks not run, {sum(r.references for r in reports)} references looked up ({time.monotonic() - begin:.0f} s)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
