"""How full the state Redis is, where its memory is bounded (maxmemory), as deploy/stack.yaml and compose.yaml do.

One that is full refuses whatever would make it larger, and goes on to answer who only reads. So the proxy goes on by
the last ring, nobody can give a sign of life, and nothing is ordered, until the window's oldest requests are forgotten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis
from redis.client import Pipeline

FULL = 0.95  # of the bound: each second some is forgotten, and filled again at once
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class StateMemory:
    """Bytes that are used, and how many may be; 0: as many as the machine has."""

    used: int = 0
    most: int = 0

    @property
    def is_full(self) -> bool:
        """Whether writes are refused now, or were a moment ago."""
        return self.used > FULL * self.most > 0

    @property
    def trouble(self) -> str:
        """That it is full, and what to do, in a sentence; empty while there is room."""
        if not self.is_full:
            return ""
        return (
            f"the state Redis is full ({self.used / MEGABYTE:.0f} of {self.most / MEGABYTE:.0f} MB): requests go on, "
            "and nothing is scaled or relaunched. Give it more memory (STATE_MEMORY, or maxmemory of one of your own), "
            "or set COUNT_PRECISION=1"
        )


def queue_read(pipe: Pipeline) -> None:
    """Queue the reading; `memory_of` understands the answer."""
    pipe.info("memory")


def memory_of(answer: Mapping[str, Any]) -> StateMemory:
    """What INFO says."""
    return StateMemory(int(answer.get("used_memory", 0)), int(answer.get("maxmemory", 0)))


def read(client: redis.Redis) -> StateMemory:
    """How it is now. Raises redis.RedisError."""
    pipe = client.pipeline(transaction=False)
    queue_read(pipe)
    return memory_of(pipe.execute()[0])
