"""What other processes may ask of the deploy worker, by port.

An order is a compare-and-set move in the table, and only who wins it enqueues the job. So two monitors, two autoscalers
and a person may order the same thing at once: it happens once. Every order answers whether this caller won.
"""

import time
from collections.abc import Callable
from typing import Protocol, Self

import redis

from deploy import job_queue
from deploy.container import Container
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.job_queue import JobQueue
from deploy.retries import after_sickness
from lb.settings import ServiceSettings


class Jobs(Protocol):
    """Where jobs are put; `JobQueue` is the real one."""

    def launch(self, container: Container) -> None:
        """Let it be started."""

    def stop(self, container: Container) -> None:
        """Let it be drained and ended."""

    def relaunch_port(self, container: Container) -> None:
        """Let another one be started on its port."""


class Orders:
    """Orders on the containers of one service. `clock` gives unix seconds. All raise redis.RedisError."""

    def __init__(self, table: ContainerTable, queue: Jobs, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._queue = queue
        self._clock = clock

    @classmethod
    def open(cls, client: redis.Redis, service: ServiceSettings) -> Self:
        """The orders of a service, with the queue that its deploy worker serves."""
        queue = JobQueue(job_queue.connect(service.redis_url), service.name)
        return cls(ContainerTable(client, service), queue)

    def launch(self, port: int, reason: str, by: str) -> bool:
        """Let there be a container on a port that has none; False when there is one, in whatever state."""
        added = self._table.add(port, now=self._clock(), reason=reason, by=by)
        return added is not None and sent(self._queue.launch, added)

    def stop(self, port: int, reason: str, by: str) -> bool:
        """Let the container go: drained if it receives traffic, at once if not. False when it is going, or gone."""
        container = self._table.get(port)
        if container is None or container.state in (State.DRAINING, State.STOPPING):
            return False
        to = State.DRAINING if container.state is State.RUNNING else State.STOPPING
        moved = self._table.move(container, to, now=self._clock(), reason=reason, by=by)
        return moved is not None and sent(self._queue.stop, moved)

    def relaunch(self, port: int, reason: str, by: str) -> bool:
        """Take a RUNNING container out of the ring as sick, or revive a FAILED one, and start another on its port.

        A container that was sick again and again soon after it became healthy waits longer each time.
        """
        container = self._table.get(port)
        if container is None or container.state not in (State.RUNNING, State.FAILED):
            return False
        moved = self._begin_relaunch(container, self._clock(), reason, by)
        return moved is not None and sent(self._queue.relaunch_port, moved)

    def take_back(self, port: int, reason: str, by: str) -> bool:
        """Put a container that is being drained back into the ring: quicker than a new one."""
        container = self._table.get(port)
        if container is None or container.state is not State.DRAINING:
            return False
        return self._table.move(container, State.RUNNING, now=self._clock(), reason=reason, by=by) is not None

    def _begin_relaunch(self, container: Container, now: float, reason: str, by: str) -> Container | None:
        if container.state is State.FAILED:
            fresh = {"attempts": 0, "runtime_id": "", "address": "", "pid": 0}
            return self._table.move(container, State.STARTING, now=now, reason=reason, by=by, **fresh)
        changes = after_sickness(container, now)
        return self._table.move(container, State.SICK, now=now, reason=reason, by=by, **changes)


def sent(send: Callable[[Container], None], container: Container) -> bool:
    """Send the job of an order that was won."""
    send(container)
    return True
