"""supervisord with logs that a full disk cannot end it by: `python -m deploy.machine.supervisor -c FILE`.

The supervisor tells of a line that it cannot write on its standard error, which is a file on the same disk, and ends
when that fails, and with it everything. Here such a line is lost, and the next one is tried again.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

from supervisor import loggers, supervisord


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


def main() -> None:
    """Run until it is told to end."""
    loggers.RotatingFileHandler = PatientLog  # it has no setting for this
    supervisord.main()


if __name__ == "__main__":
    main()
