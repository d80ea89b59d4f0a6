"""What may happen to a process in the middle of what it does: at its k-th step it dies, or is told an error, or loses
the answer to what was done, or has to wait while somebody else is quicker.

A step is one write to Redis or one call of the runtime. Redis is a real one: the fate sits in the connection.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import UnixDomainSocketConnection
from redis.retry import Retry

Happening = Callable[[], None]


class Killed(BaseException):
    """The process is gone. Nothing of ours may take it for a failure to go on after."""


def dies() -> None:
    """KILL."""
    raise Killed


def loses_redis() -> None:
    """The connection breaks."""
    raise redis.ConnectionError("fate broke the connection")


def is_refused() -> None:
    """Redis answers with an error."""
    raise redis.ResponseError("MISCONF fate does not let it write")


@dataclass
class Fate:
    """One process' steps, and what is to happen at one of them.

    `before` strikes instead of the step, `after` when it is done and its answer is on the way.
    """

    steps: int = 0
    at: int = 0  # the step that it strikes, counted from 1; 0: none
    before: Happening | None = None
    after: Happening | None = None
    told: list[str] = field(default_factory=list)  # each step in a word, for a failure that somebody must understand

    def strike(self, at: int, *, before: Happening | None = None, after: Happening | None = None) -> None:
        """Let it happen `at` steps from now."""
        self.steps, self.at, self.before, self.after = 0, at, before, after
        self.told.clear()

    def spare(self) -> None:
        """Nothing is to happen any more."""
        self.strike(0)

    def begin(self, word: str) -> bool:
        """A step begins; whether something happens at its end."""
        self.steps += 1
        self.told.append(word)
        if self.steps != self.at:
            return False
        self.at = 0  # once, also when what happens takes steps of its own
        if self.before:
            self.before()
        return self.after is not None

    def end(self) -> None:
        """The step that something happens after is done."""
        if self.after:
            self.after()


class FatedConnection(UnixDomainSocketConnection):
    """A connection to Redis with a fate."""

    def __init__(self, fate: Fate, **options: Any) -> None:
        super().__init__(**options)
        self.fate = fate
        self.greeted = False  # what is said at the beginning of a connection is no step
        self.struck = False

    def on_connect_check_health(self, check_health: bool = True) -> None:
        self.greeted = False
        super().on_connect_check_health(check_health)
        self.greeted = True

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if self._sock is None:
            self.connect()
        if self.greeted:
            self.struck = self.fate.begin("redis")
        super().send_packed_command(command, check_health)

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        response = super().read_response(*arguments, **options)
        if self.greeted and self.struck:
            self.struck = False
            try:
                self.fate.end()
            except BaseException:
                self.disconnect()  # what is left of the answer must not be taken for the next one's
                raise
        return response


def fated_client(path: Path, fate: Fate, decode_responses: bool = True) -> redis.Redis:
    """A client of the Redis on a unix socket, as the parts have one, with a fate."""
    pool = redis.ConnectionPool(
        connection_class=FatedConnection,
        path=str(path),
        fate=fate,
        decode_responses=decode_responses,
        retry=Retry(NoBackoff(), 0),
    )
    return redis.Redis(connection_pool=pool)


class FatedRuntime:
    """A runtime whose calls are steps."""

    STEPS = frozenset({"start", "terminate", "kill", "running", "find", "last_words"})

    def __init__(self, runtime: Any, fate: Fate) -> None:
        self.runtime = runtime
        self.fate = fate

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.runtime, name)
        if name not in self.STEPS:
            return method

        def step(*arguments: Any) -> Any:
            struck = self.fate.begin(name)
            answer = method(*arguments)
            if struck:
                self.fate.end()
            return answer

        return step
