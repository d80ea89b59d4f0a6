"""How the proxy's bare connection finds its Redis: by unix socket, TCP, TLS, or by asking sentinels who is master now.

Sentinels are asked one after the other, each for a moment only, beginning with the one that answered last. What they
say is checked: a server that says itself that it is a replica is not used, for the answer may be older than the last
fail-over. Files of certificates are read when this is made, which is while the master process is still root.
"""

import asyncio
import ssl
from collections import deque
from contextlib import suppress
from typing import Any

from lb.redis_client import tls_context
from lb.redis_link import LinkOwner, RedisError, RedisLink, introduce
from lb.redis_url import Host, RedisAddress, Sentinels

HANDSHAKE_SECONDS = 0.8  # for TLS; a server that does not speak it says nothing
SENTINEL_SECONDS = 0.3  # for one sentinel: three dead ones may be passed within the patience for a whole attempt


class Nobody:
    """The owner of a connection on which nothing but answers is expected."""

    def on_push(self, message: list[Any]) -> None:
        """Nobody has subscribed to anything."""

    def on_link_lost(self, link: RedisLink) -> None:
        """Who waits for an answer is told."""


class RedisPlace:
    """Where the Redis of an address is, now."""

    def __init__(self, address: RedisAddress) -> None:
        self.address = address
        self.tls: ssl.SSLContext | None = None
        self.sentinels: deque[Host] = deque(address.sentinels.hosts if address.sentinels else ())
        with suppress(OSError):  # told with the first attempt to connect: a worker that serves degraded is a worker
            self.read_certificates()

    def read_certificates(self) -> None:
        """Read the files that TLS needs, unless that is done. Raises OSError."""
        if self.address.tls and self.tls is None:
            self.tls = tls_context(self.address.tls)

    async def open_link(self, owner: LinkOwner, name: str, channel: str) -> RedisLink:
        """Connect, speak RESP3, take a name, and listen on a channel. Raises OSError or RedisError."""
        self.read_certificates()
        sentinels = self.address.sentinels
        host = await self.master(sentinels) if sentinels else Host(self.address.host, self.address.port)
        link = RedisLink(owner)
        await self.connect(link, host)
        try:
            await introduce(link, self.address, name, channel)
            if sentinels:
                await refuse_replica(link, host)
        except BaseException:  # a cancelled handshake too leaves no connection behind
            link.close()
            raise
        return link

    async def connect(self, link: RedisLink, host: Host) -> None:
        """Open the connection itself. Raises OSError."""
        loop = asyncio.get_running_loop()
        if self.address.path:
            await loop.create_unix_connection(lambda: link, self.address.path)
        else:
            patience = HANDSHAKE_SECONDS if self.tls else None
            await loop.create_connection(
                lambda: link, host.name, host.port, ssl=self.tls, ssl_handshake_timeout=patience
            )

    async def master(self, sentinels: Sentinels) -> Host:
        """Who is master now, by the first sentinel that knows. Raises RedisError when none does."""
        problems = []
        for host in list(self.sentinels):
            try:
                async with asyncio.timeout(SENTINEL_SECONDS):
                    return await self.ask(host, sentinels)
            except (OSError, RedisError, TimeoutError) as error:
                problems.append(f"{host.name}:{host.port}: {error or 'it does not answer'}")
                self.sentinels.rotate(-1)
        raise RedisError(f"no sentinel knows the master of {sentinels.service} ({'; '.join(problems)})")

    async def ask(self, host: Host, sentinels: Sentinels) -> Host:
        """Who is master, by one sentinel. Raises OSError or RedisError."""
        link = RedisLink(Nobody())
        await self.connect(link, host)
        try:
            if sentinels.password:
                await link.ask(("AUTH", sentinels.user or "default", sentinels.password))
            (answer,) = await link.ask(("SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinels.service))
        finally:
            link.close()
        if answer is None:
            raise RedisError("it does not know that name")
        name, port = answer
        return Host(name.decode(), int(port))


async def refuse_replica(link: RedisLink, host: Host) -> None:
    """Make sure that this is a master. Raises RedisError."""
    (role,) = await link.ask(("ROLE",))
    if role[0] != b"master":
        raise RedisError(f"the sentinels name {host.name}:{host.port}, which is a replica: no new master yet")
