"""The table against what really runs.

    runs, but is not in the table     → taken into it (Redis may have lost everything, containers go on)
    RUNNING, but dead or removed      → ordered to be relaunched, as a sick one; frozen by hand just the same
    FAILED for a minute               → ordered to be tried again: the cause may be gone by now

What is on its way (STARTING, SICK, DRAINING, STOPPING) is the launcher's, who looks at it all the time.
"""

import logging
from collections.abc import Collection
from contextlib import suppress

import redis

from autoscaler import compared
from deploy.container import Container
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.runtime.base import Found, Runtime, RuntimeAway, RuntimeRefused
from lb.events import Event, Kind, queue_event
from lb.settings import ServiceSettings
from monitor.relaunch import WHO, Orders, relaunch

FAILED_SECONDS = 60.0  # before one that was given up is tried again: no hurry, half a minute of attempts lies behind it

log = logging.getLogger(__name__)


class Absence:
    """Since when the runtime does not say what runs, told once when it begins and once when it is over."""

    def __init__(self) -> None:
        self._since: float | None = None
        self.sentence = ""

    def begins(self, now: float, sentence: str) -> Event | None:
        """What is to be told at unix time `now`, if that is news."""
        self.sentence = sentence
        if self._since is not None:
            return None
        self._since = now
        return Event(Kind.DEGRADED, None, self.sentence, WHO)

    def ends(self, now: float) -> Event | None:
        """The same when it answers again."""
        if self._since is None:
            return None
        seconds, self._since, self.sentence = now - self._since, None, ""
        return Event(Kind.RECOVERED, None, "what runs can be seen again", WHO, seconds=seconds)


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
        self._away = Absence()

    @property
    def trouble(self) -> str:
        """That the runtime does not say what runs, in a sentence; empty while it does."""
        return self._away.sentence

    def tick(self, now: float) -> None:
        """One comparison at unix time `now`. While Redis or the runtime cannot be asked, it is left undone."""
        try:
            self._compare(now)
        except RuntimeAway as error:
            told = f"{error}; until it does, nothing is started or ended, and what runs goes on"
            self._tell(self._away.begins(now, told))
        except RuntimeRefused as error:
            self._tell(self._away.begins(now, f"what runs cannot be compared with the table: {error}"))
        except Exception as error:  # that of Redis, of the disk
            self._say_blind(error)
        else:
            self._blind = False
            self._tell(self._away.ends(now))

    def _tell(self, event: Event | None) -> None:
        if event is None:
            return
        log.warning("%s", event.reason)
        with suppress(redis.RedisError):  # its absence is told by others
            queue_event(self._redis, self._service.name, event)

    def _compare(self, now: float) -> None:
        # The runtime first: what it starts after its answer is in the table by the time that is read.
        found = self._runtime.running()
        containers = self._table.all()
        self._adopt(found, containers, now)
        self._relaunch_dead(found, containers)
        self._relaunch_frozen(found, containers)
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

    def _relaunch_frozen(self, found: Collection[Found], containers: Collection[Container]) -> None:
        frozen = {one.runtime_id for one in found if one.frozen}
        for container in containers:
            if container.status and container.runtime_id in frozen:
                relaunch(self._table, self._orders, container, "it is paused")

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
