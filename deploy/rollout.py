"""The roll-out as Redis remembers it: from which image to which, and how far.

    NAME:rollout   hash   the fields of `Rollout`   begun and aborted by the command line, driven by the deploy worker

It stays when it is over, because new containers are started from its image, and `--rollback` goes back to the one
before. Without it they are started from the image that the newest container has, or from what is configured.

              ┌──────────▶ done
    rolling ──┤
              └─▶ undoing ──▶ failed, aborted
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Self, cast

import redis
from redis.client import Pipeline

from deploy import remembered
from deploy.container import Container
from deploy.container_table import generation_key
from deploy.remembered import Story
from lb.events import Event, Kind


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
class Rollout(Story):
    """The last roll-out, or the one under way. Times are unix seconds."""

    NAME: ClassVar = "rollout"

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
    return remembered.key_of(service, Rollout)


def rollout_of(hash_fields: Mapping[str, str]) -> Rollout:
    """The roll-out of a Redis hash; fields that this version does not know are left out."""
    return remembered.story_of(Rollout, hash_fields)


def queue_read(pipe: Pipeline, service: str) -> None:
    """Queue the reading; `rollout_of` understands the answer."""
    pipe.hgetall(rollout_key(service))


def read(client: redis.Redis, service: str) -> Rollout:
    """The roll-out as it stands. Raises redis.RedisError."""
    return remembered.read(client, service, Rollout)


def forget(client: redis.Redis, service: str) -> None:
    """A service that is started anew runs what is configured, whatever was deployed before."""
    client.delete(rollout_key(service))


def mark_of(client: redis.Redis, service: str) -> int:
    """The last generation that was given out: containers that come have a later one."""
    return int(cast("str | None", client.get(generation_key(service))) or 0)


def event_of(told: str, by: str) -> Event:
    """What the operator reads about a roll-out."""
    return Event(Kind.ROLLOUT, None, told, by)


def change(client: redis.Redis, service: str, seen: Rollout, then: Rollout, event: Event) -> Rollout | None:
    """Put `then` in the place of what was read as `seen`, and tell it.

    None when it is not as it was read: somebody was quicker. Raises redis.RedisError.
    """
    return remembered.change(client, service, seen, then, event)
