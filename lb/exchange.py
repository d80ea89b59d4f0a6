"""One request's story: a turn, a container, the answer; and what happens when any of it goes wrong.

    claim a turn -> the container it falls to -> a connection -> head and body sent -> head and body answered

A refused connection is followed by another turn, without the containers tried already, for any method: nothing was
sent. A connection that broke before the answer began is followed by another try elsewhere, and so is a first answer 500
(the only container is asked again when it broke off), for GET, HEAD and OPTIONS without a body, within the worker's
budget; so is a container that leaves the ring as sick before it answered, whatever the budget; twice at most, all
together. Everything else is never sent twice. When every container of the ring has refused, the request waits for the
ring to change, or for one of them to be reached again, as it does when the ring is empty. A container that has as much
in flight as it may is passed over; when all that are left have, the answer is 503 at once.
"""

import asyncio
import time
from typing import Protocol

from lb.bodies import chunk, last_chunk
from lb.headers import CHUNKED, Answer, RequestFields
from lb.proxy import FOREVER, Proxy
from lb.request_id import COUNTED, NOT_COUNTED
from lb.retries import Retry
from lb.ring import Ring, return_port
from lb.tcp_state import was_never_read
from lb.upstream import Upstream, UpstreamConnection
from lb.websocket import CLOSE, MASKED_CLOSE, Frames

FRAME_WAIT = 2.0  # seconds that a WebSocket's frame may take to end before the tunnel is cut
CLIENT_LEFT = 499  # in the access log only, as nginx writes it
# Containers that may be lost under one request. More than one, as those of a machine go together; not more, as the
# request may be what makes them sick, and would go through all of them.
MOST_LOST = 2
SAFE_TO_REPEAT = frozenset({b"GET", b"HEAD", b"OPTIONS"})


class Client(Protocol):
    """The client as its exchange sees it."""

    transport: asyncio.Transport
    minor: int  # HTTP/1.0 or 1.1
    keep: bool  # it wants to stay after this answer
    fields: RequestFields  # of the present request
    request_block: bytes  # the fields as a container gets them, the same bytes for equal fields
    deadline: float

    def fail(self, status: int, sentence: str, keep: bool, retry_after: int) -> None:
        """Answer with an error of our own, and end the exchange."""

    def exchange_done(self, keep: bool) -> None:
        """The answer is written; the next request may come if `keep`."""

    def break_off(self) -> None:
        """End the connection so that nobody can take the answer for complete."""

    def take_held(self) -> bytes:
        """What came while the answer was waited for; a tunnel carries it on."""

    def pause_reading(self) -> None:
        """Read no more of the request's body for now."""

    def resume_reading(self) -> None:
        """Read on."""


class Exchange:
    """One request and its answer."""

    __slots__ = (
        "answer",
        "awaits_continue",
        "body_bytes",
        "cause",
        "chunked_body",
        "chunking",
        "client",
        "connection",
        "counted",
        "early",
        "end_at",
        "frames",
        "gone",
        "headless",
        "keep",
        "left",
        "lost",
        "method",
        "proxy",
        "reason",
        "received",
        "reconnected",
        "request_id",
        "ring_version",
        "safe",
        "sent",
        "started",
        "status",
        "target",
        "tried",
        "tried_since",
        "tries",
        "tunneling",
        "turn",
        "unfinished",
        "upgrade",
        "upstream",
        "wait_until",
    )

    def __init__(self, proxy: Proxy, client: Client, method: bytes, target: bytes, counted: bool) -> None:
        self.proxy = proxy
        self.client = client
        self.method = method
        self.target = target
        fields = client.fields
        self.request_id = fields.request_id  # the client's; ours is made of the turn
        self.headless = method == b"HEAD"
        self.upgrade = fields.upgrade
        self.unfinished = fields.length != 0  # part of the request has not come or not been sent yet
        self.safe = not self.unfinished and method in SAFE_TO_REPEAT
        self.chunked_body = fields.length == CHUNKED
        self.awaits_continue = fields.expects_continue and self.unfinished
        self.counted = counted
        # Of the body, came before there was a connection; kept then if that was all of it.
        self.early: list[bytes] = []
        self.turn = 0
        self.ring_version = 0
        self.tried: tuple[int, ...] = ()  # ports that refused, or failed
        self.tried_since = 0  # the ring's version when the first of them was tried
        self.wait_until = 0.0  # monotonic, while nobody can be reached; 0: it does not wait
        self.tries = 0  # after the first
        self.left = 0  # the port of the last of them
        self.cause = ""  # why it was left
        self.lost = 0  # containers that had it in hand and did not answer it
        self.reconnected = False  # a kept connection was found closed
        self.upstream: Upstream | None = None  # counted in its in_flight while set
        self.connection: UpstreamConnection | None = None
        self.answer: Answer | None = None  # once its head went to the client
        self.status = 0  # that the client was answered with
        self.reason = ""  # why it was not the container that answered, or not to the end
        self.body_bytes = 0  # of the answer, without its framing
        self.chunking = False  # the answer's body goes out in chunks
        self.keep = False
        self.tunneling = False
        self.frames: tuple[Frames, ...] = ()  # of a WebSocket: from the container, from the client
        self.end_at = FOREVER  # loop time, of a tunnel whose container has left
        self.gone = False  # the client is gone, or has its answer
        self.started = time.monotonic()
        self.sent = 0.0  # when the container was sent the head
        self.received = 0.0  # when the answer's head came

    # --- turn, container

    def take_turn(self, turn: int, ring: Ring) -> None:
        """Go to the container the turn falls to; those tried before are not in a second try's ring."""
        if self.gone:
            self.proxy.dispatcher.ledger.nowhere(turn)
            return
        self.turn = turn
        self.ring_version = ring.version
        if self.tries:
            port = self.second_port(turn, ring)
        else:
            port = return_port(ring, turn)
            name = COUNTED if self.counted else NOT_COUNTED
            self.request_id = self.request_id or name % (self.proxy.dispatcher.stamp, turn)
        if port is None:
            return
        upstream = self.proxy.upstreams[port]
        if upstream.in_flight >= self.proxy.max_in_flight:
            self.on_full(turn, upstream)
            return
        self.upstream = upstream
        upstream.in_flight += 1
        upstream.counts.routed += 1
        upstream.take(self)

    def second_port(self, turn: int, ring: Ring) -> int | None:
        """The port that a second try's turn falls to, among those not tried that have room; None when it has to wait,
        or is refused.

        When the ring has changed since the first of them was tried, who is on a tried port may have come since:
        waiting would be for a change that has been already.
        """
        choices = self.choices(ring)
        if not choices.members and ring.version != self.tried_since:
            self.tried = ()
            choices = self.choices(ring)
        port = return_port(choices, turn)
        if port is not None:
            self.tell_second_try(turn, ring, port, choices)
        elif all(member.port in self.tried for member in ring.members):
            self.wait_for_change(turn)
        else:
            self.refuse_for_now(turn)
        return port

    def choices(self, ring: Ring) -> Ring:
        """The ring without the containers that were tried, or are full: by it the turn of a second try is routed."""
        upstreams, most = self.proxy.upstreams, self.proxy.max_in_flight
        untried = [member for member in ring.members if member.port not in self.tried]
        return Ring(ring.version, tuple(each for each in untried if upstreams[each.port].in_flight < most))

    def tell_second_try(self, turn: int, ring: Ring, port: int, choices: Ring) -> None:
        """Note where a second try goes, and why."""
        passed_over = tuple(member.port for member in ring.members if member not in choices.members)
        if passed_over:
            self.proxy.dispatcher.ledger.retry(turn, port, passed_over)
        name = self.request_id.decode("latin-1")
        self.proxy.dispatcher.tell_retry(Retry(name, turn, ring.version, self.left, port, self.cause))

    def on_full(self, turn: int, full: Upstream) -> None:
        """The container has as much as it may have: another one that has not, or 503 now rather than late."""
        if any(one.in_flight < self.proxy.max_in_flight for one in self.proxy.upstreams.values()):
            self.proxy.dispatcher.ledger.nowhere(turn)
            self.claim_again(full, "has its hands full", without=False)
        else:
            self.refuse_for_now(turn)

    def refuse_for_now(self, turn: int) -> None:
        """503 at once: who could be asked has as much as it may have."""
        self.proxy.dispatcher.ledger.nowhere(turn)
        self.fail(503, "All containers have their hands full.", retry_after=1)

    def wait_for_change(self, turn: int) -> None:
        """All have refused: whatever comes into the ring next, or can be reached again, may be tried, the same ports
        included.
        """
        self.proxy.dispatcher.ledger.nowhere(turn)
        self.tried = ()
        self.proxy.dispatcher.wait_for_anybody(turn, self)

    def no_turn(self, sentence: str) -> None:
        """There is no container to send it to."""
        if not self.gone:
            self.fail(503, sentence, retry_after=1)

    def on_no_connection(self, upstream: Upstream, why: str) -> None:
        """The container could not be reached: say so, and take another turn."""
        self.proxy.complain(upstream.port, f"it cannot be reached: {why}")
        self.proxy.dispatcher.suspect(upstream.port)
        if not self.gone:
            self.claim_again(upstream, f"could not be reached: {why}")

    def claim_again(self, upstream: Upstream, cause: str, *, without: bool = True) -> None:
        """Take another turn, without this container; `cause` is what was wrong with it.

        Is it no longer in the ring, then whoever comes back to the ring on its port is another one.
        """
        self.cause = cause
        self.left = upstream.port
        if self.upstream is not None:
            self.upstream.counts.failed += 1
        self.leave_container()
        if without and upstream.in_ring:
            self.tried_since = self.tried_since if self.tried else self.ring_version
            self.tried += (upstream.port,)
        self.tries += 1
        self.counted = False
        self.proxy.counters.retries += 1
        self.client.deadline = FOREVER
        self.proxy.dispatcher.claim(self)

    def leave_container(self) -> None:
        """Have nothing in flight any more."""
        upstream, self.upstream, self.connection = self.upstream, None, None
        if upstream is not None:
            upstream.in_flight -= 1
            if not upstream.in_ring:
                self.proxy.on_left(upstream)

    # --- the request

    def on_connection(self, connection: UpstreamConnection) -> None:
        """Send the head and what came of the body."""
        if self.gone:
            self.unfinished = False  # nothing was sent on it, so it is as good as new
            connection.end(True)
            return
        if self.wait_until:
            self.wait_until = 0.0
            self.proxy.dispatcher.try_waiting()
        self.connection = connection
        self.sent = time.monotonic()
        block = self.client.request_block
        head = b"%b %b HTTP/1.1\r\n%bX-Request-ID: %b\r\n\r\n" % (self.method, self.target, block, self.request_id)
        if self.early:
            head = b"".join((head, *self.early))
            self.client.resume_reading()
        connection.transport.write(head)
        if self.unfinished:
            self.early = []
            self.wait()
        else:
            self.client.deadline = self.proxy.now + self.proxy.settings.upstream_timeout

    def wait(self) -> None:
        """Wait for the client's body, or for the answer, but not forever."""
        settings = self.proxy.settings
        limit = settings.body_timeout if self.unfinished else settings.upstream_timeout
        self.client.deadline = self.proxy.now + limit

    def send_body(self, payload: bytes) -> None:
        """Send on a piece of the body, never an empty one."""
        data = chunk(payload) if self.chunked_body else payload
        if self.connection is None:
            self.early.append(data)
            self.client.pause_reading()
        else:
            self.connection.transport.write(data)
            if self.answer is None:
                self.wait()

    def end_body(self, trailers: list[bytes]) -> None:
        """The body is complete."""
        self.unfinished = False
        self.awaits_continue = False
        if self.chunked_body:
            end = last_chunk(trailers)
            if self.connection is None:
                self.early.append(end)
            else:
                self.connection.transport.write(end)
        if self.connection is not None and self.answer is None:
            self.wait()

    def pause_client(self) -> None:
        """The container takes no more for now."""
        self.client.pause_reading()

    def resume_client(self) -> None:
        """The container takes more again."""
        self.client.resume_reading()

    # --- the answer

    def on_interim(self, answer: Answer) -> None:
        """Pass on 100, 103 and their like; HTTP/1.0 does not know them."""
        if answer.status == 100:
            self.awaits_continue = False
        if self.client.minor:
            self.client.transport.write(answer.ready)

    def on_answer(self, answer: Answer, body: bytes, complete: bool) -> None:
        """Pass on the head, and the body if it came with it."""
        if answer.status == 500 and self.answered_500(complete):
            return
        client = self.client
        minor = client.minor
        self.answer = answer
        self.received = time.monotonic()
        client.deadline = FOREVER
        keep = client.keep and not self.unfinished and not self.proxy.draining
        if keep and minor and not self.headless:
            head = answer.ready
        else:
            keep = keep and answer.can_stay(minor, self.headless)
            head = answer.head(minor, keep or answer.status == 101, self.headless)
        self.keep = keep
        self.status = answer.status
        self.body_bytes = len(body)
        # Whoever asks later why it went where it went needs the name; one formatting, the body included.
        client.transport.write(b"%bX-Request-ID: %b\r\n\r\n%b" % (head[:-2], self.request_id, body))
        if complete:
            self.finish()
        elif answer.status == 101:
            self.begin_tunnel()
        else:
            self.chunking = answer.length < 0 and minor == 1

    def answered_500(self, complete: bool) -> bool:
        """Have the container probed now, not at the monitor's next second; whether another one is tried."""
        if self.upstream is not None:
            self.proxy.dispatcher.suspect(self.upstream.port)
        elsewhere = self.lost == 0 and self.may_go_elsewhere()
        if elsewhere:
            self.go_elsewhere(complete, "answered 500")
        return elsewhere

    def on_body(self, data: bytes) -> None:
        """Pass on more of the body."""
        self.body_bytes += len(data)
        self.client.transport.write(chunk(data) if self.chunking else data)

    def begin_tunnel(self) -> None:
        """From here on everything is passed on, both ways, until one side ends it."""
        self.tunneling = True
        self.keep = False
        if self.upgrade.lower() == b"websocket":
            self.frames = (Frames(), Frames())
        self.proxy.counters.tunnels += 1
        self.proxy.tunnels.add(self)
        self.send_tunnel(self.client.take_held())

    def tunnel_ended(self) -> None:
        """Nothing is passed on any more."""
        if self.tunneling:
            self.tunneling = False
            self.proxy.counters.tunnels -= 1
            self.proxy.tunnels.discard(self)

    def look_at_tunnel(self, now: float) -> None:
        """End the tunnel some time after its container has left the ring: nobody else would. Called by the clock.

        A WebSocket gets a close frame on both sides ("going away") where no frame is under way; a frame that does not
        end is waited for a moment.
        """
        leaving = self.proxy.draining or (self.upstream is not None and not self.upstream.in_ring)
        if not leaving:
            self.end_at = FOREVER
        elif self.end_at == FOREVER:
            self.end_at = now + self.proxy.settings.tunnel_grace
        elif now >= self.end_at and (now >= self.end_at + FRAME_WAIT or all(each.at_boundary for each in self.frames)):
            self.end_tunnel()

    def end_tunnel(self) -> None:
        """Say good-bye to both sides."""
        self.tunnel_ended()
        polite = bool(self.frames)
        if polite and self.frames[0].at_boundary:
            self.client.transport.write(CLOSE)
        if self.connection is not None:
            if polite and self.frames[1].at_boundary:
                self.connection.transport.write(MASKED_CLOSE)
            self.connection.exchange = None
            self.connection.transport.close()
        self.unfinished = True  # so that the client's own close frame is still read
        self.finish()

    def on_tunnel(self, data: bytes) -> None:
        """Pass on bytes of a tunnel to the client."""
        if self.frames:
            self.frames[0].feed(data)
        self.client.transport.write(data)

    def send_tunnel(self, data: bytes) -> None:
        """Pass on bytes of a tunnel to the container."""
        if data and self.connection is not None:
            if self.frames:
                self.frames[1].feed(data)
            self.connection.transport.write(data)

    def on_complete(self, trailers: list[bytes]) -> None:
        """The answer has ended where it should."""
        if self.chunking:
            self.client.transport.write(last_chunk(trailers))
        self.finish()

    def finish(self) -> None:
        """The client has its answer."""
        self.gone = True
        proxy = self.proxy
        proxy.counters.requests += 1
        if self.upstream is not None and self.answer is not None:
            self.upstream.counts.answered(self.answer.row, time.monotonic() - self.started)
        if proxy.on_finished is not None:
            proxy.on_finished(self)
        self.leave_container()
        self.client.exchange_done(self.keep and not self.unfinished)

    # --- what goes wrong

    def may_go_elsewhere(self) -> bool:
        """Whether another try at another container is allowed and one is left; if so the budget is charged.

        A container that has left the ring is replaced, and what it had in hand is given up with it: asking again adds
        no load, so it costs no budget, and when nobody else is there the request waits for the next one to join.
        """
        upstream = self.upstream
        if not self.safe or self.lost >= MOST_LOST or upstream is None:
            return False
        others = any(port != upstream.port and port not in self.tried for port in self.proxy.upstreams)
        return not upstream.in_ring or (others and self.within_budget())

    def may_ask_the_same(self) -> bool:
        """Whether the only container may be asked again after it broke off; if so the budget is charged.

        It may have closed a kept connection; or it is dead, then it refuses, and the request waits for the next one.
        """
        return self.safe and not self.lost and len(self.proxy.upstreams) == 1 and self.within_budget()

    def within_budget(self) -> bool:
        """Charge the budget, if it is not used up."""
        return self.proxy.budget.take(self.proxy.counters.requests)

    def go_elsewhere(self, connection_is_gone: bool, cause: str, *, without: bool = True) -> None:
        """Leave this container without telling the client, and claim a turn again."""
        upstream = self.upstream
        assert upstream is not None
        if self.connection is not None and not connection_is_gone:
            self.connection.drop()
        self.lost += 1
        self.claim_again(upstream, cause, without=without)

    def on_broken(self, why: str, answer_begun: bool, ended: bool = False) -> None:
        """The container broke off: another one, or 502, or the same for the client when the answer has
        begun.

        A kept connection that the container had closed before this request could reach it says nothing about the
        container, nor about this turn: a new connection to the same one, whatever the method.
        """
        if self.tunneling:
            self.tunnel_ended()
            self.connection = None
            self.finish()
            return
        if ended and self.was_never_read():
            self.connect_again()
            return
        if self.upstream is not None:
            self.proxy.dispatcher.suspect(self.upstream.port)
        untold = self.answer is None and not answer_begun
        if untold and self.may_go_elsewhere():
            self.go_elsewhere(True, why)
        elif untold and self.may_ask_the_same():
            self.go_elsewhere(True, why, without=False)
        else:
            port = self.upstream.port if self.upstream else 0
            self.proxy.complain(port, why)
            self.connection = None
            self.fail(502, f"The container on port {port} did not answer properly.", retry_after=1)

    def was_kept(self) -> bool:
        """Whether the connection had carried a request before this one; a new one is made for that reason only once."""
        return self.connection is not None and self.connection.idle_since > 0 and not self.reconnected

    def was_never_read(self) -> bool:
        """Whether the kernel knows that nobody has read anything of this request, and all of it is still here."""
        connection = self.connection
        if connection is None or self.unfinished or not self.was_kept():
            return False
        line = b"%b %b HTTP/1.1\r\nX-Request-ID: %b\r\n\r\n" % (self.method, self.target, self.request_id)
        length = len(line) + len(self.client.request_block) + sum(map(len, self.early))
        return was_never_read(connection.transport.get_extra_info("socket"), length)

    def connect_again(self) -> None:
        """Send the same on a new connection to the same container; it is the same turn."""
        upstream, self.connection = self.upstream, None
        assert upstream is not None
        self.reconnected = True
        self.client.deadline = FOREVER
        upstream.take_new(self)

    def on_sick(self, ports: frozenset[int]) -> None:
        """The container left the ring as sick: do not wait for it where another one may be asked."""
        waiting = self.connection is not None and self.answer is None
        if waiting and self.upstream is not None and self.upstream.port in ports and self.may_go_elsewhere():
            self.go_elsewhere(False, "left the ring as sick")

    def timed_out(self) -> None:
        """The deadline has passed: the client's body stalls, or the container does not take it, or does not answer."""
        if self.connection is not None and self.connection.transport.get_write_buffer_size():
            self.fail(504, "The container did not take the body in time.")
        elif self.unfinished and not self.awaits_continue:
            self.fail(408, "The body of the request did not come in time.", keep=False)
        else:
            self.fail(504, "The container did not answer in time.")

    def fail(self, status: int, sentence: str, *, keep: bool = True, retry_after: int = 0) -> None:
        """Answer with an error of our own; break the client off when an answer has begun already."""
        self.gone = True
        if self.connection is not None:
            self.connection.drop()
        if self.upstream is not None and status >= 500:
            self.upstream.counts.failed += 1
        self.proxy.counters.own[status] += 1
        self.reason = sentence
        begun = self.answer is not None
        self.status = self.status if begun else status
        self.keep = keep and not self.unfinished
        self.tell()
        self.leave_container()
        if begun:
            self.client.break_off()
        else:
            self.client.fail(status, sentence, self.keep, retry_after)

    def client_gone(self) -> None:
        """The client left: free the container at once."""
        if not self.gone:
            self.gone = True
            if self.connection is not None:
                self.connection.drop()
            self.status = self.status or CLIENT_LEFT
            self.reason = "" if self.tunneling else "The client left before its answer had ended."
            self.tunnel_ended()
            self.tell()
            self.leave_container()

    def tell(self) -> None:
        """Have it in the access log, if there is one."""
        if self.proxy.on_finished is not None:
            self.proxy.on_finished(self)
