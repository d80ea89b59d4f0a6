"""The monitor as a process of its own: real Redis, a real container process."""

import os
import shlex
import signal
import subprocess
import sys

import psutil
import pytest
from helpers import eventually, free_port, title_of

from deploy.container_state import State
from deploy.container_table import ContainerTable, whereabouts
from deploy.daemon_beat import read as read_beat
from deploy.health import HealthProbe
from deploy.runtime.local_process import LocalProcesses
from deploy.settings import DeploySettings
from lb.events import Kind, read
from lb.settings import ServiceSettings

SERVER = (
    "import http.server as h, os;"
    "h.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), h.SimpleHTTPRequestHandler).serve_forever()"
)
COMMAND = (sys.executable, "-c", SERVER)


@pytest.fixture
def place(redis_server, redis_client, tmp_path):
    """A service with one container that runs, and what starts monitors for it."""
    place = Place(redis_server.url, redis_client, tmp_path)
    yield place
    place.clear()


class Place:
    def __init__(self, url, client, folder):
        self.redis = client
        self.port = free_port()
        self.service = ServiceSettings(redis_url=url, first_port=self.port, health_path="/")
        self.table = ContainerTable(client, self.service)
        self.runtime = LocalProcesses(DeploySettings(self.service, state_dir=folder, command=COMMAND))
        self.environment = {
            **os.environ,
            "REDIS_URL": url,
            "FIRST_PORT": str(self.port),
            "HEALTH_PATH": "/",
            "STATE_DIR": str(folder),
            "RUNTIME": "process",
            "SERVICE_COMMAND": shlex.join(COMMAND),
        }
        self.monitors = []

    def container(self):
        return self.table.get(self.port)

    def launch(self):
        """A container that runs and answers, RUNNING in the table."""
        how = {"now": 1_000_000.0, "reason": "test", "by": "test"}
        container = self.table.add(self.port, **how)
        found = self.runtime.start(self.port, container.generation)
        eventually(lambda: HealthProbe("/")(found.address), within=15)
        assert self.table.move(container, State.RUNNING, **how, **whereabouts(found))
        return found

    def monitor(self, **variables):
        command = [sys.executable, "-m", "monitor"]
        environment = {**self.environment, **variables}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        self.monitors.append(process)
        return process

    def beat(self):
        return read_beat(self.redis, "acts", "monitor")

    def clear(self):
        for process in self.monitors:
            process.kill()
            process.communicate()
        for found in self.runtime.running():
            self.runtime.kill(found.runtime_id)
        self.runtime.close()


def test_it_polls_by_itself_shows_life_and_ends_on_term(place):
    place.launch()
    process = place.monitor()
    assert eventually(place.beat, within=15).pid == process.pid
    assert title_of(psutil.Process(process.pid)).startswith("monitor")
    assert place.container().state is State.RUNNING
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_container_that_is_killed_or_hangs_is_ordered_to_be_relaunched(place, how):
    found = place.launch()
    place.monitor()
    eventually(place.beat, within=15)
    os.kill(found.pid, how)
    assert eventually(lambda: place.container().state is State.SICK, within=10)
    os.kill(found.pid, signal.SIGCONT)


def test_after_redis_lost_everything_it_takes_what_runs_into_the_table(place):
    place.launch()
    place.monitor()
    eventually(place.beat, within=15)
    place.redis.flushall()
    assert eventually(place.container, within=10).state is State.STARTING
    assert [event.kind for event in read(place.redis, "acts")] == [Kind.ADOPTED]


@pytest.mark.parametrize(("name", "value"), [("POLL_SECONDS", "0"), ("REDIS_URL", "http://x"), ("RUNTIME", "cloud")])
def test_a_wrong_variable_is_one_sentence_that_names_it(place, name, value):
    process = place.monitor(**{name: value})
    complaint = process.communicate(timeout=15)[1]
    assert process.returncode == 2
    assert len(complaint.splitlines()) == 1
    assert name in complaint
