# SPDX-License-Identifier: Apache-2.0
"""Whether a program printed what a document shows. What is another every time is made equal on both sides; `...` in a document stands for anything."""
import re

VARIES = [
    (re.compile(r"\x1b\[[0-9;]*[A-Za-z]"), ""),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<id>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"/tmp/[\w./-]+"), "<folder>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z?"), "<time>"),
    (re.compile(r"\b\d+(?:\.\d+)? (?:ms|s|min)\b"), "<duration>"),
]
EXCERPT_LINES = 60
NUMBER = re.compile(r"\d(?:[\d,.:]*\d)?")


def settled(line, numbers_vary):
    """The line without what varies and without the widths that depend on it."""
    for pattern, name in VARIES:
        line = pattern.sub(name, line)
    if numbers_vary:
        line = NUMBER.sub("<number>", line)
    return re.sub(r"[ \t]+", " ", re.sub(r"─+", "─", line)).strip()


def line_pattern(line):
    return re.compile(".*".join(re.escape(part) for part in line.split("...")))


def difference(expected, actual, numbers_vary=False):
    """None where the actual lines are what the document shows, else what differs, to be read."""
    expected = [settled(line, numbers_vary) for line in expected]
    actual = [settled(line, numbers_vary) for line in actual]
    while expected and not expected[-1]:
        expected.pop()
    while actual and not actual[-1]:
        actual.pop()
    patterns = [None if line == "..." else line_pattern(line) for line in expected]
    if matches(patterns, actual):
        return None
    return "the document shows\n" + excerpt(expected) + "\nbut it prints\n" + excerpt(actual)


def excerpt(lines):
    hidden = len(lines) - EXCERPT_LINES
    return "\n".join("    " + line for line in lines[:EXCERPT_LINES]) + (f"\n    and {hidden} lines more" if hidden > 0 else "")


def matches(patterns, lines):
    """Whether the lines are what the patterns say; None stands for any number of lines."""
    reach = {0}  # how many lines the patterns so far may have taken
    for pattern in patterns:
        if pattern is None:
            reach = set(range(min(reach), len(lines) + 1)) if reach else set()
        else:
            reach = {at + 1 for at in reach if at < len(lines) and pattern.fullmatch(lines[at])}
    return len(lines) in reach
