"""The rebalancing of containers over nodes as Redis remembers it: who asked for it, what moves.

    NAME:rebalance   hash   the fields of `Rebalance`   begun and aborted by the command line, driven by the worker

A runtime of many machines places what it starts, and leaves it there when a node joins. So after that containers are
moved, one at a time, until no node has two more than another. A node that takes no more is emptied.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Self

import redis
from redis.client import Pipeline

from deploy import remembered
from deploy.remembered import Story
from lb.events import Event, Kind


class Phase(StrEnum):
    """How far it is."""

    NONE = ""  # there was none yet
    MOVING = "moving"
    DONE = "done"  # no node has two containers more than another, and one that takes no more has none
    STOPPED = "stopped"  # it cannot be made even; the reason says why
    ABORTED = "aborted"


@dataclass(frozen=True)
class Transfer:
    """One container's way from a node to another."""

    port: int
    origin: str
    to: str


NO_WAY = Transfer(0, "", "")


@dataclass(frozen=True)
class Rebalance(Story):
    """The last rebalancing, or the one under way. Times are unix seconds, nodes are names."""

    NAME: ClassVar = "rebalance"

    phase: Phase = Phase.NONE
    limit: int = 0  # so many moves are made at most
    moved: int = 0  # so many containers have moved to another node
    port: int = 0  # which moves now; 0: none
    generation: int = 0  # of the container that leaves: a later one on its port has followed it
    origin: str = ""
    to: str = ""
    left: float = 0.0  # when that move began
    alone: int = 0  # 1: without an extra one, which could not be started
    spread: str = ""  # how it looked last, for people: "node1 2, node2 3"
    reason: str = ""
    by: str = ""
    began: float = 0.0
    since: float = 0.0  # when it came into its phase

    @property
    def way(self) -> Transfer:
        """The move that is under way."""
        return Transfer(self.port, self.origin, self.to)

    @property
    def is_active(self) -> bool:
        """Whether containers are being moved now."""
        return self.phase is Phase.MOVING

    @property
    def progress(self) -> str:
        """How far it is, in words."""
        now = f"{self.port} moves from {self.origin} to {self.to}" if self.port else "no container is on its way"
        return f"{now}; {self.moved} moved so far"

    def begun(self, limit: int, *, by: str, now: float) -> Self:
        """A new one after this one."""
        fresh = type(self)(phase=Phase.MOVING, limit=limit, by=by, began=now, since=now)
        return replace(fresh, moves=self.moves)

    def chosen(self, transfer: Transfer, generation: int, spread: str, *, now: float) -> Self:
        """The container on the transfer's port, of that generation, is to go."""
        port, origin, to = transfer.port, transfer.origin, transfer.to
        return replace(self, port=port, origin=origin, to=to, generation=generation, spread=spread, left=now)

    def arrived(self) -> Self:
        """It has come up on another node."""
        return replace(self.dropped(), moved=self.moved + 1)

    def dropped(self) -> Self:
        """Its container went away, or was kept by somebody: no move."""
        return replace(self, port=0, generation=0, origin="", to="", left=0.0)

    def without_extra(self) -> Self:
        """From now on containers are moved with no extra one beside them."""
        return replace(self, alone=1)

    def done(self, spread: str, *, now: float) -> Self:
        """It is even."""
        return replace(self.over(Phase.DONE, "", now=now), spread=spread)

    def over(self, phase: Phase, reason: str, *, now: float) -> Self:
        """It has ended so."""
        return replace(self.dropped(), phase=phase, reason=reason, since=now)


def rebalance_key(service: str) -> str:
    """Key of the hash."""
    return remembered.key_of(service, Rebalance)


def rebalance_of(hash_fields: Mapping[str, str]) -> Rebalance:
    """The rebalancing of a Redis hash; fields that this version does not know are left out."""
    return remembered.story_of(Rebalance, hash_fields)


def queue_read(pipe: Pipeline, service: str) -> None:
    """Queue the reading; `rebalance_of` understands the answer."""
    pipe.hgetall(rebalance_key(service))


def read(client: redis.Redis, service: str) -> Rebalance:
    """The rebalancing as it stands. Raises redis.RedisError."""
    return remembered.read(client, service, Rebalance)


def change(client: redis.Redis, service: str, seen: Rebalance, then: Rebalance, event: Event) -> Rebalance | None:
    """Put `then` in the place of what was read as `seen`, and tell it.

    None when it is not as it was read: somebody was quicker. Raises redis.RedisError.
    """
    return remembered.change(client, service, seen, then, event)


def forget(client: redis.Redis, service: str) -> None:
    """A service that is started anew moves nothing."""
    client.delete(rebalance_key(service))


def event_of(told: str, by: str) -> Event:
    """What the operator reads about a rebalancing as a whole."""
    return Event(Kind.REBALANCE, None, told, by)


def event_of_move(told: str, by: str, transfer: Transfer, seconds: float | None = None) -> Event:
    """What the operator reads about one container's move."""
    way = {"from_node": transfer.origin, "to_node": transfer.to}
    return Event(Kind.REBALANCE, transfer.port, told, by, seconds=seconds, extra=way)
