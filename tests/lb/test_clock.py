"""One clock: processes whose own clocks are seconds apart write and count by the time of Redis."""

import time
from collections.abc import Callable

import pytest
import redis
from helpers import eventually
from real_redis import RedisServer
from rig import Backend, RunningProxy
from shifted_clock import run_shifted

from lb.clock import KNOWN_SECONDS, Clock, RedisClock, Sample, better, redis_time, sample_of
from lb.heartbeat import live_workers
from lb.redis_client import connect
from lb.request_window import count, requests_key

MakeBackend = Callable[..., Backend]
MakeProxy = Callable[..., RunningProxy]


SAYS_THE_TIME = """
import sys, time
from lb.clock import RedisClock
from lb.redis_client import connect
clock = RedisClock(connect({url!r}))
print(clock.now(), time.time(), clock.ahead, clock.trouble, sep="|")
"""


def test_an_answer_is_of_the_middle_of_its_way() -> None:
    assert sample_of(10.0, 10.5, (1000, 250_000)) == Sample(offset=990.0, error=0.25, taken=10.5)
    assert sample_of(10.0, 10.5, (b"1000", b"250000")) == Sample(offset=990.0, error=0.25, taken=10.5)


@pytest.mark.parametrize(
    ("known", "new", "newer"),
    [
        (Sample(100.0, 0.010, 1), Sample(100.001, 0.002, 2), True),  # surer
        (Sample(100.0, 0.002, 1), Sample(100.005, 0.200, 2), False),  # took long, and says nothing else
        (Sample(100.0, 0.002, 1), Sample(100.1, 0.050, 2), True),  # took long, but both cannot be true
        (Sample(100.0, 0.002, 1), Sample(93.0, 0.2, 2), True),  # the clock of Redis was set
        (Sample(100.0, 0.002, 1), Sample(100.005, 0.200, 301), True),  # what was known is long ago
    ],
)
def test_the_surer_of_two_answers_counts_unless_both_cannot_be_true(known: Sample, new: Sample, newer: bool) -> None:
    assert better(known, new) is (new if newer else known)


def test_before_redis_has_answered_the_clock_is_our_own_and_not_known() -> None:
    clock = Clock()
    assert abs(clock.now() - time.time()) < 1
    assert not clock.is_known
    assert clock.ahead is None
    assert clock.trouble == ""


def test_what_was_known_is_forgotten_when_redis_does_not_answer_for_long() -> None:
    clock, now = Clock(), time.monotonic()
    clock.sampled(now - 1, now - 1, (5000, 0))
    assert clock.is_known
    clock.sampled(now - KNOWN_SECONDS - 1, now - KNOWN_SECONDS - 1, (5000, 0))
    assert not clock.is_known
    assert abs(clock.now() - 5000) < 60  # it goes on all the same: there is no better guess


@pytest.mark.parametrize(("seconds", "way"), [(3600, "ahead of"), (-3600, "behind")])
def test_the_time_is_that_of_redis(
    redis_server: RedisServer, redis_client: redis.Redis, seconds: float, way: str
) -> None:
    before = redis_time(redis_client)
    now, own, ahead, trouble = run_shifted(seconds, SAYS_THE_TIME.format(url=redis_server.url)).strip().split("|")
    after = redis_time(redis_client)
    assert before - 0.1 < float(now) < after + 0.1
    assert before - 0.1 + seconds < float(own) < after + 0.1 + seconds
    assert abs(float(ahead) - seconds) < 0.5
    assert trouble.startswith("this machine's clock is 3600.0 s " + way)


def test_a_clock_that_is_right_is_no_trouble(redis_client: redis.Redis) -> None:
    clock = RedisClock(redis_client)
    clock.now()
    assert clock.is_known
    assert clock.trouble == ""


def test_a_redis_that_is_away_leaves_the_clock_going() -> None:
    clock = RedisClock(connect("unix:///nowhere/redis.sock"))
    assert abs(clock.now() - time.time()) < 1
    assert not clock.is_known


def test_two_proxies_with_clocks_apart_count_right(
    lb_redis: RedisServer, make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    ahead = make_proxy(make_backend(), clock=+100)
    behind = make_proxy(SERVICE_NAME=ahead.service, clock=-7)
    with connect(lb_redis.url) as client:
        began = redis_time(client)
        for _ in range(10):
            assert ahead.get().status == behind.get().status == 200
        eventually(lambda: client.zcard(requests_key(ahead.service)) == 20)
        ended = redis_time(client)
        scores = [score for _, score in client.zrange(requests_key(ahead.service), 0, -1, withscores=True)]
        assert began - 0.1 < min(scores) <= max(scores) < ended + 0.1
        assert count(client, ahead.service, ended, ended - began + 0.1) == 20
        assert count(client, ahead.service, max(scores) + 5, 5) == 0


def test_a_worker_whose_clock_is_far_ahead_does_not_forget_the_others(
    lb_redis: RedisServer, make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    right = make_proxy(make_backend())
    ahead = make_proxy(SERVICE_NAME=right.service, clock=+100)
    eventually(lambda: "clock is 100.0 s ahead" in ahead.log())
    with connect(lb_redis.url) as client:
        beats: set[float] = set()  # of the one that is ahead: it forgets old ones with each of its beats

        def three_beats() -> bool:
            live = live_workers(client, right.service)
            assert len(live) == 2
            beats.update(beat.beat for beat in live if (beat.clock_ahead or 0) > 99)
            return len(beats) >= 3

        eventually(three_beats, within=10)
