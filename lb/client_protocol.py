"""The client's side: reads requests, one at a time and in order, and hands each to an exchange.

What arrives while an answer is on its way waits in a buffer, and reading stops when that grows; so
pipelined requests are answered in order and cost no memory. A malformed request is answered once and the
connection closed, after what the client still sends has been read for a moment: closing at once would make
the kernel discard the answer.
"""

import asyncio
import hmac
import socket
import struct
from typing import Any

from lb.bodies import BadChunk, ChunkDecoder
from lb.exchange import Exchange
from lb.headers import CHUNKED, Peer, RequestFields, request_frame
from lb.paths import Meaning
from lb.proxy import FOREVER, Proxy
from lb.replies import Refusal, error_reply
from lb.tcp_state import is_gone
from lb.trust import Trust, is_loopback
from lb.upstream import UpstreamConnection

HELD_LIMIT = 65536  # bytes of requests that wait for their turn on a connection
LINGER_SECONDS = 2.0  # to read on after an answer that closes the connection
DRAIN_SECONDS = 1.0  # that a worker which leaves waits for one more request of an idle client
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset
NO_FIELDS = RequestFields()


class ClientProtocol(asyncio.Protocol):
    """One client connection."""

    __slots__ = (
        "address",
        "answered",
        "block",
        "body_left",
        "buffer",
        "deadline",
        "decoder",
        "exchange",
        "fields",
        "frame",
        "framed",
        "half_closed",
        "idle_since",
        "keep",
        "last_asked",
        "last_head",
        "lingering",
        "minor",
        "peer",
        "proxy",
        "reading_paused",
        "received",
        "request_block",
        "transport",
        "trust",
        "unwritten",
        "write_paused",
    )

    transport: asyncio.Transport

    def __init__(self, proxy: Proxy, trust: Trust, scheme: bytes) -> None:
        self.proxy = proxy
        self.trust = trust
        self.peer = Peer(b"", False, scheme, b"")
        self.address = ""  # of the peer; empty on a unix socket
        self.deadline = FOREVER
        self.idle_since = proxy.now
        self.buffer = b""  # what came and was not read yet
        self.exchange: Exchange | None = None
        self.minor = 1
        self.keep = True
        self.block: bytes | None = None  # the last field block, and what it means
        self.fields = NO_FIELDS
        self.framed: RequestFields | None = None  # whose fields these are the beginning and the end of:
        self.frame = (b"", b"")
        self.request_block = b""
        self.last_head: bytes | None = None  # the last read, if it was one plain request and nothing else
        self.last_asked = (b"", b"", False)  # and what it asked: method, target, whether it is counted
        self.body_left = 0
        self.received = 0  # bytes of the present body
        self.decoder: ChunkDecoder | None = None
        self.lingering = False  # all is said; what still comes is read and dropped
        self.half_closed = False  # the client sends nothing more
        self.answered = 0  # bytes of an answer's body when a half-closed client was last looked at
        self.reading_paused = False
        self.write_paused = False
        self.unwritten = 0  # bytes that waited for the client when it was last looked at

    # --- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self.transport = transport  # type: ignore[assignment]
        proxy = self.proxy
        local = authority_of(transport.get_extra_info("sockname"))
        self.meet(host_of(transport.get_extra_info("peername")), local)
        proxy.clients.add(self)
        proxy.counters.connections += 1
        self.deadline = proxy.now + proxy.settings.header_timeout
        room, clients = proxy.room, len(proxy.clients)
        if room.open and clients > room.open:
            proxy.turned_away += 1
            transport.abort()  # type: ignore[attr-defined]
        elif room.served and clients > room.served:
            self.refuse(Refusal(503, "This server has as many connections as it can serve."))

    def meet(self, address: str, local: bytes) -> None:
        """Learn who the client is, and what it is connected to."""
        self.address = address
        self.peer = Peer(address.encode() or b"unix", self.trust.believes(address), self.peer.scheme, local)

    def connection_lost(self, _error: Exception | None) -> None:
        """Called by the loop: the client is gone."""
        self.proxy.clients.discard(self)
        self.proxy.half_closed.discard(self)
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.client_gone()

    def eof_received(self) -> bool:
        """Called by the loop: the client sends nothing more. True keeps the other direction open.

        Somebody who waits for the answer to a complete request gets it. Most who close are gone altogether, though, and
        a FIN does not tell them apart. So a client of HTTP/1.1 is sent 100 Continue, which it "can simply discard" (RFC
        9110, 15.2.1): the kernel of one that is gone answers with a reset, and the container is freed at once. During
        an answer nothing can be asked, so there it means gone, unless further requests of its are held.
        """
        exchange = self.exchange
        if self.half_closed:
            return True
        waits = exchange is not None and exchange.answer is None
        unfinished = exchange is not None and exchange.unfinished
        if unfinished or not (waits or b"\r\n\r\n" in self.buffer) or self.peer.scheme == b"https":
            return False
        self.half_closed = True
        self.proxy.half_closed.add(self)
        if waits and self.minor:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def look_if_gone(self) -> None:
        """Leave if the client has reset the connection, or if an answer to it, who may be gone, does not go on."""
        connected = self.transport.get_extra_info("socket")
        if connected is not None and is_gone(connected):
            self.transport.abort()
        exchange = self.exchange
        if exchange is None or exchange.answer is None or self.write_paused:
            return
        if self.deadline == FOREVER or exchange.body_bytes != self.answered:
            self.answered = exchange.body_bytes
            self.deadline = self.proxy.now + self.proxy.settings.upstream_timeout

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        exchange = self.exchange
        if exchange is None:
            if data == self.last_head and not self.buffer:
                self.forward(*self.last_asked)
            elif not self.lingering:
                self.read_head(self.buffer + data if self.buffer else data)
        elif exchange.unfinished:
            self.read_body(exchange, data)
        elif exchange.tunneling:
            exchange.send_tunnel(data)
        else:
            self.hold(data)

    def hold(self, data: bytes) -> None:
        """Keep what belongs to later requests until the present one is answered."""
        self.buffer += data
        if len(self.buffer) > HELD_LIMIT:
            self.pause_reading()

    def take_held(self) -> bytes:
        """Give away what was kept: it belongs to a tunnel."""
        held, self.buffer = self.buffer, b""
        self.resume_reading()
        return held

    # --- the head

    def read_head(self, data: bytes) -> None:
        """Read a request's head from bytes that begin with it."""
        if data.startswith(b"\r\n"):
            data = data[after_empty_lines(data) :]
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self.wait_for_head(data)
            return
        line_end = data.find(b"\r\n")
        self.buffer = b""
        self.last_head = None
        try:
            plain = self.begin(data[:line_end], data[line_end + 2 : end + 2], data[end + 4 :])
        except Refusal as refusal:
            self.refuse(refusal, data)
        else:
            self.last_head = data if plain and end + 4 == len(data) else None

    def wait_for_head(self, data: bytes) -> None:
        """Keep an incomplete head, within limits of size and time."""
        if data and not self.buffer:
            self.deadline = self.proxy.now + self.proxy.settings.header_timeout
        self.buffer = data
        limits = self.proxy.limits
        if len(data) > limits.line and b"\r\n" not in data[: limits.line + 2]:
            self.refuse(Refusal(414, f"A request line may have {limits.line} bytes."), data)
        elif len(data) > limits.head:
            self.refuse(Refusal(431, f"The head of a request may have {limits.head} bytes."), data)
        elif self.half_closed:
            self.transport.close()  # the rest will never come

    def begin(self, line: bytes, block: bytes, rest: bytes) -> bool:
        """Begin the exchange of a complete head; `rest` is what came after it. Raises Refusal.

        True if the same bytes would mean the same request again: no body, no host in the target, no crash.
        """
        proxy = self.proxy
        method, target, minor, host, meaning = proxy.request_lines[line]
        if block != self.block or minor != self.minor or host:
            self.learn(block, minor, host)
        fields = self.fields
        if meaning is Meaning.CRASH and not self.may_crash(fields):
            raise Refusal(403, "Only this machine, or who knows the token, may crash a container.")
        if fields.length:
            self.expect_body(fields)
        self.keep = not fields.close if minor else fields.keep_alive
        self.last_asked = method, target, meaning is Meaning.COUNTED
        self.forward(*self.last_asked)
        if rest:
            self.data_received(rest)
        return not (fields.length or host or meaning is Meaning.CRASH)

    def forward(self, method: bytes, target: bytes, counted: bool) -> None:
        """Begin the exchange of a request that was understood."""
        self.deadline = FOREVER
        proxy = self.proxy
        proxy.counters.counted += counted
        exchange = self.exchange = Exchange(proxy, self, method, target, counted)
        proxy.dispatcher.claim(exchange)

    def learn(self, block: bytes, minor: int, host: bytes) -> None:
        """Judge a field block that is not the last one. Raises Refusal."""
        limits = self.proxy.limits
        if len(block) > limits.head:
            raise Refusal(431, f"The head of a request may have {limits.head} bytes.")
        self.block = None  # a refusal leaves nothing behind
        self.minor = minor
        self.fields, plain = self.proxy.field_memo.read(block, minor)
        if self.framed is not self.fields or host:
            self.frame = request_frame(self.fields, self.peer, minor, host)
            self.framed = None if host else self.fields
        self.request_block = plain.join(self.frame)
        self.block = None if host else block

    def may_crash(self, fields: RequestFields) -> bool:
        """Whether this client may crash a container: from this machine and for nobody else, or with the
        token.
        """
        token = self.proxy.settings.crash_token.encode()
        if token and hmac.compare_digest(token, fields.bearer):
            return True
        return self.is_here() and not fields.forwarded

    def is_here(self) -> bool:
        """Whether the client sits on this machine."""
        return is_loopback(self.address)

    # --- the body

    def expect_body(self, fields: RequestFields) -> None:
        """A body will follow the head. Raises Refusal when it is announced too large."""
        limit = self.proxy.settings.max_body
        if limit and fields.length > limit:
            raise Refusal(413, f"The body of a request may have {limit} bytes.")
        self.received = 0
        self.body_left = fields.length
        self.decoder = ChunkDecoder() if fields.length == CHUNKED else None

    def read_body(self, exchange: Exchange, data: bytes) -> None:
        """Hand on the body; what follows it waits."""
        if self.decoder is not None:
            self.read_chunks(exchange, self.decoder, data)
            return
        left = self.body_left
        if len(data) > left:
            self.buffer, data = data[left:], data[:left]
        self.body_left = left - len(data)
        exchange.send_body(data)
        if not self.body_left:
            exchange.end_body([])

    def read_chunks(self, exchange: Exchange, decoder: ChunkDecoder, data: bytes) -> None:
        """Hand on a chunked body, decoded."""
        try:
            payload = decoder.feed(data)
        except BadChunk as bad:
            exchange.fail(400, f"The body of the request is malformed: {bad}.", keep=False)
            return
        self.received += len(payload)
        limit = self.proxy.settings.max_body
        if limit and self.received > limit:
            exchange.fail(413, f"The body of a request may have {limit} bytes.", keep=False)
            return
        if payload:
            exchange.send_body(payload)
        if decoder.done:
            self.buffer, self.decoder = decoder.held, None
            exchange.end_body(decoder.trailers)

    # --- the answer

    def exchange_done(self, keep: bool) -> None:
        """The answer is written: go on with the next request, or close."""
        unread = self.exchange is not None and self.exchange.unfinished
        self.exchange = None
        if not keep or (self.half_closed and not self.buffer):
            self.finish(unread or bool(self.buffer))
            return
        self.idle_since = now = self.proxy.now
        if self.write_paused:
            self.pause_reading()  # who takes no answers may not ask for more
            return
        self.deadline = now + self.proxy.keepalive
        if self.reading_paused:
            self.resume_reading()
        if self.buffer:
            self.proxy.loop.call_soon(self.next_request)

    def next_request(self) -> None:
        """Go on with what was held."""
        if self.exchange is None and not self.transport.is_closing() and not self.lingering:
            data, self.buffer = self.buffer, b""
            self.read_head(data)

    def refuse(self, refusal: Refusal, came: bytes = b"") -> None:
        """Answer a request that is not forwarded, and close; `came` is what came of it."""
        self.proxy.counters.own[refusal.status] += 1
        if self.proxy.on_refused is not None:
            self.proxy.on_refused(self, refusal.status, refusal.sentence, came)
        self.transport.write(error_reply(refusal.status, refusal.sentence))
        self.finish(True)

    def fail(self, status: int, sentence: str, keep: bool, retry_after: int) -> None:
        """Answer an exchange that failed."""
        exchange = self.exchange
        if exchange is None:
            return
        keep = keep and self.keep and bool(self.minor) and not self.proxy.draining
        reply = error_reply(
            status,
            sentence,
            keep=keep,
            headless=exchange.headless,
            retry_after=retry_after,
            request_id=exchange.request_id,
        )
        self.transport.write(reply)
        self.exchange_done(keep)

    def finish(self, unread: bool) -> None:
        """Close after what is written; if something may come still, read it first, so that no reset hits
        the answer.
        """
        self.exchange = None
        self.buffer = b""
        self.last_head = None
        if unread and not self.half_closed and self.transport.can_write_eof() and not self.transport.is_closing():
            self.lingering = True
            self.deadline = self.proxy.now + LINGER_SECONDS
            self.transport.write_eof()
            self.resume_reading()
        else:
            self.transport.close()

    def break_off(self) -> None:
        """Close so that the answer cannot be taken for complete: with a reset where only the end would
        tell.
        """
        exchange, self.exchange = self.exchange, None
        if exchange is not None and not exchange.chunking and exchange.answer and exchange.answer.length < 0:
            reset_on_close(self.transport)
            self.transport.abort()
        else:
            self.transport.close()

    # --- flow, time, leaving

    def pause_reading(self) -> None:
        """Read no more for now."""
        if not self.reading_paused and not self.transport.is_closing():
            self.reading_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if self.reading_paused and not self.transport.is_closing():
            self.reading_paused = False
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        """Called by the loop: the client takes no more for now, so the container waits too."""
        self.write_paused = True
        self.watch_writing()
        connection = self.answering()
        if connection is not None:
            connection.transport.pause_reading()

    def resume_writing(self) -> None:
        """Called by the loop: the client takes more again."""
        self.write_paused = False
        if self.exchange is not None:
            self.deadline = FOREVER
            connection = self.answering()
            if connection is not None:
                connection.transport.resume_reading()
        elif self.lingering or self.transport.is_closing():
            self.watch_writing()  # the end of the last answer is still to go
        else:
            self.exchange_done(True)

    def answering(self) -> UpstreamConnection | None:
        """The connection on which the answer comes; none when all of it has come, for it may serve others then."""
        exchange = self.exchange
        connection = exchange.connection if exchange is not None else None
        if connection is None or connection.exchange is not exchange or connection.transport.is_closing():
            return None
        return connection

    def watch_writing(self) -> None:
        """Look again in a while whether the client has taken anything."""
        self.unwritten = self.transport.get_write_buffer_size()
        self.deadline = self.proxy.now + self.proxy.settings.body_timeout

    def overdue(self) -> None:
        """The deadline has passed. Called by the clock."""
        waiting = self.transport.get_write_buffer_size()
        if 0 < waiting < self.unwritten:
            self.watch_writing()  # slow, but it takes something
        elif self.write_paused or self.lingering or waiting:
            self.abort()
        elif self.exchange is not None:
            self.exchange.timed_out()
        elif self.buffer:
            self.refuse(Refusal(408, "The head of the request did not come in time."), self.buffer)
        else:
            self.transport.close()

    def on_sick(self, ports: frozenset[int]) -> None:
        """These containers are sick."""
        if self.exchange is not None:
            self.exchange.on_sick(ports)

    def drain(self) -> None:
        """Close if nothing has gone on for a moment; otherwise the next answer will say that it is the last
        one.

        A client that was answered just now may be sending its next request already, and closing would lose
        it.
        """
        idle = self.exchange is None and not self.buffer and not self.lingering
        if idle and self.proxy.now - self.idle_since >= DRAIN_SECONDS:
            self.transport.close()

    def abort(self) -> None:
        """Break off whatever goes on."""
        self.deadline = FOREVER
        self.transport.abort()


def after_empty_lines(data: bytes) -> int:
    """Where the empty lines at the beginning end: they are passed over (RFC 9112, 2.2)."""
    start = 2
    while data.startswith(b"\r\n", start):
        start += 2
    return start


def host_of(name: Any) -> str:
    """The address in a socket name; empty for a unix socket's."""
    return str(name[0]).partition("%")[0] if isinstance(name, tuple) else ""


def authority_of(name: Any) -> bytes:
    """A socket name as a Host field names it."""
    if not isinstance(name, tuple):
        return b"localhost"
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"{host}:{name[1]}".encode()


def reset_on_close(transport: asyncio.Transport) -> None:
    """Let closing send a reset instead of an orderly end."""
    connected = transport.get_extra_info("socket")
    if connected is not None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
