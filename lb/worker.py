"""The gunicorn worker class: sockets, signals, drain and reload are gunicorn's, the data path is ours.

What gunicorn's settings mean here: bind, workers, backlog, timeout, graceful_timeout, keepalive,
worker_connections (clients per worker, at most), max_requests (the worker leaves politely and is replaced),
limit_request_line, _fields and _field_size, forwarded_allow_ips, proxy_protocol and proxy_allow_ips, certfile and
keyfile, accesslog, user and group. There is no application: wsgi_app is never called. Everything is
imported before the fork, so the workers need no files afterwards.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any

import setproctitle
import uvloop
from gunicorn import sock as gunicorn_sock
from gunicorn.workers import base

from lb.access_log import AccessLog
from lb.client_protocol import ClientProtocol
from lb.files import Room, allow_many_files, room
from lb.headers import Limits
from lb.log_thread import LogThread
from lb.proxied_client import ProxiedClient
from lb.proxy import TICK_SECONDS, Proxy
from lb.redis_place import RedisPlace
from lb.redis_url import redis_address
from lb.settings import LbSettings
from lb.trust import Trust

BOOT_WAIT = 1.0  # seconds to wait for Redis before the first connection is accepted all the same
UNSENT_BYTES = 131_072  # enough to keep any line busy between two turns of the loop
DRAIN_STEP = 0.05  # seconds between two looks at what is still going on


class ProxyWorker(base.Worker):  # type: ignore[misc]
    """A worker that forwards requests to the ring's containers."""

    settings: LbSettings
    place: RedisPlace
    ssl_context: ssl.SSLContext | None
    loop: uvloop.Loop
    room: Room
    log_thread: LogThread
    number: int  # among the workers of this master, as ps shows it
    quick = False  # leave without waiting for answers

    def __init__(self, *arguments: Any) -> None:
        """Called by the master before the fork: what only root may read is read here."""
        super().__init__(*arguments)
        self.settings = LbSettings.from_env()
        self.place = RedisPlace(redis_address(self.settings.service.redis_url))
        self.ssl_context = gunicorn_sock.ssl_context(self.cfg) if self.cfg.is_ssl else None
        if self.ssl_context is not None:
            self.ssl_context.set_alpn_protocols(["http/1.1"])

    def init_process(self) -> None:
        """Called by gunicorn in the new process."""
        setproctitle.setproctitle(f"lb worker {self.number}")
        self.make_room(allow_many_files())
        self.loop = uvloop.new_event_loop()
        asyncio.set_event_loop(self.loop)
        super().init_process()

    def make_room(self, files: int) -> None:
        """Serve no more clients than the limit of open files allows, and say so."""
        wanted = self.cfg.worker_connections
        self.room = room(wanted, files)
        if self.room.served < wanted:
            self.log.warning(
                "Serving %d clients at a time instead of %d: a process may have %d files open; raise that (ulimit -n)",
                self.room.served,
                wanted,
                files,
            )

    def load_wsgi(self) -> None:
        """Called by gunicorn: there is no application to load."""

    def init_signals(self) -> None:
        """Called by gunicorn: TERM drains, QUIT and INT do not wait, USR1 reopens the logs."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        self.loop.add_signal_handler(signal.SIGTERM, self.leave)
        self.loop.add_signal_handler(signal.SIGQUIT, self.leave_quickly)
        self.loop.add_signal_handler(signal.SIGINT, self.leave_quickly)
        self.loop.add_signal_handler(signal.SIGUSR1, self.reopen_logs)
        self.loop.add_signal_handler(signal.SIGWINCH, lambda: None)
        self.loop.add_signal_handler(signal.SIGABRT, self.abort)

    def reopen_logs(self) -> None:
        """Somebody has moved the files away."""
        self.log_thread.show(self.log.reopen_files)

    def leave(self) -> None:
        """Finish what is going on, then exit."""
        self.alive = False

    def leave_quickly(self) -> None:
        """Exit now."""
        self.quick = True
        self.alive = False
        self.cfg.worker_int(self)

    def abort(self) -> None:
        """The master has not heard of us for too long."""
        self.cfg.worker_abort(self)
        sys.exit(1)

    def run(self) -> None:
        """Called by gunicorn: serve until told to leave."""
        # What exists now lives as long as the process; the collector need not look at it again. The data
        # path makes no cycles that live long, so rare collections suffice.
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        self.log_thread = LogThread(self.log.error_log)
        try:
            self.loop.run_until_complete(self.serve())
        finally:
            self.loop.close()
            self.log_thread.stop()

    async def serve(self) -> None:
        """The life of a worker."""
        cfg = self.cfg
        line = cfg.limit_request_line or Limits.head  # 0 is no limit of its own
        proxy = self.make_proxy(Limits(line, cfg.limit_request_fields, cfg.limit_request_field_size))
        proxy.room = self.room
        if self.log.access_log_enabled:
            access_log = AccessLog(self.log, self.cfg.access_log_format)
            proxy.on_finished, proxy.on_refused = access_log, access_log.refused
        linking = self.loop.create_task(proxy.dispatcher.stay_linked())
        await until_linked(proxy)
        servers = [await self.listen(proxy, listener.sock) for listener in self.sockets]
        await self.tick_until_told(proxy)
        for server in servers:
            server.close()
        await self.drain(proxy)
        linking.cancel()
        await asyncio.wait([linking])
        await proxy.dispatcher.farewell()

    def make_proxy(self, limits: Limits) -> Proxy:
        """What all connections of this worker share."""
        return Proxy(self.settings, self.place, limits, float(self.cfg.keepalive), self.log)

    async def listen(self, proxy: Proxy, listener: Any) -> asyncio.AbstractServer:
        """Accept on one of gunicorn's sockets, with TLS if it has a certificate."""
        if listener.family != socket.AF_UNIX:
            # Accepted connections inherit it: a client that reads slowly holds this much in the kernel, not megabytes.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        return await self.loop.create_server(
            self.make_clients(proxy),
            sock=listener,
            ssl=self.ssl_context,
            ssl_handshake_timeout=self.settings.header_timeout if self.ssl_context else None,
            backlog=self.cfg.backlog,
        )

    def make_clients(self, proxy: Proxy) -> Callable[[], ClientProtocol]:
        """What is made for each connection."""
        cfg = self.cfg
        trust = Trust(cfg.forwarded_allow_ips)
        scheme = b"https" if self.ssl_context else b"http"
        if cfg.proxy_protocol == "off":
            return lambda: ClientProtocol(proxy, trust, scheme)
        allowed = Trust(cfg.proxy_allow_ips)
        return lambda: ProxiedClient(proxy, trust, scheme, cfg.proxy_protocol, allowed)

    async def tick_until_told(self, proxy: Proxy) -> None:
        """Let time pass until somebody wants us to leave."""
        while self.alive:
            self.notify()
            proxy.tick()
            if self.ppid != os.getppid():
                self.log.warning("The master is gone; leaving")
                self.alive = False
            elif proxy.counters.requests >= self.max_requests:
                self.log.info("Served max_requests; leaving for a new worker")
                self.alive = False
            await asyncio.sleep(TICK_SECONDS)

    async def drain(self, proxy: Proxy) -> None:
        """Let answers be finished, for graceful_timeout seconds at most."""
        deadline = self.loop.time() + self.cfg.graceful_timeout
        proxy.drain()
        while proxy.clients and not self.quick and self.loop.time() < deadline:
            self.notify()
            proxy.tick()
            proxy.drain()
            await asyncio.sleep(DRAIN_STEP)
        if proxy.clients:
            self.log.warning("Breaking off %d connections", len(proxy.clients))
            proxy.abort()
            await asyncio.sleep(0)


async def until_linked(proxy: Proxy) -> None:
    """Wait until the first beat is in Redis: whoever drains a container must know us before we serve."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BOOT_WAIT):
            await proxy.dispatcher.linked.wait()
