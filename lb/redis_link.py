"""One connection to the state Redis for the hot path: bare RESP3 over a uvloop protocol, parsed by hiredis.

Everything is pipelined: a caller hands over packed commands, the number of answers they will have, and a
callback for them; answers come in order. Pub/sub notices arrive on the same connection (RESP3 pushes), so
that a notice is never older than an answer read after it. When the connection is lost every callback that
still waits gets None, which means "nobody knows whether it was done"; the link itself tries nothing twice.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import hiredis

from lb.redis_url import RedisAddress

Command = Sequence[str | bytes | int | float]
Replies = list[Any]  # what hiredis makes of answers: bytes, int, list, dict, ReplyError
Callback = Callable[[Replies | None], None]


def pack(*commands: Command) -> bytes:
    """The bytes of these commands."""
    return b"".join([hiredis.pack_command(tuple(command)) for command in commands])  # type: ignore[arg-type]


class LinkOwner(Protocol):
    """Who uses the link."""

    def on_push(self, message: list[Any]) -> None:
        """A pub/sub message arrived: [kind, channel, payload]."""

    def on_link_lost(self, link: "RedisLink") -> None:
        """The connection is gone; called after every waiting callback got None."""


class RedisError(Exception):
    """Redis answered a command of the handshake with an error, or not at all."""


class RedisLink(asyncio.Protocol):
    """A pipelined connection. `RedisPlace.open_link` makes one."""

    __slots__ = ("cause", "got", "owner", "reader", "transport", "waiting")

    def __init__(self, owner: LinkOwner) -> None:
        self.owner = owner
        self.cause: Exception | None = None  # why it was lost, where that is known
        self.reader = hiredis.Reader()
        self.transport: asyncio.Transport | None = None
        # Number of answers, who gets them, when it was sent (monotonic seconds); oldest first.
        self.waiting: deque[tuple[int, Callback, float]] = deque()
        self.got: Replies = []  # answers to the oldest

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self.transport = transport  # type: ignore[assignment]

    def send(self, packed: bytes, answers: int, callback: Callback) -> None:
        """Write commands; `callback` gets their `answers` in a list, or None when the link is lost before."""
        if self.transport is None:
            callback(None)
            return
        self.waiting.append((answers, callback, time.monotonic()))
        self.transport.write(packed)

    async def ask(self, *commands: Command) -> Replies:
        """Send commands and wait for all answers. Raises RedisError if one is an error or the link is lost."""
        future: asyncio.Future[Replies | None] = asyncio.get_running_loop().create_future()

        def settle(replies: Replies | None) -> None:
            if not future.done():  # who asked may have stopped waiting
                future.set_result(replies)

        self.send(pack(*commands), len(commands), settle)
        replies = await future
        if replies is None:
            raise RedisError(f"the connection was lost ({self.cause})" if self.cause else "the connection was lost")
        for reply in replies:
            if isinstance(reply, hiredis.ReplyError):
                raise RedisError(str(reply))
        return replies

    def data_received(self, data: bytes) -> None:
        """Called by the loop: hand the answers to those who wait, in order."""
        reader, got = self.reader, self.got
        reader.feed(data)
        while (reply := reader.gets()) is not False:
            if type(reply) is hiredis.PushNotification:
                self.owner.on_push(reply)
                continue
            got.append(reply)
            if len(got) == self.waiting[0][0]:
                _, callback, _ = self.waiting.popleft()
                self.got, replies = [], got
                got = self.got
                callback(replies)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop: tell everybody who waits that nobody knows."""
        self.transport, self.cause = None, error
        lost, self.waiting = self.waiting, deque()
        for _, callback, _ in lost:
            callback(None)
        self.owner.on_link_lost(self)

    def overdue(self, limit: float) -> bool:
        """Whether the oldest unanswered command was sent more than `limit` seconds ago."""
        return bool(self.waiting) and time.monotonic() - self.waiting[0][2] > limit

    def close(self) -> None:
        """Break the connection off; `connection_lost` follows."""
        if self.transport is not None:
            self.transport.abort()


async def introduce(link: RedisLink, address: RedisAddress, name: str, channel: str) -> None:
    """The handshake of a new connection. Raises RedisError."""
    hello: list[str | int] = ["HELLO", 3]
    if address.password:
        hello += ["AUTH", address.user, address.password]
    hello += ["SETNAME", name.replace(" ", "-")]
    await link.ask(hello, ("SELECT", address.database))
    if link.transport is None:
        raise RedisError("the connection was lost")
    link.transport.write(pack(("SUBSCRIBE", channel)))  # its only answer is a push: nobody waits for one
