"""The access log: gunicorn's format with our facts, or JSON."""

import json
from collections.abc import Callable
from typing import Any

from helpers import eventually
from rig import Backend, RunningProxy, request, script_of

MakeBackend = Callable[..., Backend]
MakeProxy = Callable[..., RunningProxy]


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


def test_gunicorns_atoms_work_and_ours_beside_them(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    line_format = '%(h)s "%(r)s" %(s)s %(b)s "%(a)s" %({x-a}i)s %({x-served-by}o)s c=%({lb.container}e)s'
    proxy = make_proxy(make_backend(), options=("--access-logfile", "-", "--access-logformat", line_format))
    proxy.talk(request("GET", "/x?y", "User-Agent: tester", "X-A: 7"))
    eventually(lambda: '127.0.0.1 "GET /x?y HTTP/1.1" 200 5 "tester" 7 1 c=1' in proxy.log())


def test_nothing_is_logged_unasked(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(make_backend())
    proxy.get("/secret")
    assert "/secret" not in proxy.log()
