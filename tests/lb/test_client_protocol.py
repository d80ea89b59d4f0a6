"""The client's side on raw sockets: strictness in groups, order, limits, who may crash, slow clients."""

import json
import socket
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from helpers import eventually
from rig import Backend, Request, RunningProxy, Wire, request, script_of

from lb.client_protocol import ClientProtocol
from lb.request_id import decode

HOST = b"Host: www.example.org\r\n"

# Each with the reason why it is refused; afterwards the connection is closed.
SMUGGLING = [
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "CL and TE"),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "two lengths"),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1,1\r\n\r\na", "a list of lengths"),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\na", "a signed length"),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length : 1\r\n\r\na", "space before the colon"),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "an obfuscated coding"),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "two codings"),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding:\tchunked\x0b\r\n\r\n0\r\n\r\n", "a vertical tab"),
    (b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "chunks in HTTP/1.0"),
    (b"GET / HTTP/1.1\r\n" + HOST + b"X: y\nTransfer-Encoding: chunked\r\n\r\n", "a bare line feed"),
    (b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n folded\r\n\r\n", "a folded field"),
    (b"GET / HTTP/1.1\n" + HOST + b"\r\n", "a bare line feed after the request line"),
    (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", "two hosts"),
    (b"GET / HTTP/1.1\r\n\r\n", "no host"),
    (b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n", "a control character"),
    (
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
        "one length twice (9112, 6.3)",
    ),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0x4\r\n\r\nabcd", "a length that is not decimal"),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length:\r\n\r\n", "an empty length"),
    (
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "chunked twice (9112, 6.1)",
    ),
    (
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "again",
    ),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "a coding we do not decode"),
    (b"POST / HTTP/1.1\r\n" + HOST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', "a quoted coding"),
    (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rb\r\n\r\n", "a bare carriage return (9112, 2.2)"),
    (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n", "NUL in a value (9110, 5.5)"),
    (b"GET / HTTP/1.1\r\n" + HOST + b"X\x00: ab\r\n\r\n", "NUL in a name"),
    (b"GET / HTTP/1.1\r\n" + HOST + b": ab\r\n\r\n", "a field without a name"),
    (b"GET / HTTP/1.1\r\n X: y\r\n" + HOST + b"\r\n", "a space before the first field (9112, 2.2)"),
    (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", "two spaces in the request line"),
    (b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n", "a space after the version"),
    (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", "a space in the target"),
    (b"GET /#part HTTP/1.1\r\n" + HOST + b"\r\n", "a fragment in the target"),
    (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", "the asterisk is for OPTIONS only (9112, 3.2.4)"),
    (b"GET http://user@a/ HTTP/1.1\r\n" + HOST + b"\r\n", "user information in the target (9110, 4.2.4)"),
    (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "a host with a space (9112, 3.2)"),
    (b"GET / HTTP/1.1\r\nHost: a,b\r\nConnection: host\r\n\r\n", "Connection names Host"),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", "a negative length"),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 18446744073709551617\r\n\r\na", "1 to who counts in 64 bits"),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4, 4\r\n\r\nabcd", "one length twice in a list"),
    (
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "CL 0 and TE",
    ),
    (
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: identity\r\n\r\na",
        "no coding any more",
    ),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding:\r\n\r\n", "an empty coding"),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding:: chunked\r\n\r\n0\r\n\r\n", "two colons"),
    (b"GET http://www.example.org/ HTTP/1.1\r\n\r\n", "no host beside an absolute target (9112, 3.2)"),
    (b"GET http://www.example.org/ HTTP/1.1\r\nHost: a b\r\n\r\n", "a bad one beside it"),
    (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", "an empty host"),
    (b"GET /\x80 HTTP/1.1\r\n" + HOST + b"\r\n", "a byte above 127 in the target"),
    (b"GET /\x7f HTTP/1.1\r\n" + HOST + b"\r\n", "DEL in the target"),
    (b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n", "a tab in the request line"),
    (b"\nGET / HTTP/1.1\r\n" + HOST + b"\r\n", "a bare line feed before the request"),
    (b"\rGET / HTTP/1.1\r\n" + HOST + b"\r\n", "a bare carriage return before the request"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "TLS to a plain port"),
]
BAD_CHUNKS = [
    (b"5\nhello\r\n0\r\n\r\n", "a bare line feed after the size"),
    (b"5\r\nhelloworld\r\n0\r\n\r\n", "more data than announced"),
    (b" 5\r\nhello\r\n0\r\n\r\n", "a space before the size"),
    (b"5\r\nhello\n0\r\n\r\n", "a bare line feed after the data"),
    (b"5;" + b"e" * 300 + b"\r\nhello\r\n0\r\n\r\n", "an extension without an end: bytes that nobody pays for"),
    (b"5;a\nb\r\nhello\r\n0\r\n\r\n", "a bare line feed in an extension"),
    (b'5;a="b\r\nc"\r\nhello\r\n0\r\n\r\n', "a quoted extension over two lines: the first one is the line"),
    (b"5;a=\x00\r\nhello\r\n0\r\n\r\n", "NUL in an extension"),
    (b"5;a=\rb\r\nhello\r\n0\r\n\r\n", "a bare carriage return in an extension"),
    (b"0\r\nX: y\r\n folded\r\n\r\n", "a folded trailer"),
    (b"0\r\nX : y\r\n\r\n", "space before the colon of a trailer"),
    (b"\r\n5\r\nhello\r\n0\r\n\r\n", "an empty line where a size must be"),
    (b"-5\r\nhello\r\n0\r\n\r\n", "a negative size"),
    (b"0x5\r\nhello\r\n0\r\n\r\n", "C's hexadecimal"),
    (b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n", "a size that overflows"),
    (b"5\r\nhello\r\n0\r\nbad trailer\r\n\r\n", "a trailer without a colon"),
]


def refused(proxy: RunningProxy, raw: bytes, status: int) -> None:
    """Assert that these bytes are answered once, with this status, and the connection ends."""
    with proxy.connect() as wire:
        wire.send(raw)
        answer = wire.answer()
        assert answer.status == status, answer
        assert set(json.loads(answer.body)) == {"error"}
        assert answer.values("Connection") == ["close"]
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.rest() == b""


@pytest.mark.parametrize(("raw", "reason"), SMUGGLING)
def test_ambiguous_requests_are_refused_and_reach_no_container(
    proxy: RunningProxy, backend: Backend, raw: bytes, reason: str
) -> None:
    refused(proxy, raw + b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n", 400)
    assert backend.requests == []


@pytest.mark.parametrize(("body", "reason"), BAD_CHUNKS)
def test_badly_chunked_bodies_are_refused(proxy: RunningProxy, body: bytes, reason: str) -> None:
    refused(proxy, request("POST", "/api/v1/x", "Transfer-Encoding: chunked") + body, 400)


@pytest.mark.parametrize(
    ("raw", "status", "reason"),
    [
        (b"GET /" + b"a" * 8200 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "a long request line"),
        (b"GET /" + b"a" * 9000, 414, "a request line without an end"),
        (request("GET", "/", *["X: y"] * 101), 431, "too many fields"),
        (request("GET", "/", "X: " + "y" * 8300), 431, "a field too long"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 12000, 431, "a head without an end"),
        (request("CONNECT", "example.org:443"), 501, "no tunnels to elsewhere"),
        (request("TRACE", "/"), 501, "no echo of cookies"),
        (request("GET", "/", version="2.0"), 505, "another version"),
        (request("GET", "/", version="1.2"), 505, "a version that there is not"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/2 unasked"),
    ],
)
def test_limits_and_methods_that_are_not_served(proxy: RunningProxy, raw: bytes, status: int, reason: str) -> None:
    refused(proxy, raw, status)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "BREW"])
def test_every_other_method_is_forwarded(proxy: RunningProxy, backend: Backend, method: str) -> None:
    answer = proxy.talk(request(method, "/any/path?a=b;c", body=b"data"))
    assert answer.status == 200
    assert (backend.requests[-1].method, backend.requests[-1].target) == (method, "/any/path?a=b;c")
    assert backend.requests[-1].body == b"data"


def test_an_absolute_target_names_the_host(proxy: RunningProxy, backend: Backend) -> None:
    for target, host in [("http://a.example/x?y", "a.example"), ("/x?y", "www.example.org")]:
        proxy.talk(request("GET", target))
        assert backend.requests[-1].target == "/x?y"
        assert backend.requests[-1].values("Host") == [host]


def test_what_the_rules_allow_is_forwarded(proxy: RunningProxy, backend: Backend) -> None:
    chunked = "Transfer-Encoding: ChUnKeD"
    vectors = [
        (request("OPTIONS", "*"), "*", b""),  # the asterisk form
        (request("OPTIONS", "http://a.example"), "*", b""),  # the same in absolute form (9112, 3.2.4)
        (request("OPTIONS", "http://a.example/"), "/", b""),  # which this is not
        (request("GET", "http://a.example"), "/", b""),  # an absolute form without a path is "/" (9112, 3.2.2)
        (request("GET", "/x", "X:y"), "/x", b""),  # no space after the colon
        (request("GET", "/x", "X: \t y \t"), "/x", b""),  # optional white space around a value
        (request("GET", "/x", "X:"), "/x", b""),  # an empty value
        (request("POST", "/x", "Content-Length: 0"), "/x", b""),  # an empty body
        (request("POST", "/x", chunked) + b"000000005\r\nhello\r\n00\r\n\r\n", "/x", b"hello"),  # leading zeros
        (request("POST", "/x", chunked) + b'5;a="b;c"\r\nhello\r\n0;z\r\n\r\n', "/x", b"hello"),  # extensions
        (
            request("POST", "/x", chunked) + b"0\r\nContent-Length: 3\r\n\r\n",
            "/x",
            b"",
        ),  # a trailer that frames nothing
    ]
    for raw, target, body in vectors:
        assert proxy.talk(raw).status == 200, raw
        assert (backend.requests[-1].target, backend.requests[-1].body) == (target, body)
        assert b"Content-Length" not in backend.requests[-1].trailers


def test_pipelined_requests_are_answered_in_order(proxy: RunningProxy, backend: Backend) -> None:
    def echo(wire: Wire, asked: Request, _: Backend) -> None:
        body = asked.target.encode() + asked.body
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    backend.script = echo
    raw = b"".join(request("POST", f"/{n}", body=b"x" * n) if n % 2 else request("GET", f"/{n}") for n in range(50))
    with proxy.connect() as wire:
        wire.send(raw)
        bodies = [wire.answer().body for _ in range(50)]
    assert bodies == [f"/{n}".encode() + (b"x" * n if n % 2 else b"") for n in range(50)]


def test_a_flood_of_pipelined_requests_is_answered(proxy: RunningProxy) -> None:
    with proxy.connect() as wire:
        sender = threading.Thread(target=wire.send, args=(request("GET", "/x", "X: " + "y" * 500) * 500,))
        sender.start()
        assert {wire.answer().status for _ in range(500)} == {200}
        sender.join()


def test_a_chunked_request_goes_on_in_chunks_with_its_trailers(proxy: RunningProxy, backend: Backend) -> None:
    raw = request("POST", "/x", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n2;e=f\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n"
    assert proxy.talk(raw).status == 200
    seen = backend.requests[-1]
    assert (seen.body, seen.trailers) == (b"abcde", b"X-Sum: 5\r\n")
    assert seen.values("Content-Length") == []


def test_empty_lines_before_a_request_are_passed_over(proxy: RunningProxy) -> None:
    with proxy.connect() as wire:
        for _ in range(2):
            wire.send(b"\r\n\r\n" + request("GET", "/x"))
            assert wire.answer().status == 200


def test_a_flood_of_empty_lines_holds_nobody_up(proxy: RunningProxy) -> None:
    with proxy.connect() as flooding, proxy.connect() as other:
        began = time.monotonic()
        flooding.send(b"\r\n" * (1 << 20) + request("GET", "/x"))
        other.send(request("GET", "/x"))
        assert (other.answer().status, flooding.answer().status) == (200, 200)
        assert time.monotonic() - began < 2


def test_what_follows_a_request_that_closes_is_not_read(proxy: RunningProxy, backend: Backend) -> None:
    with proxy.connect() as wire:
        wire.send(request("GET", "/last", "Connection: close") + request("GET", "/beyond"))
        assert wire.answer().status == 200
        assert wire.rest() == b""
    assert [seen.target for seen in backend.requests] == ["/last"]


def test_a_head_that_comes_byte_by_byte_is_read(proxy: RunningProxy, backend: Backend) -> None:
    with proxy.connect() as wire:
        for byte in request("POST", "/slow", body=b"body"):
            wire.send(bytes([byte]))
        assert wire.answer().status == 200
    assert backend.requests[-1].body == b"body"


@pytest.mark.parametrize(
    ("version", "fields", "stays"),
    [
        ("1.1", (), True),
        ("1.1", ("Connection: close",), False),
        ("1.0", (), False),
        ("1.0", ("Connection: keep-alive",), True),
    ],
)
def test_the_connection_stays_as_the_client_asks(
    proxy: RunningProxy, version: str, fields: tuple[str, ...], stays: bool
) -> None:
    with proxy.connect() as wire:
        wire.send(request("GET", "/x", *fields, version=version))
        answer = wire.answer()
        assert answer.values("Connection") == ([] if stays else ["close"]) or version == "1.0"
        wire.send(request("GET", "/x", version=version))
        assert (wire.more() or bool(wire.buffer)) is stays


def test_who_may_crash_a_container(proxy: RunningProxy, backend: Backend) -> None:
    # The proxy of this module has no token, and its peers are on loopback.
    assert proxy.talk(request("POST", "/api/v1/_crash")).status == 200
    assert proxy.talk(request("POST", "/api/v1/_crash", "X-Forwarded-For: 192.0.2.1")).status == 403
    assert proxy.talk(request("POST", "/api/v1/%5Fcrash", "Forwarded: for=192.0.2.1")).status == 403
    assert len(backend.requests) == 1


def test_the_token_crashes_from_anywhere(
    make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy]
) -> None:
    proxy = make_proxy(make_backend(), CRASH_TOKEN="s3cret")
    elsewhere = "X-Forwarded-For: 192.0.2.1"
    for token, status in [("s3cret", 200), ("s3cre", 403), ("", 403)]:
        answer = proxy.talk(request("POST", "/api/v1/_crash", elsewhere, f"Authorization: Bearer {token}"))
        assert answer.status == status


def test_a_slow_head_is_408(proxy: RunningProxy) -> None:
    with proxy.connect() as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost:")
        assert wire.answer().status == 408


def test_a_stalled_body_is_408_and_frees_the_container(proxy: RunningProxy, backend: Backend) -> None:
    with proxy.connect() as wire:
        wire.send(request("POST", "/x", "Content-Length: 10", body=b"hello"))
        assert wire.answer().status == 408
    eventually(lambda: proxy.beats()[0].in_flight == {})


def test_a_connection_that_says_nothing_is_closed_silently(proxy: RunningProxy) -> None:
    with proxy.connect() as wire:
        assert wire.rest() == b""


def test_bodies_beyond_the_limit_are_413(
    make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy]
) -> None:
    proxy = make_proxy(make_backend(), MAX_BODY=10)
    assert proxy.talk(request("POST", "/x", body=b"1234567890")).status == 200
    refused(proxy, request("POST", "/x", body=b"12345678901"), 413)
    chunks = b"5\r\nhello\r\n6\r\nworld!\r\n0\r\n\r\n"
    refused(proxy, request("POST", "/x", "Transfer-Encoding: chunked") + chunks, 413)


def test_more_clients_than_a_worker_serves_get_503(
    make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy]
) -> None:
    proxy = make_proxy(make_backend(), options=("--worker-connections", "3"))
    eventually(lambda: proxy.beats()[0].connections == 0)
    wires = [proxy.connect() for _ in range(3)]
    for wire in wires:
        wire.send(request("GET", "/x"))
        assert wire.answer().status == 200
    with proxy.connect() as wire:
        assert wire.answer().status == 503
    for wire in wires:
        wire.socket.close()


def test_a_client_that_leaves_frees_the_container_at_once(proxy: RunningProxy, backend: Backend) -> None:
    ended = threading.Event()

    def wait(wire: Wire, asked: Request, _: Backend) -> bool:
        while wire.more():
            pass
        ended.set()
        return False

    backend.script = wait
    with proxy.connect() as wire:
        wire.send(request("GET", "/x"))
        eventually(lambda: backend.requests)
    assert ended.wait(5)


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_client_that_closes_its_side_gets_its_answer(proxy: RunningProxy, backend: Backend, version: str) -> None:
    def slow(wire: Wire, asked: Request, _: Backend) -> None:
        assert closed.wait(10)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    closed = threading.Event()
    backend.script = slow
    with proxy.connect() as wire:
        wire.send(request("POST", "/one", body=b"data", version=version))
        eventually(lambda: backend.requests)
        wire.socket.shutdown(socket.SHUT_WR)
        closed.set()
        answer = wire.answer()
        assert (answer.status, answer.body) == (200, b"ok")
        assert wire.rest() == b""


def test_a_client_that_closes_its_side_gets_all_its_answers(proxy: RunningProxy) -> None:
    with proxy.connect() as wire:
        wire.send(request("GET", "/x") * 3 + b"GET /incomp")
        wire.socket.shutdown(socket.SHUT_WR)
        assert [wire.answer().status for _ in range(3)] == [200] * 3
        assert wire.rest() == b""


def test_a_container_that_stalls_is_freed_when_the_client_may_be_gone(
    make_proxy: Callable[..., RunningProxy], backend: Backend
) -> None:
    def stall(wire: Wire, _asked: Request, _: Backend) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        wire.rest()

    proxy = make_proxy(backend, UPSTREAM_TIMEOUT=1)
    backend.script = stall
    with proxy.connect() as wire:
        wire.send(request("GET", "/x") * 2)
        eventually(lambda: backend.requests)
        wire.socket.shutdown(socket.SHUT_WR)
        assert b"half" in wire.rest()
    eventually(lambda: not any(proxy.beats()[0].in_flight.values()))


def test_forwarded_fields_say_who_asked(proxy: RunningProxy, backend: Backend) -> None:
    proxy.talk(request("GET", "/x", "X-Forwarded-For: 1.2.3.4", "X-Request-ID: mine", "traceparent: 00-abc"))
    seen = backend.requests[-1]
    assert seen.values("X-Forwarded-For") == ["127.0.0.1"]
    assert seen.values("X-Forwarded-Proto") == ["http"]
    assert seen.values("X-Forwarded-Host") == ["www.example.org"]
    assert seen.values("X-Request-ID") == ["mine"]
    assert seen.values("traceparent") == ["00-abc"]


def test_the_answer_tells_the_name_of_its_request_once(proxy: RunningProxy, backend: Backend) -> None:
    theirs = b"HTTP/1.1 200 OK\r\nX-Request-ID: the container's\r\nContent-Length: 2\r\n\r\nok"
    backend.script = script_of(theirs, close=False)
    with proxy.connect() as wire:
        wire.send(request("GET", "/x", "X-Request-ID: mine"))
        assert wire.answer().values("X-Request-ID") == ["mine"]
        wire.send(request("GET", "/x"))
        answered = wire.answer().values("X-Request-ID")
    assert answered == backend.requests[-1].values("X-Request-ID")


def test_paths_that_are_not_counted_say_so_in_their_names(proxy: RunningProxy, backend: Backend) -> None:
    with proxy.connect() as wire:
        for path in ("/api/v1/acts", "/", "/api/v1/_health"):
            wire.send(request("GET", path))
            wire.answer()
    made = [decode(seen.values("X-Request-ID")[0]) for seen in backend.requests]
    assert [each is not None and each.counted for each in made] == [True, False, False]


def test_requests_without_an_id_get_one_each(proxy: RunningProxy, backend: Backend) -> None:
    with proxy.connect() as wire:
        for _ in range(3):
            wire.send(request("GET", "/x"))
            wire.answer()
    made = [decode(seen.values("X-Request-ID")[0]) for seen in backend.requests]
    turns = [each.turn for each in made if each is not None]
    assert turns == list(range(turns[0], turns[0] + 3))
    assert {(each.worker, each.version) for each in made if each is not None} == {
        (proxy.beats()[0].id, proxy.beats()[0].ring_version)
    }


def test_fields_of_one_request_do_not_leak_into_the_next(proxy: RunningProxy, backend: Backend) -> None:
    with proxy.connect() as wire:
        for fields in (("Cookie: a",), (), ("Cookie: b",), ("Cookie: b",)):
            wire.send(request("GET", "/x", *fields))
            wire.answer()
    assert [seen.values("Cookie") for seen in backend.requests] == [["a"], [], ["b"], ["b"]]


def test_head_answers_have_no_body(proxy: RunningProxy) -> None:
    with proxy.connect() as wire:
        for _ in range(2):
            wire.send(request("HEAD", "/x"))
            answer = wire.answer(headless=True)
            assert (answer.status, answer.values("Content-Length")) == (200, ["5"])
        wire.send(request("GET", "/x"))
        assert len(wire.answer().body) == 5


def test_an_early_answer_reaches_a_client_that_is_still_sending(proxy: RunningProxy, backend: Backend) -> None:
    backend.lazy = True
    backend.script = script_of(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
    try:
        with proxy.connect() as wire:
            wire.send(request("POST", "/x", "Content-Length: 1000000", body=b"x" * 1000))
            answer = wire.answer()
            assert (answer.status, answer.body) == (413, b"big")
            assert answer.values("Connection") == ["close"]
    finally:
        backend.lazy = False


class Closing:
    """A transport that is closing and has this much to write still."""

    waiting = 16_000
    aborted = False

    def get_write_buffer_size(self) -> int:
        """What nobody has taken yet."""
        return self.waiting

    def is_closing(self) -> bool:
        """It is."""
        return True

    def abort(self) -> None:
        """Cut the rest off."""
        self.aborted = True


def test_the_end_of_a_last_answer_is_waited_for_while_the_client_takes_something() -> None:
    transport = Closing()
    client = ClientProtocol.__new__(ClientProtocol)
    client.transport = cast("Any", transport)
    client.proxy = cast("Any", SimpleNamespace(now=100.0, settings=SimpleNamespace(body_timeout=30.0)))
    client.exchange, client.lingering, client.write_paused = None, False, True
    client.resume_writing()
    assert client.deadline == 130.0
    transport.waiting = 9_000
    client.overdue()
    assert not transport.aborted
    client.overdue()  # nothing was taken since
    assert transport.aborted
