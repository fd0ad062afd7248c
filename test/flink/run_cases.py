#!/usr/bin/env python3
"""What real Flink answered, against what firn answers: 228 scripts and 1302 expressions (see README.md beside this file).

  run_cases.py [--only SUBSTRING] [--verbose] [--write-known]

Every case is scored in each part that applies: final rows, changelog, types, refusals; every expression in value and type. known.tsv names each case
that does not agree, with its reason; "unsupported" ones must be refused. The run fails if a case fails that is not named, if a named one passes (the
list is stale), or if fewer than 90 % of the supported rows and values agree.
"""
import argparse
import collections
import math
import pathlib
import re
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
import firn  # noqa: E402

KNOWN = HERE / "known.tsv"
SETTINGS = {"pipeline.auto-watermark-interval": "0", "table.dml-sync": "true", "table.local-time-zone": "UTC", "parallelism.default": "1"}
REQUIRED_RATIO = 0.9


class Expectation:
    def __init__(self, path):
        self.columns, self.rows, self.changes = [], [], []
        self.ordered = self.accepted_only = False
        self.changelog = None
        for line in path.read_text().splitlines():
            head, *cells = line.split("\t")
            if head.startswith("#columns"):
                self.columns = [cell.split(" ", 1) for cell in cells]
                self.columns = [split_column(cell) for cell in cells]
            elif head.startswith("#ordered"):
                self.ordered = head.endswith("true")
            elif head.startswith("#changelog"):
                self.changelog = head.split(" ", 1)[1]
            elif head.startswith("#compare accepted-only"):
                self.accepted_only = True
            elif head == "=":
                self.rows.append(cells)
            elif head in ("+I", "-U", "+U", "-D"):
                self.changes.append([head] + cells)


def split_column(cell):
    """"file.name STRING NOT NULL" -> (name, type): the type starts at the first known type word."""
    found = re.search(r" (?=(?:BOOLEAN|TINYINT|SMALLINT|INT|BIGINT|FLOAT|DOUBLE|DECIMAL|CHAR|VARCHAR|STRING|BINARY|VARBINARY|BYTES|DATE|TIME|TIMESTAMP|"
                      r"TIMESTAMP_LTZ|INTERVAL|ARRAY|MAP|MULTISET|ROW|RAW|NULL|VARIANT)\b)", cell)
    return (cell[:found.start()], cell[found.start() + 1:]) if found else (cell, "")


def normal_type(text):
    text = re.sub(r" \*(ROWTIME|PROCTIME)\*", "", text)
    text = re.sub(r"INTERVAL (?:DAY|HOUR|MINUTE|SECOND)[^N]*(?= NOT NULL|$)", "INTERVAL DAY TO SECOND", text)
    return re.sub(r"INTERVAL (?:YEAR|MONTH)[^N]*(?= NOT NULL|$)", "INTERVAL YEAR TO MONTH", text)


def escape(text):
    return "\\N" if text is None else text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def same_cell(given, wanted, column_type):
    if given == wanted:
        return True
    if re.match(r"(FLOAT|DOUBLE)", column_type or "") and "\\N" not in (given, wanted):
        try:
            left, right = float(given.replace("Infinity", "inf")), float(wanted.replace("Infinity", "inf"))
        except ValueError:
            return False
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        tolerance = 1e-6 if column_type.startswith("FLOAT") else 1e-9
        return left == right or abs(left - right) <= tolerance * max(abs(left), abs(right))
    return False


def same_row(given, wanted, column_types):
    return len(given) == len(wanted) and all(same_cell(g, w, t) for g, w, t in zip(given, wanted, column_types))


def same_rows(given, wanted, column_types, ordered):
    if len(given) != len(wanted):
        return False
    if not ordered:
        given, wanted = sorted(given), sorted(wanted)
    if all(same_row(g, w, column_types) for g, w in zip(given, wanted)):
        return True
    rest = list(wanted)  # floating point may sort differently: match each row to any
    for row in given:
        match = next((i for i, other in enumerate(rest) if same_row(row, other, column_types)), None)
        if match is None:
            return False
        rest.pop(match)
    return not ordered


def changes_of(result):
    kinds = {"INSERT": "+I", "UPDATE_BEFORE": "-U", "UPDATE_AFTER": "+U", "DELETE": "-D"}
    return [[kinds[kind]] + [escape(cell) for cell in fields] for kind, fields in result.rows]


def fold(changes, key=None):
    """The final rows of a changelog."""
    if key:
        rows = {}
        for kind, *cells in changes:
            name = tuple(cells[i] for i in key)
            if kind in ("+I", "+U"):
                rows[name] = cells
            elif kind == "-D":
                rows.pop(name, None)
        return list(rows.values())
    rows = collections.Counter()
    order = []
    for kind, *cells in changes:
        if kind in ("+I", "+U"):
            rows[tuple(cells)] += 1
            order.append(tuple(cells))
        else:
            rows[tuple(cells)] -= 1
    if all(kind == "+I" for kind, *_ in changes):
        return [list(cells) for cells in order]
    return [list(cells) for cells, count in rows.items() for _ in range(max(count, 0))]


class Runner:
    def __init__(self, node, verbose):
        self.node, self.verbose = node, verbose
        self.scores = collections.Counter()
        self.failures = {}  # name -> text

    def score(self, part, name, passed, text=""):
        self.scores[part, passed] += 1
        if not passed:
            self.failures.setdefault(name, f"{part}: {text}".replace("\n", " | ")[:400])

    def run_script(self, path):
        text = path.read_text()
        out = tempfile.mkdtemp(prefix="firn-case-")
        text = text.replace("${DATA}", str(HERE / "data")).replace("${OUT}", out)
        session = firn.Session(self.node.sql, SETTINGS)
        result = None
        try:
            database = "case_" + re.sub(r"\W", "_", path.stem)  # Flink ran each script in a catalog of its own
            session.execute(f"CREATE DATABASE `{database}`")
            session.execute(f"USE `{database}`")
            for statement in firn.split_statements(text):
                answer = session.execute(statement, seconds=20)
                if answer.is_query or re.match(r"\s*(DESC|SHOW|EXPLAIN)", statement, flags=re.I):
                    result = answer
            return result, None
        except (firn.SqlError, OSError) as failure:
            return None, str(failure)
        finally:
            session.close()
            shutil.rmtree(out, ignore_errors=True)

    def check_case(self, path, unsupported):
        name = path.stem
        refused = path.with_suffix(".refused")
        result, failure = self.run_script(path)
        if name in unsupported:
            self.score("unsupported refused", name, failure is not None, "must be refused and was answered")
            return
        if refused.exists():
            kind = re.search(r"^class\s+(\w+)", refused.read_text(), flags=re.M).group(1)
            part = "refusals of user errors" if kind == "error" else "limits of Flink"
            self.score(part, name, failure is not None or kind == "limit", "Flink refuses it, firn answered")
            return
        expect = Expectation(path.with_suffix(".expect"))
        if expect.accepted_only:
            self.score("final rows", name, failure is None, failure or "")
            return
        if failure is not None or result is None:
            self.score("final rows", name, False, failure or "no statement gave rows")
            return
        self.compare(name, path.read_text(), result, expect)

    def compare(self, name, text, result, expect):
        changes = changes_of(result)
        types = [kind for _, kind in expect.columns]
        key = re.search(r"^-- upsert-key: ([\d, ]+)", text, flags=re.M)
        key = [int(part) - 1 for part in key.group(1).split(",")] if key else None
        rows = fold(changes, key)
        passed = same_rows(rows, expect.rows, types, expect.ordered)
        self.score("final rows", name, passed, f"got {rows[:6]} wanted {expect.rows[:6]}")
        if expect.changelog in ("exact", "multiset") and "-- order:" not in text:
            given = [row for row in changes]
            ordered = expect.changelog == "exact"
            self.score("changelog", name, same_rows(given, expect.changes, [""] + types, ordered), f"got {given[:8]} wanted {expect.changes[:8]}")
        given = [(column["name"], normal_type(firn.type_text(column["logicalType"]))) for column in result.columns or []]
        wanted = [(column, normal_type(kind)) for column, kind in expect.columns]
        self.score("types", name, given == wanted, f"got {given} wanted {wanted}")

    def check_expressions(self, path, unsupported):
        session = firn.Session(self.node.sql, SETTINGS)
        for line in path.read_text().splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line.startswith("@set"):
                _, key, value = line.split("\t")
                session.execute(f"SET '{key}' = '{value}'")
                continue
            expression, kind, value = (line.split("\t") + [""])[:3]
            self.check_expression(session, f"{path.stem}: {expression}", expression, kind, value, unsupported)
        session.close()

    def check_expression(self, session, name, expression, kind, value, unsupported):
        try:
            result = session.execute(f"SELECT {expression}", seconds=20)
            failure = None
        except (firn.SqlError, OSError) as problem:
            failure = str(problem)
        if name in unsupported:
            self.score("unsupported refused", name, failure is not None, "must be refused and was answered")
        elif kind.startswith("!"):
            self.score("expression values", name, failure is not None, f"Flink refuses it ({kind}), firn gave {failure or result.rows}")
        elif failure is not None or len(fold(changes_of(result))) != 1:  # what holds a sub-query begins without it
            self.score("expression values", name, False, failure or "not one row")
        else:
            cell = fold(changes_of(result))[0][0]
            self.score("expression values", name, same_cell(cell, value, kind), f"got {cell} wanted {value}")
            given = normal_type(firn.type_text(result.columns[0]["logicalType"]))
            self.score("expression types", name, given == normal_type(kind), f"got {given} wanted {normal_type(kind)}")


def read_known():
    known = {}
    if KNOWN.exists():
        for line in KNOWN.read_text().splitlines():
            if line and not line.startswith("#"):
                name, kind, reason = (line.split("\t") + ["", ""])[:3]
                known[name] = (kind, reason)
    return known


def report(runner, known):
    for part in sorted({part for part, _ in runner.scores}):
        passed, failed = runner.scores[part, True], runner.scores[part, False]
        print(f"  {part}: {passed} of {passed + failed}")
    unexpected = {name: text for name, text in runner.failures.items() if name not in known or known[name][0] == "unsupported"}
    stale = [name for name, (kind, _) in known.items() if kind == "differs" and name not in runner.failures]
    agree = sum(runner.scores[part, True] for part in ("final rows", "expression values"))
    total = agree + sum(runner.scores[part, False] for part in ("final rows", "expression values"))
    return unexpected, stale, agree / max(total, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--write-known", action="store_true", help="writes every failing case into known.tsv as 'differs'")
    arguments = parser.parse_args()
    known = read_known()
    unsupported = {name for name, (kind, _) in known.items() if kind == "unsupported"}
    with firn.Node() as node:
        runner = Runner(node, arguments.verbose)
        for path in sorted((HERE / "cases").glob("*.sql")):
            if arguments.only in path.stem:
                runner.check_case(path, unsupported)
        for path in sorted((HERE / "exprs").glob("*.tsv")):
            if arguments.only in path.stem:
                runner.check_expressions(path, unsupported)
    unexpected, stale, ratio = report(runner, known)
    for name, text in unexpected.items():
        print(f"FAIL {name}\t{text}")
    if arguments.verbose:
        for name, text in runner.failures.items():
            if name not in unexpected:
                print(f"known {name}\t{text}")
    if arguments.write_known:
        with KNOWN.open("a") as file:
            for name, text in unexpected.items():
                file.write(f"{name}\tdiffers\t{text[:200]}\n")
    if not arguments.only:
        for name in stale:
            print(f"STALE {name}: named in known.tsv and passes")
    print(f"flink cases: {ratio:.1%} of supported rows and values agree; {len(unexpected)} unexpected failures, {len(known)} named")
    sys.exit(1 if unexpected or (stale and not arguments.only) or (ratio < REQUIRED_RATIO and not arguments.only) else 0)


main()
