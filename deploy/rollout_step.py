"""What a roll-out does next: one pure function over the roll-out and the rows of the table.

    one more container of the new image, on the next free port, while the old ones serve
    → it is healthy, and still is a moment later: from now on new containers are of the new image
    → one port after the other: leave the ring → drained → replaced → healthy → joins
    → the extra one goes

Where there is no free port, ports are replaced without the extra one. A container of the new image that does not
start, does not become healthy, or falls sick right after it did, ends the roll-out: every port that has the new image
gets the old one again. All that must be remembered is in the roll-out's hash and in the rows, so that whoever drives
this may die between any two steps.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from deploy.container import Container
from deploy.container_state import State
from deploy.orders import LEAVING, is_going_on
from deploy.retries import SETTLED_SECONDS
from deploy.rollout import Phase, Rollout

FIRST_SECONDS = SETTLED_SECONDS  # for so long the first one has to stay well before anybody else is replaced
NEXT_SECONDS = 1.0  # and each further one: a poll of the monitor
START_ATTEMPTS = 2  # the second one is for what was wrong with the moment and not with the image


class Act(Enum):
    """Everything that a roll-out can do."""

    WAIT = auto()
    SURGE = auto()  # launch the extra one
    REPLACE = auto()  # let one of the goal's image follow on a port
    PROVE = auto()  # the new image works
    UNDO = auto()  # it does not
    END_SURGE = auto()  # the extra one is no longer needed
    FINISH = auto()


@dataclass(frozen=True)
class Move:
    """The next thing, for which port, and why."""

    act: Act
    port: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Sight:
    """The roll-out, the table, the ports that containers may have, the time (unix seconds), and BOOT_TIMEOUT."""

    rollout: Rollout
    containers: Sequence[Container]
    ports: range
    now: float
    boot_timeout: float = 30.0


WAIT = Move(Act.WAIT)


def next_move(sight: Sight) -> Move:
    """The roll-out's next step."""
    rollout = sight.rollout
    if not rollout.is_active:
        return end_of_surge(sight) or straggler(sight) or WAIT
    fresh = [one for one in sight.containers if is_fresh(one, rollout)]
    if broken := next((one for one in fresh if is_broken(one, sight.now, sight.boot_timeout)), None):
        return after_broken(broken, rollout)
    if rollout.phase is Phase.UNDOING and (dead := surge_that_serves_not(sight)):
        return Move(Act.END_SURGE, dead.port, "it is not needed any more")
    if not all(is_settled(one, sight) for one in fresh):
        return WAIT
    if fresh and rollout.phase is Phase.ROLLING and not rollout.is_proven:
        return Move(Act.PROVE)
    return of_the_next(sight)


def of_the_next(sight: Sight) -> Move:
    """Everybody new is well: on with the next port, or to the end."""
    stale = [one for one in sight.containers if is_stale(one, sight.rollout)]
    if not stale:
        return end_of_surge(sight) or Move(Act.FINISH)
    if (port := room_for_surge(sight)) is not None:
        return Move(Act.SURGE, port)
    chosen = min(stale, key=lambda one: (one.state is State.RUNNING, one.port))
    if chosen.state is State.RUNNING and is_last_of_many(chosen, sight.containers):
        return WAIT
    return Move(Act.REPLACE, chosen.port)


def after_broken(broken: Container, rollout: Rollout) -> Move:
    """A broken new one ends a roll-out; a broken old one ends the way back, since there is nothing else to go to."""
    if rollout.phase is Phase.ROLLING:
        return Move(Act.UNDO, broken.port, f"{broken.port}: {broken.reason}")
    return Move(Act.FINISH, broken.port, f"and {rollout.origin} does not start any more either: {broken.reason}")


def room_for_surge(sight: Sight) -> int | None:
    """The port for the extra one; None when there is one, when nobody needs it, or when no port is free."""
    rollout, taken = sight.rollout, {one.port for one in sight.containers}
    if rollout.phase is not Phase.ROLLING or any(one.surge or is_new(one, rollout) for one in sight.containers):
        return None
    return free_port(taken, sight.ports)


def free_port(taken: Collection[int], ports: range) -> int | None:
    """The port for an extra one: above all that are taken, else the lowest that is free; None when none is."""
    above = [port for port in ports if port > max(taken, default=0)]
    return next(iter([*above, *(port for port in ports if port not in taken)]), None)


def end_of_surge(sight: Sight) -> Move | None:
    """What to do about the extra one: end it, wait until it is gone, nothing (None)."""
    surge = next((one for one in sight.containers if one.surge), None)
    if surge is None:
        return None
    is_leaving = surge.state in LEAVING and not surge.parked  # a parked one stays until it is told to go
    if is_leaving or is_last_of_many(surge, sight.containers):
        return WAIT
    return Move(Act.END_SURGE, surge.port, "all containers are replaced")


def straggler(sight: Sight) -> Move | None:
    """One of before the last roll-out, which somebody had taken out of the ring meanwhile and has put back."""
    rollout = sight.rollout
    for one in sight.containers:
        of_before = one.generation <= rollout.mark and one.image != rollout.image and one.state is State.RUNNING
        if rollout.phase is Phase.DONE and of_before and not is_last_of_many(one, sight.containers):
            return Move(Act.REPLACE, one.port, "it is of before the last roll-out")
    return None


def surge_that_serves_not(sight: Sight) -> Container | None:
    """An extra one of the broken image, of no use to anybody."""
    return next((one for one in sight.containers if one.surge and one.state not in {State.RUNNING, *LEAVING}), None)


def is_new(container: Container, rollout: Rollout) -> bool:
    """Whether a container has what all shall have, or is about to get it."""
    if container.successor:
        return container.successor == rollout.goal
    if container.state in LEAVING or container.image != rollout.goal:
        return False
    return rollout.phase is Phase.UNDOING or container.generation > rollout.mark


def is_stale(container: Container, rollout: Rollout) -> bool:
    """Whether a container is to be replaced: it stays, and is not of the goal's image."""
    stays = container.state not in LEAVING or bool(container.successor)
    return stays and not container.surge and not is_new(container, rollout)


def is_fresh(container: Container, rollout: Rollout) -> bool:
    """Whether a container has, or is about to get, the goal's image because of this roll-out, or of its undoing."""
    if container.successor or rollout.phase is Phase.ROLLING:
        return is_new(container, rollout)
    return is_new(container, rollout) and container.created_at >= rollout.since


def is_broken(container: Container, now: float, boot_timeout: float) -> bool:
    """Whether a container shows that its image does not work: starts that failed, or sick again right away."""
    if container.successor:
        return False
    overdue = now - container.created_at >= boot_timeout
    tried = container.attempts >= START_ATTEMPTS or (container.attempts > 0 and overdue)
    return tried or container.relapses > 0 or container.state is State.FAILED


def is_settled(container: Container, sight: Sight) -> bool:
    """Whether a container has been well for long enough."""
    is_first = sight.rollout.phase is Phase.ROLLING and not sight.rollout.is_proven
    patience = FIRST_SECONDS if is_first else NEXT_SECONDS
    return has_been_well(container, patience, sight.now)


def has_been_well(container: Container, seconds: float, now: float) -> bool:
    """Whether a container has served for so long."""
    return container.state is State.RUNNING and now - container.since >= seconds


def is_last_of_many(container: Container, containers: Iterable[Container]) -> bool:
    """Whether nobody would serve without this one, although there are others that soon could."""
    others = [one for one in containers if one.port != container.port and not is_gone(one)]
    return bool(others) and not any(one.state is State.RUNNING for one in others)


def is_gone(container: Container) -> bool:
    """Whether a container is on its way out for good, or kept from serving."""
    return container.state in LEAVING and (bool(container.parked) or not is_going_on(container))
