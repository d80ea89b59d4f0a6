import pytest
from prometheus_client.parser import text_string_to_metric_families

from lb.counters import BUCKETS
from lb.events import Event, Kind, queue_event
from lb.heartbeat import WorkerBeat, queue_beat
from monitor import metrics, snapshot
from monitor.totals import Keeper


@pytest.fixture
def samples(ward):
    """The samples of a scrape by name and labels; `samples()` scrapes."""
    keeper = Keeper(ward.redis, ward.service.name)

    def scrape() -> dict[str, float]:
        seen = snapshot.read(ward.redis, ward.service, now=ward.now)
        text = metrics.exposition(metrics.families(seen, keeper.update(seen.workers), ward.service)).decode()
        found = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
                found[f"{sample.name.removeprefix('selfieless_')}{{{labels}}}" if labels else sample.name[11:]] = (
                    sample.value
                )
        return found

    return scrape


def hear(ward, worker: str, requests: int, **fields) -> None:
    """A worker beats that has had so many requests answered by container 2 within 5 ms."""
    row = [0, 0, requests] + [0] * (BUCKETS - 3)
    beat = WorkerBeat(worker, "host", 1, ward.now, ward.now, 7, answers={8001: {"2": row}}, **fields)
    pipe = ward.redis.pipeline()
    queue_beat(pipe, ward.service.name, beat)
    pipe.execute()


def test_requests_are_told_by_container_and_class_of_status(ward, samples) -> None:
    hear(ward, "a", 10, own={404: 2}, failed={8001: 1}, retries=3, connections=4)
    found = samples()
    assert found["requests_total{code=2xx,container=2}"] == 10
    assert found["request_duration_seconds_bucket{container=2,le=0.002}"] == 0
    assert found["request_duration_seconds_bucket{container=2,le=0.005}"] == 10
    assert found["request_duration_seconds_bucket{container=2,le=+Inf}"] == 10
    assert found["request_duration_seconds_count{container=2}"] == 10
    assert found["proxy_answers_total{code=404}"] == 2
    assert found["failed_tries_total{container=2}"] == 1
    assert (found["retries_total"], found["connections"], found["proxy_workers"]) == (3, 4, 1)


def test_containers_are_told_by_state_and_none_is_zero(ward, samples) -> None:
    ward.start(8000, 8001)
    found = samples()
    assert found["containers{state=running}"] == 2
    assert found["containers{state=failed}"] == 0
    assert (found["ring_containers"], found["containers_maximum"]) == (2, 10)
    assert found["container_state_seconds{container=1}"] == 0


def test_relaunches_are_told_by_cause_and_the_time_to_health_is_a_histogram(ward, samples) -> None:
    ward.start(8000)
    queue_event(ward.redis, "acts", Event(Kind.RELAUNCHED, 8000, "answered 500", "test"))
    found = samples()
    assert found["relaunches_total{cause=status}"] == 1
    assert found["relaunches_total{cause=other}"] == 0
    assert found["time_to_healthy_seconds_count"] == found["job_duration_seconds_count{job=launch}"] == 1
    assert found["events_total{kind=launched}"] == 1


def test_what_nobody_knows_is_left_out(ward, samples) -> None:
    found = samples()
    assert not [name for name in found if name.startswith(("containers_target", "part_heartbeat", "proxy_redis"))]
    assert found["part_up{part=monitor}"] == 0


def test_a_server_that_does_not_answer_is_down_and_has_no_round_trip() -> None:
    text = metrics.exposition(metrics.servers([("state", None), ("acts", 0.002)])).decode()
    assert 'selfieless_redis_up{server="state"} 0.0' in text
    assert 'round_trip_seconds{server="acts"} 0.002' in text
    assert 'round_trip_seconds{server="state"}' not in text


def test_the_number_of_series_depends_on_containers_alone(ward, samples) -> None:
    for n in range(30):
        hear(ward, f"{n:x}", n, own={status: 1 for status in (400, 404, 502)})
    assert len(samples()) < 160


def test_every_name_ends_in_its_unit_or_says_what_is_counted(ward, samples) -> None:
    hear(ward, "a", 1)
    seen = snapshot.read(ward.redis, ward.service, now=ward.now)
    for family in metrics.families(seen, Keeper(ward.redis, "acts").update(seen.workers), ward.service):
        assert family.name.startswith("selfieless_")
        assert family.documentation.endswith(".")
        assert not family.name.endswith(("_ms", "_milliseconds"))
