"""All the checks of the project, one after the other: what `deploy/test` runs.

Many tests are trials in real time, against engines, browsers and clocks, and one can fail because a neighbour had the
machine for a second. So the few that fail are tried once more, by themselves and in another process, and are named
whatever comes of it: a fault of ours that comes every time fails twice, and one that comes and goes is told.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKS = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "tests": ["pytest"],
}
LAST_FAILED = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"  # written by pytest
AT_MOST = 20  # tests that a neighbour can be blamed for
TESTS_FAILED = 1  # pytest's exit status for that, and nothing worse


def main(arguments: list[str]) -> int:
    """Run every check, also after one has failed, and sum up; the exit status is 1 if any failed.

    `arguments` go to pytest; with any given, only pytest runs, as somebody who names tests wants just those.
    """
    names = ["tests"] if arguments else list(CHECKS)
    failed = [name for name in names if not passes(name, arguments)]
    if failed:
        print(f"\nFailed: {', '.join(failed)}.")
    return 1 if failed else 0


def passes(name: str, arguments: list[str]) -> bool:
    """Run one check in the project's root; when few of all the tests fail, those a second time."""
    status = run(name, [*CHECKS[name], *(arguments if name == "tests" else [])])
    if name == "tests" and status == TESTS_FAILED and not arguments and 0 < len(failed := last_failed()) <= AT_MOST:
        status = run("second try", [*CHECKS["tests"], "--last-failed", "--last-failed-no-failures=none"])
        told = "passed at the second try" if status == 0 else "were tried twice"
        print(f"Failed at the first try, and {told}:", *failed, sep="\n  ", flush=True)
    return status == 0


def run(name: str, command: list[str]) -> int:
    """Run a module and say how long it took; its exit status."""
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
    sys.exit(main(sys.argv[1:]))
