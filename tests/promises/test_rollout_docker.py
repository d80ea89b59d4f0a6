"""Promise: under a Docker engine, too, a new image comes, goes back, or turns out to be broken, and nobody notices."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import APIClient
from docker_images import build
from helpers import eventually
from running_service import SELFIELESS, RunningService, as_json, running_service
from trial import mixed

from monitor.prober import Ask, Prober, causes

pytestmark = pytest.mark.docker

BACKEND = Path(__file__).parent / "small_backend.py"
REPOSITORY = "selfieless-test-rollout"
SERVES = 'FROM {base}\nENV VERSION=%s\nCOPY small_backend.py /\nCMD ["python3", "/small_backend.py", "80"]\n'
EXITS = """FROM {base}\nCMD ["python3", "-c", "raise SystemExit('no module named x')"]\n"""
DOCKERFILES = {"1": SERVES % 1, "2": SERVES % 2, "broken": EXITS}


@pytest.fixture(scope="module")
def images(docker_api: APIClient) -> Iterator[dict[str, str]]:
    """Three versions of an image: two that serve, one that ends."""
    names = {version: f"{REPOSITORY}:{version}" for version in DOCKERFILES}
    for version, name in names.items():
        build(docker_api, name, DOCKERFILES[version], [BACKEND])
    yield names
    for name in names.values():
        docker_api.remove_image(docker_api.inspect_image(name)["Id"], force=True)


@pytest.fixture(scope="module")
def service(images: dict[str, str]) -> Iterator[RunningService]:
    """The whole service with containers of a Docker engine."""
    with running_service(RUNTIME="docker", SERVICE_IMAGE=images["1"], LB_WORKERS="2") as running:
        running.scale(2)
        yield running


def deploy(service: RunningService, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SELFIELESS, "deploy", *words],
        env=service.environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def versions(service: RunningService) -> dict[int, str]:
    rows = as_json(service.command("status", "--json"))["containers"]
    return {row["number"]: row["image"].partition("@")[0] for row in rows}


def test_a_new_image_and_back(service: RunningService, images: dict[str, str]) -> None:
    with Prober(service.lb_port, 100, mixed("docker")) as prober:
        done = deploy(service, images["2"])
        assert done.returncode == 0, done.stdout + done.stderr
        assert versions(service) == {1: images["2"], 2: images["2"]}
        back = deploy(service, "--rollback")
        assert back.returncode == 0, back.stdout + back.stderr
        assert versions(service) == {1: images["1"], 2: images["1"]}
    lost = [one for one in prober.sent if one.lost]
    print(f"  {len(prober.sent)} requests, {len(lost)} lost")
    assert not lost, causes(lost)


def test_a_broken_image_changes_nothing_and_says_why(service: RunningService, images: dict[str, str]) -> None:
    before = service.ring()
    with Prober(service.lb_port, 100, mixed("docker")) as prober:
        done = deploy(service, images["broken"])
    lost = [one for one in prober.sent if one.lost]
    assert done.returncode == 1
    assert "no module named x" in done.stderr
    assert service.ring() == before
    assert not lost, causes(lost)


def test_an_image_that_nobody_has_is_refused(service: RunningService) -> None:
    before = service.ring()
    done = deploy(service, "selfieless-test-rollout:never")
    assert done.returncode == 1
    assert "cannot be fetched" in done.stderr
    assert service.ring() == before


def test_what_somebody_stops_with_docker_stays_stopped_until_it_is_launched(
    service: RunningService, docker_api: APIClient
) -> None:
    port = str(service.first_port + 1)
    with service.redis() as client, Prober(service.lb_port, 100, lambda _: Ask("GET", "/api/thing")) as prober:
        docker_api.stop(client.hget(f"acts:container:{port}", "runtime_id"))
        eventually(lambda: not client.exists(f"acts:container:{port}"), 20)
        time.sleep(3)
        assert list(service.ring()) == [str(service.first_port)]
        assert "stays so" in service.command("status")
        service.command("launch", "--wait")
        assert sorted(service.ring()) == [str(service.first_port), port]
    lost = [one for one in prober.sent if one.lost]
    assert not lost, causes(lost)
