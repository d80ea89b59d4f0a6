"""Puts a ring into Redis where no deploy runs that would; versions, notices and history come from the real script."""

from collections.abc import Mapping
from typing import cast

import redis

from lb.ring import BUMP_LUA, changed_channel, history_key, ring_key, version_key

# KEYS: ring, version, history. ARGV: channel, now in unix seconds, then port, address, port, address… Returns the
# version.
REPLACE_LUA = (
    BUMP_LUA
    + """
redis.call('DEL', KEYS[1])
for i = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
return bump(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2])
"""
)


def replace_ring(client: redis.Redis, service: str, addresses: Mapping[int, str], now: float) -> int:
    """Put these in the ring's place and publish; returns the new version. `now` is unix seconds."""
    arguments: list[str | int | float] = [changed_channel(service), now]
    for port, address in addresses.items():
        arguments += [port, address]
    keys = (ring_key(service), version_key(service), history_key(service))
    answer = client.eval(REPLACE_LUA, len(keys), *keys, *map(str, arguments))
    return cast(int, answer)
