"""The requests of the last minutes, one member each, so that "how many in the last 120 s" has an exact
answer.

    NAME:requests   sorted set   member = "<worker id>:<n>", score = unix time   lb adds, the autoscaler trims

Functions take the pipeline, so that the caller decides what travels together.
"""

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


def count(client: redis.Redis, service: str, now: float, window: float) -> int:
    """How many counted requests came after `now` - `window` (seconds). Raises redis.RedisError, never
    guesses 0.
    """
    return client.zcount(requests_key(service), f"({now - window}", "+inf")


def trim(pipe: Pipeline, service: str, now: float, window: float) -> None:
    """Queue the removal of what is older than `window` seconds."""
    pipe.zremrangebyscore(requests_key(service), "-inf", now - window)
