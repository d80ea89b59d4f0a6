"""Promise: nothing is lost, of any method, while containers come, go and are replaced, and while the proxy reloads."""

import os
import signal
import time
from collections.abc import Callable

from helpers import eventually
from trial import Trial, mixed

from monitor.prober import Ask

SLOW = "/api/thing?seconds=3"


def with_slow_ones(run: str) -> Callable[[int], Ask]:
    """As usual, but every 25th request takes 3 s, POSTs too."""
    usual = mixed(run)

    def plan(number: int) -> Ask:
        if number % 50 == 0:
            return Ask("POST", f"/api/note?seconds=3&id={run}-{number}", b"x", fresh=number % 100 == 0)
        return Ask("GET", SLOW) if number % 25 == 0 else usual(number)

    return plan


def test_containers_come_and_go_and_no_request_notices(tried: Trial) -> None:
    tried.scale(1)
    tried.settled(1)
    with tried.traffic(plan_of=with_slow_ones) as account:
        for number in (3, 1):
            tried.scale(number)
            tried.settled(number)
    account.nothing_lost()
    tried.no_leftovers()


def test_a_relaunch_by_hand_loses_nothing(tried: Trial) -> None:
    tried.scale(3)
    tried.settled(3)
    with tried.traffic(plan_of=with_slow_ones) as account:
        port = tried.port(2)
        tried.fault(port, lambda: tried.service.command("relaunch", str(port)))
    account.nothing_lost()


def test_the_proxy_reloads_and_no_request_notices(tried: Trial) -> None:
    tried.scale(2)
    tried.settled(2)
    (master,) = tried.pids("lb master")
    with tried.traffic(plan_of=with_slow_ones) as account:
        for _ in range(2):
            before = set(tried.pids("lb worker"))
            os.kill(master, signal.SIGHUP)
            eventually(lambda before=before: not before & set(tried.pids("lb worker")), 20)
            time.sleep(1)
    account.nothing_lost()
