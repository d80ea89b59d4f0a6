"""The window of counted requests: exact at its edges."""

import pytest
import redis

from lb.request_window import count, member, record, requests_key, slot_of, slots_key, trim


def write(client: redis.Redis, *times: float) -> None:
    """Record one request at each of these times."""
    with client.pipeline() as pipe:
        for number, at in enumerate(times):
            record(pipe, "acts", member("w1", number), at)
        pipe.execute()


def test_requests_of_one_instant_are_all_counted(redis_client: redis.Redis) -> None:
    write(redis_client, 100.0, 100.0, 100.0)
    assert count(redis_client, "acts", now=101.0, window=120) == 3


@pytest.mark.parametrize(("now", "counted"), [(219.0, 3), (220.0, 2), (221.0, 1), (229.9, 1), (230.0, 0)])
def test_a_request_leaves_the_window_when_it_is_as_old_as_the_window(
    redis_client: redis.Redis, now: float, counted: int
) -> None:
    write(redis_client, 100.0, 101.0, 110.0)
    assert count(redis_client, "acts", now, window=120) == counted


def test_trimming_removes_only_what_is_no_longer_counted(redis_client: redis.Redis) -> None:
    write(redis_client, 100.0, 101.0, 110.0)
    with redis_client.pipeline() as pipe:
        trim(pipe, "acts", now=221.0, window=120)
        pipe.execute()
    assert redis_client.zcard(requests_key("acts")) == 1
    assert count(redis_client, "acts", now=221.0, window=120) == 1


@pytest.mark.parametrize(
    ("at", "precision", "slot"),
    [(100.9, 1.0, 100_000), (100.9, 0.5, 100_500), (109.9, 10.0, 100_000), (1.5, 0.001, 1500)],
)
def test_slots_begin_at_multiples_of_their_length(at: float, precision: float, slot: int) -> None:
    assert slot_of(at, precision) == slot


def test_slots_and_members_are_counted_and_trimmed_together(redis_client: redis.Redis) -> None:
    write(redis_client, 110.0)
    redis_client.hset(slots_key("acts"), mapping={"100000": 5, "109000": 7})
    assert count(redis_client, "acts", now=219.0, window=120) == 13
    assert count(redis_client, "acts", now=220.0, window=120) == 8
    with redis_client.pipeline() as pipe:
        trim(pipe, "acts", now=221.0, window=120)
        pipe.execute()
    assert redis_client.hgetall(slots_key("acts")) == {"109000": "7"}
