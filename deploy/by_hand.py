"""What a person orders for one port, so that it holds: against the autoscaler, which would bring it back at once.

    stop      drained, ended, and the port stays empty
    drain     out of the ring and drained, but it stays up, to be looked at
    launch    back again, whichever of the two it was
    relaunch  another one of the same version on the same port

A stopped or drained port is marked (`stopped`) before it is ordered, so that whoever dies between the two leaves a
port that is kept empty too early rather than one that is filled again. Every order is told as an event.
"""

from collections.abc import Callable
from typing import Self

import redis

from deploy import stopped
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.orders import Orders
from deploy.stopped import Stopped
from deploy.wake import AUTOSCALER, wake
from lb.clock import RedisClock
from lb.events import Event, Kind, queue_event
from lb.settings import ServiceSettings


class ByHand:
    """A person's orders on the containers of one service. `clock` gives unix seconds. All raise redis.RedisError."""

    def __init__(
        self, client: redis.Redis, service: ServiceSettings, orders: Orders, clock: Callable[[], float]
    ) -> None:
        self._redis = client
        self._name = service.name
        self._table = ContainerTable(client, service)
        self._orders = orders
        self._clock = clock

    @classmethod
    def open(cls, client: redis.Redis, service: ServiceSettings) -> Self:
        """The orders of a service, with the queue that its deploy worker serves."""
        return cls(client, service, Orders.open(client, service), RedisClock(client).now)

    def stop(self, port: int, by: str) -> bool:
        """Drain and end the container, and keep its port empty. False when there is none, or it is going already."""
        return self._kept_empty(port, self._orders.stop, "stopped by hand", by)

    def drain(self, port: int, by: str) -> bool:
        """Take the container out of the ring and let it stay up. False unless it is in the ring."""
        return self._kept_empty(port, self._orders.park, "drained by hand", by)

    def launch(self, port: int, by: str) -> bool:
        """Let there be a container on the port: back into the ring if it was drained, else a new one.

        False when there is one already.
        """
        was_kept = stopped.forget(self._redis, self._name, port)
        reason = "launched by hand"
        done = self._orders.take_back(port, reason, by) or self._orders.launch(port, reason, by)
        if done or was_kept:
            self._tell(port, reason, by)
        return done or was_kept

    def relaunch(self, port: int, by: str) -> bool:
        """Replace the container by another one of the same version; one that serves is drained first.

        False when there is none, or it is on its way already.
        """
        container = self._table.get(port)
        drains = container is not None and container.state is State.RUNNING and bool(container.image)
        order = self._orders.replace if drains else self._orders.relaunch
        if not order(port, "asked for", by):
            return False
        self._tell(port, "relaunched by hand", by)
        return True

    def note_stopped(self, port: int, by: str) -> None:
        """Somebody has stopped the container without asking us: the port stays empty as if we had been asked.

        Several may notice the same stop, or one again and again: it is noted and told once.
        """
        if stopped.mark_unless_marked(self._redis, self._name, port, Stopped(by, self._clock())):
            self._tell(port, "stopped by hand", by)

    def _kept_empty(self, port: int, order: Callable[[int, str, str], bool], reason: str, by: str) -> bool:
        before = stopped.read(self._redis, self._name).get(port)
        stopped.mark(self._redis, self._name, port, Stopped(by, self._clock()))
        if order(port, reason, by):
            self._tell(port, reason, by)
            return True
        stopped.put(self._redis, self._name, port, before)
        return False

    def _tell(self, port: int, reason: str, by: str) -> None:
        queue_event(self._redis, self._name, Event(Kind.ORDERED, port, reason, by))
        wake(self._redis, self._name, AUTOSCALER)
