"""The PROXY protocol through the real worker: who counts as the client, who is refused, one read or many."""

import json
import socket
from collections.abc import Callable, Iterator

import psutil
import pytest
from helpers import eventually
from real_redis import RedisServer
from rig import Backend, RunningProxy, Wire, answer_with_port, request

from lb.proxy_protocol import V2_SIGNATURE
from lb.trust import is_loopback

MakeBackend = Callable[..., Backend]
MakeProxy = Callable[..., RunningProxy]
V1 = b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n"
V1_LOOPBACK = b"PROXY TCP4 127.0.0.1 127.0.0.1 4711 80\r\n"
V1_TRUSTED = b"PROXY TCP4 10.9.8.7 10.0.0.1 4711 80\r\n"  # the rig's FORWARDED_ALLOW_IPS
V2 = V2_SIGNATURE + b"\x21\x11\x00\x0c" + bytes([192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x67, 0, 80])
V2_LOCAL = V2_SIGNATURE + b"\x20\x00\x00\x00"
GET = request("GET", "/api/v1/x")
CRASH = request("POST", "/api/v1/_crash")


@pytest.fixture(scope="module")
def speaking(lb_redis: RedisServer) -> Iterator[tuple[RunningProxy, Backend]]:
    """A proxy that believes headers from 127.0.0.1, and from nobody else."""
    backend = Backend(answer_with_port)
    options = ("--proxy-protocol", "auto", "--proxy-allow-from", "127.0.0.1")
    options += ("--access-logfile", "-", "--access-logformat", "json")
    proxy = RunningProxy(lb_redis.url, (backend,), options, {"HEADER_TIMEOUT": 0.5})
    yield proxy, backend
    proxy.stop()
    backend.close()


def status_from(proxy: RunningProxy, source: str, raw: bytes) -> int:
    """The answer to these bytes from another address of this machine."""
    with socket.create_connection(("127.0.0.1", proxy.port), 10, (source, 0)) as connection:
        connection.sendall(raw)
        return int(connection.makefile("rb").readline().split()[1])


def outer_address() -> str:
    """An address of this machine that is not loopback's."""
    found = [
        each.address for known in psutil.net_if_addrs().values() for each in known if each.family == socket.AF_INET
    ]
    outer = [address for address in found if not is_loopback(address)]
    if not outer:
        pytest.skip("this machine has no address but loopback's")
    return outer[0]


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (V1, "192.0.2.1"),
        (b"PROXY TCP6 2001:DB8:0::1 2001:db8::2 4711 80\r\n", "2001:db8::1"),
        (V2, "192.0.2.1"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (V2_LOCAL, "127.0.0.1"),
    ],
)
def test_the_container_and_the_log_see_who_is_named(
    speaking: tuple[RunningProxy, Backend], header: bytes, client: str
) -> None:
    proxy, backend = speaking
    target = f"/api/v1/{header.hex()}"
    with proxy.connect() as wire:
        wire.send(header + request("GET", target))
        assert wire.answer().status == 200
        wire.send(GET)  # a header stands before the first request only
        assert wire.answer().status == 200
    assert [seen.values("X-Forwarded-For") for seen in backend.requests[-2:]] == [[client]] * 2
    lines = [json.loads(line) for line in proxy.log().splitlines() if line.startswith("{")]
    assert [line["client"] for line in lines if line["target"] == target] == [client]


@pytest.mark.parametrize("header", [V1, V2, b"PROXY UNKNOWN\r\n", V2_LOCAL])
def test_a_header_may_come_in_pieces(speaking: tuple[RunningProxy, Backend], header: bytes) -> None:
    proxy, _ = speaking
    with proxy.connect() as wire:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in header + GET:
            wire.send(bytes([byte]))
        assert wire.answer().status == 200


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (GET, 400),
        (b"\r\n" + GET, 400),
        (b"PROXY TCP4 192.0.2.1 10.0.0.1 4711\r\n" + GET, 400),
        (b"PROXY " + b"x" * 200, 400),
        (V2[:12] + b"\x31" + V2[13:] + GET, 400),
        (V2[:14] + b"\xff\xff", 400),
        (V1[:10], 408),
        (V2[:20], 408),
        (V1 + GET[:10], 408),
    ],
)
def test_a_header_that_is_missing_wrong_or_late_is_answered_once(
    speaking: tuple[RunningProxy, Backend], raw: bytes, status: int
) -> None:
    proxy, backend = speaking
    before = len(backend.requests)
    with proxy.connect() as wire:
        wire.send(raw)
        assert wire.answer().status == status
        assert wire.rest() == b""
    assert len(backend.requests) == before


@pytest.mark.parametrize("raw", [b"", V1])
def test_a_connection_that_asks_nothing_is_closed_in_time(speaking: tuple[RunningProxy, Backend], raw: bytes) -> None:
    proxy, _ = speaking
    with proxy.connect() as wire:
        wire.send(raw)
        assert wire.rest() == b""


@pytest.mark.parametrize(("raw", "status"), [(GET, 200), (b"\r\n" + GET, 200), (V1 + GET, 403), (V2 + GET, 403)])
def test_a_peer_that_is_not_allowed_speaks_plain_http(
    speaking: tuple[RunningProxy, Backend], raw: bytes, status: int
) -> None:
    assert status_from(speaking[0], "127.0.0.2", raw) == status


@pytest.mark.parametrize(
    ("header", "said"),
    [(V1, ["192.0.2.1"]), (V1_TRUSTED, ["198.51.100.7, 10.9.8.7"]), (b"PROXY UNKNOWN\r\n", ["127.0.0.1"])],
)
def test_trust_goes_by_who_is_named(speaking: tuple[RunningProxy, Backend], header: bytes, said: list[str]) -> None:
    proxy, backend = speaking
    assert proxy.talk(header + request("GET", "/", "X-Forwarded-For: 198.51.100.7")).status == 200
    assert backend.requests[-1].values("X-Forwarded-For") == said


@pytest.mark.parametrize(
    ("header", "status"), [(V1, 403), (V2, 403), (b"PROXY UNKNOWN\r\n", 403), (V1_LOOPBACK, 200), (V2_LOCAL, 200)]
)
def test_only_who_is_named_as_this_machine_may_crash(
    speaking: tuple[RunningProxy, Backend], header: bytes, status: int
) -> None:
    assert speaking[0].talk(header + CRASH).status == status


def test_what_a_balancer_elsewhere_calls_loopback_is_not_this_machine(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    elsewhere = outer_address()
    backend = make_backend()
    options = ("--proxy-protocol", "auto", "--proxy-allow-from", elsewhere, "--forwarded-allow-ips", "127.0.0.1")
    proxy = make_proxy(backend, options=options)
    forwarded = request("GET", "/", "X-Forwarded-For: 198.51.100.7")
    for raw, status in [(V2_LOCAL + CRASH, 403), (V1_LOOPBACK + CRASH, 403), (V1_LOOPBACK + forwarded, 200)]:
        with Wire(socket.create_connection((elsewhere, proxy.port), 10)) as wire:
            wire.send(raw)
            assert wire.answer().status == status
    assert backend.requests[-1].values("X-Forwarded-For") == ["127.0.0.1"]


@pytest.mark.parametrize(("mode", "header", "status"), [("v1", V1, 200), ("v1", V2, 400), ("v2", V1, 400)])
def test_the_version_can_be_fixed(
    make_backend: MakeBackend, make_proxy: MakeProxy, mode: str, header: bytes, status: int
) -> None:
    proxy = make_proxy(make_backend(), options=("--proxy-protocol", mode))
    assert proxy.talk(header + GET).status == status


def test_a_header_counts_for_nothing_while_the_setting_is_off(make_backend: MakeBackend, make_proxy: MakeProxy) -> None:
    assert make_proxy(make_backend()).talk(V1 + GET).status == 400


def test_an_idle_connection_behind_a_header_is_closed_when_the_worker_leaves(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(make_backend(), options=("--proxy-protocol", "auto"))
    with proxy.connect() as silent, proxy.connect() as named:
        named.send(V1)
        eventually(lambda: proxy.beats()[0].connections == 2)
        proxy.process.terminate()
        assert silent.rest() == named.rest() == b""
    assert proxy.process.wait(10) == 0
