"""The rhythm of a loop whose one iteration is `tick(now)`.

Ticks are due at fixed distances on the monotonic clock. A tick that took too long makes the ones it ran over be
skipped, never run back to back. A tick may be brought forward: by `wake`, from any thread, or by `hurry`. What a tick
raises is logged, and the next one comes.
"""

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

SLICE_SECONDS = 0.25  # the longest wait in one piece: bounds how late `until` is noticed when nobody wakes us

log = logging.getLogger(__name__)


class Ticker:
    """Calls a tick every `period` seconds. `clock` gives monotonic seconds, `now` the unix time that ticks are told:
    that of Redis, where they write it there.

    `wait(seconds)` waits at most so long and returns early, with True, when the ticker was woken.
    """

    def __init__(
        self,
        period: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._period = period
        self._clock = clock
        self._now = now
        # A queue of this kind may be filled by a signal handler of the very thread that waits on it; an Event may not.
        self._wakes: SimpleQueue[None] = SimpleQueue()
        self._wait = wait or self._wait_for_wake
        self._due = 0.0
        self._hurry: float | None = None

    def wake(self) -> None:
        """Let the next tick come now. For any thread, and for signal handlers."""
        self._wakes.put(None)

    def hurry(self, seconds: float) -> None:
        """Within a tick: let the next one come in `seconds` already, if that is before it is due."""
        self._hurry = seconds

    def run(self, tick: Callable[[float], object], until: threading.Event) -> None:
        """Tick now and then on, until `until` is set. Exceptions of a tick are logged, never raised."""
        self._due = self._clock()
        while not until.is_set():
            self._forget_wakes()
            self._hurry = None
            began = self._clock()
            self._tick_once(tick)
            self._sleep_until(self._next_due(began), until)

    def _wait_for_wake(self, seconds: float) -> bool:
        try:
            self._wakes.get(timeout=seconds)
        except Empty:
            return False
        return True

    def _forget_wakes(self) -> None:
        while not self._wakes.empty():
            self._wakes.get()

    def _tick_once(self, tick: Callable[[float], object]) -> None:
        try:
            tick(self._now())
        except Exception:
            log.exception("this tick failed, the next one comes")

    def _next_due(self, began: float) -> float:
        """When the next tick comes; keeps the rhythm's own next time in `_due`."""
        clock = self._clock()
        skipped = missed(self._due, clock, self._period)
        if skipped:
            log.warning("a tick took %.2f s: %d missed and skipped", clock - began, skipped)
        if clock >= self._due:
            self._due += self._period * (skipped + 1)
        return self._due if self._hurry is None else min(self._due, clock + self._hurry)

    def _sleep_until(self, due: float, until: threading.Event) -> None:
        while not until.is_set():
            left = due - self._clock()
            if left <= 0 or self._wait(min(left, SLICE_SECONDS)):
                return


def missed(due: float, clock: float, period: float) -> int:
    """How many whole periods have passed since a tick was due: those ticks are lost."""
    return max(0, int((clock - due) // period))
