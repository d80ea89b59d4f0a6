"""Services of a swarm of one node: what the contract of all runtimes does not say."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from docker.errors import APIError, NotFound
from docker.types import ContainerSpec, TaskTemplate
from docker_images import build
from helpers import eventually, free_port
from own_swarm import Swarm, own_swarm

from deploy.runtime.base import StartFailed
from deploy.runtime.choose import Unavailable, choose_runtime
from deploy.runtime.docker_settings import DockerSettings
from deploy.runtime.swarm_engine import SwarmEngine
from deploy.settings import DeploySettings

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]

ACTS = "acts:swarm"
SLEEP = 'FROM {base}\nCMD ["sleep", "600"]\n'


@pytest.fixture(scope="module")
def swarm() -> Iterator[Swarm]:
    with own_swarm() as made:
        build(made.api, ACTS, SLEEP, [])
        yield made


@pytest.fixture
def runtime(swarm: Swarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SwarmEngine]:
    """A runtime whose containers do nothing, under the name of our application."""
    monkeypatch.setenv("ACTS_REDIS_URL", "redis://store:6379/0")
    made = SwarmEngine(settings(tmp_path), swarm.node.api())
    yield made
    swarm.remove_services(f"selfieless.state={tmp_path}")
    made.close()


def settings(folder: Path) -> DeploySettings:
    docker = DockerSettings(image=ACTS, swarm_network=f"net-{os.getpid()}")
    return DeploySettings(state_dir=folder, docker=docker, stop_grace=1, runtime="swarm")


def test_a_container_has_an_address_on_the_overlay_and_its_service_is_named_for_people(runtime, swarm):
    port = free_port()
    found = runtime.start(port, generation=1)
    assert found.address.endswith(":80")
    assert found.address != ":80"
    assert [one["Spec"]["Name"] for one in swarm.api.services()] == [f"acts-{port}"]


def test_a_secret_of_the_swarm_is_attached_and_not_told(runtime, swarm, monkeypatch):
    swarm.api.create_secret("session_secret", b"swordfish")
    monkeypatch.setenv("SESSION_SECRET_FILE", "/run/secrets/session_secret")
    found = runtime.start(free_port(), generation=1)
    container = swarm.api.inspect_container(swarm.container_of(found.runtime_id))
    assert "SESSION_SECRET_FILE=/run/secrets/session_secret" in container["Config"]["Env"]
    assert not any("swordfish" in told or told.startswith("SESSION_SECRET=") for told in container["Config"]["Env"])
    made = swarm.api.exec_create(container["Id"], ["cat", "/run/secrets/session_secret"], user="10001")
    assert swarm.api.exec_start(made["Id"]) == b"swordfish"


def test_a_certificate_that_is_a_secret_of_the_swarm_lies_where_the_stores_url_says(runtime, swarm, monkeypatch):
    swarm.api.create_secret("acts_ca", b"a CA")
    monkeypatch.setenv("ACTS_REDIS_URL", "rediss://store:6379/0?ssl_ca_certs=/run/secrets/acts_ca")
    found = runtime.start(free_port(), generation=1)
    container = swarm.api.inspect_container(swarm.container_of(found.runtime_id))
    assert f"ACTS_REDIS_URL={os.environ['ACTS_REDIS_URL']}" in container["Config"]["Env"]
    made = swarm.api.exec_create(container["Id"], ["cat", "/run/secrets/acts_ca"], user="10001")
    assert swarm.api.exec_start(made["Id"]) == b"a CA"


def test_a_secret_that_the_swarm_does_not_have_is_named(runtime, monkeypatch):
    monkeypatch.setenv("CRASH_TOKEN_FILE", "/run/secrets/no_such_secret")
    with pytest.raises(StartFailed, match="no secret no_such_secret"):
        runtime.start(free_port(), generation=1)


def test_what_swarm_starts_again_is_another_container_that_the_next_start_takes_over(runtime, swarm):
    port = free_port()
    first = runtime.start(port, generation=1)
    swarm.api.kill(swarm.container_of(first.runtime_id))
    eventually(lambda: [one.runtime_id for one in runtime.running()] not in ([], [first.runtime_id]), within=40)
    (second,) = runtime.running()
    assert second.port == port
    runtime.kill(first.runtime_id)  # is not its successor's end
    assert runtime.start(port, generation=2).runtime_id == second.runtime_id
    assert runtime.find(second.runtime_id).generation == 2


def test_one_that_is_scaled_to_nothing_was_stopped_by_hand(runtime, swarm):
    found = runtime.start(free_port(), generation=1)
    assert not runtime.stopped_by_hand(found.runtime_id)
    swarm.node.docker("service", "scale", "--detach", f"acts-{found.port}=0")
    eventually(lambda: runtime.stopped_by_hand(found.runtime_id), within=20)
    eventually(lambda: runtime.running() == [], within=20)


def test_of_two_who_start_the_first_containers_one_makes_the_network(runtime, swarm, tmp_path):
    others = [SwarmEngine(settings(tmp_path), swarm.node.api()) for _ in range(3)]
    swarm.remove_services(f"selfieless.state={tmp_path}")
    network = f"net-{os.getpid()}"
    eventually(lambda: is_removed(swarm, network), within=20)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda one: one.start(free_port(), generation=1), [runtime, *others]))
    assert all(one.alive for one in found)
    assert len([one for one in swarm.api.networks(names=[network]) if one["Name"] == network]) == 1
    for one in others:
        one.close()


class Late:
    """A swarm in which somebody has just made our network, which is listed a moment later, or never."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def create_network(self, *_args, **_options):
        raise APIError("conflict", explanation="network with that name already exists")

    def networks(self, names, **_options):
        self.looks -= 1
        return [{"Name": names[0], "Id": "made"}] if self.looks < 0 else []


def test_a_network_that_somebody_has_just_made_is_waited_for_a_moment(tmp_path):
    assert SwarmEngine(settings(tmp_path), Late(looks=3))._network_id() == "made"
    with pytest.raises(APIError, match="conflict"):
        SwarmEngine(settings(tmp_path), Late(looks=1000))._network_id()


def is_removed(swarm: Swarm, network: str) -> bool:
    with suppress(NotFound, APIError):
        swarm.api.remove_network(network)
    return not swarm.api.networks(names=[network])


def test_a_name_that_a_stranger_has_is_told_as_the_reason(runtime, swarm):
    port = free_port()
    stranger = swarm.api.create_service(TaskTemplate(ContainerSpec(ACTS)), name=f"acts-{port}")
    try:
        with pytest.raises(StartFailed, match=f"the name acts-{port} is taken by a service that is not ours"):
            runtime.start(port, generation=1)
    finally:
        swarm.api.remove_service(stranger["ID"])


def test_a_service_that_was_scaled_to_nothing_goes_when_it_was_long_ago(runtime, swarm):
    found = runtime.start(free_port(), generation=1)
    swarm.node.docker("service", "scale", "--detach", f"acts-{found.port}=0")
    runtime.housekeep()
    assert len(swarm.api.services()) == 1
    SwarmEngine(runtime._settings, runtime._api, dead_seconds=-5).housekeep()
    assert swarm.api.services() == []


def test_an_engine_outside_of_a_swarm_is_refused_in_a_sentence(tmp_path, monkeypatch, docker_api):
    if docker_api.info()["Swarm"]["LocalNodeState"] == "inactive":
        with pytest.raises(Unavailable, match="belongs to no swarm"):
            choose_runtime(settings(tmp_path))


def test_one_that_is_asked_for_on_a_node_starts_there_and_is_not_bound_to_it(runtime, swarm):
    (node,) = runtime.nodes()
    found = runtime.start(free_port(), generation=1, node=node)
    assert found.node == node
    (its_service,) = swarm.api.services()
    assert not its_service["Spec"]["TaskTemplate"]["Placement"].get("Constraints")
    tasks = swarm.api.tasks(filters={"service": its_service["ID"]})
    assert [task["ID"] for task in tasks] == [found.runtime_id]  # nor was it started a second time for that
    eventually(lambda: [one.runtime_id for one in runtime.running()] == [found.runtime_id])


def test_a_node_that_is_not_there_is_named(runtime):
    with pytest.raises(StartFailed, match="the swarm has no node atlantis"):
        runtime.start(free_port(), generation=1, node="atlantis")


def test_a_node_that_is_paused_takes_none(runtime, swarm):
    (node,) = runtime.nodes()
    swarm.node.docker("node", "update", "--availability", "pause", node)
    try:
        eventually(lambda: runtime.nodes() == [])
    finally:
        swarm.node.docker("node", "update", "--availability", "active", node)
