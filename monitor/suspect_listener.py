"""Hears of containers that a proxy worker could not reach, and has them probed now instead of at the next second."""

import threading
from collections.abc import Callable

import redis

from deploy.wake import MONITOR, WakeListener
from lb.suspects import suspects_channel


class SuspectListener(WakeListener):
    """A thread that calls `on_suspect` for every message of a worker, until `until` is set.

    Which container is meant does not matter: a poll asks all of them at once, and one that is well costs a millisecond.
    """

    def __init__(
        self, client: redis.Redis, service: str, on_suspect: Callable[[], None], until: threading.Event
    ) -> None:
        super().__init__(client, service, MONITOR, on_suspect, until)
        self._channel = suspects_channel(service)
