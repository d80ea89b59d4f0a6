"""`selfieless drill` on a service whose containers are an engine's: each fault passes, or says why it cannot be."""

import json
import subprocess
from collections.abc import Iterator

import pytest
from docker import APIClient
from helpers import eventually
from running_service import SELFIELESS, RunningService, running_service

from deploy.runtime.docker_settings import DockerSettings

pytestmark = pytest.mark.docker

RELAUNCHING = ("crash", "kill", "hang")


@pytest.fixture(scope="module")
def site(acts_image: DockerSettings) -> Iterator[RunningService]:
    """The acts application, two containers of the engine."""
    built = {"SERVICE_IMAGE": acts_image.image, "BASE_IMAGE": acts_image.base_image, "WHEELS": acts_image.wheels}
    with running_service(RUNTIME="docker", LB_WORKERS="2", **built) as service:
        service.scale(2)
        yield service


def drilled(site: RunningService, *words: str) -> subprocess.CompletedProcess[str]:
    """A drill; --yes, because containers of an engine have addresses beyond loopback."""
    command = [SELFIELESS, "drill", *words, "--yes", "--json", "--seconds", "2"]
    return subprocess.run(command, env=site.environment, capture_output=True, text=True, check=False, timeout=90)


@pytest.mark.parametrize("fault", [*RELAUNCHING, "redis", "store"])
def test_each_fault_passes_with_containers_of_an_engine(site: RunningService, fault: str) -> None:
    eventually(lambda: len(site.ring()) == 2, 30)
    done = drilled(site, fault)
    print(f"  {done.stdout.strip()}")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["fault"], report["passed"], report["lost"]) == (fault, True, 0)
    assert (report["left"] is not None) == (fault in RELAUNCHING)


def test_a_pause_is_no_slowness_there_and_that_is_said(site: RunningService) -> None:
    done = drilled(site, "slow")
    assert (done.returncode, done.stdout) == (1, "")
    assert "slow needs RUNTIME=process" in done.stderr


def test_without_yes_the_addresses_beyond_loopback_are_named(site: RunningService) -> None:
    done = subprocess.run(
        [SELFIELESS, "drill", "kill"], env=site.environment, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 1
    assert "the container at " in done.stderr
    assert "--yes" in done.stderr


def test_nothing_stands_still_afterwards(site: RunningService, docker_api: APIClient) -> None:
    assert docker_api.containers(filters={"status": "paused"}) == []
    eventually(lambda: len(site.ring()) == 2, 30)
