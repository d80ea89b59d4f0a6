"""Waking a process that ticks, before its next tick is due.

    NAME:wake:WHO   channel   the message does not matter   published by anybody, heard by the ticker of WHO

A wake that is lost does no harm: the tick comes anyway. While Redis is away the listener tries again, and counts its
return as a wake, since something may have been missed.
"""

import logging
import threading
from collections.abc import Callable

import redis

DEPLOY = "deploy"
MONITOR = "monitor"
AUTOSCALER = "autoscaler"

LISTEN_SECONDS = 0.5  # how long one wait for a message lasts: bounds how late the end is noticed
RETRY_SECONDS = 0.5  # between two attempts to reach Redis

log = logging.getLogger(__name__)


def wake_channel(service: str, who: str) -> str:
    """The channel that wakes `who`."""
    return f"{service}:wake:{who}"


def wake(client: redis.Redis, service: str, who: str) -> None:
    """Wake `who` now. Raises redis.RedisError."""
    client.publish(wake_channel(service, who), "")


class WakeListener:
    """A thread that calls `on_wake` for every message on a channel until `until` is set."""

    def __init__(
        self, client: redis.Redis, service: str, who: str, on_wake: Callable[[], None], until: threading.Event
    ) -> None:
        self._redis = client
        self._channel = wake_channel(service, who)
        self._on_wake = on_wake
        self._until = until

    def start(self) -> threading.Thread:
        """Listen in a daemon thread of its own; returns it."""
        thread = threading.Thread(target=self.run, name=f"wake {self._channel}", daemon=True)
        thread.start()
        return thread

    def run(self) -> None:
        """Listen in this thread, whatever happens to Redis."""
        while not self._until.is_set():
            try:
                self._listen()
            except redis.RedisError as error:
                log.info("not listening on %s for now: %s", self._channel, error)
                self._until.wait(RETRY_SECONDS)

    def _listen(self) -> None:
        """Subscribe and pass on every message; the confirmation of the subscription counts as one."""
        with self._redis.pubsub() as subscription:  # type: ignore[no-untyped-call]
            subscription.subscribe(self._channel)
            while not self._until.is_set():
                if subscription.get_message(timeout=LISTEN_SECONDS):
                    self._on_wake()
