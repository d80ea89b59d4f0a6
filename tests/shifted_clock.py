"""Real processes whose clock is off, as those of other machines are.

    python tests/shifted_clock.py +100 gunicorn -c …     runs a module of Python on a clock that is 100 s ahead

No kernel sets the clock of one process alone (time namespaces move the steady clocks), and libfaketime, which tries,
breaks the sleeps of Python and the start of redis-server. So the module finds another `time.time`; its steady clocks,
its sleeps and the times of files stay as they are.
"""

import runpy
import subprocess
import sys
import time
from pathlib import Path

from helpers import ROOT


def shifted(seconds: float) -> list[str]:
    """What stands before the name of a module and its arguments, to run it with a clock so many seconds ahead."""
    return [sys.executable, str(Path(__file__).resolve()), f"{seconds:+f}"]


def run_shifted(seconds: float, code: str) -> str:
    """What a program of Python prints that runs on a machine whose clock is so many seconds ahead."""
    command = [*shifted(seconds), "code", code]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=30).stdout


def main() -> None:
    """Set the clock, and run the module, or the code, as the interpreter would."""
    seconds, module, *arguments = sys.argv[1:]
    own, ahead = time.time, float(seconds)
    time.time = lambda: own() + ahead
    sys.path.insert(0, str(ROOT))
    if module == "code":
        exec(compile(arguments[0], "code", "exec"), {"__name__": "__main__"})
        return
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
