"""Where the acts store of a URL is: redis-py knows unix://, redis:// and rediss://; sentinels are read here.

    redis+sentinel://user:password@one:26379,two:26379/service/0      whoever is master of that service now
    rediss+sentinel://…?ssl_ca_certs=/etc/ca.pem                      the same over TLS, sentinels too

The options behind the question mark have the names that redis-py gives them; `sentinel_username` and
`sentinel_password` are for the sentinels.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from redis.backoff import NoBackoff
from redis.connection import parse_url, to_bool
from redis.retry import Retry
from redis.sentinel import Sentinel

SENTINEL_PORT = 26379
SENTINEL_TIMEOUT = 0.5  # seconds for one sentinel: the next one is asked then
FORMS = "unix://, redis://, rediss:// or redis+sentinel://"
TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
TLS_OPTIONS = (*TLS_FILES, "ssl_cert_reqs", "ssl_check_hostname")


@dataclass(frozen=True)
class Sentinels:
    """Sentinels that know the master of a service; `connection` is how to speak to that one, as redis-py has it."""

    hosts: tuple[tuple[str, int], ...]
    service: str
    connection: dict[str, Any]
    own: dict[str, Any]  # how to speak to the sentinels themselves

    def ask(self) -> Sentinel:
        """Somebody to ask who is master."""
        times = {"socket_timeout": SENTINEL_TIMEOUT, "socket_connect_timeout": SENTINEL_TIMEOUT}
        retry = Retry(NoBackoff(), 0)
        return Sentinel(self.hosts, sentinel_kwargs={"retry": retry, **times, **self.own})  # type: ignore[no-untyped-call]


def check(url: str) -> None:
    """Raise ValueError, with the end of a sentence, for a URL that names no store."""
    if not url.startswith(("unix://", "redis://", "rediss://", "redis+sentinel://", "rediss+sentinel://")):
        raise ValueError(f"must begin with {FORMS}")
    if sentinels_of(url) is None:
        parse_url(url)  # type: ignore[no-untyped-call]


def sentinels_of(url: str) -> Sentinels | None:
    """The sentinels that a URL names; None for a URL of another kind. Raises ValueError, with the end of a sentence."""
    parts = urlsplit(url)
    if not parts.scheme.endswith("+sentinel"):
        return None
    who, _, where = parts.netloc.rpartition("@")
    service, _, database = parts.path.strip("/").partition("/")
    if not where or not service:
        raise ValueError("must name sentinels and the service that they watch: redis+sentinel://host:26379/mymaster/0")
    options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    name, _, password = who.partition(":")
    tls = tls_of(options) if parts.scheme.startswith("rediss") else {}
    connection = {**identity(unquote(name), unquote(password)), **tls, "db": int(database or 0)}
    own = {**identity(options.pop("sentinel_username", ""), options.pop("sentinel_password", "")), **tls}
    if options:
        raise ValueError(f"has {', '.join(sorted(options))}, which is not known there")
    return Sentinels(tuple(map(host_of, where.split(","))), unquote(service), connection, own)


def identity(name: str, password: str) -> dict[str, Any]:
    """How to introduce oneself; nothing without a password."""
    return {"username": name or None, "password": password} if password else {}


def tls_of(options: dict[str, str]) -> dict[str, Any]:
    """TLS as redis-py has it; takes its options out of those of the URL."""
    known: dict[str, Any] = {name: options.pop(name) for name in TLS_OPTIONS if name in options}
    if "ssl_check_hostname" in known:
        known["ssl_check_hostname"] = to_bool(known["ssl_check_hostname"])  # type: ignore[no-untyped-call]
    return {"ssl": True, **known}


def host_of(text: str) -> tuple[str, int]:
    """Host and port of a sentinel."""
    parts = urlsplit(f"//{text}")
    return parts.hostname or "127.0.0.1", parts.port or SENTINEL_PORT
