"""How the acts image is made; and the image itself, built and run on a real engine."""

import http.client
import itertools
import json
import os
import shutil
import socket
import tarfile
import tempfile
import threading
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from docker import APIClient
from docker_images import BASE
from helpers import ROOT, eventually, free_port
from real_redis import start_redis

from deploy.health import HealthProbe
from deploy.runtime import docker_image
from deploy.runtime.docker_engine import DockerEngine, connect
from deploy.runtime.docker_image import ImageMissing, base_of, context, fingerprint, follow, inputs
from deploy.runtime.docker_settings import DockerSettings
from deploy.settings import DeploySettings
from lb.settings import ServiceSettings


def test_the_context_is_the_application_and_nothing_else():
    names = set(inputs(DockerSettings()))
    assert {"deploy/acts.Dockerfile", "requirements/acts.txt", "acts_app/factory.py"} <= names
    assert {name.partition("/")[0] for name in names} == {"deploy", "requirements", "acts_app"}
    assert not [name for name in names if name.endswith(".pyc")]


def test_wheels_come_with_it_where_there_are_some(tmp_path):
    (tmp_path / "flask-3.whl").touch()
    (tmp_path / "notes.txt").touch()
    assert [n for n in inputs(DockerSettings(wheels=str(tmp_path))) if n.startswith("wheels")] == ["wheels/flask-3.whl"]


def test_the_fingerprint_changes_with_names_contents_and_base(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    other.write_text("2")
    prints = [
        fingerprint({"a": one}, ""),
        fingerprint({"b": one}, ""),
        fingerprint({"a": other}, ""),
        fingerprint({"a": one, "b": other}, ""),
        fingerprint({"a": one}, "debian"),
    ]
    assert len(set(prints)) == len(prints)
    assert fingerprint({"b": other, "a": one}, "") == fingerprint({"a": one, "b": other}, "")


def test_the_context_is_readable_by_every_account_whatever_the_checkouts_modes(tmp_path):
    path = tmp_path / "secretive.py"
    path.write_text("print()")
    path.chmod(0o600)
    with tarfile.open(fileobj=context({"app/secretive.py": path})) as tar:
        (entry,) = tar.getmembers()
        assert (entry.name, entry.mode, entry.uid) == ("app/secretive.py", 0o644, 0)
        assert tar.extractfile(entry).read() == b"print()"


def test_the_steps_of_a_build_are_told_each_in_a_short_line():
    told: list[str] = []
    stream = ["Step 1/2 : FROM x\n", " ---> 123\n", f"Step 2/2 : RUN {'y' * 10} {'z' * 200}\n", "\n"]
    follow([{"stream": text} for text in stream] + [{"aux": ""}], told.append, "it failed")
    assert told == ["Step 1/2 : FROM x", "Step 2/2 : RUN yyyyyyyyyy …"]


def test_a_build_that_fails_tells_why_with_its_last_words():
    steps = [{"stream": "Step 1/1 : RUN pip\n"}, {"stream": "no such package\n"}, {"error": "code 1"}]
    with pytest.raises(ImageMissing, match=r"^it failed \(Step 1/1 : RUN pip; no such package; code 1\)$"):
        follow(steps, lambda line: None, "it failed")


def test_a_build_that_goes_on_and_on_is_given_up():
    clock = itertools.count(step=100)
    steps = ({"stream": "still at it\n"} for _ in itertools.count())
    with pytest.raises(ImageMissing, match=r"^it failed within 600 s$"):
        follow(steps, lambda line: None, "it failed", clock=lambda: next(clock))


def test_the_base_image_is_read_from_the_dockerfile():
    assert base_of("# prose\n\nARG BASE=python:3.12\nFROM ${BASE}\n") == "python:3.12"
    assert base_of((ROOT / docker_image.DOCKERFILE).read_text())


@pytest.fixture
def silent_engine():
    """Says once that it has begun, and no more: as an engine does that waits for a registry beyond a dead network."""
    begun = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 28\r\n\r\n" + b'{"message": "No such image"}'
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted: list[socket.socket] = []

        def serve() -> None:
            for answer in (missing, begun):
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                accepted.append(connection)
                connection.recv(65536)
                connection.sendall(answer)
                if answer is missing:
                    connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with closing(APIClient(f"tcp://127.0.0.1:{server.getsockname()[1]}", version="1.41", timeout=5)) as api:
            yield api
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in accepted:
            connection.close()


def test_an_engine_that_says_nothing_is_not_waited_for(silent_engine):
    told: list[str] = []
    with pytest.raises(ImageMissing, match=r"^the image x:1 is not there .* \(nothing was heard for 1 s\)$"):
        docker_image.fetch(silent_engine, "x:1", told.append, silence=1)
    assert told == ["Fetching the image x:1, giving up after 1 s without an answer …"]


@pytest.mark.docker
def test_an_image_that_nobody_has_is_told_in_a_sentence(docker_api):
    with pytest.raises(ImageMissing, match=r"^the image nobody\.invalid/nothing:1 is not there and cannot be fetched"):
        docker_image.ensure(docker_api, DockerSettings(image="nobody.invalid/nothing:1"), lambda line: None)


@pytest.fixture
def image(acts_image: DockerSettings) -> DockerSettings:
    """How the image was built."""
    return acts_image


@pytest.fixture(scope="module")
def store():
    folder = Path(tempfile.mkdtemp(prefix="slf-"))
    server = start_redis(folder, "--unixsocketperm", "777")
    yield server
    server.process.kill()
    server.process.wait(5)
    shutil.rmtree(folder)


@pytest.fixture
def container(docker_api, image, store, tmp_path, monkeypatch):
    """An acts container on a store of its own: what the runtime found, and what the engine says."""
    monkeypatch.setenv("ACTS_REDIS_URL", store.url)
    monkeypatch.setenv("ACTS_AUTH", "off")
    service = ServiceSettings(name=f"acts-{os.getpid()}", first_port=free_port())
    engine = DockerEngine(DeploySettings(service, state_dir=tmp_path, docker=image), connect())
    found = engine.start(service.first_port, generation=1)
    probe = HealthProbe(service.health_path)
    eventually(lambda: probe(found.address), within=30)
    yield found, docker_api.inspect_container(found.runtime_id)
    engine.kill(found.runtime_id)
    engine.close()


@pytest.mark.docker
def test_an_image_that_is_there_is_not_built_again_until_its_inputs_change(docker_api, image):
    told: list[str] = []
    docker_image.build(docker_api, image, told.append)
    assert told == []
    assert docker_image.built_from(docker_api, image.image) == fingerprint(inputs(image), BASE)
    assert fingerprint(inputs(image), BASE) != fingerprint(inputs(replace(image, wheels="")), BASE)


@pytest.mark.docker
def test_a_newer_build_removes_the_one_before_and_says_what_it_does(docker_api, image):
    before = docker_api.inspect_image(image.image)["Id"]
    told: list[str] = []
    docker_api.tag(BASE, "selfieless-test-base", "again")  # the same, so that the build is short, by another name
    newer_settings = replace(image, image="acts:test-newer", base_image="selfieless-test-base:again")
    docker_image.build(docker_api, newer_settings, told.append)
    docker_api.remove_image("selfieless-test-base:again")
    assert told[0] == "Building the image acts:test-newer …"
    assert told[1].startswith("Step 1/")
    newer = docker_api.inspect_image("acts:test-newer")["Id"]
    assert newer != before
    docker_api.tag(before, "acts", "test-newer")  # now nothing has the newer one's name any more
    docker_image.remove_former(docker_api)
    assert newer not in [found["Id"] for found in docker_api.images()]
    docker_api.remove_image("acts:test-newer")


@pytest.mark.docker
def test_the_container_serves_the_protocol_from_its_store(container):
    found, _ = container
    host, _, port = found.address.partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    connection.request("POST", "/api/v1/categories", json.dumps(["trees"]), {"Content-Type": "application/json"})
    assert connection.getresponse().status == 201
    connection.close()
    published = http.client.HTTPConnection("127.0.0.1", found.port, timeout=5)
    published.request("GET", "/api/v1/categories")
    assert json.loads(published.getresponse().read()) == {"trees": 0}
    published.close()


@pytest.mark.docker
def test_the_container_runs_without_any_powers_on_a_root_that_it_cannot_write(container):
    _, told = container
    pid = told["State"]["Pid"]
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    powers = {name: int(status[name].strip(), 16) for name in ("CapEff", "CapPrm", "CapBnd")}
    assert powers == {"CapEff": 0, "CapPrm": 0, "CapBnd": 0}
    assert status["NoNewPrivs"] == "1"
    assert set(status["Uid"].split()) == {str(os.geteuid() or 10001)}
    assert told["HostConfig"]["ReadonlyRootfs"]
    bindings = told["NetworkSettings"]["Ports"]["80/tcp"]
    assert {binding["HostIp"] for binding in bindings} == {"127.0.0.1"}


@pytest.mark.docker
def test_the_image_has_no_tools_to_build_or_install_with(docker_api, image):
    script = "command -v gcc cc make; python3 -c 'import pip' 2>&1; find /venv /srv /build -name '*.whl' 2>&1"
    made = docker_api.create_container(image.image, ["sh", "-c", script])
    docker_api.start(made["Id"])
    docker_api.wait(made["Id"])
    told = docker_api.logs(made["Id"]).decode()
    docker_api.remove_container(made["Id"])
    assert "No module named 'pip'" in told
    assert "gcc" not in told
    assert ".whl" not in told
