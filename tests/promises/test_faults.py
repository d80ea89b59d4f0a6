"""Promise: when a container crashes, dies, hangs or crawls, no GET is lost, no POST is sent twice, and another one
serves on the same port within seconds. Only a POST that the sick one has in its hands may fail.
"""

import signal
from collections import Counter

import pytest
from helpers import eventually
from trial import Account, Trial, kill, send, stopped

from lb.events import Kind
from monitor.prober import Sent


@pytest.fixture(autouse=True)
def three_containers(tried: Trial) -> None:
    """So that others are left."""
    tried.scale(3)
    tried.settled(3)


def only_posts_to(account: Account, port: int, number: int) -> None:
    """Assert that nothing was lost but POSTs that the container on that port had: 502, or its own 500."""
    account.posts_are_exact()
    assert not account.lost_gets, account
    assert [one for one in account.lost_posts if not excusable(one, port, number)] == []


def excusable(one: Sent, port: int, number: int) -> bool:
    """Whether the sick container itself answered 500, or the proxy says that it broke off."""
    return (one.status == 500 and one.container == number) or (one.status == 502 and str(port) in one.trouble)


def test_a_container_that_crashed(tried: Trial) -> None:
    port = tried.port(2)
    with tried.traffic() as account:
        tried.fault(port, lambda: tried.direct("POST", port, "/api/v1/_crash"))
    only_posts_to(account, port, 2)


def test_a_container_that_was_killed(tried: Trial) -> None:
    port = tried.port(2)
    with tried.traffic() as account:
        tried.fault(port, lambda: kill(tried.service.pid_on(port)))
    only_posts_to(account, port, 2)


def test_a_container_that_hangs(tried: Trial) -> None:
    port = tried.port(2)
    with tried.traffic() as account:
        tried.fault(port, lambda: send(tried.service.pid_on(port), signal.SIGSTOP))
    only_posts_to(account, port, 2)


def test_a_container_that_answers_ten_seconds_late(tried: Trial) -> None:
    port = tried.port(2)
    with tried.traffic() as account:
        tried.fault(port, lambda: tried.direct("POST", port, "/late?seconds=10"))
    only_posts_to(account, port, 2)


def test_two_of_three_are_killed_at_once(tried: Trial) -> None:
    ports = [tried.port(1), tried.port(3)]
    with tried.traffic() as account:
        before = [tried.generation(port) for port in ports]
        for port in ports:
            kill(tried.service.pid_on(port))
        eventually(lambda: [tried.generation(port) for port in ports] != before, 20)
        tried.settled(3)
    account.posts_are_exact()
    assert not account.lost_gets, account
    assert {one.status for one in account.lost_posts} <= {502}


@pytest.mark.parametrize("fault", ["killed", "hung"])
def test_the_only_container_is_lost_and_requests_wait_for_the_next(tried: Trial, fault: str) -> None:
    tried.scale(1)
    tried.settled(1)
    number = {"killed": signal.SIGKILL, "hung": signal.SIGSTOP}[fault]
    with tried.traffic(rate=100) as account:  # 3 s of it are fewer than MAX_IN_FLIGHT
        tried.fault(tried.port(1), lambda: send(tried.service.pid_on(tried.port(1)), number))
    only_posts_to(account, tried.port(1), 1)


def test_the_turns_of_a_dead_member_spread_evenly_over_the_others(tried: Trial) -> None:
    tried.scale(4)
    tried.settled(4)
    dead, busy = tried.port(2), tried.service.pid_on(tried.port(2))
    (deploy,) = tried.pids("deploy worker")
    with tried.traffic() as account, stopped(deploy):  # so that nobody takes its place meanwhile
        kill(busy)
        eventually(lambda: not tried.in_ring(dead), 10)
        (gone,) = [event for event in tried.events(Kind.SICK) if event.port == dead][-1:]
        eventually(lambda: tried.events(Kind.SICK)[-1].at < account_time(tried) - 3, 10)
    (back,) = [event for event in tried.events(Kind.HEALTHY) if event.port == dead][-1:]
    between = [one for one in account.sent if gone.at + 0.5 < one.at and one.ended < back.at]
    shares = Counter(one.container for one in between)
    assert set(shares) == {1, 3, 4}
    assert max(shares.values()) - min(shares.values()) <= len(between) * 0.02 + 4, shares


def account_time(tried: Trial) -> float:
    """The time as Redis has it, unix seconds."""
    with tried.service.redis() as client:
        seconds, micros = client.time()
    return float(seconds) + float(micros) / 1e6
