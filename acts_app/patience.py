"""Waiting for a store that is being started again, rather than failing those who ask meanwhile.

Only connecting is tried again: nothing was sent, so nothing can happen twice, whatever the command is. All threads of a
container share one patience. It is used up when the store was away for so long; from then on everybody is told at
once, until the store has answered again, so that no queue grows behind a store that stays away.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from redis.sentinel import SentinelConnectionPool

SECONDS = 4.0  # a killed store is back within one or two; people wait that long, and the proxy far longer
LOOK_AGAIN = 0.05  # seconds between two attempts

T = TypeVar("T")


class Patience:
    """How long the store may be away. `clock` gives monotonic seconds."""

    def __init__(
        self,
        seconds: float = SECONDS,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds, self._clock, self._sleep = seconds, clock, sleep
        self._lock = threading.Lock()
        self._away_since: float | None = None

    def wait_for(self, attempt: Callable[[], T]) -> T:
        """What `attempt` returns once it does not raise redis.ConnectionError; that, when patience is used up."""
        while True:
            try:
                got = attempt()
            except redis.ConnectionError:
                if self._used_up():
                    raise
                self._sleep(LOOK_AGAIN)
            else:
                self._away_since = None
                return got

    def _used_up(self) -> bool:
        with self._lock:
            if self._away_since is None:
                self._away_since = self._clock()
            return self._clock() - self._away_since >= self._seconds


class Patient(redis.ConnectionPool):
    """A pool that hands out connections to a store that has read its data, and waits for one."""

    def __init__(self, *arguments: Any, patience: Patience | None = None, **settings: Any) -> None:
        super().__init__(*arguments, redis_connect_func=greet, **settings)
        self._patience = patience or Patience()

    def get_connection(self, *arguments: Any, **options: Any) -> Any:
        """As the pool's own, for as long as patience lasts."""
        return self._patience.wait_for(lambda: super(Patient, self).get_connection(*arguments, **options))


class PatientPool(Patient):
    """Connections to a store that is always at the same place."""


class PatientSentinelPool(Patient, SentinelConnectionPool):
    """Connections to whoever is master of a service now; a fail-over is waited for like a store that is started."""


def greet(connection: Any) -> None:
    """Introduce a new connection, and learn whether the store still reads its data (BusyLoadingError)."""
    connection.on_connect()
    connection.send_command("PING", check_health=False)
    connection.read_response()
