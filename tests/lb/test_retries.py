"""Second tries: told as they happened, found by the name of their request."""

from collections.abc import Callable

import redis
from helpers import eventually
from rig import Backend, RunningProxy, request

from lb.redis_client import connect
from lb.retries import PER_SECOND, Retry, command_of, of, read


def test_what_was_told_is_read(redis_client: redis.Redis) -> None:
    told = [Retry("one", 7, 3, 8000, 8001, "answered 500"), Retry("two", 9, 3, 8000, 8002, "broke off")]
    for retry in told:
        redis_client.execute_command(*command_of("acts", retry))
    found = read(redis_client, "acts")
    assert [(each.request, each.turn, each.first, each.next) for each in found] == [
        ("one", 7, 8000, 8001),
        ("two", 9, 8000, 8002),
    ]
    assert found[0].at > 0
    assert [each.cause for each in of(redis_client, "acts", "two")] == ["broke off"]


def test_a_worker_tells_of_second_tries_and_not_of_too_many(
    make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy]
) -> None:
    dead, alive = make_backend(), make_backend()
    proxy = make_proxy(alive, dead)
    dead.close()
    with proxy.connect() as wire:
        for number in range(4):
            wire.send(request("POST", "/x", f"X-Request-ID: r{number}"))
            assert wire.answer().status == 200
        for _ in range(6 * PER_SECOND):
            wire.send(request("GET", "/x"))
            assert wire.answer().status == 200
    with connect(proxy.redis_url) as client:
        told = eventually(lambda: read(client, proxy.service))
        assert {(each.first, each.next) for each in told} == {(8001, 8000)}
        assert "could not be reached" in told[0].cause
        assert {each.request for each in told[:2]} <= {"r0", "r1", "r2", "r3"}
        assert of(client, proxy.service, told[0].request) == [told[0]]
