"""Promise: whichever part is killed, whenever: it is back within ten seconds, nothing is scaled wrongly, no container
is orphaned, no port is leaked, and no request is lost but those on the killed proxy worker's own connections.
"""

import random
import signal
import time

import psutil
import pytest
from helpers import eventually
from trial import Trial, kill, send, stopped, trial

from lb.events import Kind
from lb.heartbeat import live_workers
from lb.ring import history
from monitor.prober import causes

CONTROL = ("monitor", "autoscaler", "deploy worker")
BACK = 20.0  # seconds to wait for a part: ten are promised, on a machine that is not busy with other tests


@pytest.fixture
def chance() -> random.Random:
    """Random moments that a failure names."""
    seed = time.time_ns()
    print(f"  seed {seed}")
    return random.Random(seed)


def kill_part(tried: Trial, title: str) -> list[int]:
    """KILL a part; the pids that it had."""
    pids = tried.pids(title)
    for pid in pids:
        kill(pid)
    return pids


def all_back(tried: Trial, gone: set[int]) -> bool:
    """Whether each part lives, as another process than one of these."""
    return all((pids := tried.pids(title)) and not gone & set(pids) for title in CONTROL)


def test_monitor_autoscaler_and_deploy_worker_are_killed_again_and_again(tried: Trial, chance: random.Random) -> None:
    tried.scale(3)
    tried.settled(3)
    containers = tried.backends()
    began, gone = time.time(), set[int]()
    with tried.traffic() as account:
        for _ in range(2):
            for title in chance.sample(CONTROL, 3):
                time.sleep(chance.uniform(0, 0.6))
                gone.update(kill_part(tried, title))
        began_waiting = time.monotonic()
        eventually(lambda: all_back(tried, gone), BACK)
        print(f"  all parts are back {time.monotonic() - began_waiting:.1f} s after the last kill")
        eventually(lambda: not tried.troubles(), BACK)
    account.nothing_lost()
    assert rings_since(tried, began) == []
    assert tried.backends() == containers
    tried.no_leftovers()


def rings_since(tried: Trial, when: float) -> list[object]:
    """The changes of the ring since a time."""
    with tried.service.redis() as client:
        return [ring for at, ring in history(client, "acts", 1000) if at >= when]


def test_the_parts_are_killed_while_containers_come_and_go(tried: Trial, chance: random.Random) -> None:
    with tried.traffic() as account:
        for number in (4, 2):
            tried.scale(number)
            for title in ("deploy worker", "autoscaler", "deploy worker"):
                time.sleep(chance.uniform(0, 0.4))
                kill_part(tried, title)
            tried.settled(number, within=BACK + 10)
    account.nothing_lost()
    tried.no_leftovers()


def test_a_proxy_worker_is_killed_and_only_its_own_connections_notice(tried: Trial, chance: random.Random) -> None:
    tried.scale(2)
    tried.settled(2)
    with tried.traffic() as account:
        own: set[int] = set()
        for _ in range(2):
            time.sleep(chance.uniform(0, 0.5))
            before = tried.pids("lb worker")
            own |= kill_with_its_connections(tried, before[0])
            eventually(lambda gone=before[0]: len(tried.pids("lb worker")) == 2 and workers_beat(tried, gone), BACK)
    account.posts_are_exact()
    others = [one for one in account.sent if one.lost and one.local_port not in own]
    assert not others, causes(others)
    assert {one.status for one in account.sent if one.lost} <= {0}
    tried.no_leftovers()


def kill_with_its_connections(tried: Trial, pid: int) -> set[int]:
    """KILL a proxy worker; the client ports of the connections that it had. Stopped first, so it takes no more."""
    send(pid, signal.SIGSTOP)
    port = tried.service.lb_port
    connections = psutil.Process(pid).net_connections("tcp")
    kill(pid)
    return {one.raddr[1] for one in connections if one.raddr and one.laddr[1] == port}


def workers_beat(tried: Trial, gone: int) -> bool:
    """Whether two other workers show signs of life."""
    with tried.service.redis() as client:
        return len({beat.pid for beat in live_workers(client, "acts")} - {gone}) >= 2


def test_a_worker_that_reaches_nobody_holds_no_container_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    with trial(tmp_path_factory.mktemp("trial"), DRAIN_TIMEOUT="300") as tried:
        tried.scale(2)
        tried.settled(2)
        with tried.service.redis() as client:
            cut_off = live_workers(client, "acts")[0].pid
            with stopped(cut_off):
                tried.scale(1)
                tried.settled(1, within=20)
                assert cut_off not in [beat.pid for beat in live_workers(client, "acts")]
        assert not [event for event in tried.events(Kind.DRAINED) if "not drained" in event.reason]
