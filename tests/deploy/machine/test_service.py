"""The parts and their order; that they really start and stop is in tests/e2e/test_up.py."""

import subprocess
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import redis
from environs import Env
from helpers import free_port
from rich.console import Console

from deploy import rebalance, rollout, stopped
from deploy.machine.service import Service, answers_200, begin_anew, folder, tail, wait_for_end
from deploy.machine.settings import RunFolder, UpSettings
from deploy.rebalance import Rebalance
from deploy.rollout import Rollout
from deploy.runtime.fake import FakeRuntime, World
from deploy.stopped import Stopped


def made(folder: Path) -> Service:
    runtime = FakeRuntime(World(time.time))
    return Service(UpSettings.from_env(Env()), RunFolder.below(folder), 8080, {}, Console(), runtime)


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    for name in ("REDIS_URL", "ACTS_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    return Service(
        UpSettings.from_env(Env()), RunFolder.below(tmp_path), 8080, {}, Console(), FakeRuntime(World(time.time))
    )


def test_the_stores_start_first_and_those_who_start_containers_stop_first(service: Service) -> None:
    order = [program.name for program in sorted(service.programs(), key=lambda program: program.priority)]
    assert order == ["redis-state", "redis-acts", "deploy", "lb", "monitor", "autoscaler"]


def test_a_redis_that_was_given_is_not_ours_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:7000/0")
    monkeypatch.delenv("ACTS_REDIS_URL", raising=False)
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    service = Service(
        UpSettings.from_env(Env()), RunFolder.below(tmp_path), 8080, {}, Console(), FakeRuntime(World(time.time))
    )
    assert service.servers == ["redis-acts"]


def test_every_part_may_end_within_the_ten_seconds_that_ctrl_c_promises(service: Service) -> None:
    groups: dict[int, int] = {}
    for program in service.programs():
        groups[program.priority] = max(groups.get(program.priority, 0), program.stop_seconds)
    assert service.settings.stop_timeout <= 9
    assert groups[30] <= 6


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (500, False), (204, False)])
def test_only_200_is_healthy(status: int, healthy: bool) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert answers_200(server.server_port, "/") is healthy
        thread.join()


def test_nobody_listening_is_not_healthy_and_not_an_exception() -> None:
    assert not answers_200(free_port(), "/")


def test_the_last_words_of_a_log_are_its_last_line_with_something_on_it(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("starting\nValueError: no such luck\n\n")
    assert tail(tmp_path / "log") == "ValueError: no such luck"
    assert tail(tmp_path / "none") == "it wrote nothing"


def test_a_folder_is_made_private(tmp_path: Path) -> None:
    assert folder(tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_waiting_for_the_end_of_a_process_has_a_deadline() -> None:
    process = subprocess.Popen(["sleep", "60"])
    wait_for_end(process, 0.05)
    assert process.poll() is None
    process.kill()
    wait_for_end(process, 10)
    assert process.poll() is not None


@pytest.mark.parametrize(("keep", "left"), [(False, 0), (True, 2)])
def test_containers_end_with_the_service_unless_they_are_to_be_kept(service: Service, keep: bool, left: int) -> None:
    service.settings = replace(service.settings, keep=keep)
    for port in (8000, 8001):
        service.runtime.start(port, generation=1)
    service.stop_containers(grace=1)
    assert len(service.runtime.running()) == left


def test_a_service_that_is_started_anew_runs_what_is_configured_on_every_port(redis_client: redis.Redis) -> None:
    begun = Rollout().begun("v2", "v1", 1, by="ann", now=1.0)
    rollout.change(redis_client, "acts", Rollout(), begun, rollout.event_of("began", "ann"))
    moving = Rebalance().begun(3, by="ann", now=1.0)
    rebalance.change(redis_client, "acts", Rebalance(), moving, rebalance.event_of("began", "ann"))
    stopped.mark(redis_client, "acts", 8000, Stopped("ann", 1.0))
    begin_anew(redis_client, "acts")
    assert rollout.read(redis_client, "acts") == Rollout()
    assert rebalance.read(redis_client, "acts") == Rebalance()
    assert stopped.read(redis_client, "acts") == {}
