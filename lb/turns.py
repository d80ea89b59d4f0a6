"""Turns: one integer that says whose turn it is.

    NAME:turn   integer   the last turn claimed   written by lb only, with INCRBY; it never goes back

Every forwarded request claims the next turn, over all workers of all machines, and `ring.return_port` says
which container the turn falls to. A worker that has n requests at hand claims n at once: INCRBY answers the
last of them.
"""

from typing import cast

import redis

# Lets the turn go on where the workers left it when Redis came back empty, or behind what was used
# meanwhile: KEYS[1] the turn, ARGV[1] the highest turn a worker used. Never lowers it; safe from many
# workers in any order.
RAISE_LUA = """
local turn = tonumber(redis.call('GET', KEYS[1]) or '0')
if turn < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1])
  return tonumber(ARGV[1])
end
return turn
"""


def turn_key(service: str) -> str:
    """Key of the last turn claimed."""
    return f"{service}:turn"


def claim(client: redis.Redis, service: str, count: int = 1) -> range:
    """Claim `count` turns and return them. Raises redis.RedisError; never repeat it then, a claim is no
    read.
    """
    last = client.incrby(turn_key(service), count)
    return range(last - count + 1, last + 1)


def next_turn(client: redis.Redis, service: str) -> int:
    """The turn that the next request will claim, without claiming it."""
    return int(cast("str | None", client.get(turn_key(service))) or 0) + 1


def raise_to(client: redis.Redis, service: str, turn: int) -> int:
    """Make the last claimed turn at least `turn`; returns what it is now."""
    return cast(int, client.eval(RAISE_LUA, 1, turn_key(service), str(turn)))
