"""Where the Redis of a URL is and how to introduce oneself there. Pure.

    unix:///run/redis.sock?db=0
    redis://user:password@host:6379/0
    rediss://user:password@host:6379/0?ssl_ca_certs=/etc/ca.pem        the same over TLS
    redis+sentinel://:password@one:26379,two:26379/service/0           whoever is master of that service now
    rediss+sentinel://…                                                the same, sentinels and servers over TLS

Names and passwords are percent-encoded. The options behind the question mark have the names that redis-py gives them.
One that is not known is refused rather than ignored: a misspelt demand for a certificate must not pass for one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

REDIS_PORT, SENTINEL_PORT = 6379, 26379
FORMS = (
    "unix:///path, redis://host:port/db, rediss://host:port/db (TLS) or redis+sentinel://host:port,host:port/service/db"
)
TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
TLS_OPTIONS = (*TLS_FILES, "ssl_cert_reqs", "ssl_check_hostname")
SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")
HIDDEN = "***"
REQUIREMENTS = {"required": True, "none": False}
SWITCHES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class WrongUrl(ValueError):
    """A URL that names no Redis; the message is the end of a sentence that begins with the variable."""


class Host(NamedTuple):
    """A host and a port."""

    name: str
    port: int


@dataclass(frozen=True)
class Tls:
    """How to be sure of the server, and to let it be sure of us. Paths of PEM files; empty: the system's own, none."""

    ca_certs: str = ""
    certfile: str = ""
    keyfile: str = ""
    verify: bool = True  # the server's certificate
    check_hostname: bool = True  # that it is made out to the host that was asked for

    @property
    def files(self) -> tuple[str, ...]:
        """Those that must be readable."""
        return tuple(filter(None, (self.ca_certs, self.certfile, self.keyfile)))


@dataclass(frozen=True)
class Sentinels:
    """Who knows which server is the master of a service."""

    hosts: tuple[Host, ...]
    service: str
    user: str = ""
    password: str = ""


@dataclass(frozen=True)
class RedisAddress:
    """A Redis URL taken apart. `host` and `port` say nothing where sentinels know."""

    path: str = ""  # of a unix socket; empty means TCP
    host: str = "127.0.0.1"
    port: int = REDIS_PORT
    database: int = 0
    user: str = "default"
    password: str = ""
    tls: Tls | None = None
    sentinels: Sentinels | None = None


def redis_address(url: str) -> RedisAddress:
    """The address in a URL. Raises WrongUrl."""
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        return address_of(parts, options)
    except WrongUrl:
        raise
    except ValueError as error:
        raise WrongUrl(f"is no URL of the form {FORMS} ({error})") from error


def address_of(parts: SplitResult, options: Mapping[str, str]) -> RedisAddress:
    """The address in the parts of a URL."""
    user, password, hosts = netloc_of(parts.netloc)
    tls = tls_of(options) if parts.scheme.startswith("rediss") else None
    known = ("db", *(TLS_OPTIONS if tls else ()))
    database = options.get("db", "")
    whoever = RedisAddress(user=user or "default", password=password, tls=tls)
    match parts.scheme:
        case "unix" if parts.path:
            refuse_unknown(options, known)
            return replace(whoever, path=unquote(parts.path), database=database_of(database))
        case "redis" | "rediss" if len(hosts) == 1:
            refuse_unknown(options, known)
            host, database = host_of(hosts[0], REDIS_PORT), database or parts.path.strip("/")
            return replace(whoever, host=host.name, port=host.port, database=database_of(database))
        case "redis+sentinel" | "rediss+sentinel" if hosts:
            refuse_unknown(options, (*known, *SENTINEL_OPTIONS))
            service, _, last = parts.path.strip("/").partition("/")
            sentinels = sentinels_of(hosts, service, options)
            return replace(whoever, database=database_of(database or last), sentinels=sentinels)
    raise WrongUrl(f"must be {FORMS}")


def netloc_of(netloc: str) -> tuple[str, str, list[str]]:
    """User, password and hosts, of user:password@host:port,host:port."""
    who, _, where = netloc.rpartition("@")
    user, _, password = who.partition(":")
    return unquote(user), unquote(password), [host for host in where.split(",") if host]


def host_of(text: str, port: int) -> Host:
    """The host of host:port, host, or [address]:port; `port` where none is said."""
    parts = urlsplit(f"//{text}")
    return Host(parts.hostname or "127.0.0.1", port if parts.port is None else parts.port)


def database_of(text: str) -> int:
    """The number of a database; 0 where none is said."""
    if text and not (text.isascii() and text.isdigit()):
        raise WrongUrl(f"names the database {text!r}, which must be a number: …/0")
    return int(text or 0)


def sentinels_of(hosts: list[str], service: str, options: Mapping[str, str]) -> Sentinels:
    """The sentinels that a URL names."""
    if not service:
        raise WrongUrl("names no service, whose master the sentinels know: redis+sentinel://host:26379/mymaster/0")
    known = tuple(host_of(text, SENTINEL_PORT) for text in hosts)
    user, password = (options.get(name, "") for name in SENTINEL_OPTIONS)
    return Sentinels(known, unquote(service), user, password)


def tls_of(options: Mapping[str, str]) -> Tls:
    """The TLS options of a URL."""
    ca_certs, certfile, keyfile = (options.get(name, "") for name in TLS_FILES)
    if keyfile and not certfile:
        raise WrongUrl("has ssl_keyfile without the ssl_certfile that belongs to it")
    verify = chosen(options, "ssl_cert_reqs", "required", REQUIREMENTS)
    check_hostname = chosen(options, "ssl_check_hostname", "true", SWITCHES)
    return Tls(ca_certs, certfile, keyfile, verify, verify and check_hostname)


def chosen(options: Mapping[str, str], name: str, default: str, meanings: Mapping[str, bool]) -> bool:
    """What an option means that has few values."""
    value = options.get(name, default).lower()
    if value not in meanings:
        raise WrongUrl(f"has {name}={value}, which can be {' or '.join(meanings)}")
    return meanings[value]


def refuse_unknown(options: Mapping[str, str], known: tuple[str, ...]) -> None:
    """Refuse what nobody would heed."""
    if unknown := sorted(set(options) - set(known)):
        raise WrongUrl(f"has {', '.join(unknown)}, which is not known there; these are: {', '.join(known)}")


def without_secrets(url: str) -> str:
    """A URL that may be shown."""
    parts = urlsplit(url)
    who, _, where = parts.netloc.rpartition("@")
    shown = url.replace(parts.netloc, f"{HIDDEN}@{where}", 1) if ":" in who else url
    return re.sub(r"(sentinel_password=)[^&]*", rf"\g<1>{HIDDEN}", shown)
