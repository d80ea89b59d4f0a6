"""What each proxy worker says about itself, every second and whenever somebody waits for it.

    NAME:lb:worker:ID   hash with a TTL of 5 s   the fields of `WorkerBeat`   written by that worker
    NAME:lb:workers     sorted set               ID -> unix time of the last beat

A worker is live while its hash exists, whatever its clock says. Draining a container asks here: has every
live worker acted on the ring without it, and has none of them anything in flight to it. So a worker beats
before it accepts its first connection, at once when it has acted on a new ring version, and at once when
its in-flight count to a port that is no longer in its ring falls to 0.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import redis
from redis.client import Pipeline

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
    requests: int = 0  # forwarded
    counted: int = 0  # of them, recorded in the window
    retries: int = 0
    errors: int = 0  # answers that the proxy made itself, 5xx
    refused: int = 0  # answers that the proxy made itself, 4xx
    # Histogram of times to the answer: upper bound in ms ("inf" last) -> requests.
    latency: Mapping[str, int] = field(default_factory=dict)


def worker_key(service: str, worker_id: str) -> str:
    """Key of one worker's hash."""
    return f"{service}:lb:worker:{worker_id}"


def workers_key(service: str) -> str:
    """Key of the sorted set of worker ids."""
    return f"{service}:lb:workers"


def fields_of(beat: WorkerBeat) -> dict[str, str]:
    """The hash of a beat."""
    return {
        "host": beat.host,
        "pid": str(beat.pid),
        "started": f"{beat.started:.3f}",
        "beat": f"{beat.beat:.3f}",
        "ring_version": str(beat.ring_version),
        "degraded": str(int(beat.degraded)),
        "in_flight": json.dumps({str(port): n for port, n in beat.in_flight.items() if n}),
        "connections": str(beat.connections),
        "requests": str(beat.requests),
        "counted": str(beat.counted),
        "retries": str(beat.retries),
        "errors": str(beat.errors),
        "refused": str(beat.refused),
        "latency": json.dumps(dict(beat.latency)),
    }


def beat_of(worker_id: str, fields: Mapping[str, str]) -> WorkerBeat:
    """The beat of a worker's hash; the reverse of `fields_of`."""
    counters = ("connections", "requests", "counted", "retries", "errors", "refused")
    return WorkerBeat(
        id=worker_id,
        host=fields["host"],
        pid=int(fields["pid"]),
        started=float(fields["started"]),
        beat=float(fields["beat"]),
        ring_version=int(fields["ring_version"]),
        degraded=fields["degraded"] == "1",
        in_flight={int(port): n for port, n in json.loads(fields["in_flight"]).items()},
        latency=json.loads(fields.get("latency", "{}")),
        **{name: int(fields.get(name, "0")) for name in counters},
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
