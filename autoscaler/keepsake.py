"""What persons have ordered, kept in mind for the case that the state Redis comes back empty.

A number that a person has fixed holds until he says `auto`, and a port that he has stopped stays empty. Both stand in
Redis. When that has lost everything, which the missing beginning of the records shows, the autoscaler that has read
them a second before writes them again, and tells it. One that was itself started anew since then knows nothing.
"""

from collections.abc import Mapping

import redis

from autoscaler.override import scale_key
from deploy.stopped import stopped_key
from lb.events import Event, Kind, queue_event

Hash = Mapping[str, str]  # as Redis holds it


class Keepsake:
    """One autoscaler's memory of it."""

    def __init__(self, client: redis.Redis, service: str, who: str) -> None:
        self._redis = client
        self._service = service
        self._who = who
        self._kept: tuple[Hash, Hash] = ({}, {})

    def after(self, said: Hash, marks: Hash, *, redis_is_new: bool) -> tuple[Hash, Hash]:
        """The number that is fixed and the ports that are stopped, of what was read, or as they were before the loss.

        Raises redis.RedisError.
        """
        if redis_is_new and not said and not marks and any(self._kept):
            self._restore(*self._kept)
        else:
            self._kept = (said, marks)
        return self._kept

    def _restore(self, said: Hash, marks: Hash) -> None:
        pipe = self._redis.pipeline(transaction=True)
        for key, fields in ((scale_key(self._service), said), (stopped_key(self._service), marks)):
            for field, value in fields.items():
                pipe.hset(key, field, value)
        if told := what_was_ordered(said, marks):
            reason = f"the state Redis has lost everything; what persons had ordered holds on: {told}"
            queue_event(pipe, self._service, Event(Kind.ORDERED, None, reason, self._who))
        pipe.execute()


def what_was_ordered(said: Hash, marks: Hash) -> str:
    """In words; empty where nothing holds."""
    number = [f"{said['number']} containers, by {said.get('by', '')}"] if said.get("number") else []
    return ", ".join(number + [f"{port} stays empty" for port in sorted(marks)])
