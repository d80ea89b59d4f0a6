"""Runs `selfieless drill` for the dashboard's button: one at a time, as a process of its own, with a deadline.

What it brings about and what came of it are events, which every page shows.
"""

import logging
import subprocess
import sys
import threading
from collections.abc import Sequence

DEADLINE = 180.0  # seconds; a drill waits 40 for the recovery and sends requests before and after
COMMAND = (sys.executable, "-m", "monitor.cli", "drill", "--json", "--yes")
FAULTS = ("crash", "kill", "hang", "slow", "redis", "store")

log = logging.getLogger(__name__)


class Drills:
    """`command` is what is run, with the fault and the port after it."""

    def __init__(self, command: Sequence[str] = COMMAND, deadline: float = DEADLINE) -> None:
        self._command = command
        self._deadline = deadline
        self._lock = threading.Lock()

    def begin(self, fault: str, port: int | None) -> bool:
        """Begin one; False while another one runs."""
        if not self._lock.acquire(blocking=False):
            return False
        words = [*self._command, fault, *([str(port)] if port else [])]
        threading.Thread(target=self._run, args=(words,), daemon=True).start()
        return True

    @property
    def running(self) -> bool:
        """Whether one runs."""
        return self._lock.locked()

    def _run(self, words: Sequence[str]) -> None:
        try:
            with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
                log.info("drill: %s", told_by(process, self._deadline).strip())
        except OSError as error:
            log.warning("the drill could not be started: %s", error)
        finally:
            self._lock.release()


def told_by(process: "subprocess.Popen[str]", deadline: float) -> str:
    """What it prints; one that takes too long gets TERM, on which it resumes what it had stopped."""
    try:
        return process.communicate(timeout=deadline)[0]
    except subprocess.TimeoutExpired:
        process.terminate()
    try:
        return process.communicate(timeout=10)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]
