"""The firn command line as a test types it."""
import dataclasses
import json
import subprocess

from firn import BINARY, PATIENCE


@dataclasses.dataclass
class Ran:
    code: int
    out: str
    err: str

    def rows(self):
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def firn(*arguments, stdin="", seconds=60, **options):
    """Runs the binary to its end."""
    done = subprocess.run([str(BINARY), *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=seconds * PATIENCE, **options)
    return Ran(done.returncode, done.stdout, done.stderr)


def start(*arguments, **options):
    """Begins to run the binary: a Popen with both outputs as pipes of text."""
    return subprocess.Popen([str(BINARY), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
