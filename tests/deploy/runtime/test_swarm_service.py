"""What a service is made of that stands for one container; nothing is asked of an engine."""

import pytest
from docker import APIClient

from deploy.runtime.docker_settings import DockerSettings
from deploy.runtime.swarm_service import resources, service
from deploy.settings import DeploySettings


def made(tmp_path, version: str = "1.41", **docker: object) -> dict:
    settings = DeploySettings(state_dir=tmp_path, docker=DockerSettings(image="nginx", **docker), stop_grace=2)
    api = APIClient("unix:///nowhere/docker.sock", version=version)
    named = {"labels": {"selfieless.port": "8003"}, "image": "nginx@sha256:0a", "network": "n3t", "gateway": ""}
    return service(api, settings, 8003, places=["node.id==me"], **named)


def test_a_container_is_confined_as_far_as_a_swarm_can_say_it(tmp_path):
    told = made(tmp_path)["task_template"]["ContainerSpec"]
    assert told["ReadOnly"] is True
    assert told["CapabilityDrop"] == ["ALL"]
    assert told["Init"] is True
    assert told["StopGracePeriod"] == 2 * 10**9
    assert "Privileges" not in told
    assert made(tmp_path, "1.44")["task_template"]["ContainerSpec"]["Privileges"] == {"NoNewPrivileges": True}


def test_swarm_starts_another_one_whatever_has_ended_it_and_puts_it_where_it_may_be(tmp_path):
    template = made(tmp_path)["task_template"]
    assert template["RestartPolicy"]["Condition"] == "any"
    assert template["Placement"]["Constraints"] == ["node.id==me"]
    assert [network["Target"] for network in template["Networks"]] == ["n3t"]


def test_names_lead_to_containers_themselves_and_a_port_is_published_only_when_asked_for(tmp_path):
    assert made(tmp_path)["endpoint_spec"] == {"Mode": "dnsrr"}
    (port,) = made(tmp_path, via="published")["endpoint_spec"]["Ports"]
    assert (port["PublishedPort"], port["TargetPort"], port["PublishMode"]) == (8003, 80, "host")


def test_a_node_must_have_a_share_of_the_limits_to_spare():
    told = resources(DockerSettings(memory="500m", cpus=2, pids=50, reservation=0.1))
    assert told["Limits"] == {"MemoryBytes": 500 * 2**20, "NanoCPUs": 2 * 10**9, "Pids": 50}
    assert told["Reservations"] == {"MemoryBytes": 50 * 2**20, "NanoCPUs": 2 * 10**8}


@pytest.mark.parametrize("cpus", [0, 0.0])
def test_no_limit_is_no_limit(cpus):
    assert "NanoCPUs" not in resources(DockerSettings(cpus=cpus))["Limits"]
