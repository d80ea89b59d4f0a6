"""What a rebalancing does next: pure functions over what Redis remembers of it, the rows of the table, and the nodes.

    one more container, on the next free port, while the others serve
    → one after the other, from the node with the most to the one with the fewest: leave the ring → drained → replaced,
      on that node → healthy → joins
    → no node has two more than another, and one that takes no more has none: done
    → the extra one goes (the roll-out's story sees to that)

Where no port is free, or an extra one does not start, containers are moved without it. Every move takes one from a node
that takes no more, or has at least two more than the one that gets it, so it comes to an end; and when a container
comes up again where it was, most likely because the other node has no room for it, that is said, and it ends there.

Engines are asked only when everybody is at rest (`LOOK`); what is to be waited for is in the rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from deploy.container import Container
from deploy.container_state import State
from deploy.orders import LEAVING
from deploy.rebalance import NO_WAY, Rebalance, Transfer
from deploy.rollout_step import NEXT_SECONDS, free_port, has_been_well, is_broken, is_gone, is_last_of_many


class Act(Enum):
    """Everything that a rebalancing can do."""

    WAIT = auto()
    LOOK = auto()  # ask the runtime where containers are, and decide by that
    SURGE = auto()  # launch the extra one
    GO_ALONE = auto()  # the extra one does not start: move without it
    CHOOSE = auto()  # remember which container goes where
    MOVE = auto()  # let it be replaced, there
    ARRIVE = auto()  # it is there
    DROP = auto()  # it has gone for good meanwhile, or is kept out of the ring: another one
    STOP = auto()  # no more can be gained
    FINISH = auto()


@dataclass(frozen=True)
class Move:
    """The next thing: for which port, by which way, and why."""

    act: Act
    port: int = 0
    way: Transfer = NO_WAY
    reason: str = ""


@dataclass(frozen=True)
class Sight:
    """The rebalancing, the table, the ports that containers may have, the time (unix seconds), and BOOT_TIMEOUT."""

    rebalance: Rebalance
    containers: Sequence[Container]
    ports: range
    now: float
    boot_timeout: float = 30.0


@dataclass(frozen=True)
class Places:
    """The node of every port on which something runs, and the nodes that may take containers."""

    where: Mapping[int, str]
    nodes: Sequence[str]


WAIT, LOOK = Move(Act.WAIT), Move(Act.LOOK)


def next_transfer(where: Mapping[int, str], nodes: Sequence[str]) -> Transfer | None:
    """The container that moves next: the lowest port of the fullest node, to the emptiest. None when it is even.

    `nodes` may take containers; what is on others goes first. Of equals the first in their order is meant.
    """
    counts = {node: list(where.values()).count(node) for node in nodes}
    if not counts:
        return None
    emptiest, fullest = min(nodes, key=lambda node: counts[node]), max(nodes, key=lambda node: counts[node])
    closed = [port for port, node in where.items() if node not in counts]
    crowded = [port for port, node in where.items() if node == fullest and counts[fullest] - counts[emptiest] > 1]
    port = min(closed, default=min(crowded, default=None))
    return None if port is None else Transfer(port, where[port], emptiest)


def words_of(where: Mapping[int, str], nodes: Sequence[str]) -> str:
    """How many containers there are on each node, for people, those that take no more among them."""
    there = sorted({*nodes, *where.values()})
    return ", ".join(f"{node} {list(where.values()).count(node)}" for node in there)


def next_move(sight: Sight) -> Move:
    """The next step, as far as it can be told without asking the runtime; else LOOK."""
    seen = sight.rebalance
    if not seen.is_active:
        return WAIT
    if seen.port:
        return of_the_mover(seen, sight)
    surge = surge_of(sight)
    if surge and not seen.alone and is_broken(surge, sight.now, sight.boot_timeout):
        return Move(Act.GO_ALONE, surge.port, reason=surge.reason)
    on_the_way = (one for one in sight.containers if not is_at_rest(one, sight))
    return WAIT if any(on_the_way) else LOOK


def of_the_mover(seen: Rebalance, sight: Sight) -> Move:
    """A container has been chosen: how far is it?"""
    mover = next((one for one in sight.containers if one.port == seen.port), None)
    if mover is None or is_gone(mover):
        return Move(Act.DROP, seen.port, reason="it was stopped or drained by hand meanwhile")
    if mover.generation == seen.generation:
        is_there = mover.state is State.RUNNING and not is_last_of_many(mover, sight.containers)
        return Move(Act.MOVE, seen.port, seen.way) if is_there else WAIT
    if mover.state is State.FAILED:
        return Move(Act.STOP, seen.port, seen.way, f"{seen.port} does not start any more: {mover.reason}")
    return LOOK if has_been_well(mover, NEXT_SECONDS, sight.now) else WAIT


def decide(sight: Sight, places: Places) -> Move:
    """The next step, now that it is known where containers are."""
    seen = sight.rebalance
    if seen.port:
        return on_arrival(seen, places)
    serving = serving_in(sight, places)
    if serving is None:
        return WAIT
    transfer = next_transfer(serving, places.nodes)
    if transfer is None:
        return Move(Act.FINISH)
    if seen.moved >= seen.limit:
        return Move(
            Act.STOP,
            reason=f"after {seen.moved} moves it still is not even: others have come and gone meanwhile; say it again",
        )
    if not seen.alone and surge_of(sight) is None and (port := room_for_surge(sight)):
        return Move(Act.SURGE, port, transfer)
    return Move(Act.CHOOSE, transfer.port, transfer)


def on_arrival(seen: Rebalance, places: Places) -> Move:
    """The container that has followed on the port is well: where is it?"""
    at = places.where.get(seen.port)
    if at is None:
        return WAIT
    if at == seen.origin:
        told = f"{seen.port} has come up on {at} again, not on {seen.to}; `selfieless events` says why"
        return Move(Act.STOP, seen.port, seen.way, told)
    return Move(Act.ARRIVE, seen.port, Transfer(seen.port, seen.origin, at))


def serving_in(sight: Sight, places: Places) -> dict[int, str] | None:
    """The nodes of those that serve, but for the extra one; None while the runtime does not know one of them."""
    ports = [one.port for one in sight.containers if one.state is State.RUNNING and not one.surge]
    return {port: places.where[port] for port in ports} if places.where.keys() >= set(ports) else None


def surge_of(sight: Sight) -> Container | None:
    """The extra one, unless it is going."""
    return next((one for one in sight.containers if one.surge and not is_gone(one)), None)


def room_for_surge(sight: Sight) -> int | None:
    """The port for the extra one."""
    return free_port({one.port for one in sight.containers}, sight.ports)


def is_at_rest(container: Container, sight: Sight) -> bool:
    """Whether a container serves and has for a moment, or will not by itself; an extra one that is given up is."""
    if container.surge and sight.rebalance.alone:
        return True
    is_kept = container.state is State.FAILED or (container.state in LEAVING and bool(container.parked))
    return is_kept or has_been_well(container, NEXT_SECONDS, sight.now)
