"""Who may look and who may change: what stands before every route of the admin port.

Three dangers, three rules. A page elsewhere that makes its own name point to this machine (DNS rebinding) is refused by
the name it sends as Host. A page elsewhere that posts here is refused by its origin, and could not send the token: the
token travels in the Authorization header, which no browser adds by itself, and never in a cookie, which every port of
this machine would be sent. And who is not on this machine needs the token to look as well.
"""

import hmac
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers

from monitor.dashboard.settings import DashboardSettings, Network

READING = ("GET", "HEAD", "OPTIONS")
FORWARDED = ("X-Forwarded-For", "Forwarded")  # somebody asks for somebody else: the peer says nothing about who
JSON = "application/json"


class Refused(Exception):
    """The request is not served; `status` is the HTTP code, `sentence` says why and what would help."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers or {}


def name_in(host: str) -> str:
    """The name in a Host header, without the port, in lower case; brackets of IPv6 stay."""
    name, _, port = host.lower().rpartition(":")
    return name if name and port.isdigit() else host.lower()


def check_name(host: str, names: Collection[str]) -> None:
    """Refuse a request for a name that is not ours."""
    if name_in(host) not in names:
        raise Refused(
            421,
            f"This is not {name_in(host)[:100] or 'the host of an empty name'}. Another name has to be in ADMIN_HOSTS.",
        )


def is_near(peer: str, headers: Headers, readers: Collection[Network]) -> bool:
    """Whether the request comes from this machine, or from a network that counts as near, and from nobody behind it."""
    if any(name in headers for name in FORWARDED):
        return False
    try:
        address = ip_address(peer)
    except ValueError:
        return not peer  # a unix socket
    return any(address in network for network in readers)


def token_in(authorization: str) -> str:
    """The token that an Authorization header carries: as Bearer, or as the password of Basic; empty for none."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return b64decode(rest, validate=True).decode().partition(":")[2]
        except (NotBase64, UnicodeDecodeError):
            return ""
    return ""


def has_token(authorization: str, token: str) -> bool:
    """Whether the header carries this token; never where there is none."""
    return bool(token) and hmac.compare_digest(token_in(authorization).encode(), token.encode())


def check_origin(headers: Headers, host: str) -> None:
    """Refuse a change that a page from elsewhere has sent."""
    origin = headers.get("Origin")
    foreign = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
    if foreign or headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Refused(403, "That did not come from the dashboard's own page.")


def check_change(headers: Headers, host: str, token: str) -> None:
    """Refuse a change that does not come from our page or a command line with the token."""
    check_origin(headers, host)
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() != JSON:
        raise Refused(415, f"Changes are sent as {JSON}.")
    authorization = headers.get("Authorization", "")
    # Basic is what a browser sends by itself, once it knows it; for a change somebody must have meant it.
    if not authorization.lower().startswith("bearer ") or not has_token(authorization, token):
        raise Refused(401, "This needs the admin token, which `up` says where to find.", {"WWW-Authenticate": "Bearer"})


def check_look(peer: str, headers: Headers, settings: DashboardSettings) -> None:
    """Refuse a look from elsewhere without the token."""
    if is_near(peer, headers, settings.readers) or has_token(headers.get("Authorization", ""), settings.token):
        return
    challenge = {"WWW-Authenticate": 'Basic realm="admin token as password", charset="UTF-8"'}
    raise Refused(401, "From elsewhere than this machine this needs the admin token.", challenge)
