"""Files of SQL records with what they must answer: sqllogictest's forms. test/sql/README.md describes them."""
import dataclasses
import re

NULL = "NULL"
EMPTY = "(empty)"
SORTS = ("nosort", "rowsort")
ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
KINDS = {"T": ("CHAR", "VARCHAR"), "I": ("TINYINT", "SMALLINT", "INTEGER", "BIGINT"), "R": ("FLOAT", "DOUBLE"), "N": ("DECIMAL",), "B": ("BOOLEAN",),
         "D": ("DATE", "TIME_WITHOUT_TIME_ZONE", "TIMESTAMP_WITHOUT_TIME_ZONE", "TIMESTAMP_WITH_LOCAL_TIME_ZONE")}


@dataclasses.dataclass
class Record:
    """`head`, `sql` and `expected` are lines as written; `line` counts from 1."""
    line: int
    head: str = ""
    comments: list = dataclasses.field(default_factory=list)  # lines above, blank ones included
    sql: list = dataclasses.field(default_factory=list)
    expected: list = dataclasses.field(default_factory=list)

    @property
    def words(self):
        return self.head.split()

    @property
    def is_query(self):
        return self.head.startswith("query ")

    @property
    def error(self):
        """The text that the refusal must contain; None: it must succeed."""
        return self.head[len("statement error"):].strip() if self.head.startswith("statement error") else None

    @property
    def types(self):
        return self.words[1]

    @property
    def sort(self):
        return next((word for word in self.words[2:] if word in SORTS), "nosort")

    @property
    def asks_duckdb(self):
        return "duckdb" in self.words[1:] and self.error is None

    @property
    def statement(self):
        return "\n".join(self.sql)


class Malformed(Exception):
    pass


def check_head(record):
    words = record.words
    if record.error is not None:
        well = bool(record.error)
    elif record.is_query:
        well = len(words) > 1 and set(words[1]) <= set(KINDS) | {"X"} and set(words[2:]) <= {*SORTS, "duckdb"}
    else:
        well = words[:2] == ["statement", "ok"] and set(words[2:]) <= {"duckdb"}
    if not well:
        raise Malformed(f"line {record.line}: not a record: {record.head}")


def parse(text):
    """(records, comment lines behind the last one)."""
    records, comments = [], []
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if not line.strip() or line.startswith("#"):
            comments.append(line)
            continue
        record = Record(number, line, comments)
        check_head(record)
        comments = []
        into = record.sql
        for _, line in lines:
            if not line.strip():
                comments = [line]
                break
            if line == "----" and into is record.sql:
                into = record.expected
                continue
            into.append(line)
        if not record.sql or (into is record.expected and not record.is_query):
            raise Malformed(f"line {record.line}: a record is its head, SQL and, if it is a query, ---- and rows")
        records.append(record)
    return records, comments


def unparse(records, trailing):
    """The text of the file. A query always has its ----."""
    lines = []
    for record in records:
        lines += record.comments + [record.head] + record.sql + (["----"] + record.expected if record.is_query else [])
    return "\n".join(lines + trailing) + "\n"


def cell_text(cell):
    if cell is None:
        return NULL
    if cell == "":
        return EMPTY
    text = re.sub(r"[\\\t\n\r]", lambda found: ESCAPES[found.group()], cell)
    return f"'{text}'" if text in (NULL, EMPTY) or text != text.strip() else text


def row_lines(rows, sort):
    """Rows of texts (None is NULL) as lines: cells apart by a TAB."""
    lines = ["\t".join(cell_text(cell) for cell in row) for row in rows]
    return sorted(lines) if sort == "rowsort" else lines


def kinds_of(column_types):
    """The letters of the types' names as the gateway gives them."""
    return "".join(next((letter for letter, names in KINDS.items() if name in names), "X") for name in column_types)
