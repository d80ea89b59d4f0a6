"""What was counted over the whole life of the service, kept so that no number ever goes back.

    NAME:metrics   string   JSON: the fields of `Totals`   written and read by the dashboard

A proxy worker counts from its own start and takes its numbers along when it dies. So the last numbers of each worker
are kept here, and those of the long gone are folded into one sum; a worker that comes back after Redis was away goes on
where it was. What containers went through is counted from the stream of events, which forgets its oldest: how far it
was read is kept with the counts.
"""

import json
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, cast

import redis

from lb import events
from lb.counters import BUCKETS
from lb.events import Event, Kind
from lb.heartbeat import WorkerBeat

GONE_KEPT = 8  # workers that left and may come back; each costs a few KB in the string
PAGE = 1000
SECONDS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)  # bounds for what takes a container's time

LAUNCH, RELAUNCH, STOP = "launch", "relaunch", "stop"
JOBS = (LAUNCH, RELAUNCH, STOP)

# Why a container was relaunched, in a bounded number of words; the first that fits.
CAUSES = {
    "asked": re.compile(r"asked for|by hand|drill"),
    "store": re.compile(r"store is unreachable"),
    "status": re.compile(r"answered \d"),
    "timeout": re.compile(r"no answer within|not healthy within"),
    "refused": re.compile(r"refused the connection"),
    "broken": re.compile(r"broke off"),
    "ended": re.compile(r"does not run any more|it ended"),
}
OTHER = "other"

Numbers = dict[str, float]  # a name with its parts divided by spaces, such as "answers 8000 2 4" -> how many


def metrics_key(service: str) -> str:
    """Key of the string."""
    return f"{service}:metrics"


def cause_of(reason: str) -> str:
    """The one of `CAUSES` that a reason belongs to."""
    return next((name for name, pattern in CAUSES.items() if pattern.search(reason)), OTHER)


def numbers_of(beat: WorkerBeat) -> Numbers:
    """Everything that a worker counts, under flat names, so that two workers' numbers can be added up."""
    numbers: Numbers = {"retries": beat.retries, "accepted": beat.accepted, "degraded": beat.degraded_seconds}
    numbers |= {f"own {status}": count for status, count in beat.own.items()}
    numbers |= {f"failed {port}": count for port, count in beat.failed.items()}
    for port, classes in beat.answers.items():
        for kind, row in classes.items():
            numbers |= {f"answers {port} {kind} {n}": count for n, count in enumerate(row)}
    return {name: number for name, number in numbers.items() if number}


@dataclass
class Totals:
    """All the counts. `workers` holds the last numbers of each worker, the one heard longest ago first."""

    workers: dict[str, Numbers] = field(default_factory=dict)
    folded: Numbers = field(default_factory=dict)  # of workers that nobody waits for any more
    cursor: str = "0"  # the id of the last event that was counted
    counted: Numbers = field(default_factory=dict)  # from events
    stories: dict[str, list[Any]] = field(default_factory=dict)  # port -> what is under way with it, since when

    def hear(self, beats: Iterable[WorkerBeat]) -> None:
        """Take in what the living workers say."""
        for beat in beats:
            self.workers.pop(beat.id, None)
            self.workers[beat.id] = numbers_of(beat)

    def fold(self, living: int) -> None:
        """Let go of who has been gone longest, keeping the numbers."""
        while len(self.workers) > living + GONE_KEPT:
            self.folded = added(self.folded, self.workers.pop(next(iter(self.workers))))

    def count(self, happened: Iterable[Event]) -> None:
        """Take in events, each once, in their order."""
        for event in happened:
            self.cursor = event.id
            self._add(f"events {event.kind}")
            self._tell(event, str(event.port))

    def _tell(self, event: Event, port: str) -> None:
        match event.kind:
            case Kind.LAUNCHED | Kind.ADOPTED:
                self.stories[port] = [LAUNCH, event.at]
            case Kind.SICK:
                self.stories.setdefault(port, [RELAUNCH, event.at])
            case Kind.RELAUNCHED:
                self._add(f"relaunches {cause_of(event.reason)}")
                self.stories.setdefault(port, [RELAUNCH, event.at])
            case Kind.HEALTHY:
                self._healthy(event, port)
            case Kind.DRAINED:
                self.stories[port] = [STOP, event.at - (event.seconds or 0.0)]
            case Kind.STOPPED:
                job, began = self.stories.pop(port, [STOP, event.at - (event.seconds or 0.0)])
                self._took(STOP, event.at - began if job == STOP else event.seconds or 0.0)

    def _healthy(self, event: Event, port: str) -> None:
        job, began = self.stories.pop(port, ["", 0.0])
        if job in (LAUNCH, RELAUNCH):
            self._took(job, event.at - began)

    def _took(self, job: str, seconds: float) -> None:
        bucket = next((n for n, bound in enumerate(SECONDS) if seconds <= bound), len(SECONDS))
        self._add(f"job {job} {bucket}")
        self._add(f"seconds {job}", max(0.0, round(seconds, 3)))

    def _add(self, name: str, number: float = 1) -> None:
        self.counted[name] = self.counted.get(name, 0) + number

    # --- for those who read

    @property
    def summed(self) -> "Sums":
        """Everything added up."""
        total = self.folded
        for numbers in self.workers.values():
            total = added(total, numbers)
        return Sums(total, self.counted)


@dataclass(frozen=True)
class Sums:
    """The sums by what they are about; names that nobody counted are 0."""

    proxy: Mapping[str, float]
    counted: Mapping[str, float]

    def histograms(self) -> dict[int, dict[str, list[int]]]:
        """Port -> class of status -> answers by the buckets of `lb.counters`."""
        found: dict[int, dict[str, list[int]]] = {}
        for (port, kind, bucket), number in parted(self.proxy, "answers"):
            row = found.setdefault(int(port), {}).setdefault(kind, [0] * BUCKETS)
            row[int(bucket)] = int(number)
        return found

    def by_name(self, family: str) -> dict[str, float]:
        """ "own", "failed", "events" or "relaunches" by what follows the name."""
        return {rest[0]: number for rest, number in (*parted(self.proxy, family), *parted(self.counted, family))}

    def job(self, job: str) -> tuple[list[int], float]:
        """How often a job took how long, by the buckets of SECONDS and one above, cumulative; and all its seconds."""
        rows = [int(self.counted.get(f"job {job} {n}", 0)) for n in range(len(SECONDS) + 1)]
        return list(accumulate(rows)), self.counted.get(f"seconds {job}", 0.0)


def parted(numbers: Mapping[str, float], family: str) -> Iterator[tuple[list[str], float]]:
    """The numbers whose names begin with this word, with the words that follow it."""
    for name, number in numbers.items():
        first, *rest = name.split(" ")
        if first == family and rest:
            yield rest, number


def added(one: Numbers, other: Numbers) -> Numbers:
    """Both together."""
    total = Counter(one)
    total.update(other)
    return cast(Numbers, dict(total))


class Keeper:
    """Keeps the totals of one service, in memory and in Redis. May be used by several threads."""

    def __init__(self, client: redis.Redis, service: str) -> None:
        self._redis = client
        self._service = service
        self._totals: Totals | None = None
        self._written = ""
        self._lock = threading.Lock()

    def update(self, beats: Sequence[WorkerBeat]) -> Sums:
        """Take in what is new and keep it. Raises redis.RedisError; what was heard until then is not lost."""
        with self._lock:
            totals = self._totals = self._totals or self._read()
            totals.hear(beats)
            totals.fold(len(beats))
            while page := events.read(self._redis, self._service, totals.cursor, PAGE):
                totals.count(page)
            self._write(json.dumps(vars(totals), separators=(",", ":")))
            return totals.summed

    def _read(self) -> Totals:
        text = self._redis.get(metrics_key(self._service))
        return Totals(**json.loads(cast(str, text))) if text else Totals()

    def _write(self, text: str) -> None:
        if text != self._written:
            self._redis.set(metrics_key(self._service), text)
            self._written = text
