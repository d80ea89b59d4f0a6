"""How every process opens the state Redis, the proxy's hot path excepted.

redis-py tries failed commands again by default. That can lie: a second INCR counts twice, a second "take
this name" is told that it is taken. So a failure is raised at once here, and the caller, who knows what may
be repeated, decides.
"""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def connect(url: str, *, timeout: float = 2.0, name: str = "selfieless") -> redis.Redis:
    """A client of the Redis at `url` (unix:///path or redis://host:port/db); connects on first use.

    `timeout` is in seconds and bounds the connecting and each answer. Commands raise redis.RedisError at
    the first failure; answers are str. `name` shows in CLIENT LIST.
    """
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        client_name=name,
    )
