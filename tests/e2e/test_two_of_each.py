"""A second monitor, autoscaler and deploy worker, started by mistake beside those that run."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from helpers import ROOT, eventually
from running_service import RunningService, as_json, running_service

PARTS = ("monitor", "autoscaler", "deploy")


@pytest.fixture
def service() -> Iterator[RunningService]:
    """A service of its own: what the second ones launch are no children of its `up`, which other tests look at."""
    with running_service(LB_WORKERS="2", WINDOW_SECONDS="6", STABILIZATION_SECONDS="4") as running:
        yield running


@pytest.fixture
def seconds(service: RunningService) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """One more of each."""
    names = (service.state_dir / "run" / "service.env").read_text().splitlines()
    environment = service.environment | dict(line.split("=", 1) for line in names)
    more = {
        part: subprocess.Popen([sys.executable, "-m", part], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
        for part in PARTS
    }
    yield more
    for process in more.values():
        process.terminate()
    for process in more.values():
        process.wait(10)


def at_work(service: RunningService) -> dict[str, int]:
    """The pid of the one of each that is at work, by what it says about itself."""
    with service.redis() as client:
        return {part: int(str(client.hget(f"acts:beat:{part}", "pid") or 0)) for part in PARTS}


def others_at_work(service: RunningService, killed: dict[str, int]) -> bool:
    """Whether somebody else does the work of each that was killed: who stood by, or who was started in its place."""
    return all(pid not in (0, killed[part]) for part, pid in at_work(service).items())


def waiting(service: RunningService) -> list[int]:
    """The pids of those that stand by, by what `status` says."""
    parts = as_json(service.command("status", "--json"))["parts"]
    return [pid for part in PARTS for pid in parts[part]["standing_by"]]


def launches(service: RunningService) -> list[str]:
    """The ports that were launched, in their order."""
    with service.redis() as client:
        return [event["port"] for _, event in client.xrange("acts:events") if event["kind"] == "launched"]


@pytest.mark.timeout(240)
def test_a_second_one_stands_by_is_seen_and_takes_over(
    service: RunningService, seconds: dict[str, subprocess.Popen[bytes]]
) -> None:
    service.scale(1)
    pids = {part: process.pid for part, process in seconds.items()}
    eventually(lambda: sorted(waiting(service)) == sorted(pids.values()), within=30)
    before, first = len(launches(service)), at_work(service)
    assert not set(first.values()) & set(pids.values())
    with loaded(service) as answers:
        service.scale(3)
        assert sorted(launches(service)[before:]) == [str(service.first_port + 1), str(service.first_port + 2)]
        for pid in first.values():
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: others_at_work(service, first), within=40)
        old = service.pid_on(service.first_port)
        os.kill(old, signal.SIGKILL)
        eventually(lambda: service.pid_on(service.first_port) not in (0, old) and len(service.ring()) == 3, within=40)
    assert set(answers) == {200}, answers
    service.scale("auto")


@contextmanager
def loaded(service: RunningService) -> Iterator[Counter[int]]:
    """Requests one after the other, meanwhile; how many were answered with each status."""
    done, answers = threading.Event(), Counter[int]()

    def load() -> None:
        while not done.wait(0.01):
            answers[service.get("/api/v1/_health").status_code] += 1

    thread = threading.Thread(target=load)
    thread.start()
    try:
        yield answers
    finally:
        done.set()
        thread.join()
