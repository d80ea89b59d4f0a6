"""What a policy would make of requests, second by second, without waiting for them: the same pure rule, virtual time.

Requests come as `Arrivals`: how many in the second that ends at a time. The simulation keeps one window of them, so a
year of seconds needs no more memory than an hour.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from autoscaler.brakes import Changes
from autoscaler.policy import History, Measured, Policy, decide

SERVICE_SECONDS = 0.1  # that a request is being answered, where nobody says otherwise
BOOT_SECONDS = 2.0  # from the decision to the second container in the ring, as measured; busy machines take longer


class Arrivals(NamedTuple):
    """`number` requests came in the second that ends at unix time `at`, a whole second."""

    at: int
    number: int


class Point(NamedTuple):
    """One second of a simulation: requests of that second and in the window, and the containers for them."""

    at: int
    arrived: int
    in_window: int
    wanted: int
    target: int
    running: int  # what has had the time to boot


@dataclass(frozen=True)
class Summary:
    """What a policy costs and what it gives, over `seconds` of a simulation."""

    seconds: int = 0
    requests: int = 0
    container_seconds: int = 0
    changes: int = 0  # seconds in which the target was another one than before
    most: int = 0  # containers
    busiest: float = 0.0  # the most requests that one container got in a second
    short: int = 0  # seconds in which fewer ran than were wanted


class Window:
    """How many requests came in the last `seconds`, one second after the other."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: deque[Arrivals] = deque()
        self.count = 0

    def add(self, arrivals: Arrivals) -> None:
        """One more second; what is older than the window is forgotten."""
        self._kept.append(arrivals)
        self.count += arrivals.number
        while self._kept and self._kept[0].at <= arrivals.at - self._seconds:
            self.count -= self._kept.popleft().number


class Booting:
    """How many containers run, when a new one needs `seconds` to boot and a surplus one goes at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._targets: deque[tuple[int, int]] = deque()  # (at, target) of the last seconds; both ascend

    def running(self, at: int, target: int) -> int:
        """The lowest target of the seconds that booting takes: what was there all that time."""
        while self._targets and self._targets[-1][1] >= target:
            self._targets.pop()
        self._targets.append((at, target))
        while self._targets[0][0] < at - self._seconds:
            self._targets.popleft()
        return self._targets[0][1]


def simulate(
    arrivals: Iterable[Arrivals],
    policy: Policy,
    boot_seconds: float = BOOT_SECONDS,
    service_seconds: float = SERVICE_SECONDS,
) -> Iterator[Point]:
    """What the policy makes of these seconds, which must follow one another without a gap.

    Before the first one there was one container and no request. Requests in flight are inferred by Little's law: the
    rate times the `service_seconds` that each takes.
    """
    window, booting, target = Window(policy.window), Booting(boot_seconds), policy.minimum
    history: History | None = None
    changes = Changes(target)
    for second in arrivals:
        window.add(second)
        history = {target: second.at - 1.0} if history is None else history
        in_flight = math.ceil(second.number * service_seconds)
        seen = Measured(float(second.at), window.count, policy.window, target, in_flight=in_flight)
        decision, history = decide(seen, history, policy, changes)
        target, changes = decision.target, decision.changes
        running = booting.running(second.at, target)
        yield Point(second.at, second.number, window.count, decision.wanted, target, running)


def summarise(points: Iterable[Point]) -> Summary:
    """The figures of a simulation."""
    summary, before = Summary(), None
    for point in points:
        summary = added(summary, point, changed=before is not None and before != point.target)
        before = point.target
    return summary


def added(summary: Summary, point: Point, *, changed: bool) -> Summary:
    """The figures with one second more."""
    return Summary(
        seconds=summary.seconds + 1,
        requests=summary.requests + point.arrived,
        container_seconds=summary.container_seconds + point.running,
        changes=summary.changes + changed,
        most=max(summary.most, point.target),
        busiest=max(summary.busiest, point.arrived / point.running),
        short=summary.short + (point.running < point.wanted),
    )
