# SPDX-License-Identifier: Apache-2.0
"""The prompt of `firn sql` at a terminal: statements over lines, history, Ctrl-C, errors, what a terminal shows."""
import fcntl
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from firn import BINARY, free_port  # noqa: E402

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r|\x07")
CTRL_C, CTRL_D, UP = "\x03", "\x04", "\x1b[A"


class Terminal:
    """The shell on a pseudo-terminal of its own, 100 columns wide, with an embedded node or a server."""

    def __init__(self, home, data, server=None):
        self.master, slave = pty.openpty()
        subprocess.run(["stty", "cols", "100", "rows", "50"], stdin=slave, check=True)
        environment = {**os.environ, "HOME": str(home), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        self.process = subprocess.Popen([str(BINARY), "sql", *(["--server", server] if server else ["--data", str(data)])], stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
                                        preexec_fn=self.own_terminal)
        os.close(slave)
        self.raw = ""
        self.expect("firn> $")

    @staticmethod
    def own_terminal():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # Ctrl-C reaches the process as a signal

    def reads_keys(self):
        """Whether libedit has taken the terminal: it does so just after its prompt, and a key before that would be the kernel's to interpret."""
        return not termios.tcgetattr(self.master)[3] & termios.ICANON

    def type(self, text):
        self.raw = ""
        os.write(self.master, text.encode())

    def expect(self, pattern, seconds=20):
        """What was shown since the last `type`, up to where it matches."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            shown = CONTROL.sub("", self.raw)
            if re.search(pattern, shown, flags=re.S) and (not pattern.endswith("> $") or self.reads_keys()):
                return shown
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.raw += os.read(self.master, 65536).decode(errors="replace")
                except OSError:  # the other side is closed
                    break
        raise AssertionError(f"not shown within {seconds} s: {pattern!r}; shown was {CONTROL.sub('', self.raw)!r}")

    def run(self, line, pattern):
        self.type(line + "\r")
        return self.expect(pattern + r".*firn> $")

    def leave(self, keys=CTRL_D):
        self.type(keys)
        code = self.process.wait(20)
        os.close(self.master)
        return code


class Shell(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="firn-shell-")
        self.home = pathlib.Path(self.folder.name)
        self.terminal = Terminal(self.home, self.home / "lake")

    def tearDown(self):
        if self.terminal.process.poll() is None:
            self.terminal.process.kill()
            self.terminal.process.wait()
        self.folder.cleanup()

    def test_a_statement_takes_lines_up_to_its_semicolon(self):
        self.terminal.type("SELECT 1 AS a,\r")
        self.terminal.expect(r"   -> $")
        shown = self.terminal.run("  'ünï' AS b;", "1 row")
        self.assertIn("│ +I │    1 │ ünï", shown)
        self.assertEqual(self.terminal.leave(), 0)

    def test_errors_are_rendered_and_the_shell_goes_on(self):
        shown = self.terminal.run("SELECT prise FROM (VALUES (1)) AS t(price);", "firn explain E2102")
        self.assertIn(" 1 | SELECT prise FROM (VALUES (1)) AS t(price)\n   |        ^^^^^ no column of that name here\n", shown)
        self.assertIn("\x1b[1;31merror[E2102]\x1b[0m", self.terminal.raw)
        self.assertIn("E2102 column not found", self.terminal.run(".explain E2102", "E2102"))
        self.assertIn("near: `.format`", self.terminal.run(".fromat", "near"))
        self.assertIn("help: .format table, .format json or .format csv", self.terminal.run(".format", "needs a format"))
        self.terminal.run("\\?", "leaves, as Ctrl-D does")
        self.assertIn("SHOW TABLES; and DESCRIBE t; are statements", self.terminal.run("\\dt", "there is no command"))
        self.terminal.run(".format json", "")
        self.assertIn('{"op":"+I","row":{"one":1}}', self.terminal.run("SELECT 1 AS one;", "row"))
        self.assertEqual(self.terminal.leave("quit;\r"), 0)

    def test_words_of_the_shell_need_no_semicolon(self):
        self.terminal.run("help", "leaves, as Ctrl-D does")
        self.terminal.type("SELECT 1\r")
        self.terminal.expect(r"   -> $")
        self.terminal.type("help\r")  # inside of a statement it is a word of it
        self.terminal.expect(r"   -> $")
        self.terminal.type(CTRL_C)
        self.terminal.expect(r"firn> $")
        self.assertEqual(self.terminal.leave("\\q\r"), 0)

    def test_ctrl_c_cancels_the_query_and_not_the_shell(self):
        self.terminal.run("CREATE TABLE g (v INT) WITH ('connector'='datagen', 'rows-per-second'='20');", "OK")
        self.terminal.type("SELECT v > 0 AS p, COUNT(*) AS n FROM g GROUP BY v > 0;\r")
        self.terminal.expect(r"\+U")
        self.assertIn("\x1b[33m+U\x1b[0m", self.terminal.raw)  # coloured at a terminal
        self.terminal.type(CTRL_C)
        self.terminal.expect(r"└.*\d+ rows\ncancelled\nfirn> $")
        self.assertRegex(self.terminal.raw, r"\^C\r[│└]")  # the keys do not stand in the frame
        self.assertIn("│    2 │", self.terminal.run("SELECT 1 + 1 AS two;", "1 row"))
        self.assertEqual(self.terminal.leave(), 0)

    def test_ctrl_c_forgets_what_is_being_typed(self):
        self.terminal.type("SELECT 1,\r")
        self.terminal.expect("   -> $")
        self.terminal.type("garbage" + CTRL_C)
        self.terminal.expect("firn> $")
        self.assertIn("1 row", self.terminal.run("SELECT 3 AS three;", "1 row"))
        self.assertEqual(self.terminal.leave(), 0)

    def test_tab_completes_words_and_names(self):
        self.terminal.run("CREATE TABLE trades (symbol STRING, price DOUBLE) WITH ('connector'='datagen');", "OK")
        self.terminal.type("DESCRIBE tr\t")
        self.terminal.expect("DESCRIBE trades $")
        self.terminal.type(";\r")
        self.terminal.expect(r"symbol.*price.*firn> $")
        self.terminal.type("SELECT * FROM sys.\t")
        self.terminal.expect(r"checkpoints +jobs +operators +source_partitions +windows")
        self.terminal.type("jo\t")
        self.terminal.expect("jobs ")
        self.terminal.type(CTRL_C)
        self.terminal.expect("firn> $")
        self.assertEqual(self.terminal.leave(), 0)

    def test_a_node_that_was_started_again_is_gone_on_with(self):
        port = free_port()
        command = [str(BINARY), "up", "--data", str(self.home / "node"), "--port-kafka", "0", "--port-jobs", "0", "--port-sql", str(port)]

        def started():
            node = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            self.addCleanup(node.kill)
            self.assertIn("is ready", node.stderr.readline())
            return node

        def stopped(node):
            node.terminate()
            node.communicate(timeout=20)

        self.terminal.leave()
        node = started()
        self.terminal = Terminal(self.home, None, f"127.0.0.1:{port}")
        self.terminal.run("SET 'a' = 'b';", "OK")
        stopped(node)
        self.assertIn("error[E7003]", self.terminal.run("SELECT 1;", "more"))
        node = started()
        self.assertIn("Settings, USE and temporary tables of the old one are gone.", self.terminal.run("SELECT 1;", "another one is open"))
        self.assertIn("│    2 │", self.terminal.run("SELECT 1 + 1 AS two;", "1 row"))
        self.assertEqual(self.terminal.leave(), 0)
        stopped(node)

    def test_the_history_outlives_the_shell(self):
        self.terminal.run("SELECT 41 + 1 AS answer;", "1 row")
        self.assertEqual(self.terminal.leave(), 0)
        self.terminal = Terminal(self.home, self.home / "lake")
        self.terminal.type(UP)
        self.terminal.expect(r"SELECT 41 \+ 1 AS answer;")
        self.terminal.type("\r")
        self.terminal.expect(r"│ +42 │.*firn> $")
        self.assertEqual(self.terminal.leave(), 0)


if __name__ == "__main__":
    unittest.main()
