"""`selfieless drill` on a running service: each fault passes, tells what it cost, and leaves nothing stopped behind."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator

import psutil
import pytest
from helpers import eventually
from running_service import SELFIELESS, RunningService, running_service

from lb import events
from lb.events import Kind


@pytest.fixture(scope="module")
def site() -> Iterator[RunningService]:
    """The acts application, two containers."""
    with running_service(LB_WORKERS="2") as service:
        service.scale(2)
        yield service


@pytest.mark.parametrize("fault", ["kill", "hang", "slow", "redis", "store"])
def test_each_fault_passes_and_is_told_with_who_it_was(site: RunningService, fault: str) -> None:
    seconds = ["--seconds", "2"]
    done = subprocess.run(
        [SELFIELESS, "drill", fault, "--json", *seconds],
        env=site.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    print(f"  {done.stdout.strip()}")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["fault"], report["passed"], report["lost"]) == (fault, True, 0)
    assert report["sent"] > 20
    with site.redis() as client:
        told = [event for event in events.last(client, "acts", 50) if event.kind is Kind.DRILL][-2:]
    assert [fault in event.reason and bool(event.who) for event in told] == [True, True]
    eventually(lambda: stopped_processes(site) == [], 5)


def test_a_store_that_stays_away_for_longer_than_people_wait_is_no_failure(site: RunningService) -> None:
    report = json.loads(site.command("drill", "store", "--json", "--seconds", "7"))
    assert (report["passed"], report["lost"]) == (True, 0)
    assert report["put_off"] > 0
    assert "told to come again" in report["reason"]


def test_ctrl_c_lets_what_was_stopped_go_on(site: RunningService) -> None:
    drilling = subprocess.Popen(
        [SELFIELESS, "drill", "redis", "--seconds", "60"], env=site.environment, stdout=subprocess.DEVNULL, stderr=-3
    )
    eventually(lambda: stopped_processes(site), 15)
    os.kill(drilling.pid, signal.SIGINT)
    assert drilling.wait(60) == 1
    assert stopped_processes(site) == []
    eventually(lambda: len(site.ring()) == 2, 10)


def test_a_port_without_a_container_is_refused_before_anything_happens(site: RunningService) -> None:
    done = subprocess.run(
        [SELFIELESS, "drill", "kill", "1"],
        env=site.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "no container on port 1 that serves" in done.stderr


def stopped_processes(site: RunningService) -> list[str]:
    """What stands still of the service."""
    return [one.name() for one in site.processes() if one.is_running() and one.status() == psutil.STATUS_STOPPED]
