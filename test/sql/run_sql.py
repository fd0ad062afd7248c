#!/usr/bin/env python3
"""Batch SQL, record by record (see README.md beside this file).

    run_sql.py [--update] [PART ...]

Runs the files whose path has a PART in it; all without. --update writes what was answered into the files: read every line of the difference before
you keep it. DuckDB's answers are asked for all the same.
"""
import argparse
import difflib
import http.client
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
import duckdb_oracle  # noqa: E402
import firn  # noqa: E402
import slt  # noqa: E402

SETTINGS = {"execution.runtime-mode": "batch", "table.dml-sync": "true", "table.local-time-zone": "UTC", "parallelism.default": "2"}
RECORD_SECONDS = 20


class File:
    """One file in a session and a database of its own."""

    def __init__(self, path, node, is_updating):
        self.path, self.is_updating = path, is_updating
        self.name = str(path.relative_to(HERE))
        self.records, self.trailing = slt.parse(path.read_text())
        self.node = node
        self.session = firn.Session(node.sql, SETTINGS)
        self.oracle = None
        self.failures = []
        self.compared_count = 0  # with DuckDB

    def run(self):
        database = "_".join(self.path.relative_to(HERE).with_suffix("").parts)
        for statement in (f"CREATE DATABASE lake.`{database}`", "USE CATALOG lake", f"USE `{database}`"):
            self.session.execute(statement)
        for record in self.records:
            self.check(record)
        self.session.close()
        if self.is_updating:
            self.path.write_text(slt.unparse(self.records, self.trailing))

    def fail(self, record, text):
        self.failures.append(f"test/sql/{self.name}:{record.line}: {text}\n    " + record.statement.replace("\n", "\n    "))

    def check(self, record):
        try:
            result = self.session.execute(record.statement, seconds=RECORD_SECONDS)
        except firn.SqlError as refusal:
            self.check_refusal(record, str(refusal))
            return
        except (OSError, http.client.HTTPException) as failure:
            raise SystemExit(f"test/sql/{self.name}:{record.line}: the node does not answer ({failure!r}): {record.statement}\n{self.node.log_tail()}") from None
        if record.error is not None:
            self.fail(record, f"was to be refused with \"{record.error}\" and went through: {result.texts()[:5]}")
        elif record.is_query:
            self.check_rows(record, result)
        if record.asks_duckdb:
            self.check_oracle(record, result)

    def check_refusal(self, record, text):
        if record.error is None:
            self.fail(record, f"was refused\n{text}")
        elif record.error not in text:
            self.fail(record, f"was refused otherwise\n  expected: {record.error}\n  actual:   {text}")

    def check_rows(self, record, result):
        kinds = slt.kinds_of(column["logicalType"]["type"] for column in result.columns)
        if kinds != record.types:
            self.fail(record, f"columns are of kinds {kinds}, not {record.types}")
        lines = slt.row_lines(result.texts(), record.sort)
        if lines != record.expected and not self.is_updating:
            self.fail(record, "rows differ\n" + "\n".join(difflib.unified_diff(record.expected, lines, "expected", "actual", lineterm="")))
        record.expected = lines

    def check_oracle(self, record, result):
        self.oracle = self.oracle or duckdb_oracle.Oracle()
        try:
            if not record.is_query:
                self.oracle.execute(record.statement)
                return
            wanted = self.oracle.rows(record.statement)
        except duckdb_oracle.duckdb.Error as refusal:
            self.fail(record, f"DuckDB refuses it: {refusal}")
            return
        self.compared_count += 1
        if not duckdb_oracle.same_rows(result.texts(), wanted, record.sort == "nosort"):
            self.fail(record, f"DuckDB answers otherwise\n  DuckDB: {wanted[:20]}\n  firn:   {result.texts()[:20]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    paths = [path for path in sorted(HERE.rglob("*.slt")) if not arguments.parts or any(part in str(path.relative_to(HERE)) for part in arguments.parts)]
    failures, records, compared = [], 0, 0
    begin = time.monotonic()
    with firn.Node() as node:
        firn.Session(node.sql).execute("CREATE CATALOG lake WITH ('type' = 'iceberg')")
        for path in paths:
            file = File(path, node, arguments.update)
            file.run()
            failures += file.failures
            records += len(file.records)
            compared += file.compared_count
    for failure in failures:
        print(failure + "\n")
    print(f"batch SQL: {records - len(failures)} of {records} records of {len(paths)} files passed, {compared} of them also asked of DuckDB "
          f"({time.monotonic() - begin:.1f} s)")
    sys.exit(1 if failures or not paths else 0)


main()
