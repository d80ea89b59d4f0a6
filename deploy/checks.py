"""All the checks of the project, one after the other: what `deploy/test` runs.

Many tests are trials in real time, against engines, browsers and clocks, and one can fail because a neighbour had the
machine for a second. So the few that fail are tried once more, by themselves and in another process, and are named
whatever comes of it: a fault of ours that comes every time fails twice, and one that comes and goes is told.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKS = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "tests": ["pytest", "-m", "not alone", "--numprocesses=4", "--dist=loadfile"],
    "trials": ["pytest", "-m", "alone"],
}
LAST_FAILED = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"  # written by pytest
TESTS = ("tests", "trials")
AT_MOST = 20  # tests that a neighbour can be blamed for
TESTS_FAILED = 1  # pytest's exit status for that, and nothing worse


def main(arguments: list[str]) -> int:
    """Run every check, also after one has failed, and sum up; the exit status is 1 if any failed.

    `arguments` go to pytest; with any given, only pytest runs, as somebody who names tests wants just those.
    """
    if arguments:
        return min(1, run("tests", [CHECKS["tests"][0], *arguments]))
    failed = {name: status for name, command in CHECKS.items() if (status := run(name, command))}
    if {failed[name] for name in TESTS if name in failed} == {TESTS_FAILED} and passes_now():
        failed = {name: status for name, status in failed.items() if name not in TESTS}
    if failed:
        print(f"\nFailed: {', '.join(failed)}.")
    return 1 if failed else 0


def passes_now() -> bool:
    """Try the tests that have failed once more, if they are few, and name them; whether they pass."""
    failed = last_failed()
    if not 0 < len(failed) <= AT_MOST:
        return False
    status = run("second try", ["pytest", "--last-failed", "--last-failed-no-failures=none"])
    told = "passed at the second try" if status == 0 else "were tried twice"
    print(f"Failed at the first try, and {told}:", *failed, sep="\n  ", flush=True)
    return status == 0


def run(name: str, command: list[str]) -> int:
    """Run a module in the project's root and say how long it took; its exit status."""
    print(f"── {name}: {' '.join(command)}", flush=True)
    began = time.monotonic()
    status = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=os.environ, check=False).returncode
    print(
        f"── {name}: {'passed' if status == 0 else 'FAILED'} in {time.monotonic() - began:.0f} s\n",
        flush=True,
    )
    return status


def last_failed() -> list[str]:
    """The tests that failed in the run before, by their names; none when that is not known."""
    try:
        return sorted(json.loads(LAST_FAILED.read_text()))
    except (OSError, ValueError):
        return []


if __name__ == "__main__":
    # A shell that starts this in the background lets it ignore Ctrl-C, and so would all that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
