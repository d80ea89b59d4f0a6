"""How many containers a load wants, and how many there should be: values in, values out.

`wanted` is the rule of one instant: one container for the first `requests_per_container` requests of the window and
one more for each further `requests_per_container` (or another `Rule`). `decide` adds time: up at once, down only to the
highest number that was wanted during the last `stabilization` seconds, and neither faster than the brakes allow.
What nobody measured is unknown, and unknown never goes down.

The memory of the rule is a `History`: for each number of containers the last time that it was wanted. It never holds
more than `maximum` numbers, however often the rule is asked.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self

from autoscaler.brakes import UNKNOWN, Brake, Brakes, Changes, braked, followed_by
from autoscaler.schedule import NO_FLOOR, Schedule

PAUSE_SECONDS = 10.0  # killed parts are back within ten seconds; a longer pause is time that nobody measured

History = Mapping[int, float]  # number of containers -> unix time at which it was last wanted


class Rule(StrEnum):
    """What a policy looks at."""

    WINDOW = "window"  # requests of the window: one container more for each `requests_per_container`
    RATE = "rate"  # requests per second, averaged over the window: `requests_per_second` for each container
    IN_FLIGHT = "in_flight"  # requests being answered at this moment: `in_flight` for each container


@dataclass(frozen=True)
class Policy:
    """The numbers of the scaling rule; `window`, `stabilization` and the cool-downs are seconds, a step of 0 is any."""

    window: float = 120.0
    requests_per_container: int = 20
    stabilization: float = 120.0  # one window: a lull shorter than what we look at does not count as quiet
    minimum: int = 1
    maximum: int = 10
    rule: Rule = Rule.WINDOW
    requests_per_second: float = 5.0
    in_flight: float = 8.0  # half the threads of an acts container
    up_step: int = 0
    up_cooldown: float = 0.0
    down_step: int = 0
    down_cooldown: float = 0.0
    floor: Schedule = NO_FLOOR

    def __str__(self) -> str:
        """As `changed` reads it: what every policy has, and what is not as usual."""
        usual = Policy()
        shown = [
            one.name
            for one in fields(self)
            if one.name in ALWAYS or getattr(self, one.name) != getattr(usual, one.name)
        ]
        return ",".join(f"{name}={text_of(getattr(self, name))}" for name in shown)

    def validate(self) -> str | None:
        """None, or a sentence that says which numbers cannot be."""
        if not (0 < self.window < math.inf and 0 <= self.stabilization < math.inf):
            return "window must be above 0 and stabilization not below 0 seconds"
        if self.requests_per_container < 1:
            return "requests_per_container must be at least 1"
        if not (0 < self.requests_per_second < math.inf and 0 < self.in_flight < math.inf):
            return "requests_per_second and in_flight must be above 0"
        if not 1 <= self.minimum <= self.maximum:
            return "minimum must be at least 1 and not above maximum"
        if self.floor.highest > self.maximum:
            return "floor must not be above maximum"
        return self.validate_brakes()

    def validate_brakes(self) -> str | None:
        """None, or a sentence about steps and cool-downs."""
        if min(self.up_step, self.down_step) < 0:
            return "up_step and down_step must not be below 0 (0: any number at once)"
        if not (0 <= self.up_cooldown < math.inf and 0 <= self.down_cooldown < math.inf):
            return "up_cooldown and down_cooldown must not be below 0 seconds"
        return None

    @property
    def brakes(self) -> Brakes:
        """What slows the way up and the way down."""
        return Brakes(Brake(self.up_step, self.up_cooldown), Brake(self.down_step, self.down_cooldown))

    @property
    def memory(self) -> float:
        """For how many seconds a decision can depend on what was."""
        return max(self.stabilization, self.up_cooldown, self.down_cooldown)

    def least(self, at: float) -> int:
        """The fewest containers that are allowed at unix time `at`."""
        return max(self.minimum, self.floor.at(at))

    def clamp(self, number: int, at: float) -> int:
        """The nearest number of containers that is allowed at unix time `at`."""
        return min(max(number, self.least(at)), self.maximum)

    def changed(self, text: str) -> Self:
        """This policy with the numbers of `text` ("window=60,maximum=4") put in; ValueError with a sentence."""
        now = {one.name: getattr(self, one.name) for one in fields(self)}
        changes: dict[str, Any] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = part.partition("=")
            if name not in now:
                raise ValueError(f"{name!r} is no number of the policy; there are {', '.join(now)}")
            changes[name] = value_of(name, value, now[name])
        policy = replace(self, **changes)
        if problem := policy.validate():
            raise ValueError(problem)
        return policy


ALWAYS = frozenset({"window", "requests_per_container", "stabilization", "minimum", "maximum"})


def text_of(value: object) -> str:
    """A value of a policy, as `value_of` reads it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def value_of(name: str, text: str, before: object) -> object:
    """The value in `text`, of the kind that `before` is; ValueError names `name` otherwise."""
    match before:
        case Schedule():
            return Schedule.parse(text)
        case Rule():
            if text not in list(Rule):
                raise ValueError(f"rule must be one of {', '.join(Rule)}, not {text!r}")
            return Rule(text)
        case _:
            return number_of(name, text, whole=isinstance(before, int))


def number_of(name: str, text: str, *, whole: bool) -> float | int:
    """The number in `text`; ValueError names `name` otherwise."""
    try:
        return int(text) if whole else float(text)
    except ValueError:
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"{name} must be {kind}, not {text!r}") from None


def wanted(count: int, policy: Policy, at: float = 0.0, in_flight: int = 0) -> int:
    """Containers for `count` requests in the window: 19 want 1, 20 want 2, 40 want 3, 200 and more want 10.

    `at` is the unix time for which the schedule's floor is asked, `in_flight` the requests being answered.
    """
    match policy.rule:
        case Rule.WINDOW:
            number = count // policy.requests_per_container + 1
        case Rule.RATE:
            number = math.ceil(count / policy.window / policy.requests_per_second)
        case Rule.IN_FLIGHT:
            number = math.ceil(in_flight / policy.in_flight)
    return policy.clamp(number, at)


def next_threshold(count: int, policy: Policy, at: float = 0.0) -> int | None:
    """The count from which one container more is wanted at unix time `at`; None where no count brings one more."""
    number = wanted(count, policy, at)
    return None if number == policy.maximum else threshold_of(number, policy)


def last_threshold(count: int, policy: Policy, at: float = 0.0) -> int | None:
    """The count below which one container fewer is wanted at unix time `at`; None where no count brings one fewer."""
    number = wanted(count, policy, at)
    return None if number == policy.least(at) else threshold_of(number - 1, policy)


def threshold_of(number: int, policy: Policy) -> int | None:
    """The first count that wants more than `number` containers; None where the count does not decide."""
    match policy.rule:
        case Rule.WINDOW:
            return number * policy.requests_per_container
        case Rule.RATE:
            return math.floor(number * policy.requests_per_second * policy.window) + 1
        case Rule.IN_FLIGHT:
            return None


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
    bound. `fixed` is the operator's number, None for automatic. `in_flight` is how many requests were being answered,
    None when nobody knows (or no rule asks).
    """

    at: float
    count: int
    age: float
    existing: int
    fixed: int | None = None
    in_flight: int | None = None


@dataclass(frozen=True)
class Decision:
    """What the rule made of it.

    `wanted` is the number for this instant, `highest` the highest one of the last `stabilization` seconds (this
    instant's and, where nobody measured, what existed, included), `highest_at` when that was wanted last, `target` how
    many containers there should be. `young`, `paused` and `blind` say why something is unknown. `changes` is what the
    brakes remember for the next tick.
    """

    measured: Measured
    policy: Policy
    wanted: int
    highest: int
    highest_at: float
    target: int
    young: bool
    paused: bool
    blind: bool
    changes: Changes


def decide(seen: Measured, history: History, policy: Policy, changes: Changes = UNKNOWN) -> tuple[Decision, History]:
    """How many containers there should be, and the history to remember for the next tick."""
    blind = policy.rule is Rule.IN_FLIGHT and seen.in_flight is None
    exist = policy.clamp(seen.existing, seen.at)
    instant = exist if blind else wanted(seen.count, policy, seen.at, seen.in_flight or 0)
    young = seen.age < policy.window and policy.rule is not Rule.IN_FLIGHT
    paused = is_paused(history, seen.at)
    # Nobody knows what a window that is not yet full, or a time without ticks, would have wanted: what exists.
    known = max(instant, exist) if young or paused else instant
    history = remember(history, known, seen.at, policy)
    highest = max(history)
    before = seen.existing if changes.target is None else changes.target
    target = target_of(seen, policy.clamp(highest, seen.at), before, changes, policy)
    decision = Decision(
        measured=seen,
        policy=policy,
        wanted=instant,
        highest=policy.clamp(highest, seen.at),
        highest_at=history[highest],
        target=target,
        young=young,
        paused=paused,
        blind=blind,
        changes=followed_by(changes, before, target, seen.at),
    )
    return decision, history


def target_of(seen: Measured, highest: int, before: int, changes: Changes, policy: Policy) -> int:
    """The operator's number where there is one, else the rule's, as fast as the brakes allow; always an allowed one."""
    if seen.fixed is not None:
        return min(max(seen.fixed, policy.minimum), policy.maximum)  # a person's word stands above the schedule
    return policy.clamp(braked(highest, before, changes, seen.at, policy.brakes), seen.at)


def is_paused(history: History, now: float) -> bool:
    """Whether nobody measured for so long that what was wanted meanwhile is unknown."""
    last = last_measured(history)
    return last is None or now - last > PAUSE_SECONDS


def sentence(decision: Decision) -> str:
    """Why the target is what it is, in words that a person can check."""
    asked = asks(decision)
    if decision.measured.fixed is not None:
        return f"fixed at {decision.target} by the operator; {asked}"
    if decision.target < decision.highest:
        return f"{asked}, {because_braked('up', decision.policy.brakes.up)}"
    if decision.target > decision.highest:
        return f"{asked}, {because_braked('down', decision.policy.brakes.down)}"
    return f"{asked}, {because_held(decision)}" if decision.target > decision.wanted else asked


def asks(decision: Decision) -> str:
    """What this instant's load wants, and by which number."""
    seen, policy = decision.measured, decision.policy
    if decision.blind:
        return f"nobody knows how many requests are in flight: what exists is kept ({decision.wanted})"
    load, number, per = load_of(seen, policy)
    verb = "wants" if number == 1 else "want"
    least = policy.least(seen.at)
    floor = f", at least {least} at this time" if policy.floor.at(seen.at) == decision.wanted else ""
    return f"{load} {verb} {decision.wanted} ({per} per container{floor})"


def load_of(seen: Measured, policy: Policy) -> tuple[str, int, str]:
    """The load in words, how many that is for the grammar, and the number for each container."""
    match policy.rule:
        case Rule.WINDOW:
            return (
                f"{requests(seen.count)} in the last {policy.window:g} s",
                seen.count,
                f"{policy.requests_per_container}",
            )
        case Rule.RATE:
            rate = f"{seen.count / policy.window:.3g} requests/s over the last {policy.window:g} s"
            return rate, 2, f"{policy.requests_per_second:g}"
        case Rule.IN_FLIGHT:
            return f"{requests(seen.in_flight or 0)} in flight", seen.in_flight or 0, f"{policy.in_flight:g}"


def because_braked(direction: str, brake: Brake) -> str:
    """Why the number does not yet follow."""
    step = f"by {brake.step}" if brake.step else ""
    pause = f"every {brake.cooldown:g} s" if brake.cooldown else ""
    return f"but it goes {direction} {' and '.join(filter(None, (step, pause)))} at most"


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
