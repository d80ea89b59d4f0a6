"""That the acts store takes nothing new because its disk is full: said once, shown while it lasts, told when over.

NAME:disk   hash with a TTL of 10 s   reason, since (unix seconds)   written by the store's disk guard
"""

from collections.abc import Mapping
from dataclasses import dataclass

import redis
from redis.client import Pipeline

from lb.events import Event, Kind, queue_event

TTL_SECONDS = 10  # said again several times a second; forgotten when nobody says it any more


@dataclass(frozen=True)
class DiskFull:
    """Which disk it is, in a sentence, and since when (unix seconds)."""

    reason: str
    since: float


def disk_key(service: str) -> str:
    """Key of the hash."""
    return f"{service}:disk"


def queue_read(pipe: Pipeline, service: str) -> None:
    """Queue the reading; `full_of` understands the answer."""
    pipe.hgetall(disk_key(service))


def full_of(fields: Mapping[str, str]) -> DiskFull | None:
    """What a hash says; None while there is room."""
    return DiskFull(fields.get("reason", ""), float(fields["since"])) if "since" in fields else None


def read(client: redis.Redis, service: str) -> DiskFull | None:
    """How it is now. Raises redis.RedisError."""
    pipe = client.pipeline(transaction=False)
    queue_read(pipe, service)
    return full_of(pipe.execute()[0])


def say(client: redis.Redis, service: str, reason: str, who: str, now: float) -> None:
    """It is full: an event when it is said for the first time. To be said again before the TTL ends."""
    pipe = client.pipeline(transaction=True)
    pipe.hsetnx(disk_key(service), "since", f"{now:.3f}")
    pipe.hset(disk_key(service), "reason", reason)
    pipe.expire(disk_key(service), TTL_SECONDS)
    if pipe.execute()[0]:
        queue_event(client, service, Event(Kind.DEGRADED, None, reason, who))


def take_back(client: redis.Redis, service: str, who: str, now: float) -> None:
    """There is room; an event if it was full until now."""
    pipe = client.pipeline(transaction=True)
    queue_read(pipe, service)
    pipe.delete(disk_key(service))
    full = full_of(pipe.execute()[0])
    if full:
        reason = "there is room again: the acts store takes what is new"
        queue_event(client, service, Event(Kind.RECOVERED, None, reason, who, seconds=now - full.since))
