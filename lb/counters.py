"""What one worker counts about its work: plain integers in its own memory, told to Redis with every
heartbeat.

So the hot path pays a few additions, and whoever shows metrics adds up the workers' beats.
"""

from bisect import bisect_left
from collections.abc import Mapping

# Upper bounds of the latency histogram in ms, each about twice the one before: from "the network alone" to
# time-outs.
BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000)
BOUNDS_S = tuple(bound / 1000 for bound in BOUNDS_MS)


class Counters:
    """The numbers of one worker; all go up only."""

    __slots__ = ("buckets", "connections", "counted", "errors", "refused", "requests", "retries")

    def __init__(self) -> None:
        self.connections = 0  # accepted
        self.requests = 0  # forwarded
        self.counted = 0  # recorded in the window
        self.retries = 0
        self.errors = 0  # answered by the proxy itself with 5xx
        self.refused = 0  # answered by the proxy itself with 4xx
        self.buckets = [0] * (len(BOUNDS_MS) + 1)

    def answered(self, seconds: float) -> None:
        """Count one forwarded request by the time from its head to the end of its answer."""
        self.requests += 1
        self.buckets[bisect_left(BOUNDS_S, seconds)] += 1

    def own_answer(self, status: int) -> None:
        """Count an answer that the proxy made itself."""
        if status >= 500:
            self.errors += 1
        else:
            self.refused += 1

    def latency(self) -> Mapping[str, int]:
        """The histogram: upper bound in ms ("inf" last) to requests; empty buckets are left out."""
        names = [*map(str, BOUNDS_MS), "inf"]
        return {name: count for name, count in zip(names, self.buckets, strict=True) if count}
