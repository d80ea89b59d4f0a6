"""Promise: when the acts store is killed, every act that was answered 201 is there once, who only looks waits a moment
and is answered, and no container is relaunched for it.
"""

import collections
import json
import time
from collections.abc import Callable, Iterator

import pytest
import redis
import requests
from helpers import eventually
from running_service import RunningService, running_service
from trial import kill, server_pid

from lb import events
from lb.events import Kind
from monitor.prober import Ask, Prober, causes

CATEGORY = "/api/v1/categories/trees/acts"


@pytest.fixture(scope="module")
def site() -> Iterator[RunningService]:
    """The acts application itself, three containers."""
    with running_service(ACTS_AUTH="off", LB_WORKERS="2", WINDOW_SECONDS="6", STABILIZATION_SECONDS="2") as service:
        service.scale(3)
        user = {"username": "ann", "password": "0" * 40}
        assert service.request("POST", "/api/v1/users", json=user).status_code == 201
        assert service.request("POST", "/api/v1/categories", json=["trees"]).status_code == 201
        yield service


def acts_and_looks(first: int) -> Callable[[int], Ask]:
    """Every fifth request shares an act of its own; the others look at how many there are."""

    def plan(number: int) -> Ask:
        if number % 5:
            return Ask("GET", f"{CATEGORY}/size", fresh=number % 3 == 0)
        act = {"actId": first + number, "username": "ann", "timestamp": "24-12-2025:30-15-18", "caption": "An oak"}
        return Ask("POST", "/api/v1/acts", json.dumps(act | {"categoryName": "trees", "imgB64": "aGVsbG8="}).encode())

    return plan


def test_the_store_is_killed_mid_write_again_and_again(site: RunningService) -> None:
    began = time.time()
    with Prober(site.lb_port, 100, acts_and_looks(1_000_000)) as prober:
        for _ in range(2):
            time.sleep(2)
            killed = kill_store(site)
            eventually(lambda killed=killed: store_pid(site) not in (0, killed), 10)
        time.sleep(2)
    shared = {act_id(one.ask): one for one in prober.sent if one.ask.method == "POST"}
    kept = collections.Counter(all_acts(site))
    print(f"  {len(prober.sent)} requests, {len(kept)} acts kept, lost: {causes(prober.sent)}")
    assert [number for number, one in shared.items() if one.status == 201 and kept[number] != 1] == []
    assert [number for number, times in kept.items() if times > 1] == []
    assert {one.status for one in shared.values()} <= {201, 503}
    assert all(one.put_off for one in shared.values() if one.status == 503)
    lost_looks = [one for one in prober.sent if one.lost and one.ask.method == "GET"]
    assert not lost_looks, causes(lost_looks)
    with site.redis() as client:
        happened = [event for event in events.last(client, "acts", 1000) if event.at > began]
    assert [event for event in happened if event.kind in (Kind.SICK, Kind.RELAUNCHED, Kind.LAUNCHED)] == []


def test_while_the_store_stays_away_people_are_told_when_to_come_again(site: RunningService) -> None:
    site.command_of_supervisor("stop", "redis-acts")
    try:
        eventually(lambda: is_told(site), 30)
        eventually(lambda: "held" in site.command("status"), 10)
    finally:
        site.command_of_supervisor("start", "redis-acts")
    eventually(lambda: site.get(f"{CATEGORY}/size").status_code == 200, 10)
    eventually(lambda: "held" not in site.command("status"), 10)


def is_told(site: RunningService) -> bool:
    """Whether who looks is asked to come again."""
    answer = site.get(f"{CATEGORY}/size")
    return answer.status_code == 503 and answer.headers.get("Retry-After") == "1"


def act_id(ask: Ask) -> int:
    """The id of the act that a request shares."""
    number: int = json.loads(ask.body)["actId"]
    return number


def all_acts(site: RunningService) -> list[int]:
    """The ids of all acts, newest first, a hundred at a time."""
    (size,) = site.get(f"{CATEGORY}/size").json()
    found: list[int] = []
    for start in range(1, size + 1, 100):
        end = min(size, start + 99)
        found += [act["actId"] for act in page(site, start, end).json()]
    return found


def page(site: RunningService, start: int, end: int) -> requests.Response:
    """Some acts."""
    return site.get(f"{CATEGORY}?start={start}&end={end}")


def store_pid(site: RunningService) -> int:
    """The pid of the acts store; 0 while it does not answer."""
    try:
        return server_pid(site.variable("ACTS_REDIS_URL"))
    except redis.RedisError:
        return 0


def kill_store(site: RunningService) -> int:
    """KILL the acts store; the pid that it had."""
    pid = store_pid(site)
    kill(pid)
    return pid
