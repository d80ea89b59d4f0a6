from typing import Any

import pytest
import redis

from deploy.daemon_beat import Beat
from deploy.lease import Holder
from lb.heartbeat import WorkerBeat
from monitor import snapshot
from monitor.dashboard.parts import Health, Memory, Part, Pulse, by_age, server, worst
from monitor.snapshot import Snapshot

NOW = 1_700_000_000.0


def beat(who: str, age: float = 0.2, trouble: str = "") -> Beat:
    return Beat(who, "host", 7, NOW - 100, NOW - age, trouble)


def worker(name: str, age: float = 0.2, **fields: Any) -> WorkerBeat:
    return WorkerBeat(name, fields.pop("host", "host"), int(name, 16), NOW - 50, NOW - age, 1, **fields)


@pytest.fixture
def seen(ward, redis_client: redis.Redis) -> Snapshot:
    return snapshot.read(redis_client, ward.service, now=NOW)


def changed(seen: Snapshot, workers=(), **daemons: Beat | None) -> Snapshot:
    every = {who: beat(who) for who in ("deploy", "monitor", "autoscaler")} | daemons
    return Snapshot(**{**vars(seen), "workers": list(workers), "daemons": every})


@pytest.mark.parametrize(("age", "health"), [(0.1, "well"), (3.0, "well"), (3.1, "stale"), (5.1, "gone")])
def test_who_beats_once_a_second_is_stale_after_three(age, health) -> None:
    assert by_age(age) == health


def test_everybody_is_named_with_the_age_of_the_last_beat(seen) -> None:
    parts = Memory().parts(changed(seen, [worker("a1")]), {"a1": NOW})
    assert [part.name for part in parts] == ["proxy worker 161", "monitor", "autoscaler", "deploy worker"]
    assert {part.health for part in parts} == {Health.WELL}
    assert all(part.age == pytest.approx(0.2) for part in parts)


def test_who_is_gone_is_still_named_and_since_when(seen) -> None:
    memory = Memory()
    memory.parts(changed(seen, [worker("a1"), worker("a2")]), {"a1": NOW, "a2": NOW})
    parts = memory.parts(changed(seen, [worker("a2")], monitor=None), {"a1": NOW, "a2": NOW})
    assert [(part.name, part.health) for part in parts if part.health != "well"] == [
        ("proxy worker 161", Health.GONE),
        ("monitor", Health.GONE),
    ]
    assert parts[0].age == pytest.approx(0.2)


def test_a_worker_that_said_good_bye_is_not_missed(seen) -> None:
    memory = Memory()
    memory.parts(changed(seen, [worker("a1"), worker("a2")]), {"a1": NOW, "a2": NOW})
    parts = memory.parts(changed(seen, [worker("a2")]), {"a2": NOW})
    assert [part.name for part in parts if "proxy" in part.name] == ["proxy worker 162"]


def test_a_worker_without_redis_and_a_daemon_in_trouble_are_degraded(seen) -> None:
    parts = Memory().parts(
        changed(seen, [worker("a1", degraded=True)], deploy=beat("deploy", trouble="no engine")), {"a1": NOW}
    )
    assert [(part.name, part.said) for part in parts if part.health is Health.DEGRADED] == [
        ("proxy worker 161", "works without the state Redis"),
        ("deploy worker", "no engine"),
    ]


def test_who_stands_by_is_told(seen) -> None:
    waiting = Snapshot(**{**vars(changed(seen)), "standing_by": {"monitor": [Holder("host", "1", 2, 3)]}})
    parts = {part.name: part.said for part in Memory().parts(waiting, {})}
    assert parts["monitor"] == "1 on standby"


def test_no_worker_at_all_is_a_part_that_is_gone(seen) -> None:
    assert Memory().parts(changed(seen), {})[0] == Part("proxy workers", Health.GONE, said="none is alive")


def test_workers_of_several_machines_are_told_apart(seen) -> None:
    both = [worker("a1", host="one"), worker("a2", host="two")]
    names = [part.name for part in Memory().parts(changed(seen, both), {"a1": NOW, "a2": NOW})]
    assert names[:2] == ["proxy worker 161 on one", "proxy worker 162 on two"]


def test_a_server_is_as_well_as_its_last_answer() -> None:
    assert server("state Redis", Pulse(NOW - 1, 0.0004), NOW).said == "took 0.4 ms"
    assert server("state Redis", Pulse(NOW, problem="refused"), NOW).health is Health.GONE
    assert server("acts Redis", None, NOW).health is Health.STALE


def test_the_worst_of_them_counts() -> None:
    assert worst([Part("a", Health.WELL), Part("b", Health.STALE), Part("c", Health.DEGRADED)]) is Health.STALE
    assert worst([]) is Health.WELL
