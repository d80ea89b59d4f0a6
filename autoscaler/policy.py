"""How many containers a number of requests wants, and how many there should be: values in, values out.

`wanted` is the rule of one instant: one container for the first `requests_per_container` requests of the window and
one more for each further `requests_per_container`. `decide` adds time: up at once, down only to the highest number
that was wanted during the last `stabilization` seconds. What nobody measured is unknown, and unknown never goes down.

The memory of the rule is a `History`: for each number of containers the last time that it was wanted. It never holds
more than `maximum` numbers, however often the rule is asked.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Self

PAUSE_SECONDS = 10.0  # killed parts are back within ten seconds; a longer pause is time that nobody measured

History = Mapping[int, float]  # number of containers -> unix time at which it was last wanted


@dataclass(frozen=True)
class Policy:
    """The numbers of the scaling rule; `window` and `stabilization` are seconds."""

    window: float = 120.0
    requests_per_container: int = 20
    stabilization: float = 120.0  # one window: a lull shorter than what we look at does not count as quiet
    minimum: int = 1
    maximum: int = 10

    def __str__(self) -> str:
        """As `parse` reads it."""
        return ",".join(f"{field.name}={getattr(self, field.name):g}" for field in fields(self))

    def validate(self) -> str | None:
        """None, or a sentence that says which numbers cannot be."""
        if not (0 < self.window < math.inf and 0 <= self.stabilization < math.inf):
            return "window must be above 0 and stabilization not below 0 seconds"
        if self.requests_per_container < 1:
            return "requests_per_container must be at least 1"
        if not 1 <= self.minimum <= self.maximum:
            return "minimum must be at least 1 and not above maximum"
        return None

    def clamp(self, number: int) -> int:
        """The nearest number of containers that is allowed."""
        return min(max(number, self.minimum), self.maximum)

    def changed(self, text: str) -> Self:
        """This policy with the numbers of `text` ("window=60,maximum=4") put in; ValueError with a sentence."""
        kinds = {field.name: field.type for field in fields(self)}
        changes: dict[str, float | int] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, number = part.partition("=")
            if name not in kinds:
                raise ValueError(f"{name!r} is no number of the policy; there are {', '.join(kinds)}")
            changes[name] = number_of(name, number, whole=kinds[name] is int)
        policy = replace(self, **changes)  # type: ignore[arg-type]
        if problem := policy.validate():
            raise ValueError(problem)
        return policy


def number_of(name: str, text: str, *, whole: bool) -> float | int:
    """The number in `text`; ValueError names `name` otherwise."""
    try:
        return int(text) if whole else float(text)
    except ValueError:
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"{name} must be {kind}, not {text!r}") from None


def wanted(count: int, policy: Policy) -> int:
    """Containers for `count` requests in the window: 19 want 1, 20 want 2, 40 want 3, 200 and more want 10."""
    return policy.clamp(count // policy.requests_per_container + 1)


def next_threshold(count: int, policy: Policy) -> int | None:
    """The count from which one container more is wanted; None at the maximum."""
    number = wanted(count, policy)
    return None if number == policy.maximum else number * policy.requests_per_container


def remember(history: History, number: int, now: float, policy: Policy) -> History:
    """The history with `number` wanted at `now`, without what stabilization looks back on no more."""
    kept = {n: at for n, at in history.items() if at > now - policy.stabilization}
    return {**kept, number: max(now, kept.get(number, now))}


def last_measured(history: History) -> float | None:
    """When anybody measured last; None if nobody did within memory."""
    return max(history.values(), default=None)


@dataclass(frozen=True)
class Measured:
    """What one tick saw: `count` requests in the window at unix time `at`, and `existing` containers that stay.

    `age` is for how many seconds requests have been recorded without loss; below one window the count is a lower
    bound. `fixed` is the operator's number, None for automatic.
    """

    at: float
    count: int
    age: float
    existing: int
    fixed: int | None = None


@dataclass(frozen=True)
class Decision:
    """What the rule made of it.

    `wanted` is the number for this instant's count, `highest` the highest one of the last `stabilization` seconds
    (this instant's and, where nobody measured, what existed, included), `highest_at` when that was wanted last,
    `target` how many containers there should be. `young` and `paused` say why a part of the past is unknown.
    """

    measured: Measured
    policy: Policy
    wanted: int
    highest: int
    highest_at: float
    target: int
    young: bool
    paused: bool


def decide(seen: Measured, history: History, policy: Policy) -> tuple[Decision, History]:
    """How many containers there should be, and the history to remember for the next tick."""
    instant = wanted(seen.count, policy)
    young = seen.age < policy.window
    paused = is_paused(history, seen.at)
    # Nobody knows what a window that is not yet full, or a time without ticks, would have wanted: what exists.
    known = max(instant, policy.clamp(seen.existing)) if young or paused else instant
    history = remember(history, known, seen.at, policy)
    highest = max(history)
    decision = Decision(
        measured=seen,
        policy=policy,
        wanted=instant,
        highest=policy.clamp(highest),
        highest_at=history[highest],
        target=policy.clamp(highest if seen.fixed is None else seen.fixed),
        young=young,
        paused=paused,
    )
    return decision, history


def is_paused(history: History, now: float) -> bool:
    """Whether nobody measured for so long that what was wanted meanwhile is unknown."""
    last = last_measured(history)
    return last is None or now - last > PAUSE_SECONDS


def sentence(decision: Decision) -> str:
    """Why the target is what it is, in words that a person can check."""
    seen, policy = decision.measured, decision.policy
    verb = "wants" if seen.count == 1 else "want"
    asked = f"{requests(seen.count)} in the last {policy.window:g} s {verb} {decision.wanted}"
    asked += f" ({policy.requests_per_container} per container)"
    if seen.fixed is not None:
        return f"fixed at {decision.target} by the operator; {asked}"
    if decision.target <= decision.wanted:
        return asked
    return f"{asked}, {because_held(decision)}"


def because_held(decision: Decision) -> str:
    """Why more containers stay than this instant wants."""
    seen, policy = decision.measured, decision.policy
    if decision.young:
        return f"but they are counted for {seen.age:.0f} s only: not going down"
    if decision.paused:
        return f"but nobody measured before: going down in {policy.stabilization:g} s at the earliest"
    ago, left = seen.at - decision.highest_at, decision.highest_at + policy.stabilization - seen.at
    return f"but {decision.highest} were wanted {ago:.0f} s ago: kept for {left:.0f} s more"


def requests(count: int) -> str:
    """A count in words: 1 request, 2 requests."""
    return f"{count} request" if count == 1 else f"{count} requests"
