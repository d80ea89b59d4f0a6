import json
import re

import pytest
import yaml
from helpers import ROOT
from prometheus_client.parser import text_string_to_metric_families

from autoscaler import decision_log
from autoscaler.plan import Plan
from autoscaler.policy import Measured, Policy, decide
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


def test_what_never_happened_is_told_as_zero_so_that_its_first_time_shows(ward, samples) -> None:
    ward.start(8000)
    found = samples()
    assert [found[f"requests_total{{code={code},container=1}}"] for code in ("2xx", "5xx")] == [0, 0]
    assert found["proxy_answers_total{code=502}"] == found["failed_tries_total{container=1}"] == 0
    assert found["request_duration_seconds_count{container=1}"] == 0


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


def exported(ward) -> set[str]:
    """Every name that a scrape of a service that lives may have."""
    ward.start(8000)
    ward.poll()  # the monitor beats, too
    hear(ward, "a", 1, own={502: 1}, failed={8001: 1})
    decide_once(ward)
    seen = snapshot.read(ward.redis, ward.service, now=ward.now)
    found = metrics.families(seen, Keeper(ward.redis, "acts").update(seen.workers), ward.service)
    text = metrics.exposition([*found, *metrics.servers([("state", 0.1)])]).decode()
    return set(re.findall(r"^(selfieless_\w+)", text, re.MULTILINE))


def decide_once(ward) -> None:
    decision, _ = decide(Measured(ward.now, 5, 100.0, 1), {1: ward.now - 1}, Policy())
    pipe = ward.redis.pipeline()
    decision_log.queue_append(pipe, ward.service.name, decision_log.entry_for(decision, {}, Plan()))
    pipe.execute()


@pytest.mark.parametrize("file", ["alerts.yml", "grafana-dashboard.json"])
def test_rules_and_dashboard_ask_for_nothing_that_is_not_exported(ward, file) -> None:
    asked = set(re.findall(r"selfieless_\w+", (ROOT / "deploy" / file).read_text()))
    assert len(asked) > 10
    assert asked - exported(ward) == set()


def test_every_rule_says_what_it_means() -> None:
    groups = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]


def test_the_panels_of_the_dashboard_lie_beside_each_other() -> None:
    panels = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text())["panels"]
    places = [(x, y) for panel in panels for x, y in cells(panel["gridPos"])]
    assert len(set(places)) == len(places)
    assert max(x for x, _ in places) < 24


def cells(place: dict[str, int]) -> list[tuple[int, int]]:
    """The cells of the grid that a panel covers."""
    return [(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])]
