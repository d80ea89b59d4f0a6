"""A client behind a balancer that speaks the PROXY protocol: gunicorn's settings proxy_protocol and proxy_allow_ips.

A connection from an allowed peer must begin with a header, and who is named in it counts as the client from then on.
gunicorn lets an allowed peer do without; but the specification forbids to guess (section 5), and a balancer that has
been told to send no header would pass unnoticed. Other peers speak plain HTTP, and a header of theirs is refused with
403, as by gunicorn. Used only where the setting is on, so that nobody else pays for it.
"""

import asyncio

from lb.client_protocol import ClientProtocol, authority_of
from lb.proxy import Proxy
from lb.proxy_protocol import BadHeader, Header, read_header, version_of
from lb.replies import Refusal
from lb.trust import Trust, is_loopback


class ProxiedClient(ClientProtocol):
    """One client connection that may begin with a header."""

    __slots__ = ("allowed", "awaiting", "from_here", "mode")

    def __init__(self, proxy: Proxy, trust: Trust, scheme: bytes, mode: str, allowed: Trust) -> None:
        super().__init__(proxy, trust, scheme)
        self.mode = mode  # v1, v2 or auto
        self.allowed = allowed
        self.awaiting = True  # it is not known yet who this is
        self.from_here = True  # nothing tells that the client is on another machine

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop. The balancer's address decides whether it may speak for others."""
        super().connection_made(transport)
        self.from_here = super().is_here()

    def is_here(self) -> bool:
        """Whether the client sits on this machine: what a balancer elsewhere calls loopback is not ours."""
        return self.from_here and super().is_here()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if self.awaiting and not self.lingering:
            self.begin_connection(self.buffer + data)
        else:
            super().data_received(data)

    def begin_connection(self, data: bytes) -> None:
        """Read what stands before the first request."""
        self.buffer = data
        try:
            size = self.read_proxied(data) if self.allowed.believes(self.address) else self.read_direct(data)
        except BadHeader as bad:
            self.refuse(Refusal(400, str(bad)), data)
        except Refusal as refusal:
            self.refuse(refusal, data)
        else:
            if size is not None:
                self.go_on(data[size:])

    def go_on(self, rest: bytes) -> None:
        """It is known who this is: requests follow."""
        self.awaiting = False
        self.buffer = b""
        if rest:
            super().data_received(rest)

    def read_proxied(self, data: bytes) -> int | None:
        """Learn from the header who the client is; its size, None while it is not complete. Raises BadHeader."""
        header = read_header(data, self.mode)
        if header is None:
            return None
        self.meet_behind(header)
        return header.size

    def read_direct(self, data: bytes) -> int | None:
        """No header may be here; None while that cannot be told. Raises Refusal."""
        version = version_of(data, self.mode)
        if version:
            raise Refusal(403, "This peer may not speak the PROXY protocol.")
        return version

    def meet_behind(self, header: Header) -> None:
        """Take who is named for the client. One whom the balancer does not know, or calls loopback from elsewhere, is
        not trusted with anything; a balancer that speaks for itself is who it is.
        """
        known = header.local
        if header.client and header.server:
            self.meet(header.client[0], authority_of(header.server))
            known = self.from_here or not is_loopback(self.address)
        if not known:
            self.from_here = False
            self.peer = self.peer._replace(trusted=False)
