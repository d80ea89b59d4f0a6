"""The containers' side: a pool of kept-alive connections for each member of the ring, and the protocol they
speak.

A connection carries one exchange at a time. It reads the answer's head (equal bytes as the last time need
no second judgement), knows by its framing where the body ends, and tells the exchange. It returns to the
pool only when the answer ended where it should and nothing followed; otherwise it is closed. Connections
idle for 30 s are closed, well before the containers would do it (75 s), so that a request hardly ever meets
a connection that is just being closed.
"""

import asyncio
import socket
import time
from collections import deque
from typing import Protocol

from lb.bodies import BadChunk, ChunkDecoder
from lb.counters import PortCounts
from lb.headers import CHUNKED, UNTIL_CLOSE, Answer, BadAnswer, read_answer

IDLE_SECONDS = 30.0
STOOD_STILL = 0.25  # seconds by which a time-out, or a tick, is late when this process did not get on
MAX_IDLE = 256  # kept connections per container and worker: as many as one worker keeps busy at full speed
RECEIVE_BYTES = 131072  # the kernel holds twice this of an answer that a client reads slowly; unbounded, megabytes
MAX_HEAD = 65536  # bytes of an answer's head, as of a request's
MAX_INTERIM = 100  # interim answers (1xx) in one read; a flood in many reads ends with UPSTREAM_TIMEOUT
MEMO_SIZE = 256  # heads remembered per container; they differ by date and length, so a second has few of them

HEAD, LENGTH, CHUNKS, TO_THE_END, TUNNEL = range(5)  # what a connection reads now


class Exchange(Protocol):
    """What a connection tells the exchange it serves."""

    headless: bool  # the request was HEAD
    upgrade: bytes  # the protocol the request asked to change to
    unfinished: bool  # part of the request has not been sent yet: nothing else may follow it

    def on_connection(self, connection: "UpstreamConnection") -> None:
        """A connection is there."""

    def on_no_connection(self, upstream: "Upstream", why: str) -> None:
        """None could be made; nothing was sent."""

    def on_interim(self, answer: Answer) -> None:
        """A 1xx head, more to follow."""

    def on_answer(self, answer: Answer, body: bytes, complete: bool) -> None:
        """The head of the answer and what came of its body with it."""

    def on_body(self, data: bytes) -> None:
        """More of the body, never empty."""

    def on_complete(self, trailers: list[bytes]) -> None:
        """The answer has ended where it should."""

    def on_tunnel(self, data: bytes) -> None:
        """Bytes of a tunnel."""

    def on_broken(self, why: str, answer_begun: bool, ended: bool = False) -> None:
        """The connection is useless and the answer has not ended; `ended`: orderly, before a byte of it."""

    def pause_client(self) -> None:
        """The container takes no more for now."""

    def resume_client(self) -> None:
        """The container takes more again."""


class UpstreamConnection(asyncio.Protocol):
    """One connection to a container."""

    __slots__ = (
        "answer",
        "buffer",
        "decoder",
        "exchange",
        "idle_since",
        "left",
        "mode",
        "nested",
        "transport",
        "upstream",
    )

    transport: asyncio.Transport

    def __init__(self, upstream: "Upstream") -> None:
        self.upstream = upstream
        self.exchange: Exchange | None = None
        self.mode = HEAD
        self.buffer = b""  # an incomplete head
        self.left = 0  # bytes of the body that have not come yet
        self.answer: Answer | None = None
        self.decoder: ChunkDecoder | None = None
        self.idle_since = 0.0
        self.nested = 0  # interim answers of one read that are being handed on

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self.transport = transport  # type: ignore[assignment]
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        exchange = self.exchange
        if exchange is None:
            self.transport.abort()  # a container that speaks unasked cannot be followed
        elif self.mode == HEAD:
            self.read_head(exchange, data)
        elif self.mode == LENGTH:
            self.read_length(exchange, data)
        elif self.mode == CHUNKS:
            self.read_chunks(exchange, data)
        elif self.mode == TUNNEL:
            exchange.on_tunnel(data)
        else:
            exchange.on_body(data)

    def read_head(self, exchange: Exchange, data: bytes) -> None:
        """Read a head, and hand on what came with it."""
        if self.buffer:
            data, self.buffer = self.buffer + data, b""
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            self.hold(exchange, data)
            return
        head = data[:end]
        answer = self.upstream.memo.get(head)
        if answer is None:
            try:
                answer = self.upstream.learn(head)
            except BadAnswer as bad:
                self.fail(exchange, f"Its answer has a {bad}" if "malformed" in str(bad) else f"Its answer is {bad}")
                return
        if answer.length == len(data) - end and answer.ordinary and not exchange.headless:
            self.end(answer.reusable)  # all of it came at once: the usual case
            exchange.on_answer(answer, data[end:], True)
        else:
            self.begin_body(exchange, answer, data, end)

    def hold(self, exchange: Exchange, data: bytes) -> None:
        """Keep an incomplete head."""
        if len(data) > MAX_HEAD:
            self.fail(exchange, "The head of its answer is too long")
        else:
            self.buffer = data

    def begin_body(self, exchange: Exchange, answer: Answer, data: bytes, end: int) -> None:
        """Tell the exchange of a head; `data` from `end` on is what came with it."""
        if answer.status < 200:
            self.interim(exchange, answer, data[end:])
            return
        length = 0 if answer.bodiless or exchange.headless else answer.length
        came = len(data) - end
        if came == length:
            self.end(answer.reusable)
            exchange.on_answer(answer, data[end:] if came else b"", True)
            return
        self.answer = answer
        if length == CHUNKED:
            self.mode, self.decoder = CHUNKS, ChunkDecoder()
        elif length == UNTIL_CLOSE:
            self.mode = TO_THE_END
        else:
            self.mode, self.left = LENGTH, length
        exchange.on_answer(answer, b"", False)
        if came and self.exchange is exchange:  # it may have gone elsewhere after this head
            self.data_received(data[end:])

    def interim(self, exchange: Exchange, answer: Answer, rest: bytes) -> None:
        """A 1xx head: hand it on, then read the next; 101 makes a tunnel if one was asked for."""
        if answer.status != 101:
            exchange.on_interim(answer)
        elif exchange.upgrade:
            self.mode = TUNNEL
            exchange.on_answer(answer, b"", False)
        else:
            self.fail(exchange, "It changed the protocol unasked")
            return
        if rest and self.exchange is exchange:
            self.nested += 1
            if self.nested > MAX_INTERIM:
                self.fail(exchange, "It sends interim answers without end")
            else:
                self.data_received(rest)
            self.nested -= 1

    def read_length(self, exchange: Exchange, data: bytes) -> None:
        """Read a body of known length."""
        self.left -= len(data)
        if self.left > 0:
            exchange.on_body(data)
            return
        assert self.answer is not None
        reusable = self.answer.reusable and not self.left
        if self.left:
            data = data[: self.left]  # more than it announced: keep to what it announced, and never trust it again
        if data:
            exchange.on_body(data)
        self.complete(exchange, reusable, [])

    def read_chunks(self, exchange: Exchange, data: bytes) -> None:
        """Read a chunked body."""
        decoder = self.decoder
        assert decoder is not None
        assert self.answer is not None
        try:
            payload = decoder.feed(data)
        except BadChunk as bad:
            self.fail(exchange, f"Its answer is badly chunked: {bad}")
            return
        if payload:
            exchange.on_body(payload)
        if decoder.done and self.exchange is exchange:
            self.complete(exchange, self.answer.reusable and not decoder.held, decoder.trailers)

    def complete(self, exchange: Exchange, reusable: bool, trailers: list[bytes]) -> None:
        """The answer has ended."""
        self.mode, self.answer, self.decoder, self.left = HEAD, None, None, 0
        if reusable and not self.transport.is_closing():
            self.transport.resume_reading()  # a client that took no more for a moment is not the next one's business
        self.end(reusable)
        exchange.on_complete(trailers)

    def end(self, reusable: bool) -> None:
        """Give the connection back, or close it."""
        exchange, self.exchange = self.exchange, None
        upstream = self.upstream
        full = len(upstream.idle) >= MAX_IDLE
        if reusable and upstream.in_ring and not full and exchange is not None and not exchange.unfinished:
            self.idle_since = upstream.now
            upstream.idle.append(self)
        else:
            self.transport.close()

    def fail(self, exchange: Exchange, why: str) -> None:
        """The container breaks the rules: leave it."""
        self.drop()
        exchange.on_broken(why, True)

    def drop(self) -> None:
        """Break the connection off without telling the exchange."""
        self.exchange = None
        self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop: the other side closed, or we did."""
        exchange, self.exchange = self.exchange, None
        if exchange is None:
            self.upstream.forget(self)
        elif self.mode == TO_THE_END and error is None:
            exchange.on_complete([])
        else:
            begun = bool(self.buffer) or self.mode != HEAD
            why = "It broke off the connection" + (f" ({error})" if error else "")
            exchange.on_broken(why, begun, error is None and not begun)

    def pause_writing(self) -> None:
        """Called by the loop."""
        if self.exchange is not None:
            self.exchange.pause_client()

    def resume_writing(self) -> None:
        """Called by the loop."""
        if self.exchange is not None:
            self.exchange.resume_client()


class Upstream:
    """One member of the ring as one worker sees it."""

    __slots__ = (
        "address",
        "connect_timeout",
        "counts",
        "host",
        "idle",
        "in_flight",
        "in_ring",
        "memo",
        "now",
        "number",
        "opening",
        "port",
        "tcp_port",
    )

    def __init__(self, port: int, address: str, number: int, counts: PortCounts, connect_timeout: float) -> None:
        self.port = port  # its name: 8000
        self.address = address
        host, _, tcp_port = address.rpartition(":")
        self.host = host.strip("[]")
        self.tcp_port = int(tcp_port)
        self.number = str(number).encode()
        self.counts = counts
        self.connect_timeout = connect_timeout  # seconds
        self.idle: deque[UpstreamConnection] = deque()  # the one used last is at the right
        self.in_flight = 0  # exchanges that have this container's turn and have not ended
        self.in_ring = True
        self.memo: dict[bytes, Answer] = {}
        self.opening: set[asyncio.Task[None]] = set()
        self.now = 0.0  # of the last look at idle connections, loop time

    def take(self, exchange: Exchange) -> None:
        """Get a connection for the exchange: a kept one now, or a new one later."""
        while self.idle:
            connection = self.idle.pop()
            if not connection.transport.is_closing():
                connection.exchange = exchange
                exchange.on_connection(connection)
                return
        self.take_new(exchange)

    def take_new(self, exchange: Exchange) -> None:
        """Get a new connection for the exchange, later."""
        task = asyncio.get_running_loop().create_task(self.open(exchange))
        self.opening.add(task)
        task.add_done_callback(self.opening.discard)

    async def open(self, exchange: Exchange) -> None:
        """Make a new connection."""
        try:
            connection = await self.connect()
        except OSError as error:  # TimeoutError is one
            exchange.on_no_connection(self, str(error) or f"no answer within {self.connect_timeout:g} s")
        else:
            connection.exchange = exchange
            exchange.on_connection(connection)

    async def connect(self) -> UpstreamConnection:
        """A new connection. Raises OSError, TimeoutError among it.

        A time-out that comes late says that this process stood still and has not looked who answered: so once more.
        """
        began = time.monotonic()
        try:
            return await self.connect_once()
        except TimeoutError:
            if time.monotonic() - began < self.connect_timeout + STOOD_STILL:
                raise
            return await self.connect_once()

    async def connect_once(self) -> UpstreamConnection:
        """The same, whatever the time-out says."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self.connect_timeout):
            _, connection = await loop.create_connection(lambda: UpstreamConnection(self), self.host, self.tcp_port)
        return connection

    def learn(self, head: bytes) -> Answer:
        """Judge a head that was not seen before. Raises BadAnswer."""
        answer = read_answer(head, self.number)
        if len(self.memo) >= MEMO_SIZE:
            self.memo.clear()
        self.memo[head] = answer
        return answer

    def forget(self, connection: UpstreamConnection) -> None:
        """A connection that nobody used is gone."""
        if connection in self.idle:
            self.idle.remove(connection)

    def close_idle(self, now: float) -> None:
        """Close what was idle too long; `now` is loop time. Call about once a second."""
        self.now = now
        while self.idle and self.idle[0].idle_since < now - IDLE_SECONDS:
            self.idle.popleft().transport.close()

    def leave(self) -> None:
        """The container is no longer in the ring: keep nothing open that nobody uses."""
        self.in_ring = False
        while self.idle:
            self.idle.popleft().transport.close()
