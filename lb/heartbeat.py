"""What each proxy worker says about itself, every second and whenever somebody waits for it.

    NAME:lb:worker:ID   hash with a TTL of 5 s   the fields of `WorkerBeat`   written by that worker
    NAME:lb:workers     sorted set               ID -> unix time of the last beat

Times are those of Redis (`clock`). A worker is live while its hash exists, whatever they say. Draining a
container asks here: has every live worker acted on the ring without it, and has none of them anything in
flight to it. So a worker beats before it accepts its first connection, at once when it has acted on a new
ring version, and at once when its in-flight count to a port that is no longer in its ring falls to 0. One
that reaches neither Redis nor the containers holds nobody up: its hash expires.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import redis
from redis.client import Pipeline

from lb.counters import Answers, latency_of, named

TTL_SECONDS = 5  # five missed beats: the worker is dead or as good as
FORGET_SECONDS = 60  # ids of workers that stopped beating leave the sorted set after this


@dataclass(frozen=True)
class WorkerBeat:
    """One worker's state. `started` and `beat` are unix seconds; counters go up from 0 at the worker's
    start.
    """

    id: str
    host: str
    pid: int
    started: float
    beat: float
    ring_version: int
    degraded: bool = False  # works without Redis, on the last ring and a local counter
    in_flight: Mapping[int, int] = field(default_factory=dict)  # port -> requests; zero ports are left out
    connections: int = 0  # clients connected now
    accepted: int = 0  # clients that ever connected
    tunnels: int = 0  # open now
    requests: int = 0  # forwarded and answered
    counted: int = 0  # of them, recorded in the window
    retries: int = 0
    own: Mapping[int, int] = field(default_factory=dict)  # answers that the proxy made itself, by status
    answers: Answers = field(default_factory=dict)  # of containers: port -> class of status -> histogram
    routed: Mapping[int, int] = field(default_factory=dict)  # port -> turns that went there
    failed: Mapping[int, int] = field(default_factory=dict)  # port -> tries that failed there
    degraded_seconds: float = 0.0  # in this worker's life
    redis_ms: float = 0.0  # a moving mean of the way to the state Redis and back, behind the claims of that moment
    lag_ms: float = 0.0  # how late the loop was in the last second, at most
    clock_ahead: float | None = None  # seconds that its machine's clock is ahead of Redis'; None: not known

    @property
    def errors(self) -> int:
        """Own answers that say 5xx."""
        return sum(count for status, count in self.own.items() if status >= 500)

    @property
    def refused(self) -> int:
        """Own answers that say 4xx."""
        return sum(count for status, count in self.own.items() if status < 500)

    @property
    def latency(self) -> dict[str, int]:
        """Times to the end of the answer: upper bound in ms ("inf" last) -> requests."""
        return named(latency_of(self.answers))


WHOLE = ("connections", "accepted", "tunnels", "requests", "counted", "retries")
MEASURED = ("degraded_seconds", "redis_ms", "lag_ms")
BY_NUMBER = ("in_flight", "own", "answers", "routed", "failed")  # JSON objects whose names are ports, or statuses


def worker_key(service: str, worker_id: str) -> str:
    """Key of one worker's hash."""
    return f"{service}:lb:worker:{worker_id}"


def workers_key(service: str) -> str:
    """Key of the sorted set of worker ids."""
    return f"{service}:lb:workers"


def fields_of(beat: WorkerBeat) -> dict[str, str]:
    """The hash of a beat. `errors`, `refused` and `latency` are sums, for those who look with redis-cli."""
    return {
        "host": beat.host,
        "pid": str(beat.pid),
        "started": f"{beat.started:.3f}",
        "beat": f"{beat.beat:.3f}",
        "ring_version": str(beat.ring_version),
        "degraded": str(int(beat.degraded)),
        **{name: str(getattr(beat, name)) for name in WHOLE},
        **{name: f"{getattr(beat, name):.3f}" for name in MEASURED},
        **{name: json.dumps({n: value for n, value in getattr(beat, name).items() if value}) for name in BY_NUMBER},
        "clock_ahead": "" if beat.clock_ahead is None else f"{beat.clock_ahead:.3f}",
        "errors": str(beat.errors),
        "refused": str(beat.refused),
        "latency": json.dumps(beat.latency),
    }


def beat_of(worker_id: str, fields: Mapping[str, str]) -> WorkerBeat:
    """The beat of a worker's hash; the reverse of `fields_of`."""
    known: dict[str, Any] = {name: int(fields.get(name, "0")) for name in WHOLE}
    known |= {name: float(fields.get(name, "0")) for name in MEASURED}
    for name in BY_NUMBER:
        known[name] = {int(number): value for number, value in json.loads(fields.get(name, "{}")).items()}
    return WorkerBeat(
        id=worker_id,
        host=fields["host"],
        pid=int(fields["pid"]),
        started=float(fields["started"]),
        beat=float(fields["beat"]),
        ring_version=int(fields["ring_version"]),
        degraded=fields["degraded"] == "1",
        clock_ahead=float(fields["clock_ahead"]) if fields.get("clock_ahead") else None,
        **known,
    )


def commands_of(service: str, beat: WorkerBeat) -> list[tuple[str | int | float, ...]]:
    """The Redis commands of one beat, for a pipeline of any kind."""
    key = worker_key(service, beat.id)
    flat = [text for pair in fields_of(beat).items() for text in pair]
    return [
        ("HSET", key, *flat),
        ("EXPIRE", key, TTL_SECONDS),
        ("ZADD", workers_key(service), beat.beat, beat.id),
        ("ZREMRANGEBYSCORE", workers_key(service), "-inf", beat.beat - FORGET_SECONDS),
    ]


def farewell_of(service: str, worker_id: str) -> list[tuple[str, ...]]:
    """The Redis commands by which a worker leaves, so that nobody waits for it until its hash expires."""
    return [("DEL", worker_key(service, worker_id)), ("ZREM", workers_key(service), worker_id)]


def queue_beat(pipe: Pipeline, service: str, beat: WorkerBeat) -> None:
    """Queue one beat."""
    for command in commands_of(service, beat):
        pipe.execute_command(*command)  # type: ignore[no-untyped-call]


def live_workers(client: redis.Redis, service: str) -> list[WorkerBeat]:
    """Every live worker's last beat, by id. Raises redis.RedisError: not knowing is not "none"."""
    ids = cast("list[str]", client.zrange(workers_key(service), 0, -1))
    pipe = client.pipeline(transaction=False)
    for worker_id in ids:
        pipe.hgetall(worker_key(service, worker_id))
    beats = zip(ids, pipe.execute(), strict=True)
    return sorted((beat_of(worker_id, fields) for worker_id, fields in beats if fields), key=lambda beat: beat.id)
