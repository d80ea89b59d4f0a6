"""All the checks of the project, one after the other: what `deploy/test` runs."""

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
    """Run one check in the project's root and say how long it took."""
    command = [*CHECKS[name], *(arguments if name == "tests" else [])]
    print(f"── {name}: {' '.join(command)}", flush=True)
    began = time.monotonic()
    status = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=os.environ, check=False).returncode
    print(
        f"── {name}: {'passed' if status == 0 else 'FAILED'} in {time.monotonic() - began:.0f} s\n",
        flush=True,
    )
    return status == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
