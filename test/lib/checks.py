"""Runs the functions of a test file: each named test_*, in order, with the same argument; says which failed and how long each took."""
import sys
import time
import traceback

from firn import PATIENCE


def wait_until(condition, what, seconds=20):
    """The first true value of the condition; fails, saying what was waited for, when it takes longer."""
    deadline = time.monotonic() + seconds * PATIENCE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def run(module, argument, only=()):
    """`only`: names (or parts of them) to run; all without. Returns the exit code."""
    failed = []
    count = 0
    for name, function in list(vars(module).items()):
        if not name.startswith("test_") or (only and not any(part in name for part in only)):
            continue
        count += 1
        begin = time.monotonic()
        try:
            function(argument)
            print(f"ok   {name} ({time.monotonic() - begin:.1f} s)", flush=True)
        except Exception:  # noqa: BLE001  the report is the traceback
            failed.append(name)
            print(f"FAIL {name} ({time.monotonic() - begin:.1f} s)\n{traceback.format_exc()}", flush=True)
    print(f"{count - len(failed)} of {count} passed" + (f"; failed: {', '.join(failed)}" if failed else ""))
    if count == 0:
        print("no test has that name", file=sys.stderr)
    return 1 if failed or count == 0 else 0
