"""Promise: on a full disk who looks is answered, who shares is told why not, every act answered 201 is there, and when
there is room again all goes on with nobody starting anything.

The disk is a small file system of its own under STATE_DIR, and really full, to the last byte.
"""

import base64
import itertools
import os
import time
from collections.abc import Iterator

import pytest
import requests
from helpers import eventually
from running_service import RunningService, running_service
from small_disk import fill, small_disk
from trial import kill

from lb import events
from lb.events import Kind
from monitor.prober import Ask, Prober, causes

CATEGORY = "/api/v1/categories/trees/acts"
NUMBERS = itertools.count(1_000_000)  # of acts that nobody asks for again
PHOTO = base64.b64encode(os.urandom(200_000)).decode()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The acts application on a disk of 64 MB, three containers."""
    with (
        small_disk(tmp_path_factory.mktemp("d") / "s", 64) as disk,
        running_service(disk, ACTS_AUTH="off", LB_WORKERS="2", DISK_RESERVE="8000000") as service,
    ):
        service.scale(3)
        user = {"username": "ann", "password": "0" * 40}
        assert service.request("POST", "/api/v1/users", json=user).status_code == 201
        assert service.request("POST", "/api/v1/categories", json=["trees"]).status_code == 201
        yield service


def share(site: RunningService, number: int) -> requests.Response:
    """Share an act with a photo."""
    act = {"actId": number, "username": "ann", "timestamp": "24-12-2025:30-15-18", "caption": "An oak"}
    return site.request("POST", "/api/v1/acts", json=act | {"categoryName": "trees", "imgB64": PHOTO})


def is_answered(site: RunningService, status: int) -> bool:
    """Whether an act under a number of its own gets this answer now."""
    return share(site, next(NUMBERS)).status_code == status


def looks(number: int) -> Ask:
    """Who looks."""
    return Ask("GET", f"{CATEGORY}/size", fresh=number % 3 == 0)


def parts(site: RunningService) -> set[int]:
    """The pids of everything that is supervised, containers included."""
    return {pid for pid, title in site.titles().items() if title}


def is_there(site: RunningService, number: int) -> bool:
    """Whether an act is there with its whole photo."""
    answer = site.get(f"/acts/{number}/image")
    return answer.status_code == 200 and len(answer.content) == 200_000


def test_a_disk_that_fills_up_at_once_and_is_freed_again(site: RunningService) -> None:
    began, before, answers = time.time(), parts(site), dict[int, requests.Response]()
    with Prober(site.lb_port, 100, looks) as prober:
        for number in range(1, 11):
            answers[number] = share(site, number)
        ballast = fill(site.state_dir)
        for number in range(11, 41):  # some of them before anybody has looked at the disk
            answers[number] = share(site, number)
        eventually(lambda: is_answered(site, 507), 5)
        refused = share(site, 999)
        status, told = site.command("status"), site.command("events")
        removed = site.request("DELETE", "/api/v1/acts/1")
        ballast.unlink()
        eventually(lambda: is_answered(site, 201), 10)
    assert {answer.status_code for answer in answers.values()} <= {201, 507}
    assert refused.status_code == 507
    assert refused.json() == {"error": "The store is full: nothing new can be kept until there is room again."}
    assert removed.status_code == 200
    assert "is full: acts can be looked at" in status
    assert "is full: acts can be looked at" in told
    taken = [number for number, answer in answers.items() if answer.status_code == 201 and number != 1]
    assert [number for number in taken if not is_there(site, number)] == []
    lost = [one for one in prober.sent if one.lost]
    assert not lost, causes(lost)
    assert parts(site) == before  # nobody had to be started
    assert "is full" not in site.command("status")
    with site.redis() as client:
        happened = [event.kind for event in events.last(client, "acts", 1000) if event.at > began]
    assert happened.count(Kind.DEGRADED) == happened.count(Kind.RECOVERED) == 1
    assert not {Kind.SICK, Kind.RELAUNCHED, Kind.FAILED} & set(happened)


def test_a_store_and_a_container_that_are_killed_while_the_disk_is_full_come_back(site: RunningService) -> None:
    assert share(site, 5000).status_code == 201
    ballast = fill(site.state_dir)
    eventually(lambda: is_answered(site, 507), 5)
    with Prober(site.lb_port, 50, looks) as prober:
        store = next(pid for pid, title in site.titles().items() if "acts.sock" in title)
        kill(store)
        eventually(lambda: is_there(site, 5000), 10)
        eventually(lambda: is_answered(site, 507), 5)
        port = site.first_port + 1
        pid = site.pid_on(port)
        kill(pid)
        eventually(lambda: site.pid_on(port) not in (0, pid) and len(site.ring()) == 3, 20)
    lost = [one for one in prober.sent if one.lost]
    assert not lost, causes(lost)
    ballast.unlink()
    eventually(lambda: is_answered(site, 201), 10)
    assert is_there(site, 5000)


def test_logs_that_could_not_be_written_go_on(site: RunningService) -> None:
    ballast, log = fill(site.state_dir), site.state_dir / "logs" / "supervisord.log"
    size = log.stat().st_size
    for _ in range(3):  # each is some lines of the supervisor's own log
        monitor = next(pid for pid, title in site.titles().items() if title == "monitor")
        kill(monitor)
        eventually(lambda before=monitor: {"monitor"} & titles_but(site, before), 15)
    ballast.unlink()
    kill(next(pid for pid, title in site.titles().items() if title == "monitor"))
    eventually(lambda: log.stat().st_size > size, 15)


def titles_but(site: RunningService, pid: int) -> set[str]:
    """What ps shows of all but one."""
    return {title for other, title in site.titles().items() if other != pid}
