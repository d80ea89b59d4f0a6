"""The ring: whose turn it is, and reading and replacing it in Redis."""

import pytest
import redis
from ring_writer import replace_ring

from lb.ring import Member, Ring, changed_channel, history, read_ring, return_port, ring_key, version_key

THREE = Ring(7, (Member(8000, "a:1"), Member(8001, "b:1"), Member(8002, "c:1")))


@pytest.mark.parametrize(
    ("ring", "turn", "port"),
    [
        (THREE, 0, 8000),
        (THREE, 1, 8001),
        (THREE, 2, 8002),
        (THREE, 3, 8000),
        (THREE, 10**18, 8001),
        (Ring(7, (Member(8004, "e:1"),)), 12, 8004),
        (Ring(7, ()), 12, None),
    ],
)
def test_the_turn_modulo_the_healthy_ring_names_the_port(ring: Ring, turn: int, port: int | None) -> None:
    assert return_port(ring, turn) == port


def test_any_run_of_turns_is_shared_equally() -> None:
    for first in range(7):
        ports = [return_port(THREE, turn) for turn in range(first, first + 100)]
        counts = {port: ports.count(port) for port in set(ports)}
        assert max(counts.values()) - min(counts.values()) <= 1


def test_no_ring_yet_is_version_zero_and_empty(redis_client: redis.Redis) -> None:
    assert read_ring(redis_client, "acts") == Ring(0, ())


def test_it_can_be_read_from_a_redis_whose_memory_is_full(redis_client: redis.Redis) -> None:
    replace_ring(redis_client, "acts", {8000: "a:1"}, now=1000.0)
    redis_client.config_set("maxmemory", 1)
    try:
        assert read_ring(redis_client, "acts") == Ring(1000, (Member(8000, "a:1"),))
    finally:
        redis_client.config_set("maxmemory", 0)


def test_members_are_ordered_by_port_as_a_number(redis_client: redis.Redis) -> None:
    replace_ring(redis_client, "acts", {10000: "x:1", 8000: "y:1", 9999: "z:1"}, now=1000.0)
    ring = read_ring(redis_client, "acts")
    assert [member.port for member in ring.members] == [8000, 9999, 10000]
    assert ring.members[0].address == "y:1"


def test_the_first_version_is_the_time_and_then_it_grows_by_one(redis_client: redis.Redis) -> None:
    assert replace_ring(redis_client, "acts", {8000: "a:1"}, now=1_700_000_000.7) == 1_700_000_000
    assert replace_ring(redis_client, "acts", {8001: "b:1"}, now=1_700_000_000.7) == 1_700_000_001
    assert read_ring(redis_client, "acts") == Ring(1_700_000_001, (Member(8001, "b:1"),))


def test_every_change_is_published(redis_client: redis.Redis) -> None:
    with redis_client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(changed_channel("acts"))
        listener.get_message(timeout=5)
        version = replace_ring(redis_client, "acts", {}, now=5.0)
        message = listener.get_message(timeout=5)
    assert message is not None
    assert message["data"] == str(version)


def test_every_version_is_remembered(redis_client: redis.Redis) -> None:
    for addresses in ({8000: "a:1"}, {8000: "a:1", 8001: "b:1"}, {}):
        replace_ring(redis_client, "acts", addresses, now=5.0)
    rings = [ring for _, ring in history(redis_client, "acts")]
    assert rings == [Ring(5, (Member(8000, "a:1"),)), Ring(6, (Member(8000, "a:1"), Member(8001, "b:1"))), Ring(7)]
    assert [ring.version for _, ring in history(redis_client, "acts", 2)] == [6, 7]


def test_services_do_not_share_keys() -> None:
    assert {ring_key("a"), version_key("a")}.isdisjoint({ring_key("b"), version_key("b")})
