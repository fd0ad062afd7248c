# SPDX-License-Identifier: Apache-2.0
"""tools/tidy finds what each of its rules is for, in a small checkout that is right but for one thing."""
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LICENCE = "// SPDX-License-Identifier: Apache-2.0\n"
RIGHT = {
    "src/layers.txt": "0 base\n1 io\n1 types\n2 log\n",
    "src/base/CMakeLists.txt": "firn_module(base)\n",
    "src/base/README.md": "# base\n",
    "src/base/error_registry.def": 'FIRN_ERROR(1001, IoError, 500, 56, "t", "d")\n',
    "src/base/error.h": LICENCE + "#pragma once\nnamespace firn {\ninline int Code() { return kIoError; }\n}\n",
    "src/base/error_test.cc": LICENCE + '#include "base/error.h"\nTEST(Error, Code) { EXPECT_EQ(Code(), kIoError); }\n',
    "src/io/CMakeLists.txt": "firn_module(io DEPENDS base)\n",
    "src/io/README.md": "# io\n",
    "src/io/file.cc": LICENCE + "#include <fcntl.h>\nint Open() {\n  return ::open(\"x\", 0);\n}\n",
    "src/types/CMakeLists.txt": "firn_module(types DEPENDS base)\n",
    "src/types/README.md": "# types\n",
    "src/types/batch.h": LICENCE + "#pragma once\n",
    "src/types/batch_internal.h": LICENCE + "#pragma once\n#include <simdjson.h>\n",
    "src/log/CMakeLists.txt": "firn_module(log DEPENDS io types)\n",
    "src/log/README.md": "# log\n",
    "src/log/journal.cc": LICENCE + '#include "types/batch.h"\n\nint Sum(const std::unordered_map<int, int>& counts) {\n  return counts.size();\n}\n',
    "docs/errors/E1001.md": "# E1001\n",
    "test/errors/E1001.console": "$ firn\nerror[E1001]: t\n   = more: firn explain E1001\n",
    "test/sim/main.cc": LICENCE + "int main() { return 0; }\n",
}


def tidy(changes):
    """What tools/tidy says to the right checkout with these files changed; None removes one."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in {**RIGHT, **changes}.items():
            if text is not None:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
        done = subprocess.run([ROOT / "tools/tidy", "--root", root], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


class Tidy(unittest.TestCase):
    def finds(self, words, changes):
        code, out = tidy(changes)
        self.assertEqual(code, 1, out)
        self.assertIn(words, out)
        self.assertIn("tidy: 1 problems", out)

    def journal(self, words, text, **more):
        self.finds("src/log/journal.cc:" + words, {"src/log/journal.cc": LICENCE + text, **more})

    def test_a_right_checkout(self):
        code, out = tidy({})
        self.assertEqual((code, out.splitlines()[-1]), (0, "tidy: 0 problems"), out)

    def test_layers(self):
        self.finds("base (layer 0) depends on io (layer 1)", {"src/base/CMakeLists.txt": "firn_module(base DEPENDS io)\n"})
        self.finds("types (layer 1) depends on io (layer 1)", {"src/types/CMakeLists.txt": "firn_module(types DEPENDS io)\n"})
        self.finds("src/types/batch.h:3: types includes log/journal.h without naming log in DEPENDS", {"src/types/batch.h": LICENCE + '#pragma once\n#include "log/journal.h"\n'})
        self.finds("src/new:1: module is not in src/layers.txt", {"src/new/README.md": "# new\n"})

    def test_the_door_to_the_outside(self):
        self.journal("2: <fcntl.h> outside src/io", "#include <fcntl.h>\n")
        self.journal("3: ::open( outside src/io", "int Open() {\n  return ::open(0);\n}\n")
        self.journal("3: steady_clock::now outside src/io", "int Now() {\n  return std::chrono::steady_clock::now();\n}\n")
        self.journal("3: std::cout outside src/io", "void Show() {\n  std::cout << 1;\n}\n")

    def test_lengths(self):
        many = {"src/log/short.cc": LICENCE + "int F() { return 1; }\n" * 60}  # so that one long function is no 95th percentile
        self.journal("2: function has 71 lines, the limit is 70", "void Long() {\n" + "  Do();\n" * 69 + "}\n", **many)
        self.journal("2: function has 72 lines, the limit is 70", "int Long(int a) const FIRN_REQUIRES(mutex_) {\n  if (a) {\n" + "    Do();\n" * 68 + "  }\n}\n", **many)
        self.journal("802: file has 802 lines, the limit is 800", "int x;\n" * 801)
        self.finds("test/sim/main.cc:2: function has 81 lines", {"test/sim/main.cc": LICENCE + "int main() {\n" + "  Do();\n" * 79 + "}\n"})
        self.finds("src:1: the 95th percentile of function lengths is 50, the limit is 40",
                   {f"src/log/f{i}.cc": LICENCE + "void F() {\n" + "  Do();\n" * 48 + "}\n" for i in range(3)})

    def test_one_line_functions_count(self):
        code, out = tidy({f"src/log/f{i}.cc": LICENCE + "int F() { return 1; }\n" for i in range(5)})
        self.assertEqual(code, 0)
        self.assertIn("tidy: 8 functions", out)

    def test_names(self):
        self.finds("src/log/journal_util.cc:1: a file is named after what it holds, not util", {"src/log/journal_util.cc": LICENCE})
        self.journal("2: JournalManager: a class is named after what it is", "class JournalManager {};\n")
        self.journal("2: 'TODO': what is not built is absent", "// TODO: sync\n")

    def test_names_of_anonymous_namespaces(self):
        first = LICENCE + "namespace {\nconstexpr int kMax = 1;\nint Twice(int a) { return a * 2; }\nint Twice(long a) { return a * 2; }\n}  // namespace\n"
        for second in ("constexpr long kMax = 2;", "long Twice(int number) {", "struct kMax {"):
            text = LICENCE + "namespace {\n" + second + ("\n" if second.endswith(";") else "}\n") + "}  // namespace\n"
            self.finds("src/log/b.cc:3: ", {"src/log/a.cc": first, "src/log/b.cc": text})
        others = LICENCE + "namespace {\nint Twice(char a) { return a * 2; }\n}  // namespace\nconstexpr int kMax = 1;\n"
        self.assertEqual(tidy({"src/log/a.cc": first, "src/log/b.cc": others, "src/types/a.cc": first})[0], 0)

    def test_headers(self):
        self.finds("src/types/batch.h:1: first line is not the licence line", {"src/types/batch.h": "#pragma once\n"})
        self.finds("src/types/batch.h:1: header without #pragma once", {"src/types/batch.h": LICENCE})
        self.finds("src/types/batch.h:3: <simdjson.h> in a header", {"src/types/batch.h": LICENCE + "#pragma once\n#include <simdjson.h>\n"})
        self.journal("2: types/batch_internal.h is private to its module", '#include "types/batch_internal.h"\n')

    def test_order(self):
        loop = "std::unordered_map<int, int> counts;\nvoid F() {\n{}  for (const auto& [k, v] : counts) Do(k);\n}\n"
        self.journal("4: iterates over the unordered counts", loop.replace("{}", "", 1))
        code, out = tidy({"src/log/journal.cc": LICENCE + loop.replace("{}", "  // in any order: a sum\n", 1)})
        self.assertEqual(code, 0, out)
        self.finds("src/log/journal.cc:3: iterates over the unordered counts_", {
            "src/log/journal.h": LICENCE + "#pragma once\nclass J {\n  std::unordered_set<int> counts_ FIRN_GUARDED_BY(mutex_);\n};\n",
            "src/log/journal.cc": LICENCE + "void J::F() {\n  for (int i : counts_) Do(i);\n}\n"})

    def test_order_of_what_has_another_name(self):
        self.journal("4: iterates over the unordered open", "using Open = std::unordered_set<int>;\nvoid F(const Open& open) {\n  for (int i : open) Do(i);\n}\n")

    def test_modules(self):
        self.finds("src/log:1: module has no README.md", {"src/log/README.md": None})
        self.finds("src/log/README.md:61: README has 61 lines, a page has 60", {"src/log/README.md": "x\n" * 61})
        self.finds("src/log/CMakeLists.txt:10: a module's CMake file has at most 9 lines", {"src/log/CMakeLists.txt": "firn_module(log DEPENDS io types)\n" + "#\n" * 9})

    def test_libraries(self):
        linked = {"src/log/CMakeLists.txt": "firn_module(log DEPENDS io types LINKS PkgConfig::rocksdb Threads::Threads)\n"}
        self.finds("src/log/CMakeLists.txt:1: log links PkgConfig::rocksdb, which docs/adr/third-party.md does not know", linked)
        code, out = tidy({**linked, "docs/adr/third-party.md": "| RocksDB | `state` |\n"})
        self.assertEqual(code, 0, out)

    def test_errors(self):
        self.finds("E1001 IoError has no page", {"docs/errors/E1001.md": None})
        self.finds("E1001 IoError has no golden", {"test/errors/E1001.console": None})
        self.finds("E1001 IoError has no golden", {"test/errors/E1001.console": "$ firn\nerror[E1001]: t\n"})
        self.finds("E1001 IoError is given by nothing in src", {"src/base/error.h": LICENCE + "#pragma once\n"})


if __name__ == "__main__":
    unittest.main()
