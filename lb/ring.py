"""The ring: which containers may receive traffic now, in the order in which turns fall to them.

Redis holds it as a hash (port to address) with a version beside it that goes up with every change, in the
same MULTI or script, and is published then. Whoever compares versions asks for "different": a worker that
sees another version than the one it knows reads the ring again before it routes. To have acted on version v
means to have acted on v or a later one, since versions only grow. When the version key is missing (a Redis
that lost everything) the next version is the time in unix seconds, which lies above every version before,
because rings change less than once a second on the average of their life.

    NAME:ring           hash     port -> "host:port"   written by deploy, read by lb and by who shows it
    NAME:ring:version   integer  goes up by one        written by deploy with the hash
    NAME:ring:changed   channel  message = version     published by deploy with the hash; " sick PORT" may
                                                       follow, and then what waits there is tried elsewhere
    NAME:ring:history   stream   version, members, note   every version there was, written with it; the last 10,000
"""

import json
from collections.abc import Mapping
from typing import NamedTuple, cast

import redis

from lb.events import moment_of


class Member(NamedTuple):
    """A container in the ring: its port (its name) and the address ("host:port") where it answers."""

    port: int
    address: str


class Ring(NamedTuple):
    """One version of the ring; members are ordered by port. Version 0 says that no ring was ever written."""

    version: int = 0
    members: tuple[Member, ...] = ()


HISTORY_LENGTH = 10_000  # versions that are remembered, about 3 MB; a ring changes a few times an hour

# Fragment for scripts that change the ring: defines bump(ring_key, version_key, history_key, channel, now, note) ->
# the new version, published and remembered. Effects: INCR, or SET to `now` (unix seconds) when the key is missing.
# The caller has changed the hash before, in the same script. `note` may be nil or "sick PORT": why a container left.
BUMP_LUA = f"""
local function bump(ring_key, version_key, history_key, channel, now, note)
  local version
  if redis.call('EXISTS', version_key) == 1 then
    version = redis.call('INCR', version_key)
  else
    version = math.floor(tonumber(now))
    redis.call('SET', version_key, version)
  end
  local members, flat = {{}}, redis.call('HGETALL', ring_key)
  for i = 1, #flat, 2 do members[flat[i]] = flat[i + 1] end
  redis.call('XADD', history_key, 'MAXLEN', '~', {HISTORY_LENGTH}, '*',
    'version', version, 'members', cjson.encode(members), 'note', note or '')
  redis.call('PUBLISH', channel, version .. (note and ' ' .. note or ''))
  return version
end
"""


# Version and members of one moment. KEYS: version, ring. Answer: the version (nil is 0), and [port, address, …].
# A script and no MULTI, which a Redis whose memory is full refuses, whatever is to follow.
READ_LUA = "return {redis.call('GET', KEYS[1]), redis.call('HGETALL', KEYS[2])}"


def ring_key(service: str) -> str:
    """Key of the hash port -> address."""
    return f"{service}:ring"


def version_key(service: str) -> str:
    """Key of the version."""
    return f"{service}:ring:version"


def changed_channel(service: str) -> str:
    """Channel on which every new version is published."""
    return f"{service}:ring:changed"


def history_key(service: str) -> str:
    """Key of the stream of all versions."""
    return f"{service}:ring:history"


def return_port(ring: Ring, turn: int) -> int | None:
    """The port that the turn falls to: the turn modulo the healthy ring. None when the ring is empty."""
    members = ring.members
    return members[turn % len(members)].port if members else None


def notice_of(message: str) -> tuple[int, int | None]:
    """What a message on the channel says: the version, and the port that left the ring because it is sick."""
    version, _, note = message.partition(" ")
    kind, _, port = note.partition(" ")
    return int(version), int(port) if kind == "sick" else None


def ring_of(version: str | bytes | None, addresses: Mapping[str, str]) -> Ring:
    """A ring from what Redis holds: the version (None is 0) and the hash."""
    members = sorted(Member(int(port), address) for port, address in addresses.items())
    return Ring(int(version or 0), tuple(members))


def read_ring(client: redis.Redis, service: str) -> Ring:
    """The ring as it stands, version and members of one moment. Raises redis.RedisError."""
    answer = client.eval(READ_LUA, 2, version_key(service), ring_key(service))
    version, members = cast("tuple[str | None, list[str]]", answer)
    return ring_of(version, dict(zip(members[::2], members[1::2], strict=True)))


def history(client: redis.Redis, service: str, count: int = HISTORY_LENGTH) -> list[tuple[float, Ring]]:
    """The last `count` rings and since when (unix seconds) each was the ring, oldest first."""
    found = client.xrevrange(history_key(service), "+", "-", count)
    entries = cast("list[tuple[str, dict[str, str]]]", found)
    return [
        (moment_of(entry_id), ring_of(fields["version"], json.loads(fields["members"])))
        for entry_id, fields in reversed(entries)
    ]
