"""supervisord that no full disk ends, and that leaves nobody behind: `python -m deploy.machine.supervisor -c FILE`.

The supervisor tells of a line that it cannot write on its standard error, which is a file on the same disk, and ends
when that fails, and with it everything. Here such a line is lost, and the next one is tried again.

When it is killed, whom it has started is told to end by the system. `up` would see to them, but may be killed as well.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from supervisor import loggers, supervisord
from supervisor.options import ServerOptions

from deploy.machine.process_tree import die_with_parent


class PatientLog(loggers.RotatingFileHandler):  # type: ignore[misc]
    """A log file that goes on without what could not be written."""

    def handleError(self) -> None:  # noqa: N802 - the supervisor's name
        """Nobody is told: whom could one tell?"""

    def doRollover(self) -> None:  # noqa: N802
        """Begin a new file when it is time; where that fails go on with the one there is."""
        try:
            super().doRollover()
        except (OSError, ValueError):  # ValueError: closed by an attempt before, and not opened again
            with suppress(OSError):
                self.stream: Any = Path(self.baseFilename).open("ab")  # noqa: SIM115 - for good


class Options(ServerOptions):  # type: ignore[misc]
    """What supervisord does to the system, with a leash for its children."""

    def __init__(self) -> None:
        super().__init__()
        self.supervisor = os.getpid()

    def setpgrp(self) -> None:
        """Runs in a child before its program does. One that comes too late to be told ends at once."""
        super().setpgrp()
        die_with_parent()
        if os.getppid() != self.supervisor:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run until it is told to end."""
    loggers.RotatingFileHandler = PatientLog  # it has no setting for this, nor for the other
    supervisord.ServerOptions = Options
    supervisord.main()


if __name__ == "__main__":
    main()
