"""That relaunches are held for a cause which restarts do not heal: said once, shown while it lasts, told when over.

NAME:held   hash   reason, since (unix seconds); present while something is held   written by the monitor
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import redis
from redis.client import Pipeline

from lb.events import Event, Kind, queue_event


@dataclass(frozen=True)
class Hold:
    """Why nothing is relaunched, and since when (unix seconds)."""

    reason: str
    since: float


def held_key(service: str) -> str:
    """Key of the hash."""
    return f"{service}:held"


def queue_read(pipe: Pipeline, service: str) -> None:
    """Queue the reading; `hold_of` understands the answer."""
    pipe.hgetall(held_key(service))


def hold_of(fields: Mapping[str, str]) -> Hold | None:
    """The hold of a hash; None when nothing is held."""
    return Hold(fields.get("reason", ""), float(fields["since"])) if "since" in fields else None


def read(client: redis.Redis, service: str) -> Hold | None:
    """What is held now. Raises redis.RedisError."""
    pipe = client.pipeline(transaction=False)
    queue_read(pipe, service)
    return hold_of(pipe.execute()[0])


def begin(client: redis.Redis, service: str, reason: str, who: str, now: float) -> bool:
    """Hold from now on; True for who says it first, which is an event. Held already: nothing changes."""
    pipe = client.pipeline(transaction=True)
    for field, value in {"since": f"{now:.3f}", "reason": reason}.items():
        pipe.hsetnx(held_key(service), field, value)
    is_first = bool(pipe.execute()[0])
    if is_first:
        queue_event(client, service, Event(Kind.HELD, None, reason, who))
    return is_first


def end(client: redis.Redis, service: str, who: str, now: float) -> bool:
    """Hold no longer; True for who ends it, which is an event. Not held: nothing changes."""
    pipe = client.pipeline(transaction=True)
    queue_read(pipe, service)
    pipe.delete(held_key(service))
    fields, gone = pipe.execute()
    hold = hold_of(cast("dict[str, str]", fields))
    if not gone or hold is None:
        return False
    seconds = now - hold.since
    queue_event(client, service, Event(Kind.RECOVERED, None, f"no longer held: {hold.reason}", who, seconds=seconds))
    return True
