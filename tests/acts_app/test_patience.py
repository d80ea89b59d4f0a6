"""A store that is started again is waited for, not for ever, and never by sending anything twice."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from helpers import eventually
from real_redis import start_redis

from acts_app.patience import LOOK_AGAIN, Patience
from acts_app.store_connection import connect


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def away() -> None:
    raise redis.ConnectionError("refused")


def test_it_tries_until_the_store_answers() -> None:
    clock = Clock()
    attempts = iter([away, away, lambda: "there"])

    def attempt() -> object:
        return next(attempts)()

    assert Patience(4, clock=clock, sleep=clock.sleep).wait_for(attempt) == "there"
    assert clock.now == 2 * LOOK_AGAIN


def test_it_is_used_up_once_for_all_and_comes_back_with_the_store() -> None:
    clock = Clock()
    patience = Patience(4, clock=clock, sleep=clock.sleep)
    with pytest.raises(redis.ConnectionError):
        patience.wait_for(away)
    used_up = clock.now
    assert used_up >= 4
    with pytest.raises(redis.ConnectionError):
        patience.wait_for(away)
    assert clock.now == used_up  # told at once
    assert patience.wait_for(lambda: "there") == "there"
    with pytest.raises(redis.ConnectionError):
        patience.wait_for(away)
    assert clock.now >= used_up + 4


def test_a_refusal_of_another_kind_is_not_waited_for() -> None:
    def late() -> None:
        raise redis.TimeoutError

    clock = Clock()
    with pytest.raises(redis.TimeoutError):
        Patience(4, clock=clock, sleep=clock.sleep).wait_for(late)
    assert clock.now == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="slf-"))
    yield path
    shutil.rmtree(path)


def test_a_store_that_is_killed_and_started_again_is_missed_by_nobody(folder: Path) -> None:
    first = start_redis(folder)
    client = connect(first.url, patience=Patience(30))
    client.set("store:x", "1")
    first.process.kill()
    first.process.wait(5)
    got: list[bytes] = []
    asking = threading.Thread(target=lambda: got.append(client.ping()))
    asking.start()
    second = start_redis(folder)
    try:
        eventually(lambda: got, 10)
        asking.join(5)
    finally:
        client.connection_pool.disconnect()
        second.process.kill()
        second.process.wait(5)


def test_without_patience_nobody_waits(folder: Path) -> None:
    client = connect(f"unix://{folder}/nobody.sock", patience=Patience(0))
    with pytest.raises(redis.ConnectionError):
        client.ping()
