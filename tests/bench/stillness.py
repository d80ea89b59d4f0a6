"""Who stood still, and when: so that a jam in a long run has a culprit.

Once a second it is noted by how much everybody was late: this process itself (a sleep of one second), the prober (the
longest pause between two of its sends), the proxy's workers (the lag of their loops, and how old the last beat of each
is), and the state Redis (how long it takes to answer); and what share of the machine was idle, or stolen by others.
A worker is known until its process is gone: its beat in Redis would expire while it stands still.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import psutil
import redis
from rich.table import Table

from lb.heartbeat import live_workers
from lb.redis_client import connect
from monitor.prober import Ask, Prober

STILL = 1.0  # seconds: who is later than this stood still
BEATS_EVERY = 1.0  # seconds; a beat is older than this only if its worker, or Redis, is late
CROWD = 1000  # requests that wait at the same time, more than any fault of the soak explains
MOST_SHOWN = 15


@dataclass(frozen=True)
class Moment:
    """One second of the run. Times are seconds; `at` is since the run began."""

    at: float
    waiting: int  # requests of the prober that waited for their answers
    here: float  # by which our own second was too long
    prober: float  # the longest pause between two of its sends
    lag: float  # the longest of a worker's loop
    beat: float  # by which the oldest beat of a living worker was overdue
    redis: float  # that the state Redis took to answer, or to be given up
    idle: float  # share of the machine
    stolen: float  # share of the machine

    @property
    def who(self) -> list[str]:
        """Who stood still. When our own clock did, the others' say nothing; while Redis does, nobody hears beats, but
        workers go on: a crowd is not its doing.
        """
        if self.here >= STILL:
            return ["the machine, or this process"]
        redis_still = self.redis >= STILL
        beats_count = not redis_still or self.waiting >= CROWD
        late = {
            "the prober": self.prober >= STILL,
            "the state Redis": redis_still,
            "a proxy worker": self.lag >= STILL or (self.beat >= STILL and beats_count),
        }
        return [name for name, still in late.items() if still]

    @property
    def badness(self) -> float:
        """By how much this moment deserves to be shown."""
        return max(self.here, self.prober, self.lag, self.beat, self.redis, self.waiting / CROWD)


class WatchedProber(Prober):
    """A prober whose own pauses can be asked for."""

    _last_send = 0.0  # monotonic
    _longest = 0.0

    def _send(self, ask: Ask) -> None:
        now = time.monotonic()
        self._longest = max(self._longest, now - (self._last_send or now))
        self._last_send = now
        super()._send(ask)

    @property
    def waiting(self) -> int:
        """How many requests wait for their answers."""
        return len(self._waiting)

    def take_pause(self) -> float:
        """The longest pause between two sends since this was last asked, one that still goes on included; seconds."""
        longest, self._longest = self._longest, 0.0
        return max(longest, time.monotonic() - self._last_send if self._last_send else 0.0)


class Workers:
    """What the proxy's workers and the state Redis say, remembered for as long as their processes live."""

    def __init__(self, redis_url: Callable[[], str], service: str) -> None:
        self._redis_url, self._service = redis_url, service
        self._beats: dict[int, float] = {}  # pid -> unix time of the last beat

    def look(self) -> tuple[float, float, float]:
        """The longest lag of a loop, by how much the oldest beat is overdue, and how long Redis took; seconds."""
        began, lag = time.monotonic(), 0.0
        try:
            with connect(self._redis_url(), timeout=STILL) as client:
                beats = live_workers(client, self._service)
            self._beats |= {beat.pid: beat.beat for beat in beats}
            lag = max((beat.lag_ms / 1000 for beat in beats), default=0.0)
        except (OSError, redis.RedisError):
            pass  # it took so long, or is gone: what is remembered grows old
        took = time.monotonic() - began
        self._beats = {pid: beat for pid, beat in self._beats.items() if psutil.pid_exists(pid)}
        return lag, max((time.time() - beat - BEATS_EVERY for beat in self._beats.values()), default=0.0), took


class Watch:
    """Notes a `Moment` each second, from a thread of its own, until the end of the block."""

    def __init__(self, prober: WatchedProber, workers: Workers, began: float) -> None:
        self.moments: list[Moment] = []
        self._prober, self._workers, self._began = prober, workers, began
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join(10)

    def _run(self) -> None:
        psutil.cpu_times_percent()  # from here on it tells what has been since it was last asked
        slept_at = time.monotonic()
        while not self._end.wait(1.0):
            here = time.monotonic() - slept_at - 1.0
            pause = self._prober.take_pause()
            lag, beat, took = self._workers.look()
            share = psutil.cpu_times_percent()
            at = time.time() - self._began
            idle, stolen = share.idle / 100, getattr(share, "steal", 0.0) / 100
            self.moments.append(Moment(at, self._prober.waiting, here, pause, lag, beat, took, idle, stolen))
            slept_at = time.monotonic()


def worst(moments: Iterable[Moment]) -> list[Moment]:
    """Those in which somebody stood still, or a crowd waited: the worst of them, in the order of time."""
    bad = [moment for moment in moments if moment.who or moment.waiting >= CROWD]
    return sorted(sorted(bad, key=lambda moment: -moment.badness)[:MOST_SHOWN], key=lambda moment: moment.at)


def table(moments: Iterable[Moment]) -> Table:
    """The worst moments, for a person."""
    shown = Table(
        "minute", "waiting", "this process", "prober", "worker's loop", "beat", "Redis", "idle", "stolen", "stood still"
    )
    shown.title = "the worst seconds: by how many seconds who was late"
    for moment in worst(moments):
        late = (moment.here, moment.prober, moment.lag, moment.beat, moment.redis)
        shown.add_row(
            f"{moment.at / 60:.2f}",
            str(moment.waiting),
            *(f"{seconds:.1f}" for seconds in late),
            f"{moment.idle:.0%}",
            f"{moment.stolen:.0%}",
            ", ".join(moment.who) or "nobody",
        )
    return shown
