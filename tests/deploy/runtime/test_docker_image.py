"""How the acts image is made; and the image itself, built and run on a real engine."""

import http.client
import json
import os
import shutil
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from docker import APIClient
from docker_images import BASE, wheels
from helpers import ROOT, eventually, free_port
from real_redis import start_redis

from deploy.health import HealthProbe
from deploy.runtime import docker_image
from deploy.runtime.docker_engine import DockerEngine, connect
from deploy.runtime.docker_image import ImageMissing, context, fingerprint, follow, inputs
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
    follow([{"stream": text} for text in stream] + [{"aux": ""}], told.append)
    assert told == ["Step 1/2 : FROM x", "Step 2/2 : RUN yyyyyyyyyy …"]


def test_a_build_that_fails_tells_why_with_its_last_words():
    steps = [{"stream": "Step 1/1 : RUN pip\n"}, {"stream": "no such package\n"}, {"error": "code 1"}]
    with pytest.raises(ImageMissing, match=r"could not be built \(code 1\): Step 1/1 : RUN pip; no such package"):
        follow(steps, lambda line: None)


@pytest.mark.docker
def test_an_image_that_nobody_has_is_told_in_a_sentence(docker_api):
    with pytest.raises(ImageMissing, match=r"^the image nobody\.invalid/nothing:1 is not there and cannot be fetched"):
        docker_image.ensure(docker_api, DockerSettings(image="nobody.invalid/nothing:1"), lambda line: None)


@pytest.fixture(scope="module")
def settings(docker_api: APIClient):
    """How the image of this test is built; it is removed at the end."""
    name = f"acts:test-{os.getpid()}"
    yield DockerSettings(image=name, base_image=BASE, wheels=str(wheels(ROOT / "requirements" / "acts.txt")))
    for image in docker_api.images(name=name):
        docker_api.remove_image(image["Id"], force=True)


@pytest.fixture(scope="module")
def image(docker_api, settings):
    docker_image.build(docker_api, settings, lambda line: None)
    return settings


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
def test_a_newer_build_removes_the_one_before_and_says_what_it_does(docker_api, image, tmp_path):
    before = docker_api.inspect_image(image.image)["Id"]
    told: list[str] = []
    more = tmp_path / "wheels"
    shutil.copytree(image.wheels, more)
    shutil.copyfile(next(more.glob("click-*.whl")), more / "click-0.0.1-py3-none-any.whl")
    docker_image.build(docker_api, replace(image, image="acts:test-newer", wheels=str(more)), told.append)
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
