"""Times in which a ticking process cannot use Redis: said once when they begin, told as an event when they are over."""

import logging

from lb.events import Event, Kind

log = logging.getLogger(__name__)


class Outage:
    """Remembers since when `who` cannot use Redis; `consequence` is what was left undone meanwhile."""

    def __init__(self, who: str, consequence: str) -> None:
        self._who = who
        self._consequence = consequence
        self._since: float | None = None

    @property
    def lasted_until_now(self) -> bool:
        """Whether Redis could not be used the last time."""
        return self._since is not None

    def struck(self, now: float, error: Exception) -> None:
        """Redis could not be used at unix time `now`."""
        if self._since is None:
            self._since = now
            log.warning("holding: the Redis of REDIS_URL cannot be used (%s); %s", error, self._consequence)

    def recovery(self, now: float) -> Event | None:
        """What is to be told if Redis can be used again; None when there was no outage."""
        if self._since is None:
            return None
        seconds = now - self._since
        told = f"Redis could not be used for {seconds:.0f} s; {self._consequence} meanwhile"
        return Event(Kind.RECOVERED, None, told, self._who, seconds=seconds)

    def over(self) -> None:
        """The recovery was told."""
        if self._since is not None:
            log.info("Redis can be used again")
        self._since = None
