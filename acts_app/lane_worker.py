"""A gunicorn thread worker with three lanes: for health probes, for requests that bring a body, and for all others.

In gunicorn's, everybody queues for the same threads: a probe waits behind people, and a busy container looks sick; and
a few slow uploads keep everybody from looking. Here a connection waits in the poller until its first bytes are there.
They are peeked at, and say which lane's threads serve the request.

What gunicorn itself refuses is told in JSON (`refusals`).
"""

import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import TConn, ThreadWorker

from acts_app.parts import EXTENSION
from acts_app.refusals import Draft, answer, origin_of, sentence

PROBE = b"GET /api/v1/_health"
WITH_BODY = (b"POST ", b"PUT ", b"PATCH ")
PROBE_THREADS = 2  # one probe that waits for a slow store does not hold up the next one
STALLED = struct.pack("ll", 35, 0)  # seconds without a byte; the proxy gives its clients 30
LINGER = 2.0  # seconds a stopping worker still listens: a request may be on its way
LOOK = socket.MSG_PEEK | socket.MSG_DONTWAIT


class Lane(Enum):
    """Who waits for whom."""

    PROBES = "probes"
    UPLOADS = "uploads"  # a phone on a train sends its photo for a minute, and a thread waits all the while
    LOOKS = "looks"


def lane_of(first_bytes: bytes) -> Lane:
    """The lane of a request that begins like this."""
    if first_bytes == PROBE:
        return Lane.PROBES
    return Lane.UPLOADS if first_bytes.startswith(WITH_BODY) else Lane.LOOKS


def peek(connection: socket.socket) -> bytes:
    """The first bytes that wait in a connection, left there."""
    try:
        return connection.recv(len(PROBE), LOOK)
    except OSError:
        return b""


class LaneWorker(ThreadWorker):  # type: ignore[misc]
    """A pool of threads for each lane."""

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """All pools, of which gunicorn knows the one for looks. Threads are started when they are needed."""
        sizes = {Lane.PROBES: PROBE_THREADS, Lane.UPLOADS: self.cfg.threads, Lane.LOOKS: self.cfg.threads}
        self.pools = {lane: ThreadPoolExecutor(size, lane.value) for lane, size in sizes.items()}
        return self.pools[Lane.LOOKS]

    def handle_exit(self, sig: int, frame: Any) -> None:
        """TERM: stop, and do not wait for connections that say nothing."""
        super().handle_exit(sig, frame)
        self.method_queue.defer(self.hurry_the_silent)

    def hurry_the_silent(self) -> None:
        """Give connections without a request no more time than gunicorn gives the kept-alive ones."""
        deadline = time.monotonic() + LINGER
        for connection in self.pending_conns:
            connection.timeout = min(connection.timeout, deadline)

    def accept(self, listener: socket.socket) -> None:
        """Take a connection and wait for its first bytes without holding a thread."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            client.setsockopt(socket.SOL_SOCKET, option, STALLED)
        self.nr_conns += 1
        connection = TConn(self.cfg, client, address, listener.getsockname())
        connection.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(connection)
        self.poller.register(client, EVENT_READ, partial(self.on_pending_socket_readable, connection))

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Refuse as the application does: gunicorn logs and decides, its page is not sent."""
        draft = Draft(client)
        super().handle_error(req, draft, addr, exc)
        origin = origin_of(req or getattr(exc, "req", None))
        origins = self.wsgi.extensions[EXTENSION].settings.cors_origins
        try:
            write_nonblock(client, answer(draft.status, sentence(draft.status, exc), origin, origins))
        except OSError:
            self.log.debug("A refusal could not be sent.")

    def enqueue_req(self, conn: Any) -> None:
        """Choose the lane by the first bytes."""
        future = self.pools[lane_of(peek(conn.sock))].submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))
