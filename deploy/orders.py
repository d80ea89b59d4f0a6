"""What other processes may ask of the deploy worker, by port.

An order is a compare-and-set move in the table, and only who wins it enqueues the job. So two monitors, two autoscalers
and a person may order the same thing at once: it happens once. Every order answers whether this caller won.
"""

from collections.abc import Callable
from typing import Protocol, Self

import redis

from deploy import job_queue
from deploy.container import Container
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.job_queue import JobQueue
from deploy.retries import after_sickness
from lb.clock import RedisClock
from lb.settings import ServiceSettings

LEAVING = frozenset({State.DRAINING, State.STOPPING})


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

    def __init__(self, table: ContainerTable, queue: Jobs, clock: Callable[[], float]) -> None:
        self._table = table
        self._queue = queue
        self._clock = clock

    @classmethod
    def open(cls, client: redis.Redis, service: ServiceSettings) -> Self:
        """The orders of a service, with the queue that its deploy worker serves, and the clock of its Redis."""
        queue = JobQueue(job_queue.connect(service.redis_url), service.name)
        return cls(ContainerTable(client, service), queue, RedisClock(client).now)

    def launch(self, port: int, reason: str, by: str) -> bool:
        """Let there be a container on a port that has none; False when there is one, in whatever state.

        The extra one of a roll-out becomes one like the others.
        """
        added = self._table.add(port, now=self._clock(), reason=reason, by=by)
        if added is not None:
            return sent(self._queue.launch, added)
        container = self._table.get(port)
        return container is not None and bool(container.surge) and self._noted(container, surge=0)

    def surge(self, port: int, reason: str, by: str, image: str) -> bool:
        """Let there be one container more than there should be, for a roll-out. False when the port is not free."""
        added = self._table.add(port, now=self._clock(), reason=reason, by=by, image=image, surge=1)
        return added is not None and sent(self._queue.launch, added)

    def stop(self, port: int, reason: str, by: str) -> bool:
        """Let the container go: drained if it receives traffic, at once if not. False when it is going, or gone.

        One that is being replaced goes too, and nobody follows; so does one that was parked.
        """
        container = self._table.get(port)
        if container is None:
            return False
        if container.state in LEAVING:
            return is_going_on(container) and self._noted(container, successor="", parked=0, reason=reason, by=by)
        return self._let_go(container, reason, by)

    def park(self, port: int, reason: str, by: str) -> bool:
        """Take a container out of the ring and let it stay up, for somebody to look at. False unless it is RUNNING."""
        container = self._table.get(port)
        if container is None or container.state is not State.RUNNING:
            return False
        return self._let_go(container, reason, by, parked=1)

    def replace(self, port: int, reason: str, by: str, image: str = "", place: str = "") -> bool:
        """Let another one follow on its port once the container is drained and gone; empty: of the same image.

        `place` is the node on which it is started; empty: wherever the runtime puts it.

        False when there is none or nothing was started yet, when it is on its way out, or just that follows already.
        """
        container = self._table.get(port)
        successor = image or (container.image if container else "")
        if container is None or not successor:
            return False
        if container.state not in LEAVING:
            return self._let_go(container, reason, by, successor=successor, place=place)
        if container.successor in ("", successor):
            return False
        return self._noted(container, successor=successor, reason=reason, by=by)

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
        joined = {"successor": "", "place": "", "parked": 0}
        return self._table.move(container, State.RUNNING, now=self._clock(), reason=reason, by=by, **joined) is not None

    def _let_go(self, container: Container, reason: str, by: str, **fields: object) -> bool:
        to = State.DRAINING if container.state is State.RUNNING else State.STOPPING
        moved = self._table.move(container, to, now=self._clock(), reason=reason, by=by, **fields)
        return moved is not None and sent(self._queue.stop, moved)

    def _noted(self, container: Container, **fields: object) -> bool:
        return self._table.amend(container, **fields) is not None

    def _begin_relaunch(self, container: Container, now: float, reason: str, by: str) -> Container | None:
        if container.state is State.FAILED:
            fresh = {"attempts": 0, "runtime_id": "", "address": "", "pid": 0}
            return self._table.move(container, State.STARTING, now=now, reason=reason, by=by, **fresh)
        changes = after_sickness(container, now)
        return self._table.move(container, State.SICK, now=now, reason=reason, by=by, **changes)


def is_going_on(container: Container) -> bool:
    """Whether a container that has left the ring is not yet on its way out for good."""
    return bool(container.successor or container.parked)


def sent(send: Callable[[Container], None], container: Container) -> bool:
    """Send the job of an order that was won."""
    send(container)
    return True
