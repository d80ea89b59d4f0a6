"""Promise: a new version comes, goes back, or turns out to be broken, and no request of any method notices."""

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from helpers import eventually
from running_service import SELFIELESS, as_json
from trial import BACKEND, Trial, kill

from monitor.prober import Ask

NEXT = f"{sys.executable} {BACKEND} next"
BROKEN = {
    "exits": f"{sys.executable} -c \"raise SystemExit('no module named x')\"",
    "is never healthy": f"{sys.executable} -m http.server --bind 127.0.0.1 --directory /nonexistent 1",
}
ROLLOUT_SECONDS = 120


def with_slow_ones(run: str) -> Callable[[int], Ask]:
    """100 a second: 80 % GET, 20 % POST, a few of both slow, a third over connections of their own."""

    def plan(number: int) -> Ask:
        fresh, slow = number % 3 == 0, "&seconds=2" if number % 40 == 0 else ""
        if number % 5 == 0:
            return Ask("POST", f"/api/note?a=1{slow}&id={run}-{number}", b"x", fresh)
        return Ask("GET", f"/api/thing?a=1{slow}", fresh=fresh)

    return plan


def deploy(tried: Trial, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SELFIELESS, "deploy", *words],
        env=tried.service.environment, capture_output=True, text=True, check=False, timeout=ROLLOUT_SECONDS,
    )  # fmt: skip


def versions(tried: Trial) -> dict[int, str]:
    rows = as_json(tried.service.command("status", "--json"))["containers"]
    return {row["number"]: row["image"].partition("@")[0] for row in rows}


@pytest.fixture
def at(tried: Trial) -> Callable[[int], None]:
    """Brings the service to so many containers of the first version."""

    def bring(number: int) -> None:
        tried.service.scale(number)
        tried.settled(number)
        if set(versions(tried).values()) != {"backend.py"}:
            assert deploy(tried, f"{sys.executable} {BACKEND}").returncode == 0

    return bring


@pytest.mark.parametrize("number", [1, 3])
def test_a_new_version_and_back(tried: Trial, at: Callable[[int], None], number: int) -> None:
    at(number)
    with tried.traffic(100, with_slow_ones) as account:
        done = deploy(tried, NEXT)
        assert done.returncode == 0, done.stdout + done.stderr
        assert versions(tried) == dict.fromkeys(range(1, number + 1), "next")
        back = deploy(tried, "--rollback")
        assert back.returncode == 0, back.stdout + back.stderr
        assert versions(tried) == dict.fromkeys(range(1, number + 1), "backend.py")
    account.nothing_lost()
    tried.no_leftovers()


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_version_changes_nothing_and_says_why(tried: Trial, at: Callable[[int], None], broken: str) -> None:
    at(2)
    before = [tried.service.pid_on(tried.port(number)) for number in (1, 2)]
    with tried.traffic(100, with_slow_ones) as account:
        done = deploy(tried, BROKEN[broken])
    assert done.returncode == 1
    if broken == "exits":
        assert "no module named x" in done.stderr
    assert [tried.service.pid_on(tried.port(number)) for number in (1, 2)] == before
    account.nothing_lost()
    tried.settled(2)
    tried.no_leftovers()


def test_the_deploy_worker_is_killed_again_and_again_and_the_roll_out_goes_on(
    tried: Trial, at: Callable[[int], None]
) -> None:
    at(2)
    with tried.traffic(100, with_slow_ones) as account:
        assert deploy(tried, NEXT, "--detach").returncode == 0

        def is_over() -> bool:
            for pid in tried.pids("deploy worker"):
                kill(pid)
            return as_json(tried.service.command("deploy", "--status", "--json"))["phase"] == "done"

        eventually(is_over, ROLLOUT_SECONDS, every=2.5)
    assert versions(tried) == {1: "next", 2: "next"}
    account.nothing_lost()
    tried.no_leftovers()


def test_ctrl_c_ends_the_watching_and_abort_brings_everybody_back(tried: Trial, at: Callable[[int], None]) -> None:
    at(2)
    watching = subprocess.Popen(
        [SELFIELESS, "deploy", NEXT], env=tried.service.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    with tried.traffic(100, with_slow_ones) as account:
        eventually(lambda: "next" in versions(tried).values(), 30)
        watching.send_signal(signal.SIGINT)
        _, complaint = watching.communicate(timeout=20)
        assert watching.returncode == 130
        assert "--abort" in complaint
        undone = deploy(tried, "--abort")
    assert undone.returncode == 0, undone.stderr
    assert "aborted" in undone.stdout
    assert versions(tried) == {1: "backend.py", 2: "backend.py"}
    account.nothing_lost()


def test_a_person_stops_and_launches_and_no_request_notices(tried: Trial, at: Callable[[int], None]) -> None:
    at(3)
    port = str(tried.port(2))
    with tried.traffic(100, with_slow_ones) as account:
        for order in ("stop", "drain", "relaunch"):
            tried.service.command(order, port, "--wait")
            if order != "relaunch":
                assert len(tried.service.ring()) == 2
                tried.service.command("launch", "--wait")
            assert len(tried.service.ring()) == 3
    account.nothing_lost()
    tried.settled(3)
    tried.no_leftovers()
