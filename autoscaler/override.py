"""The operator's word on the number of containers: a fixed number, or automatic.

    NAME:scale   hash   number (missing = automatic), by, at (unix seconds)   written by the CLI, read by the autoscaler

A fixed number holds until somebody says `auto`, also when processes are started again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import redis
from redis.client import Pipeline

from deploy.wake import AUTOSCALER, wake
from lb.clock import redis_time
from lb.events import Event, Kind, queue_event
from lb.settings import ServiceSettings


@dataclass(frozen=True)
class Override:
    """What the operator said last; `number` None is automatic."""

    number: int | None = None
    by: str = ""
    at: float = 0.0


def scale_key(service: str) -> str:
    """Key of the hash."""
    return f"{service}:scale"


def queue_read(pipe: Pipeline, service: str) -> None:
    """Queue the reading; `override_of` understands the answer."""
    pipe.hgetall(scale_key(service))


def override_of(fields: Mapping[str, str]) -> Override:
    """The operator's word of a hash; automatic when there is none."""
    number = fields.get("number")
    return Override(int(number) if number else None, fields.get("by", ""), float(fields.get("at", "0")))


def read(client: redis.Redis, service: str) -> Override:
    """The operator's word as it stands. Raises redis.RedisError."""
    pipe = client.pipeline(transaction=False)
    queue_read(pipe, service)
    return override_of(pipe.execute()[0])


def set_number(
    client: redis.Redis, service: ServiceSettings, number: int | None, by: str, now: float | None = None
) -> None:
    """Fix the number of containers, or give it back to the rule with None; the autoscaler acts at once.

    Raises ValueError, with a sentence, for a number below 1 or above what the service allows.
    """
    if number is not None and not 1 <= number <= service.max_containers:
        raise ValueError(f"there can be 1 to {service.max_containers} containers (MAX_CONTAINERS), not {number}")
    said = "automatic again" if number is None else f"fixed at {number}"
    key, at = scale_key(service.name), redis_time(client) if now is None else now
    pipe = client.pipeline(transaction=True)
    pipe.delete(key)
    if number is not None:
        pipe.hset(key, "number", str(number))
    pipe.hset(key, "by", by)
    pipe.hset(key, "at", f"{at:.3f}")
    queue_event(pipe, service.name, Event(Kind.SCALED, None, f"the number of containers is {said}", by))
    wake(pipe, service.name, AUTOSCALER)
    pipe.execute()
