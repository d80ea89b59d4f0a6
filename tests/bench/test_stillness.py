"""Who is named when requests pile up."""

import os
import threading
import time
from dataclasses import replace

import pytest
import redis
from bench.stillness import MOST_SHOWN, Moment, Watch, WatchedProber, Workers, table, worst
from helpers import eventually
from real_redis import RedisServer

from lb.heartbeat import WorkerBeat, queue_beat
from monitor.prober import Ask

CALM = Moment(at=1.0, waiting=5, here=0.0, prober=0.01, lag=0.0, beat=0.1, redis=0.001, idle=0.5, stolen=0.0)


@pytest.mark.parametrize(
    ("change", "who"),
    [
        ({}, []),
        ({"waiting": 5000}, []),
        ({"prober": 19.0}, ["the prober"]),
        ({"lag": 2.0}, ["a proxy worker"]),
        ({"beat": 3.0}, ["a proxy worker"]),
        ({"beat": 3.0, "redis": 1.0}, ["the state Redis"]),
        ({"beat": 3.0, "redis": 1.0, "waiting": 1500}, ["the state Redis", "a proxy worker"]),
        ({"here": 19.0, "prober": 19.0, "lag": 18.0}, ["the machine, or this process"]),
        ({"prober": 2.0, "lag": 2.0}, ["the prober", "a proxy worker"]),
    ],
)
def test_who_is_late_is_named(change: dict[str, float], who: list[str]) -> None:
    assert replace(CALM, **change).who == who  # type: ignore[arg-type]


def test_the_worst_seconds_are_shown_in_the_order_of_time() -> None:
    calm = [replace(CALM, at=float(at)) for at in range(100)]
    bad = [replace(CALM, at=float(at), prober=float(at)) for at in range(200, 100, -1)]
    crowd = replace(CALM, at=300.0, waiting=500_000)
    shown = worst([*calm, *bad, crowd])
    assert [moment.at for moment in shown] == [*range(200 - MOST_SHOWN + 2, 201), 300]
    assert table(shown).row_count == MOST_SHOWN


def test_a_prober_that_stands_still_says_for_how_long() -> None:
    stands = threading.Event()

    def plan(number: int) -> Ask:
        if number == 5:
            stands.set()
            time.sleep(0.6)
        return Ask("GET", "/")

    with WatchedProber(1, 100, plan) as prober:
        assert stands.wait(5)
        time.sleep(0.3)
        assert prober.take_pause() > 0.2  # while it lasts
        time.sleep(0.5)
        assert prober.take_pause() > 0.5  # and afterwards
        time.sleep(0.2)
        assert prober.take_pause() < 0.5


def test_a_worker_whose_beat_has_expired_grows_old_as_long_as_its_process_lives(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    workers = Workers(lambda: redis_server.url, "s")
    beat = WorkerBeat("a", "host", os.getpid(), 0.0, time.time() - 3, 1, lag_ms=1500.0)
    queue_beat(redis_client, "s", beat)
    lag, overdue, took = workers.look()
    assert (lag, round(overdue)) == (1.5, 2)
    assert took < 1
    redis_client.flushall()
    assert round(workers.look()[1]) == 2


def test_a_second_is_noted_each_second(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    with (
        WatchedProber(1, 50, lambda _: Ask("GET", "/")) as prober,
        Watch(prober, Workers(lambda: redis_server.url, "s"), time.time()) as watch,
    ):
        eventually(lambda: len(watch.moments) == 3)
    assert watch.moments[0].at < watch.moments[1].at - 0.9
