"""One worker's world: what all its connections share, and what happens in it when time passes.

No timers are set on the hot path. Every client connection carries a deadline instead, and four times a second the
overdue ones are told; so a time-out is never early and, unless this process stands still, at most 0.5 s late, which no
time-out here minds. A tick that comes late blames nobody: others may have spoken meanwhile, and what they said is read
first.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable
from logging import Logger
from typing import Any, Protocol

from lb.counters import Counters
from lb.dispatcher import Dispatcher
from lb.files import Room
from lb.head_memo import FieldMemo, RequestLines
from lb.headers import Limits
from lb.heartbeat import WorkerBeat
from lb.paths import path_rules
from lb.redis_place import RedisPlace
from lb.retry_budget import RetryBudget
from lb.ring import Ring
from lb.settings import LbSettings
from lb.upstream import STOOD_STILL, Upstream

FOREVER = float("inf")
TICK_SECONDS = 0.25
COMPLAIN_EVERY = 1.0  # seconds between two log lines about the same container
EVERYBODY = 0  # in place of a port, for what concerns no container


class Watched(Protocol):
    """A client connection as the clock sees it."""

    deadline: float  # loop time

    def overdue(self) -> None:
        """The deadline has passed."""

    def on_sick(self, ports: frozenset[int]) -> None:
        """These containers left the ring because they are sick."""

    def look_if_gone(self) -> None:
        """Leave if the client, which has closed its side, has closed the other one too."""

    def drain(self) -> None:
        """Close if idle: this worker is leaving."""

    def abort(self) -> None:
        """Break off whatever goes on."""


class Tunnel(Protocol):
    """An exchange that has become a tunnel, as the clock sees it."""

    def look_at_tunnel(self, now: float) -> None:
        """End it in time when its container leaves; `now` is loop time."""


class Proxy:
    """Everything that the connections of one worker have in common."""

    def __init__(self, settings: LbSettings, place: RedisPlace, limits: Limits, keepalive: float, log: Logger) -> None:
        self.settings = settings
        self.limits = limits
        self.keepalive = keepalive  # seconds that an idle client may stay
        self.log = log
        self.loop = asyncio.get_running_loop()
        self.id = os.urandom(4).hex()  # short: it is part of every record's name
        self.host = socket.gethostname()
        self.now = self.loop.time()  # of the last tick: good enough for deadlines
        rules = path_rules(settings.service.count_prefix, settings.service.health_path)
        self.request_lines = RequestLines(rules, limits)
        self.field_memo = FieldMemo(limits)
        self.counters = Counters()
        self.budget = RetryBudget(settings.retry_budget)
        self.clients: set[Watched] = set()
        self.half_closed: set[Watched] = set()  # of them, who send nothing more and wait for an answer
        self.tunnels: set[Tunnel] = set()
        self.room = Room(0)
        self.turned_away = 0  # clients without even a 503, since the log told of them
        self.max_in_flight = settings.share_in_flight
        self.upstreams: dict[int, Upstream] = {}  # the ring's members
        self.departed: set[Upstream] = set()  # no longer in the ring, still busy
        self.complained: dict[int, float] = {}  # port -> when we last did, monotonic
        self.draining = False
        self.ticks = 0
        self.lag = 0.0  # seconds that the latest of this second's ticks was late
        self.lag_ms = 0.0  # of the second before
        self.forbearing = False  # the latest tick came so late that nobody was called overdue
        # Told of every finished exchange when an access log is wanted.
        self.on_finished: Callable[[Any], None] | None = None
        # Told of every request that was refused before it became an exchange: client, status, reason, what came of it.
        self.on_refused: Callable[[Any, int, str, bytes], None] | None = None
        self.dispatcher = Dispatcher(self, settings.service.name, place, self.id, log)
        self.dispatcher.precision = settings.count_precision
        self.started = time.monotonic()

    # --- the ring

    def on_ring(self, ring: Ring, sick: frozenset[int]) -> None:
        """Make the pools those of a new ring. Who left as sick and is back is another one, on the same address too."""
        before, self.upstreams = self.upstreams, {}
        for port, address in ring.members:
            known = before.get(port)
            if known is not None and known.address == address and port not in sick:
                self.upstreams[port] = before.pop(port)
            else:
                self.upstreams[port] = self.make_upstream(port, address)
        for upstream in before.values():
            upstream.leave()
            if upstream.in_flight:
                self.departed.add(upstream)
        if sick:
            for client in list(self.clients):
                client.on_sick(sick)

    def make_upstream(self, port: int, address: str) -> Upstream:
        """The pool of a container that joined."""
        number = self.settings.service.number_of(port)
        return Upstream(port, address, number, self.counters.of(port), self.settings.connect_timeout)

    def on_left(self, upstream: Upstream) -> None:
        """An exchange with a container that left the ring has ended; who drains it is told at once of the
        last.
        """
        if not upstream.in_flight:
            self.departed.discard(upstream)
            self.dispatcher.beat()

    def complain(self, port: int, sentence: str) -> None:
        """Log what is wrong with a container, once in a while: a dead one would fill the log otherwise."""
        now = time.monotonic()
        if now - self.complained.get(port, -COMPLAIN_EVERY) >= COMPLAIN_EVERY:
            self.complained[port] = now
            self.log.warning("Container on port %d: %s", port, sentence)

    def tell_of_the_crowd(self) -> None:
        """Log that clients were sent away, once in a while and not for each."""
        now = time.monotonic()
        if self.turned_away and now - self.complained.get(EVERYBODY, -COMPLAIN_EVERY) >= COMPLAIN_EVERY:
            self.complained[EVERYBODY] = now
            self.log.warning(
                "Closed %d connections unanswered: there were more than %d at a time", self.turned_away, self.room.open
            )
            self.turned_away = 0

    # --- the clock

    def tick(self) -> None:
        """Four times a second: tell who is overdue; once a second: beat and tidy."""
        before, self.now = self.now, self.loop.time()
        now = self.now
        late = now - before - TICK_SECONDS
        self.lag = max(self.lag, late)
        self.forbearing = late > STOOD_STILL and not self.forbearing
        if not self.forbearing:
            self.call_overdue(now - TICK_SECONDS)  # deadlines are set by the tick before: this way none strikes early
        for client in list(self.half_closed):
            client.look_if_gone()
        for tunnel in list(self.tunnels):
            tunnel.look_at_tunnel(now)
        self.ticks += 1
        if self.ticks % round(1 / TICK_SECONDS) == 0:
            self.second_passed()

    def call_overdue(self, late: float) -> None:
        """Tell everybody whose deadline is not after `late`, loop time."""
        for client in [client for client in self.clients if client.deadline <= late]:
            client.overdue()
        self.dispatcher.tick()

    def second_passed(self) -> None:
        """Once a second."""
        self.lag_ms, self.lag = self.lag * 1000, 0.0
        self.tell_of_the_crowd()
        self.dispatcher.second_passed()
        self.budget.second_passed(self.counters.requests)
        for upstream in self.upstreams.values():
            upstream.close_idle(self.now)

    def drain(self) -> None:
        """Take leave: idle clients are closed, the others after their answer."""
        self.draining = True
        for client in list(self.clients):
            client.drain()

    def abort(self) -> None:
        """Break off whatever is still going on."""
        for client in list(self.clients):
            client.abort()

    # --- others

    def beat(self) -> WorkerBeat:
        """What this worker says about itself."""
        counters = self.counters
        in_flight: dict[int, int] = {}
        for upstream in [*self.upstreams.values(), *self.departed]:
            in_flight[upstream.port] = in_flight.get(upstream.port, 0) + upstream.in_flight
        return WorkerBeat(
            id=self.id,
            host=self.host,
            pid=os.getpid(),
            started=self.started + self.dispatcher.clock.offset,
            beat=self.dispatcher.clock.now(),
            ring_version=self.dispatcher.ring.version,
            degraded=bool(self.dispatcher.degraded_at),
            in_flight=in_flight,
            connections=len(self.clients),
            accepted=counters.connections,
            tunnels=counters.tunnels,
            requests=counters.requests,
            counted=counters.counted,
            retries=counters.retries,
            own=counters.own,
            answers=counters.answers(),
            routed=counters.routed(),
            failed=counters.failed(),
            degraded_seconds=self.dispatcher.degraded_seconds(),
            redis_ms=self.dispatcher.redis_ms,
            lag_ms=self.lag_ms,
            clock_ahead=self.dispatcher.clock.ahead,
        )
