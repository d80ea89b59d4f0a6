"""Further tries: which request was asked elsewhere, and why. The name of a request tells its first container only.

    NAME:retries   stream, the last 10,000   request, turn, version, first, next, cause   written by lb

`first` is the port that was left, `next` where the try went; `turn` and `version` are what it was routed by. A worker
tells at most 100 a second: when a container dies under load the first hundred say it all. Such a stream is a help,
nothing depends on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import redis

from lb.events import moment_of

MAX_LENGTH = 10_000  # about 2 MB
PER_SECOND = 100  # of one worker


@dataclass(frozen=True)
class Retry:
    """One second try."""

    request: str
    turn: int  # that it claimed
    version: int  # of the ring it was routed by
    first: int  # the port that failed
    next: int  # the port that was asked instead
    cause: str
    at: float = 0.0  # unix seconds, known of those that were read


def retries_key(service: str) -> str:
    """Key of the stream."""
    return f"{service}:retries"


def command_of(service: str, retry: Retry) -> list[str | int]:
    """The Redis command that tells of it."""
    fields: list[str | int] = ["request", retry.request, "turn", retry.turn, "version", retry.version]
    fields += ["first", retry.first, "next", retry.next, "cause", retry.cause]
    return ["XADD", retries_key(service), "MAXLEN", "~", MAX_LENGTH, "*", *fields]


def retry_of(entry_id: str, fields: Mapping[str, str]) -> Retry:
    """The second try of a stream's entry."""
    numbers = {name: int(fields[name]) for name in ("turn", "version", "first", "next")}
    at = moment_of(entry_id)
    return Retry(request=fields["request"], cause=fields["cause"], at=at, **numbers)


def read(client: redis.Redis, service: str) -> list[Retry]:
    """All that are remembered, oldest first."""
    entries = cast("list[tuple[str, dict[str, str]]]", client.xrange(retries_key(service)))
    return [retry_of(entry_id, fields) for entry_id, fields in entries]


def of(client: redis.Redis, service: str, request: str) -> list[Retry]:
    """The second tries of one request, oldest first."""
    return [retry for retry in read(client, service) if retry.request == request]
