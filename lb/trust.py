"""Which peers are believed when they say who the client is: gunicorn's setting forwarded_allow_ips. Pure."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Trust:
    """Knows the trusted networks; "*" trusts everybody. A peer on a unix socket is trusted, as in gunicorn."""

    def __init__(self, allowed: Iterable[str]) -> None:
        names = [name.strip() for name in allowed if name.strip()]
        self.everybody = "*" in names
        self.networks: list[Network] = [ipaddress.ip_network(name, strict=False) for name in names if name != "*"]
        self.believes = lru_cache(maxsize=4096)(self.looked_up)  # peers come back, networks do not change

    def looked_up(self, address: str) -> bool:
        """Whether this peer is trusted; an empty address is a unix socket's."""
        if self.everybody or not address:
            return True
        peer = ipaddress.ip_address(address)
        mapped = peer.ipv4_mapped if isinstance(peer, ipaddress.IPv6Address) else None
        return any((mapped or peer) in network for network in self.networks)


def is_loopback(address: str) -> bool:
    """Whether a peer sits on this machine; an empty address is a unix socket's."""
    if not address:
        return True
    peer = ipaddress.ip_address(address)
    mapped = peer.ipv4_mapped if isinstance(peer, ipaddress.IPv6Address) else None
    return (mapped or peer).is_loopback
