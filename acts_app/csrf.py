"""Changes that a session makes must come from our own pages.

The browser says where a request comes from (Origin, else Referer), and that must be the host and scheme the person
used. Where it says nothing, the request must carry the session's token.
"""

import hmac
from urllib.parse import urlsplit

from flask import request, session

from acts_app.answers import Refused

PORTS = {"http": 80, "https": 443}
HEADER, FIELD = "X-CSRF-Token", "token"


def origin_of(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port of a URL; None for what has none, such as the origin "null"."""
    try:
        parsed = urlsplit(url)
        port = parsed.port
    except ValueError:
        return None
    if not parsed.scheme or not parsed.hostname:
        return None
    return parsed.scheme, parsed.hostname, port or PORTS.get(parsed.scheme)


def from_here(origin: str | None, referer: str | None, here: str) -> bool | None:
    """Whether the browser says that the request comes from `here`; None when it says nothing."""
    said = origin if origin is not None else referer
    return None if said is None else origin_of(said) == origin_of(here)


def check() -> None:
    """Refuse (403) a change that does not come from our pages."""
    verdict = from_here(request.headers.get("Origin"), request.headers.get("Referer"), request.host_url)
    if verdict is None:
        verdict = has_token()
    if not verdict:
        raise Refused(403, "That did not come from our own pages. Please reload and try again.")


def has_token() -> bool:
    """Whether the request carries the session's token."""
    given = request.headers.get(HEADER) or request.form.get(FIELD) or ""
    expected = session.get("token", "")
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())
