"""The containers' side on raw sockets: every way to frame an answer, and answers that break the rules."""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable

import pytest
from helpers import eventually
from rig import Backend, Request, RunningProxy, Wire, request, script_of

from lb.upstream import RECEIVE_BYTES
from lb.websocket import CLOSE, MASKED_CLOSE

OK = b"HTTP/1.1 200 OK\r\n"
SEND_WINDOW = 228  # where tcp_info has tcpi_snd_wnd, the window that the other side offers (since Linux 5.4)


def test_connections_are_kept_and_used_again(proxy: RunningProxy, backend: Backend) -> None:
    proxy.get()
    before = backend.connections
    for _ in range(10):
        assert proxy.get().status == 200
    assert backend.connections == before


@pytest.mark.parametrize(
    ("raw", "close"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", False),
        (OK + b"\r\nhello", True),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\nhello", False),
    ],
)
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_every_framing_reaches_every_client(
    proxy: RunningProxy, backend: Backend, raw: bytes, close: bool, version: str
) -> None:
    backend.script = script_of(raw, close)
    with proxy.connect() as wire:
        wire.send(request("GET", "/x", version=version))
        answer = wire.answer()
    assert (answer.status, answer.body, answer.complete) == (200, b"hello", True)
    assert not (version == "1.0" and answer.values("Transfer-Encoding"))


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        ("204 No Content", b""),
        ("204 No Content", b"Content-Length: 0\r\n"),
        ("204 No Content", b"Content-Length: 4\r\n"),
        ("204 No Content", b"Transfer-Encoding: chunked\r\n"),
        ("304 Not Modified", b"Transfer-Encoding: chunked\r\n"),
        ("304 Not Modified", b"Content-Length: 9\r\n"),
    ],
)
def test_answers_without_a_body_leave_the_connection_usable(
    proxy: RunningProxy, backend: Backend, status: str, fields: bytes
) -> None:
    backend.script = script_of(f"HTTP/1.1 {status}\r\n".encode() + fields + b"\r\n", close=False)
    with proxy.connect() as wire:
        for _ in range(3):
            wire.send(request("GET", "/x"))
            answer = wire.answer()
            assert answer.status == int(status[:3])
            assert answer.values("Transfer-Encoding") == []
            assert answer.values("Content-Length") == (["9"] if b"9" in fields else [])


def test_answers_in_small_pieces_arrive_whole(proxy: RunningProxy, backend: Backend) -> None:
    raw = OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"

    def dribble(wire: Wire, asked: Request, _: Backend) -> None:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in raw:
            wire.send(bytes([byte]))

    backend.script = dribble
    with proxy.connect() as wire:
        for _ in range(2):
            wire.send(request("GET", "/x"))
            assert wire.answer().body == b"hello"


def test_trailers_are_passed_on(proxy: RunningProxy, backend: Backend) -> None:
    backend.script = script_of(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n", close=False)
    with proxy.connect() as wire:
        wire.send(request("GET", "/x"))
        wire.head()
        assert wire.chunks() == (b"hi", b"X-Sum: 7\r\n")


def test_early_hints_and_continue_are_passed_on(proxy: RunningProxy, backend: Backend) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    backend.script = script_of(hints + OK + b"Content-Length: 2\r\n\r\nok", close=False)
    assert proxy.get().interim == [103]
    assert proxy.talk(request("GET", "/x", version="1.0")).interim == []


def test_a_client_that_expects_100_sends_its_body_after_it(proxy: RunningProxy, backend: Backend) -> None:
    def carry_on(wire: Wire, asked: Request, _: Backend) -> None:
        assert asked.values("Expect") == ["100-continue"]
        wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        wire.read_request_body(asked)
        wire.send(OK + b"Content-Length: %d\r\n\r\n%b" % (len(asked.body), asked.body))

    backend.script, backend.lazy = carry_on, True
    try:
        with proxy.connect() as wire:
            wire.send(request("POST", "/x", "Expect: 100-continue", "Content-Length: 4"))
            line, _ = wire.head()
            assert line == b"HTTP/1.1 100 Continue"
            wire.send(b"body")
            assert wire.answer().body == b"body"
    finally:
        backend.lazy = False


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"garbage\r\n\r\n", "no HTTP"),
        (OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "framed twice"),
        (OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "two lengths"),
        (OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n", "a folded field"),
        (OK + b"Transfer-Encoding: gzip\r\n\r\n", "an unknown coding"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "a tunnel unasked"),
        (OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "one length twice"),
        (OK + b"Content-Length: -1\r\n\r\n", "a negative length"),
        (OK + b"Content-Length: 2, 2\r\n\r\nok", "a list of lengths"),
        (OK + b"Content-Length: +2\r\n\r\nok", "a signed length"),
        (OK + b"Content-Length: 99999999999999999999\r\n\r\nok", "a length that overflows"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "bare line feeds"),
        (b"HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nhi" + OK + b"\r\n", "an interim answer with a body"),
        (OK + b"Content-Length : 0\r\n\r\n", "space before the colon"),
        (OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "chunked twice"),
        (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "chunks in HTTP/1.0"),
        (OK + b"X: a\x00b\r\nContent-Length: 0\r\n\r\n", "NUL in a value"),
        (OK + b"X: a\rb\r\nContent-Length: 0\r\n\r\n", "a bare carriage return"),
        (b"HTTP/1.1 99 Odd\r\nContent-Length: 0\r\n\r\n", "a status of two digits"),
        (b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", "another version"),
        (OK + b"X: " + b"y" * 70000, "a head without an end"),
        (OK[:8], "a head that breaks off"),
    ],
)
def test_answers_that_cannot_be_trusted_are_502(proxy: RunningProxy, backend: Backend, raw: bytes, reason: str) -> None:
    backend.script = script_of(raw)
    answer = proxy.get()
    assert (answer.status, answer.server) == (502, "")


@pytest.mark.parametrize(
    "raw",
    [
        OK + b"Content-Length: 10\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nbad\r\n",
    ],
)
def test_an_answer_that_breaks_off_breaks_off_for_the_client(proxy: RunningProxy, backend: Backend, raw: bytes) -> None:
    backend.script = script_of(raw)
    answer = proxy.get()
    assert answer.status == 200
    assert not answer.complete


def test_a_reset_without_framing_is_a_reset_for_a_client_of_1_0(proxy: RunningProxy, backend: Backend) -> None:
    def reset(wire: Wire, asked: Request, _: Backend) -> bool:
        wire.send(OK + b"\r\nhello")
        eventually(go.is_set)
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        return False

    go = threading.Event()
    backend.script = reset
    with proxy.connect() as wire:
        wire.send(request("GET", "/x", version="1.0"))
        wire.until(b"hello")
        go.set()
        with pytest.raises(ConnectionResetError):
            wire.socket.recv(1)


@pytest.mark.parametrize(
    ("method", "raw"),
    [
        ("HEAD", OK + b"Content-Length: 4\r\n\r\nevil"),  # a body after the answer to HEAD
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\nevil"),  # 204 has no body (9110, 15.3.5)
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil"),  # its length is that of a 200
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\nevil"),
    ],
)
def test_bytes_where_no_body_may_be_reach_nobody(
    proxy: RunningProxy, backend: Backend, method: str, raw: bytes
) -> None:
    backend.script = script_of(raw, close=False)
    with proxy.connect() as wire:
        wire.send(request(method, "/x", "Connection: close"))
        assert b"evil" not in wire.rest()
    backend.script = script_of(OK + b"Content-Length: 2\r\n\r\nok", close=False)
    assert [proxy.get().body for _ in range(3)] == [b"ok"] * 3


@pytest.mark.parametrize(("number", "status"), [(80, 200), (2000, 502)])
def test_interim_answers_are_passed_on_but_not_a_flood(
    proxy: RunningProxy, backend: Backend, number: int, status: int
) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" * number
    backend.script = script_of(interim + OK + b"Content-Length: 2\r\n\r\nok", close=False)
    assert proxy.get().status == status
    assert "Traceback" not in proxy.log()


def test_bytes_after_an_answer_are_never_given_to_somebody_else(proxy: RunningProxy, backend: Backend) -> None:
    backend.script = script_of(OK + b"Content-Length: 2\r\n\r\nok" + OK + b"Content-Length: 4\r\n\r\nevil", close=False)
    for _ in range(4):
        assert proxy.get().body == b"ok"


def test_a_websocket_is_a_tunnel_both_ways(proxy: RunningProxy, backend: Backend) -> None:
    def shout(wire: Wire, asked: Request, _: Backend) -> bool:
        assert asked.values("Upgrade") == ["websocket"]
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello ")
        while wire.more():
            wire.send(wire.buffer.upper())
            wire.buffer = b""
        ended.set()
        return False

    ended = threading.Event()
    backend.script = shout
    with proxy.connect() as wire:
        wire.send(request("GET", "/ws", "Connection: Upgrade", "Upgrade: websocket") + b"early")
        answer = wire.answer()
        assert (answer.status, answer.values("Upgrade")) == (101, ["websocket"])
        assert wire.exactly(11) == b"hello EARLY"
        for word in (b"one", b"two"):
            wire.send(word)
            assert wire.exactly(3) == word.upper()
    assert ended.wait(5)
    eventually(lambda: proxy.beats()[0].in_flight == {})


def test_interim_answers_may_come_before_a_tunnel(proxy: RunningProxy, backend: Backend) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    backend.script = script_of(hints + b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nbye")
    with proxy.connect() as wire:
        wire.send(request("GET", "/ws", "Connection: Upgrade", "Upgrade: websocket"))
        answer = wire.answer()
        assert (answer.status, answer.interim) == (101, [103])
        assert wire.rest() == b"bye"


def test_a_websocket_ends_politely_when_its_container_leaves(
    make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy]
) -> None:
    def greet(wire: Wire, asked: Request, _: Backend) -> bool:
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        wire.send(b"\x82\x7e\x01\x00" + bytes(256))
        heard.append(wire.rest())
        return False

    heard: list[bytes] = []
    proxy = make_proxy(make_backend(greet), TUNNEL_GRACE=0.1)
    with proxy.connect() as wire:
        wire.send(request("GET", "/ws", "Connection: Upgrade", "Upgrade: websocket"))
        assert wire.answer().status == 101
        assert wire.exactly(260).endswith(bytes(256))
        wire.send(b"\x82\x83\x00\x00\x00\x00abc")
        eventually(lambda: proxy.beats()[0].tunnels == 1)
        proxy.set_ring(make_backend(), first=8001)
        assert wire.exactly(4) == CLOSE
        wire.send(MASKED_CLOSE)
        assert wire.rest() == b""
    eventually(lambda: heard)
    assert heard == [b"\x82\x83\x00\x00\x00\x00abc" + MASKED_CLOSE]
    eventually(lambda: (proxy.beats()[0].in_flight, proxy.beats()[0].tunnels) == ({}, 0))


def test_a_tunnel_that_is_cut_in_a_frame_or_knows_none_just_ends(
    make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy]
) -> None:
    def greet(wire: Wire, asked: Request, _: Backend) -> bool:
        upgrade = asked.values("Upgrade")[0].encode()
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: %b\r\nConnection: Upgrade\r\n\r\n" % upgrade)
        wire.send(b"\x82\x7e\x01\x00cut")
        wire.rest()
        return False

    proxy = make_proxy(make_backend(greet), TUNNEL_GRACE=0.1)
    with proxy.connect() as one, proxy.connect() as two:
        for wire, protocol in ((one, "websocket"), (two, "chat")):
            wire.send(request("GET", "/ws", "Connection: Upgrade", f"Upgrade: {protocol}"))
            assert wire.answer().status == 101
            assert wire.exactly(7).endswith(b"cut")
        proxy.set_ring(make_backend(), first=8001)
        assert (one.rest(), two.rest()) == (b"", b"")
    eventually(lambda: proxy.beats()[0].in_flight == {})


def test_a_tunnel_that_the_container_ends_ends_for_the_client(proxy: RunningProxy, backend: Backend) -> None:
    backend.script = script_of(b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nbye")
    with proxy.connect() as wire:
        wire.send(request("GET", "/ws", "Connection: Upgrade", "Upgrade: websocket"))
        assert wire.answer().status == 101
        assert wire.rest() == b"bye"


def test_events_are_passed_on_as_they_come(proxy: RunningProxy, backend: Backend) -> None:
    seen = threading.Semaphore(0)

    def events(wire: Wire, asked: Request, _: Backend) -> bool:
        wire.send(OK + b"Content-Type: text/event-stream\r\n\r\n")
        for number in range(3):
            wire.send(b"data: %d\n\n" % number)
            seen.acquire(timeout=5)  # goes on only when the client has it
        return False

    backend.script = events
    with proxy.connect() as wire:
        wire.send(request("GET", "/events"))
        wire.head()
        for number in range(3):
            assert wire.until(b"\n\n").endswith(b"data: %d\n\n" % number)
            seen.release()


def test_large_bodies_pass_both_ways_without_being_held(
    make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy]
) -> None:
    size = 64 << 20
    block = bytes(1 << 20)

    def swallow_and_pour(wire: Wire, asked: Request, _: Backend) -> None:
        left = size if asked.method == "POST" else 0
        left -= len(wire.exactly(min(left, len(wire.buffer))))
        while left:
            left -= len(wire.socket.recv(min(left, 1 << 20)))
        wire.send(OK + b"Content-Length: %d\r\n\r\n" % (size if asked.method == "GET" else 0))
        for _ in range(size // len(block) if asked.method == "GET" else 0):
            wire.send(block)

    backend = make_backend()
    proxy = make_proxy(backend)
    backend.script, backend.lazy = swallow_and_pour, True
    pid = proxy.beats()[0].pid
    before = peak_memory(pid)
    with proxy.connect() as wire:
        wire.send(request("GET", "/big"))
        wire.head()
        left = size - len(wire.buffer)
        while left:
            left -= len(wire.socket.recv(min(left, 1 << 20)))
    with proxy.connect() as wire:
        wire.send(request("POST", "/big", f"Content-Length: {size}"))
        for _ in range(size // len(block)):
            wire.send(block)
        assert wire.answer().status == 200
    assert peak_memory(pid) - before < 16 << 20


def pour(wire: Wire, asked: Request, _: Backend) -> None:
    """A script: as many bytes as the target says."""
    size = int(asked.target[1:])
    wire.send(OK + b"Content-Length: %d\r\n\r\n" % size + bytes(size))


def test_a_client_that_reads_slowly_does_no_harm_to_who_gets_the_connection_next(
    make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy]
) -> None:
    backend = make_backend(pour)
    proxy = make_proxy(backend, UPSTREAM_TIMEOUT=2)
    for size in range(
        150_000, 1_000_000, 50_000
    ):  # whether the last piece is too much for the client is up to the kernel
        with slow_client(proxy) as slow:
            slow.send(request("GET", f"/{size}"))
            eventually(lambda: backend.requests)
            time.sleep(0.05)  # all that the buffers take has come
            assert len(slow.answer().body) == size
        assert proxy.get("/10").status == 200
        backend.requests.clear()


def test_a_container_that_does_not_take_a_body_is_late_and_not_its_client(
    proxy: RunningProxy, backend: Backend
) -> None:
    def take_nothing(wire: Wire, asked: Request, _: Backend) -> bool:
        enough.wait(10)
        return False

    enough = threading.Event()
    backend.script, backend.lazy = take_nothing, True
    try:
        with proxy.connect() as wire:
            wire.send(request("POST", "/x", f"Content-Length: {64 << 20}"))
            sender = threading.Thread(target=send_all_it_takes, args=(wire,))
            sender.start()
            assert wire.answer().status == 504
            enough.set()
        sender.join()
    finally:
        backend.lazy = False


def send_all_it_takes(wire: Wire) -> None:
    """Send a large body, until the other side has had enough."""
    with contextlib.suppress(OSError):
        wire.send(bytes(64 << 20))


def slow_client(proxy: RunningProxy) -> Wire:
    """A client for whom the kernel keeps little."""
    connected = socket.socket()
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    connected.connect(("127.0.0.1", proxy.port))
    return Wire(connected)


def test_a_client_that_reads_nothing_can_ask_for_no_more(
    make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy]
) -> None:
    backend = make_backend(pour)
    proxy = make_proxy(backend)
    pid = proxy.beats()[0].pid
    before = peak_memory(pid)
    with slow_client(proxy) as slow:
        slow.send(request("GET", "/200000") * 300)
        eventually(lambda: backend.requests)
        time.sleep(1)
        asked = len(backend.requests)
        assert {len(slow.answer().body) for _ in range(300)} == {200_000}
        slow.send(request("GET", "/10"))
        assert len(slow.answer().body) == 10
    assert asked < 20
    assert peak_memory(pid) - before < 16 << 20


def peak_memory(pid: int) -> int:
    """The most memory a process has had, bytes."""
    with open(f"/proc/{pid}/status") as file:  # noqa: PTH123
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_the_kernel_holds_little_of_an_answer_however_fast_the_container_sends(
    proxy: RunningProxy, backend: Backend
) -> None:
    """The kernel would offer megabytes after a fast transfer, and fill them for a client that reads slowly."""
    windows = []

    def push(wire: Wire, asked: Request, _: Backend) -> bool:
        wire.send(OK + b"Content-Length: %d\r\n\r\n" % (64 << 20))
        for _ in range(64):
            wire.send(bytes(1 << 20))
            info = wire.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            windows.append(int.from_bytes(info[SEND_WINDOW : SEND_WINDOW + 4], sys.byteorder))
        return True

    backend.script = push
    with proxy.connect() as wire:
        wire.send(request("GET", "/x"))
        while len(windows) < 64 and wire.more():
            wire.buffer = b""
    assert len(windows) == 64
    assert max(windows) <= 2 * RECEIVE_BYTES
