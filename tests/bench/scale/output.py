"""How the commands tell what they do and what they found."""

import csv
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class Progress:
    """Says on stderr what is being done, and how long after the beginning."""

    def __init__(self) -> None:
        self.begun = time.monotonic()

    def __call__(self, what: str) -> None:
        sys.stderr.write(f"{time.monotonic() - self.begun:6.1f} s  {what}\n")


def write(path: Path, rows: Sequence[Mapping[str, object]], *, shown: bool = True) -> None:
    """A CSV file, and the same on stdout if it is to be shown. What is None stays empty."""
    with path.open("w", newline="") as file:
        for target in (file, sys.stdout) if shown else (file,):
            writer = csv.DictWriter(target, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
