"""Heartbeats: what a worker writes is what the others read, while it lives."""

import redis

from lb.heartbeat import WorkerBeat, farewell_of, live_workers, queue_beat, worker_key, workers_key

ONE = WorkerBeat(
    id="aa",
    host="m1",
    pid=11,
    started=100.0,
    beat=160.5,
    ring_version=7,
    in_flight={8000: 2},
    requests=12,
    own={502: 1, 408: 2},
    answers={8000: {"2": [1, *[0] * 14], "5": [*[0] * 14, 2]}},
    routed={8000: 4},
    failed={8000: 1},
    degraded_seconds=1.5,
    redis_ms=0.25,
)
TWO = WorkerBeat(id="bb", host="m2", pid=12, started=101.0, beat=160.0, ring_version=6, degraded=True)


def beat(client: redis.Redis, *beats: WorkerBeat) -> None:
    """Write these beats."""
    with client.pipeline() as pipe:
        for each in beats:
            queue_beat(pipe, "acts", each)
        pipe.execute()


def test_nobody_lives_at_first(redis_client: redis.Redis) -> None:
    assert live_workers(redis_client, "acts") == []


def test_beats_are_read_as_they_were_written(redis_client: redis.Redis) -> None:
    beat(redis_client, TWO, ONE)
    assert live_workers(redis_client, "acts") == [ONE, TWO]


def test_sums_are_there_for_who_looks_with_redis_cli(redis_client: redis.Redis) -> None:
    beat(redis_client, ONE)
    fields = redis_client.hgetall(worker_key("acts", "aa"))
    assert (fields["errors"], fields["refused"]) == ("1", "2")
    assert fields["latency"] == '{"1": 1, "inf": 2}'


def test_a_worker_whose_hash_has_expired_is_not_live(redis_client: redis.Redis) -> None:
    beat(redis_client, ONE, TWO)
    assert 0 < redis_client.ttl(worker_key("acts", "aa")) <= 5
    redis_client.delete(worker_key("acts", "aa"))
    assert live_workers(redis_client, "acts") == [TWO]


def test_zero_in_flight_is_left_out(redis_client: redis.Redis) -> None:
    beat(redis_client, WorkerBeat("aa", "m", 1, 1.0, 2.0, 3, in_flight={8000: 0, 8001: 1}))
    assert live_workers(redis_client, "acts")[0].in_flight == {8001: 1}


def test_a_worker_that_leaves_is_gone_at_once(redis_client: redis.Redis) -> None:
    beat(redis_client, ONE, TWO)
    for command in farewell_of("acts", "aa"):
        redis_client.execute_command(*command)
    assert live_workers(redis_client, "acts") == [TWO]


def test_ids_of_the_long_dead_are_forgotten(redis_client: redis.Redis) -> None:
    beat(redis_client, ONE, WorkerBeat("cc", "m", 1, 1.0, beat=400.0, ring_version=3))
    assert redis_client.zrange(workers_key("acts"), 0, -1) == ["cc"]
