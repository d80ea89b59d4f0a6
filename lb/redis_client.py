"""How every process opens the state Redis, the proxy's hot path excepted.

redis-py tries failed commands again by default. That can lie: a second INCR counts twice, a second "take
this name" is told that it is taken. So a failure is raised at once here, and the caller, who knows what may
be repeated, decides. Behind sentinels each new connection asks them who is master now, so that after a
fail-over the next command that is tried goes to the new one.
"""

import socket
import ssl
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from lb.redis_url import RedisAddress, Tls, redis_address

# A server whose machine is gone says nothing more, not even to who waits for a message only: found out in 10 s.
KEEPALIVE = {socket.TCP_KEEPIDLE: 4, socket.TCP_KEEPINTVL: 2, socket.TCP_KEEPCNT: 3}
SENTINEL_TIMEOUT = 0.5  # seconds for one sentinel: the others are asked then


def connect(url: str, *, timeout: float = 2.0, name: str = "selfieless", decode: bool = True) -> redis.Redis:
    """A client of the Redis at `url` (`redis_url` has the forms); connects on first use.

    `timeout` is in seconds and bounds the connecting and each answer. Commands raise redis.RedisError at
    the first failure; answers are str, or bytes without `decode`. `name` shows in CLIENT LIST. Raises
    ValueError for a URL that names no Redis.
    """
    options: dict[str, Any] = {
        "decode_responses": decode,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        "client_name": name,
    }
    return redis.Redis.from_pool(pool_of(redis_address(url), options))


def pool_of(address: RedisAddress, options: dict[str, Any]) -> ConnectionPool:
    """The connections to an address; `options` are those of redis-py."""
    options = options | {"db": address.database, "password": address.password or None}
    if address.password:
        options["username"] = address.user
    if address.path:
        return ConnectionPool(connection_class=UnixDomainSocketConnection, path=address.path, **options)
    options |= {"socket_keepalive": True, "socket_keepalive_options": KEEPALIVE, **tls_options(address.tls)}
    if address.sentinels is not None:
        known = sentinels_of(address)
        service = address.sentinels.service
        options["ssl"] = address.tls is not None
        return SentinelConnectionPool(service, known, **options)  # type: ignore[no-untyped-call]
    kind = SSLConnection if address.tls else Connection
    return ConnectionPool(connection_class=kind, host=address.host, port=address.port, **options)


def sentinels_of(address: RedisAddress) -> Sentinel:
    """Who knows the master."""
    assert address.sentinels is not None
    kwargs: dict[str, Any] = {
        "socket_timeout": SENTINEL_TIMEOUT,
        "socket_connect_timeout": SENTINEL_TIMEOUT,
        "retry": Retry(NoBackoff(), 0),
        "ssl": address.tls is not None,
        **tls_options(address.tls),
    }
    if address.sentinels.password:
        kwargs |= {"username": address.sentinels.user or None, "password": address.sentinels.password}
    return Sentinel(address.sentinels.hosts, sentinel_kwargs=kwargs)  # type: ignore[no-untyped-call]


def tls_options(tls: Tls | None) -> dict[str, Any]:
    """As redis-py calls them; empty without TLS."""
    if tls is None:
        return {}
    return {
        "ssl_ca_certs": tls.ca_certs or None,
        "ssl_certfile": tls.certfile or None,
        "ssl_keyfile": tls.keyfile or None,
        "ssl_cert_reqs": "required" if tls.verify else "none",
        "ssl_check_hostname": tls.check_hostname,
    }


def tls_context(tls: Tls) -> ssl.SSLContext:
    """The same for a connection of our own. Raises OSError (ssl.SSLError is one) for files that cannot be used."""
    context = ssl.create_default_context(cafile=tls.ca_certs or None)
    context.check_hostname = tls.check_hostname
    context.verify_mode = ssl.CERT_REQUIRED if tls.verify else ssl.CERT_NONE
    if tls.certfile:
        context.load_cert_chain(tls.certfile, tls.keyfile or None)
    return context
