"""Requests per second and p99 of each container, from histograms whose numbers only go up."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lb.counters import BOUNDS_MS

RATE_SECONDS = 5.0  # long enough that a second's beat more or less does not show
P99_SECONDS = 60.0

Histogram = Sequence[int]  # a number for each bound, and one for what lies above all
Totals = Mapping[int, Histogram]  # by port: what it has answered so far


class Sample(NamedTuple):
    """The totals at unix time `at`."""

    at: float
    totals: Totals


class Rates:
    """Compares totals with those of some seconds ago."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()

    def add(self, at: float, totals: Totals) -> None:
        """The totals of now. Fewer than before: somebody lost count, so everything begins anew."""
        if self._samples and fewer(totals, self._samples[-1].totals):
            self._samples.clear()
        self._samples.append(Sample(at, totals))
        while self._samples[0].at < at - P99_SECONDS - 1:
            self._samples.popleft()

    def per_second(self, port: int) -> float | None:
        """The rate of the last seconds; None as long as that is not known."""
        then = self._before(RATE_SECONDS)
        if then is None or self._samples[-1].at - then.at < 1.0:
            return None
        return sum(self._grown(port, then)) / (self._samples[-1].at - then.at)

    def p99(self, port: int) -> float | None:
        """Milliseconds within which 99 of 100 requests of the last minute were answered; None without any."""
        then = self._before(P99_SECONDS)
        return None if then is None else quantile(0.99, self._grown(port, then))

    def _before(self, seconds: float) -> Sample | None:
        """The newest sample that is as old as that, else the oldest; None for none."""
        old = [sample for sample in self._samples if sample.at <= self._samples[-1].at - seconds]
        return old[-1] if old else next(iter(self._samples), None)

    def _grown(self, port: int, then: Sample) -> list[int]:
        """What came into each bucket since then."""
        now, before = self._samples[-1].totals.get(port, ()), then.totals.get(port, ())
        return [a - b for a, b in zip(now, before, strict=True)] if before else list(now)


def fewer(totals: Totals, before: Totals) -> bool:
    """Whether some container has answered fewer requests than before."""
    return any(sum(totals[port]) < sum(before[port]) for port in totals.keys() & before.keys())


def quantile(share: float, histogram: Histogram) -> float | None:
    """The milliseconds below which `share` lies, evenly spread within a bucket as Prometheus assumes; None for nothing.

    What lies above the last bound counts as that bound: nobody knows more.
    """
    wanted, seen, lower = share * sum(histogram), 0, 0.0
    if not wanted:
        return None
    for bound, count in zip(BOUNDS_MS, histogram, strict=False):
        if seen + count >= wanted:
            return lower + (bound - lower) * (wanted - seen) / count
        seen, lower = seen + count, float(bound)
    return lower
