"""The roll-out as Redis remembers it: from which image to which, and how far.

    NAME:rollout   hash   the fields of `Rollout`   begun and aborted by the command line, driven by the deploy worker

It stays when it is over, because new containers are started from its image, and `--rollback` goes back to the one
before. Without it they are started from the image that the newest container has, or from what is configured.

              ┌──────────▶ done
    rolling ──┤
              └─▶ undoing ──▶ failed, aborted
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Self, cast

import redis
from redis.client import Pipeline

from deploy.container import Container, text_of
from deploy.container_table import flat, generation_key
from deploy.wake import DEPLOY, wake_channel
from lb.events import MAX_LENGTH, Event, Kind, events_key
from lb.events import fields_of as fields_of_event


class Phase(StrEnum):
    """How far it is."""

    NONE = ""  # there was none yet
    ROLLING = "rolling"  # one port after the other gets the new image
    UNDOING = "undoing"  # those that have it already get the old one again
    DONE = "done"
    FAILED = "failed"
    ABORTED = "aborted"


ACTIVE = frozenset({Phase.ROLLING, Phase.UNDOING})


@dataclass(frozen=True)
class Rollout:
    """The last roll-out, or the one under way. Times are unix seconds."""

    phase: Phase = Phase.NONE
    image: str = ""  # what new containers are started from; empty: as configured
    previous: str = ""  # what `--rollback` goes back to
    target: str = ""  # the image that is rolled out
    origin: str = ""  # the one before
    mark: int = 0  # who has the target and a later generation than this one is rolled over
    outcome: Phase = Phase.NONE  # what undoing ends as
    reason: str = ""  # why it is undone
    by: str = ""
    began: float = 0.0
    since: float = 0.0  # when it came into its phase
    moves: int = 0  # tells two states of it apart

    @property
    def is_active(self) -> bool:
        """Whether containers are being replaced now."""
        return self.phase in ACTIVE

    @property
    def goal(self) -> str:
        """What all containers shall be started from."""
        return self.origin if self.phase is Phase.UNDOING else self.target

    @property
    def is_proven(self) -> bool:
        """Whether a container of the new image has shown that it works, so that new ones may be started from it."""
        return self.image == self.target

    def begun(self, target: str, origin: str, mark: int, *, by: str, now: float) -> Self:
        """A new one after this one."""
        return replace(
            self, phase=Phase.ROLLING, image=origin, target=target, origin=origin, mark=mark,
            outcome=Phase.NONE, reason="", by=by, began=now, since=now,
        )  # fmt: skip

    def proven(self) -> Self:
        """From now on new containers are started from the new image."""
        return replace(self, image=self.target)

    def undone(self, outcome: Phase, reason: str, *, now: float) -> Self:
        """Everything back, to end as `outcome`."""
        return replace(self, phase=Phase.UNDOING, image=self.origin, outcome=outcome, reason=reason, since=now)

    def finished(self, *, now: float) -> Self:
        """All containers have the image that they should have."""
        if self.phase is Phase.UNDOING:
            return replace(self, phase=self.outcome, since=now)
        previous = self.origin if self.origin != self.target else self.previous
        return replace(self, phase=Phase.DONE, image=self.target, previous=previous, since=now)


def image_for_new(rollout: Rollout, containers: Sequence[Container]) -> str:
    """What a new container is started from: as the roll-out says, else as the newest container, else empty."""
    newest = max(containers, key=lambda one: one.generation if one.image else 0, default=None)
    return rollout.image or (newest.image if newest else "")


def rollout_key(service: str) -> str:
    """Key of the hash."""
    return f"{service}:rollout"


def rollout_of(hash_fields: Mapping[str, str]) -> Rollout:
    """The roll-out of a Redis hash; fields that this version does not know are left out."""
    kinds = {field.name: field.type for field in fields(Rollout)}
    known = {name: kinds[name](text) for name, text in hash_fields.items() if name in kinds}  # type: ignore[operator]
    return Rollout(**known)


def queue_read(pipe: Pipeline, service: str) -> None:
    """Queue the reading; `rollout_of` understands the answer."""
    pipe.hgetall(rollout_key(service))


def read(client: redis.Redis, service: str) -> Rollout:
    """The roll-out as it stands. Raises redis.RedisError."""
    return rollout_of(cast("dict[str, str]", client.hgetall(rollout_key(service))))


def forget(client: redis.Redis, service: str) -> None:
    """A service that is started anew runs what is configured, whatever was deployed before."""
    client.delete(rollout_key(service))


def mark_of(client: redis.Redis, service: str) -> int:
    """The last generation that was given out: containers that come have a later one."""
    return int(cast("str | None", client.get(generation_key(service))) or 0)


# KEYS 1 the hash, 2 events. ARGV 1 expected moves ("0": it may be missing), 2 channel that wakes the deploy worker,
# 3 event, a JSON list [field, value, …], 4 the cap of the event stream, 5… field, value, …
# Answer: 1, or 0 when it is not as expected.
CHANGE_LUA = """
if (redis.call('HGET', KEYS[1], 'moves') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*', unpack(cjson.decode(ARGV[3])))
redis.call('PUBLISH', ARGV[2], 'rollout')
return 1
"""


def event_of(told: str, by: str) -> Event:
    """What the operator reads about a roll-out."""
    return Event(Kind.ROLLOUT, None, told, by)


def change(client: redis.Redis, service: str, seen: Rollout, then: Rollout, event: Event) -> Rollout | None:
    """Put `then` in the place of what was read as `seen`, and tell it.

    None when it is not as it was read: somebody was quicker. Raises redis.RedisError.
    """
    then = replace(then, moves=seen.moves + 1)
    told = json.dumps(flat(fields_of_event(event)))
    values = flat({name: text_of(value) for name, value in asdict(then).items()})
    arguments = [str(seen.moves), wake_channel(service, DEPLOY), told, str(MAX_LENGTH)]
    answer = client.eval(CHANGE_LUA, 2, rollout_key(service), events_key(service), *arguments, *values)
    return then if answer else None
