"""What the process runtime remembers on disk: one small JSON file for each port, FOLDER/8000.json.

It is written whole or not at all; on a full disk over the one before, which needs no room. An intent (pid 0) is
written before a process is started and replaced by the record of the started one, so whoever finds an intent knows that
a start was interrupted there and looks for what it left.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True)
class Record:
    """One started process, or the intent to start one (pid 0)."""

    port: int
    generation: int
    boot: str  # of the machine: pids and ticks of another boot mean nothing
    pid: int = 0
    start_ticks: int = 0
    log_from: int = 0  # where this process' own part of the log begins, bytes
    image: str = ""  # the release that it was started from

    @property
    def runtime_id(self) -> str:
        """The process' own name; never used again."""
        return f"{self.pid}:{self.start_ticks}"

    @property
    def is_intent(self) -> bool:
        """Whether nobody knows yet if a process was started."""
        return self.pid == 0


class Records:
    """The records of a folder, which is made when it is missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.boot = BOOT_ID.read_text().strip()
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, port: int) -> Record | None:
        """The record of a port; None when there is none, or one of another boot, or one that cannot be read."""
        with suppress(OSError, ValueError, TypeError):
            record = Record(**json.loads(self._path(port).read_text()))
            return record if record.boot == self.boot else None
        return None

    def all(self) -> list[Record]:
        """Every record, ordered by port."""
        ports = sorted(int(path.stem) for path in self.folder.glob("*.json") if path.stem.isdigit())
        return [record for record in map(self.read, ports) if record]

    def write(self, record: Record) -> None:
        """Put the record in the place of the one before."""
        path = self._path(record.port)
        temporary, text = path.with_suffix(f".{os.getpid()}.tmp"), json.dumps(asdict(record))
        try:
            temporary.write_text(text)
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            if error.errno not in NO_ROOM or not path.exists():
                raise
            overwrite(path, text)

    def forget(self, port: int) -> None:
        """Remove a port's record."""
        self._path(port).unlink(missing_ok=True)

    @contextmanager
    def locked(self, port: int) -> Iterator[None]:
        """Only one at a time starts something on a port, over all threads and processes of this folder."""
        with (self.folder / f"{port}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _path(self, port: int) -> Path:
        return self.folder / f"{port}.json"


def overwrite(path: Path, text: str) -> None:
    """Write over a record where it lies, which needs no room on a full disk: one write, blanks to its old end."""
    with path.open("r+b", buffering=0) as record:
        record.write(text.encode().ljust(path.stat().st_size))
