"""How many clients the limit of open files leaves, and a worker that is flooded beyond it."""

import resource
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest
from helpers import eventually
from rig import Backend, RunningProxy, Wire, request

from lb.files import Room, room

FILES = 96  # with these, 24 clients are served
FLOOD = 300  # connections

MakeBackend = Callable[..., Backend]
MakeProxy = Callable[..., RunningProxy]


@pytest.mark.parametrize(
    ("wanted", "files", "expected"),
    [
        (4096, 1_048_576, Room(4096, 1_044_448)),
        (4096, resource.RLIM_INFINITY, Room(4096)),
        (4096, 1024, Room(488, 504)),
        (100, 1024, Room(100, 892)),
        (0, 1024, Room(488, 504)),
        (4096, FILES, Room(24, 40)),
        (4096, 20, Room(1, 2)),
    ],
)
def test_each_client_may_need_two_files(wanted: int, files: int, expected: Room) -> None:
    assert room(wanted, files) == expected


@contextmanager
def flood(port: int) -> Iterator[None]:
    """Connections that say nothing."""
    crowd: list[socket.socket] = []
    try:
        for _ in range(FLOOD):
            crowd.append(socket.create_connection(("127.0.0.1", port), 10))
        yield
    finally:
        for one in crowd:
            one.close()


def ask(wire: Wire) -> int:
    """The status of one GET on a kept connection."""
    wire.send(request("GET", "/api/v1/x"))
    return wire.answer().status


def worker_of(proxy: RunningProxy) -> psutil.Process:
    """The one worker."""
    (worker,) = psutil.Process(proxy.process.pid).children()
    return worker


def is_served(proxy: RunningProxy) -> bool:
    """Whether a new client is answered."""
    try:
        return proxy.get().status == 200
    except (EOFError, ConnectionError):  # closed at once: the crowd has not left yet
        return False


def seconds_used(worker: psutil.Process) -> float:
    """Processor time so far."""
    used = worker.cpu_times()
    return used.user + used.system


@pytest.mark.parametrize("files", [64, FILES, 128])
def test_a_flood_beyond_the_files_does_not_touch_those_who_are_served(
    files: int, make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(make_backend(), make_backend(), files=files, HEADER_TIMEOUT=60)
    worker = worker_of(proxy)
    assert f"Serving {room(4096, files).served} clients at a time instead of 4096" in proxy.log()
    with proxy.connect() as first, proxy.connect() as second:
        assert {ask(first), ask(second)} == {200}
        with flood(proxy.port):
            before = seconds_used(worker)
            answers = Counter(ask(wire) for _ in range(100) for wire in (first, second))
            assert answers == {200: 200}
            eventually(lambda: "connections unanswered" in proxy.log())
            assert worker.num_fds() < files
            time.sleep(1)  # in which a loop that is woken for connections it cannot take would use the processor
            assert seconds_used(worker) - before < 0.6
        eventually(lambda: is_served(proxy))
        assert {ask(first), ask(second)} == {200}
    assert proxy.log().count("connections unanswered") < 5
    assert worker_of(proxy) == worker
