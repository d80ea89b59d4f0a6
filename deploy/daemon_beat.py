"""What the deploy worker, the monitor and the autoscaler say about themselves, about once a second.

    NAME:beat:WHO   hash with a TTL of 5 s   the fields of `Beat`   written by that daemon, read by the CLI

The hash is gone when nobody has beaten for five seconds: the daemon is dead, hangs, or cannot reach Redis.
Two of a kind write the same key; the last one shows.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

import redis
from redis.client import Pipeline

TTL_SECONDS = 5  # five missed beats; the same patience as for proxy workers
DAEMONS = ("deploy", "monitor", "autoscaler")


@dataclass(frozen=True)
class Beat:
    """One daemon's last sign of life; the times are unix seconds, `trouble` is empty while all is well."""

    who: str
    host: str
    pid: int
    started: float
    beat: float
    trouble: str = ""


def beat_key(service: str, who: str) -> str:
    """Key of one daemon's hash."""
    return f"{service}:beat:{who}"


def own_beat(who: str, started: float, now: float, trouble: str = "") -> Beat:
    """The beat of this very process."""
    return Beat(who, socket.gethostname(), os.getpid(), started, now, trouble)


def queue_beat(pipe: Pipeline, service: str, beat: Beat) -> None:
    """Queue one beat: the hash and its time to live, to be executed together."""
    key = beat_key(service, beat.who)
    pipe.hset(key, "host", beat.host)
    pipe.hset(key, "pid", str(beat.pid))
    pipe.hset(key, "started", f"{beat.started:.3f}")
    pipe.hset(key, "beat", f"{beat.beat:.3f}")
    pipe.hset(key, "trouble", beat.trouble)
    pipe.expire(key, TTL_SECONDS)


def queue_read(pipe: Pipeline, service: str, who: str) -> None:
    """Queue the reading of one daemon's hash; `beat_of` understands the answer."""
    pipe.hgetall(beat_key(service, who))


def beat_of(who: str, fields: Mapping[str, str]) -> Beat | None:
    """The beat of a hash; None for the empty hash of a daemon that does not beat."""
    if "beat" not in fields:
        return None
    return Beat(
        who=who,
        host=fields.get("host", ""),
        pid=int(fields.get("pid", "0")),
        started=float(fields.get("started", "0")),
        beat=float(fields["beat"]),
        trouble=fields.get("trouble", ""),
    )


def read(client: redis.Redis, service: str, who: str) -> Beat | None:
    """One daemon's last beat, None if it has stopped beating. Raises redis.RedisError."""
    pipe = client.pipeline(transaction=False)
    queue_read(pipe, service, who)
    return beat_of(who, pipe.execute()[0])
