"""What the rule remembers, on a real Redis."""

from dataclasses import replace

import redis

from autoscaler.brakes import NEVER, UNKNOWN, Changes
from autoscaler.memory import (
    age_of,
    changes_of,
    history_of,
    queue_read_past,
    queue_read_since,
    queue_write_past,
    queue_write_since,
    shadow_of,
    since_key,
)
from autoscaler.policy import History, Measured, Policy, decide

RULE = Policy()
ONE = Changes(1)


def write(
    client: redis.Redis, history: History, now: float, changes: Changes = ONE, name: str = "acts", anew: bool = False
) -> None:
    decision, _ = decide(Measured(now, 0, 500.0, 1), {1: now - 1}, RULE)
    pipe = client.pipeline()
    queue_write_past(pipe, name, history, replace(decision, changes=changes))
    queue_write_since(pipe, "acts", now, anew=anew)
    pipe.execute()


def read(client: redis.Redis, now: float, name: str = "acts") -> tuple[History, float]:
    pipe = client.pipeline()
    queue_read_past(pipe, name)
    queue_read_since(pipe, "acts")
    remembered, _, since = pipe.execute()
    return history_of(remembered), age_of(since, now)


def changes_read(client: redis.Redis) -> Changes:
    pipe = client.pipeline()
    queue_read_past(pipe, "acts")
    return changes_of(pipe.execute()[1])


def test_an_empty_redis_remembers_nothing_and_its_window_begins_now(redis_client: redis.Redis) -> None:
    assert read(redis_client, 500.0) == ({}, 0.0)


def test_a_window_that_begins_once_more_is_young_again(redis_client: redis.Redis) -> None:
    write(redis_client, {1: 500.0}, 500.0)
    write(redis_client, {1: 500.0}, 600.0)
    assert read(redis_client, 600.0)[1] == 100.0
    write(redis_client, {1: 500.0}, 700.0, anew=True)
    assert read(redis_client, 701.0)[1] == 1.0


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


def test_what_the_brakes_remember_is_read_back_to_the_last_digit(redis_client: redis.Redis) -> None:
    assert changes_read(redis_client) == UNKNOWN
    for changes in (Changes(3, 1700000000.123457, NEVER), Changes(2, 1700000000.123457, 1700000009.9999998)):
        write(redis_client, {1: 1.0}, 1.0, changes)
        assert changes_read(redis_client) == changes


def test_a_shadow_remembers_apart(redis_client: redis.Redis) -> None:
    write(redis_client, {2: 100.0}, 100.0)
    write(redis_client, {7: 100.0}, 100.0, name=shadow_of("acts"))
    assert read(redis_client, 100.0)[0] == {2: 100.0}
    assert read(redis_client, 100.0, shadow_of("acts"))[0] == {7: 100.0}
