"""A file system of a few megabytes that a test may fill, and what fills it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from required import missing

PIECE = 1_000_000


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own in a folder, which only root may mount."""
    folder.mkdir(parents=True, exist_ok=True)
    size = f"size={megabytes}m"
    mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        missing("mount", f"run the tests as root ({done.stderr.strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room there is; removing the file that is returned gives it back."""
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for piece in (PIECE, 1):
            try:
                while file.write(b"\0" * piece):
                    os.fsync(file.fileno())
            except OSError:
                continue
    return ballast
