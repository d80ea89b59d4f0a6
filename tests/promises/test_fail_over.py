"""Promise: when the master of a replicated state Redis is killed, no request is lost; the sentinels' next master is
used by every part, and nothing is scaled or relaunched for it. What replication had not yet copied is lost: counted.
"""

import time
from collections import Counter
from collections.abc import Iterator

import pytest
import redis
from helpers import eventually
from sentinels import Replicated, replicated
from trial import RATE, Trial, trial

from lb import ledger
from lb.events import Kind
from lb.redis_client import connect
from lb.request_window import requests_key

DEEDS = (Kind.LAUNCHED, Kind.SICK, Kind.RELAUNCHED, Kind.DRAINED, Kind.STOPPED, Kind.SCALED)


@pytest.fixture
def servers() -> Iterator[Replicated]:
    """A state Redis with a replica."""
    with replicated() as made:
        yield made


def test_the_master_of_the_state_redis_is_killed_under_load(
    servers: Replicated, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # The window is longer than the trial, so that every record that was kept is there at the end.
    settings = {"REDIS_URL": servers.url, "WINDOW_SECONDS": "120", "MAX_CONTAINERS": "3"}
    with trial(tmp_path_factory.mktemp("trial"), **settings) as tried:
        tried.scale(3)
        tried.settled(3)
        containers = tried.backends()
        with tried.service.redis() as client:
            before = counted(client)
        began = time.time()
        with tried.traffic() as account:
            servers.master.kill()
            killed = time.monotonic()
            eventually(lambda: tried.logs("lb").count("Recovered") >= 2, 20)
            print(f"  both workers use the new master {time.monotonic() - killed:.1f} s after the kill")
            eventually(lambda: knows_no_trouble(tried), 20)
            print(f"  no part has any trouble {time.monotonic() - killed:.1f} s after the kill")
        account.nothing_lost()
        assert tried.events(*DEEDS, since=began) == []
        assert tried.backends() == containers
        with connect(f"redis://:{servers.password}@127.0.0.1:{servers.replica.port}/0") as client:
            tell_what_was_lost(client, len(account.sent) - (counted(client) - before), began)
        # Orders go through the new master: table, queue and worker.
        tried.scale(2)
        tried.settled(2)


def counted(client: redis.Redis) -> int:
    """Requests that are recorded."""
    return int(client.zcard(requests_key("acts")))


def knows_no_trouble(tried: Trial) -> bool:
    """Whether every part shows its signs of life in the new master."""
    try:
        return not tried.troubles()
    except redis.RedisError:
        return False


def tell_what_was_lost(client: redis.Redis, records: int, began: float) -> None:
    """Print what replication had not copied, and what became of the turns; only bound it, for it differs each time."""
    turns = Counter(turn for entry in ledger.read(client, "acts", began - 5) for some in entry.turns for turn in some)
    twice = sum(times > 1 for times in turns.values())
    told = f"{twice} of {turns.total()} turns were used twice, since without Redis each worker counts for itself"
    print(f"  {records} records lost; {told}")
    assert 0 <= records <= RATE  # about as many as come in a second; the last unreplicated milliseconds, usually
