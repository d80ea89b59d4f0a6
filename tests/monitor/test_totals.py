import json

import pytest
import redis

from lb.counters import BUCKETS
from lb.events import Event, Kind, queue_event
from lb.heartbeat import WorkerBeat
from monitor.totals import GONE_KEPT, RELAUNCH, SECONDS, STOP, Keeper, Totals, cause_of, metrics_key


def beat(name: str, requests: int, port: int = 8000, **fields) -> WorkerBeat:
    """A worker that has had so many requests answered with 200 by one container."""
    row = [0, requests] + [0] * (BUCKETS - 2)
    return WorkerBeat(name, "host", 1, 0.0, 0.0, 1, answers={port: {"2": row}}, requests=requests, **fields)


def answered(keeper: Keeper, *beats: WorkerBeat) -> int:
    return sum(keeper.update(beats).histograms().get(8000, {}).get("2", []))


@pytest.fixture
def keeper(redis_client: redis.Redis) -> Keeper:
    return Keeper(redis_client, "acts")


def test_a_worker_that_dies_leaves_its_numbers(keeper) -> None:
    history = [
        (beat("a", 10), beat("b", 5)),
        (beat("a", 12), beat("b", 7)),
        (beat("b", 8),),
        (beat("b", 9), beat("c", 1)),
        (),
    ]
    assert [answered(keeper, *beats) for beats in history] == [15, 19, 20, 22, 22]


def test_a_worker_that_comes_back_after_an_outage_is_not_counted_twice(keeper) -> None:
    assert [answered(keeper, *beats) for beats in [(beat("a", 10),), (), (beat("a", 14),)]] == [10, 10, 14]


def test_however_many_workers_die_the_memory_stays_small_and_the_sum_right(keeper, redis_client) -> None:
    for n in range(5 * GONE_KEPT):
        assert answered(keeper, beat(f"worker {n}", 3)) == 3 * (n + 1)
    kept = json.loads(redis_client.get(metrics_key("acts")))
    assert len(kept["workers"]) == GONE_KEPT + 1


def test_another_dashboard_goes_on_where_the_last_one_was(keeper, redis_client) -> None:
    queue_event(redis_client, "acts", Event(Kind.LAUNCHED, 8000, "", "test"))
    answered(keeper, beat("a", 10))
    another = Keeper(redis_client, "acts")
    assert answered(another, beat("b", 1)) == 11
    assert another.update([]).by_name("events") == {"launched": 1}


def test_a_redis_that_lost_everything_takes_no_count_back(keeper, redis_client) -> None:
    answered(keeper, beat("a", 10))
    redis_client.flushall()
    assert answered(keeper, beat("a", 11)) == 11


def test_own_answers_failed_tries_and_seconds_without_redis_are_added_up(keeper) -> None:
    sums = keeper.update(
        [
            beat("a", 1, own={502: 2, 408: 1}, failed={8000: 3}, degraded_seconds=1.5),
            beat("b", 1, own={502: 1}, retries=4),
        ]
    )
    assert sums.by_name("own") == {"502": 3, "408": 1}
    assert sums.by_name("failed") == {"8000": 3}
    assert (sums.proxy["degraded"], sums.proxy["retries"]) == (1.5, 4)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("answered 500", "status"),
        ("no answer within 0.8 s, 2 times in a row", "timeout"),
        ("refused the connection", "refused"),
        ("broke off: reset", "broken"),
        ("it does not run any more (exit code -9)", "ended"),
        ("it ended before it was healthy; exit code 1", "ended"),
        ("not healthy within 30 s", "timeout"),
        ("asked for", "asked"),
        ("its store is unreachable", "store"),
        ("something new", "other"),
    ],
)
def test_every_reason_has_one_of_a_few_causes(reason, cause) -> None:
    assert cause_of(reason) == cause


def event(kind: Kind, at: float, seconds: float | None = None, reason: str = "", port: int = 8000) -> Event:
    return Event(kind, port, reason, "test", seconds, id=f"{at * 1000:.0f}-0")


def taken(job: str, *happened: Event) -> tuple[int, float]:
    """How often a job was done, and its seconds."""
    totals = Totals()
    totals.count(happened)
    rows, seconds = totals.summed.job(job)
    return rows[-1], seconds


def test_a_launch_takes_until_the_container_is_healthy() -> None:
    assert taken("launch", event(Kind.LAUNCHED, 100), event(Kind.HEALTHY, 102.5, 2.5)) == (1, 2.5)


def test_a_relaunch_takes_from_the_sickness_to_health_with_all_its_tries() -> None:
    story = [event(Kind.SICK, 100), event(Kind.RELAUNCHED, 101), event(Kind.SICK, 103), event(Kind.RELAUNCHED, 104)]
    assert taken(RELAUNCH, *story, event(Kind.HEALTHY, 107)) == (1, 7.0)


def test_a_stop_takes_draining_and_ending() -> None:
    assert taken(STOP, event(Kind.DRAINED, 110, 8.0), event(Kind.STOPPED, 111, 1.0)) == (1, 9.0)
    assert taken(STOP, event(Kind.STOPPED, 111, 1.0)) == (1, 1.0)  # one that never received traffic


def test_durations_fall_into_buckets_that_add_up() -> None:
    totals = Totals()
    for n, seconds in enumerate([0.2, 0.9, 4.0, 500.0]):
        totals.count([event(Kind.LAUNCHED, 1000 * n), event(Kind.HEALTHY, 1000 * n + seconds)])
    rows, _ = totals.summed.job("launch")
    assert dict(zip([*SECONDS, "inf"], rows, strict=True)) == {
        **{0.5: 1, 1.0: 2, 2.0: 2, 3.0: 2, 5.0: 3, 10.0: 3, 20.0: 3, 30.0: 3, 60.0: 3, 120.0: 3},
        "inf": 4,
    }


def test_each_event_is_counted_once_also_when_there_are_many(keeper, redis_client) -> None:
    pipe = redis_client.pipeline()
    for _ in range(2500):
        queue_event(pipe, "acts", Event(Kind.RELAUNCHED, 8000, "answered 500", "test"))
    pipe.execute()
    keeper.update([])
    assert keeper.update([]).by_name("relaunches") == {"status": 2500}
