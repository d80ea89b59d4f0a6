"""The bare connection: answers in order, pushes beside them, and an honest "nobody knows" when it is lost."""

import asyncio
from typing import Any

import pytest
import redis
from real_redis import RedisServer

from lb.redis_link import RedisError, RedisLink, Replies, pack
from lb.redis_place import RedisPlace
from lb.redis_url import redis_address


class Owner:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.pushes: list[list[Any]] = []
        self.lost = asyncio.Event()

    def on_push(self, message: list[Any]) -> None:
        self.pushes.append(message)

    def on_link_lost(self, link: RedisLink) -> None:
        self.lost.set()


def linked(url: str) -> tuple[Owner, Any]:
    """An owner and the coroutine that opens its link."""
    owner = Owner()
    return owner, RedisPlace(redis_address(url)).open_link(owner, "lb tester", "news")


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_answers_come_in_order(redis_server: RedisServer, redis_client: redis.Redis, kind: str) -> None:
    async def story() -> list[Replies | None]:
        _, opening = linked(redis_server.url if kind == "unix" else redis_server.tcp_url)
        link = await opening
        got: list[Replies | None] = []
        for number in range(100):
            link.send(pack(("SET", "k", number), ("GET", "k")), 2, got.append)
        await link.ask(("PING",))
        link.close()
        return got

    assert asyncio.run(story()) == [[b"OK", str(number).encode()] for number in range(100)]


def test_pushes_come_on_the_same_connection(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    async def story() -> tuple[list[list[Any]], Replies]:
        owner, opening = linked(redis_server.url)
        link = await opening
        answers = await link.ask(("PUBLISH", "news", "7"), ("INCR", "n"))
        link.close()
        return owner.pushes, answers

    pushes, answers = asyncio.run(story())
    assert answers == [1, 1]
    assert pushes[-1] == [b"message", b"news", b"7"]


def test_a_lost_link_tells_everybody_that_nobody_knows(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    async def story() -> tuple[list[Replies | None], bool]:
        owner, opening = linked(redis_server.url)
        link = await opening
        got: list[Replies | None] = []
        link.send(pack(("BLPOP", "never", 0)), 1, got.append)
        link.send(pack(("PING",)), 1, got.append)
        link.close()
        await owner.lost.wait()
        link.send(pack(("PING",)), 1, got.append)
        return got, link.overdue(0)

    assert asyncio.run(story()) == ([None, None, None], False)


def test_an_unanswered_command_is_overdue(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    async def story() -> tuple[bool, bool]:
        _, opening = linked(redis_server.url)
        link = await opening
        before = link.overdue(0)
        link.send(pack(("BLPOP", "never", 0)), 1, lambda _: None)
        await asyncio.sleep(0.01)
        after = link.overdue(0.001)
        link.close()
        return before, after

    assert asyncio.run(story()) == (False, True)


def test_a_command_is_overdue_however_many_before_it_were_answered(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    async def story() -> bool:
        _, opening = linked(redis_server.url)
        link = await opening
        second = asyncio.Event()
        for callback in (lambda _: None, lambda _: second.set(), lambda _: None):
            link.send(pack(("BLPOP", "never", 0.2)), 1, callback)
        await second.wait()
        overdue = link.overdue(0.3)
        link.close()
        return overdue

    assert asyncio.run(story())


def test_an_error_is_raised_to_who_asked(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    async def story() -> None:
        _, opening = linked(redis_server.url)
        link = await opening
        try:
            await link.ask(("NOSUCHCOMMAND",))
        finally:
            link.close()

    with pytest.raises(RedisError, match="unknown command"):
        asyncio.run(story())
