"""Probes, uploads and looks do not wait for each other."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import requests
from acts_container import running

from acts_app.lane_worker import Lane, lane_of

Start = Callable[..., Any]
SLOW = b"POST /api/v1/acts HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"


@pytest.mark.parametrize(
    ("first_bytes", "lane"),
    [
        (b"GET /api/v1/_health", Lane.PROBES),
        (b"GET /api/v1/_healt", Lane.LOOKS),
        (b"GET /api/v1/users H", Lane.LOOKS),
        (b"DELETE /api/v1/acts", Lane.LOOKS),
        (b"POST /api/v1/acts H", Lane.UPLOADS),
        (b"POST ", Lane.UPLOADS),
        (b"PUT /x", Lane.UPLOADS),
        (b"POS", Lane.LOOKS),
        (b"", Lane.LOOKS),
    ],
)
def test_the_first_bytes_say_the_lane(first_bytes: bytes, lane: Lane) -> None:
    assert lane_of(first_bytes) is lane


def refused(port: int, head: bytes) -> tuple[str, dict[str, str], dict[str, Any]]:
    """What a container says to a head that its server does not take: status line, headers, body."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
        peer.sendall(head)
        answer = peer.makefile("rb").read()
    top, _, body = answer.partition(b"\r\n\r\n")
    line, *headers = top.decode().split("\r\n")
    fields = dict(header.split(": ", 1) for header in headers)
    assert int(fields["Content-Length"]) == len(body)
    return line, fields, json.loads(body)


@pytest.mark.parametrize(
    ("head", "line", "words"),
    [
        (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request", "not well-formed: Invalid HTTP method: 'get'."),
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: foo\r\n\r\n", "417 Expectation Failed", "but 100-continue"),
        (
            b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n",
            "414 Request-URI Too Long",
            "address of the request is too long",
        ),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 111 + b"\r\n", "431 Request Header Fields Too Large", "too large"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n", "501 Not Implemented", "transfer coding"),
        (b"GET / HTTP/1.1\r\nA B: c\r\n\r\n", "400 Bad Request", "Invalid HTTP header name"),
        (b"\x16\x03\x01\r\n\r\n", "400 Bad Request", "not well-formed"),
    ],
)
def test_what_the_server_refuses_is_a_sentence_in_json_for_all_origins(
    open_container: Any, head: bytes, line: str, words: str
) -> None:
    told, headers, body = refused(open_container.port, head)
    assert told == f"HTTP/1.1 {line}"
    assert list(body) == ["error"]
    assert words in body["error"]
    assert headers["Content-Type"] == "application/json"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Connection"] == "close"


def test_what_the_server_refuses_is_logged_as_before(open_container: Any) -> None:
    refused(open_container.port, b"odd / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert "Invalid request from ip=127.0.0.1: Invalid HTTP method: 'odd'" in open_container.log.read_text()
    assert "Traceback" not in open_container.log.read_text()
    assert open_container.healthy()


@pytest.fixture(scope="module")
def open_container(redis_server: Any, tmp_path_factory: Any) -> Iterator[Any]:
    """A container that all tests may send nonsense to."""
    with running(redis_server.url, tmp_path_factory.mktemp("open")) as container:
        yield container


def test_slow_uploads_and_silent_peers_keep_nobody_from_looking(
    start_container: Start, redis_client: redis.Redis
) -> None:
    container = start_container(ACTS_THREADS="2")
    peers = [socket.create_connection(("127.0.0.1", container.port)) for _ in range(40)]
    for peer in peers[::2]:
        peer.sendall(SLOW)
    for path in ("/_health", "/acts/count", "/_health", "/acts/count"):
        assert requests.get(container.url + path, timeout=5).status_code == 200
    for peer in peers:
        peer.close()
