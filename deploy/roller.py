"""Drives a roll-out: looks, asks `rollout_step` what is next, and orders it.

The deploy worker calls `tick` again and again. Every effect is one order or one compare-and-set, and what it was is
read again from Redis before the next one. So two workers may drive the same roll-out, and any may die.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

import redis

from deploy import rollout
from deploy.container_table import ContainerTable
from deploy.orders import Orders
from deploy.rollout import Phase, Rollout, event_of
from deploy.rollout_step import Act, Move, Sight, next_move
from lb.settings import ServiceSettings

WHO = "deploy worker"
LOOK_AGAIN = 0.1  # seconds between two looks while a roll-out is under way

log = logging.getLogger(__name__)


class Roller:
    """Drives the roll-outs of one service. `client` is its state Redis."""

    def __init__(
        self,
        client: redis.Redis,
        service: ServiceSettings,
        table: ContainerTable,
        orders: Orders,
        boot_timeout: float = 30.0,
    ) -> None:
        self._redis = client
        self._name = service.name
        self._ports = service.ports
        self._table = table
        self._orders = orders
        self._boot_timeout = boot_timeout
        self._effects: dict[Act, Callable[[Rollout, Move, float], object]] = {
            Act.SURGE: self._surge,
            Act.REPLACE: self._replace,
            Act.PROVE: self._prove,
            Act.UNDO: self._undo,
            Act.END_SURGE: self._end_surge,
            Act.FINISH: self._finish,
        }

    def tick(self, now: float) -> float | None:
        """Take the roll-out one step further; answers in how many seconds to look again, None when there is none."""
        seen = rollout.read(self._redis, self._name)
        containers = self._table.all()
        move = next_move(Sight(seen, containers, self._ports, now, self._boot_timeout))
        if move.act is not Act.WAIT:
            log.info("roll-out: %s %s %s", move.act.name.lower(), move.port or "", move.reason)
            self._effects[move.act](seen, move, now)
        return LOOK_AGAIN if seen.is_active or any(one.surge for one in containers) else None

    def _surge(self, seen: Rollout, move: Move, _now: float) -> None:
        self._orders.surge(move.port, f"the first one of {seen.goal}, beside the others", WHO, seen.goal)

    def _replace(self, seen: Rollout, move: Move, _now: float) -> None:
        back = "back to" if seen.phase is Phase.UNDOING else "over to"
        self._orders.replace(move.port, f"{back} {seen.goal}", WHO, seen.goal)

    def _prove(self, seen: Rollout, _move: Move, _now: float) -> None:
        told = f"{seen.target} works; new containers are of it, and the old ones are replaced one after the other"
        self._change(seen, seen.proven(), told)

    def _undo(self, seen: Rollout, move: Move, now: float) -> None:
        told = f"{seen.target} does not work, back to {seen.origin}: {move.reason}"
        self._change(seen, seen.undone(Phase.FAILED, move.reason, now=now), told)

    def _end_surge(self, _seen: Rollout, move: Move, _now: float) -> None:
        self._orders.stop(move.port, move.reason, WHO)

    def _finish(self, seen: Rollout, move: Move, now: float) -> None:
        reason = "; ".join(filter(None, [seen.reason, move.reason]))
        then = replace(seen.finished(now=now), reason=reason)
        self._change(seen, then, summary(then, now))

    def _change(self, seen: Rollout, then: Rollout, told: str) -> None:
        rollout.change(self._redis, self._name, seen, then, event_of(told, WHO))


def summary(over: Rollout, now: float) -> str:
    """How a roll-out has ended."""
    if over.phase is Phase.DONE:
        return f"done: all containers are of {over.image}, after {now - over.began:.0f} s"
    return f"{over.phase}: all containers are of {over.image}; {over.reason}"


class Rollouts:
    """What a person may ask for. All raise redis.RedisError."""

    def __init__(self, client: redis.Redis, service: ServiceSettings) -> None:
        self._redis = client
        self._name = service.name
        self._table = ContainerTable(client, service)

    def read(self) -> Rollout:
        """The last one, or the one under way."""
        return rollout.read(self._redis, self._name)

    def begin(self, target: str, *, by: str, now: float) -> Rollout | None:
        """Begin to roll out an image that is ready. None when a roll-out is under way already."""
        seen = self.read()
        if seen.is_active:
            return None
        origin = rollout.image_for_new(seen, self._table.all()) or target
        then = seen.begun(target, origin, rollout.mark_of(self._redis, self._name), by=by, now=now)
        return rollout.change(self._redis, self._name, seen, then, event_of(f"began: {origin} → {target}", by))

    def abort(self, *, by: str, now: float) -> bool:
        """Undo the one under way. False when there is none, or when it is being undone already."""
        seen = self.read()
        if seen.phase is not Phase.ROLLING:
            return False
        then = seen.undone(Phase.ABORTED, f"aborted by {by}", now=now)
        told = event_of(f"aborted: back to {seen.origin}", by)
        return rollout.change(self._redis, self._name, seen, then, told) is not None
