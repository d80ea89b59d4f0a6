"""The round robin done again afterwards: every turn of the ledger against the rings of the past. Pure.

What each container should have had is derived from the turns alone (port = ring[turn mod len(ring)]); what it had is
what the workers counted when they handed a request over. A turn that two workers claimed, and one that nobody accounts
for, are found as well.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lb.ledger import Entry
from lb.ring import Ring


@dataclass(frozen=True)
class Audit:
    """What came of it. `expected` and `had` are port -> turns, `workers` how many wrote.

    `unknown` turns are of rings that are not remembered, `alone` of workers without Redis (they count for themselves),
    `lost` are missing in the ledger's lists: of entries with such turns nothing is derived. `twice` turns were claimed
    by two, `missing` lie between the first and the last one and nobody accounts for them.
    """

    expected: Mapping[int, int]
    had: Mapping[int, int]
    turns: int = 0
    workers: int = 0
    retries: int = 0
    unused: int = 0
    unknown: int = 0
    alone: int = 0
    lost: int = 0
    twice: int = 0
    missing: int = 0

    @property
    def deviations(self) -> dict[int, int]:
        """Port -> how many too many (or, below 0, too few) it had; empty when all is as it should be."""
        ports = sorted({*self.expected, *self.had})
        found = {port: self.had.get(port, 0) - self.expected.get(port, 0) for port in ports}
        return {port: number for port, number in found.items() if number}

    @property
    def is_exact(self) -> bool:
        """Whether every turn that can be checked went where it should, once."""
        return not self.deviations and not self.twice


def audit(entries: Sequence[Entry], rings: Mapping[int, Ring]) -> Audit:
    """Check these entries by the rings of the past (by version)."""
    expected: Counter[int] = Counter()
    had: Counter[int] = Counter()
    checked = [entry for entry in entries if is_checkable(entry, rings)]
    for entry in checked:
        expected.update(entry.expected(rings[entry.version]))
        had.update(entry.ports)
    twice, missing = overlaps_and_gaps(turns for entry in entries if not entry.degraded for turns in entry.turns)
    lost = sum(entry.lost for entry in entries)
    return Audit(
        expected=expected,
        had=had,
        turns=sum(map(size_of, checked)),
        workers=len({entry.worker for entry in entries}),
        retries=sum(len(entry.retries) for entry in checked),
        unused=sum(len(entry.unused) for entry in checked),
        unknown=sum(size_of(entry) for entry in entries if entry.version not in rings),
        alone=sum(size_of(entry) for entry in entries if entry.degraded),
        lost=lost,
        twice=twice,
        missing=max(0, missing - lost),
    )


def is_checkable(entry: Entry, rings: Mapping[int, Ring]) -> bool:
    """Whether what it should have been can be derived to the last turn."""
    return entry.version in rings and not entry.lost and not entry.degraded


def size_of(entry: Entry) -> int:
    """How many turns an entry tells."""
    return sum(map(len, entry.turns))


def overlaps_and_gaps(turns: Iterable[range]) -> tuple[int, int]:
    """How many turns are claimed more than once, and how many between the first and the last one never."""
    twice = missing = 0
    end: int | None = None
    for some in sorted((some for some in turns if some), key=lambda some: some.start):
        if end is not None:
            twice += max(0, min(end, some.stop) - some.start)
            missing += max(0, some.start - end)
        end = some.stop if end is None else max(end, some.stop)
    return twice, missing
