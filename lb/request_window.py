"""The requests of the last minutes, one member each, so that "how many in the last 120 s" has an exact
answer.

    NAME:requests         sorted set   "<worker id>:<n>", score = unix time   lb adds, the autoscaler trims
    NAME:requests:slots   hash         start of a slot in ms -> requests      the same, with COUNT_PRECISION

A member costs 105 to 140 bytes: 125 to 165 MB at 10,000 requests/s over a window of 120 s. Where that does not fit,
COUNT_PRECISION (seconds) makes the workers count by slots of that length instead: window / precision
numbers in all, whatever the rate, and a count that is wrong by one slot's requests at most. Readers add up
both, so that the mode may change at any time. Functions take the pipeline, so that the caller decides what
travels together.
"""

from typing import cast

import redis
from redis.client import Pipeline


def requests_key(service: str) -> str:
    """Key of the sorted set."""
    return f"{service}:requests"


def member(worker_id: str, number: int) -> str:
    """The name of a worker's n-th counted request; unique because worker ids are."""
    return f"{worker_id}:{number}"


def record(pipe: Pipeline, service: str, member: str, at: float) -> None:
    """Queue the writing of one request that came at unix time `at`."""
    pipe.zadd(requests_key(service), {member: at})


def slots_key(service: str) -> str:
    """Key of the hash of slots."""
    return f"{service}:requests:slots"


def slot_of(at: float, precision: float) -> int:
    """The slot that unix time `at` falls into: its start in ms. `precision` is a slot's length in seconds."""
    length = max(1, round(precision * 1000))
    return int(at * 1000) // length * length


# KEYS: sorted set, slots. ARGV: the window's beginning in unix seconds, excluded, and in ms. Returns the number.
COUNT_LUA = """
local total = redis.call('ZCOUNT', KEYS[1], '(' .. ARGV[1], '+inf')
local slots = redis.call('HGETALL', KEYS[2])
for i = 1, #slots, 2 do
  if tonumber(slots[i]) > tonumber(ARGV[2]) then
    total = total + tonumber(slots[i + 1])
  end
end
return total
"""

# KEYS and ARGV as above, but what is exactly as old as the window goes too.
TRIM_LUA = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
for _, start in ipairs(redis.call('HKEYS', KEYS[2])) do
  if tonumber(start) <= tonumber(ARGV[2]) then
    redis.call('HDEL', KEYS[2], start)
  end
end
"""


def window_arguments(service: str, now: float, window: float) -> tuple[str, str, str, str]:
    """Keys and arguments of both scripts."""
    begin = now - window
    return requests_key(service), slots_key(service), repr(begin), str(int(begin * 1000))


def count(client: redis.Redis, service: str, now: float, window: float) -> int:
    """How many counted requests came after `now` - `window` (seconds). Raises redis.RedisError, never guesses 0.

    One command: with a pipeline it is queued, and the number is one of the pipeline's answers.
    """
    return cast(int, client.eval(COUNT_LUA, 2, *window_arguments(service, now, window)))


def trim(client: redis.Redis, service: str, now: float, window: float) -> None:
    """Remove what is older than `window` seconds: one command, which a Redis that is full does as well."""
    client.eval(TRIM_LUA, 2, *window_arguments(service, now, window))
