"""Promise: ten times what the containers can do is answered: bounded queues, 503 with Retry-After for the excess, those
who are accepted do not wait long, memory stays flat, and a busy container is not taken for a sick one.
"""

from collections.abc import Callable, Iterator

import psutil
import pytest
from trial import RATE, Trial, trial

from lb.events import Kind
from monitor.prober import Ask, causes, percentile

CONTAINERS, WORK_SECONDS, IN_FLIGHT = 2, 0.1, 20  # so all of them together do 20 requests a second
LONGEST = IN_FLIGHT * WORK_SECONDS  # seconds that the last in the queue waits


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Two slow containers that are given twenty requests each at a time."""
    settings = {"MAX_CONTAINERS": CONTAINERS, "WORK_SECONDS": WORK_SECONDS, "MAX_IN_FLIGHT": IN_FLIGHT}
    with trial(tmp_path_factory.mktemp("trial"), **{name: str(value) for name, value in settings.items()}) as running:
        running.scale(CONTAINERS)
        running.settled(CONTAINERS)
        yield running


def work(_: str) -> Callable[[int], Ask]:
    """Everybody wants work."""
    return lambda number: Ask("GET", "/api/work", fresh=number % 3 == 0)


def test_ten_times_what_the_containers_can_do(tried: Trial) -> None:
    before = memory(tried)
    with tried.traffic(rate=RATE, plan_of=work, warm=8) as account:
        after = memory(tried)
    served = [one for one in account.sent if one.status == 200]
    refused = [one for one in account.sent if one.status != 200]
    grown = {pid: (after[pid] - size) / 1e6 for pid, size in before.items()}
    print(f"  served {len(served)}, p99 {percentile(served, 0.99):.2f} s, refused {len(refused)}, grown by {grown} MB")
    assert served
    assert refused
    assert all(one.put_off for one in refused), causes(refused)
    assert max(one.in_flight for one in tried.rows()) <= IN_FLIGHT
    assert percentile(served, 0.99) < 5 * LONGEST  # a bound that no queue without an end would keep
    assert max(grown.values()) < 20
    assert tried.events(Kind.SICK) == []


def memory(tried: Trial) -> dict[int, int]:
    """Resident bytes of the proxy's workers."""
    return {pid: psutil.Process(pid).memory_info().rss for pid in tried.pids("lb worker")}
