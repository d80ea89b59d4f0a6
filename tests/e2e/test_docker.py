"""A session on a real Docker engine: the same service, its containers started, hurt and stopped as people do it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from docker import APIClient
from docker_images import BASE
from helpers import eventually
from people import Person
from running_service import RunningService, running_service
from tls_redis import SAID, make_certificates, tls_redis

from deploy.runtime.docker_configuration import ACTS_GID
from deploy.runtime.docker_settings import DockerSettings

pytestmark = pytest.mark.docker

COUNTED = "/api/v1/acts/count"


def variables(image: DockerSettings) -> dict[str, str]:
    """What a service on the engine is started with, auto: the engine is there, and the image, so it is taken."""
    built = {"SERVICE_IMAGE": image.image, "BASE_IMAGE": image.base_image, "WHEELS": image.wheels}
    return built | {"RUNTIME": "auto", "LB_WORKERS": "2", "WINDOW_SECONDS": "6", "STABILIZATION_SECONDS": "4"}


@pytest.fixture(scope="module")
def service(acts_image: DockerSettings) -> Iterator[RunningService]:
    """`deploy/up` on the engine."""
    with running_service(**variables(acts_image)) as running:
        assert running.variable("RUNTIME") == "docker"
        yield running


@pytest.fixture
def two(service: RunningService) -> RunningService:
    """With two containers, both in the ring."""
    service.scale(2)
    return service


def containers(api: APIClient, state_dir: Path) -> list[dict[str, Any]]:
    """What the engine has of a service, dead or alive, by port."""
    found = api.containers(all=True, filters={"label": f"selfieless.state={state_dir}"})
    return sorted(found, key=lambda one: int(one["Labels"]["selfieless.port"]))


def on_port(api: APIClient, service: RunningService, port: int) -> str:
    """The id of the container on a port, empty while there is none that runs."""
    all_of_it = containers(api, service.state_dir)
    ids = [
        one["Id"] for one in all_of_it if one["Labels"]["selfieless.port"] == str(port) and one["State"] == "running"
    ]
    return ids[0] if ids else ""


def is_replaced(api: APIClient, service: RunningService, port: int, old: str) -> bool:
    """Whether another container serves on the port, through the ring and by its published port."""
    assert on_port(api, service, port) not in ("", old)
    assert str(port) in service.ring()
    try:
        return requests.get(f"http://127.0.0.1:{port}/api/v1/_health", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def test_an_act_with_a_photo_is_shared_and_listed(service: RunningService) -> None:
    ann = Person(service, "ann-on-docker")
    assert ann.ask("POST", "/api/v1/categories", json=["trees"]).status_code == 201
    number = ann.upload("trees")
    (act,) = service.get("/api/v1/categories/trees/acts").json()
    assert act["actId"] == number


def test_a_store_that_speaks_tls_is_reached_with_the_files_of_this_machine(
    acts_image: DockerSettings, docker_api: APIClient, tmp_path: Path
) -> None:
    certificates = make_certificates(tmp_path)
    key, gateway = certificates.file("client.key"), docker_api.inspect_network("bridge")["IPAM"]["Config"][0]["Gateway"]
    with tls_redis(certificates, "--bind", "127.0.0.1", gateway) as port:
        url = f"rediss://:{SAID}@{gateway}:{port}/0?{certificates.options}&ssl_check_hostname=false"
        if os.geteuid() == 0:
            key.chmod(0o640)
            os.chown(key, -1, ACTS_GID)
        with running_service(**variables(acts_image) | {"RUNTIME": "docker", "ACTS_REDIS_URL": url}) as service:
            ann = Person(service, "ann-over-tls")
            assert ann.ask("POST", "/api/v1/categories", json=["trees"]).status_code == 201


def test_twenty_requests_bring_a_second_container(service: RunningService, docker_api: APIClient) -> None:
    service.begin_with_none_counted()
    for _ in range(20):
        assert service.get(COUNTED).status_code == 200
    eventually(lambda: len(service.ring()) == 2, within=30)
    assert len(containers(docker_api, service.state_dir)) == 2


def crash(_api: APIClient, _runtime_id: str, port: int) -> None:
    assert requests.post(f"http://127.0.0.1:{port}/api/v1/_crash", timeout=5).status_code == 200


def pause(api: APIClient, runtime_id: str, _port: int) -> None:
    api.pause(runtime_id)


def kill(api: APIClient, runtime_id: str, _port: int) -> None:
    api.kill(runtime_id)


def remove(api: APIClient, runtime_id: str, _port: int) -> None:
    api.remove_container(runtime_id, force=True)


def end_from_within(api: APIClient, runtime_id: str, _port: int) -> None:
    psutil.Process(api.inspect_container(runtime_id)["State"]["Pid"]).kill()


def restart(api: APIClient, runtime_id: str, _port: int) -> None:
    api.restart(runtime_id, timeout=10)


@pytest.mark.parametrize("hurt", [crash, pause, kill, remove, end_from_within])
def test_whatever_befalls_a_container_another_serves_on_its_port(
    two: RunningService, docker_api: APIClient, hurt: Callable[[APIClient, str, int], None]
) -> None:
    port = two.first_port + 1
    before = on_port(docker_api, two, port)
    hurt(docker_api, before, port)
    eventually(lambda: is_replaced(docker_api, two, port, before), within=40)
    assert len(containers(docker_api, two.state_dir)) == 2


def test_one_that_is_restarted_by_hand_serves_again(two: RunningService, docker_api: APIClient) -> None:
    port = two.first_port + 1
    restart(docker_api, on_port(docker_api, two, port), port)
    eventually(lambda: is_replaced(docker_api, two, port, ""), within=40)


def test_one_that_a_person_stopped_stays_stopped_until_it_is_launched(
    two: RunningService, docker_api: APIClient
) -> None:
    port = two.first_port + 1
    docker_api.stop(on_port(docker_api, two, port))
    eventually(lambda: len(containers(docker_api, two.state_dir)) == 1, within=30)
    time.sleep(3)  # three rounds of everybody who might start it again
    assert list(two.ring()) == [str(two.first_port)]
    two.command("launch", str(port))
    eventually(lambda: is_replaced(docker_api, two, port, ""), within=40)


def test_nothing_listens_beyond_this_machine_but_the_public_port(two: RunningService, docker_api: APIClient) -> None:
    pids = {process.pid for process in two.processes()}
    beyond = [
        connection.laddr.port
        for connection in psutil.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and not connection.laddr.ip.startswith(("127.", "::1"))
        if connection.pid in pids or is_docker_proxy(connection.pid)
    ]
    assert set(beyond) == {two.lb_port}
    published = [binding["IP"] for one in containers(docker_api, two.state_dir) for binding in one["Ports"]]
    assert set(published) == {"127.0.0.1"}


def is_docker_proxy(pid: int | None) -> bool:
    """Whether a process is the engine's, which listens on published ports."""
    try:
        return pid is not None and psutil.Process(pid).name() == "docker-proxy"
    except psutil.NoSuchProcess:
        return False


def test_a_container_of_others_is_never_touched_and_a_name_that_they_have_is_told(
    service: RunningService, docker_api: APIClient
) -> None:
    service.scale(1)
    port = service.first_port + 1
    eventually(lambda: len(containers(docker_api, service.state_dir)) == 1, within=30)
    labels = {"selfieless.service": "acts", "selfieless.port": str(port), "selfieless.state": "/somewhere/else"}
    stranger = docker_api.create_container(BASE, ["sleep", "600"], name=f"acts-{port}", labels=labels)["Id"]
    docker_api.start(stranger)
    try:
        service.command("scale", "2")
        told = f"the name acts-{port} is taken by a container that is not ours"
        eventually(lambda: told in service.command("events"), within=20)
        assert docker_api.inspect_container(stranger)["State"]["Running"]
    finally:
        docker_api.remove_container(stranger, force=True)
    eventually(lambda: is_replaced(docker_api, service, port, ""), within=60)


def test_events_tell_what_happened(service: RunningService) -> None:
    said = service.command("events", "--last", "500")
    for word in ("launched", "healthy", "sick", "it is paused", "answered 500", "stopped"):
        assert word in said, said


def test_ctrl_c_leaves_no_container(two: RunningService, docker_api: APIClient) -> None:
    os.kill(two.process.pid, signal.SIGINT)
    two.process.communicate(timeout=20)
    assert two.process.returncode == 0
    assert containers(docker_api, two.state_dir) == []


def test_kept_containers_outlive_the_service_and_the_next_one_takes_them_over(
    acts_image: DockerSettings, docker_api: APIClient, tmp_path: Path
) -> None:
    keep = variables(acts_image) | {"KEEP": "1", "ACTS_AUTH": "off"}
    with running_service(tmp_path, **keep) as service:
        service.scale(2)
        assert service.request("POST", "/api/v1/categories", json=["kept"]).status_code == 201
    kept = containers(docker_api, tmp_path)
    assert [one["State"] for one in kept] == ["running", "running"]
    ports = {"FIRST_PORT": service.environment["FIRST_PORT"], "LB_PORT": service.environment["LB_PORT"]}
    try:
        with running_service(tmp_path, **keep, **ports) as again:
            eventually(lambda: len(again.ring()) == 2, within=30)
            assert again.get("/api/v1/categories").json() == {"kept": 0}
            said = again.command("events")
            assert said.count("adopted") == 2, said
            assert "sick" not in said, said
            assert [one["Id"] for one in containers(docker_api, tmp_path)] == [one["Id"] for one in kept]
    finally:
        for one in containers(docker_api, tmp_path):
            docker_api.remove_container(one["Id"], force=True, v=True)
