"""supervisord goes on when its logs cannot be written, and its programs with it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from helpers import eventually
from small_disk import fill, small_disk

from deploy.machine.supervised import Supervised
from deploy.machine.supervisor import PatientLog
from deploy.machine.supervisor_conf import Program, render

TALKER = "i=0; while sleep 0.02; do i=$((i+1)); echo line $i; done"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 2) as folder:
        yield folder


def record(text: str) -> SimpleNamespace:
    return SimpleNamespace(msg=text.encode(), kw={}, asdict=lambda: {"message": text})


def test_a_part_talks_on_and_the_supervisor_works_on_while_the_disk_is_full(tmp_path: Path, disk: Path) -> None:
    socket = tmp_path / "s.sock"
    programs = [Program("talker", ("sh", "-c", TALKER), 10, 2), Program("other", ("sleep", "600"), 10, 2)]
    configuration = tmp_path / "conf"
    configuration.write_text(render(programs, control_socket=socket, logs=disk, folder=tmp_path))
    with (disk / "out").open("wb") as out:
        command = [sys.executable, "-W", "ignore", "-m", "deploy.machine.supervisor", "-c", str(configuration)]
        daemon = subprocess.Popen(command, stdout=out, stderr=out)
    supervised = Supervised(socket)
    try:
        eventually(supervised.answers, within=20)
        supervised.start(["talker"])
        eventually(lambda: (disk / "talker.log").stat().st_size, within=20)
        ballast = fill(disk)
        size = (disk / "talker.log").stat().st_size
        supervised.start(["other"])
        eventually(lambda: [one.state for one in supervised.states()] == ["RUNNING"] * 2, within=20)
        pids = [one.pid for one in supervised.states()]
        ballast.unlink()
        eventually(lambda: (disk / "talker.log").stat().st_size > size, within=20)
        assert [one.pid for one in supervised.states()] == pids
    finally:
        supervised.close()
        daemon.terminate()
        daemon.wait(15)


def test_who_is_supervised_ends_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    socket, configuration = tmp_path / "s.sock", tmp_path / "conf"
    programs = [Program("sleeper", ("sleep", "600"), 10, 2)]
    configuration.write_text(render(programs, control_socket=socket, logs=tmp_path, folder=tmp_path))
    command = [sys.executable, "-W", "ignore", "-m", "deploy.machine.supervisor", "-c", str(configuration)]
    daemon, supervised = subprocess.Popen(command, start_new_session=True), Supervised(socket)
    try:
        eventually(supervised.answers, within=20)
        supervised.start(["sleeper"])
        eventually(lambda: [one.state for one in supervised.states()] == ["RUNNING"], within=20)
        sleeper = psutil.Process(supervised.states()[0].pid)
    finally:
        supervised.close()
        daemon.kill()
        daemon.wait(15)
    eventually(lambda: not sleeper.is_running() or sleeper.status() == psutil.STATUS_ZOMBIE, within=5)


def test_a_log_that_cannot_begin_anew_goes_on_where_it_was(disk: Path) -> None:
    path = disk / "log"
    log = PatientLog(str(path), maxBytes=1000, backupCount=1)
    log.emit(record("x" * 900))
    ballast = fill(disk)
    for _ in range(3000):  # what a file has room for in its last block, and more than what Python keeps for later
        log.emit(record("y" * 90))
    ballast.unlink()
    log.emit(record("there is room again\n"))
    log.emit(record("and it is kept\n"))
    log.close()
    assert "and it is kept" in path.read_text()
    assert path.stat().st_size < 20_000
