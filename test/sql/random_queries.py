#!/usr/bin/env python3
"""Random queries over random tables, by firn in batch and in streaming mode and by DuckDB: all three must give the same rows.

    random_queries.py [--seed S] [--count N] [--only QUERY] [--verbose]

Joins of all kinds with conditions besides the equality, by USING and by comma, sub-queries (IN, EXISTS, scalar, correlated) and common tables, grouping with
FILTER and DISTINCT, grouping sets with their numbers, nested set operations of different types, the first rows by ORDER BY; NULLs everywhere, and numbers of
any two types wherever two are compared: by =, <, IN, BETWEEN and IS DISTINCT FROM, in joins and in sub-queries. The seed and the query's number are printed with each difference and repeat it. What firn refuses as not supported is
counted; more than a few is a failure, too.
"""
import argparse
import collections
import pathlib
import random
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
import duckdb_oracle  # noqa: E402
import firn  # noqa: E402

TABLES = {"t1": [("a", "INT"), ("b", "INT"), ("s", "STRING"), ("l", "BIGINT")], "t2": [("a", "INT"), ("c", "INT"), ("s", "STRING"), ("e", "DOUBLE")],
          "t3": [("b", "INT"), ("c", "INT"), ("d", "DECIMAL(6, 2)"), ("m", "SMALLINT")]}
WHOLE = ("SMALLINT", "INT", "BIGINT")
NUMBERS = (*WHOLE, "DECIMAL(6, 2)", "DOUBLE")
MIXED_SHARE = 0.4  # of comparisons of numbers: those of two types
FAR = {"BIGINT": ["2147483648", "9007199254740993"], "DOUBLE": ["2147483648e0", "9007199254740992e0"]}  # no INT, and no DOUBLE of its own
FAR_SHARE = 0.1
MODES = ("batch", "streaming")
MAX_REFUSED_SHARE = 0.1
NOT_SUPPORTED = "error[E2003]"


class Generator:
    """Queries of one random source. Columns are (name as written, type)."""

    def __init__(self, numbers):
        self.numbers = numbers
        self.alias_count = 0

    def chance(self, share):
        return self.numbers.random() < share

    def alias(self):
        self.alias_count += 1
        return f"r{self.alias_count}"

    def literal(self, kind):
        if kind in FAR and self.chance(FAR_SHARE):
            return self.numbers.choice(FAR[kind])
        if kind in WHOLE:
            return str(self.numbers.randrange(-1, 5))
        if kind == "DOUBLE":
            return f"{self.numbers.randrange(0, 4)}.{self.numbers.choice('015')}e0"
        return f"'{self.numbers.choice('xyz')}'" if kind == "STRING" else f"{self.numbers.randrange(0, 4)}.{self.numbers.choice(['0', '5', '50', '10', '505'])}"

    def like(self, kind):
        """A type that is compared with this one."""
        return self.numbers.choice(NUMBERS) if kind in NUMBERS and self.chance(MIXED_SHARE) else kind

    def pairs(self, columns, others):
        """(column, one of the others, its type) that may be compared, those of one type more often."""
        alike = [(left, right, kind) for left, kind in columns for right, theirs in others if kind == theirs]
        mixed = [(left, right, kind) for left, kind in columns for right, theirs in others if kind != theirs and kind in NUMBERS and theirs in NUMBERS]
        return mixed if mixed and (not alike or self.chance(MIXED_SHARE)) else alike

    def column(self, columns, kind=None):
        fitting = [name for name, its_kind in columns if kind is None or its_kind == kind]
        return self.numbers.choice(fitting) if fitting else None

    def value(self, columns, kind):
        column = self.column(columns, kind)
        if column is None or self.chance(0.2):
            return self.literal(kind)
        choice = self.numbers.random()
        if kind == "INT" and choice < 0.3:
            return f"{column} {self.numbers.choice('+-*')} {self.numbers.randrange(1, 3)}"
        if choice < 0.4:
            return f"COALESCE({column}, {self.literal(kind)})"
        if choice < 0.5:
            return f"CASE WHEN {self.comparison(columns)} THEN {column} ELSE {self.value(columns, kind)} END"
        if choice < 0.55:
            return f"CASE {column} WHEN {self.literal(kind)} THEN {self.literal(kind)} WHEN {self.literal(kind)} THEN {self.value(columns, kind)} END"
        if choice < 0.6:
            return f"NULLIF({column}, {self.literal(kind)})"
        return column

    def comparison(self, columns):
        kind = self.numbers.choice(columns)[1]
        left, other = self.column(columns, kind), self.like(kind)
        right = self.literal(other) if self.chance(0.6) else self.column(columns, other) or self.column(columns, kind)
        choice = self.numbers.random()
        if choice < 0.15:
            return f"{left} IS {'NOT ' if self.chance(0.5) else ''}NULL"
        if choice < 0.25:
            members = [self.literal(self.like(kind)), right] + ["NULL"] * self.chance(0.2) + [f"{self.literal('INT')}.5"] * (kind != "STRING" and self.chance(0.3))
            return f"{left} {'NOT ' if self.chance(0.3) else ''}IN ({', '.join(self.numbers.sample(members, k=len(members)))})"
        if choice < 0.3:
            return f"{left} {'NOT ' if self.chance(0.3) else ''}BETWEEN {self.literal(self.like(kind))} AND {right}"
        if choice < 0.33:
            return f"({left} = {right}) IS {'NOT ' if self.chance(0.3) else ''}{self.numbers.choice(['TRUE', 'FALSE'])}"
        if choice < 0.35:
            return f"{left} IS {'NOT ' if self.chance(0.5) else ''}DISTINCT FROM {right}"
        return f"{left} {self.numbers.choice(['=', '<>', '<', '<=', '>', '>='])} {right}"

    def condition(self, columns, depth=2):
        if depth == 0 or self.chance(0.4):
            return self.comparison(columns)
        if self.chance(0.2):
            return f"NOT ({self.condition(columns, depth - 1)})"
        return f"({self.condition(columns, depth - 1)} {self.numbers.choice(['AND', 'OR'])} {self.condition(columns, depth - 1)})"

    def relation(self, depth):
        """(SQL of a FROM item, its columns)."""
        alias = self.alias()
        if depth > 0 and self.chance(0.2):
            query, columns = self.query(depth - 1)
            return f"({query}) AS {alias}", [(f"{alias}.{name}", kind) for name, kind in columns]
        table = self.numbers.choice(sorted(TABLES))
        return f"{table} AS {alias}", [(f"{alias}.{name}", kind) for name, kind in TABLES[table]]

    def source(self, depth):
        """FROM: (SQL, its columns)."""
        choice = self.numbers.random()
        if choice < 0.1:  # a comma binds looser than the joins behind it
            first, columns = self.relation(depth)
            second, others = self.joined(depth)
            return f"{first}, {second}", columns + others
        if choice < 0.2:
            left, right = self.numbers.sample(sorted(TABLES), k=2)
            shared = [name for name, _ in TABLES[left] if name in dict(TABLES[right])]
            names = self.numbers.sample(shared, k=self.numbers.randrange(1, len(shared) + 1))
            join = self.numbers.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
            alone = [(name, kind) for table in (left, right) for name, kind in TABLES[table] if name not in shared]
            by = f"NATURAL {join} {right}" if len(names) == len(shared) and self.chance(0.3) else f"{join} {right} USING ({', '.join(names)})"
            return f"{left} {by}", [(name, kind) for name, kind in TABLES[left] if name in names] + alone
        return self.joined(depth)

    def joined(self, depth):
        sql, columns = self.relation(depth)
        for _ in range(self.numbers.choice([0, 0, 1, 1, 2])):
            right, right_columns = self.relation(depth)
            kind = self.numbers.choice(["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
            shared = [(left, other) for left, other, _ in self.pairs(columns, right_columns)]
            on = [f"{left} {self.numbers.choice(['=', '=', '=', 'IS NOT DISTINCT FROM'])} {other}" for left, other in self.numbers.sample(shared, k=min(len(shared), self.numbers.choice([1, 1, 2])))]
            columns = columns + right_columns
            if kind != "FULL JOIN" and self.chance(0.4) or not on:  # DuckDB hash-joins FULL only
                on.append(self.condition(columns, 1))
            sql = f"{sql} {kind} {right} ON {' AND '.join(on)}"
        return sql, columns

    def subquery_condition(self, outer):
        table = self.numbers.choice(sorted(TABLES))
        alias = self.alias()
        columns = [(f"{alias}.{name}", kind) for name, kind in TABLES[table]]
        pairs = self.pairs(outer, columns)
        if not pairs:
            return self.comparison(outer)
        left, right, _ = self.numbers.choice(pairs)
        where = f" WHERE {self.condition(columns, 1)}" if self.chance(0.5) else ""
        choice = self.numbers.random()
        if choice < 0.4:
            kind = self.numbers.choice([kind for _, kind in columns])
            pairs = [(left, right)] * 2 + [(self.literal(kind), self.column(columns, kind))] + [(self.value(outer, kind), self.value(columns, self.like(kind)))] * (kind in dict(map(reversed, outer)))
            left, right = self.numbers.choice(pairs)
            return f"{left} {self.numbers.choice(['IN', 'NOT IN'])} (SELECT {right} FROM {table} AS {alias}{where})"
        if choice < 0.45:
            return f"{self.numbers.choice(['', 'NOT '])}EXISTS (SELECT 1 FROM {table} AS {alias}{where})"
        if choice < 0.5:
            return f"{left} {self.numbers.choice(['<', '=', '>='])} (SELECT MAX({right}) FROM {table} AS {alias}{where})"
        tied = f"{where or ' WHERE TRUE'} AND {left} = {right}"
        if choice < 0.7:
            return f"{self.numbers.choice(['', 'NOT '])}EXISTS (SELECT 1 FROM {table} AS {alias}{tied})"
        number = self.column(columns, "INT")
        aggregate = self.numbers.choice(["COUNT(*)", f"MAX({number})", f"SUM({number})", f"COUNT(DISTINCT {number})"])
        if "." not in left and aggregate.startswith("COUNT"):  # the inner table's own column may be meant: then it is NULL over no rows of a stream, as in Flink
            aggregate = f"MAX({number})"
        return f"{self.literal('INT')} {self.numbers.choice(['<', '<=', '=', '<>'])} (SELECT {aggregate} FROM {table} AS {alias}{tied})"

    def where(self, columns):
        conjuncts = [self.condition(columns)] if self.chance(0.5) else []
        if self.chance(0.35):
            conjuncts.append(self.subquery_condition(columns))
        return f" WHERE {' AND '.join(conjuncts)}" if conjuncts else ""

    def aggregate(self, columns):
        number = self.column(columns, "INT")
        anything = self.column(columns)
        call = self.numbers.choice(["COUNT(*)", f"COUNT({anything})", f"COUNT(DISTINCT {anything})", f"SUM({number})", f"MIN({anything})", f"MAX({anything})", f"SUM(DISTINCT {number})"])
        if "None" in call:
            call = "COUNT(*)"
        kind = next((kind for name, kind in columns if call in (f"MIN({name})", f"MAX({name})")), "LONG")
        return (call + f" FILTER (WHERE {self.condition(columns, 1)})" if self.chance(0.3) else call), kind

    def select(self, depth):
        source, columns = self.source(depth)
        where = self.where(columns)
        if self.chance(0.4):
            return self.grouped(source, columns, where, may_be_global=depth == 1)
        kinds = self.numbers.choices(["INT", "INT", "STRING", "STRING", "BIGINT", "DOUBLE"], k=self.numbers.randrange(1, 4))
        items = [(self.value(columns, kind), kind) for kind in kinds]
        if self.chance(0.15):
            table, alias, outer = "t2", self.alias(), self.column(columns, "INT")
            if outer is not None:
                call = self.numbers.choice(["COUNT(*)", f"MAX({alias}.c)", f"COUNT({alias}.c) + 1"])
                call = call if "." in outer else f"MAX({alias}.c)"  # as above
                items.append((f"(SELECT {call} FROM {table} AS {alias} WHERE {alias}.a = {outer})", "LONG"))
        distinct = "DISTINCT " if self.chance(0.2) else ""
        return f"SELECT {distinct}{self.named(items)} FROM {source}{where}", self.outputs(items)

    def grouped(self, source, columns, where, may_be_global):
        keys = self.numbers.sample(columns, k=min(len(columns), self.numbers.choice([0 if may_be_global else 1, 1, 1, 2, 2])))
        aggregates = [self.aggregate(columns) for _ in range(self.numbers.randrange(1, 3))]
        items = keys + aggregates
        sql = f"SELECT {self.named(items)} FROM {source}{where}"
        if keys:
            names = ", ".join(name for name, _ in keys)
            if len(keys) == 2 and self.chance(0.4):
                sets = [f"({keys[0][0]})", f"({names})", f"({keys[1][0]})", f"({keys[1][0]}, {keys[0][0]})"]
                sets = self.numbers.sample(sets, k=self.numbers.randrange(1, len(sets) + 1))
                items.append((f"GROUPING({names})", "LONG"))
                sql = f"SELECT {self.named(items)} FROM {source}{where}"
                sql += self.numbers.choice([f" GROUP BY ROLLUP ({names})", f" GROUP BY CUBE ({names})", f" GROUP BY GROUPING SETS ({', '.join(sets)})"])
            else:
                sql += f" GROUP BY {names}"
            if self.chance(0.3):
                sql += f" HAVING {self.numbers.choice(['COUNT(*)', aggregates[0][0] if aggregates[0][1] == 'LONG' else 'COUNT(*)'])} {self.numbers.choice(['>', '<=', '='])} {self.numbers.randrange(0, 4)}"
        return sql, self.outputs(items)

    @staticmethod
    def named(items):
        return ", ".join(f"{sql} AS o{i}" for i, (sql, _) in enumerate(items))

    @staticmethod
    def outputs(items):
        return [(f"o{i}", kind) for i, (_, kind) in enumerate(items)]

    def query(self, depth=2):
        """(SQL, its columns): what a sub-query must have, too, so no LONG or DECIMAL among what others compute with."""
        if depth > 0 and self.chance(0.15):
            sql, columns = self.simple()
            for _ in range(self.numbers.choice([1, 1, 2, 3])):
                right = self.simple()[0] if self.chance(0.7) else f"({self.simple()[0]} {self.set_operator()} {self.simple()[0]})"
                sql = f"{sql} {self.set_operator()} {right}"
            return sql, columns
        if depth == 2 and self.chance(0.1):
            return self.with_common_tables()
        if depth == 2 and self.chance(0.1):
            return self.first_rows()
        while True:
            sql, columns = self.select(depth - 1 if depth else 0)
            if all(kind in ("INT", "STRING", "BIGINT", "DOUBLE") for _, kind in columns) or depth == 2:
                return sql, columns

    def set_operator(self):
        return self.numbers.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"])

    def with_common_tables(self):
        """WITH: tables that are read once, twice or not, and one that hides a table of the catalog."""
        inner, columns = self.query(1)
        name = self.numbers.choice(["c1", "t1"])
        names = [f"n{i}" for i in range(len(columns))]
        left, right = self.alias(), self.alias()
        kinds = [kind for _, kind in columns]
        again = f"SELECT {', '.join(names)} FROM {name} WHERE {self.condition(list(zip(names, kinds)), 1)}"
        shared = f"{left}.n0 = {right}.n0"
        both = [(f"{alias}.{column}", kind) for alias in (left, right) for column, kind in zip(names, kinds)]
        items = self.numbers.sample(both, k=min(len(both), 3))
        sql = f"WITH {name} ({', '.join(names)}) AS ({inner}), c2 AS ({again}) SELECT {self.named(items)} FROM {name} AS {left} {self.numbers.choice(['JOIN', 'LEFT JOIN'])} c2 AS {right} ON {shared}"
        return sql, self.outputs(items)

    def first_rows(self):
        """The first rows, in an order that leaves no choice."""
        source, columns = self.source(1)
        items = [(self.value(columns, kind), kind) for kind in self.numbers.choices(["INT", "STRING"], k=self.numbers.randrange(1, 4))]
        names = [f"p{i}" for i in range(len(items))]
        keys = [f"{name}{self.numbers.choice(['', ' DESC'])} NULLS {self.numbers.choice(['FIRST', 'LAST'])}" for name in self.numbers.sample(names, k=len(names))]
        if items[0][1] == "INT" and self.chance(0.4):
            keys.insert(0, f"-p0 {self.numbers.choice(['', 'DESC '])}NULLS FIRST")
        offset = f" OFFSET {self.numbers.randrange(0, 4)}" if self.chance(0.3) else ""
        selected = ", ".join(f"{sql} AS {name}" for (sql, _), name in zip(items, names))
        return f"SELECT {selected} FROM {source}{self.where(columns)} ORDER BY {', '.join(keys)} LIMIT {self.numbers.randrange(0, 6)}{offset}", self.outputs(items)

    def simple(self):
        source, columns = self.relation(0)
        first, second = self.column(columns, "INT"), self.column(columns, "INT")
        where = f" WHERE {self.condition(columns, 1)}" if self.chance(0.5) else ""
        return f"SELECT {first} AS o0, {second} AS o1 FROM {source}{where}", [("o0", "INT"), ("o1", "INT")]


def cell(numbers, kind):
    if numbers.random() < 0.2:
        return f"CAST(NULL AS {kind})"
    if kind in FAR and numbers.random() < FAR_SHARE:
        return numbers.choice(FAR[kind])
    if kind in WHOLE:
        return f"CAST({numbers.randrange(0, 4)} AS {kind})"
    if kind == "DOUBLE":
        return f"{numbers.randrange(0, 4)}.{numbers.choice('0015')}e0"
    return f"'{numbers.choice('xyz')}'" if kind == "STRING" else f"CAST({numbers.randrange(0, 4)}.{numbers.choice(['00', '50', '10'])} AS {kind})"


def make_tables(numbers, run):
    for table, columns in TABLES.items():
        run(f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns)})")
        rows = [f"({', '.join(cell(numbers, kind) for _, kind in columns)})" for _ in range(numbers.randrange(0, 14))]
        if rows:
            run(f"INSERT INTO {table} VALUES {', '.join(rows)}")


def folded(result):
    """The rows that a changelog leaves."""
    rows = collections.Counter()
    for kind, fields in result.rows:
        rows[tuple(fields)] += 1 if kind in ("INSERT", "UPDATE_AFTER") else -1
    if any(count < 0 for count in rows.values()):
        raise AssertionError(f"takes back rows that it never gave: {[row for row, count in rows.items() if count < 0]}")
    return [list(row) for row, count in rows.items() for _ in range(count)]


def answer(session, mode, query):
    session.execute(f"SET 'execution.runtime-mode' = '{mode}'")
    result = session.execute(query, seconds=30)
    return result.texts() if mode == "batch" else folded(result)


def check(sessions, oracle, query):
    """None, or what is wrong; firn.SqlError if it is refused."""
    wanted = oracle.rows(query)
    for mode in MODES:
        given = answer(sessions, mode, query)
        # Over no rows Flink's streaming aggregate without keys, and its ROLLUP and CUBE, have no row (FACTS.md 13).
        is_grand_total = len(wanted) == 1 and given == [] and (mode == "streaming" or "ROLLUP" in query or "CUBE" in query)
        if not is_grand_total and not duckdb_oracle.same_rows(given, wanted, False):
            return f"{mode} differs\n  DuckDB: {sorted(wanted, key=str)[:30]}\n  firn:   {sorted(given, key=str)[:30]}"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--only", type=int)
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    numbers = random.Random(arguments.seed)
    oracle = duckdb_oracle.Oracle()
    begin, failures, refused = time.monotonic(), [], collections.Counter()
    with firn.Node() as node:
        session = firn.Session(node.sql, {"execution.runtime-mode": "batch", "table.dml-sync": "true", "parallelism.default": "2"})
        for statement in ("CREATE CATALOG lake WITH ('type' = 'iceberg')", "CREATE DATABASE lake.random", "USE CATALOG lake", "USE random"):
            session.execute(statement)
        make_tables(numbers, lambda sql: (session.execute(sql), oracle.execute(sql)))
        for number in range(arguments.count):
            query = Generator(random.Random(f"{arguments.seed} {number}")).query()[0]
            if arguments.only not in (None, number):
                continue
            if arguments.verbose:
                print(f"{number}: {query}", flush=True)
            try:
                problem = check(session, oracle, query)
            except duckdb_oracle.duckdb.Error as refusal:
                refused[f"DuckDB: {str(refusal).splitlines()[0]}"] += 1
                continue
            except (firn.SqlError, AssertionError) as failure:
                problem = str(failure)
                if NOT_SUPPORTED in problem:
                    refused[problem.splitlines()[0]] += 1
                    continue
            if problem:
                failures.append(f"--seed {arguments.seed} --only {number}: {problem}\n    {query}\n")
    for failure in failures:
        print(failure)
    for reason, count in refused.most_common():
        print(f"refused {count} times: {reason}")
    print(f"random queries: seed {arguments.seed}, {arguments.count - len(failures) - refused.total()} of {arguments.count} agree with DuckDB in batch and streaming, "
          f"{refused.total()} refused ({time.monotonic() - begin:.1f} s)")
    sys.exit(1 if failures or refused.total() > MAX_REFUSED_SHARE * arguments.count else 0)


main()
