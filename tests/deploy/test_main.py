"""The deploy worker as a process of its own, with real Redis and real containers."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
import redis
from helpers import ROOT, eventually, free_ports, title_of
from real_redis import start_redis

from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.daemon_beat import read as read_beat
from deploy.health import HealthProbe
from deploy.orders import Orders
from deploy.runtime.local_process import LocalProcesses
from deploy.settings import DeploySettings
from lb.events import read as read_events
from lb.redis_client import connect
from lb.ring import read_ring
from lb.settings import ServiceSettings

WHO = {"reason": "a test", "by": "pytest"}
COMMAND = (sys.executable, str(ROOT / "tests" / "contract" / "service.py"))


class Deployment:
    """Deploy workers on one Redis and one state folder, and what a test wants to know about them."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.folder = folder
        self.first_port = free_ports(3)
        self.service = ServiceSettings(redis_url=redis_url, first_port=self.first_port, health_path="/")
        self.settings = DeploySettings(self.service, state_dir=folder, command=COMMAND)
        self.redis = connect(redis_url)
        self.table = ContainerTable(self.redis, self.service)
        self.orders = Orders.open(self.redis, self.service)
        self.workers: list[subprocess.Popen[str]] = []

    def work(self, **variables: str) -> subprocess.Popen[str]:
        environment = {
            "REDIS_URL": self.service.redis_url,
            "FIRST_PORT": str(self.first_port),
            "HEALTH_PATH": "/",
            "STATE_DIR": str(self.folder),
            "SERVICE_COMMAND": " ".join(COMMAND),
            "CONTRACT_FOLDER": str(self.folder),
            "RUNTIME": "process",
            "STOP_GRACE": "0.5",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy"],
            cwd=ROOT,
            env={**os.environ, **environment, **variables},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.workers.append(process)
        return process

    def state(self, port: int) -> State | None:
        container = self.table.get(port)
        return container.state if container else None

    def ring(self) -> list[int]:
        return [member.port for member in read_ring(self.redis, self.service.name).members]

    def launched(self, port: int) -> str:
        """Launch a container, wait until it is in the ring, and return its runtime id."""
        assert self.orders.launch(port, **WHO)
        eventually(lambda: port in self.ring(), within=15)
        return self.table.get(port).runtime_id

    def answers(self, port: int) -> bool:
        return HealthProbe("/")(f"127.0.0.1:{port}")

    def clean_up(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.communicate()
        runtime = LocalProcesses(self.settings)
        for found in runtime.running():
            runtime.kill(found.runtime_id)
        self.redis.close()


@pytest.fixture
def deployment(redis_server, redis_client, tmp_path):
    made = Deployment(tmp_path, redis_server.url)
    yield made
    made.clean_up()


def test_a_launched_container_joins_the_ring_once_it_answers(deployment):
    deployment.work()
    port = deployment.first_port
    deployment.launched(port)
    assert deployment.answers(port)
    told = [event.kind for event in read_events(deployment.redis, "acts")]
    assert told == ["launched", "healthy"]


def test_a_sick_container_is_replaced_on_its_port(deployment):
    deployment.work()
    port = deployment.first_port
    old = deployment.launched(port)
    assert deployment.orders.relaunch(port, **WHO)
    assert deployment.ring() == []
    eventually(lambda: deployment.ring() == [port], within=15)
    new = deployment.table.get(port)
    assert new.runtime_id != old
    assert [found.runtime_id for found in LocalProcesses(deployment.settings).running()] == [new.runtime_id]


def test_a_stopped_container_leaves_the_ring_and_is_gone(deployment):
    deployment.work()
    port = deployment.first_port
    deployment.launched(port)
    assert deployment.orders.stop(port, **WHO)
    assert deployment.ring() == []
    eventually(lambda: deployment.table.all() == [])
    assert not deployment.answers(port)


def test_containers_outlive_the_worker_that_ends_on_term(deployment):
    worker = deployment.work()
    port = deployment.first_port
    deployment.launched(port)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(5) == 0
    assert deployment.answers(port)
    assert deployment.ring() == [port]


def test_a_killed_worker_takes_no_container_with_it_and_the_next_one_goes_on(deployment):
    first = deployment.work()
    port = deployment.first_port
    old = deployment.launched(port)
    (deployment.folder / f"{port + 1}.behaviour").write_text("hangs")
    deployment.launched(port + 1)
    first.kill()
    first.wait(5)
    assert deployment.orders.relaunch(port, **WHO)
    assert deployment.orders.stop(port + 1, **WHO)
    assert deployment.orders.launch(port + 2, **WHO)
    assert deployment.answers(port)
    deployment.work()
    eventually(lambda: deployment.ring() == [port, port + 2], within=15)
    eventually(lambda: deployment.state(port + 1) is None, within=15)
    assert deployment.table.get(port).runtime_id != old


def test_two_workers_at_once_start_everything_once(deployment):
    deployment.work()
    deployment.work()
    ports = range(deployment.first_port, deployment.first_port + 3)
    for port in ports:
        deployment.orders.launch(port, **WHO)
    eventually(lambda: deployment.ring() == list(ports), within=20)
    running = LocalProcesses(deployment.settings).running()
    assert [found.port for found in running] == list(ports)
    assert [event.kind for event in read_events(deployment.redis, "acts")].count("healthy") == 3


def test_it_shows_signs_of_life_and_its_name(deployment):
    worker = deployment.work()
    beat = eventually(lambda: read_beat(deployment.redis, "acts", "deploy"), within=15)
    assert (beat.pid, beat.trouble) == (worker.pid, "")
    eventually(lambda: deployment.redis.smembers("rq:workers"))
    assert title_of(psutil.Process(worker.pid)).startswith("deploy worker")


def test_it_goes_on_when_redis_comes_back_empty():
    folder = Path(tempfile.mkdtemp(prefix="slf-"))  # short, for the sockets
    server = start_redis(folder)
    deployment = Deployment(folder, server.url)
    try:
        worker = deployment.work()
        port = deployment.first_port
        deployment.launched(port)
        server.process.kill()
        server.process.wait(5)
        assert deployment.answers(port)
        server = start_redis(folder)
        deployment.launched(port + 1)
        assert worker.poll() is None
        eventually(lambda: jobs_are_taken(deployment.redis))
        assert eventually(lambda: read_beat(deployment.redis, "acts", "deploy")).pid == worker.pid
    finally:
        deployment.clean_up()
        server.process.kill()
        server.process.wait(5)
        shutil.rmtree(folder)


def jobs_are_taken(client: redis.Redis) -> bool:
    return client.llen("rq:queue:acts:scale") == 0


def test_it_ends_on_term_while_redis_is_away(deployment):
    worker = deployment.work(REDIS_URL=f"unix://{deployment.folder}/nobody.sock")
    eventually(lambda: title_of(psutil.Process(worker.pid)).startswith("deploy worker"), within=15)
    eventually(lambda: "no jobs for now" in worker.stderr.readline(), within=15)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(5) == 0


@pytest.mark.parametrize(
    ("name", "value"), [("RUNTIME", "podman"), ("RUNTIME", "swarm"), ("BOOT_TIMEOUT", "-1"), ("SERVICE_COMMAND", "'")]
)
def test_a_wrong_variable_is_one_sentence_that_names_it(deployment, name, value):
    worker = deployment.work(**{name: value})
    complaint = worker.communicate(timeout=15)[1]
    assert worker.returncode == 2
    assert len(complaint.splitlines()) == 1
    assert name in complaint
