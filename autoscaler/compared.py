"""Whether the table of containers has been compared with what really runs, since Redis holds what it holds.

    NAME:compared   string   unix time of the last comparison   written by the monitor, read by the autoscaler

A Redis that has lost everything shows an empty table while containers go on. Until they are taken into the table again
nobody knows how many there are, and unknown is not zero: a launch on the port of one of them would replace it.
"""

import redis
from redis.client import Pipeline

from deploy.wake import AUTOSCALER, wake

PATIENCE = 10.0  # seconds; without any monitor (it is back within ten seconds) scaling goes on by the table alone


def compared_key(service: str) -> str:
    """Key of the time."""
    return f"{service}:compared"


def queue_read(pipe: Pipeline, service: str) -> None:
    """Queue the reading; the answer is None while nobody has compared."""
    pipe.get(compared_key(service))


def mark(client: redis.Redis, service: str, now: float) -> None:
    """A comparison was made at unix time `now`; if it was the first one, whoever waits for it goes on at once."""
    if client.set(compared_key(service), f"{now:.3f}", get=True) is None:
        wake(client, service, AUTOSCALER)
