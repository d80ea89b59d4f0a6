"""What the connections of a worker share: pools that follow the ring, and the beat."""

import asyncio
import logging

from lb.headers import Limits
from lb.proxy import Proxy
from lb.redis_place import RedisPlace
from lb.redis_url import redis_address
from lb.ring import Member, Ring
from lb.settings import LbSettings, ServiceSettings

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
