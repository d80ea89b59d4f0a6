"""What to do with a container next: one pure function over the row of the table and what is seen of it now.

The stories of launching, stopping and relaunching are told here as decisions; `launcher` does what they say. All that
a story must remember is in the row, so it does not matter which process took the step before, or died over it.
"""

from dataclasses import dataclass
from enum import Enum, auto

from deploy.container import Container
from deploy.container_state import State
from deploy.retries import is_given_up
from deploy.runtime.base import Found


class Step(Enum):
    """Everything that the launcher can do."""

    WAIT = auto()  # nothing, for now or for ever
    START = auto()  # let the runtime start one
    JOIN = auto()  # it answered 200: into the ring
    GIVE_UP_START = auto()  # this start has failed: sick, to be tried again later
    END_SICK = auto()  # kill what is left of the sick one
    RESTART = auto()  # the time to try again has come: starting
    FAIL = auto()  # tried often enough: failed
    LET_GO = auto()  # drained: stopping
    TERMINATE = auto()  # ask it to end
    KILL = auto()  # it was asked and did not end in time
    FORGET = auto()  # gone: out of the table
    SUCCEED = auto()  # gone: another one follows on its port


@dataclass(frozen=True)
class Next:
    """The step, and why, for the operator; the reason is empty where there is nothing to tell."""

    step: Step
    reason: str = ""


@dataclass(frozen=True)
class Policy:
    """How long the launcher waits, in seconds; `DeploySettings` says where the numbers come from."""

    boot_timeout: float = 30.0
    drain_timeout: float = 30.0
    stop_grace: float = 5.0


@dataclass(frozen=True)
class Seen:
    """What is seen of a container now; only what its state asks for is looked at."""

    found: Found | None = None
    healthy: bool = False  # answered 200 on its health path just now
    held_back_by: str | None = None  # who still uses a container that left the ring; None = nobody

    @property
    def alive(self) -> bool:
        """Whether anything runs that can do something, be it to end."""
        return self.found is not None and self.found.alive and not self.found.frozen


def next_step(container: Container, seen: Seen, now: float, policy: Policy) -> Next:
    """The next step of this container's story. `now` is unix seconds."""
    match container.state:
        case State.STARTING:
            return next_of_starting(container, seen, now, policy)
        case State.SICK:
            return next_of_sick(container, now)
        case State.DRAINING:
            return next_of_draining(container, seen, now, policy)
        case State.STOPPING:
            return next_of_stopping(container, seen, now)
        case _:  # RUNNING is judged by the monitor, FAILED waits for somebody's order
            return Next(Step.WAIT)


def next_of_starting(container: Container, seen: Seen, now: float, policy: Policy) -> Next:
    """Start it, then let it join as soon as it is healthy; a start that dies or takes too long has failed."""
    if not container.runtime_id:
        return Next(Step.START)
    if not seen.alive:
        return Next(Step.GIVE_UP_START, "it ended before it was healthy")
    if seen.healthy:
        return Next(Step.JOIN, "its health check answered 200")
    if now >= (container.deadline or container.since + policy.boot_timeout):
        return Next(Step.GIVE_UP_START, f"not healthy within {policy.boot_timeout:g} s")
    return Next(Step.WAIT)


def next_of_sick(container: Container, now: float) -> Next:
    """Kill it at once, however long the next try is away: requests hang on it. Its deadline spaces failed kills."""
    if container.runtime_id:
        return Next(Step.END_SICK if now >= container.deadline else Step.WAIT)
    if is_given_up(container.attempts):
        return Next(Step.FAIL, f"given up after {container.attempts} attempts; the last one: {container.reason}")
    return Next(Step.RESTART, container.reason) if now >= container.next_try_at else Next(Step.WAIT)


def next_of_draining(container: Container, seen: Seen, now: float, policy: Policy) -> Next:
    """Wait until the proxy has let go of it, but not for ever; a parked one stays until somebody decides."""
    if container.parked:
        return Next(Step.WAIT)
    if seen.held_back_by is None:
        return Next(Step.LET_GO, f"drained: {container.reason}")
    if now >= container.since + policy.drain_timeout:
        return Next(Step.LET_GO, f"not drained within {policy.drain_timeout:g} s: {seen.held_back_by}")
    return Next(Step.WAIT)


def next_of_stopping(container: Container, seen: Seen, now: float) -> Next:
    """TERM once, KILL when the grace is over. No deadline: not asked yet. When nothing is left: out of the table, or
    another one in its place.
    """
    if not seen.alive:
        return Next(Step.SUCCEED if container.successor else Step.FORGET, container.reason)
    if not container.deadline:
        return Next(Step.TERMINATE)
    return Next(Step.KILL if now >= container.deadline else Step.WAIT)


RESTING = frozenset({State.RUNNING, State.FAILED})  # states in which the launcher has nothing to do


def rests(container: Container) -> bool:
    """Whether the launcher has nothing to do with a container until somebody decides."""
    return container.state in RESTING or (container.state is State.DRAINING and bool(container.parked))
