"""The only one who reads Redis for the page: once for all who have it open, a few round trips each time.

A Redis that is away changes nothing but what is said: the last state stays, with since when nothing newer is known.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import cast

import redis

from autoscaler import decision_log
from lb import events
from lb.events import Event
from lb.heartbeat import workers_key
from lb.redis_client import connect
from monitor import snapshot
from monitor.dashboard import picture
from monitor.dashboard.chart import SPAN, Chart, Point
from monitor.dashboard.hub import EVENTS_KEPT, Hub, News
from monitor.dashboard.parts import ACTS_REDIS, STATE_REDIS, Memory, Part, Pulse, server
from monitor.dashboard.rates import Rates
from monitor.dashboard.settings import DashboardSettings
from monitor.snapshot import Snapshot
from monitor.totals import Keeper

TICK_SECONDS = 0.5  # what is told within half a second feels as if it happened now
TIMEOUT = 1.0  # seconds for one answer of Redis: a page that waits longer looks dead itself
PAGE = 1000

log = logging.getLogger(__name__)


def all_classes(rows: Mapping[str, Sequence[int]]) -> list[int]:
    """One histogram of those by class of status."""
    return [sum(column) for column in zip(*rows.values(), strict=True)]


class Heart:
    """Asks a Redis server whether it is there, in a rhythm of its own: one that hangs must not hold up the page."""

    def __init__(self, url: str) -> None:
        self._redis = connect(url, timeout=TIMEOUT, name="dashboard-pulse") if url else None
        self.pulse: Pulse | None = None

    def tick(self, now: float) -> None:
        """Ask once, at unix time `now`."""
        if self._redis is None:
            return
        began = time.perf_counter()
        try:
            self._redis.ping()
            self.pulse = Pulse(now, time.perf_counter() - began)
        except redis.RedisError as error:
            self.pulse = Pulse(now, problem=str(error))


class Reader:
    """Looks at the service with every tick and publishes what it sees to `hub`."""

    def __init__(self, client: redis.Redis, settings: DashboardSettings, hub: Hub) -> None:
        self._redis = client
        self._scaling = settings.scaling
        self._name = settings.scaling.service.name
        self._hub = hub
        self._rates = Rates()
        self._memory = Memory()
        self.keeper = Keeper(client, self._name)
        self._chart: Chart | None = None
        self._seen_event = ""
        self._seen_decision = 0.0
        self._away_since: float | None = None
        self._events: list[Event] = []
        self._points: list[Point] = []
        self.state_heart, self.acts_heart = Heart(settings.scaling.service.redis_url), Heart(settings.acts_redis_url)

    @property
    def servers(self) -> list[tuple[str, float | None]]:
        """The Redis servers, and how many seconds each took to answer; None for one that does not."""
        pulses = {"state": self.state_heart.pulse, "acts": self.acts_heart.pulse}
        return [(name, pulse.seconds) for name, pulse in pulses.items() if pulse]

    def tick(self, now: float) -> None:
        """Look and publish, at unix time `now`."""
        try:
            news = self._look(now)
        except redis.RedisError as error:
            news = self._nothing_new(now, error)
        self._hub.publish(news)

    def _look(self, now: float) -> News:
        self.state_heart.tick(now)
        seen = snapshot.read(self._redis, self._scaling.service, self._scaling.policy, now)
        parts = self._parts(seen)
        sums = self.keeper.update(seen.workers)
        self._rates.add(now, {port: all_classes(rows) for port, rows in sums.histograms().items()})
        # Kept until all was read: what a Redis that goes away in between has told already is not lost.
        self._events += self._new_events(now)
        self._points += self._new_points(now)
        told, self._events = self._events, []
        points, self._points = self._points, []
        if self._away_since is not None:
            log.info("Redis answers again")
            self._away_since = None
        return News(picture.state_of(seen, self._rates, parts), [picture.event_of(event) for event in told], points)

    def _nothing_new(self, now: float, error: redis.RedisError) -> News:
        if self._away_since is None:
            log.warning("the Redis of REDIS_URL cannot be used: %s", error)
            self._away_since = now
        return News(picture.away(self._hub.state, now, self._away_since, str(error)))

    def _parts(self, seen: Snapshot) -> list[Part]:
        known = cast("list[tuple[str, float]]", self._redis.zrange(workers_key(self._name), 0, -1, withscores=True))
        parts = self._memory.parts(seen, dict(known))
        parts.append(server(STATE_REDIS, self.state_heart.pulse, seen.at))
        if self.acts_heart.pulse:
            parts.append(server(ACTS_REDIS, self.acts_heart.pulse, seen.at))
        return parts

    def _new_events(self, now: float) -> list[Event]:
        """The events since the last tick; those of the last hour at first."""
        found: list[Event] = []
        self._seen_event = self._seen_event or f"{(now - SPAN) * 1000:.0f}-0"
        while len(found) < EVENTS_KEPT and (page := events.read(self._redis, self._name, self._seen_event, PAGE)):
            found += page
            self._seen_event = page[-1].id
        return found

    def _new_points(self, now: float) -> list[Point]:
        """The points of the chart since the last tick; those of the last hour at first."""
        if self._chart is None:
            self._chart = Chart()
            # One window more: what the first counts are made of shows only in the ones that follow.
            self._seen_decision = now - SPAN - self._scaling.policy.window
            self._add_decisions()
            return self._chart.points
        return self._add_decisions()

    def _add_decisions(self) -> list[Point]:
        assert self._chart is not None
        points: list[Point] = []
        for entry in decision_log.read(self._redis, self._name, self._seen_decision + 0.001):
            points += self._chart.add(entry)
            self._seen_decision = entry.at
        return points
