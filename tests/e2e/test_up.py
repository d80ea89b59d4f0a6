"""Starting and stopping: fast, clean, and in sentences when it cannot be."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest
from helpers import eventually, free_port, title_of
from running_service import ROOT, RunningService, running_service, start, stop

from deploy.runtime.local_process import MARK
from deploy.runtime.processes import all_stats, environment_of


def refused(**variables: str) -> tuple[int, str]:
    """Exit status and output of an `up` that must not start."""
    service = start(Path(variables.pop("STATE_DIR")), variables)
    said, _ = service.process.communicate(timeout=60)
    return service.process.returncode, said


def test_every_part_is_a_process_of_its_own_with_a_name_that_ps_shows(service: RunningService) -> None:
    expected = {"lb master", "lb worker 1", "lb worker 2", "monitor", "autoscaler", "deploy worker"}

    def none_is_missing() -> bool:
        titles = set(service.titles().values())
        assert not expected - titles, titles
        return True

    eventually(none_is_missing, within=30)  # those that were killed before wait for their back-off
    eventually(lambda: any(title.startswith("acts ") for title in service.titles().values()), within=10)


@pytest.mark.parametrize("part", ["monitor", "autoscaler", "deploy worker", "lb master"])
def test_a_part_that_is_killed_comes_back(service: RunningService, part: str) -> None:
    def pid() -> int:
        return next((pid for pid, title in service.titles().items() if title == part), 0)

    before = eventually(pid, within=15)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: pid() not in (0, before), within=15)
    eventually(lambda: service.get("/api/v1/_health").status_code == 200, within=15)


def test_term_leaves_the_data_and_no_process(tmp_path: Path) -> None:
    with running_service(state_dir=tmp_path, ACTS_AUTH="off") as service:
        assert service.request("POST", "/api/v1/categories", json=["kept"]).status_code == 201
        service.scale(2)
        pids = [process.pid for process in service.processes()]
        took = stop(service)
    assert service.process.returncode == 0
    assert took < 20  # the promise is 10 s; a test must not fail because the machine is busy
    assert [pid for pid in pids if psutil.pid_exists(pid)] == []
    with running_service(state_dir=tmp_path, ACTS_AUTH="off") as service:
        assert service.get("/api/v1/categories").json() == {"kept": 0}


def test_a_second_start_from_the_same_folder_is_refused(service: RunningService) -> None:
    status, said = refused(STATE_DIR=str(service.state_dir))
    assert status == 1
    assert "STATE_DIR=" in said
    assert "already runs" in said


def test_a_taken_port_is_one_sentence_that_names_the_variable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        status, said = refused(STATE_DIR=str(tmp_path), LB_PORT=str(port))
    assert status == 1
    assert f"LB_PORT={port}" in said
    assert len(said.strip().splitlines()) == 1
    assert not list(tmp_path.glob("run/*.sock"))


@pytest.mark.parametrize("variable", ["REDIS_URL", "ACTS_REDIS_URL"])
def test_a_redis_that_does_not_answer_is_one_sentence(tmp_path: Path, variable: str) -> None:
    status, said = refused(STATE_DIR=str(tmp_path), **{variable: f"redis://127.0.0.1:{free_port()}/0"})
    assert status == 1
    assert f"{variable}=redis://" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LB_PORT", "eighty"),
        ("LB_WORKERS", "0"),
        ("MAX_CONTAINERS", "none"),
        ("WINDOW_SECONDS", "-1"),
        ("POLL_SECONDS", "soon"),
        ("RUNTIME", "podman"),
        ("ACTS_AUTH", "maybe"),
        ("DRAIN_TIMEOUT", "x"),
    ],
)
def test_a_wrong_variable_is_one_sentence_and_nothing_is_started(tmp_path: Path, variable: str, value: str) -> None:
    status, said = refused(STATE_DIR=str(tmp_path), **{variable: value})
    assert status == 2, said
    assert variable in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
    assert not list(tmp_path.glob("run/*.sock"))


def test_a_service_that_cannot_come_up_says_which_part_and_stops_everything(tmp_path: Path) -> None:
    status, said = refused(STATE_DIR=str(tmp_path), SERVICE_COMMAND="/no/such/program", START_TIMEOUT="4")
    assert status == 1
    assert "did not come up" in said
    assert not [process for process in psutil.process_iter() if str(tmp_path) in title_of(process)]


def test_another_application_is_served_the_same_way(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "hello.txt").write_text("hello\n")
    command = f"{sys.executable} -c \"import os, http.server as h; os.chdir('{tmp_path}/site'); "
    command += (
        "h.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), h.SimpleHTTPRequestHandler).serve_forever()\""
    )
    other = {"SERVICE_COMMAND": command, "HEALTH_PATH": "/hello.txt", "SERVICE_NAME": "files", "COUNT_PREFIX": "/"}
    with running_service(state_dir=tmp_path / "state", **other) as service:
        assert service.get("/hello.txt").text == "hello\n"


@pytest.mark.parametrize("who", [("up",), ("up", "supervisor"), ("supervisor", "up")], ids=" and ".join)
def test_an_up_that_is_killed_leaves_nothing_running_and_nothing_that_hinders_the_next(
    tmp_path: Path, who: Sequence[str]
) -> None:
    ports = {"LB_PORT": str(free_port())}
    with running_service(state_dir=tmp_path, **ports) as service:
        service.scale(2)
        first_port = str(service.first_port)
        assert len(containers_of(service)) == 2
        supervisor = psutil.Process(int((tmp_path / "run" / "supervisor.pid").read_text()))
        parts = supervisor.children(recursive=True)
        for one in who:
            os.kill(service.process.pid if one == "up" else supervisor.pid, signal.SIGKILL)
        service.process.wait(10)
        eventually(lambda: port_is_free(service.lb_port), within=20)
        eventually(lambda: not containers_of(service), within=20)
        eventually(lambda: not [part for part in parts if part.is_running()], within=20)
    with running_service(state_dir=tmp_path, FIRST_PORT=first_port, **ports) as service:
        assert service.get("/api/v1/_health").status_code == 200


def containers_of(service: RunningService) -> list[int]:
    """The pids of the processes that lead a container of this service, whoever is their parent by now."""
    mark = f"{service.state_dir}/containers/"
    return [stat.pid for stat in all_stats() if stat.alive and stat.session == stat.pid and mark in told(stat.pid)]


def told(pid: int) -> str:
    """The mark that a container carries in its environment."""
    return environment_of(pid).get(MARK, "")


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_help_is_shown_without_starting_anything() -> None:
    done = subprocess.run([ROOT / "deploy" / "up", "--help"], capture_output=True, text=True, check=True, timeout=60)
    assert "Usage" in done.stdout


def test_a_first_start_interrupted_while_starting_stops_cleanly(tmp_path: Path) -> None:
    service = start(tmp_path, {})
    eventually(lambda: (tmp_path / "logs" / "lb.log").exists() or service.process.poll() is not None, within=30)
    stop(service)
    assert service.process.returncode == 0
