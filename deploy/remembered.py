"""A story of many steps as Redis remembers it: one hash, and every change told as an event.

SERVICE:NAME   hash   the fields of a kind of story, which is a frozen dataclass with a NAME
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import ClassVar, TypeVar, cast

import redis

from deploy.container import text_of
from deploy.container_table import flat
from deploy.wake import DEPLOY, wake_channel
from lb.events import MAX_LENGTH, Event, events_key, fields_of


@dataclass(frozen=True)
class Story:
    """What every such story has."""

    NAME: ClassVar = ""  # the last part of its key

    moves: int = 0  # tells two states of it apart


AnyStory = TypeVar("AnyStory", bound=Story)

# KEYS 1 the hash, 2 events. ARGV 1 expected moves ("0": it may be missing), 2 channel that wakes the deploy worker,
# 3 event, a JSON list [field, value, …], 4 the cap of the event stream, 5… field, value, …
# Answer: 1, or 0 when it is not as expected.
CHANGE_LUA = """
if (redis.call('HGET', KEYS[1], 'moves') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*', unpack(cjson.decode(ARGV[3])))
redis.call('PUBLISH', ARGV[2], KEYS[1])
return 1
"""


def story_of(kind: type[AnyStory], hash_fields: Mapping[str, str]) -> AnyStory:
    """The story of a Redis hash; fields that this version does not know are left out."""
    kinds = {field.name: field.type for field in fields(kind)}
    known = {name: kinds[name](text) for name, text in hash_fields.items() if name in kinds}  # type: ignore[operator]
    return kind(**known)


def key_of(service: str, kind: type[Story]) -> str:
    """Key of the hash."""
    return f"{service}:{kind.NAME}"


def read(client: redis.Redis, service: str, kind: type[AnyStory]) -> AnyStory:
    """The story as it stands. Raises redis.RedisError."""
    return story_of(kind, cast("dict[str, str]", client.hgetall(key_of(service, kind))))


def change(client: redis.Redis, service: str, seen: AnyStory, then: AnyStory, event: Event) -> AnyStory | None:
    """Put `then` in the place of what was read as `seen`, and tell it.

    None when it is not as it was read: somebody was quicker. Raises redis.RedisError.
    """
    then = replace(then, moves=seen.moves + 1)
    told = json.dumps(flat(fields_of(event)))
    values = flat({name: text_of(value) for name, value in asdict(then).items()})
    arguments = [str(seen.moves), wake_channel(service, DEPLOY), told, str(MAX_LENGTH)]
    answer = client.eval(CHANGE_LUA, 2, key_of(service, type(then)), events_key(service), *arguments, *values)
    return then if answer else None
