# SPDX-License-Identifier: Apache-2.0
"""The runner of documents finds lies: each test is a document that is right but for one thing."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import compare  # noqa: E402
import markdown  # noqa: E402
import references  # noqa: E402
import run_documents  # noqa: E402

TREE = references.Tree(run_documents.ROOT, run_documents.BINARY)


def read(text):
    """What the runner says to a document: (its report, the problems as one text)."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "document.md"
        path.write_text(text)
        report = run_documents.read(path, TREE)
        return report, "\n".join(report.problems)


def console(*lines, note=""):
    return f"# T\n\n{note}\n```console\n" + "\n".join(lines) + "\n```\n"


class Blocks(unittest.TestCase):
    def malformed(self, text, words):
        with self.assertRaisesRegex(markdown.Malformed, words):
            markdown.blocks(text)

    def test_nothing_that_looks_like_a_command_hides(self):
        self.malformed("```\n$ rm\n```\n", "1: a fence of language ''")
        self.malformed("```bash\nrm\n```\n", "1: a fence of language 'bash'")
        self.malformed("```text\n$ rm\n```\n", "2: a command in a block of text")
        self.malformed("text\n\n    rm\n", "3: a block by indentation")
        self.malformed("```console\n$ ls\n", "1: a fence that does not end")

    def test_notes(self):
        self.malformed("<!-- documents: never run -->\n", "1: there is no note 'never run'")
        self.malformed("<!-- documents: numbers vary -->\ntext\n", "2: a note without a block")
        _, problems = read(console("$ false", note="<!-- documents: not run -->"))
        self.assertIn("a block that is not run says why", problems)
        report, problems = read(console("$ false", note="<!-- documents: not run: it takes an hour -->"))
        self.assertEqual((problems, report.commands, report.skipped), ("", 0, [(4, "it takes an hour")]))

    def test_commands(self):
        block = markdown.Block(1, "console", ["$ a \\", "  b", "out", "$ c <<END", "line", "END", "more", "$ firn sql", "firn> SELECT 1", "   -> ;"], {})
        commands = block.commands()
        self.assertEqual([(command.line, command.text, command.expected, command.typed) for command in commands],
                         [(2, "a \\\n  b", ["out"], []), (5, "c <<END\nline\nEND", ["more"], []), (9, "firn sql", [], ["SELECT 1", ";"])])


class Comparison(unittest.TestCase):
    def same(self, expected, actual, **options):
        self.assertIsNone(compare.difference(expected, actual, **options))

    def test_what_may_differ(self):
        self.same(["ready in 0.02 s", "at 2024-01-02 03:04:05.678", "job 00112233445566778899aabbccddeeff"], ["ready in 3 ms", "at 2026-11-12 13:14:15", "job f0112233445566778899aabbccddeeff"])
        self.same(["first", "...", "last"], ["first", "2", "3", "last", ""])
        self.same(["first", "..."], ["first"])
        self.same(["a ... c"], ["a and b and c"])
        self.same(["│   12 │ 1,024.5 │", "├──────┼───┤"], ["│ 9 │ 3 │", "├─┼─┤"], numbers_vary=True)

    def test_what_may_not(self):
        for expected, actual in ((["a"], ["b"]), (["a"], []), ([], ["a"]), (["a", "b"], ["b", "a"]), (["first", "..."], ["second"]), (["12"], ["13"]), (["a ... c"], ["a b"]), (["...", "x"], ["x", "y"])):
            self.assertIsNotNone(compare.difference(expected, actual), (expected, actual))


class References(unittest.TestCase):
    def check(self, text, made_up=()):
        return [problem for _, problem in references.check(TREE, run_documents.ROOT / "docs/x.md", text, list(made_up))[1]]

    def test_what_is_there(self):
        text = "`src/log`, `src/log/journal.h`, `journal.{h,cc}`, `src/*/README.md`, `Journal`, `FIRN_TRY`, `kUsageError`, `firn topic create --partitions 3`, `firn up --port-kafka/--port-sql/--port-jobs 0` [x](STYLE.md)"
        self.assertEqual(self.check(text.replace("journal.{h,cc}", "journal_format.{h,cc}")), [])
        self.assertEqual(references.check(TREE, run_documents.ROOT / "docs/x.md", "`src/log` and [x](STYLE.md)", [])[0], 2)

    def test_what_is_not(self):
        for text, problem in (("`src/log/jornal.h`", "there is no src/log/jornal.h"), ("`jornal.h`", "no file is called jornal.h"), ("`JornalWriter`", "nothing in the sources is called JornalWriter"),
                              ("[x](STILE.md)", "a link to STILE.md, which is not there"), ("`firn tpoic list`", "there is no `firn tpoic`"),
                              ("`firn topic create --partition 3`", "`firn topic create` has no option --partition"), ("`journal_format.{h,cpp}`", None)):
            self.assertEqual(self.check(text), [problem] if problem else [], text)

    def test_what_is_made_up(self):
        self.assertEqual(self.check("`JornalWriter`", ["JornalWriter"]), [])


class Runs(unittest.TestCase):
    def test_true(self):
        report, problems = read(console("$ echo one; echo two >&2", "one", "two", "$ exit 0") + "\n```sql\nCREATE TABLE t (a INT) WITH ('connector'='blackhole');\n```\n")
        self.assertEqual((problems, report.commands, report.statements), ("", 2, 1))

    def lies(self, document, words):
        self.assertIn(words, read(document)[1])

    def test_false(self):
        self.lies(console("$ echo one", "two"), "5: `echo one`: the document shows\n    two\nbut it prints\n    one")
        self.lies(console("$ false"), "5: `false` ends with 1")
        self.lies(console("$ echo 'error[E1]'", "error[E1]"), "5: `echo 'error[E1]'` ends with 0")
        self.lies(console("$ true", "$ firn explain E0000"), "6: `firn explain E0000` ends with 2")
        self.lies("```sql\nSELECT nothing;\n```\n", "1: these statements fail:\nerror[E")
        self.lies("<!-- documents: file: a.sql -->\n```sql\nSELECT 1;\n```\n" + console("$ true"), "2: no command uses a.sql")

    def test_a_node_stays_until_the_document_ends(self):
        up = ["$ firn up --data lake", "firn 0.1.0 is ready in 0.1 s", "  kafka 127.0.0.1:9092   sql 127.0.0.1:8083   jobs http://127.0.0.1:8081   data lake"]
        report, problems = read(console(*up) + console("$ firn topic create t", "...", "$ firn topic describe t --format csv", "...", "$ curl -s localhost:8081/healthz", "..."))
        self.assertEqual((problems, report.commands), ("", 4))
        self.lies(console(*up[:1], "firn 0.0.9 is ready in 0.1 s"), "but it prints\n    firn 0.1.0 is ready in <duration>")


if __name__ == "__main__":
    unittest.main()
