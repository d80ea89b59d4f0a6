"""All the checks of the project: what `deploy/test` runs.

Lint, format and types come first, then the tests, in two lanes beside each other: those that need an engine, which wait
for it most of the time, and all others, of which those that share nothing run side by side.

Many tests are trials in real time, against engines, browsers and clocks, and one can fail because a neighbour had the
machine for a second. So the few that fail are tried once more, by themselves and in another process, and are named
whatever comes of it: a fault of ours that comes every time fails twice, and one that comes and goes is told.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
CHECKS = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
}
# `alone` is what may have no other test of its lane beside it (tests/conftest.py).
TESTS = {
    "tests": ["pytest", "-m", "not alone", "--numprocesses=4", "--dist=loadfile"],
    "trials": ["pytest", "-m", "alone and not docker"],
    "engines": ["pytest", "-m", "docker"],
}
LANE, OTHER_LANE = ("tests", "trials"), "engines"
AT_MOST = 20  # tests that a neighbour can be blamed for
TESTS_FAILED = 1  # pytest's exit status for that, and nothing worse


def main(arguments: list[str]) -> int:
    """Run every check, also after one has failed, and sum up; the exit status is 1 if any failed.

    `arguments` go to pytest; with any given, only pytest runs, as somebody who names tests wants just those.
    """
    if arguments:
        return min(1, run("tests", ["pytest", *arguments]))
    failed = [name for name, command in CHECKS.items() if run(name, command)]
    failed += after_second_try(run_tests())
    if failed:
        print(f"\nFailed: {', '.join(failed)}.")
    return 1 if failed else 0


def run_tests() -> dict[str, int]:
    """Run all tests, both lanes at the same time; the exit status of each part, those that passed left out."""
    with tempfile.TemporaryFile() as output, ThreadPoolExecutor(1) as pool:
        beside = pool.submit(run, OTHER_LANE, remembering(OTHER_LANE), output)
        statuses = {name: run(name, remembering(name)) for name in LANE}
        statuses[OTHER_LANE] = beside.result()
        output.seek(0)
        print(output.read().decode(errors="replace"), flush=True)
    return {name: status for name, status in statuses.items() if status}


def after_second_try(failed: dict[str, int]) -> list[str]:
    """Try the tests that have failed once more, if they are few, and name them; the parts that fail all the same."""
    names = [test for part, status in failed.items() if status == TESTS_FAILED for test in last_failed(part)]
    if set(failed.values()) != {TESTS_FAILED} or len(names) > AT_MOST:
        return list(failed)
    still = [part for part in failed if run("second try", remembering(part, "--last-failed"))]
    told = "were tried twice" if still else "passed at the second try"
    print(f"Failed at the first try, and {told}:", *names, sep="\n  ", flush=True)
    return still


def remembering(part: str, *options: str) -> list[str]:
    """The command of a part of the tests, with a memory of its own of what has failed."""
    return [*TESTS[part], "-o", f"cache_dir={memory(part)}", *options]


def memory(part: str) -> Path:
    """Where pytest notes what has failed."""
    return ROOT / ".pytest_cache" / part


def last_failed(part: str) -> list[str]:
    """The tests of a part that failed in the run before, by their names."""
    return sorted(json.loads((memory(part) / "v" / "cache" / "lastfailed").read_text()))


def run(name: str, command: Sequence[str], output: IO[bytes] | None = None) -> int:
    """Run a module in the project's root and say how long it took; its exit status."""
    say(f"── {name}: {' '.join(command)}\n", output)
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, stdout=output, stderr=output, check=False)
    outcome = "passed" if done.returncode == 0 else "FAILED"
    say(f"── {name}: {outcome} in {time.monotonic() - began:.0f} s\n\n", output)
    return done.returncode


def say(text: str, output: IO[bytes] | None) -> None:
    """Print it, or write it to where the output of a command goes."""
    if output is None:
        print(text, end="", flush=True)
    else:
        os.write(output.fileno(), text.encode())


if __name__ == "__main__":
    # A shell that starts this in the background lets it ignore Ctrl-C, and so would all that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
