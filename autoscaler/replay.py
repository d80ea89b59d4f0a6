"""Feeding the journal through the policy again.

The same policy must decide the same again, tick by tick; a difference is a mistake in the rule or in the journal. What
another policy would have decided is a simulation of the requests that the journal lets infer.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from autoscaler.brakes import UNKNOWN, Changes, followed_by
from autoscaler.decision_log import Entry
from autoscaler.policy import Decision, History, decide
from autoscaler.simulate import Arrivals


class Replayed(NamedTuple):
    """A recorded tick and what the policy makes of it now.

    `settled` is false for the first ticks, whose past lies before the recording: they may differ.
    """

    entry: Entry
    decision: Decision
    settled: bool

    @property
    def differs(self) -> bool:
        """Whether the decision is another one than the recorded one."""
        entry, decision = self.entry, self.decision
        recorded = (entry.wanted, entry.highest, entry.highest_at, entry.target)
        return recorded != (decision.wanted, decision.highest, decision.highest_at, decision.target)


def replay(oldest_first: Iterable[Entry]) -> Iterator[Replayed]:
    """Decide every recorded tick again, each by the policy that was in force."""
    history: History | None = None
    changes, settled_at = UNKNOWN, 0.0
    for entry in oldest_first:
        if history is None:
            history = {entry.wanted: entry.at} | {entry.highest: entry.highest_at}
            settled_at = entry.at + entry.policy.memory
        decision, history = decide(entry.measured, history, entry.policy, changes)
        settled = entry.at > settled_at
        # Until the past is known the recorded targets tell it: a step goes on from the last one.
        changes = decision.changes if settled else recorded(changes, entry)
        yield Replayed(entry, decision, settled)


def recorded(changes: Changes, entry: Entry) -> Changes:
    """What the brakes remembered after a recorded tick."""
    return followed_by(changes, entry.target if changes.target is None else changes.target, entry.target, entry.at)


class Inference:
    """The requests behind recorded counts, second by second without a gap, decision by decision.

    A count grows by what came and shrinks by what became older than the window; the latter is known from what came one
    window before. What came between two ticks, and in the window before the first one, is assumed to have come evenly:
    a recording that begins with the service lets infer all of it, any other is right to within its first count.
    """

    def __init__(self) -> None:
        self._window: deque[Arrivals] = deque()
        self._count = 0
        self._before: int | None = None

    def add(self, entry: Entry) -> list[Arrivals]:
        """What came since the entry before; nothing new for one of the same second, the next one will tell."""
        at, length = round(entry.at), round(entry.policy.window)
        passed = max(1, min(length, round(entry.age))) if self._before is None else at - self._before
        if passed < 1:
            return []
        while self._window and self._window[0].at <= at - length:
            self._count -= self._window.popleft().number
        came = evenly(max(0, entry.count - self._count), at, min(passed, length))
        self._window.extend(came)
        self._count, self._before = self._count + sum(one.number for one in came), at
        return [*(Arrivals(second, 0) for second in range(at - passed + 1, at - len(came) + 1)), *came]


def arrivals_of(oldest_first: Iterable[Entry]) -> Iterator[Arrivals]:
    """The requests behind recorded counts, as `Inference` tells them."""
    inference = Inference()
    for entry in one_each_second(oldest_first):
        yield from inference.add(entry)


def evenly(number: int, at: int, seconds: int) -> list[Arrivals]:
    """`number` requests spread over the `seconds` that end at `at`."""
    marks = [number * n // seconds for n in range(seconds + 1)]
    return [Arrivals(at - seconds + n, marks[n] - marks[n - 1]) for n in range(1, seconds + 1)]


def one_each_second(oldest_first: Iterable[Entry]) -> Iterator[Entry]:
    """The last entry of each second, in order: ticks are woken, and two autoscalers may have written."""
    held: Entry | None = None
    for entry in oldest_first:
        if held is not None and round(entry.at) > round(held.at):
            yield held
        held = entry if held is None or round(entry.at) >= round(held.at) else held
    if held is not None:
        yield held
