"""Turns: each is claimed once, and the count never goes back."""

import redis

from lb.turns import claim, next_turn, raise_to


def test_the_first_turn_is_one(redis_client: redis.Redis) -> None:
    assert next_turn(redis_client, "acts") == 1
    assert claim(redis_client, "acts") == range(1, 2)


def test_a_batch_is_a_run_of_turns_and_nobody_else_gets_them(redis_client: redis.Redis) -> None:
    assert claim(redis_client, "acts", 3) == range(1, 4)
    assert claim(redis_client, "acts", 2) == range(4, 6)
    assert next_turn(redis_client, "acts") == 6


def test_turns_go_on_where_the_workers_left_them(redis_client: redis.Redis) -> None:
    assert raise_to(redis_client, "acts", 500) == 500
    assert next_turn(redis_client, "acts") == 501


def test_raising_never_lowers(redis_client: redis.Redis) -> None:
    claim(redis_client, "acts", 10)
    assert raise_to(redis_client, "acts", 4) == 10
    assert next_turn(redis_client, "acts") == 11
