"""The last hour in steps of some seconds, from the autoscaler's journal: requests per second, containers wanted and
running.

The journal holds counts of the sliding window; what came in each second is inferred from them, decision by decision.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from autoscaler.decision_log import Entry
from autoscaler.replay import Inference

STEP = 5  # seconds: an hour is 720 points, about one for each pixel of a phone held sideways
SPAN = 3600


class Point(NamedTuple):
    """One step that is over; it began at unix time `at`. None: nobody decided anything in it."""

    at: int
    rate: float  # counted requests per second
    wanted: int | None  # the most that there should have been
    running: int | None  # the fewest that received traffic
    shadow: int | None = None  # the most that there should have been by the shadow policy, if there is one


@dataclass
class Step:
    """A step while it is being filled."""

    at: int
    requests: int = 0
    wanted: int | None = None
    running: int | None = None
    shadow: int | None = None

    def see(self, entry: Entry) -> None:
        """Take in a decision of this step. A dip must show, however short it was."""
        self.wanted = entry.target if self.wanted is None else max(self.wanted, entry.target)
        self.running = entry.running if self.running is None else min(self.running, entry.running)
        if entry.shadow:
            self.shadow = max(self.shadow or 0, entry.shadow.target)

    @property
    def point(self) -> Point:
        """What is shown of it."""
        return Point(self.at, round(self.requests / STEP, 2), self.wanted, self.running, self.shadow)


class Chart:
    """Takes decisions in the order in which they were made, and gives points."""

    def __init__(self) -> None:
        self._inference = Inference()
        self._steps: deque[Step] = deque(maxlen=SPAN // STEP + 1)

    def add(self, entry: Entry) -> list[Point]:
        """The points that are complete with this decision."""
        before = self._steps[-1].at if self._steps else None
        for second in self._inference.add(entry):
            if step := self._step(second.at):
                step.requests += second.number
        if step := self._step(round(entry.at)):
            step.see(entry)
        if before is None:
            return []
        return [step.point for step in self._steps if before <= step.at < self._steps[-1].at]

    @property
    def points(self) -> list[Point]:
        """Every point of the hour, the step that is still being filled left out."""
        return [step.point for step in list(self._steps)[:-1]]

    def _step(self, second: int) -> Step | None:
        """The step of a second; None for one that lies before those we have."""
        at = second - second % STEP
        if not self._steps or at > self._steps[-1].at:
            self._steps.append(Step(at))
            return self._steps[-1]
        return next((step for step in reversed(self._steps) if step.at == at), None)
