"""How the store is reached."""

import time

import pytest
import redis

from acts_app.store import Store
from acts_app.store_connection import connect, is_full, is_unwritable


def test_no_command_is_sent_a_second_time_when_the_first_answer_is_lost(store: Store) -> None:
    assert store.client.connection_pool.connection_kwargs["retry"].get_retries() == 0


def test_answers_come_as_bytes(store: Store) -> None:
    store.client.set("store:x", b"\xff")
    assert store.client.get("store:x") == b"\xff"


def test_a_store_that_was_restarted_is_reached_again(store: Store, redis_client: redis.Redis) -> None:
    assert store.acts.count() == 0
    redis_client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert store.acts.count() == 0


def test_nobody_waits_longer_than_the_timeout(redis_server: object, redis_client: redis.Redis) -> None:
    impatient = connect(redis_server.url, timeout=0.05)  # type: ignore[attr-defined]
    impatient.ping()
    redis_client.execute_command("CLIENT", "PAUSE", "300")
    began = time.monotonic()
    with pytest.raises(redis.TimeoutError):
        impatient.ping()
    redis_client.execute_command("CLIENT", "UNPAUSE")
    assert time.monotonic() > began
    impatient.close()


@pytest.mark.parametrize(
    ("problem", "full", "unwritable"),
    [
        (redis.exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), True, False),
        (redis.ResponseError("Error running script: -OOM command not allowed when"), True, False),
        (redis.ResponseError("MISCONF Redis is configured to save RDB snapshots"), False, True),
        (redis.exceptions.ReadOnlyError("You can't write against a read only replica."), False, True),
        (redis.ResponseError("WRONGTYPE"), False, False),
    ],
)
def test_a_refusal_is_known_for_what_it_is(problem: redis.RedisError, full: bool, unwritable: bool) -> None:
    assert (is_full(problem), is_unwritable(problem)) == (full, unwritable)
