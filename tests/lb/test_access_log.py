"""The access log: gunicorn's format with our facts, or JSON."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from helpers import eventually
from real_redis import RedisServer
from rig import Backend, Request, RunningProxy, Wire, answer_with_port, request, script_of

from lb.request_id import decode

MakeBackend = Callable[..., Backend]
MakeProxy = Callable[..., RunningProxy]


@pytest.fixture(scope="module")
def refusing(lb_redis: RedisServer) -> Iterator[RunningProxy]:
    """A proxy with a log and little patience."""
    backend = Backend(answer_with_port)
    options = ("--access-logfile", "-", "--access-logformat", "json")
    proxy = RunningProxy(lb_redis.url, (backend,), options, {"HEADER_TIMEOUT": 0.3, "MAX_BODY": 10})
    yield proxy
    proxy.stop()
    backend.close()


def json_lines(proxy: RunningProxy) -> list[dict[str, Any]]:
    """The JSON objects in the log."""
    return [json.loads(line) for line in proxy.log().splitlines() if line.startswith("{")]


def test_json_tells_the_whole_story(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(make_backend(), options=("--access-logfile", "-", "--access-logformat", "json"))
    raw = request("GET", "/api/v1/x?y=z", "User-Agent: tester", "X-Request-ID: mine")
    assert proxy.talk(raw).status == 200
    (line,) = eventually(lambda: json_lines(proxy))
    assert line.pop("time")
    assert 0 < line.pop("upstream_ms") <= line.pop("total_ms")
    assert line.pop("ring_version") == proxy.beats()[0].ring_version
    assert line == {
        "client": "127.0.0.1",
        "method": "GET",
        "target": "/api/v1/x?y=z",
        "protocol": "HTTP/1.1",
        "status": 200,
        "bytes": 5,
        "container": 1,
        "port": 8000,
        "turn": 1,
        "retries": 0,
        "request_id": "mine",
        "reason": "",
        "user_agent": "tester",
        "referer": "",
    }


def test_failures_are_in_the_log_too(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(
        make_backend(script_of(b"nonsense\r\n\r\n")),
        options=("--access-logfile", "-", "--access-logformat", "json"),
    )
    assert proxy.talk(request("POST", "/x", body=b"data")).status == 502
    (line,) = eventually(lambda: json_lines(proxy))
    assert (line["status"], line["container"], line["upstream_ms"]) == (502, 1, None)
    assert line["reason"] == "The container on port 8000 did not answer properly."
    assert decode(line["request_id"]).turn == line["turn"]


@pytest.mark.parametrize(
    ("raw", "status", "asked", "reason"),
    [
        (b"GET /x HTTP/1.1\r\n\r\n", 400, ("GET", "/x", "HTTP/1.1"), "names no host"),
        (request("TRACE", "/y", "User-Agent: tester"), 501, ("TRACE", "/y", "HTTP/1.1"), "not served"),
        (b"\x16\x03\x1b[31m\r\n\r\n", 400, ("\\x16\\x03\\x1b[31m", "", ""), "malformed"),
        (request("POST", "/z", "Content-Length: 11"), 413, ("POST", "/z", "HTTP/1.1"), "may have 10 bytes"),
        (b"GET /" + b"a" * 9000, 414, ("GET", "/" + "a" * 4091, ""), "may have 8190 bytes"),
        (b"GET /slow HTTP/1.1\r\nHo", 408, ("GET", "/slow", "HTTP/1.1"), "did not come in time"),
    ],
)
def test_refused_requests_are_in_the_log_with_the_reason(
    refusing: RunningProxy, raw: bytes, status: int, asked: tuple[str, str, str], reason: str
) -> None:
    before = len(json_lines(refusing))
    assert refusing.talk(raw).status == status
    line = eventually(lambda: json_lines(refusing)[before:])[0]
    assert (line["method"], line["target"], line["protocol"]) == asked
    assert (line["status"], line["container"], line["client"]) == (status, None, "127.0.0.1")
    assert reason in line["reason"]


def test_who_leaves_before_the_answer_is_in_the_log(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    def wait(wire: Wire, asked: Request, _: Backend) -> bool:
        return wire.more()

    backend = make_backend(wait)
    proxy = make_proxy(backend, options=("--access-logfile", "-", "--access-logformat", "json"))
    with proxy.connect() as wire:
        wire.send(request("GET", "/x"))
        eventually(lambda: backend.requests)
    (line,) = eventually(lambda: json_lines(proxy))
    assert (line["status"], line["port"]) == (499, 8000)


def test_an_answer_that_breaks_off_is_in_the_log_with_the_reason(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(
        make_backend(script_of(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")),
        options=("--access-logfile", "-", "--access-logformat", "json"),
    )
    assert not proxy.talk(request("GET", "/x")).complete
    (line,) = eventually(lambda: json_lines(proxy))
    assert (line["status"], line["bytes"]) == (200, 5)
    assert "did not answer properly" in line["reason"]


def test_gunicorns_atoms_work_and_ours_beside_them(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    line_format = '%(h)s "%(r)s" %(s)s %(b)s "%(a)s" %({x-a}i)s %({x-served-by}o)s c=%({lb.container}e)s'
    proxy = make_proxy(make_backend(), options=("--access-logfile", "-", "--access-logformat", line_format))
    proxy.talk(request("GET", "/x?y", "User-Agent: tester", "X-A: 7"))
    eventually(lambda: '127.0.0.1 "GET /x?y HTTP/1.1" 200 5 "tester" 7 1 c=1' in proxy.log())


def test_nothing_is_logged_unasked(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(make_backend())
    proxy.get("/secret")
    assert "/secret" not in proxy.log()
