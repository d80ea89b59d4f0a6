"""What happened: one capped stream that every process appends to and the operator reads.

    NAME:events   stream   fields kind, port, reason, who, seconds, and extra ones   written by all

The entry's id carries the time. Everything in it is text, so that `redis-cli XREVRANGE acts:events + -
COUNT 10` reads like a log.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

import redis
from redis.client import Pipeline

MAX_LENGTH = 10_000  # about a week of an eventful service, about 2 MB


class Kind(StrEnum):
    """Everything that can happen."""

    LAUNCHED = "launched"
    HEALTHY = "healthy"
    SICK = "sick"
    RELAUNCHED = "relaunched"
    DRAINED = "drained"
    STOPPED = "stopped"
    SCALED = "scaled"
    FAILED = "failed"
    HELD = "held"
    DEGRADED = "degraded"
    RECOVERED = "recovered"
    ADOPTED = "adopted"
    ORDERED = "ordered"  # by a person
    ROLLOUT = "rollout"
    REBALANCE = "rebalance"  # containers move between nodes
    DRILL = "drill"  # a fault that a person has brought about on purpose
    STANDBY = "standby"  # one of two of a kind waits, or takes over


OWN_FIELDS = ("kind", "port", "reason", "who", "seconds")


@dataclass(frozen=True)
class Event:
    """One thing that happened; `port` None when it concerns no single container, `seconds` is how long it
    took.

    `id` and `at` (unix seconds) are known only for events that were read.
    """

    kind: Kind
    port: int | None
    reason: str
    who: str
    seconds: float | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    id: str = ""

    @property
    def at(self) -> float:
        """When Redis wrote it, unix seconds."""
        return moment_of(self.id)


def moment_of(entry_id: str) -> float:
    """The unix time at which an entry of a stream was written, by its id "MILLISECONDS-NUMBER"; 0 for no id."""
    return int(entry_id.partition("-")[0] or 0) / 1000


def events_key(service: str) -> str:
    """Key of the stream."""
    return f"{service}:events"


def fields_of(event: Event) -> dict[str, str]:
    """The stream entry of an event; what is not known is left out. ValueError if an extra field takes a
    name of ours.
    """
    if taken := set(event.extra) & set(OWN_FIELDS):
        raise ValueError(f"extra fields of an event may not be called {', '.join(sorted(taken))}")
    fields = {"kind": str(event.kind), "reason": event.reason, "who": event.who, **event.extra}
    if event.port is not None:
        fields["port"] = str(event.port)
    if event.seconds is not None:
        fields["seconds"] = f"{event.seconds:.3f}"
    return fields


def event_of(entry_id: str, fields: Mapping[str, str]) -> Event:
    """The event of a stream entry; the reverse of `fields_of`."""
    return Event(
        kind=Kind(fields["kind"]),
        port=int(fields["port"]) if "port" in fields else None,
        reason=fields.get("reason", ""),
        who=fields.get("who", ""),
        seconds=float(fields["seconds"]) if "seconds" in fields else None,
        extra={name: text for name, text in fields.items() if name not in OWN_FIELDS},
        id=entry_id,
    )


def queue_event(pipe: Pipeline | redis.Redis, service: str, event: Event) -> None:
    """Append the event; with a pipeline, together with what else is in it."""
    fields = cast("dict[str | int | float | bytes | bytearray | memoryview, str]", fields_of(event))
    pipe.xadd(events_key(service), fields, maxlen=MAX_LENGTH, approximate=True)  # type: ignore[arg-type]


def command_of(service: str, event: Event) -> list[str | int]:
    """The Redis command that appends the event, for a pipeline of any kind."""
    flat = [text for pair in fields_of(event).items() for text in pair]
    return ["XADD", events_key(service), "MAXLEN", "~", MAX_LENGTH, "*", *flat]


def known(entries: Iterable[tuple[str, Mapping[str, str]]]) -> list[Event]:
    """The events of these entries; those of a kind we do not know (a newer version's) are left out."""
    kinds = set(Kind)
    return [event_of(entry_id, fields) for entry_id, fields in entries if fields.get("kind") in kinds]


def read(client: redis.Redis, service: str, since: str = "0", count: int = 100) -> list[Event]:
    """Up to `count` events after the id `since`, oldest first. Go on from the last one's `id`."""
    start = "-" if since == "0" else f"({since}"
    return known(cast("list[tuple[str, dict[str, str]]]", client.xrange(events_key(service), start, "+", count)))


def last(client: redis.Redis, service: str, count: int = 10) -> list[Event]:
    """The newest `count` events, oldest of them first."""
    entries = client.xrevrange(events_key(service), "+", "-", count)
    return known(reversed(cast("list[tuple[str, dict[str, str]]]", entries)))
