"""The snapshot of a service, on a real Redis that the real parts have written."""

import pytest
import redis as redis_package

from autoscaler import decision_log, override
from autoscaler.plan import Plan
from autoscaler.policy import Measured, Policy, decide
from deploy import disk_full
from deploy.container_state import State
from deploy.daemon_beat import DAEMONS, own_beat, queue_beat
from lb import request_window, turns
from lb.heartbeat import WorkerBeat
from lb.heartbeat import queue_beat as queue_worker_beat
from lb.redis_client import connect
from monitor import hold
from monitor.snapshot import read


def alive(ward, trouble: str = "", **worker):
    """All parts show life."""
    pipe = ward.redis.pipeline()
    for who in DAEMONS:
        queue_beat(pipe, "acts", own_beat(who, ward.now - 60, ward.now - 0.5, trouble if who == "deploy" else ""))
    queue_worker_beat(pipe, "acts", WorkerBeat("w1", "here", 1, ward.now - 60, ward.now, 3, **worker))
    pipe.execute()


def snapshot(ward):
    return read(ward.redis, ward.service, now=ward.now)


def test_the_first_four_columns_are_number_port_status_and_turn(ward):
    ward.start(8000, 8001, 8002)
    ward.move(8001, State.SICK)
    rows = [(row.container.number, row.container.port, row.container.status, row.turn) for row in snapshot(ward).rows]
    assert [row[:3] for row in rows] == [(1, 8000, True), (2, 8001, False), (3, 8002, True)]
    assert [row[3] for row in rows].count(True) == 1


def test_turn_stands_where_the_next_turn_falls(ward):
    ward.start(8000, 8001, 8002)
    seen = []
    for _ in range(6):
        seen += [row.container.port for row in snapshot(ward).rows if row.turn]
        turns.claim(ward.redis, "acts")
    assert seen == [8001, 8002, 8000, 8001, 8002, 8000]


def test_a_full_disk_is_a_trouble_with_how_long_it_lasts(ward):
    ward.start(8000)
    alive(ward)
    disk_full.say(ward.redis, "acts", "the disk is full", "up", ward.now - 5)
    assert snapshot(ward).troubles == ["for 5 s: the disk is full"]


def test_a_full_state_redis_is_the_first_trouble(ward):
    ward.start(8000)
    ward.redis.config_set("maxmemory", 1)
    try:
        troubles = snapshot(ward).troubles
    finally:
        ward.redis.config_set("maxmemory", 0)
    assert troubles[0].startswith("the state Redis is full")
    assert "no proxy worker is alive" in troubles


def test_in_flight_is_what_all_workers_have_given_it(ward):
    ward.start(8000, 8001)
    alive(ward, in_flight={8000: 2})
    pipe = ward.redis.pipeline()
    queue_worker_beat(pipe, "acts", WorkerBeat("w2", "here", 2, 0, ward.now, 3, in_flight={8000: 1, 8001: 4}))
    pipe.execute()
    assert [row.in_flight for row in snapshot(ward).rows] == [3, 4]


def test_the_age_is_the_time_in_its_state(ward):
    ward.start(8000)
    ward.now += 42
    assert [row.age for row in snapshot(ward).rows] == [42.0]


def test_requests_are_counted_now_and_want_a_number(ward):
    pipe = ward.redis.pipeline()
    for n in range(41):
        request_window.record(pipe, "acts", f"w:{n}", ward.now - n)
    request_window.record(pipe, "acts", "w:old", ward.now - 121)
    pipe.execute()
    seen = snapshot(ward)
    assert (seen.count, seen.wanted) == (41, 3)


def test_the_policy_is_the_one_that_the_autoscaler_works_by(ward):
    policy = Policy(window=7, requests_per_container=5, maximum=4)
    decision, _ = decide(Measured(ward.now - 1, 12, 100, 1), {1: ward.now - 2}, policy)
    pipe = ward.redis.pipeline()
    decision_log.queue_append(pipe, "acts", decision_log.entry_for(decision, {}, Plan()))
    pipe.execute()
    seen = snapshot(ward)
    assert seen.policy == policy
    assert seen.decision.target == 3


def test_the_operators_word_and_what_is_held_are_in_it(ward):
    override.set_number(ward.redis, ward.service, 4, "ann")
    hold.begin(ward.redis, "acts", "the store is away", "monitor", ward.now - 9)
    seen = snapshot(ward)
    assert (seen.override.number, seen.override.by) == (4, "ann")
    assert "held for 9 s: the store is away" in seen.troubles


def test_when_all_is_well_there_are_no_troubles(ward):
    ward.start(8000)
    alive(ward)
    assert snapshot(ward).troubles == []


def test_an_empty_service_says_what_is_missing(ward):
    assert snapshot(ward).troubles == [
        "no proxy worker is alive",
        "the deploy worker shows no sign of life",
        "the monitor shows no sign of life",
        "the autoscaler shows no sign of life",
        "no container is in the ring: requests wait, then get 503",
    ]


def test_parts_and_containers_that_are_not_well_are_named_with_the_reason(ward):
    ward.start(8000, 8001)
    ward.table.add(8002, now=ward.now, reason="test", by="test")
    ward.move(8002, State.FAILED)
    alive(ward, trouble="the engine does not answer", degraded=True)
    assert snapshot(ward).troubles == [
        "1 of 1 proxy workers cannot use Redis",
        "the deploy worker: the engine does not answer",
        "8002 is failed: test",
    ]


def test_what_is_held_is_said_once_though_the_monitor_says_it_too(ward):
    ward.start(8000)
    alive(ward)
    hold.begin(ward.redis, "acts", "the store is away", "monitor", ward.now)
    pipe = ward.redis.pipeline()
    queue_beat(pipe, "acts", own_beat("monitor", 0, ward.now, "the store is away"))
    pipe.execute()
    assert snapshot(ward).troubles == ["held for 0 s: the store is away"]


def test_without_redis_it_is_not_guessed(ward):
    with pytest.raises(redis_package.ConnectionError):
        read(connect("unix:///nowhere/redis.sock"), ward.service)
