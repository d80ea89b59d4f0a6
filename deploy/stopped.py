"""The ports whose containers a person has stopped or drained, and that stay so.

    NAME:stopped   hash   port → JSON {"by", "at" (unix seconds), "wanted"}   written on a person's order and by the
                          autoscaler, read by the autoscaler and by who shows it

The autoscaler counts such a port as filled. It is free again when the number of containers that are wanted goes up,
when somebody launches it, or when it would be stopped anyway. `wanted` is the lowest number that was wanted since it
was stopped; the autoscaler fills it in at its next tick.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import cast

import redis
from redis.client import Pipeline


@dataclass(frozen=True)
class Stopped:
    """Who has stopped it, when (unix seconds), and how many containers were wanted since (None: not known yet)."""

    by: str
    at: float
    wanted: int | None = None


Marks = Mapping[int, Stopped]  # by port


def stopped_key(service: str) -> str:
    """Key of the hash."""
    return f"{service}:stopped"


def marks_of(fields: Mapping[str, str]) -> dict[int, Stopped]:
    """The marks of a Redis hash, by port, ascending."""
    return {int(port): Stopped(**json.loads(text)) for port, text in sorted(fields.items(), key=lambda f: int(f[0]))}


def queue_read(pipe: Pipeline, service: str) -> None:
    """Queue the reading; `marks_of` understands the answer."""
    pipe.hgetall(stopped_key(service))


def read(client: redis.Redis, service: str) -> dict[int, Stopped]:
    """The marks as they stand. Raises redis.RedisError."""
    return marks_of(cast("dict[str, str]", client.hgetall(stopped_key(service))))


def mark(client: redis.Redis | Pipeline, service: str, port: int, stopped: Stopped) -> None:
    """Note that the port's container was stopped by a person, or what was wanted since."""
    client.hset(stopped_key(service), str(port), json.dumps(asdict(stopped)))


def mark_unless_marked(client: redis.Redis, service: str, port: int, stopped: Stopped) -> bool:
    """The same for a port that has no mark yet; False when it has one, which stays."""
    return bool(client.hsetnx(stopped_key(service), str(port), json.dumps(asdict(stopped))))


def put(client: redis.Redis | Pipeline, service: str, port: int, stopped: Stopped | None) -> None:
    """Note a mark, or with None that there is none any more."""
    if stopped is None:
        forget(client, service, port)
    else:
        mark(client, service, port, stopped)


def forget(client: redis.Redis | Pipeline, service: str, port: int) -> bool:
    """The port may have a container again; False when it was not marked (with a pipeline: always True)."""
    return bool(client.hdel(stopped_key(service), str(port)))


def clear(client: redis.Redis, service: str) -> None:
    """Forget all marks: the service is started anew."""
    client.delete(stopped_key(service))
