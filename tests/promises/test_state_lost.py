"""Promise: when the state Redis hangs, dies or comes back empty, no GET is lost; it is said; nobody scales or
relaunches on what cannot be read; and everything is there again afterwards.
"""

import time
from collections.abc import Iterator

import pytest
import redis
from helpers import eventually
from trial import Trial, kill, server_pid, stopped, trial

from lb.events import Kind

DEEDS = (Kind.LAUNCHED, Kind.SICK, Kind.RELAUNCHED, Kind.DRAINED, Kind.STOPPED, Kind.SCALED)
HANG = 10.0  # seconds


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Three containers, which is also what the traffic wants: a lost Redis forgets what was fixed by hand."""
    with trial(tmp_path_factory.mktemp("trial"), MAX_CONTAINERS="3") as running:
        running.scale(3)
        running.settled(3)
        running.scale(None)
        yield running


def test_the_state_redis_hangs_for_ten_seconds(tried: Trial) -> None:
    containers = tried.backends()
    pid = server_pid(tried.service.variable("REDIS_URL"))
    with tried.traffic() as account:
        began = time.time()
        with stopped(pid):
            eventually(lambda: tried.logs("lb").count("Degraded") >= 2, 5)
            status, said = tried.says("status")
            assert status == 1
            assert "the state Redis" in said
            time.sleep(max(0.0, began + HANG - time.time()))
        eventually(lambda: tried.logs("lb").count("Recovered") >= 2, 5)
        eventually(lambda: not tried.troubles(), 10)
    account.nothing_lost()
    assert tried.events(*DEEDS, since=began) == []
    assert len(tried.events(Kind.DEGRADED, since=began)) >= 2
    assert tried.backends() == containers


def test_the_state_redis_is_killed_and_comes_back_empty(tried: Trial) -> None:
    containers, ring = tried.backends(), tried.service.ring()
    with tried.service.redis() as client:
        turn = int(str(client.get("acts:turn")))
    with tried.traffic() as account:
        kill(server_pid(tried.service.variable("REDIS_URL")))
        eventually(lambda: is_rebuilt(tried, ring), 15)
        eventually(lambda: not tried.troubles(), 10)
    account.nothing_lost()
    tried.settled(3)
    assert tried.events(*DEEDS) == []
    assert len(tried.events(Kind.ADOPTED)) == 3
    assert tried.backends() == containers
    with tried.service.redis() as client:
        assert int(str(client.get("acts:turn"))) >= turn


def is_rebuilt(tried: Trial, ring: dict[str, str]) -> bool:
    """Whether Redis answers again and the ring is what it was."""
    try:
        return tried.service.ring() == ring
    except redis.RedisError:
        return False
