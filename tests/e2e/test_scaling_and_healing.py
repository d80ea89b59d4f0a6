"""The whole loop: requests bring containers, quiet takes them away, a crash brings a new one on the same port."""

import collections
import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import requests
from helpers import eventually
from running_service import RunningService, as_json, served_by

UNCOUNTED = "/api/v1/_health"
COUNTED = "/api/v1/acts/count"


def ports(service: RunningService, number: int) -> list[str]:
    return [str(service.first_port + index) for index in range(number)]


def test_requests_one_after_the_other_go_round_the_ring_in_order(service: RunningService) -> None:
    service.scale(3)
    order = served_by([service.get(UNCOUNTED) for _ in range(60)])
    assert set(order) == {1, 2, 3}
    assert all(after == before % 3 + 1 for before, after in itertools.pairwise(order)), order


def test_requests_at_once_are_shared_equally_to_one(service: RunningService) -> None:
    service.scale(3)

    def many(_: int) -> list[int]:
        with requests.Session() as session:
            return served_by([session.get(service.url(UNCOUNTED), timeout=30) for _ in range(50)])

    with ThreadPoolExecutor(12) as pool:
        counts = collections.Counter(number for numbers in pool.map(many, range(20)) for number in numbers)
    assert sum(counts.values()) == 1000
    assert max(counts.values()) - min(counts.values()) <= 1, counts


def test_twenty_requests_bring_a_second_container_forty_a_third_and_quiet_leaves_one(service: RunningService) -> None:
    service.begin_with_none_counted()
    for _ in range(20):
        assert service.get(COUNTED).status_code == 200
    eventually(lambda: sorted(service.ring()) == ports(service, 2), within=15)
    eventually(lambda: kept_at(service, 45) and len(service.ring()) >= 3, within=30)
    assert sorted(service.ring()) == ports(service, 3)
    eventually(lambda: sorted(service.ring()) == ports(service, 1), within=60)


def kept_at(service: RunningService, number: int) -> bool:
    """Bring the window of 6 s to so many counted requests."""
    with service.redis() as client:
        counted = int(str(client.zcount("acts:requests", time.time() - 6, "+inf")))
    for _ in range(number - counted):
        service.get(COUNTED)
    return True


def test_a_crashed_container_is_replaced_on_its_own_port_by_another_process(service: RunningService) -> None:
    service.scale(2)
    port = service.first_port
    before = service.pid_on(port)
    crashed = requests.post(f"http://127.0.0.1:{port}/api/v1/_crash", timeout=5)
    assert crashed.status_code == 200
    eventually(lambda: service.pid_on(port) not in (0, before) and str(port) in service.ring(), within=30)
    assert requests.get(f"http://127.0.0.1:{port}{UNCOUNTED}", timeout=5).status_code == 200
    assert not psutil.pid_exists(before) or psutil.Process(before).status() == psutil.STATUS_ZOMBIE


def test_nobody_notices_a_crash_who_only_reads(service: RunningService) -> None:
    service.scale(2)
    requests.post(f"http://127.0.0.1:{service.first_port}/api/v1/_crash", timeout=5)
    statuses = collections.Counter(service.get(COUNTED).status_code for _ in range(150))
    assert statuses == {200: 150}
    eventually(lambda: len(service.ring()) == 2, within=30)


def test_a_killed_container_is_replaced_too(service: RunningService) -> None:
    service.scale(2)
    port = service.first_port + 1
    before = service.pid_on(port)
    psutil.Process(before).kill()
    eventually(lambda: service.pid_on(port) not in (0, before) and str(port) in service.ring(), within=30)


def test_status_shows_the_four_columns_of_the_ring_and_whose_turn_it_is(service: RunningService) -> None:
    service.scale(2)
    shown = service.command("status")
    header = next(line for line in shown.splitlines() if "Container number" in line)
    columns = [header.index(name) for name in ("Container number", "Port", "Status", "Turn")]
    assert columns == sorted(columns)
    rows = as_json(service.command("status", "--json"))["containers"]
    assert [row["port"] for row in rows] == [service.first_port, service.first_port + 1]
    assert sum(row["turn"] for row in rows) == 1
    turn = next(row["number"] for row in rows if row["turn"])
    assert served_by([service.get(UNCOUNTED)]) == [turn]


def test_an_operator_can_relaunch_a_container(service: RunningService) -> None:
    service.scale(1)
    before = service.pid_on(service.first_port)
    service.command("relaunch", str(service.first_port))
    eventually(lambda: service.pid_on(service.first_port) not in (0, before) and service.ring(), within=30)


def test_events_tell_what_happened(service: RunningService) -> None:
    service.scale(1)
    said = service.command("events")
    for word in ("launched", "healthy", "sick"):
        assert word in said, said
