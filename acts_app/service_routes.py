"""Rows 14 to 17 of the protocol: `_count`, `_health` and `_crash`."""

import hmac
import ipaddress
from collections.abc import Iterable

from flask import Blueprint, Response, request

from acts_app.answers import Refused, answer, done, number
from acts_app.parts import parts
from acts_app.settings import Network

routes = Blueprint("service", __name__, url_prefix="/api/v1")


@routes.get("/_health")
def health() -> Response:
    """Row 16: 200 while this container can serve, and its store would take a write."""
    if parts().store.takes_writes():
        return answer({})
    return answer({"store": "unreachable"}, 500)


@routes.post("/_crash")
def crash() -> Response:
    """Row 17."""
    check_operator()
    parts().stat.crash()
    return done()


@routes.get("/_count")
def requests_so_far() -> Response:
    """Row 14."""
    return number(parts().store.requests())


@routes.delete("/_count")
def forget_requests() -> Response:
    """Row 15."""
    check_operator()
    parts().store.reset_requests()
    return done()


def check_operator() -> None:
    """With ACTS_AUTH=required: only from this machine, or with the token (X-Crash-Token, or a Bearer token)."""
    settings = parts().settings
    if settings.open_protocol or is_local(request.remote_addr or "", settings.local_networks):
        return
    if not settings.crash_token or not hmac.compare_digest(given_token().encode(), settings.crash_token.encode()):
        raise Refused(403, "Only for callers on this machine, or with CRASH_TOKEN.")


def given_token() -> str:
    """The token that the request carries, or nothing."""
    bearer = request.authorization
    from_bearer = bearer.token if bearer and bearer.type == "bearer" else None
    return request.headers.get("X-Crash-Token") or from_bearer or ""


def is_local(address: str, networks: Iterable[Network]) -> bool:
    """Whether an address belongs to one of the networks; what is no address does not."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in networks)
