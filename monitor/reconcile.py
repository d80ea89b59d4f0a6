"""The table against what really runs.

    runs, but is not in the table     → taken into it (Redis may have lost everything, containers go on)
    RUNNING, but dead or removed      → ordered to be relaunched, as a sick one
    FAILED for a minute               → ordered to be tried again: the cause may be gone by now

What is on its way (STARTING, SICK, DRAINING, STOPPING) is the launcher's, who looks at it all the time.
"""

import logging
from collections.abc import Collection

import redis

from autoscaler import compared
from deploy.container import Container
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.runtime.base import Found, Runtime
from lb.settings import ServiceSettings
from monitor.relaunch import WHO, Orders, relaunch

FAILED_SECONDS = 60.0  # before one that was given up is tried again: no hurry, half a minute of attempts lies behind it

log = logging.getLogger(__name__)


class Reconciler:
    """Compares for one service. `client` is its state Redis."""

    def __init__(
        self,
        client: redis.Redis,
        service: ServiceSettings,
        table: ContainerTable,
        orders: Orders,
        runtime: Runtime,
    ) -> None:
        self._redis = client
        self._service = service
        self._table = table
        self._orders = orders
        self._runtime = runtime
        self._known: set[str] = set()  # what this runtime has shown us as living
        self._blind = False

    def tick(self, now: float) -> None:
        """One comparison at unix time `now`. While Redis or the runtime cannot be asked, it is left undone."""
        try:
            self._compare(now)
        except Exception as error:  # each runtime has its own: that of an engine, of its client, of the disk
            self._say_blind(error)
        else:
            self._blind = False

    def _compare(self, now: float) -> None:
        # The runtime first: what it starts after its answer is in the table by the time that is read.
        found = self._runtime.running()
        containers = self._table.all()
        self._adopt(found, containers, now)
        self._relaunch_dead(found, containers)
        self._retry_failed(containers, now)
        self._known = {one.runtime_id for one in found}
        compared.mark(self._redis, self._service.name, now)

    def _adopt(self, found: Collection[Found], containers: Collection[Container], now: float) -> None:
        known = {container.port for container in containers}
        for stray in found:
            if stray.port not in known and self._is_alive(stray.runtime_id):
                self._table.add(stray.port, now=now, reason="it runs already", by=WHO, adopted=stray)

    def _relaunch_dead(self, found: Collection[Found], containers: Collection[Container]) -> None:
        living = {one.runtime_id for one in found}
        for container in containers:
            if container.status and container.runtime_id not in living and self._is_dead(container.runtime_id):
                words = self._runtime.last_words(container.runtime_id) or "nothing is left of it"
                relaunch(self._table, self._orders, container, f"it does not run any more ({words})")

    def _retry_failed(self, containers: Collection[Container], now: float) -> None:
        for container in containers:
            if container.state is State.FAILED and now - container.since >= FAILED_SECONDS:
                reason = f"tried again after {now - container.since:.0f} s; it was {container.reason}"
                relaunch(self._table, self._orders, container, reason)

    # Both ask again at the last moment: between two answers containers come and go.

    def _is_alive(self, runtime_id: str) -> bool:
        found = self._runtime.find(runtime_id)
        return found is not None and found.alive

    def _is_dead(self, runtime_id: str) -> bool:
        """Known to be dead, or removed. What the runtime never knew may be another runtime's: the poll judges it."""
        found = self._runtime.find(runtime_id)
        return runtime_id in self._known if found is None else not found.alive

    def _say_blind(self, error: Exception) -> None:
        if not self._blind:
            log.warning("not comparing the table with what runs: %s", error, exc_info=True)
        self._blind = True
