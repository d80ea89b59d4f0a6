"""Promise: a container that never becomes healthy is tried a bounded number of times with growing pauses, the reason is
in the events, and the others serve on; a cause that all share holds relaunches instead of multiplying them.
"""

import itertools
import signal
import socket
import time

import pytest
from helpers import eventually
from trial import Trial, send, stopped

from deploy.container_state import State
from deploy.retries import FIRST_DELAY, MAX_ATTEMPTS
from lb.events import Kind


@pytest.fixture(autouse=True)
def two_containers(tried: Trial) -> None:
    """They serve well."""
    tried.scale(2)
    tried.settled(2)


def test_a_command_that_exits(tried: Trial) -> None:
    (tried.orders / str(tried.port(3))).write_text("exit")
    try:
        began = time.time()
        with tried.traffic(rate=100) as account:
            tried.scale(3)
            pauses = watched_until_failed(tried, tried.port(3))
        account.nothing_lost()
    finally:
        (tried.orders / str(tried.port(3))).unlink()
    assert len(pauses) >= 3
    assert pauses == {attempt: FIRST_DELAY * 2 ** (attempt - 1) for attempt in pauses}
    (failed,) = tried.events(Kind.FAILED, since=began)
    assert "told to exit" in failed.reason
    assert tried.events(Kind.SICK, since=began)[0].port == tried.port(3)
    assert f"{tried.port(3)} is failed: given up after {MAX_ATTEMPTS} attempts" in " ".join(tried.troubles())


def watched_until_failed(tried: Trial, port: int) -> dict[int, float]:
    """The pauses after the attempts, as the table notes them, until the container is given up; one may be missed."""
    pauses: dict[int, float] = {}

    def has_failed() -> bool:
        with tried.service.redis() as client:
            row = client.hgetall(f"acts:container:{port}")
        if row.get("state") == State.SICK and int(row["attempts"]) < MAX_ATTEMPTS:
            pauses[int(row["attempts"])] = round(float(row["next_try_at"]) - float(row["since"]), 3)
        return bool(row.get("state") == State.FAILED)

    eventually(has_failed, 60)
    return pauses


def test_a_container_that_answers_and_is_never_healthy(tried: Trial) -> None:
    (tried.orders / str(tried.port(3))).write_text("unhealthy")
    began = time.time()
    with tried.traffic(rate=100) as account:
        tried.scale(3)
        eventually(lambda: State.STARTING in [row.container.state for row in tried.rows()], 10)
        assert not tried.in_ring(tried.port(3))
        (tried.orders / str(tried.port(3))).unlink()
        tried.scale(2)
        tried.settled(2)
    account.nothing_lost()
    assert tried.events(Kind.HEALTHY, since=began) == []


def test_a_port_that_is_busy_is_used_when_it_is_free(tried: Trial) -> None:
    with tried.traffic(rate=100) as account:
        with socket.create_server(("127.0.0.1", tried.port(3))):
            began = time.time()
            tried.scale(3)
            eventually(lambda: tried.events(Kind.SICK, since=began), 10)
        assert "taken by" in tried.events(Kind.SICK, since=began)[0].reason
        tried.settled(3, within=40)
    account.nothing_lost()


def test_when_all_hang_at_once_they_are_relaunched_one_by_one_and_it_is_said(tried: Trial) -> None:
    tried.scale(3)
    tried.settled(3)
    began = time.time()
    for number in (1, 2, 3):
        send(tried.service.pid_on(tried.port(number)), signal.SIGSTOP)
    eventually(lambda: tried.events(Kind.HELD, since=began), 15)
    eventually(lambda: tried.events(Kind.RECOVERED, since=began), 60)
    tried.settled(3, within=40)
    happened = [event for event in tried.events(Kind.SICK, Kind.HEALTHY, since=began) if event.port]
    kinds = [event.kind for event in happened]
    assert kinds.count(Kind.SICK) == 3
    first_healthy = kinds.index(Kind.HEALTHY)
    assert len(list(itertools.takewhile(lambda kind: kind is Kind.SICK, kinds))) == 1, kinds
    assert first_healthy == 1


def test_the_deploy_worker_that_hangs_stops_nobody(tried: Trial) -> None:
    (deploy,) = tried.pids("deploy worker")
    with tried.traffic(rate=100) as account, stopped(deploy):
        tried.scale(3)
        eventually(lambda: "deploy worker" in " ".join(tried.troubles()), 15)
    account.nothing_lost()
    tried.settled(3)
