"""What a drill decides before and after the fault; the faults themselves are tried on a service in tests/promises."""

from dataclasses import replace

import pytest
import redis

from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.runtime.base import Found, KillFailed
from deploy.runtime.fake import Behaviour, FakeRuntime, World
from lb import events
from lb.events import Kind
from lb.settings import ServiceSettings
from monitor.drill import (
    GOES,
    CannotDrill,
    Fault,
    Site,
    Watch,
    beyond_loopback,
    clients_from_elsewhere,
    drill,
    generations_of,
    hung,
    is_near,
    judged,
    lost_of,
    plan_of,
    server_pid,
    slowed,
    store_still,
    told,
    victim_of,
    wait_until,
)
from monitor.prober import Ask, Sent


@pytest.fixture
def site(redis_client: redis.Redis, redis_server) -> Site:
    """Two containers in memory, both in the ring."""
    service = ServiceSettings(redis_url=redis_server.url)
    runtime = FakeRuntime(World(lambda: 1.0))
    table = ContainerTable(redis_client, service)
    for port in (8000, 8001):
        found = runtime.start(port, 1)
        assert table.add(port, now=1.0, reason="test", by="test", adopted=found)
        joined(table, found)
    return Site(redis_client, service, runtime, lb_port=8080)


def joined(table: ContainerTable, found: Found) -> None:
    container = table.get(found.port)
    assert container is not None
    if container.state is not State.RUNNING:
        assert table.move(container, State.RUNNING, now=1.0, reason="test", by="test", address=found.address)


def test_the_victim_is_the_one_named_or_the_last_that_serves(site: Site) -> None:
    assert victim_of(site, None).port == 8001
    assert victim_of(site, 8000).port == 8000
    with pytest.raises(CannotDrill, match="no container on port 8005 that serves"):
        victim_of(site, 8005)


def test_a_container_that_hangs_goes_on_when_the_drill_is_broken_off(site: Site) -> None:
    victim = victim_of(site, 8000)

    def broken_off() -> None:
        with hung(site, victim):
            assert frozen(site) == [8000]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert frozen(site) == []


def frozen(site: Site) -> list[int]:
    return [found.port for found in site.runtime.running() if found.frozen]


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("unix:///var/run/redis.sock", True),
        ("redis://127.0.0.1:6379/0", True),
        ("redis://localhost/0", True),
        ("redis://10.0.0.5:6379/0", False),
        ("127.0.0.1:8000", True),
        ("172.17.0.2:80", False),
        ("[::1]:8000", True),
        ("redis.example.org:6379", False),
    ],
)
def test_what_is_near_is_a_unix_socket_or_loopback(url: str, near: bool) -> None:
    assert is_near(url) is near


def test_a_service_of_this_machine_alone_has_nobody_beyond(site: Site, redis_client: redis.Redis) -> None:
    assert [far for far in beyond_loopback(site) if "container" in far or "Redis" in far] == []
    table = ContainerTable(redis_client, site.service)
    container = table.get(8001)
    assert container is not None
    assert table.update(container, address="172.17.0.2:80")
    assert "the container at 172.17.0.2:80" in beyond_loopback(site)
    assert clients_from_elsewhere(1) == []


def test_a_password_is_not_shown_with_the_redis_that_is_elsewhere(site: Site) -> None:
    elsewhere = replace(site, service=replace(site.service, redis_url="redis://:secret@redis.example.org/0"))
    told = "".join(beyond_loopback(elsewhere))
    assert "redis.example.org" in told
    assert "secret" not in told


def test_the_prober_asks_what_is_not_counted_and_the_front_page_where_the_store_is_tried(site: Site) -> None:
    assert plan_of(site, Fault.KILL)(1).target == "/api/v1/_health"
    assert plan_of(site, Fault.STORE)(1).target == "/"


def test_only_a_redis_of_this_machine_can_stand_still(site: Site, redis_server) -> None:
    assert server_pid(redis_server.url) == redis_server.process.pid
    with pytest.raises(CannotDrill, match="not on this machine"):
        server_pid("redis://10.0.0.5:6379/0")
    with pytest.raises(CannotDrill, match="ACTS_REDIS_URL"), store_still(site, None):
        pytest.fail("nothing is known of a store")


def tellings(site: Site) -> list[str]:
    return [event.reason for event in events.read(site.client, site.service.name, "0") if event.kind is Kind.DRILL]


def test_a_drill_that_cannot_be_done_tells_so_at_its_end(site: Site) -> None:
    with pytest.raises(CannotDrill):
        drill(site, Fault.SLOW, 8000, "ann", tell=lambda _line: None)
    first, last = tellings(site)
    assert first == "drill: slow begins"
    assert last.startswith("drill: slow could not be done: slow needs RUNTIME=process")


def test_a_drill_that_is_broken_off_tells_so_at_its_end(site: Site) -> None:
    with pytest.raises(KeyboardInterrupt), told(site, None, Fault.REDIS, "ann"):
        raise KeyboardInterrupt
    assert tellings(site) == ["drill: redis begins", "drill: redis was broken off (KeyboardInterrupt)"]


def test_a_container_that_survives_its_kill_ends_the_drill_and_is_told_with_its_words(site: Site) -> None:
    site.runtime.world.living()[1].behaviour = Behaviour(survives_kill=True)
    with pytest.raises(KillFailed):
        drill(site, Fault.KILL, 8001, "ann", tell=lambda _line: None)
    first, last = tellings(site)
    assert first == "drill: kill begins"
    assert last.startswith("drill: kill was broken off (")
    assert "is still there after KILL" in last


def test_an_account_that_may_not_stop_the_processes_is_told_so(site: Site) -> None:
    with pytest.raises(CannotDrill, match="use the one that runs them"), told(site, None, Fault.HANG, "ann"):
        raise PermissionError(1, "Operation not permitted")
    assert tellings(site)[-1].startswith("drill: hang could not be done: this account may not")


class Frozen(FakeRuntime):
    name = "process"

    def pause(self, runtime_id: str) -> None:
        raise PermissionError(1, "Operation not permitted")


def test_a_slow_container_that_cannot_be_stopped_is_no_slow_container(site: Site) -> None:
    elsewhere = replace(site, runtime=Frozen(site.runtime.world))
    with pytest.raises(PermissionError), slowed(elsewhere, victim_of(site, 8000)):
        wait_until(lambda: False, 3 * GOES)


def answered(status: int, *, retry_after: bool = False) -> Sent:
    return Sent(Ask("GET", "/"), 1.0, 0.1, status, 1, retry_after, "", 5)


@pytest.mark.parametrize(
    ("fault", "seconds", "lost"),
    [(Fault.STORE, 5.0, 2), (Fault.STORE, 2.0, 3), (Fault.REDIS, 5.0, 3), (Fault.KILL, 5.0, 3)],
)
def test_to_be_told_to_come_again_is_what_is_promised_for_a_store_that_stays_away(
    fault: Fault, seconds: float, lost: int
) -> None:
    sent = [answered(200), answered(503, retry_after=True), answered(503), answered(500)]
    assert len(lost_of(fault, sent, seconds)) == lost


def test_a_store_that_stays_away_passes_and_says_who_was_told_to_come_again(site: Site) -> None:
    watch = Watch(site, None, generations_of(site), recovered=1.0)
    report = judged(Fault.STORE, watch, [answered(200), answered(503, retry_after=True)], 5.0)
    assert (report.passed, report.lost, report.put_off) == (True, 0, 1)
    assert "told to come again, since the store was away for 4 s or more: 1" in report.reason


def test_a_wait_ends_with_the_fact_or_with_its_time() -> None:
    facts = iter([False, True])
    assert wait_until(lambda: next(facts), 5)
    assert not wait_until(lambda: False, 0.05)
