"""What the connections of a worker share: pools that follow the ring, and the beat."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from helpers import eventually
from rig import Backend, Deaf, Request, RunningProxy, Wire, answer_with_port, request

from lb.headers import Limits
from lb.proxy import Proxy
from lb.redis_place import RedisPlace
from lb.redis_url import redis_address
from lb.ring import Member, Ring
from lb.settings import LbSettings, ServiceSettings

MakeBackend = Callable[..., Backend]
MakeProxy = Callable[..., RunningProxy]
A, B, C = Member(8000, "127.0.0.1:1"), Member(8001, "127.0.0.1:2"), Member(8001, "127.0.0.1:3")


async def new_proxy() -> Proxy:
    """A proxy that has no Redis."""
    settings = LbSettings(ServiceSettings(redis_url="redis://127.0.0.1:1/0"))
    place = RedisPlace(redis_address(settings.service.redis_url))
    return Proxy(settings, place, Limits(), 75.0, logging.getLogger("test"))


def test_pools_follow_the_ring() -> None:
    async def story() -> None:
        proxy = await new_proxy()
        proxy.on_ring(Ring(1, (A, B)), frozenset())
        first = proxy.upstreams[8000]
        assert (first.host, first.tcp_port, first.number) == ("127.0.0.1", 1, b"1")
        second = proxy.upstreams[8001]
        proxy.on_ring(Ring(2, (A, C)), frozenset())
        assert proxy.upstreams[8000] is first
        assert proxy.upstreams[8001] is not second
        assert not second.in_ring

    asyncio.run(story())


def test_what_is_in_flight_to_who_left_is_told_until_it_ends() -> None:
    async def story() -> None:
        proxy = await new_proxy()
        proxy.on_ring(Ring(1, (A, B)), frozenset())
        leaving = proxy.upstreams[8001]
        leaving.in_flight = 2
        proxy.on_ring(Ring(2, (A,)), frozenset())
        assert proxy.beat().in_flight == {8000: 0, 8001: 2}
        leaving.in_flight = 1
        proxy.on_left(leaving)
        assert proxy.beat().in_flight[8001] == 1
        leaving.in_flight = 0
        proxy.on_left(leaving)
        assert 8001 not in proxy.beat().in_flight

    asyncio.run(story())


# --- a worker that stood still, as on a machine that was suspended or has too much to do


@contextmanager
def stopped(proxy: RunningProxy, seconds: float) -> Iterator[None]:
    """The worker stands still during the block, and for so long in all."""
    pid, began = proxy.beats()[0].pid, time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
        time.sleep(max(0.0, began + seconds - time.monotonic()))
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_request_that_came_while_the_worker_stood_still_is_served_however_long_that_was(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(make_backend(), options=("--keep-alive", "1"))
    with proxy.connect() as wire:
        wire.send(request("GET", "/x"))
        assert wire.answer().status == 200
        with stopped(proxy, 1.8):
            wire.send(request("POST", "/x", body=b"data"))
        assert wire.answer().status == 200
        assert wire.rest() == b""  # and then it is closed for being idle


def test_an_answer_that_came_while_the_worker_stood_still_is_in_time(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    def slow(wire: Wire, asked: Request, backend: Backend) -> None:
        time.sleep(0.4)
        answer_with_port(wire, asked, backend)

    backend = make_backend(slow)
    proxy = make_proxy(backend, UPSTREAM_TIMEOUT=0.8)
    with proxy.connect() as wire:
        wire.send(request("GET", "/x"))
        eventually(lambda: backend.requests)
        with stopped(proxy, 1.8):
            pass
        assert wire.answer().status == 200


def test_a_container_that_answered_while_the_worker_stood_still_is_no_suspect(
    make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    busy = make_backend(kind=Deaf)
    proxy = make_proxy(busy, CONNECT_TIMEOUT=0.5)
    with proxy.connect() as wire:
        wire.send(request("GET", "/x"))
        eventually(busy.is_knocked_at)
        with stopped(proxy, 1.8):
            busy.hear()
        assert wire.answer().status == 200
    assert "cannot be reached" not in proxy.log()
