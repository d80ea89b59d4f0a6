"""What one worker counts about its work: plain integers in its own memory, told to Redis with every
heartbeat.

So the hot path pays a few additions, and whoever shows metrics adds up the workers' beats. The answers of a
container are counted in one flat list, a row of latency buckets for each class of status: one addition tells
both. What is told is bounded by the number of containers, never by what clients send.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence

# Upper bounds of the latency histogram in ms, each about twice the one before: from "the network alone" to
# time-outs.
BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000)
BOUNDS_S = tuple(bound / 1000 for bound in BOUNDS_MS)
BUCKETS = len(BOUNDS_MS) + 1  # the last one is above all bounds
CLASSES = 5  # of status: 1xx (a tunnel that has ended) to 5xx; what lies above is counted with 5xx

Histogram = Sequence[int]  # BUCKETS numbers, not cumulative
Answers = Mapping[int, Mapping[str, Histogram]]  # port -> class of status ("2") -> histogram


def row_of(status: int) -> int:
    """Where the row of a status begins in a container's list."""
    return (min(status // 100, CLASSES) - 1) * BUCKETS


class PortCounts:
    """What became of the turns that fell to one container; all go up only."""

    __slots__ = ("buckets", "failed", "routed")

    def __init__(self) -> None:
        self.routed = 0  # turns that went here, second tries included
        self.failed = 0  # tries that got no answer here, or a 500 for which somebody else was asked
        self.buckets = [0] * (CLASSES * BUCKETS)

    def answered(self, row: int, seconds: float) -> None:
        """Count an answer by its status (see `row_of`) and the time from the request's head to its end."""
        self.buckets[row + bisect_left(BOUNDS_S, seconds)] += 1

    def answers(self) -> dict[str, list[int]]:
        """Class of status -> histogram; classes without any are left out."""
        rows = {str(n + 1): self.buckets[n * BUCKETS : (n + 1) * BUCKETS] for n in range(CLASSES)}
        return {name: row for name, row in rows.items() if any(row)}


class Counters:
    """The numbers of one worker; all go up only, but `tunnels`."""

    __slots__ = ("connections", "counted", "own", "ports", "requests", "retries", "tunnels")

    def __init__(self) -> None:
        self.connections = 0  # accepted
        self.requests = 0  # forwarded and answered
        self.counted = 0  # recorded in the window
        self.retries = 0
        self.tunnels = 0  # open now
        self.own: Counter[int] = Counter()  # answers that the proxy made itself, by status
        self.ports: dict[int, PortCounts] = {}

    def of(self, port: int) -> PortCounts:
        """The counts of a container; they go on when it leaves the ring and comes back."""
        return self.ports.setdefault(port, PortCounts())

    def answers(self) -> dict[int, dict[str, list[int]]]:
        """The histograms of all containers that have answered."""
        told = {port: counts.answers() for port, counts in self.ports.items()}
        return {port: rows for port, rows in told.items() if rows}

    def routed(self) -> dict[int, int]:
        """Turns by the port that they fell to."""
        return {port: counts.routed for port, counts in self.ports.items() if counts.routed}

    def failed(self) -> dict[int, int]:
        """Failed tries by port."""
        return {port: counts.failed for port, counts in self.ports.items() if counts.failed}


# --- for those who read beats


def latency_of(answers: Answers, port: int | None = None) -> list[int]:
    """The histogram of one container, of all with None, over all classes of status."""
    chosen = answers.values() if port is None else [answers.get(port, {})]
    rows = [row for classes in chosen for row in classes.values()]
    return [sum(column) for column in zip(*rows, strict=True)] if rows else [0] * BUCKETS


def named(histogram: Histogram) -> dict[str, int]:
    """A histogram by the upper bounds in ms ("inf" last); empty buckets are left out."""
    names = [*map(str, BOUNDS_MS), "inf"]
    return {name: count for name, count in zip(names, histogram, strict=True) if count}
