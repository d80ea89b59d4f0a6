"""A real supervisord, told what to do and asked what it sees."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import eventually

from deploy.machine.supervised import Supervised, SupervisorGone
from deploy.machine.supervisor_conf import Program, render

PROGRAMS = [
    Program("steady", ("sleep", "600"), 10, 2),
    Program("broken", ("sh", "-c", "echo no such luck; exit 3"), 10, 2),
    Program("deaf", ("sh", "-c", "trap : TERM; while :; do sleep 0.05; done"), 10, 1),
]


@pytest.fixture(scope="module")
def supervised() -> Iterator[Supervised]:
    folder = Path(tempfile.mkdtemp(prefix="slf-"))
    socket = folder / "s.sock"
    (folder / "conf").write_text(render(PROGRAMS, control_socket=socket, logs=folder, folder=folder))
    daemon = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "deploy.machine.supervisor", "-c", str(folder / "conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    programs = Supervised(socket)
    try:
        eventually(programs.answers, within=20)
        yield programs
    finally:
        programs.close()
        daemon.terminate()
        daemon.wait(15)
        shutil.rmtree(folder)


def state(supervised: Supervised, name: str) -> tuple[str, int]:
    return next((p.state, p.pid) for p in supervised.states() if p.name == name)


def test_a_program_that_is_killed_comes_back_with_another_pid(supervised: Supervised) -> None:
    supervised.start(["steady"])
    eventually(lambda: state(supervised, "steady")[0] == "RUNNING", within=10)
    _, pid = state(supervised, "steady")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: state(supervised, "steady")[1] not in (0, pid), within=10)
    assert supervised.stop(["steady"], within=5)
    assert state(supervised, "steady")[0] == "STOPPED"


def test_a_program_that_never_stays_up_is_named(supervised: Supervised) -> None:
    ends: dict[str, set[int]] = {}
    supervised.start(["broken"])
    failing = eventually(lambda: supervised.failing(ends), within=15)
    assert failing.name == "broken"
    supervised.stop(["broken"], within=5)


def test_a_program_deaf_to_term_is_killed_after_its_own_grace(supervised: Supervised) -> None:
    supervised.start(["deaf"])
    eventually(lambda: state(supervised, "deaf")[0] == "RUNNING", within=10)
    assert supervised.stop(["deaf"], within=10)


def test_a_supervisor_that_is_not_there_is_a_no_and_not_a_crash(tmp_path: Path) -> None:
    nobody = Supervised(tmp_path / "none.sock")
    assert not nobody.answers()
    with pytest.raises(SupervisorGone, match="does not answer"):
        nobody.states()
