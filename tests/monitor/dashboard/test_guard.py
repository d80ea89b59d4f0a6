from base64 import b64encode

import pytest
from werkzeug.datastructures import Headers

from monitor.dashboard import guard
from monitor.dashboard.guard import Refused
from monitor.dashboard.settings import LOOPBACK, OWN_NAMES, DashboardSettings

JSON = ("Content-Type", "application/json")
BEARER = ("Authorization", "Bearer secret")


def refusal(check, *arguments) -> int:
    """The status with which a check refuses; 0 when it does not."""
    try:
        check(*arguments)
    except Refused as refused:
        return refused.status
    return 0


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 0),
        ("localhost:8081", 0),
        ("LOCALHOST:8081", 0),
        ("127.0.0.1:8081", 0),
        ("[::1]:8081", 0),
        ("[::1]", 0),
        ("evil.example:8081", 421),
        ("localhost.evil.example", 421),
        ("", 421),
    ],
)
def test_only_our_own_names_are_answered(host, status) -> None:
    assert refusal(guard.check_name, host, OWN_NAMES) == status


@pytest.mark.parametrize(
    ("peer", "headers", "near"),
    [
        ("127.0.0.1", [], True),
        ("127.8.8.8", [], True),
        ("::1", [], True),
        ("::ffff:127.0.0.1", [], True),
        ("", [], True),  # a unix socket has no address
        ("192.0.2.7", [], False),
        ("127.0.0.1", [("X-Forwarded-For", "192.0.2.7")], False),
        ("127.0.0.1", [("Forwarded", "for=192.0.2.7")], False),
        ("nonsense", [], False),
    ],
)
def test_near_is_who_sits_at_this_machine(peer, headers, near) -> None:
    assert guard.is_near(peer, Headers(headers), LOOPBACK) is near


def test_from_elsewhere_the_token_is_needed_to_look() -> None:
    settings = DashboardSettings(token="secret")
    basic = ("Authorization", "Basic " + b64encode(b"ann:secret").decode())
    wrong = ("Authorization", "Basic " + b64encode(b"ann:other").decode())
    looks = [[], [wrong], [("Authorization", "Basic ###")], [("Authorization", "nonsense")], [basic], [BEARER]]
    refused = [refusal(guard.check_look, "192.0.2.7", Headers(headers), settings) for headers in looks]
    assert refused == [401, 401, 401, 401, 0, 0]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([JSON, BEARER], 0),  # a command line says nothing about where it comes from
        ([JSON, BEARER, ("Origin", "http://localhost:8081"), ("Sec-Fetch-Site", "same-origin")], 0),
        ([JSON, BEARER, ("Origin", "http://evil.example")], 403),
        ([JSON, BEARER, ("Origin", "http://localhost:80")], 403),  # the site's own pages are not the dashboard's
        ([JSON, BEARER, ("Origin", "null")], 403),
        ([JSON, BEARER, ("Sec-Fetch-Site", "same-site")], 403),
        ([JSON, BEARER, ("Sec-Fetch-Site", "cross-site")], 403),
        ([("Content-Type", "text/plain"), BEARER], 415),  # what a form can send without asking
        ([BEARER], 415),
        ([JSON], 401),
        ([JSON, ("Authorization", "Bearer wrong")], 401),
        ([JSON, ("Authorization", "Basic " + b64encode(b"ann:secret").decode())], 401),  # sent by the browser itself
    ],
)
def test_a_change_needs_the_token_and_our_own_page(headers, status) -> None:
    assert refusal(guard.check_change, Headers(headers), "localhost:8081", "secret") == status


def test_without_a_token_nobody_changes_anything() -> None:
    assert refusal(guard.check_change, Headers([JSON, ("Authorization", "Bearer ")]), "localhost", "") == 401
