"""Drives a rebalancing: looks, asks `rebalance_step` what is next, and orders it.

As with a roll-out: the deploy worker calls `tick` again and again, every effect is one order or one compare-and-set,
and what it was is read again from Redis before the next one. So two workers may drive it, and any may die.

A roll-out that was begun at the same moment goes first. The extra container stays marked as one, and goes by the
roll-out's story when the rebalancing is over.
"""

import logging
from collections.abc import Callable

import redis

from deploy import rebalance, rollout
from deploy.container_table import ContainerTable
from deploy.orders import Orders
from deploy.rebalance import Phase, Rebalance, event_of, event_of_move
from deploy.rebalance_step import Act, Move, Places, Sight, decide, next_move, serving_in, words_of
from deploy.runtime.base import Runtime, RuntimeTrouble
from lb.events import Event
from lb.settings import ServiceSettings

WHO = "deploy worker"
LOOK_AGAIN = 0.1  # seconds between two looks while containers are moved
AWAY_SECONDS = 1.0  # seconds until a runtime that did not answer is asked again

log = logging.getLogger(__name__)


class Rebalancer:
    """Drives the rebalancings of one service. `client` is its state Redis."""

    def __init__(  # noqa: PLR0913, PLR0917 - its seams
        self,
        client: redis.Redis,
        service: ServiceSettings,
        table: ContainerTable,
        orders: Orders,
        runtime: Runtime,
        boot_timeout: float = 30.0,
    ) -> None:
        self._redis = client
        self._name = service.name
        self._ports = range(service.first_port, service.first_port + service.max_containers)
        self._table = table
        self._orders = orders
        self._runtime = runtime
        self._boot_timeout = boot_timeout
        self._effects: dict[Act, Callable[[Sight, Move, Places], object]] = {
            Act.SURGE: self._surge,
            Act.GO_ALONE: self._go_alone,
            Act.CHOOSE: self._choose,
            Act.MOVE: self._move,
            Act.ARRIVE: self._arrive,
            Act.DROP: self._drop,
            Act.STOP: self._stop,
            Act.FINISH: self._finish,
        }

    def tick(self, now: float) -> float | None:
        """Take the rebalancing one step further; answers in how many seconds to look again.

        None when there is none, or when a roll-out is under way, which goes first.
        """
        seen = rebalance.read(self._redis, self._name)
        if not seen.is_active or rollout.read(self._redis, self._name).is_active:
            return None
        try:
            self._step(Sight(seen, self._table.all(), self._ports, now, self._boot_timeout))
        except RuntimeTrouble as error:
            log.warning("rebalance waits: %s", error)
            return AWAY_SECONDS
        return LOOK_AGAIN

    def _step(self, sight: Sight) -> None:
        move, places = next_move(sight), Places({}, [])
        if move.act is Act.LOOK:
            places = self._places()
            move = decide(sight, places)
        if move.act is not Act.WAIT:
            log.info("rebalance: %s %s %s", move.act.name.lower(), move.port or "", move.reason)
            self._effects[move.act](sight, move, places)

    def _places(self) -> Places:
        return Places({one.port: one.node for one in self._runtime.running()}, self._runtime.nodes())

    def _surge(self, sight: Sight, move: Move, _places: Places) -> None:
        image = next(one.image for one in sight.containers if one.port == move.way.port)
        self._orders.surge(move.port, "an extra one, while others move between nodes", WHO, image)

    def _go_alone(self, sight: Sight, move: Move, _places: Places) -> None:
        told = f"without an extra container, which does not start: {move.reason}"
        if self._change(sight.rebalance, sight.rebalance.without_extra(), event_of(told, WHO)):
            self._orders.stop(move.port, "it is not needed any more", WHO)

    def _choose(self, sight: Sight, move: Move, places: Places) -> None:
        way, spread = move.way, spread_of(sight, places)
        generation = next(one.generation for one in sight.containers if one.port == way.port)
        then = sight.rebalance.chosen(way, generation, spread, now=sight.now)
        self._change(sight.rebalance, then, event_of_move(f"moves from {way.origin} to {way.to}: {spread}", WHO, way))

    def _move(self, _sight: Sight, move: Move, _places: Places) -> None:
        way = move.way
        self._orders.replace(way.port, f"moves from {way.origin} to {way.to}", WHO, place=way.to)

    def _arrive(self, sight: Sight, move: Move, _places: Places) -> None:
        way, seconds = move.way, sight.now - sight.rebalance.left
        event = event_of_move(f"has moved from {way.origin} to {way.to}", WHO, way, seconds)
        self._change(sight.rebalance, sight.rebalance.arrived(), event)

    def _drop(self, sight: Sight, move: Move, _places: Places) -> None:
        told = event_of(f"{move.port} does not move: {move.reason}", WHO)
        self._change(sight.rebalance, sight.rebalance.dropped(), told)

    def _stop(self, sight: Sight, move: Move, _places: Places) -> None:
        then = sight.rebalance.over(Phase.STOPPED, move.reason, now=sight.now)
        self._change(sight.rebalance, then, event_of(f"stopped: {move.reason}", WHO))

    def _finish(self, sight: Sight, _move: Move, places: Places) -> None:
        then = sight.rebalance.done(spread_of(sight, places), now=sight.now)
        told = f"done: {then.spread}; {then.moved} moved, after {sight.now - then.began:.0f} s"
        self._change(sight.rebalance, then, event_of(told, WHO))

    def _change(self, seen: Rebalance, then: Rebalance, event: Event) -> Rebalance | None:
        return rebalance.change(self._redis, self._name, seen, then, event)


def spread_of(sight: Sight, places: Places) -> str:
    """How those that serve are spread now, for people."""
    return words_of(serving_in(sight, places) or {}, places.nodes)


class Rebalances:
    """What a person may ask for. All raise redis.RedisError."""

    def __init__(self, client: redis.Redis, service: ServiceSettings) -> None:
        self._redis = client
        self._name = service.name
        self._table = ContainerTable(client, service)

    def read(self) -> Rebalance:
        """The last one, or the one under way."""
        return rebalance.read(self._redis, self._name)

    def begin(self, *, by: str, now: float) -> Rebalance | None:
        """Begin to move containers. None when they are being moved already."""
        seen = self.read()
        if seen.is_active:
            return None
        then = seen.begun(len(self._table.all()), by=by, now=now)
        return rebalance.change(self._redis, self._name, seen, then, event_of("began", by))

    def abort(self, *, by: str, now: float) -> bool:
        """Move no more; a container that is on its way arrives. False when there is nothing to abort."""
        seen = self.read()
        if not seen.is_active:
            return False
        then = seen.over(Phase.ABORTED, f"aborted by {by}", now=now)
        told = event_of(f"aborted after {seen.moved} moves", by)
        return rebalance.change(self._redis, self._name, seen, then, told) is not None
