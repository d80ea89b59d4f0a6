"""The docker runtime beyond the contract suite: what can be told without an engine, and what only a real one shows."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from docker.errors import APIError, NotFound
from docker_images import BASE
from helpers import eventually, free_port

from deploy.runtime.base import PortBusy, RuntimeAway, RuntimeRefused, StartFailed
from deploy.runtime.choose import Unavailable, choose_runtime, image_outlook
from deploy.runtime.docker_engine import (
    DockerEngine,
    client,
    connect,
    dead_since,
    ending_of,
    gateway_of,
    is_own_address,
    unless_gone,
    why_not,
)
from deploy.runtime.docker_settings import DockerSettings
from deploy.settings import DeploySettings
from lb.settings import ServiceSettings


def error(status: int, explanation: str, kind: type[APIError] = APIError) -> APIError:
    response = requests.Response()
    response.status_code = status
    return kind(explanation, response=response, explanation=explanation)


@pytest.mark.parametrize(
    "told",
    [
        "driver failed programming: Bind for 127.0.0.1:8000 failed: port is already allocated",
        "Error starting userland proxy: listen tcp4 127.0.0.1:8000: bind: address already in use",
    ],
)
def test_a_port_that_is_taken_is_told_as_such_and_by_whom(told):
    assert isinstance(why_not(8000, error(500, told)), PortBusy)
    assert str(why_not(8000, error(500, told))).startswith("port 8000 is taken by ")


def test_any_other_failure_is_told_in_the_engines_words():
    failed = why_not(8000, error(500, "exec: no such program"))
    assert not isinstance(failed, PortBusy)
    assert str(failed) == "port 8000: exec: no such program"


def test_what_is_gone_already_needs_no_more(caplog):
    def raising(exception: Exception):
        def ask() -> None:
            raise exception

        return ask

    unless_gone(raising(error(404, "No such container", NotFound)))
    unless_gone(raising(error(409, "removal is already in progress")))
    assert caplog.records == []
    unless_gone(raising(error(500, "the disk is full")))
    assert caplog.messages == ["the Docker engine says: the disk is full"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"Status": "running", "OOMKilled": False, "ExitCode": 0}, ""),
        ({"Status": "paused", "OOMKilled": False, "ExitCode": 0}, ""),
        ({"Status": "exited", "OOMKilled": False, "ExitCode": 3}, "exit code 3"),
        ({"Status": "exited", "OOMKilled": True, "ExitCode": 137}, "killed for want of memory, exit code 137"),
    ],
)
def test_the_ending_of_a_container_is_told_in_words(state, words):
    assert ending_of(state) == words


@pytest.mark.parametrize(
    ("made", "finished", "expected"),
    [
        ("1970-01-01T00:16:40.123456789Z", "1970-01-01T00:33:20.5Z", 2000),
        ("1970-01-01T00:16:40.123456789Z", "0001-01-01T00:00:00Z", 1000),  # was never started
    ],
)
def test_the_engines_times_are_understood(made, finished, expected):
    assert dead_since({"Created": made, "State": {"FinishedAt": finished}}) == expected


@pytest.mark.parametrize("config", [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}, {"Subnet": "172.17.0.0/16"}])
def test_the_gateway_of_a_network_is_known_also_where_the_engine_does_not_tell(config):
    assert gateway_of(config) == "172.17.0.1"


def test_an_address_of_this_machine_is_known():
    assert is_own_address("127.0.0.1")
    assert not is_own_address("192.0.2.1")  # for documentation; nobody has it
    assert not is_own_address("")


def test_where_no_engine_is_the_sentence_says_where_it_was_looked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(RuntimeAway, match=r"no Docker engine answers at unix://.*nobody.sock \(No such file"):
        connect()


@pytest.mark.parametrize("host", ["nonsense", "tcp://127.0.0.1:1"])
def test_a_wrong_or_dead_engine_is_one_that_is_away(monkeypatch, host):
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(RuntimeAway):
        connect()


HALF_AN_ANSWER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[{"


@pytest.fixture(params=[b"", HALF_AN_ANSWER], ids=["before it answers", "within its answer"])
def hung_up(request, monkeypatch):
    """An engine that breaks off each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.getsockname()[1]}")

        def serve() -> None:
            while True:
                try:
                    with server.accept()[0] as connection:
                        if request.param:
                            connection.recv(65536)
                            connection.sendall(request.param)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.usefixtures("hung_up")
def test_an_engine_that_breaks_off_is_one_that_is_away(tmp_path):
    api = client("1.41")
    engine = DockerEngine(DeploySettings(state_dir=tmp_path), api)
    for ask in (engine.running, lambda: engine.find("x"), lambda: engine.kill("x"), lambda: engine.start(8000, 1)):
        with pytest.raises(RuntimeAway, match="does not answer"):
            ask()
    assert engine.last_words("x") == ""
    engine.close()


class Full(BaseHTTPRequestHandler):
    """An engine that answers everything but its version with an error."""

    def do_GET(self):
        there = self.path.endswith("/version")
        body = json.dumps({"ApiVersion": "1.41"} if there else {"message": "no space left on device"}).encode()
        self.send_response(200 if there else 500)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        pass


@pytest.fixture
def full(monkeypatch):
    """Such an engine, as DOCKER_HOST names it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Full) as server:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("full")
def test_an_engine_that_answers_with_an_error_has_refused_and_says_why(tmp_path):
    engine = DockerEngine(DeploySettings(state_dir=tmp_path), connect())
    for ask in (engine.running, lambda: engine.find("x"), lambda: engine.kill("x"), lambda: engine.start(8000, 1)):
        with pytest.raises(RuntimeRefused, match="the Docker engine says: no space left on device"):
            ask()
    with pytest.raises(RuntimeRefused, match="no space left"):
        engine.prepare("", lambda _line: None)
    engine.close()


@pytest.mark.usefixtures("full")
def test_who_is_to_use_an_engine_that_answers_with_an_error_is_told_its_words(tmp_path):
    with pytest.raises(Unavailable, match="RUNTIME=docker: the Docker engine says: no space left on device"):
        choose_runtime(DeploySettings(runtime="docker", state_dir=tmp_path))
    assert image_outlook(DockerSettings()) is None


@pytest.fixture
def engine(docker_api, tmp_path):
    docker = DockerSettings(image=BASE, read_only=False)
    engine = DockerEngine(
        DeploySettings(ServiceSettings(name="engine-test"), state_dir=tmp_path, docker=docker), connect()
    )
    yield engine
    for listed in docker_api.containers(all=True, filters={"label": f"selfieless.state={tmp_path}"}):
        docker_api.remove_container(listed["Id"], force=True)
    engine.close()


@pytest.mark.docker
def test_the_end_of_a_container_is_heard_of_at_once(docker_api, engine):
    heard: list[float] = []
    until = threading.Event()
    engine.watch(lambda: heard.append(1), until)
    eventually(lambda: heard)
    heard.clear()
    engine.start(free_port(), generation=1)  # the base image has nothing to do, and ends
    eventually(lambda: heard)
    until.set()


@pytest.mark.docker
def test_what_is_left_of_the_dead_is_removed_when_nobody_needs_it_any_more(docker_api, engine):
    found = engine.start(free_port(), generation=1)
    eventually(lambda: not engine.find(found.runtime_id).alive)
    engine.housekeep()
    assert engine.find(found.runtime_id), "it ended just now: its last words may still be wanted"
    DockerEngine(engine._settings, engine._api, dead_seconds=0.0).housekeep()
    assert engine.find(found.runtime_id) is None


@pytest.mark.docker
def test_one_that_was_made_and_never_started_is_removed_too(docker_api, engine):
    runtime_id = engine._created(free_port(), 1, BASE)
    DockerEngine(engine._settings, engine._api, dead_seconds=0.0).housekeep()
    assert engine.find(runtime_id) is None


@pytest.mark.docker
def test_a_start_goes_on_from_one_that_was_interrupted(docker_api, engine):
    port = free_port()
    old = engine._created(port, 1, BASE)
    found = engine.start(port, generation=1)
    assert (found.runtime_id, found.image) == (old, BASE)


@pytest.mark.docker
def test_one_of_an_earlier_generation_that_never_started_makes_way(docker_api, engine):
    port = free_port()
    old = engine._created(port, 1, BASE)
    assert engine.start(port, generation=2).generation == 2
    assert engine.find(old) is None


@pytest.mark.docker
def test_containers_of_others_are_nobodys_whatever_their_name_and_id(docker_api, engine):
    stranger = docker_api.create_container(BASE, ["sleep", "60"], name=f"engine-test-{free_port()}")
    docker_api.start(stranger["Id"])
    try:
        assert engine.find(stranger["Id"]) is None
        engine.kill(stranger["Id"])
        engine.terminate(stranger["Id"])
        assert docker_api.inspect_container(stranger["Id"])["State"]["Running"]
        assert engine.running() == []
    finally:
        docker_api.remove_container(stranger["Id"], force=True)


@pytest.mark.docker
def test_a_name_that_a_stranger_has_is_told_as_the_reason(docker_api, engine):
    port = free_port()
    stranger = docker_api.create_container(BASE, ["sleep", "60"], name=f"engine-test-{port}")
    try:
        with pytest.raises(StartFailed, match=f"the name engine-test-{port} is taken by a container that is not ours"):
            engine.start(port, generation=1)
    finally:
        docker_api.remove_container(stranger["Id"], force=True)


@pytest.mark.docker
def test_the_published_port_is_used_where_it_is_asked_for(docker_api, engine):
    docker = DockerSettings(image=BASE, via="published")
    published = DockerEngine(DeploySettings(ServiceSettings(name="engine-test"), docker=docker), engine._api)
    labels = engine._labels(8123, 1, BASE)
    address = published._found_by(
        "id", labels, "running", {"Networks": {"bridge": {"IPAddress": "172.17.0.9"}}}
    ).address
    assert address == "127.0.0.1:8123"


@pytest.mark.docker
def test_a_port_that_another_container_publishes_is_busy_and_nobody_is_touched(docker_api, engine):
    port = free_port()
    published = docker_api.create_host_config(port_bindings={"80/tcp": ("127.0.0.1", port)})
    stranger = docker_api.create_container(BASE, ["sleep", "60"], ports=[80], host_config=published)
    docker_api.start(stranger["Id"])
    try:
        with pytest.raises(PortBusy, match=f"port {port} is taken by "):
            engine.start(port, generation=1)
        assert docker_api.inspect_container(stranger["Id"])["State"]["Running"]
        assert engine._living_on(port) is None
    finally:
        docker_api.remove_container(stranger["Id"], force=True)
    assert engine.start(port, generation=2).port == port


@pytest.mark.docker
def test_a_stop_by_hand_is_told_from_a_kill_and_from_a_restart(docker_api, engine):
    sleeper = docker_api.create_container(BASE, ["sleep", "60"], labels=engine._labels(8000, 1, BASE))["Id"]
    docker_api.start(sleeper)
    try:
        assert not engine.stopped_by_hand(sleeper)
        docker_api.restart(sleeper, timeout=0)
        assert not engine.stopped_by_hand(sleeper)
        docker_api.stop(sleeper, timeout=0)
        assert engine.stopped_by_hand(sleeper)
        docker_api.start(sleeper)
        docker_api.kill(sleeper)
        assert not engine.stopped_by_hand(sleeper)
    finally:
        docker_api.remove_container(sleeper, force=True)
