"""The table of containers: what exists, in which state, and since when. Every change is compare-and-set.

    NAME:containers             sorted set   member and score = port                  written here
    NAME:container:8000         hash         the fields of `Container`, and status    written here
    NAME:containers:generation  integer      the last generation that was given out   written here

One Lua script makes every change. It also keeps the ring in step (a container is in the ring exactly while it is
RUNNING), appends the event, and wakes the deploy worker: all of it happens, or nothing. Two who want to move the same
container from the same state get one winner; the other is answered None and has nothing to do.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import cast

import redis

from deploy.container import Container, container_of, text_of
from deploy.container_state import FIRST, LAST, State, may_move
from deploy.runtime.base import Found
from deploy.wake import DEPLOY, wake_channel
from lb.events import MAX_LENGTH, Event, Kind, events_key, fields_of
from lb.ring import BUMP_LUA, changed_channel, history_key, ring_key, version_key
from lb.settings import ServiceSettings

# KEYS  1 the container's hash, 2 the set of containers, 3 ring, 4 ring version, 5 events, 6 generation,
#       7 ring history
# ARGV  1 expected state ("" = it must not exist), 2 expected generation, 3 expected count of moves
#       4 the state to go to ("" = remove; the expected one = only change fields)
#       5 now, unix seconds ("" = Redis's time), 6 port
#       7 channel of ring changes, 8 channel that wakes the deploy worker
#       9 event, a JSON list [field, value, …] ("" = none), 10 the cap of the event stream
#       11 "1": changed fields count as a move, for whoever has seen it before and is about to act on what they were
#       12… field, value, …
# Answer: the whole hash as [field, value, …] after the change ([] after a removal), or nil when the container was
# not as expected. The generation is the counter's next at every move into STARTING, unless a field names it (an
# adopted one); a counter that is missing starts at the time, which lies above all that a lost Redis had given out.
CHANGE_LUA = (
    BUMP_LUA
    + """
local expected, to, now, port = ARGV[1], ARGV[4], ARGV[5], ARGV[6]
if now == '' then now = redis.call('TIME')[1] end
local found = redis.call('HMGET', KEYS[1], 'state', 'generation', 'moves')
if expected == '' then
  if found[1] then return nil end
elseif found[1] ~= expected or found[2] ~= ARGV[2] or found[3] ~= ARGV[3] then
  return nil
end

if to ~= '' then
  if #ARGV > 11 then redis.call('HSET', KEYS[1], unpack(ARGV, 12)) end
  if to ~= expected or ARGV[11] == '1' then redis.call('HINCRBY', KEYS[1], 'moves', 1) end
  if to ~= expected then
    redis.call('HSET', KEYS[1], 'state', to, 'since', now, 'status', to == 'running' and 'True' or 'False')
    redis.call('ZADD', KEYS[2], port, port)
  end
  if to == 'starting' and to ~= expected then
    if redis.call('EXISTS', KEYS[6]) == 0 then redis.call('SET', KEYS[6], math.floor(tonumber(now))) end
    local generation = redis.call('INCR', KEYS[6])
    if expected ~= '' and expected ~= 'stopping' then redis.call('HINCRBY', KEYS[1], 'restarts', 1) end
    if expected ~= '' or redis.call('HEXISTS', KEYS[1], 'generation') == 0 then
      redis.call('HSET', KEYS[1], 'generation', generation)
    end
  end
else
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], port)
end

local changed
if to == 'running' then
  local address = redis.call('HGET', KEYS[1], 'address')
  changed = redis.call('HGET', KEYS[3], port) ~= address
  if changed then redis.call('HSET', KEYS[3], port, address) end
else
  changed = redis.call('HDEL', KEYS[3], port) == 1
end
local event = ARGV[9] ~= '' and cjson.decode(ARGV[9])
if changed then
  local version = bump(KEYS[3], KEYS[4], KEYS[7], ARGV[7], now, to == 'sick' and 'sick ' .. port or nil)
  if to ~= '' then redis.call('HSET', KEYS[1], 'ring_version', version) end
  if event then
    event[#event + 1] = 'ring_version'
    event[#event + 1] = version
  end
end

if event then redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[10], '*', unpack(event)) end
if to ~= expected or ARGV[11] == '1' then redis.call('PUBLISH', ARGV[8], port) end
return redis.call('HGETALL', KEYS[1])
"""
)

# What the operator reads about a move. A move into DRAINING has no event of its own: whoever ordered it tells why.
EVENTS: dict[tuple[State, State], Kind] = {
    (State.STARTING, State.RUNNING): Kind.HEALTHY,
    (State.DRAINING, State.RUNNING): Kind.HEALTHY,
    (State.STARTING, State.SICK): Kind.SICK,
    (State.RUNNING, State.SICK): Kind.SICK,
    (State.SICK, State.STARTING): Kind.RELAUNCHED,
    (State.FAILED, State.STARTING): Kind.RELAUNCHED,
    (State.STOPPING, State.STARTING): Kind.LAUNCHED,
    (State.STARTING, State.FAILED): Kind.FAILED,
    (State.SICK, State.FAILED): Kind.FAILED,
    (State.DRAINING, State.STOPPING): Kind.DRAINED,
}

# What the script or the table alone writes.
KEPT = {"port", "number", "state", "generation", "moves", "restarts", "since", "ring_version"}
SETTABLE = frozenset(field.name for field in fields(Container)) - KEPT


def containers_key(service: str) -> str:
    """Key of the set of ports."""
    return f"{service}:containers"


def container_key(service: str, port: int) -> str:
    """Key of one container's hash."""
    return f"{service}:container:{port}"


def generation_key(service: str) -> str:
    """Key of the counter of generations."""
    return f"{service}:containers:generation"


@dataclass(frozen=True)
class Change:
    """One run of the script. `container` is what is expected, None that nothing is there; `to` "" removes it."""

    container: Container | None
    port: int
    to: str
    now: float | None  # unix seconds; None lets Redis look at its clock
    values: Mapping[str, object]
    event: Event | None
    counts: bool = False  # as a move, though the state stays


class ContainerTable:
    """The table in Redis. All raise redis.RedisError when it does not answer: not knowing is not "none"."""

    def __init__(self, client: redis.Redis, service: ServiceSettings) -> None:
        self._redis = client
        self._service = service
        self._script = client.register_script(CHANGE_LUA)

    def all(self) -> list[Container]:
        """Every container, ordered by port; one round trip, one moment."""
        name = self._service.name
        answer = self._redis.eval(ALL_LUA, 2, containers_key(name), container_key(name, 0)[:-1])
        return [container_of(pairs(row)) for row in cast("list[list[str]]", answer)]

    def get(self, port: int) -> Container | None:
        """The container on `port`; None when there is none."""
        found = self._redis.hgetall(container_key(self._service.name, port))
        return container_of(cast("dict[str, str]", found)) if found else None

    def add(
        self, port: int, *, now: float, reason: str, by: str, adopted: Found | None = None, **fields: object
    ) -> Container | None:
        """Add a container as STARTING; None when somebody was first. `now` is unix seconds.

        With `adopted` it is one that already runs: it keeps its generation and goes on to be probed, and joins the ring
        once it is healthy or is relaunched like any other. `fields` are further fields of `Container`.
        """
        values: dict[str, object] = {"port": port, "number": self._service.number_of(port)}
        values |= {"created_at": now, "down_since": now, "reason": reason, "by": by}
        values |= (fields_of_found(adopted) if adopted else {}) | checked(fields)
        kind = Kind.ADOPTED if adopted else Kind.LAUNCHED
        return self._changed(Change(None, port, FIRST, now, values, Event(kind, port, reason, by)))

    def move(
        self, container: Container, to: State, *, now: float, reason: str, by: str, **changes: object
    ) -> Container | None:
        """Move the container as it was read; None when it is not so any more (the race is lost, nothing to do).

        `changes` are further fields of `Container`. A wait of the old state ends: its deadline is cleared unless given.
        Raises ValueError for a move that the table of moves does not have.
        """
        if not may_move(container.state, to):
            raise ValueError(f"a container cannot go from {container.state} to {to}")
        values = {"deadline": 0.0, "reason": reason, "by": by} | checked(changes)
        if container.state is State.RUNNING:
            values["down_since"] = now
        event = event_of_move(container, to, now=now, reason=reason, by=by)
        return self._changed(Change(container, container.port, to, now, values, event))

    def update(self, container: Container, **changes: object) -> Container | None:
        """Change fields of a container that is still as it was read, without a move; None when it is not."""
        return self._changed(Change(container, container.port, container.state, None, checked(changes), None))

    def amend(self, container: Container, **changes: object) -> Container | None:
        """Change what is to become of a container that is still as it was read, in the state in which it is.

        Who has read it before, and goes by what was to become of it then, loses his move. None when it is not as read.
        """
        return self._changed(Change(container, container.port, container.state, None, checked(changes), None, True))

    def remove(self, container: Container, *, now: float, reason: str, by: str) -> bool:
        """Take a container out of the table; False when it is not as it was read. ValueError unless it is STOPPING."""
        if container.state is not LAST:
            raise ValueError(f"a container that is {container.state} cannot be removed, only one that is {LAST}")
        event = Event(Kind.STOPPED, container.port, reason, by, seconds=now - container.since)
        return self._run(Change(container, container.port, "", now, {}, event)) is not None

    def _changed(self, change: Change) -> Container | None:
        answer = self._run(change)
        return None if answer is None else container_of(pairs(answer))

    def _run(self, change: Change) -> list[str] | None:
        name = self._service.name
        keys = [container_key(name, change.port), containers_key(name), ring_key(name), version_key(name)]
        keys += [events_key(name), generation_key(name), history_key(name)]
        channels = (changed_channel(name), wake_channel(name, DEPLOY))
        return cast("list[str] | None", self._script(keys=keys, args=arguments(change, channels)))


# KEYS 1 the set of containers, 2 the prefix of their hashes. Answer: every hash as a flat list, ordered by port.
ALL_LUA = """
local rows = {}
for _, port in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local row = redis.call('HGETALL', KEYS[2] .. port)
  if #row > 0 then rows[#rows + 1] = row end
end
return rows
"""


def arguments(change: Change, channels: tuple[str, str]) -> list[str]:
    """ARGV of the script."""
    seen = change.container
    expected = (seen.state, seen.generation, seen.moves) if seen else ("", "", "")
    now = "" if change.now is None else text_of(change.now)
    told = json.dumps(flat(fields_of(change.event))) if change.event else ""
    values = {field: text_of(value) for field, value in change.values.items()}
    words = [*map(str, expected), str(change.to), now, str(change.port), *channels, told, str(MAX_LENGTH)]
    return [*words, "1" if change.counts else "", *flat(values)]


def event_of_move(container: Container, to: State, *, now: float, reason: str, by: str) -> Event | None:
    """What is told about a move; its seconds are how long the state before, or the way back to health, took."""
    kind = EVENTS.get((container.state, to))
    if kind is None:
        return None
    began = container.down_since if kind is Kind.HEALTHY else container.since
    seconds = None if container.state is State.RUNNING else max(0.0, now - began)  # `now` may be the tick's, a bit old
    return Event(kind, container.port, reason, by, seconds=seconds)


def fields_of_found(found: Found) -> dict[str, object]:
    """What the table takes over from a runtime's container."""
    return {"generation": found.generation} | whereabouts(found)


def whereabouts(found: Found) -> dict[str, object]:
    """The fields that say where a started container is."""
    return {
        "runtime_id": found.runtime_id,
        "address": found.address,
        "node": found.node,
        "image": found.image,
        "pid": found.pid or 0,
    }


def checked(changes: dict[str, object]) -> dict[str, object]:
    """The changes, if all of them are fields that a caller may set; else ValueError."""
    if unknown := set(changes) - SETTABLE:
        raise ValueError(f"not a field that may be set: {', '.join(sorted(unknown))}")
    return changes


def flat(values: Mapping[str, str]) -> list[str]:
    """[field, value, field, value, …]"""
    return [text for pair in values.items() for text in pair]


def pairs(answer: list[str]) -> dict[str, str]:
    """The reverse of `flat`: a hash from Redis's answer."""
    return dict(zip(answer[::2], answer[1::2], strict=True))
