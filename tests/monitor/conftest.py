"""Servers for the monitor to look at, and the command line."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner
from sick_servers import Server, served

from deploy.container import Container
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.orders import Orders
from lb import events
from lb.ring import read_ring
from lb.settings import ServiceSettings
from monitor.cli import cli
from monitor.poller import Poller
from monitor.probe import Outcome, Probe

COMMAND = str(Path(sys.executable).parent / "selfieless")


@pytest.fixture
def serve():
    """Starts servers on free ports; `serve(answer)` gives the server."""
    with ExitStack() as stack:
        yield lambda answer, port=0: stack.enter_context(served(Server(answer, port)))


class Ward:
    """Virtual time, a monitor's poller, containers on a real Redis, and answers as they are told."""

    def __init__(self, client: redis.Redis) -> None:
        self.redis = client
        self.now = 1_700_000_000.0
        self.service = ServiceSettings()
        self.table = ContainerTable(client, self.service)
        self.jobs: list[tuple[str, int]] = []
        self.orders = Orders(self.table, self, clock=lambda: self.now)
        self.answers: dict[int, Probe] = {}
        self.poller = self.another_poller()

    def another_poller(self) -> Poller:
        """One more monitor process, as far as the poller can tell."""
        return Poller(self.redis, self.service, self.table, self.orders, self)

    # As the queue of jobs.

    def launch(self, container: Container) -> None:
        self.jobs.append(("launch", container.port))

    def stop(self, container: Container) -> None:
        self.jobs.append(("stop", container.port))

    def relaunch_port(self, container: Container) -> None:
        self.jobs.append(("relaunch_port", container.port))

    # As the probes.

    def ask(self, containers):
        for container in containers:
            yield container, self.answers.get(container.port, Probe(Outcome.ANSWERED, 200, detail="answered 200"))

    # What happens.

    def start(self, *ports: int, address: str = "") -> None:
        """Containers on these ports are started and become healthy."""
        for port in ports:
            self.table.add(port, now=self.now, reason="test", by="test")
            self.move(port, State.RUNNING, address=address or f"127.0.0.1:{port}", runtime_id=f"r{port}", image="v1")

    def move(self, port: int, to: State, **fields: object) -> None:
        container = self.table.get(port)
        assert self.table.move(container, to, now=self.now, reason="test", by="test", **fields)

    def relaunched(self, *ports: int) -> None:
        """The launcher has done its part for the sick ones."""
        for port in ports:
            self.move(port, State.STARTING)
            self.move(port, State.RUNNING)

    def poll(self, **answers: Probe) -> list[int]:
        """One poll, a second later; the ports that were ordered to be relaunched in it. p8000=… changes answers."""
        before = len(self.jobs)
        self.answers |= {int(name[1:]): probe for name, probe in answers.items()}
        self.now += 1
        self.poller.timer(self.now)
        return [port for _, port in self.jobs[before:]]

    def ring(self) -> list[int]:
        return [member.port for member in read_ring(self.redis, self.service.name).members]

    def told(self, kind: events.Kind) -> list[str]:
        """The reasons of the events of a kind."""
        return [event.reason for event in events.read(self.redis, self.service.name) if event.kind is kind]


@pytest.fixture
def ward(redis_client: redis.Redis) -> Ward:
    return Ward(redis_client)


@pytest.fixture
def run(redis_server, tmp_path, monkeypatch):
    """Runs a command in this process; the answer has output and exit_code."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    return lambda *words: CliRunner().invoke(cli, words, catch_exceptions=False)


@pytest.fixture
def type_in(redis_server, tmp_path):
    """Starts the installed command as a process of its own."""
    environment = {**os.environ, "REDIS_URL": redis_server.url, "STATE_DIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    started = []

    def begin(*words, **variables):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen([COMMAND, *words], env={**environment, **variables}, **pipes)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()
