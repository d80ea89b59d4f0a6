import json

import pytest

from autoscaler.policy import Policy, Rule
from deploy import stopped
from deploy.rebalance import rebalance_key
from deploy.stopped import Stopped
from lb.events import Event, Kind
from monitor import snapshot
from monitor.dashboard import picture
from monitor.dashboard.parts import Health, Part
from monitor.dashboard.rates import Rates


def state_of(ward, *parts: Part) -> dict:
    seen = snapshot.read(ward.redis, ward.service, now=ward.now)
    return picture.state_of(seen, Rates(), parts)


def test_the_table_has_the_four_columns_and_what_follows_them(ward) -> None:
    ward.start(8000, 8001)
    row = state_of(ward)["rows"][1]
    assert list(row)[:4] == ["number", "port", "status", "turn"]
    assert {name: row[name] for name in ("number", "port", "status", "turn", "state", "rate")} == {
        "number": 2,
        "port": 8001,
        "status": True,
        "turn": 1,  # the first turn is 1, and 1 modulo 2 falls to the second container
        "state": "running",
        "rate": None,
    }


def test_all_of_it_is_json(ward) -> None:
    ward.start(8000)
    assert json.loads(json.dumps(state_of(ward)))["containers"]["running"] == 1


@pytest.mark.parametrize(
    ("count", "below", "above"), [(0, None, 20), (19, None, 20), (20, 20, 40), (39, 20, 40), (500, 180, None)]
)
def test_the_count_stands_between_two_thresholds(ward, count, below, above) -> None:
    ward.redis.zadd("acts:requests", {"old": 0, **{f"w:{n}": ward.now - 1 for n in range(count)}})
    requests = state_of(ward)["requests"]
    assert (requests["count"], requests["below"], requests["above"]) == (count, below, above)


@pytest.mark.parametrize(
    ("policy", "each"),
    [
        (Policy(), 20),
        (Policy(rule=Rule.RATE, requests_per_second=2, window=60), 120),
        (Policy(rule=Rule.IN_FLIGHT), None),
    ],
)
def test_a_container_has_a_share_of_the_requests_where_these_decide(policy: Policy, each: float | None) -> None:
    assert picture.each_of(policy) == each


def test_what_persons_keep_empty_is_noted(ward) -> None:
    ward.start(8000)
    stopped.mark(ward.redis, ward.service.name, 8003, Stopped("ann", ward.now - 60))
    assert "8003 was stopped or drained by ann 1 min ago" in state_of(ward)["notes"][0]


def test_a_rebalance_that_is_under_way_is_noted(ward) -> None:
    ward.start(8000)
    ward.redis.hset(rebalance_key(ward.service.name), mapping={"phase": "moving", "by": "ann"})
    assert "a rebalance is under way: no container is on its way" in state_of(ward)["notes"][0]


def test_a_row_names_its_node_where_there_is_one(ward) -> None:
    ward.start(8000, 8001)
    ward.table.update(ward.table.get(8001), node="node2")
    assert [row["node"] for row in state_of(ward)["rows"]] == [None, "node2"]


def test_a_redis_that_is_away_is_a_trouble(ward) -> None:
    ward.start(8000)
    state = state_of(ward, Part("acts Redis", Health.GONE, said="refused"))
    assert "acts Redis: refused" in state["troubles"]


def test_while_redis_is_away_the_last_state_stays(ward) -> None:
    ward.start(8000)
    parts = [Part(name, Health.WELL, 0.1) for name in ("monitor", "state Redis", "acts Redis")]
    before = state_of(ward, *parts)
    after = picture.away(before, ward.now + 5, ward.now + 2, "refused")
    assert after["rows"] == before["rows"]
    assert [part["health"] for part in after["parts"]] == ["stale", "gone", "well"]
    assert after["away"] == {"since": ward.now + 2, "problem": "refused"}


def test_an_event_is_told_with_its_reason_and_who() -> None:
    event = Event(Kind.SICK, 8000, "answered 500", "monitor", None, {"extra": "x"}, "1700000000000-0")
    assert picture.event_of(event) == {
        "id": "1700000000000-0",
        "at": 1_700_000_000.0,
        "kind": "sick",
        "port": 8000,
        "reason": "answered 500",
        "who": "monitor",
        "seconds": None,
    }
