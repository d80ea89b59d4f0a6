"""What the rule remembers, on a real Redis."""

import redis

from autoscaler.memory import age_of, history_of, queue_read, queue_write, since_key
from autoscaler.policy import History, Policy

RULE = Policy()


def write(client: redis.Redis, history: History, now: float) -> None:
    pipe = client.pipeline()
    queue_write(pipe, "acts", history, now, RULE)
    pipe.execute()


def read(client: redis.Redis, now: float) -> tuple[History, float]:
    pipe = client.pipeline()
    queue_read(pipe, "acts")
    remembered, since = pipe.execute()
    return history_of(remembered), age_of(since, now)


def test_an_empty_redis_remembers_nothing_and_its_window_begins_now(redis_client: redis.Redis) -> None:
    assert read(redis_client, 500.0) == ({}, 0.0)


def test_a_history_is_read_back_to_the_last_digit(redis_client: redis.Redis) -> None:
    history = {1: 1700000000.123457, 3: 1700000003.9999998}
    write(redis_client, history, 1700000004.0)
    assert read(redis_client, 1700000004.0)[0] == history


def test_the_age_counts_from_the_first_write_only(redis_client: redis.Redis) -> None:
    write(redis_client, {1: 100.5}, 100.5)
    write(redis_client, {1: 130.0}, 130.0)
    assert read(redis_client, 160.5)[1] == 60.0


def test_a_redis_that_lost_everything_is_young_again(redis_client: redis.Redis) -> None:
    write(redis_client, {1: 100.0}, 100.0)
    redis_client.delete(since_key("acts"))
    write(redis_client, {1: 300.0}, 300.0)
    assert read(redis_client, 310.0)[1] == 10.0


def test_a_clock_that_went_back_is_no_negative_age(redis_client: redis.Redis) -> None:
    write(redis_client, {1: 100.0}, 100.0)
    assert read(redis_client, 90.0)[1] == 0.0


def test_what_the_rule_looks_back_on_no_more_is_forgotten(redis_client: redis.Redis) -> None:
    write(redis_client, {4: 100.0, 2: 150.0}, 150.0)
    write(redis_client, {2: 221.0}, 221.0)
    assert read(redis_client, 221.0)[0] == {2: 221.0}


def test_of_two_writers_the_later_time_stays(redis_client: redis.Redis) -> None:
    write(redis_client, {2: 101.0}, 101.0)
    write(redis_client, {2: 100.5}, 100.5)
    assert read(redis_client, 101.0)[0] == {2: 101.0}
