"""The round robin done again afterwards: every turn of the ledger against the rings of the past. Pure.

What each container should have had is derived from the turns alone (port = ring[turn mod len(ring)]); what it had is
what the workers counted when they handed a request over. A turn that two workers claimed, and one that nobody accounts
for, are found as well.

What cannot be known is left out, and said: turns of a start before this one, whose workers may have been killed over
what they had to tell; and those of rings that are not remembered, or whose version was given out again by a Redis that
had lost its last changes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lb.ledger import Entry
from lb.ring import Ring

CLOCK_SECONDS = 0.1  # that a worker's idea of Redis' time may be off


@dataclass(frozen=True)
class Audit:
    """What came of it. `expected` and `had` are port -> turns, `workers` how many wrote.

    `before` turns are of an earlier start, `unknown` of rings that are not remembered, `alone` of workers without Redis
    (they count for themselves), `lost` are missing in the ledger's lists: of entries with such turns nothing is
    derived. `twice` turns were handed over by two, `missing` lie between the first and the last one and nobody
    accounts for them.
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
    before: int = 0

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


def audit(
    told: Sequence[Entry], past: Mapping[int, Ring], *, births: Mapping[int, float] | None = None, began: float = 0.0
) -> Audit:
    """Check what was told by the rings of the past, by version. Times are unix seconds by the clock of Redis.

    `births` says since when each of them was the ring, `began` since when the service runs.
    """
    expected: Counter[int] = Counter()
    had: Counter[int] = Counter()
    entries = [entry for entry in told if entry.end > began]
    known = [entry for entry in entries if is_known(entry, past, births or {})]
    checked = [entry for entry in known if not entry.lost and not entry.degraded]
    for entry in checked:
        expected.update(entry.expected(past[entry.version]))
        had.update(entry.ports)
    _, missing = overlaps_and_gaps(turns for entry in entries if not entry.degraded for turns in entry.turns)
    lost = sum(entry.lost for entry in entries)
    return Audit(
        expected=expected,
        had=had,
        turns=sum(map(size_of, checked)),
        workers=len({entry.worker for entry in entries}),
        retries=sum(len(entry.retries) for entry in checked),
        unused=sum(len(entry.unused) for entry in checked),
        unknown=sum(map(size_of, entries)) - sum(map(size_of, known)),
        alone=sum(size_of(entry) for entry in entries if entry.degraded),
        lost=lost,
        twice=used_twice([entry for entry in known if not entry.degraded]),
        missing=max(0, missing - lost),
        before=sum(map(size_of, told)) - sum(map(size_of, entries)),
    )


def is_known(entry: Entry, past: Mapping[int, Ring], births: Mapping[int, float]) -> bool:
    """Whether the ring is remembered by which it was routed, and not another one that has its version."""
    return entry.version in past and entry.begin >= births.get(entry.version, 0.0) - CLOCK_SECONDS


def size_of(entry: Entry) -> int:
    """How many turns an entry tells."""
    return sum(map(len, entry.turns))


def used_twice(entries: Sequence[Entry]) -> int:
    """How many turns were handed over more than once: one that came to nothing may be told again."""
    again = overlaps(turns for entry in entries for turns in entry.turns)
    if not again:
        return 0
    unused = Counter(turn for entry in entries for turn in entry.unused)
    excused = (min(times, sum(turn in some for some in again)) for turn, times in unused.items())
    return sum(map(len, again)) - sum(excused)


def overlaps_and_gaps(turns: Iterable[range]) -> tuple[int, int]:
    """How many turns are claimed more than once, and how many between the first and the last one never."""
    some = list(turns)
    if not any(some):
        return 0, 0
    twice, first, end = sum(map(len, overlaps(some))), min(s.start for s in some if s), max(s.stop for s in some)
    return twice, end - first - (sum(map(len, some)) - twice)


def overlaps(turns: Iterable[range]) -> list[range]:
    """What of these was in one before it, each time."""
    found, end = [], 0
    for some in sorted((some for some in turns if some), key=lambda some: some.start):
        if some.start < end:
            found.append(range(some.start, min(end, some.stop)))
        end = max(end, some.stop)
    return found
