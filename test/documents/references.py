# SPDX-License-Identifier: Apache-2.0
"""What a document names must be there: files and folders, classes and constants, options of `firn`, other documents. A recipe that was true when it was written and names what has gone
since fails here. What a document makes up for an example stands in its note `made up`."""
import fnmatch
import functools
import itertools
import pathlib
import re
import subprocess

TOP_FOLDERS = ("src/", "test/", "docs/", "script/", "tools/", "cmake/", "bench/")
ENDINGS = ("h", "cc", "cmake", "md", "py", "def", "msg", "tsv", "golden", "supp")
NOT_SOURCE = (".md", ".golden", ".tsv", ".expect", ".b64")
INLINE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
PLACEHOLDER = re.compile(r"<[a-z ]+>|\b[A-Z][A-Z0-9_-]+\b")
NAME = re.compile(r"\b(?:[A-Z][a-z0-9]+[A-Z]\w*|k[A-Z]\w+|FIRN_[A-Z_]+)\b")


def alternatives(text):
    """`a.{h,cc}` as `a.h`, `a.cc`."""
    found = re.search(r"\{([^{}]*)\}", text)
    if not found:
        return [text]
    return list(itertools.chain.from_iterable(alternatives(text[:found.start()] + part + text[found.end():]) for part in found.group(1).split(",")))


class Tree:
    """The files of the checkout and the words in its sources."""

    def __init__(self, root, binary):
        self.root = root
        self.binary = binary
        listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True)
        self.files = sorted(file for file in set(listed.stdout.splitlines()) if (root / file).exists())
        self.names = {pathlib.PurePath(file).name for file in self.files}
        self.folders = {str(parent) for file in self.files for parent in pathlib.PurePath(file).parents}

    @functools.cached_property
    def words(self):
        words = set()
        for file in self.files:
            if file.startswith(("src/", "test/", "tools/", "script/", "bench/", "cmake/")) and not file.endswith(NOT_SOURCE) and not file.startswith("test/documents/"):
                words.update(re.findall(r"\w+", (self.root / file).read_text(errors="ignore")))
        return words

    def has_path(self, path):
        path = path.rstrip("/")
        if path in self.folders or path in self.files:
            return True
        return any(fnmatch.fnmatch(known, path) for known in itertools.chain(self.files, self.folders))

    def has_name(self, name):
        return name in self.names or any(fnmatch.fnmatch(known, name) for known in self.names)

    @functools.lru_cache(maxsize=None)
    def help(self, commands):
        """What `firn COMMAND ... --help` prints, or None if there is no such command."""
        done = subprocess.run([str(self.binary), *commands, "--help"], capture_output=True, text=True, timeout=20)
        is_there = done.returncode == 0 and re.search(rf"^Usage: \S*firn {' '.join(commands)}\b", done.stdout, flags=re.M)  # an unknown word shows the page of what stands before it
        return done.stdout if is_there else None


def of_firn(tree, text):
    """Problems of `firn COMMAND ... --option`: what the program's own help does not know."""
    words = text.split()[1:]
    commands, options = [], [option.split("=")[0] for word in words if word.startswith("--") for option in word.split("/") if option.startswith("--")]
    for word in words[:2]:
        if not re.fullmatch(r"[a-z]+(?:\|[a-z]+)*", word):
            break
        commands.append(word.split("|"))
    problems = []
    for path in itertools.product(*commands):
        shown = tree.help(path)
        while shown is None and len(path) > 1:  # the second word may be a name
            path = path[:-1]
            shown = tree.help(path)
        if shown is None:
            problems.append(f"there is no `firn {' '.join(path)}`")
        else:
            problems += [f"`firn {' '.join(path)}` has no option {option}" for option in options if not re.search(re.escape(option) + r"\b", shown) and option != "--help"]
    return problems


def of_code(tree, code):
    """(number of references, problems) of one piece of inline code."""
    word = code.split()[0] if code.split() else ""
    word = re.sub(r"^[A-Z_]+=\S+$", "", word) or (code.split() + [""])[min(1, len(code.split()))]
    if word == "firn" and len(code.split()) > 1:
        return 1, of_firn(tree, code)
    count, problems = 0, []
    for path in alternatives(word.rstrip(",;:")):
        plain = PLACEHOLDER.sub("*", path)
        if path.startswith(TOP_FOLDERS):
            count += 1
            if not tree.has_path(plain) and not tree.has_path(path):
                problems.append(f"there is no {path}")
        elif re.fullmatch(r"(?:[\w*-]+/)*[\w*-]+\.(?:" + "|".join(ENDINGS) + ")", plain):
            count += 1
            if not (tree.has_path("*" + plain) or tree.has_name(plain)):
                problems.append(f"no file is called {path}")
    for name in NAME.findall(code):
        count += 1
        if name not in tree.words:
            problems.append(f"nothing in the sources is called {name}")
    return count, problems


def check(tree, path, text, made_up):
    """(number of references, [(line, problem)]) of a document."""
    count, problems, is_fenced = 0, [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            is_fenced = not is_fenced
        if is_fenced:
            continue
        for target in LINK.findall(line):
            if "://" not in target:
                count += 1
                if not (path.parent / target).exists():
                    problems.append((number, f"a link to {target}, which is not there"))
        for _, code in INLINE.findall(line):
            more, found = of_code(tree, code)
            count += more
            problems += [(number, problem) for problem in found if not any(name in problem for name in made_up)]
    return count, problems
