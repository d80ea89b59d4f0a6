"""A second monitor, autoscaler and deploy worker, started by mistake beside those that run."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from helpers import ROOT, eventually
from running_service import RunningService, as_json

PARTS = ("monitor", "autoscaler", "deploy")


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


def parts(service: RunningService) -> dict[str, dict[str, object]]:
    """What `status` says about the parts."""
    found: dict[str, dict[str, object]] = as_json(service.command("status", "--json"))["parts"]
    return found


def launches(service: RunningService) -> list[str]:
    """The ports that were launched, in their order."""
    with service.redis() as client:
        return [event["port"] for _, event in client.xrange("acts:events") if event["kind"] == "launched"]


def test_a_second_one_stands_by_is_seen_and_takes_over(
    service: RunningService, seconds: dict[str, subprocess.Popen[bytes]]
) -> None:
    service.scale(1)
    pids = {part: process.pid for part, process in seconds.items()}
    eventually(lambda: all(pids[part] in parts(service)[part]["standing_by"] for part in PARTS), within=20)  # type: ignore[operator]
    before, done = len(launches(service)), threading.Event()
    answers: Counter[int] = Counter()

    def load() -> None:
        while not done.is_set():
            answers[service.get("/api/v1/_health").status_code] += 1

    thread = threading.Thread(target=load)
    thread.start()
    service.scale(3)
    assert sorted(launches(service)[before:]) == [str(service.first_port + 1), str(service.first_port + 2)]
    holders = {part: parts(service)[part]["pid"] for part in PARTS}
    assert not set(holders.values()) & set(pids.values())
    for pid in holders.values():
        os.kill(int(str(pid)), signal.SIGKILL)
    eventually(lambda: all(parts(service)[part].get("pid") == pids[part] for part in PARTS), within=20)
    old = service.pid_on(service.first_port)
    os.kill(old, signal.SIGKILL)
    eventually(lambda: service.pid_on(service.first_port) not in (0, old) and len(service.ring()) == 3, within=20)
    done.set()
    thread.join()
    assert set(answers) == {200}, answers
    service.scale("auto")
