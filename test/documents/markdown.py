# SPDX-License-Identifier: Apache-2.0
"""The commands of a Markdown document: its fenced blocks, their language, and the invisible comments that say how a block is to be run.

A comment `<!-- documents: KEY: VALUE -->` belongs to the next block (README.md beside this file lists the keys). Nothing that looks like a command can hide: a fence needs a
language, a block of text may not hold a line with a prompt, and blocks by indentation are refused."""
import dataclasses
import re

COMMENT = re.compile(r"^\s*<!-- documents: (?P<key>[a-z][a-z ]*?)(?:: (?P<value>.*?))? -->\s*$")
FENCE = re.compile(r"^(?P<indent>\s*)```\s*(?P<language>\S*)\s*$")
RUN_LANGUAGES = {"console", "sql"}
SHOWN_LANGUAGES = {"text", "json"}  # diagrams, layouts, results: nothing to run
BLOCK_KEYS = {"not run", "file", "numbers vary", "in a moment"}
DOCUMENT_KEYS = {"made up"}


class Malformed(Exception):
    """The document breaks a rule; the text begins with the line's number."""


@dataclasses.dataclass
class Command:
    line: int
    text: str
    expected: list = dataclasses.field(default_factory=list)  # lines of output as the document shows them
    typed: list = dataclasses.field(default_factory=list)     # what is typed at a prompt of the program's own


@dataclasses.dataclass
class Block:
    line: int
    language: str
    lines: list
    notes: dict

    def commands(self):
        """Of a console block: `$ COMMAND`, continued where a line ends in a backslash and up to the end of a `<<` text; `firn> ` is typed into it; the rest is what it prints."""
        commands, is_continued, here = [], False, None
        for number, line in enumerate(self.lines, self.line + 1):
            if here is not None or is_continued:
                commands[-1].text += "\n" + line
                here = None if line == here else here
            elif line.startswith("$ "):
                commands.append(Command(number, line[2:]))
            elif not commands:
                raise Malformed(f"{number}: a console block begins with a command, `$ ...`")
            elif re.match(r"firn sql\b", commands[-1].text) and line.startswith(("firn> ", "   -> ")):
                commands[-1].typed.append(line[6:])
            else:
                commands[-1].expected.append(line)
            is_continued = (is_continued or line.startswith("$ ")) and line.endswith("\\")
            if line.startswith("$ ") and (begin := re.search(r"<<'?(\w+)'?", line)):
                here = begin.group(1)
        return commands


def blocks(text):
    """(blocks, notes of the whole document). Raises Malformed."""
    found, notes, document_notes = [], {}, {}
    current, previous = None, ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if current is not None:
            if fence and not fence["language"]:
                found.append(current)
                current = None
            else:
                indent = current.notes["indent"]
                current.lines.append(line[len(indent):] if line.startswith(indent) else line)
        elif fence:
            check_language(number, fence["language"])
            current = Block(number, fence["language"], [], {**notes, "indent": fence["indent"]})
            notes = {}
        elif comment := COMMENT.match(line):
            key, value = comment["key"], comment["value"] or ""
            if key in DOCUMENT_KEYS:
                document_notes.setdefault(key, []).extend(word.strip() for word in value.split(","))
            elif key in BLOCK_KEYS:
                notes[key] = value
            else:
                raise Malformed(f"{number}: there is no note '{key}'")
        elif line.startswith("    ") and not previous.strip():
            raise Malformed(f"{number}: a block by indentation: fence it and give it a language")
        elif line.strip() and notes:
            raise Malformed(f"{number}: a note without a block behind it")
        previous = line
    if current is not None:
        raise Malformed(f"{current.line}: a fence that does not end")
    for block in found:
        check_shown(block)
    return found, document_notes


def check_language(number, language):
    if language not in RUN_LANGUAGES | SHOWN_LANGUAGES:
        raise Malformed(f"{number}: a fence of language '{language}'; known are {', '.join(sorted(RUN_LANGUAGES | SHOWN_LANGUAGES))}")


def check_shown(block):
    if block.language not in SHOWN_LANGUAGES:
        return
    for number, line in enumerate(block.lines, block.line + 1):
        if re.match(r"\s*(\$|firn>) ", line):
            raise Malformed(f"{number}: a command in a block of {block.language}: make it a console block")
