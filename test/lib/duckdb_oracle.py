"""DuckDB asked the same questions, for SQL whose meaning it shares with Flink: joins, set operations, grouping, order."""
import datetime
import decimal

import duckdb

RELATIVE_ERROR = 1e-9


class Oracle:
    def __init__(self):
        self.connection = duckdb.connect()
        # As Flink has it: NULL is the lowest value, an INT divided by an INT is an INT.
        self.connection.execute("SET default_null_order = 'nulls_first_on_asc_last_on_desc'; SET integer_division = true; SET TimeZone = 'UTC'")

    def execute(self, statement):
        self.connection.execute(statement)

    def rows(self, query):
        return self.connection.execute(query).fetchall()


def same_cell(text, value):
    """`text`: a cell of firn's, `value`: DuckDB's."""
    if text is None or value is None:
        return text is None and value is None
    if isinstance(value, bool):
        return text == str(value).upper()
    if isinstance(value, (int, decimal.Decimal)):
        return decimal.Decimal(text) == value
    if isinstance(value, float):
        given = float(text)
        return given == value or (given != given and value != value) or abs(given - value) <= RELATIVE_ERROR * max(abs(given), abs(value))
    if isinstance(value, datetime.datetime):
        return datetime.datetime.fromisoformat(text) == value
    return text == str(value)


def same_rows(given, wanted, is_ordered):
    """Whether both have the same rows: in order, or as multisets."""
    if len(given) != len(wanted):
        return False
    same = lambda left, right: len(left) == len(right) and all(map(same_cell, left, right))  # noqa: E731
    if is_ordered:
        return all(map(same, given, wanted))
    # Sorted alike the rows stand side by side, but for those that differ in how a number is written: these look for each other.
    rest = sorted(wanted, key=str)
    for row in sorted(given, key=str):
        match = next((i for i, other in enumerate(rest) if same(row, other)), None)
        if match is None:
            return False
        rest.pop(match)
    return True
