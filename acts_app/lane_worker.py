"""A gunicorn thread worker in which health probes have a lane of their own.

In gunicorn's, a probe queues behind people's requests for a thread, and a busy container looks sick. Here a connection
waits in the poller until its first bytes are there; they are peeked at, and probes go to a thread that serves nothing
else. People's requests queue for the other threads, as before.
"""

import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

PROBE = b"GET /api/v1/_health"
PROBE_THREADS = 2  # one probe that waits for a slow store does not hold up the next one
STALLED = struct.pack("ll", 35, 0)  # seconds without a byte; the proxy gives its clients 30
LINGER = 2.0  # seconds a stopping worker still listens: a request may be on its way
LOOK = socket.MSG_PEEK | socket.MSG_DONTWAIT


def is_probe(connection: socket.socket) -> bool:
    """Whether a health probe is what the connection is about to say."""
    try:
        return connection.recv(len(PROBE), LOOK) == PROBE
    except OSError:
        return False


class LaneWorker(ThreadWorker):  # type: ignore[misc]
    """Two pools of threads: one for probes, one for people."""

    def init_process(self) -> None:
        """Make the second pool before the loop begins."""
        self.probe_pool = ThreadPoolExecutor(PROBE_THREADS, "probe")
        super().init_process()

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

    def enqueue_req(self, conn: Any) -> None:
        """Choose the lane by the first bytes."""
        pool = self.probe_pool if is_probe(conn.sock) else self.tpool
        future = pool.submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))
