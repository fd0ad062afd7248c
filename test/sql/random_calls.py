#!/usr/bin/env python3
"""Calls of every function and operator with arguments of every type, most of them wrong: each must be answered or refused, and the node go on.

    random_calls.py [--seed S] [--count N]
"""
import argparse
import collections
import http.client
import pathlib
import random
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import firn  # noqa: E402

VALUES = ["1", "-5", "0", "2147483647", "9223372036854775807", "CAST(7 AS TINYINT)", "CAST(NULL AS INT)", "1.5", "-0.05",
          "CAST(99999999999999999999999999999999999999 AS DECIMAL(38, 0))", "1e10", "CAST('NaN' AS DOUBLE)", "CAST('Infinity' AS DOUBLE)", "CAST(1.5 AS FLOAT)", "'a'", "''",
          "'2024-01-01'", "'{\"a\": 1}'", "'$.a'", "'a,b'", "','", "'%'", "'UTF-8'", "'yyyy-MM-dd'", "'\U0001F600b'", "CAST(NULL AS STRING)", "TRUE", "FALSE",
          "CAST(NULL AS BOOLEAN)", "X'00FF'", "CAST(NULL AS BYTES)", "DATE '2024-02-29'", "DATE '0001-01-01'", "DATE '9999-12-31'", "TIME '12:34:56'",
          "TIMESTAMP '2024-02-29 12:34:56.789'", "TIMESTAMP '9999-12-31 23:59:59.999999999'", "CAST(NULL AS TIMESTAMP(3))", "TO_TIMESTAMP_LTZ(0, 3)", "INTERVAL '1' DAY",
          "INTERVAL '1' MONTH", "INTERVAL '99' YEAR", "ARRAY[1, 2]", "ARRAY['a', CAST(NULL AS STRING)]", "ARRAY[ARRAY[1]]", "CAST(NULL AS ARRAY<INT>)", "ARRAY[1.5, 2.25]",
          "ARRAY[DATE '2024-01-01']", "ARRAY[TRUE]", "ARRAY[X'00']", "ARRAY[1e0]", "MAP['a', 1]", "MAP[1, 'x']", "MAP['k', ARRAY[1]]", "CAST(NULL AS MAP<STRING, INT>)",
          "ROW(1, 'a')", "ARRAY[ROW(1, 'a')]", "NULL", "RAND()"]
# Written as quoted names, special forms and operators are calls like others: of any arguments.
QUOTED = ["CAST", "TRY_CAST", "CASE", "COALESCE", "IF", "IN", "BETWEEN", "AND", "OR", "NOT", "IS NULL", "LIKE", "SIMILAR TO", "EXTRACT", "FLOOR", "CEIL", "TRIM", "POSITION",
          "OVERLAY", "TIMESTAMPADD", "TIMESTAMPDIFF", "JSON_VALUE", "JSON_QUERY", "JSON_EXISTS", "JSON_OBJECT", "JSON_ARRAY", "IS JSON", "ARRAY", "MAP", "ROW", ".", "[]",
          "UNARY -", "+", "/", "%", "||", "=", "<", "$SINGLE"]
OPERATORS = ["+", "-", "*", "/", "%", "=", "<>", "<", ">=", "||", "AND", "OR", "LIKE", "IS DISTINCT FROM", "SIMILAR TO"]
TYPES = ["INT", "STRING", "DOUBLE", "DECIMAL(5, 2)", "DECIMAL(38, 38)", "BOOLEAN", "DATE", "TIME", "TIMESTAMP(3)", "TIMESTAMP(9)", "TIMESTAMP_LTZ(3)", "BYTES", "ARRAY<INT>",
         "ARRAY<STRING>", "MAP<STRING, INT>", "ROW<a INT, b STRING>", "CHAR(3)", "VARCHAR(2)", "BINARY(2)", "TINYINT", "FLOAT", "BIGINT", "INTERVAL DAY TO SECOND",
         "INTERVAL YEAR TO MONTH"]
FORMS = ["SELECT {0}", "SELECT {0} FROM (VALUES (1), (2)) AS t (x)", "SELECT COUNT(*) FROM (VALUES (1), (2)) AS t (x) GROUP BY {0}",
         "SELECT {0} AS v FROM (VALUES (1), (2)) AS t (x) ORDER BY v", "SELECT MAX({0}), COUNT(DISTINCT {0}) FROM (VALUES (1), (2)) AS t (x)",
         "SELECT x FROM (SELECT {0} AS x FROM (VALUES (1)) AS t (y)) AS a INTERSECT ALL SELECT {0}"]


def expression(numbers, functions, depth):
    if depth == 0 or numbers.random() < 0.35:
        return numbers.choice(VALUES)
    below = lambda: expression(numbers, functions, depth - 1)  # noqa: E731
    choice = numbers.random()
    if choice < 0.3:
        return f"({below()} {numbers.choice(OPERATORS)} {below()})"
    if choice < 0.45:
        return f"{numbers.choice(['CAST', 'TRY_CAST'])}({below()} AS {numbers.choice(TYPES)})"
    if choice < 0.52:
        return f"CASE WHEN {below()} THEN {below()} ELSE {below()} END"
    if choice < 0.57:
        return f"{below()}[{below()}]"
    name = f"`{numbers.choice(QUOTED)}`" if choice > 0.9 else numbers.choice(functions)
    return f"{name}({', '.join(below() for _ in range(numbers.choice([0, 1, 1, 2, 2, 3, 3, 4, 6, 7])))})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=3000)
    arguments = parser.parse_args()
    numbers, outcomes, begin = random.Random(arguments.seed), collections.Counter(), time.monotonic()
    with firn.Node() as node:
        session = firn.Session(node.sql, {"execution.runtime-mode": "batch"})
        functions = [name for name, in session.execute("SHOW FUNCTIONS").texts()]
        for number in range(arguments.count):
            query = numbers.choice(FORMS).format(expression(numbers, functions, 2))
            try:
                session.execute(query, seconds=20)
                outcomes["answered"] += 1
            except firn.SqlError as refusal:
                code = re.search(r"error\[(E\d+)\]", str(refusal))
                if code is None:
                    sys.exit(f"--seed {arguments.seed}, number {number}: a refusal without a code: {refusal}\n  {query}")
                outcomes[code.group(1)] += 1
            except (OSError, http.client.HTTPException, UnicodeDecodeError) as failure:
                sys.exit(f"--seed {arguments.seed}, number {number}: no answer ({failure!r}):\n  {query}\n{node.log_tail()}")
    print(f"random calls: seed {arguments.seed}, {arguments.count} calls, {dict(outcomes.most_common())} ({time.monotonic() - begin:.1f} s)")
    sys.exit(0 if outcomes["answered"] > arguments.count / 10 else 1)


main()
