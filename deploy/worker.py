"""The deploy worker's one iteration: the roll-out, or the rebalancing, and every container on its way go
a step further, and we say we live.

It comes every second, at once when somebody has moved a container (the table wakes us), and every 50 ms while a
container is waited for.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress

import redis

from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.daemon_beat import own_beat, queue_beat
from deploy.launcher import Launcher
from deploy.rebalancer import Rebalancer
from deploy.roller import Roller
from deploy.runtime.base import Runtime, RuntimeTrouble
from lb.settings import ServiceSettings

BEAT = "deploy"  # the name under which this daemon shows its signs of life
BEAT_SECONDS = 1.0
HOUSEKEEP_SECONDS = 60.0

log = logging.getLogger(__name__)


class Rhythm:
    """Something that is due every `period` seconds, the first time at once. `clock` gives monotonic seconds."""

    def __init__(self, period: float, clock: Callable[[], float]) -> None:
        self._period = period
        self._clock = clock
        self._next = clock()

    def is_due(self) -> bool:
        """Whether it is due; then it is due again a period from now."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + self._period
        return True


class DeployWorker:
    """Ticks for one service. `hurry(seconds)` brings the next tick forward; `client` is the state Redis."""

    def __init__(  # noqa: PLR0913 - its seams, all named
        self,
        client: redis.Redis,
        service: ServiceSettings,
        *,
        launcher: Launcher,
        roller: Roller,
        rebalancer: Rebalancer,
        runtime: Runtime,
        hurry: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = client
        self._service = service
        self._launcher = launcher
        self._roller = roller
        self._rebalancer = rebalancer
        self._runtime = runtime
        self._hurry = hurry
        self._table = ContainerTable(client, service)
        self._started = 0.0  # unix time of the first sign of life
        self._beat = Rhythm(BEAT_SECONDS, clock)
        self._housekeeping = Rhythm(HOUSEKEEP_SECONDS, clock)
        self._away_since: float | None = None

    def tick(self, now: float) -> None:
        """Tend at unix time `now`; while Redis does not answer everything stays as it is."""
        try:
            self._tend(now)
            if self._beat.is_due():
                self._say_that_we_live(now)
                self._go_on(now)  # what can be written can be used; a Redis that is full can be read all the time
        except redis.RedisError as error:
            self._hold(now, error)
        if self._housekeeping.is_due():
            with suppress(RuntimeTrouble):  # the next minute will do
                self._runtime.housekeep()

    def _tend(self, now: float) -> None:
        moving = self._rebalancer.tick(now)
        rolling = self._roller.tick(now) if moving is None else None  # one at a time: they share the extra container
        pauses = (moving, rolling, self._launcher.tend(now))
        if (soonest := min((pause for pause in pauses if pause is not None), default=None)) is not None:
            self._hurry(soonest)

    def _say_that_we_live(self, now: float) -> None:
        self._started = self._started or now
        pipe = self._redis.pipeline(transaction=True)
        queue_beat(pipe, self._service.name, own_beat(BEAT, self._started, now, trouble_of(self._table)))
        pipe.execute()

    def _hold(self, now: float, error: redis.RedisError) -> None:
        """Say once that nothing is moved now."""
        if self._away_since is None:
            self._away_since = now
            log.warning("nothing is started or stopped: the Redis of REDIS_URL cannot be used (%s)", error)

    def _go_on(self, now: float) -> None:
        if self._away_since is not None:
            log.warning("Redis can be used again, after %.0f s", now - self._away_since)
            self._away_since = None


def trouble_of(table: ContainerTable) -> str:
    """A sentence about the containers that were given up; empty when there are none."""
    failed = [container for container in table.all() if container.state is State.FAILED]
    return "; ".join(f"the container on port {container.port} has failed: {container.reason}" for container in failed)
